"""``compare``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mcp_notebook.errors import UsageError
from mcp_notebook.magics.asking import Bar
from mcp_notebook.magics.command import Command, Parser, seconds
from mcp_notebook.magics.toolcall import read_call

if TYPE_CHECKING:
    from mcp_notebook.magics.context import Context
    from mcp_notebook.trace.comparison import Comparison

MOST_CALLS = 1000
"""Measured calls of a column; more is a load test, not a comparison."""


def _compare_arguments(parser: Parser) -> None:
    parser.add_argument("tool", metavar="TOOL", help="add(a=2, b=3), or add a=2 b=3")
    parser.add_argument("given", nargs="*", metavar="NAME=VALUE", help="arguments by name")
    parser.add_argument(
        "--over",
        metavar="T1,T2,...",
        help="transports; pipe,stdio,http,http-json,sse,websocket without it",
    )
    parser.add_argument("--eras", default="auto", metavar="E1,E2,...", help="auto,legacy,modern")
    parser.add_argument("--server", metavar="S", help="whose tool; the notebook's by default")
    parser.add_argument(
        "--repeat", type=_count, default=1, metavar="N", help="measured calls; times are medians"
    )
    parser.add_argument("--timeout", type=seconds, metavar="S", help="seconds a call may take (60)")
    parser.add_argument("--answer", metavar="J", help="answers the server's question in advance")


def _count(text: str) -> int:
    found = int(text)
    if not 0 < found <= MOST_CALLS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of calls; 1 to {MOST_CALLS}.")
    return found


def words_of_list(text: str | None, option: str, hint: str) -> list[str]:
    """The words of a list with commas.

    Raises:
        UsageError: there is nothing between two commas.
    """
    if text is None:
        return []
    names = [word.strip() for word in text.split(",")]
    if not all(names):
        raise UsageError(f"{option} {text!r} names nothing between its commas.", hint=hint)
    return names


_LISTED = "For example --over stdio,http --eras legacy,modern"


def run_compare(context: Context, options: argparse.Namespace, _body: str | None) -> Comparison:
    """``%mcp compare TOOL(...)``."""
    call = read_call(COMPARE.parser(), options.line, None, context)
    parsed = call.options
    from mcp_notebook.bench.measuring import Plan, compare, schema_of

    workbench = context.workbench
    server = workbench.servers.find(context.value(parsed.server))
    over = words_of_list(parsed.over, "--over", _LISTED)
    eras = words_of_list(parsed.eras, "--eras", _LISTED)
    plan = Plan(
        server=server,
        tool=call.tool,
        arguments=call.arguments(context, schema_of(server, call.tool)),
        answer=call.answer(context),
        timeout=parsed.timeout,
        repeat=parsed.repeat,
    )
    bar = Bar(context, f"compare {call.tool}")

    def told(done: int, of: int, label: str) -> None:
        bar.step(done, of, label or "compared")
        bar.draw()

    return compare(workbench, plan, over=over, eras=eras, on_column=told)


COMPARE = Command(
    name="compare",
    summary="the same call over several transports, side by side",
    run=run_compare,
    build=_compare_arguments,
    raw=True,
    examples=(
        "%mcp compare add(2, b=3)",
        "%mcp compare add a=2 b=3 --over stdio,http,websocket",
        "%mcp compare add(2, 3) --over http --eras legacy,modern --repeat 20",
    ),
)

COMMANDS = [COMPARE]
