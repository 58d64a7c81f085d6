"""The chooser and the judged tables in a real page: ticked, opened, kept in the saved notebook."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from mcp_notebook.bench.readings import FILE
from tests.browser.test_forms import dark, notebook
from tests.compare.measured import whole
from tests.rigs.lab import LabPage

pytestmark = pytest.mark.browser

TABLE = f"""\
from pathlib import Path
from mcp_notebook.bench.readings import Results
from mcp_notebook.bench.articles.tables import judged
judged(Results.read(Path("{FILE}")), only=("000",))
"""


def test_a_tick_changes_the_advice_and_the_file_keeps_the_flow(
    page: LabPage, tmp_path: Path
) -> None:
    chooser = "from mcp_notebook.bench.articles.chooser import chooser\nchooser()"
    page.open_notebook(notebook(chooser), "chooser.ipynb")
    page.run_all()
    cell = page.cell(1)
    expect(cell).to_contain_text("stdio: pipes of a child process")

    cell.get_by_label("Must clients on other machines reach it?").check()

    expect(cell).to_contain_text("http-2026: Streamable HTTP")
    expect(cell).to_contain_text("TLS")
    page.screenshot(tmp_path / "chooser.png")
    kept = page.outputs()[1][0]["data"]["text/html"]
    assert "<details" in kept
    assert "one client that starts the server on its own machine" in kept
    with dark(page):
        page.screenshot(tmp_path / "chooser-dark.png")
    assert page.errors == []


def test_the_evidence_of_a_cell_opens(page: LabPage, tmp_path: Path) -> None:
    results = whole()
    results.path = page.lab.root / FILE
    results.write()
    page.open_notebook(notebook(TABLE), "tables.ipynb")
    page.run_all()
    cell = page.cell(1)
    shown = cell.get_by_text("P12 saw something", exact=False).first
    expect(shown).to_be_hidden()

    cell.locator("tr", has_text="Latency").locator("summary").first.click()

    expect(shown).to_be_visible()
    page.screenshot(tmp_path / "table.png")
    with dark(page):
        page.screenshot(tmp_path / "table-dark.png")
    assert page.errors == []
