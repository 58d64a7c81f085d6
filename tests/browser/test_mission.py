"""The mission's sentence, as a reader lives it: in JupyterLab, in a browser."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from tests.rigs.lab import LabPage

pytestmark = pytest.mark.browser

ROADS = ["stdio", "http", "sse", "websocket"]
ERAS = {"legacy": "2025-11-25", "modern": "2026-07-28"}

FIRST = (
    '%%mcp tool\ndef add(a: int, b: int = 2) -> int:\n    """Add two numbers."""\n    return a + b'
)
CHANGED = FIRST.replace("a + b", "1000 + a + b")


def notebook(*cells: str) -> nbformat.NotebookNode:
    """A notebook with these code cells."""
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in cells])


def mission() -> list[tuple[str, str]]:
    """The cells of the mission, each with what it must show."""
    cells = [("%load_ext mcp_notebook", ""), (FIRST, "add")]
    for road in ROADS:
        cells.append((f"%mcp serve -t {road}", f"notebook-{road}"))
        for era, revision in ERAS.items():
            cells.append((f"%mcp connect notebook-{road} --as {road}-{era} --era {era}", revision))
            cells.append((f"%mcp call add(2, b=3) --on {road}-{era}", "5"))
    cells.append((CHANGED, "replaced"))
    for road in ROADS:
        for era, revision in ERAS.items():
            line = f"{road}-{era}"
            if road == "stdio":  # the child runs a snapshot: the next connect has the new tool
                cells.append((f"%mcp call add(2, b=3) --on {line}", "5"))
                cells.append((f"%mcp connect notebook-stdio --as {line} --era {era}", revision))
            cells.append((f"%mcp call add(2, b=3) --on {line}", "1005"))
    cells.append(("%mcp flow --text --last 8", "tools/call add"))
    cells.append(("%mcp status", "websocket-modern"))
    cells.append(("%mcp stop --all", "stopped: "))
    return cells


def test_the_missions_sentence_in_one_notebook(page: LabPage, tmp_path: Path) -> None:
    cells = mission()
    page.open_notebook(notebook(*(code for code, _ in cells)), "mission.ipynb")

    page.run_all(120)

    outputs = page.outputs()
    shown = [page.output(number) for number in range(len(cells))]
    assert [o.evalue for cell in outputs for o in cell if o.output_type == "error"] == []
    for (code, expected), text in zip(cells, shown, strict=True):
        if code.startswith("%mcp call"):
            assert text.split("\n")[0] == expected, code
        else:
            assert expected in text, code
    assert any("older snapshot" in text for text in shown)
    assert page.errors == []
    for name, number in (("defined", 1), ("connected", 8), ("status", len(cells) - 2)):
        page.cell(number).scroll_into_view_if_needed()
        page.screenshot(tmp_path / f"mission-{name}.png")


def test_tab_offers_the_commands(page: LabPage, tmp_path: Path) -> None:
    page.open_notebook(notebook("%load_ext mcp_notebook", FIRST, "%mcp se", "%mcp call add("))
    page.run_all()

    page.cell(2).locator(".cm-content").click()
    page.page.keyboard.press("End")
    page.page.keyboard.press("Tab")
    page.page.wait_for_selector(".jp-Completer-item")
    page.screenshot(tmp_path / "completer.png")
    offered = page.page.locator(".jp-Completer-item .jp-Completer-match").all_inner_texts()
    assert sorted(offered) == ["send", "serve"]
    page.page.locator(".jp-Completer-item", has_text="serve").click()
    assert page.cell(2).locator(".cm-content").inner_text().strip() == "%mcp serve"

    page.cell(3).locator(".cm-content").click()
    page.page.keyboard.press("End")
    page.page.keyboard.press("Tab")
    page.page.wait_for_selector(".jp-Completer-item")
    offered = page.page.locator(".jp-Completer-item .jp-Completer-match").all_inner_texts()
    assert offered == ["a=", "b="]
    page.page.keyboard.press("Escape")


def test_a_wrong_line_stops_run_all_in_one_red_line(page: LabPage, tmp_path: Path) -> None:
    page.open_notebook(
        notebook("%load_ext mcp_notebook", "%mcp conect --era legacy", "print('never')")
    )

    page.run_all()

    problem = "there is no command 'conect'. Did you mean connect? %mcp help"
    assert page.output(1) == f"UsageError: {problem}"
    assert page.cell(1).locator(".jp-OutputArea-output .ansi-red-fg").inner_text() == "UsageError"
    assert page.outputs()[2] == []
    page.screenshot(tmp_path / "wrong-line.png")


def test_a_failing_tool_shows_its_own_frames_in_red(page: LabPage, tmp_path: Path) -> None:
    page.open_notebook(
        notebook(
            "%load_ext mcp_notebook",
            "%%mcp tool\ndef share(of: int, among: int) -> float:\n    return of / among",
            "%mcp call share(1, 0)",
            "'the next cell runs'",
        )
    )

    page.run_all()

    assert "in share: return of / among" in page.output(2)
    assert "ZeroDivisionError: division by zero" in page.output(2)
    assert page.output(3) == "'the next cell runs'"
    page.screenshot(tmp_path / "failing-tool.png")


ASKING = '''\
%%mcp tool tall
from typing import Annotated
from mcp.server.mcpserver import Elicit, Resolve
from pydantic import BaseModel, Field

class Size(BaseModel):
    centimetres: int = Field(description="in centimetres, without shoes")
    shoes: bool = False

def how_tall() -> Elicit[Size]:
    return Elicit("How tall are you?", Size)

async def tall(size: Annotated[Size, Resolve(how_tall)]) -> str:
    """Ask for a size."""
    return f"{size.centimetres} cm"
'''


@pytest.mark.parametrize("era", ERAS)
def test_a_question_is_answered_in_a_form(page: LabPage, tmp_path: Path, era: str) -> None:
    page.open_notebook(
        notebook(
            "%load_ext mcp_notebook",
            ASKING,
            "%mcp serve",
            f"%mcp connect --era {era}",
            "%mcp call tall()",
        )
    )
    page.run_all()
    page.screenshot(tmp_path / f"form-{era}.png")
    form = page.cell(4)
    assert "How tall are you?" in form.inner_text()
    assert "waits for an answer" in form.inner_text()

    form.locator(".widget-text input").fill("many")
    form.get_by_role("button", name="Send").click()
    form.get_by_text("Not sent").wait_for()
    page.screenshot(tmp_path / f"form-{era}-refused.png")
    form.locator(".widget-text input").fill("180")
    form.get_by_role("button", name="Send").click()

    form.get_by_text("180 cm").wait_for()
    form.get_by_text("180 cm").scroll_into_view_if_needed()
    page.screenshot(tmp_path / f"form-{era}-answered.png")
    assert "waits for an answer" not in form.inner_text()
    assert page.errors == []


def test_a_form_is_answered_while_a_later_cell_runs(page: LabPage, tmp_path: Path) -> None:
    page.open_notebook(
        notebook(
            "%load_ext mcp_notebook",
            ASKING,
            "%mcp serve",
            "%mcp connect",
            "r = %mcp call tall()",
            "print('waiting', flush=True)\nr.wait(60).value",
        )
    )
    page.start_all()
    page.cell(5).get_by_text("waiting").wait_for()
    form = page.cell(4)

    form.locator(".widget-text input").fill("181")
    form.get_by_role("button", name="Send").click()

    page.cell(5).get_by_text("'181 cm'").wait_for()
    page.wait_idle()
    page.screenshot(tmp_path / "form-busy.png")
    assert page.errors == []
