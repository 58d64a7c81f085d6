"""A tool call as it is typed: ``TOOL(expr)``, ``TOOL NAME=VALUE ...``, or a cell of arguments."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_notebook.errors import UsageError

from . import grammar
from .body import body_arguments

if TYPE_CHECKING:
    from .command import Parser
    from .context import Context


@dataclass(frozen=True, kw_only=True)
class ToolCall:
    """A call that was typed, its arguments not yet evaluated.

    Attributes:
        tool: the tool's name.
        options: the options of the line.
        line: the line taken apart.
        body: the cell below the line; ``None`` where there is none.
    """

    tool: str
    options: argparse.Namespace
    line: grammar.CallLine
    body: str | None = None

    def arguments(self, context: Context, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments by name: evaluated in the notebook, or coerced by the tool's schema.

        Raises:
            UsageError: an expression fails, or a value does not fit.
        """
        line, names = self.line, context.names
        if self.body is not None:
            if line.given or line.python is not None:
                raise UsageError(
                    "the arguments stand in the line and in the cell.", hint="Keep one."
                )
            return body_arguments(self.body, names, self.tool)
        if line.python is not None:
            order = list(schema.get("properties") or {})
            return grammar.python_arguments(line.python, names, order, self.tool)
        return grammar.word_arguments(line.given, names, schema, self.tool)

    def answer(self, context: Context) -> Any:
        """What ``--answer`` gives; ``None`` without it."""
        word = self.options.answer
        return None if word is None else grammar.answer_value(word, context.names)


def read_call(parser: Parser, line: str, body: str | None, context: Context) -> ToolCall:
    """Take the line of a call apart.

    Args:
        parser: of the command; it takes a ``tool`` and what is ``given``.
        line: what stands after the command's name.
        body: the cell below, if there is one.
        context: the notebook, for ``$variables``.

    Raises:
        UsageError: no tool is named, an option is unknown, or there is too much.
    """
    flags = {
        text: action.nargs != 0 for action in parser._actions for text in action.option_strings
    }
    found = grammar.call_line(line, flags, command=parser.prog)
    if not found.tool:  # only options: --help, or nothing to call
        parser.parse_args(found.rest)
    parsed = parser.parse_args([found.tool, *parser.filled(found.rest, context.names)])
    if parsed.given:  # what follows the closing bracket
        raise UsageError(
            f"{parsed.given[0]!r} is one too many.",
            hint=f"It goes into the brackets of {found.tool}.",
        )
    return ToolCall(tool=found.tool, options=parsed, line=found, body=body)
