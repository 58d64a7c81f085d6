"""Tab on a ``%mcp`` line, answered from memory."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from mcp_notebook.magics.commands import COMMANDS
from mcp_notebook.magics.completion import Completer
from mcp_notebook.runtime.workbench import Workbench


def completer(bench: Workbench | None = None, **names: Any) -> Completer:
    commands = {word: c for c in COMMANDS for word in (c.name, *c.aliases)}
    magics: Any = SimpleNamespace(
        listed=COMMANDS, commands=commands, existing=bench, context=SimpleNamespace(names=names)
    )
    return Completer(magics)


def offers(text: str, bench: Workbench | None = None, **names: Any) -> list[str]:
    found = completer(bench, **names).complete(text)
    assert found["suppress"] is True, "jedi would run on this line"
    assert all(c.text.startswith(found["matched_fragment"]) for c in found["completions"])
    return [c.text for c in found["completions"]]


def add(a: int, b: int = 2) -> int:
    """Add two numbers."""
    return a + b


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A server with a tool, an endpoint and a connection."""
    with Workbench(folder=str(tmp_path_factory.mktemp("bench"))) as bench:
        bench.tool(add)
        bench.tool(add, name="add_all")
        bench.serve(transport="memory", name="near")
        bench.connect("near", name="line")
        yield bench


@pytest.mark.parametrize("magic", ["%mcp ", "%%mcp ", "  %mcp  ", "ep = %mcp ", "x=%mcp "])
def test_commands_come_first(magic: str) -> None:
    found = offers(magic)

    assert {"call", "serve", "connect", "tool", "help"} <= set(found)
    assert offers(magic + "se") == ["serve", "send"] or offers(magic + "se") == ["send", "serve"]


@pytest.mark.parametrize(
    "text", ["", "x = 1", "%mcpx ", "%time mcp ", "print('%mcp '", "%mcp", "%mc"]
)
def test_other_lines_are_left_to_others(text: str) -> None:
    assert completer().complete(text) == {"completions": [], "suppress": False}


@pytest.mark.parametrize("text", ["%mcp nonsense ", "%mcp call zzz", "%mcp status x"])
def test_a_line_with_nothing_to_offer_is_still_kept_from_jedi(text: str) -> None:
    assert offers(text) == []


def test_only_the_line_of_the_cursor_counts() -> None:
    assert offers("import os\n%mcp conn") == ["connect"]
    assert completer().complete("%mcp call add\nos.")["suppress"] is False


def test_help_takes_a_command() -> None:
    assert "connect" in offers("%mcp help co")


def test_options_are_those_of_the_command() -> None:
    assert set(offers("%mcp serve --")) >= {"--transport", "--port", "--token", "--as", "--help"}
    assert "--era" in offers("%mcp connect --e")
    assert "--era" not in offers("%mcp serve --e")


def test_an_option_that_stands_there_is_not_offered_again() -> None:
    assert "--strict" not in offers("%mcp call add --strict --s")


@pytest.mark.parametrize("option", ["-t", "--transport"])
def test_transports_are_offered_by_name(option: str, bench: Workbench) -> None:
    assert set(offers(f"%mcp serve {option} ", bench)) >= {"memory", "stdio", "http", "websocket"}
    assert set(offers(f"%mcp serve {option} http", bench)) == {"http", "http-json"}


def test_transports_are_offered_before_anything_has_run() -> None:
    assert "websocket" in offers("%mcp serve -t w")


def test_eras_and_threads_are_offered() -> None:
    assert offers("%mcp connect --era l") == ["legacy"]
    assert offers("%%mcp tool --thread ") == ["kernel"]


def test_names_of_this_kernel_are_offered(bench: Workbench) -> None:
    assert offers("%mcp call --on ", bench) == ["line"]
    assert offers("%mcp use ", bench) == ["line"]
    assert offers("%mcp connect n", bench) == ["near", "notebook"]
    assert offers("%mcp serve no", bench) == ["notebook"]
    assert offers("%mcp stop ", bench) == ["near", "line"]
    assert offers("%mcp close l", bench) == ["line"]
    assert offers("%%mcp tool --server ", bench) == ["notebook"]
    assert offers("%mcp remove ", bench) == ["add", "add_all"]


def test_tools_are_offered_to_call(bench: Workbench) -> None:
    assert offers("%mcp call ", bench) == ["add", "add_all"]
    assert offers("%mcp call --strict a", bench) == ["add", "add_all"]
    assert offers("r = %mcp call add_", bench) == ["add_all"]


def test_tools_are_offered_to_look_at(bench: Workbench) -> None:
    assert offers("%mcp tools ", bench) == ["add", "add_all"]
    assert offers("%mcp tools add_", bench) == ["add_all"]
    assert offers("%mcp tools --on line a", bench) == ["add", "add_all"]
    assert offers("%mcp tools add ", bench) == []
    assert offers("%mcp tools --on line add ", bench) == []
    assert offers("%mcp tools --on nowhere a", bench) == []


@pytest.mark.parametrize("start", ["add ", "add(", "--strict add("])
def test_arguments_of_the_tool_are_offered(start: str, bench: Workbench) -> None:
    assert offers(f"%mcp call {start}", bench) == ["a=", "b="]


@pytest.mark.parametrize("start", ["add a=1 ", "add(a=1, ", "add(a=1,"])
def test_an_argument_that_is_given_is_not_offered_again(start: str, bench: Workbench) -> None:
    assert offers(f"%mcp call {start}", bench) == ["b="]


def test_tools_that_were_only_defined_are_offered_too(tmp_path: Any) -> None:
    with Workbench(folder=str(tmp_path)) as bench:
        bench.tool(add)

        assert offers("%mcp call a", bench) == ["add"]
        assert offers("%mcp call add(", bench) == ["a=", "b="]
        assert not bench.loop.running, "a completion started something"


@pytest.mark.parametrize(
    "start", ["call echo ", "call echo text=", "serve --token ", "connect --header X-Key="]
)
def test_variables_are_offered_after_a_dollar(start: str) -> None:
    assert offers(f"%mcp {start}$na", name="x", _nasty=1, other=2) == ["$name"]


def test_functions_of_the_notebook_are_offered_to_add(bench: Workbench) -> None:
    assert offers("%mcp add ", bench, greet=print, number=5, _hidden=print) == ["greet"]


def test_words_of_a_query_are_offered(bench: Workbench) -> None:
    assert "tool:" in offers("%mcp flow t", bench) or "tool:" in offers("%mcp trace ", bench)
