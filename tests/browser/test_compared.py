"""A comparison in a real JupyterLab: the kernel's table, of which each cell opens its bytes."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.rigs.lab import LabPage
from tests.rigs.views import LOAD, TOOL, View, notebook

pytestmark = pytest.mark.browser


def test_the_table_stays_and_each_cell_opens_its_bytes(page: LabPage) -> None:
    page.open_notebook(notebook(LOAD, TOOL, "c = %mcp compare add(2, b=3) --over pipe,http\nc"))
    page.run_all()
    cell = page.cell(2)
    table = cell.get_by_test_id("mcp-compare").or_(cell.locator(".mf-told")).locator("table")
    expect(table).to_have_count(1)
    counted = page.value("[str(column.call.framing) for column in c.columns]")
    row = table.locator("tr").filter(has_text="framing bytes").first
    expect(row.get_by_role("button")).to_have_text(counted)
    # nothing of the flow before something is opened
    expect(cell.locator(".mf-toolbar")).to_be_hidden()

    row.get_by_role("button").nth(1).click()

    view = View(cell)
    expect(view.hook("layer-bytes")).to_have_attribute("aria-selected", "true")
    seq = page.value("c['http'].seq")
    selected = view.root.locator('.mf-row[aria-selected="true"]')
    expect(selected).to_have_attribute("data-seq", str(seq))
    expect(view.root.locator(".mf-lane-connection")).to_have_count(1)
    assert page.errors == []


def test_what_could_not_be_measured_says_why_below_the_table(page: LabPage) -> None:
    held = (
        "%%mcp tool\ndef locked() -> bool:\n"
        '    "Say whether it is locked."\n    return lock.locked()\n'
    )
    compare = "%mcp compare locked() --over stdio,pipe"
    page.open_notebook(notebook(LOAD, "import threading\nlock = threading.Lock()", held, compare))
    page.run_all()

    told = page.cell(3).locator(".mf-told")
    expect(told.locator("thead").get_by_role("button")).to_have_text(["pipe"])
    expect(told).to_contain_text("stdio: ")
    expect(told).to_contain_text("cannot pickle")
    told.locator("thead").get_by_role("button").click()
    expect(View(page.cell(3)).hook("detail")).to_be_visible()
    assert page.errors == []
