"""What the flow view copies: each line does again what was recorded."""

from __future__ import annotations

import ast
import json
import shlex
from types import SimpleNamespace
from typing import Any

import pytest

from mcp_notebook.magics import grammar
from mcp_notebook.magics.body import body_arguments
from mcp_notebook.magics.commands import COMMANDS
from tests.structure.house import ROOT

CASES: list[dict[str, Any]] = json.loads(
    (ROOT / "widgets" / "test" / "fixtures" / "copies.json").read_text(encoding="utf-8")
)
"""Written by hand; the page makes the same lines (widgets/test/copies.test.ts)."""

NOT_SENT: dict[str, Any] = {"home": "a variable"}


class Recorder:
    """A connection that says what it would send."""

    def __getattr__(self, name: str) -> Any:
        return lambda *given, **named: (name, given, named)

    def start(self, tool: str, arguments: dict[str, Any]) -> Any:
        """A call whose result is what was asked for."""
        return SimpleNamespace(result=lambda: ("call", (tool,), arguments))


def wanted(raw: str) -> Any:
    """What a message stands for, as the recorder says it."""
    try:
        message = json.loads(raw)
    except ValueError:
        return ("send", (raw + "\n",), {})
    params = message.get("params") or {}
    match message["method"]:
        case "tools/call":
            return ("call", (params["name"],), params.get("arguments") or {})
        case "resources/read":
            return ("read", (params["uri"],), {})
        case "prompts/get":
            return ("prompt", (params["name"],), params["arguments"])
        case "completion/complete":
            argument = params["argument"]
            return ("complete", (params["ref"]["name"], argument["name"], argument["value"]), {})
        case "tools/list" | "resources/list" | "prompts/list" as method:
            return (method.split("/")[0], (), {})
    return ("send", (raw + "\n",), {})


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_the_copied_python_sends_the_same(case: dict[str, Any]) -> None:
    tree = ast.parse(case["python"], mode="eval")

    sent = eval(compile(tree, "<copy>", "eval"), {"conn": Recorder()})

    assert sent == wanted(case["raw"])
    assert repr(sent) == repr(wanted(case["raw"]))  # 1.0 is not 1


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_the_copied_line_sends_the_same(case: dict[str, Any]) -> None:
    line, _, body = case["magic"].partition("\n")
    magic, name, rest = line.split(" ", 2)
    command = next(one for one in COMMANDS if one.name == name)
    assert magic == ("%%mcp" if body else "%mcp")
    if name == "call":
        found = grammar.call_line(rest, {"--on": True})
        assert found.rest == ["--on", case["conn"]]
        if body:
            arguments = body_arguments(body, NOT_SENT, found.tool)
        else:
            assert found.python is not None
            arguments = grammar.python_arguments(found.python, {}, [], found.tool)
        sent: Any = ("call", (found.tool,), arguments)
    else:
        options = command.parser().parse_args(grammar.words(rest))
        assert options.on == case["conn"]
        if name == "send":  # the bytes themselves, also of what no other line can say
            assert body == case["raw"]
            return
        sent = ran(command, options)

    assert repr(sent) == repr(wanted(case["raw"]))


def ran(command: Any, options: Any) -> Any:
    """What a command asks of its connection."""
    context = SimpleNamespace(
        connection=lambda _name: Recorder(), value=lambda word: grammar.value(word, NOT_SENT)
    )
    return command.run(context, options, None)


def test_a_line_of_the_shell_is_one_too() -> None:
    """Words are quoted for the line's own grammar; they are shell words as well."""
    for case in CASES:
        line = case["magic"].partition("\n")[0]
        if not line.startswith("%mcp call"):
            assert shlex.split(line)[-1] == case["conn"]
