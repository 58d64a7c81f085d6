"""Forms that call tools and panels that stop things, as a front end drives them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.magics.test_in_kernel import WIDGET, comm_message, form_widgets
from tests.rigs.census import assert_nothing_left, take_census
from tests.rigs.kernel import Execution, KernelRig

pytestmark = pytest.mark.kernel


def opened(kernel: KernelRig, code: str) -> tuple[Execution, list[dict[str, Any]]]:
    """A cell in front of which somebody sits, and the widgets it opened."""
    since = len(kernel.comms)
    execution = kernel.start(code, allow_stdin=True)
    execution.wait().check()
    return execution, form_widgets(kernel, since)


def click(kernel: KernelRig, widgets: list[dict[str, Any]], word: str) -> None:
    button = next(w for w in widgets if w.get("description") == word)
    comm_message(kernel, button, {"method": "custom", "content": {"event": "click"}})


def fill(kernel: KernelRig, widget: dict[str, Any], value: Any) -> None:
    state = {"method": "update", "state": {"value": value}, "buffer_paths": []}
    comm_message(kernel, widget, state)


def filled(kernel: KernelRig, since: int) -> bool:
    """Whether a box that stood empty has got children."""
    said = [m["content"]["data"] for m in kernel.comms[since:] if m["msg_type"] == "comm_msg"]
    return any(data.get("state", {}).get("children") for data in said)


def texts(widgets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [w for w in widgets if w.get("_model_name") in ("TextModel", "TextareaModel")]


def test_without_a_reader_a_tool_is_text(tools: KernelRig) -> None:
    since = len(tools.comms)

    result = tools.run("%mcp tools add").check()

    assert result.text.startswith("add(a: integer, b: integer = 2)\n")
    assert "Add two numbers." in result.text
    assert '"integer"' in result.text
    assert result.displays == []
    assert form_widgets(tools, since) == []


def test_a_tool_that_is_not_there_is_one_line(tools: KernelRig) -> None:
    result = tools.run("%mcp tools ad")

    assert (result.ename, result.evalue) == (
        "UsageError",
        "notebook-memory has no tool 'ad'. Did you mean add?",
    )


def test_the_page_of_a_tool_is_an_object(tools: KernelRig) -> None:
    tools.run("name = 'boom'\nt = %mcp tools $name").check()

    assert tools.value("[t.name, t.tool.description, list(t.schema['properties'])]") == [
        "boom", "Divide.", ["x"],
    ]  # fmt: skip


def test_a_form_calls_its_tool_again_and_again(tools: KernelRig) -> None:
    execution, widgets = opened(tools, "%mcp tools add")
    (form,) = [d for d in execution.so_far().displays if WIDGET in d]
    assert "needs a running kernel" in form["text/plain"]
    a, b = texts(widgets)
    assert (a["value"], b["value"]) == ("", "2")

    fill(tools, a, "40")
    click(tools, widgets, "Call")
    shown = execution.wait_for_text("42").displays[-1]
    called = tools.run("%mcp call add(40)").check().result
    assert called is not None
    assert (shown["text/plain"], shown.keys()) == ("42", called.keys())
    fill(tools, b, "3")
    click(tools, widgets, "Call")
    execution.wait_for_text("43")

    line = "%mcp call add(a=40, b=3)"
    assert line in str([m["content"]["data"] for m in tools.comms])


def test_a_form_shows_what_went_wrong(tools: KernelRig) -> None:
    execution, widgets = opened(tools, "%mcp tools boom")
    fill(tools, texts(widgets)[0], "0")
    click(tools, widgets, "Call")

    text = execution.wait_for_text("boom failed").text
    assert "ZeroDivisionError" in text
    assert "in boom: return 1 / x" in text

    tools.run("%mcp remove boom").check()
    click(tools, widgets, "Call")
    execution.wait_for_text("has no tool 'boom'")


def test_a_form_finds_another_connection_when_its_own_is_gone(tools: KernelRig) -> None:
    tools.run("%mcp serve -t memory --as one").check()
    tools.run("%mcp connect one").check()
    execution, widgets = opened(tools, "%mcp tools add")
    tools.run("%mcp stop --all").check()

    fill(tools, texts(widgets)[0], "1")
    click(tools, widgets, "Call")

    execution.wait_for_text("\n3")


def test_a_secret_of_a_form_reaches_the_tool_and_nothing_that_is_shown(cells: KernelRig) -> None:
    cells.run("%%mcp tool\ndef login(password: str) -> str:\n    return f'{len(password)} long'")
    execution, widgets = opened(cells, "%mcp tools login")
    (field,) = [w for w in widgets if w.get("_model_name") == "PasswordModel"]
    since = len(cells.comms)

    fill(cells, field, "correct-horse")
    click(cells, widgets, "Call")

    text = execution.wait_for_text("13 long").text
    assert "correct-horse" not in text
    assert "correct-horse" not in cells.run("%mcp flow --text").check().text
    assert "login(password=password)" in str(cells.comms[since:])


ASKS = '''\
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


def test_a_question_of_a_tool_is_answered_inside_its_form(cells: KernelRig) -> None:
    cells.run(ASKS).check()
    execution, widgets = opened(cells, "%mcp tools tall")
    since = len(cells.comms)
    click(cells, widgets, "Call")
    # widgets open before anybody listens to them, and are seen when their box is filled
    cells.wait_until(lambda: filled(cells, since), 20, "the question")
    question = form_widgets(cells, since)

    fill(cells, texts(question)[0], "180")
    click(cells, question, "Send")

    execution.wait_for_text("180 cm")


# ---- the panel ----------------------------------------------------------------------------------


def test_a_panel_stops_what_its_button_stands_for(tools: KernelRig) -> None:
    tools.run("ep = %mcp serve").check()
    tools.run("c = %mcp connect").check()
    execution, widgets = opened(tools, "%mcp workbench")
    (panel,) = [d for d in execution.so_far().displays if WIDGET in d]
    assert "notebook-http" in panel["text/plain"]
    assert "<table" in panel["text/html"]
    assert {"text": tools.value("ep.url")} in [
        m["content"]["data"].get("state") for m in tools.comms if m["msg_type"] == "comm_msg"
    ]

    click(tools, widgets, "Stop")

    tools.wait_until(
        lambda: "stopped: notebook-http" in str(tools.comms), 20, "the end of the endpoint"
    )
    assert tools.value("[ep.status, c.is_open]") == ["stopped", False]


def test_a_panel_follows_what_comes_and_goes(tools: KernelRig) -> None:
    _, widgets = opened(tools, "%mcp workbench")
    since = len(tools.comms)
    tools.run("%mcp serve -t memory --as later").check()
    tools.wait_until(lambda: "later" in str(tools.comms[since:]), 20, "the new endpoint")

    click(tools, widgets, "Stop all")

    tools.wait_until(lambda: "stopped: later" in str(tools.comms[since:]), 20, "the end of it")
    assert tools.run("%mcp stop").check().text == "Nothing runs that could be stopped."


def test_without_a_reader_the_workbench_is_a_table(tools: KernelRig) -> None:
    result = tools.run("%mcp workbench").check()

    assert result.text == tools.run("%mcp status").check().text
    assert result.displays == []


def test_unloading_ends_panels_and_leaves_nothing_behind(kernel: KernelRig) -> None:
    def use() -> None:
        kernel.run("%load_ext mcp_notebook").check()
        kernel.run("%%mcp tool\ndef one() -> int:\n    return 1").check()
        kernel.run("%mcp serve").check()
        _, widgets = opened(kernel, "%mcp workbench")
        execution, widgets = opened(kernel, "%mcp tools one")
        click(kernel, widgets, "Call")
        execution.wait_for_text("\n1")
        kernel.run("%unload_ext mcp_notebook").check()
        kernel.run("%reset -f").check()

    use()
    before = take_census(kernel)
    use()

    assert_nothing_left(kernel, before)
    assert "The workbench is closed" in str(kernel.comms)
