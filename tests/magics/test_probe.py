"""``%mcp probe`` in a real kernel."""

from __future__ import annotations

import pytest

from tests.rigs.census import assert_nothing_left, take_census
from tests.rigs.kernel import KernelRig

pytestmark = pytest.mark.kernel

MINE = """\
from mcp_notebook.transports.memory import MemoryTransport
class Mine(MemoryTransport):
    name = "mine"
wb = %mcp workbench
wb.register_transport(Mine)
"""


def test_a_transport_is_checked_and_shown_and_the_notebook_stays_as_it_was(
    cells: KernelRig,
) -> None:
    cells.run("wb = %mcp workbench\nbefore = (wb.trace.last_seq, list(wb.connections))").check()

    result = cells.run("%mcp probe websocket --only call,progress,question", 60).check()

    assert (result.stdout, result.stderr) == ("", "")
    assert result.result is not None
    shown = result.result["text/plain"]
    assert "websocket (custom): 8 checks, 0 not as they should be" in shown
    assert "<table" in result.result["text/html"]
    assert "8/8" in result.displays[0]["text/plain"]
    assert cells.value("before == (wb.trace.last_seq, list(wb.connections))")


def test_a_hole_is_told_with_its_reason(cells: KernelRig) -> None:
    result = cells.run("%mcp probe http-json --eras modern --only progress", 60).check().result
    assert result is not None
    assert "there is no room for anything before it" in result["text/plain"]


def test_a_transport_of_the_user_is_checked_too(cells: KernelRig) -> None:
    cells.run(MINE).check()
    found = cells.run("r = %mcp probe mine --eras legacy --only list,closed\nr.ok", 60).check()
    assert found.result is not None
    assert found.result["text/plain"] == "True"


def test_an_interrupt_ends_it_and_leaves_nothing(cells: KernelRig) -> None:
    cells.run("%mcp probe memory --only call", 60).check()
    before = take_census(cells)

    cell = cells.start("%mcp probe stdio")
    cell.wait_for_text("change notice", 60)
    cells.interrupt()
    result = cell.wait(60)

    assert result.ename == "KeyboardInterrupt"
    assert_nothing_left(cells, before, 30, ("children", "ports", "threads"))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("%mcp probe webscket", "Did you mean websocket"),
        ("%mcp probe memory --only cancl", "Did you mean cancel"),
        ("%mcp probe memory --eras new", "no era 'new'"),
        ("%mcp probe", "NAME"),
    ],
)
def test_what_cannot_be_checked_is_one_line(cells: KernelRig, line: str, words: str) -> None:
    result = cells.run(line)
    assert result.ename == "UsageError"
    assert words in result.evalue
