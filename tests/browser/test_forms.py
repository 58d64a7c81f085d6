"""Forms and panels as a reader uses them: filled in, pressed, also while a cell runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect

from tests.rigs.lab import LabPage

pytestmark = pytest.mark.browser

TOOLS = '''\
%%mcp tool
import time
from typing import Annotated, Literal
from mcp.server.mcpserver import Context
from pydantic import BaseModel, Field

class Place(BaseModel):
    street: str
    floor: int = 0

def add(a: int, b: int = 2) -> int:
    """Add two numbers."""
    return a + b

def order(
    what: Annotated[str, Field(description="what to send")],
    size: Literal["small", "large"],
    to: Place | None = None,
    notes: list[str] | None = None,
    password: str = "",
) -> str:
    """Order a thing.

    It is sent to a place, with notes."""
    return f"{what}, {size}, {to}, {notes}, {len(password)}"

async def count(n: int, ctx: Context) -> str:
    """Count slowly."""
    for i in range(n):
        await ctx.report_progress(i + 1, n, f"step {i + 1}")
        time.sleep(0.2)
    return "counted"
'''


HEARD = """\
import asyncio, threading
for _ in range(200):  # until the page's messages have a thread of their own
    if any(t.name.startswith("subshell") for t in threading.enumerate()):
        break
    await asyncio.sleep(0.05)
"""


def notebook(*cells: str) -> nbformat.NotebookNode:
    """A notebook that loads the extension, then runs these code cells."""
    code = ["%load_ext mcp_notebook", *cells]
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in code])


@contextlib.contextmanager
def dark(page: LabPage) -> Iterator[None]:
    """Turns the lights off for a while; the setting would outlast the test."""
    turn = "name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})"
    page.page.evaluate(turn, "JupyterLab Dark")
    page.page.wait_for_selector("body[data-jp-theme-light='false']", state="attached")
    page.page.wait_for_selector("#jupyterlab-splash", state="detached")
    try:
        yield
    finally:
        page.page.evaluate(turn, "JupyterLab Light")
        page.page.wait_for_selector("body[data-jp-theme-light='true']", state="attached")


def test_a_tool_is_called_from_its_form(page: LabPage, tmp_path: Path) -> None:
    page.open_notebook(notebook(TOOLS, "%mcp serve", "%mcp connect", "%mcp tools add"))
    page.run_all()
    cell = page.cell(4)
    assert "add(a: integer, b: integer = 2)" in cell.inner_text()
    assert "Add two numbers." in cell.inner_text()

    cell.get_by_role("button", name="Call", exact=True).click()
    cell.get_by_text("a: this is required").wait_for()
    page.screenshot(tmp_path / "tool-refused.png")
    a, b = cell.locator(".widget-text input").all()
    a.fill("40")
    assert b.input_value() == "2"
    cell.get_by_role("button", name="Call", exact=True).click()

    cell.get_by_text("done: the answer stands below").wait_for()
    result = cell.locator(".jp-OutputArea-output").last
    result.get_by_text("42", exact=True).first.wait_for()
    line = cell.locator(".mcp-copy textarea")
    assert line.input_value() == "%mcp call add(a=40, b=2)"
    page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    cell.get_by_role("button", name="Copy").click()
    cell.get_by_text("Copied").wait_for()
    assert page.page.evaluate("() => navigator.clipboard.readText()") == line.input_value()
    page.screenshot(tmp_path / "tool-called.png")
    assert page.errors == []


def test_a_tool_is_called_from_its_form_while_a_cell_runs(page: LabPage, tmp_path: Path) -> None:
    page.open_notebook(
        notebook(
            TOOLS,
            "%mcp serve",
            "%mcp connect",
            "%mcp tools add",
            "%mcp tools count",
            HEARD,
            "import time, os\nprint('blocking', flush=True)\n"
            "while not os.path.exists('go-on'):\n    time.sleep(0.05)\nprint('over')",
        ),
        "busy.ipynb",
    )
    go_on = page.lab.root / "go-on"
    page.start_all()
    try:
        expect(page.cell(7).locator(".jp-OutputArea-output")).to_contain_text("blocking")

        page.cell(4).locator(".widget-text input").first.fill("40")
        page.cell(4).get_by_role("button", name="Call", exact=True).click()
        page.cell(4).get_by_text("done: the answer stands below").wait_for()
        page.cell(4).get_by_text("42", exact=True).first.wait_for()
        page.cell(5).locator(".widget-text input").fill("4")
        page.cell(5).get_by_role("button", name="Call", exact=True).click()
        page.cell(5).get_by_text("step").first.wait_for()
        page.screenshot(tmp_path / "tool-busy.png")
        page.cell(5).get_by_text("counted", exact=False).first.wait_for()
        page.cell(5).locator(".widget-text input").fill("100")
        page.cell(5).get_by_role("button", name="Call", exact=True).click()
        page.cell(5).get_by_text("step").first.wait_for()
        page.cell(5).get_by_role("button", name="Cancel").click()
        page.cell(5).get_by_text("count: cancelled").wait_for()

        assert "over" not in page.output(7)
    finally:
        go_on.write_text("")
    expect(page.cell(7).locator(".jp-OutputArea-output")).to_contain_text("over")
    assert page.errors == []


def test_a_nested_form_sends_exactly_what_is_filled_in(page: LabPage, tmp_path: Path) -> None:
    page.open_notebook(notebook(TOOLS, "%mcp tools order"), "nested.ipynb")
    page.run_all()
    cell = page.cell(2)
    cell.get_by_role("button", name="Call", exact=True).scroll_into_view_if_needed()
    page.screenshot(tmp_path / "nested.png")

    cell.locator(".widget-textarea textarea").first.fill("two\nlines")
    cell.locator("select").select_option("large")
    for box in cell.get_by_text("give it").all():
        box.click()
    cell.get_by_role("button", name="Add").click()
    cell.get_by_role("button", name="Add").click()
    areas = cell.locator(".widget-textarea textarea")
    areas.nth(1).fill("Long Road 1")
    areas.nth(2).fill("ring twice")
    cell.get_by_role("button", name="Remove").nth(1).click()
    cell.locator("input[type=password]").fill("hunter2")
    cell.get_by_role("button", name="Call", exact=True).click()

    expected = "two\nlines, large, street='Long Road 1' floor=0, ['ring twice'], 7"
    cell.get_by_text(expected).first.wait_for()
    assert cell.locator(".mcp-copy textarea").input_value() == (
        "%mcp call order(what='two\\nlines', size='large', "
        "to={'street': 'Long Road 1', 'floor': 0}, notes=['ring twice'], password=password)"
    )
    assert cell.locator("input[type=password]").input_value() == ""
    cell.get_by_text("done: the answer").scroll_into_view_if_needed()
    page.screenshot(tmp_path / "nested-called.png")
    with dark(page):
        page.screenshot(tmp_path / "nested-dark.png")
    assert "hunter2" not in str(page.outputs())
    assert page.errors == []


def test_a_panel_stops_an_endpoint_while_a_cell_runs(page: LabPage, tmp_path: Path) -> None:
    page.open_notebook(
        notebook(
            TOOLS,
            "%mcp serve",
            "%mcp connect",
            "%mcp serve -t memory",
            "%mcp workbench",
            HEARD,
            "import time, os\nprint('blocking', flush=True)\n"
            "while not os.path.exists('go-on-2'):\n    time.sleep(0.05)\n"
            "print(list(get_ipython().run_line_magic('mcp', 'workbench').endpoints))",
        ),
        "panel.ipynb",
    )
    go_on = page.lab.root / "go-on-2"
    page.start_all()
    cell = page.cell(5)
    try:
        expect(page.cell(7).locator(".jp-OutputArea-output")).to_contain_text("blocking")
        for text in ("Servers", "notebook-http", "notebook-memory", "2026-07-28 (modern)"):
            cell.get_by_text(text).first.wait_for()
        assert cell.locator(".mcp-copy:visible textarea").input_value().startswith("http://")
        cell.get_by_role("button", name="Stop all").scroll_into_view_if_needed()
        page.screenshot(tmp_path / "panel.png")

        cell.locator("button[title='%mcp stop notebook-http']").first.click()
        cell.get_by_text("stopped: notebook-http").wait_for()
        page.screenshot(tmp_path / "panel-stopped.png")
    finally:
        go_on.write_text("")
    page.cell(7).get_by_text("['notebook-memory']").wait_for()
    page.wait_idle()

    cell.get_by_role("button", name="Stop all").click()
    cell.get_by_text("stopped: notebook-memory").wait_for()
    with dark(page):
        page.screenshot(tmp_path / "panel-dark.png")
    assert page.errors == []
