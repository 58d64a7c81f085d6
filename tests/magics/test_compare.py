"""``%mcp compare`` in a real kernel."""

from __future__ import annotations

import pytest

from tests.rigs.census import assert_nothing_left, take_census
from tests.rigs.kernel import KernelRig

pytestmark = pytest.mark.kernel

EVERY = "memory,pipe,stdio,unix,tcp,http,http-json,sse,websocket"

FED = "import time\ntime.sleep(1)"
"""By then the thread that feeds pages has sent for the first time, and has its socket."""


def test_one_call_over_every_transport_in_both_eras(tools: KernelRig) -> None:
    tools.run("%mcp compare add(2, 3) --over stdio,http").check()  # threads that stay are there
    tools.run(FED).check()
    before = take_census(tools)

    result = tools.run(f"c = %mcp compare add(2, 3) --over {EVERY} --eras legacy,modern", 50)

    result.check()
    assert tools.value("len(c.columns)") == 18
    assert tools.value("{column.why_not for column in c.columns} == {''}")
    assert tools.value("{column.result for column in c.columns} == {'5'}")
    assert tools.value("len(c.options()['compare'])") == 18
    assert_nothing_left(tools, before)


def test_the_table_is_shown_and_progress_is_one_line(tools: KernelRig) -> None:
    result = tools.run("%mcp compare add(2, b=3) --over pipe,http").check()

    assert (result.stdout, result.stderr) == ("", "")
    assert result.result is not None
    assert "framing bytes" in result.result["text/plain"]
    assert "<table" in result.result["text/html"]
    assert len(result.displays) == 1
    assert "2/2" in result.displays[0]["text/plain"]


def test_the_same_words_as_call_name_the_arguments(tools: KernelRig) -> None:
    tools.run("n = 40").check()
    tools.run("c = %mcp compare add a=$n --over pipe").check()

    assert tools.value("c['pipe'].result") == "42"
    assert tools.value("c.call") == "add(a=40)"


def test_twice_in_a_stable_notebook_is_the_same_text(tools: KernelRig) -> None:
    tools.run("%config MCPMagics.stable = True").check()
    try:
        one, two = (
            tools.run("%mcp compare add(2, 3) --eras legacy,modern", 50).check() for _ in "12"
        )
    finally:
        tools.run("%config MCPMagics.stable = False").check()

    assert one.text == two.text
    assert "round trips" in one.text


def test_the_default_connection_and_what_runs_stay(tools: KernelRig) -> None:
    tools.run("%mcp serve -t http\n%mcp connect --as mine").check()
    shown = tools.run("%mcp status").check().text
    tools.run("%mcp compare add(2, 3) --over pipe,stdio,http").check()

    status = tools.run("%mcp status").check().text
    assert [line.split() for line in status.split("\n") if "link" not in line] == [
        line.split() for line in shown.split("\n") if "link" not in line
    ]
    assert "compare-" not in status


def test_an_interrupt_leaves_nothing_behind(cells: KernelRig) -> None:
    cells.run(
        "%%mcp tool\nimport asyncio\nasync def slow(s: float) -> str:\n    'Sleep.'\n"
        "    print('asleep')\n    await asyncio.sleep(s)\n    return 'awake'"
    ).check()
    cells.run("%mcp compare slow(0.01) --over http,stdio").check()
    cells.run(FED).check()
    before = take_census(cells)
    cell = cells.start("%mcp compare slow(20) --over http")
    cell.wait_for_text("asleep")
    cells.interrupt()
    result = cell.wait()

    assert result.ename == "KeyboardInterrupt"
    assert "compare-" not in cells.run("%mcp status").check().text
    assert_nothing_left(cells, before)


WRONG_LINES = [
    ("%mcp compare", ("which tool?", "%mcp compare add(a=2, b=3)")),
    ("%mcp compare ad(1)", ("no tool 'ad'", "Did you mean add?")),
    ("%mcp compare add(1, 2, 3)", ("add takes 2 arguments", "add(a, b)")),
    ("%mcp compare add(c=1)", ("no argument 'c'", "It is add(a: integer, b: integer = 2)")),
    ("%mcp compare add(1) 2", ("'2' is one too many", "brackets of add")),
    ("%mcp compare add a=x", ("'x' is no integer",)),
    ("%mcp compare add(1) --over pip", ("unknown transport 'pip'", "Did you mean pipe?")),
    ("%mcp compare add(1) --over pipe,,http", ("between its commas", "--over stdio,http")),
    ("%mcp compare add(1) --eras modrn", ("there is no era 'modrn'", "auto, legacy, modern")),
    ("%mcp compare add(1) --repeat 0", ("--repeat", "'0' is no number of calls", "1 to 1000")),
    ("%mcp compare add(1) --repeat many", ("--repeat", "'many'", "Usage: %mcp compare")),
    ("%mcp compare add(1) --server nobody", ("there is no server 'nobody'", "notebook")),
    ("%mcp compare add(1) --ove pipe", ("there is no option --ove", "Did you mean --over?")),
    ("%mcp compare add(1) --timeout 0", ("--timeout", "'0' is no time to wait")),
    ("%%mcp compare add\na = 1", ("is for one line", "%mcp compare")),
]


@pytest.mark.parametrize(("line", "words"), WRONG_LINES, ids=[line for line, _ in WRONG_LINES])
def test_a_wrong_line_is_one_line_that_says_what_to_type(
    tools: KernelRig, line: str, words: tuple[str, ...]
) -> None:
    result = tools.run(line)

    assert (result.status, result.ename) == ("error", "UsageError")
    assert len(result.traceback.strip().split("\n")) == 1
    for word in words:
        assert word in result.traceback
    assert result.displays == []


def test_it_explains_itself_and_completes_tools(tools: KernelRig) -> None:
    assert "--eras" in tools.run("%mcp compare --help").check().text
    assert "%mcp compare " in tools.run("%mcp help").check().text
    completed = tools.value(
        "[c.text for c in get_ipython().magics_manager.registry['MCPMagics']"
        ".completer.complete('%mcp compare ad')['completions']]"
    )
    assert completed == ["add"]
