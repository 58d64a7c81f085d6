"""What the reader of a saved notebook sees: a picture, no error message, nothing secret."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter, MarkdownExporter
from playwright.sync_api import expect

from tests.rigs.lab import LabPage, LabRig
from tests.rigs.views import LOAD, TOOL, View, notebook

pytestmark = pytest.mark.browser

SECRET = "swordfish-4711"
CELLS = (
    LOAD,
    TOOL,
    "word = 'sword' + 'fish-' + '4711'\nep = %mcp serve --token $word",
    "%mcp connect --token $word",
    "%mcp flow",
    "%mcp call add(40)",
    "%mcp flow --side",
)
ERROR = "model not found"


def run_and_save(page: LabPage, name: str) -> Path:
    """Run all in JupyterLab with its default settings, save, end the kernel."""
    page.open_notebook(notebook(*CELLS), name)
    page.run_all()
    View(page.cell(4)).shows(1, kind="request", method="tools/call")
    page.page.wait_for_timeout(1500)  # the page keeps its snapshot a second after the last batch
    page.command("docmanager:save")
    page.shut_down_kernel()
    return page.lab.root / name


def test_reopened_and_trusted_the_picture_is_seen(page: LabPage) -> None:
    run_and_save(page, "trusted.ipynb")

    page.open_file("trusted.ipynb")

    shows_the_picture(page, 4)
    expect(page.cell(5).locator("summary")).to_contain_text("tools/call add")


def test_opened_from_elsewhere_and_untrusted_the_picture_is_seen(page: LabPage) -> None:
    saved = run_and_save(page, "mine.ipynb")
    copy = json.loads(saved.read_text())
    for cell in copy["cells"]:
        cell["metadata"].pop("trusted", None)
        # what Lab signs is the content: one more character, and it is somebody else's notebook
        cell["source"] = [*cell["source"], "\n# from elsewhere"]
    (page.lab.root / "theirs.ipynb").write_text(json.dumps(copy))

    page.open_file("theirs.ipynb")

    shows_the_picture(page, 4)
    assert "mcp-flow-view" not in page.cell(4).inner_html()  # the sanitiser was at work


def shows_the_picture(page: LabPage, cell: int) -> None:
    picture = page.cell(cell).locator("img.mcp-flow-still, img[alt*='Sequence']").first
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.complete && image.naturalWidth > 300")
    text = page.page.locator(".jp-Notebook").inner_text()
    assert ERROR not in text
    assert "Loading widget" not in text
    assert page.errors == []


def test_no_secret_is_in_the_saved_file(page: LabPage) -> None:
    saved = run_and_save(page, "secret.ipynb").read_text()

    assert SECRET not in saved
    pictures = re.findall(r"base64,([A-Za-z0-9+/=]+)", saved)
    assert pictures
    assert not [one for one in pictures if SECRET.encode() in base64.b64decode(one)]


@pytest.fixture
def saving_state(lab: LabRig) -> Iterator[None]:
    """JupyterLab's setting "Save Widget State Automatically" is on."""
    folder = lab.settings / "@jupyter-widgets" / "jupyterlab-manager"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "plugin.jupyterlab-settings"
    file.write_text('{"saveState": true}')
    yield
    file.unlink()


def test_with_saved_widget_state_the_view_lives_without_a_kernel(
    saving_state: None, page: LabPage
) -> None:
    page.open_notebook(notebook(*CELLS), "state.ipynb")
    page.run_all()
    View(page.cell(4)).shows(1, kind="request", method="tools/call")
    page.page.wait_for_timeout(1500)
    page.command("docmanager:save")
    saved = nbformat.read(page.lab.root / "state.ipynb", 4)
    text = json.dumps(saved.metadata)
    assert SECRET not in text
    page.shut_down_kernel()

    page.open_file("state.ipynb")

    view = View(page.cell(4))
    view.shows(1, kind="request", method="tools/call")
    view.calls().first.click()
    view.hook("layer-bytes").click()
    expect(view.hook("detail")).to_contain_text("POST /mcp HTTP/1")


def test_the_bundle_is_stored_once_however_many_views(saving_state: None, page: LabPage) -> None:
    page.open_notebook(
        notebook(LOAD, TOOL, *["%mcp call add(1)"] * 4, *["%mcp flow"] * 3), "once.ipynb"
    )
    page.run_all()
    View(page.cell(8)).shows(4, kind="request", method="tools/call")
    page.command("docmanager:save")

    saved = (page.lab.root / "once.ipynb").read_text()

    assert saved.count("built from widgets/src sha256") <= 2  # the script and its style
    assert saved.count('"_esm"') == 1


@pytest.fixture(scope="module")
def executed() -> nbformat.NotebookNode:
    """The notebook as a build executes it, without a page."""
    book = notebook(*CELLS)
    NotebookClient(book, timeout=60, kernel_name="python3").execute()
    return book


def test_as_html_by_nbconvert_the_picture_is_seen(
    executed: nbformat.NotebookNode, page: LabPage, tmp_path: Path
) -> None:
    html, _ = HTMLExporter(template_name="lab").from_notebook_node(executed)
    file = tmp_path / "book.html"
    file.write_text(html)
    page.page.context.route("http*://**", lambda route: route.abort())

    page.page.goto(file.as_uri())

    picture = page.page.locator("img.mcp-flow-still").first
    expect(picture).to_be_visible()
    assert "tools/call add" in page.page.locator("body").inner_text()
    assert SECRET not in html


def test_as_text_the_flow_is_read(executed: nbformat.NotebookNode) -> None:
    text, _ = MarkdownExporter().from_notebook_node(executed)
    plain = [
        output.get("data", {}).get("text/plain", "")
        for cell in executed.cells
        for output in cell.get("outputs", [])
    ]

    assert any("tools/call add" in one for one in plain)
    assert SECRET not in text
