"""The same view in Jupyter Notebook 7, which has no room to dock in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.rigs.lab import LabPage, LabRig
from tests.rigs.views import LOAD, TOOL, View, notebook

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def classic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabRig]:
    """Jupyter Notebook, running."""
    rig = LabRig(tmp_path_factory.mktemp("classic"), classic=True)
    yield rig
    rig.stop()


@pytest.fixture
def page(browser: Browser, classic: LabRig) -> Iterator[LabPage]:
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = LabPage(classic, context.new_page())
    yield page
    page.shut_down_kernel()
    context.close()


def test_the_view_draws_and_answers_while_a_cell_blocks_the_kernel(page: LabPage) -> None:
    block = (
        "w = %mcp workbench\nc = w.any_connection()[0]\nc.call('add', a=1)\n"
        "import time\ntime.sleep(600)"
    )
    page.open_notebook(notebook(LOAD, TOOL, "%mcp flow", block))
    page.start_all()
    view = View(page.cell(2))

    view.shows(1, kind="request", method="tools/call")

    view.filter("kind:response")
    view.shows(0, kind="request")
    view.filter("")
    view.calls().first.click()
    view.hook("layer-bytes").click()
    expect(view.hook("detail")).to_contain_text("7b226a736f6e727063223a")
    page.command("notebook:interrupt-kernel")
    page.wait_idle()
    assert page.errors == []


def test_the_view_beside_the_notebook_floats(page: LabPage) -> None:
    page.open_notebook(notebook(LOAD, TOOL, "%mcp flow --side", "%mcp call add(41)"))
    page.run_all()

    float_ = page.page.locator(".mf-float")
    View(float_).shows(1, kind="request", method="tools/call")
    expect(page.cell(2)).to_contain_text("floats beside")

    float_.get_by_role("button", name="Close the flow beside the notebook").click()
    expect(float_).to_have_count(0)
    page.cell(2).get_by_role("button", name="Show it").click()
    View(float_).shows(1, kind="request", method="tools/call")


def test_a_saved_notebook_shows_its_picture_without_a_kernel(page: LabPage) -> None:
    page.open_notebook(notebook(LOAD, TOOL, "%mcp call add(41)", "%mcp flow"), "kept.ipynb")
    page.run_all()
    View(page.cell(3)).shows(1, kind="request", method="tools/call")
    page.command("docmanager:save")
    page.shut_down_kernel()

    page.open_file("kept.ipynb")

    expect(page.cell(3).locator("img.mcp-flow-still")).to_be_visible()
    assert "not found" not in page.page.locator(".jp-Notebook").inner_text()
