"""Every command of ``%mcp`` in a real kernel: what it shows, what it returns."""

from __future__ import annotations

import json
import re

import pytest

from tests.rigs.kernel import KernelRig

pytestmark = pytest.mark.kernel


def shown(kernel: KernelRig, code: str) -> str:
    """What a cell that goes well shows, as text; it must print nothing."""
    result = kernel.run(code).check()
    assert (result.stdout, result.stderr) == ("", "")
    return result.text


def of_workbench(kernel: KernelRig, expression: str) -> object:
    """The value of an expression in which `wb` is the kernel's workbench."""
    return kernel.value(
        f"(lambda wb: {expression})(get_ipython().run_line_magic('mcp', 'workbench'))"
    )


# ---- help ----------------------------------------------------------------------


def test_a_bare_line_lists_the_commands(cells: KernelRig) -> None:
    text = shown(cells, "%mcp")

    assert "%mcp serve " in text
    assert "%%mcp tool " in text
    assert shown(cells, "%mcp help") == text


def test_the_help_of_a_cell_command_is_there_on_one_line(cells: KernelRig) -> None:
    assert shown(cells, "%mcp tool --help").startswith("usage: %%mcp tool")


@pytest.mark.parametrize("line", ["%mcp serve --help", "%mcp help serve", "%mcp serve -h"])
def test_a_command_explains_itself(cells: KernelRig, line: str) -> None:
    text = shown(cells, line)

    assert text.startswith("usage: %mcp serve")
    assert "--transport" in text


# ---- tools from cells ----------------------------------------------------------------------


def test_the_functions_of_a_cell_become_tools(cells: KernelRig) -> None:
    text = shown(
        cells,
        "%%mcp tool\ndef add(a: int) -> int:\n    'Add one.'\n    return a + 1\n"
        "def _helper():\n    pass\n",
    )

    assert "add" in text
    assert "_helper" not in text
    assert shown(cells, "%mcp tools") == "add: Add one."
    assert cells.value("add(1)") == 2


def test_named_functions_alone_become_tools(cells: KernelRig) -> None:
    shown(cells, "%%mcp tool two\ndef one(): ...\ndef two():\n    'Two.'\ndef three(): ...")

    assert shown(cells, "%mcp tools") == "two: Two."


def test_what_a_model_is_not_told_is_said(cells: KernelRig) -> None:
    result = cells.run("%%mcp tool\ndef bare(a, b): return a").check()

    assert "description" in str(result.result)


def test_the_tools_of_a_cell_come_back_as_an_object(cells: KernelRig) -> None:
    cells.run("%%mcp tool\ndef one(): ...\ndef two(): ...").check()
    cells.run("changes = _").check()

    assert cells.value("[(c.what, c.part.name) for c in changes]") == [
        ["new", "one"],
        ["new", "two"],
    ]


def test_a_cell_that_runs_again_replaces_its_tool(tools: KernelRig) -> None:
    shown(tools, "%mcp call add(1)")
    text = shown(tools, "%%mcp tool\ndef add(a: int, b: int = 2) -> str:\n    return f'{a}&{b}'")

    assert text.startswith("replaced")
    assert shown(tools, "%mcp call add(1)").startswith("1&2")


def test_a_function_gone_from_its_cell_is_no_tool_any_more(cells: KernelRig) -> None:
    both = "%%mcp tool\ndef one(): ...\ndef two(): ..."
    cells.start(both, cell_id="cell-1").wait().check()
    cells.start("%%mcp tool\ndef other(): ...", cell_id="cell-2").wait().check()

    again = cells.start("%%mcp tool\ndef two(): ...", cell_id="cell-1").wait().check()

    assert "removed" in again.text
    names = of_workbench(cells, "wb.servers['notebook'].tool_names()")
    assert names == ["two", "other"]


def test_without_a_cell_id_nothing_is_removed(cells: KernelRig) -> None:
    cells.run("%%mcp tool\ndef one(): ...\ndef two(): ...").check()

    cells.run("%%mcp tool\ndef two(): ...").check()

    assert shown(cells, "%mcp tools").split() == ["one", "two"]


def test_a_decorator_defines_and_removes_like_a_cell(cells: KernelRig) -> None:
    one = "@tool\ndef one() -> int:\n    return 1\n"
    two = "@tool(name='zwei')\ndef two() -> int:\n    return 2\n"
    cells.run("from mcp_notebook import tool").check()
    cells.start(one + two, cell_id="cell-1").wait().check()
    assert shown(cells, "%mcp call zwei").startswith("2")
    assert cells.value("two()") == 2

    cells.start(one, cell_id="cell-1").wait().check()

    assert shown(cells, "%mcp tools") == "one"


def test_the_body_of_a_tool_cell_is_as_good_as_a_cell(cells: KernelRig) -> None:
    cells.run(
        "%%mcp tool\nimport math\n\ndef area(r: float) -> float:\n    return math.pi * r\n"
    ).check()

    source = cells.value("__import__('inspect').getsource(area)")
    assert source == "def area(r: float) -> float:\n    return math.pi * r\n"


def test_an_error_in_a_tool_cell_points_at_its_line(cells: KernelRig) -> None:
    execution = cells.start("%%mcp tool\ndef fine(): ...\n\n1 / 0")
    result = execution.wait()

    assert (result.status, result.ename) == ("error", "ZeroDivisionError")
    assert execution.reply is not None
    number = execution.reply["execution_count"]
    assert f"Cell In[{number}], line 4" in result.traceback
    assert "----> 4 1 / 0" in result.traceback
    assert "mcp_notebook" not in result.traceback


def test_calling_a_tool_as_a_function_shows_its_line(tools: KernelRig) -> None:
    result = tools.run("boom(0)")

    assert re.search(r"Cell In\[\d+\], line 8, in boom\(x\)", result.traceback)
    assert "1 / x" in result.traceback


def test_the_last_expression_of_a_tool_cell_is_shown(cells: KernelRig) -> None:
    execution = cells.start("%%mcp tool\ndef fine() -> int:\n    return 4\nfine()")
    execution.wait().check()

    shown = [m["content"]["data"] for m in execution.messages if m["msg_type"] == "execute_result"]
    assert [data["text/plain"] for data in shown] == ["4", "new: tool fine"]


def test_resources_and_prompts_come_from_cells_too(cells: KernelRig) -> None:
    shown(
        cells, "%%mcp resource note://{name}\ndef note(name: str) -> str:\n    return f'of {name}'"
    )
    shown(
        cells,
        "%%mcp prompt\ndef greet(whom: str) -> str:\n    'Greets.'\n    return f'Greet {whom}'",
    )

    assert shown(cells, "%mcp read note://ada") == "of ada"
    assert "Greet ada" in shown(cells, "%mcp prompt greet whom=ada")
    assert "note://{name}" in shown(cells, "%mcp resources")
    assert "greet" in shown(cells, "%mcp prompts")


def test_functions_that_exist_are_added_and_removed(cells: KernelRig) -> None:
    cells.run("def one(): ...\ndef two(): ...").check()
    assert shown(cells, "%mcp add one two").count("new") == 2

    assert "removed" in shown(cells, "%mcp remove one")

    assert shown(cells, "%mcp tools") == "two"


def test_a_second_server_has_tools_of_its_own(cells: KernelRig) -> None:
    cells.run("%%mcp tool --server other\ndef lonely(): ...").check()
    cells.run("%mcp serve other -t memory --version 1.10").check()

    joined = shown(cells, "%mcp connect")
    assert "other-memory" in joined
    assert "the server calls itself other 1.10" in joined
    assert shown(cells, "%mcp tools") == "lonely"


# ---- calls ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "%mcp call add(2, b=3)",
        "%mcp call add(*[2, 3])",
        "%mcp call add a=2 b=3",
        "%mcp call add a=$two b=3",
        '%%mcp call add\n{"a": 2, "b": 3}',
        "%%mcp call add\n{'a': two,\n 'b': 1 + 2}",
    ],
)
def test_a_tool_is_called_in_every_form(tools: KernelRig, code: str) -> None:
    tools.run("two = 2").check()

    assert shown(tools, code).splitlines() == ["5", "(nothing is connected: called over memory)"]


def test_a_line_in_a_function_sees_the_variables_of_the_function(tools: KernelRig) -> None:
    result = tools.run(
        "first, where = 1, 'nowhere'\n"
        "def summed(first, second):\n"
        "    road = 'pipe'\n"
        "    %mcp serve -t $road --as inner\n"
        "    sum = %mcp call add(first, b=second)\n"
        "    again = %mcp call add a=$first b=$second\n"
        "    return sum.value, again.value\n"
        "summed(20, 22)"
    ).check()
    assert result.text.endswith("(42, 42)")
    assert tools.run("%mcp call add(first, b=0)").check().text.startswith("1")
    assert tools.run("%mcp stop inner").check()


def test_the_result_of_a_call_is_an_object(tools: KernelRig) -> None:
    tools.run("%mcp serve -t memory").check()
    tools.run("%mcp connect").check()
    tools.run("r = %mcp call add(2, b=3)").check()

    assert tools.value("[r.value, r.structured, r.is_error, r.pending]") == [
        5, {"result": 5}, False, False,
    ]  # fmt: skip
    assert tools.value("r.content[0].text") == "5"
    assert tools.value("r.exchange.method") == "tools/call"
    assert shown(tools, "r") == "5"


def test_a_tool_that_fails_is_an_answer_with_the_frames_of_the_cell(tools: KernelRig) -> None:
    tools.run("r = %mcp call boom(0)").check()
    result = tools.run("r").check()

    assert tools.value("[r.is_error, r.text]") == [True, "Error executing tool boom"]
    assert "line 8, in boom: return 1 / x" in result.text
    assert "ZeroDivisionError: division by zero" in result.text
    assert "anyio" not in result.text
    assert "toolthreads" not in result.text
    assert result.result is not None
    assert "ZeroDivisionError" in result.result["text/html"]


def test_strict_raises_where_the_tool_fails(tools: KernelRig) -> None:
    result = tools.run("%mcp call boom(0) --strict")

    assert (result.status, result.ename) == ("error", "ToolFailed")
    assert result.traceback == f"ToolFailed: {result.evalue}"


def test_why_tells_what_failed(tools: KernelRig) -> None:
    assert shown(tools, "%mcp why") == "Nothing has failed."
    tools.run("%mcp call boom(0)").check()

    text = shown(tools, "%mcp why")

    assert "boom" in text
    assert "return 1 / x" in text


PROGRESS = '''\
%%mcp tool
import asyncio
from mcp.server.mcpserver import Context

async def steps(count: int, ctx: Context) -> str:
    """Goes step by step."""
    for n in range(1, count + 1):
        await ctx.report_progress(n, count, f"step {n}")
        await asyncio.sleep(0.15)
    return "done"
'''


def test_progress_is_one_bar_that_grows(cells: KernelRig) -> None:
    cells.run(PROGRESS).check()

    execution = cells.start("%mcp call steps(3)")
    result = execution.wait().check()

    (bar,) = result.displays
    assert "3/3  step 3" in bar["text/plain"]
    assert "<progress" in bar["text/html"]
    updates = [m for m in execution.messages if m["msg_type"] == "update_display_data"]
    assert updates, "the bar was drawn only once"
    assert result.result is not None
    assert result.result["text/plain"].startswith("done")


def test_what_a_tool_prints_is_in_the_cell_that_runs(cells: KernelRig) -> None:
    cells.run(
        "%%mcp tool\ndef sync():\n    print('from a thread')\n"
        "async def both():\n    print('from a loop')"
    )
    cells.run("%mcp serve -t http").check()
    cells.run("%mcp connect").check()

    assert cells.run("%mcp call sync()").check().stdout == "from a thread\n"
    assert cells.run("%mcp call both()").check().stdout == "from a loop\n"


# ---- questions ----------------------------------------------------------------------

ASKING = '''\
%%mcp tool tall
from typing import Annotated
from mcp.server.mcpserver import Elicit, Resolve
from pydantic import BaseModel

class Size(BaseModel):
    centimetres: int

def how_tall() -> Elicit[Size]:
    return Elicit("How tall?", Size)

async def tall(size: Annotated[Size, Resolve(how_tall)]) -> str:
    """Asks."""
    return f"{size.centimetres} cm"
'''


@pytest.fixture(params=["legacy", "modern"])
def asking(cells: KernelRig, request: pytest.FixtureRequest) -> KernelRig:
    """A connection in one era to a tool that asks."""
    cells.run(ASKING).check()
    cells.run("%mcp serve -t memory").check()
    cells.run(f"%mcp connect --era {request.param}").check()
    return cells


@pytest.mark.parametrize("answer", ["'{\"centimetres\": 180}'", "180", "$given"])
def test_a_question_is_answered_in_advance(asking: KernelRig, answer: str) -> None:
    asking.run("given = {'centimetres': 180}").check()

    assert shown(asking, f"%mcp call tall() --answer {answer}") == "180 cm"


def test_a_question_that_nobody_can_answer_fails_at_once_and_names_the_option(
    asking: KernelRig,
) -> None:
    result = asking.run("%mcp call tall()", timeout=5)

    assert (result.status, result.ename) == ("error", "QuestionUnanswered")
    assert "How tall?" in result.evalue
    assert "--answer '{\"centimetres\": ...}'" in result.evalue
    assert result.displays == []


WIDGET = "application/vnd.jupyter.widget-view+json"


def form_widgets(kernel: KernelRig, since: int) -> list[dict[str, object]]:
    """The states of the widgets that the kernel has opened since."""
    opened = [m for m in kernel.comms[since:] if m["msg_type"] == "comm_open"]
    return [m["content"]["data"]["state"] | {"comm_id": m["content"]["comm_id"]} for m in opened]


def test_a_question_shows_a_form_and_the_kernel_goes_on(asking: KernelRig) -> None:
    since = len(asking.comms)
    execution = asking.start("r = %mcp call tall()", allow_stdin=True)
    result = execution.wait().check()

    widgets = form_widgets(asking, since)
    assert any("How tall?" in str(w.get("value")) for w in widgets)
    assert any(w.get("description") == "Send" for w in widgets)
    assert any("application/vnd.jupyter.widget-view+json" in d for d in result.displays)
    assert asking.value("r.pending") is True
    assert "waits for an answer" in asking.value("repr(r.value)")
    assert asking.run("r.wait(0.2)").ename == "TimeoutError"

    field = next(w for w in widgets if w.get("_model_name") == "TextModel")
    send = next(w for w in widgets if w.get("description") == "Send")
    comm_message(asking, field, {"method": "update", "state": {"value": "180"}, "buffer_paths": []})
    comm_message(asking, send, {"method": "custom", "content": {"event": "click"}})

    assert asking.value("r.wait(10).value") == "180 cm"
    assert execution.wait_for_text("180 cm").status == "ok"


def test_a_pending_result_is_shown_once_and_becomes_the_answer(asking: KernelRig) -> None:
    since = len(asking.comms)
    execution = asking.start("%mcp call tall()", allow_stdin=True)
    assert execution.wait().check().result is None
    assert execution.so_far().text.count("waits for an answer") == 1

    widgets = form_widgets(asking, since)
    decline = next(w for w in widgets if w.get("description") == "Decline")
    comm_message(asking, decline, {"method": "custom", "content": {"event": "click"}})

    shown_at_last = execution.wait_for_text("tall failed")
    assert "waits for an answer" not in shown_at_last.text


def test_an_answered_form_leaves_a_line_and_no_widget(asking: KernelRig) -> None:
    since = len(asking.comms)
    execution = asking.start("r = %mcp call tall()", allow_stdin=True)
    before = execution.wait().check()
    (form,) = [d for d in before.displays if WIDGET in d]
    assert form["text/plain"] == "the server asks: How tall?"
    widgets = form_widgets(asking, since)
    field = next(w for w in widgets if w.get("_model_name") == "TextModel")
    send = next(w for w in widgets if w.get("description") == "Send")

    comm_message(asking, field, {"method": "update", "state": {"value": "180"}, "buffer_paths": []})
    comm_message(asking, send, {"method": "custom", "content": {"event": "click"}})

    after = execution.wait_for_text("you answered")
    assert not any(WIDGET in d for d in after.displays)
    assert 'How tall?: you answered: {"centimetres":180}' in after.text

    def alive() -> set[str]:
        opened, closed = (
            {m["content"]["comm_id"] for m in asking.comms[since:] if m["msg_type"] == kind}
            for kind in ("comm_open", "comm_close")
        )
        return opened - closed

    asking.wait_until(lambda: not alive(), 10, "the end of the form's widgets")


def test_a_form_that_nobody_answered_is_withdrawn_with_its_call(cells: KernelRig) -> None:
    asking = cells
    asking.run(ASKING).check()
    asking.run("%mcp serve -t memory").check()
    asking.run("%mcp connect --era legacy").check()
    execution = asking.start("r = %mcp call tall()", allow_stdin=True)
    assert any(WIDGET in d for d in execution.wait().check().displays)

    asking.run("%mcp stop --all").check()

    after = execution.wait_for_text("nobody answered: the call ended first")
    assert not any(WIDGET in d for d in after.displays)


def comm_message(kernel: KernelRig, widget: dict[str, object], data: dict[str, object]) -> None:
    """Sends what a front end sends for a widget."""
    content = {"comm_id": widget["comm_id"], "data": data}
    kernel.client.shell_channel.send(kernel.client.session.msg("comm_msg", content))


# ---- serving and connecting --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("transport", "standing"),
    [("stdio", "standard"), ("http", "standard"), ("http-json", "standard"), ("sse", "deprecated"),
     ("websocket", "custom"), ("unix", "custom"), ("tcp", "custom"), ("memory", "for lessons"),
     ("pipe", "for lessons")],
)  # fmt: skip
def test_every_transport_is_served_connected_and_called(
    tools: KernelRig, transport: str, standing: str
) -> None:
    text = shown(tools, f"%mcp serve -t {transport}")
    tools.run("c = %mcp connect").check()

    assert f"notebook-{transport}" in text
    assert standing in text
    assert shown(tools, "%mcp call add(2, b=3)") == "5"
    assert tools.value("[c.name, c.transport, c.protocol_version]") == [
        f"notebook-{transport}", transport, "2026-07-28",
    ]  # fmt: skip


@pytest.mark.parametrize(("alias", "name"), [("ws", "websocket"), ("streamable-http", "http")])
def test_a_transport_has_another_name(tools: KernelRig, alias: str, name: str) -> None:
    tools.run(f"ep = %mcp serve -t {alias}").check()

    assert tools.value("[ep.name, ep.transport]") == [f"notebook-{name}", name]


def test_an_endpoint_comes_back_as_an_object(tools: KernelRig) -> None:
    tools.run("ep = %mcp serve --as front --path /tools").check()

    assert tools.value("[ep.name, ep.transport, ep.status, ep.server.name]") == [
        "front", "http", "listening", "notebook",
    ]  # fmt: skip
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/tools", tools.value("ep.url"))
    assert tools.value("ep.url") in shown(tools, "ep")


def test_the_same_name_again_replaces_an_endpoint(tools: KernelRig) -> None:
    tools.run("first = %mcp serve").check()
    tools.run("second = %mcp serve").check()

    assert tools.value("[first.status, second.status]") == ["stopped", "listening"]
    assert tools.value("first.url") == tools.value("second.url")


@pytest.mark.parametrize("era", ["legacy", "modern", "2025-11-25"])
def test_a_connection_is_opened_in_either_era(tools: KernelRig, era: str) -> None:
    tools.run("%mcp serve").check()
    tools.run(f"c = %mcp connect --era {era} --as one").check()

    expected = {"modern": "2026-07-28"}.get(era, "2025-11-25")
    assert tools.value("[c.name, c.protocol_version]") == ["one", expected]
    assert shown(tools, "%mcp call add(1)") == "3"


def test_a_connection_works_by_object_and_by_await(tools: KernelRig) -> None:
    tools.run("ep = %mcp serve -t websocket").check()
    tools.run("c = %mcp connect $ep").check()

    assert tools.value("c.call('add', a=2, b=3).value") == 5
    assert shown(tools, "(await c.aio.call('add', a=2, b=4)).value") == "6"
    assert tools.value("[t.name for t in c.tools()]") == ["add", "boom"]


def test_a_server_object_and_a_module_are_served(cells: KernelRig) -> None:
    cells.run(
        "from mcp.server import MCPServer\nmine = MCPServer('mine')\n"
        "@mine.tool()\ndef hello() -> str:\n    return 'hello'"
    ).check()
    (cells.cwd / "outside.py").write_text(
        "from mcp.server import MCPServer\nmcp = MCPServer('outside')\n"
        "@mcp.tool()\ndef far() -> str:\n    return 'far'\n"
    )
    cells.run("%mcp serve $mine -t memory").check()
    cells.run("%mcp serve outside:mcp -t memory").check()

    cells.run("%mcp connect mine").check()
    assert shown(cells, "%mcp call hello()") == "hello"
    cells.run("%mcp connect outside").check()
    assert shown(cells, "%mcp call far()") == "far"


FOREIGN = """\
import os
from mcp.server import MCPServer
mcp = MCPServer("foreign")

@mcp.tool()
def environment(name: str) -> str:
    return os.environ.get(name, "nothing")

mcp.run("stdio")
"""


def test_an_endpoint_without_a_url_says_in_words_where_it_is(tools: KernelRig) -> None:
    assert (
        shown(tools, "%mcp serve -t stdio")
        .splitlines()[0]
        .endswith("listening, a child process for each client")
    )
    assert " at " not in shown(tools, "%mcp serve -t memory")
    assert "listening at http://127.0.0.1:" in shown(tools, "%mcp serve")


def test_a_cell_gives_the_arguments_of_a_call_line_by_line(tools: KernelRig) -> None:
    tools.run("n = 20").check()
    tools.run("%mcp serve -t memory").check()
    tools.run("%mcp connect").check()

    assert shown(tools, "%%mcp call add\na = n\nb = a + 2") == "42"
    assert shown(tools, "%mcp call add(20, 22)  # a comment") == "42"
    assert shown(tools, "%mcp call add(20, 22);") == "42"


def test_a_file_a_command_and_a_config_are_connected(cells: KernelRig) -> None:
    (cells.cwd / "foreign.py").write_text(FOREIGN)
    entry = {"command": "python", "args": ["foreign.py"], "env": {"WHO": "config"}}
    (cells.cwd / "mcp.json").write_text(json.dumps({"mcpServers": {"one": entry, "two": entry}}))

    cells.run("a = %mcp connect foreign.py").check()
    assert cells.value("[a.name, a.transport]") == ["foreign", "stdio"]
    cells.run("who = 'variable'").check()
    cells.run("%mcp connect --as b --env WHO=$who -- python foreign.py").check()
    assert shown(cells, "%mcp call environment(name='WHO')") == "variable"
    cells.run("c = %mcp connect mcp.json#two").check()
    assert shown(cells, "%mcp call environment name=WHO") == "config"


def test_a_default_connection_is_chosen(tools: KernelRig) -> None:
    tools.run("%mcp serve -t memory").check()
    tools.run("%mcp connect --as one").check()
    tools.run("%mcp connect --as two").check()
    tools.run("r = %mcp call add(1)").check()
    assert tools.value("r.connection") == "two"

    assert "one" in shown(tools, "%mcp use one")

    tools.run("r = %mcp call add(1)").check()
    assert tools.value("r.connection") == "one"
    tools.run("r = %mcp call add(1) --on two").check()
    assert tools.value("r.connection") == "two"


def test_a_token_is_a_variable_and_a_literal_one_draws_a_warning(tools: KernelRig) -> None:
    tools.run("token = 'correct horse battery'").check()
    assert "warning" not in shown(tools, "%mcp serve --token $token")

    assert "401" in tools.run("%mcp connect").evalue
    tools.run("%mcp connect --token $token").check()
    assert shown(tools, "%mcp call add(1)") == "3"
    assert "--token $NAME" in shown(tools, "%mcp serve --as open --token literal-secret")
    assert "correct horse" not in shown(tools, "%mcp flow")


def test_a_literal_secret_of_a_connection_draws_a_warning(tools: KernelRig) -> None:
    tools.run("ep = %mcp serve").check()
    tools.run("key, secret_url = 'sk-1234567', ep.url + '?api_key=sk-7654321'").check()

    for line in ("%mcp connect --header X-Api-Key=$key", "%mcp connect $secret_url"):
        assert "warning" not in shown(tools, line)
    header = shown(tools, "%mcp connect --header X-Api-Key=sk-1234567")
    assert "--header X-Api-Key=$NAME" in header
    url = tools.value("secret_url")
    assert "the api_key in the URL stands in the notebook" in shown(tools, f"%mcp connect {url}")
    assert "--token $NAME" in shown(tools, "%mcp connect --token sk-1234567")
    for text in (header, shown(tools, "%mcp status"), shown(tools, "%mcp flow")):
        assert "sk-" not in text


def test_a_secret_of_a_child_comes_from_a_variable(cells: KernelRig) -> None:
    (cells.cwd / "foreign.py").write_text(FOREIGN)
    cells.run("API_KEY = 'sk-1234567'").check()

    assert "warning" not in shown(cells, "%mcp connect foreign.py --env API_KEY=$API_KEY")
    literal = shown(cells, "%mcp connect foreign.py --env API_KEY=sk-1234567")
    assert "--env API_KEY=$NAME" in literal
    assert "warning" not in shown(cells, "%mcp connect foreign.py --env MAX_TOKENS=500")
    assert "sk-" not in shown(cells, "%mcp connect -- python foreign.py $API_KEY")
    assert shown(cells, "%mcp call environment(name='API_KEY')") == "nothing"


def test_what_runs_is_listed_and_stopped(tools: KernelRig) -> None:
    assert "notebook" in shown(tools, "%mcp status")
    tools.run("%mcp serve").check()
    tools.run("c = %mcp connect --as line").check()

    status, stop = shown(tools, "%mcp status"), shown(tools, "%mcp stop")

    assert "notebook-http" in status
    assert "line" in status
    assert "notebook-http" in stop
    assert "line" in stop
    assert shown(tools, "%mcp close line") == "stopped: line"
    assert tools.value("c.status") == "closed"
    assert shown(tools, "%mcp stop --all") == "stopped: notebook-http"
    assert shown(tools, "%mcp stop --all") == "nothing was running"


def test_the_server_completes_an_argument(cells: KernelRig) -> None:
    cells.run(
        "from mcp.server import MCPServer\nfrom mcp.types import Completion\n"
        "mine = MCPServer('mine')\n"
        "@mine.prompt()\ndef review(language: str) -> str:\n    return language\n"
        "@mine.completion()\nasync def complete(ref, argument, context):\n"
        "    names = [n for n in ('python', 'perl', 'go') if n.startswith(argument.value)]\n"
        "    return Completion(values=names)"
    ).check()
    cells.run("%mcp serve $mine -t memory").check()
    cells.run("%mcp connect").check()

    assert shown(cells, "%mcp complete review language=p") == "['python', 'perl']"


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_notices_of_changed_tools_are_heard(tools: KernelRig, era: str) -> None:
    tools.run("%mcp serve -t memory").check()
    tools.run(f"%mcp connect --era {era}").check()
    tools.run("notices = %mcp listen").check()

    tools.run("%%mcp tool\ndef late(): ...").check()

    assert tools.value("notices.wait(1, 5)") == ["notifications/tools/list_changed"]
    tools.run("notices.stop()").check()


def test_exactly_the_bytes_of_a_cell_are_sent(tools: KernelRig) -> None:
    tools.run("%mcp serve -t tcp").check()
    tools.run("%mcp connect --era legacy").check()

    text = shown(tools, '%%mcp send\n{"jsonrpc": "2.0", "id": "mine", "method": "ping"}')

    assert json.loads(text)["id"] == "mine"
    assert "-32700" in shown(tools, "%%mcp send --timeout 2\nno json at all")


def test_the_flow_is_shown_as_text_and_one_message_in_layers(tools: KernelRig) -> None:
    tools.run("%mcp call add(2, b=3)").check()

    text = shown(tools, "%mcp flow tool:add")
    (seq,) = re.findall(r"#(\d+) .*tools/call", text)
    layers = shown(tools, f"%mcp flow {seq}")
    assert "No message fits this query." in shown(tools, "%mcp flow tool:nope")
    assert shown(tools, "%mcp flow tool:nope --text") == "No message fits this query."

    assert "tools/call add" in text
    assert "'a': 2" in layers or '"a": 2' in layers or "a=2" in layers
    assert "00000000" in layers
    assert len(shown(tools, "%mcp flow --text --last 1").splitlines()) < len(
        shown(tools, "%mcp flow --text").splitlines()
    )


def test_the_trace_is_an_object(tools: KernelRig) -> None:
    tools.run("%mcp call add(2, b=3)").check()
    tools.run("t = %mcp trace tool:add").check()

    assert tools.value("[e.method for e in t.exchanges()]") == ["tools/call"]
    tools.run("everything = %mcp trace").check()
    assert tools.value("len(everything) > len(t)") is True


def test_the_workbench_of_the_kernel_is_there(tools: KernelRig) -> None:
    tools.run("wb = %mcp workbench").check()

    assert tools.value("list(wb.servers)") == ["notebook"]


# ---- configuration ----------------------------------------------------------------------


def test_a_stable_notebook_shows_no_ports_and_times(tools: KernelRig) -> None:
    tools.run("%config MCPMagics.stable = True").check()
    try:
        lines = ["%mcp serve", "%mcp connect", "%mcp call add(1)", "%mcp status",
                 "%mcp flow", "%mcp call boom(0)"]  # fmt: skip
        results = [tools.run(line).check() for line in lines]
    finally:
        tools.run("%config MCPMagics.stable = False").check()

    port = re.search(r":(\d+)/", str(of_workbench(tools, "wb.endpoints['notebook-http'].url")))
    assert port is not None
    for line, result in zip(lines, results, strict=True):
        assert port[1] not in str(result.result), line
        assert not re.search(r"\d ms", str(result.result)), line


def test_the_default_transport_and_time_are_configured(tools: KernelRig) -> None:
    tools.run("%config MCPMagics.transport = 'memory'").check()
    tools.run("%config MCPMagics.timeout = 7").check()
    tools.run("ep = %mcp serve").check()
    tools.run("c = %mcp connect").check()

    assert tools.value("[ep.transport, c.timeout]") == ["memory", 7]
    tools.run("%config MCPMagics.transport = 'http'").check()


# ---- completion ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "expected", "start"),
    [
        ("%mcp ser", ["serve"], 5),
        ("%mcp serve -t web", ["websocket"], 14),
        ("%mcp call ad", ["add"], 10),
        ("%mcp call add(", ["a=", "b="], 14),
        ("x = 1\n%mcp conn", ["connect"], 11),
        ("%mcp call add a=$tw", ["$two"], 16),
    ],
)
def test_tab_completes_in_the_kernel(
    tools: KernelRig, code: str, expected: list[str], start: int
) -> None:
    tools.run("two = 2").check()

    reply = tools.complete(code)

    assert reply["matches"] == expected
    assert (reply["cursor_start"], reply["cursor_end"]) == (start, len(code))
    assert {m["type"] for m in reply["metadata"]["_jupyter_types_experimental"]} == {"mcp"}
