"""``%mcp bench`` in a real kernel."""

from __future__ import annotations

import pytest

from tests.rigs.census import assert_nothing_left, take_census
from tests.rigs.kernel import KernelRig

pytestmark = pytest.mark.kernel

TOOL = """\
%%mcp tool
def add(a: int, b: int) -> int:
    "Add."
    return a + b
"""


def test_paces_and_floors_show_themselves_and_the_notebook_stays_as_it_was(
    cells: KernelRig,
) -> None:
    cells.run("wb = %mcp workbench\nbefore = (wb.trace.last_seq, list(wb.connections))").check()

    result = cells.run("%mcp bench pipe,http --count 5", 60).check()

    assert (result.stdout, result.stderr) == ("", "")
    assert result.result is not None
    shown = result.result["text/plain"]
    assert shown.startswith("echo: 5 calls of each, in turns")
    for word in ("calls/s", "p50", "p99", "bytes", "bare pipe", "bare socket", "bare HTTP"):
        assert word in shown
    assert "<table" in result.result["text/html"]
    assert "5/5" in result.displays[0]["text/plain"]
    assert cells.value("before == (wb.trace.last_seq, list(wb.connections))")


def test_a_tool_of_the_notebook_in_both_eras(cells: KernelRig) -> None:
    cells.run(TOOL).check()

    line = "r = %mcp bench stdio --tool 'add(1, b=2)' --era legacy,modern --count 2"
    cells.run(line, 60).check()

    assert cells.value("[(p.label, len(p.times_ns), p.why_not) for p in r][:2]") == [
        ["stdio legacy", 2, ""],
        ["stdio modern", 2, ""],
    ]


def test_an_interrupt_shows_what_there_is_and_leaves_nothing(cells: KernelRig) -> None:
    cells.run("%mcp bench memory --count 1", 60).check()
    before = take_census(cells)

    cell = cells.start("%mcp bench stdio,websocket --count 10000")
    cell.wait_for_text("rounds", 60)
    cells.interrupt()
    result = cell.wait(60)

    assert result.ename == "KeyboardInterrupt"
    assert_nothing_left(cells, before, 30, ("children", "ports", "threads"))


def test_a_stable_notebook_shows_no_figure(cells: KernelRig) -> None:
    cells.run("%config MCPMagics.stable = True").check()
    try:
        shown = cells.run("%mcp bench memory --count 2", 60).check().result
    finally:
        cells.run("%config MCPMagics.stable = False").check()

    assert shown is not None
    assert "bare pipe" in shown["text/plain"]
    assert "calls/s" not in shown["text/plain"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("%mcp bench webscket", "Did you mean websocket"),
        ("%mcp bench --count 0", "--count 0"),
        ("%mcp bench --era old", "no era 'old'"),
        ("%mcp bench --server notebook", "--server wants --tool"),
        ("%mcp bench --tool 'ad(1, 2)'", "no tool 'ad'"),
    ],
)
def test_what_cannot_be_measured_is_one_line(cells: KernelRig, line: str, words: str) -> None:
    result = cells.run(line)
    assert result.ename == "UsageError"
    assert words in result.evalue
