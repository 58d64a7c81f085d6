"""Commands and the parser of their lines."""

from __future__ import annotations

import pytest

from mcp_notebook.errors import UsageError
from mcp_notebook.magics.command import Command, HelpAsked
from mcp_notebook.magics.commands import COMMANDS

CONTRACT = [
    *("tool", "resource", "prompt", "add", "remove", "call", "send", "serve", "connect", "use"),
    *("tools", "resources", "prompts", "read", "complete", "listen", "status", "stop", "flow"),
    *("trace", "why", "nest", "workbench"),
]

every_command = pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.name)


def named(name: str) -> Command:
    return next(c for c in COMMANDS if c.name == name)


def test_the_contract_is_kept() -> None:
    assert [name for name in CONTRACT if name not in {c.name for c in COMMANDS}] == []


def test_no_two_commands_answer_to_one_name() -> None:
    names = [name for c in COMMANDS for name in (c.name, *c.aliases)]

    assert len(names) == len(set(names))


@every_command
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_command_explains_itself(command: Command, option: str) -> None:
    with pytest.raises(HelpAsked) as asked:
        command.parser().parse_args([option])

    shown = asked.value.text
    assert shown.startswith(f"usage: {command.typed}")
    assert command.summary in shown
    assert "%%%%" not in shown


@every_command
def test_every_argument_of_a_command_is_explained(command: Command) -> None:
    assert [a.dest for a in command.parser()._actions if not a.help] == []


@every_command
def test_an_unknown_option_shows_the_usage_in_one_line(command: Command) -> None:
    with pytest.raises(UsageError, match="there is no option --nonsense") as caught:
        command.parser().parse_args(["a", "b", "--nonsense=1"])

    assert f"Usage: {command.typed}" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("command", "typed", "meant"),
    [
        ("serve", "--prot", "--port"),
        ("serve", "--transprot", "--transport"),
        ("connect", "--erra", "--era"),
        ("call", "--strickt", "--strict"),
    ],
)
def test_an_option_that_is_nearly_right_is_recognised(command: str, typed: str, meant: str) -> None:
    with pytest.raises(UsageError, match=f"Did you mean {meant}"):
        named(command).parser().parse_args(["x", typed])


@pytest.mark.parametrize(
    ("command", "typed"), [("serve", "--por"), ("connect", "--er"), ("call", "--str")]
)
def test_an_option_cannot_be_abbreviated(command: str, typed: str) -> None:
    """Otherwise a new option could change what a stored notebook does."""
    with pytest.raises(UsageError, match="there is no option"):
        named(command).parser().parse_args(["x", typed, "5"])


@pytest.mark.parametrize(
    ("command", "words", "expected"),
    [
        ("use", [], "%mcp use: C is missing."),
        ("use", ["a", "b"], "%mcp use: 'b' is one too many."),
        ("serve", ["--port", "many"], "%mcp serve: argument --port: invalid int value: 'many'"),
        ("serve", ["--port"], "%mcp serve: argument --port: expected one argument"),
        ("tool", ["--thread", "main"], "%%mcp tool: argument --thread: invalid choice: 'main'"),
        ("read", [], "%mcp read: URI is missing."),
    ],
)
def test_a_wrong_line_is_said_in_one(command: str, words: list[str], expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        named(command).parser().parse_args(words)

    assert str(caught.value).startswith(expected)
    assert "Usage: " in str(caught.value)
