"""The live view in a real JupyterLab: it draws while cells run, and answers while they block."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.rigs.lab import LabPage
from tests.rigs.views import LOAD, TOOL, View, notebook

pytestmark = pytest.mark.browser

CALLS = (
    "w = %mcp workbench\nc = w.any_connection()[0]\n"
    "for number in range(3):\n    c.call('add', a=number)\n"
)
BLOCK = CALLS + "import time\ntime.sleep(600)"
JSONRPC = "7b226a736f6e727063223a"
"""The first bytes of every message: {"jsonrpc": in hex."""


def test_the_view_draws_and_answers_while_a_cell_blocks_the_kernel(page: LabPage) -> None:
    page.open_notebook(notebook(LOAD, TOOL, "%mcp flow", BLOCK))
    page.start_all()
    view = View(page.cell(2))

    view.shows(3, kind="request", method="tools/call")

    # the cell still runs; what the page has it can show without the kernel
    assert page.output(3) == ""
    view.filter("method:tools/list")
    view.shows(0, method="tools/call")
    expect(view.rows(method="tools/list").first).to_be_visible()
    view.filter("tool:nothing")
    expect(view.rows()).to_have_count(0)
    view.filter("")
    view.calls().nth(1).click()
    expect(view.hook("detail")).to_be_visible()
    view.hook("layer-message").click()
    expect(view.hook("detail")).to_contain_text('"tools/call"')
    view.hook("layer-framing").click()
    expect(view.hook("detail")).to_contain_text("line")
    view.hook("layer-bytes").click()
    expect(view.hook("detail")).to_contain_text(JSONRPC)
    view.root.press("Escape")
    expect(view.hook("detail")).to_be_hidden()
    page.command("notebook:interrupt-kernel")
    page.wait_idle()
    assert page.errors == []


def test_slow_motion_plays_while_a_cell_blocks_the_kernel(page: LabPage) -> None:
    page.open_notebook(notebook(LOAD, TOOL, "%mcp flow", BLOCK))
    page.start_all()
    view = View(page.cell(2))
    view.shows(3, kind="request", method="tools/call")

    view.root.locator("select:visible").filter(has_text="1/1000").select_option("1/1000")
    view.hook("play").click()

    # a packet travels along an arrow, and what has not come yet is faded
    expect(view.root.locator(".mf-packet").first).to_be_attached()
    view.hook("play").click()
    page.command("notebook:interrupt-kernel")
    page.wait_idle()
    assert page.errors == []


def test_a_call_twenty_cells_below_is_seen_beside_the_notebook(page: LabPage) -> None:
    page.open_notebook(notebook(LOAD, TOOL, "%mcp flow --side", *["1"] * 20, "%mcp call add(41)"))
    page.run_all()

    docked = View(page.page.locator(".jupyter-widgets-output-area, .jp-LinkedOutputView"))
    page.cell(23).scroll_into_view_if_needed()
    docked.shows(1, kind="request", method="tools/call")

    expect(docked.calls().first).to_be_in_viewport()
    expect(page.cell(23)).to_be_in_viewport()
    # where the cell is, one line says where it went
    expect(page.cell(2)).to_contain_text("beside")
    assert page.errors == []


def test_a_recorded_request_is_sent_again(page: LabPage) -> None:
    page.open_notebook(notebook(LOAD, TOOL, "%mcp call add(40)", "%mcp flow"))
    page.run_all()
    view = View(page.cell(3))
    view.calls().first.click()

    view.hook("layer-message").click()
    view.button("Resend").click()

    view.shows(2, kind="request", method="tools/call")
    expect(view.hook("detail")).to_contain_text("again-")
    assert page.errors == []


def test_an_edited_request_is_sent(page: LabPage) -> None:
    page.open_notebook(notebook(LOAD, TOOL, "%mcp call add(40)", "%mcp flow"))
    page.run_all()
    view = View(page.cell(3))
    view.calls().first.click()
    view.hook("layer-message").click()

    view.button("Edit and resend").click()
    box = view.root.locator("textarea:visible")
    box.fill(box.input_value().replace("40", "4000"))
    view.button("Send").click()

    view.shows(2, kind="request", method="tools/call")
    expect(view.rows(kind="response").last).to_contain_text("4002")
    assert page.errors == []


def test_a_reloaded_page_shows_all_of_it_again(page: LabPage) -> None:
    page.open_notebook(notebook(LOAD, TOOL, CALLS, "%mcp flow"))
    page.run_all()
    view = View(page.cell(3))
    view.shows(3, kind="request", method="tools/call")
    before = view.rows().count()
    page.command("docmanager:save")

    page.reload()

    view = View(page.cell(3))
    view.shows(3, kind="request", method="tools/call")
    view.shows(before)
    page.execute("c.call('add', a=9)")
    view.shows(4, kind="request", method="tools/call")


def test_two_views_and_one_opened_late_show_the_same(page: LabPage) -> None:
    page.open_notebook(notebook(LOAD, TOOL, "%mcp flow", CALLS, "%mcp flow", "%mcp flow tool:add"))
    page.run_all()
    page.execute("c.call('add', a=9)")

    first, late = View(page.cell(2)), View(page.cell(4))
    for view in (first, late):
        expect(view.status).to_have_text("12 messages · 1 other row")
    # each has its own filter
    first.filter("tool:add kind:request")
    late.filter("tool:add kind:response")
    first.shows(4)
    late.shows(4)
    first.shows(4, kind="request")
    late.shows(4, kind="response")
    assert page.errors == []


def test_what_was_chosen_stays_when_the_cell_is_scrolled_out_of_sight(page: LabPage) -> None:
    page.open_notebook(notebook(LOAD, TOOL, "%mcp flow", CALLS, *["1"] * 60))
    page.run_all()
    view = View(page.cell(2))
    view.filter("tool:add kind:request")
    view.shows(3)

    page.cell(60).scroll_into_view_if_needed()
    page.execute("c.call('add', a=9)")
    page.cell(2).scroll_into_view_if_needed()

    view.shows(4)
    assert view.hook("filter").input_value() == "tool:add kind:request"


def test_the_mini_flow_of_a_call_opens_to_its_bytes(page: LabPage) -> None:
    page.open_notebook(notebook(LOAD, TOOL, "%mcp call add(40)", "%mcp call add(1)"))
    page.run_all()

    mini = page.cell(2).locator('[data-testid="mcp-flow"]')
    expect(mini).to_contain_text('add {"a":40}')
    expect(mini).not_to_contain_text('{"a":1}')
    mini.get_by_role("button").or_(mini.locator("summary")).first.click()
    row = mini.locator('[data-testid="mcp-flow-message"][data-method="tools/call"]').first
    row.click()
    mini.locator('[data-testid="mcp-flow-layer-bytes"]').click()

    expect(mini.locator('[data-testid="mcp-flow-detail"]')).to_contain_text(JSONRPC)
    assert page.errors == []


def test_keys_in_the_view_run_no_notebook_command(page: LabPage) -> None:
    page.open_notebook(notebook(LOAD, TOOL, CALLS, "%mcp flow"))
    page.run_all()
    view = View(page.cell(3))
    view.calls().first.click()
    cells = page.page.locator(".jp-Cell").count()

    for key in ("a", "b", "d", "d", "x", "j", "k", "ArrowDown", "Enter"):
        view.root.press(key)

    assert page.page.locator(".jp-Cell").count() == cells
    assert page.errors == []


def test_a_restarted_kernel_leaves_what_was_drawn(page: LabPage) -> None:
    page.open_notebook(notebook(LOAD, TOOL, CALLS, "%mcp flow"))
    page.run_all()
    view = View(page.cell(3))
    view.shows(3, kind="request", method="tools/call")

    page.restart()

    view.shows(3, kind="request", method="tools/call")
    view.filter("kind:response")
    view.shows(0, kind="request")
    page.run_all()
    View(page.cell(3)).shows(3, kind="request", method="tools/call")
