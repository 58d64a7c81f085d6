"""``bench``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mcp_notebook.errors import UsageError
from mcp_notebook.magics import grammar
from mcp_notebook.magics.asking import Bar
from mcp_notebook.magics.command import Command, Parser, seconds
from mcp_notebook.magics.toolcall import ToolCall
from mcp_notebook.magics.widgets import display

from .compare import words_of_list

if TYPE_CHECKING:
    from mcp_notebook.bench.speed import Load, Speed
    from mcp_notebook.magics.context import Context

_LISTED = "For example %mcp bench stdio,http,websocket --count 500"
_TOOL = "For example --tool 'add(2, b=3)'"


def run_bench(context: Context, options: argparse.Namespace, _body: str | None) -> Speed:
    """``%mcp bench [TRANSPORTS]``."""
    from mcp_notebook.bench.speed import MOST_ROUNDS, Speed, bench

    if not 0 < options.count <= MOST_ROUNDS:
        raise UsageError(f"--count {options.count} is no number of calls.", hint="1 to 10000.")
    bar = Bar(context, "bench")
    found = Speed(call="")

    def told(done: int, of: int, what: str) -> None:
        bar.step(done, of, what or "measured")
        if not what or done == 0:
            bar.draw()

    try:
        return bench(
            context.workbench,
            _load(context, options),
            over=words_of_list(options.over, "TRANSPORTS", _LISTED),
            eras=words_of_list(options.era, "--era", _LISTED),
            rounds=options.count,
            into=found,
            on_round=told,
        )
    except KeyboardInterrupt:
        if found.rounds:  # what was measured is shown all the same
            display(found)
        raise


def _load(context: Context, options: argparse.Namespace) -> Load:
    """What is to be called: the tool of ``--tool``, or an echo."""
    from mcp_notebook.bench.measuring import schema_of
    from mcp_notebook.bench.speed import Load

    if options.tool is None:
        if options.server is not None:
            raise UsageError("--server wants --tool.", hint=_TOOL)
        return Load(timeout=options.timeout)
    line = grammar.call_line(options.tool, {}, command="--tool")
    if not line.tool or line.rest:
        raise UsageError(f"--tool {options.tool!r} is no call.", hint=_TOOL)
    server = context.workbench.servers.find(context.value(options.server))
    call = ToolCall(tool=line.tool, options=options, line=line)
    return Load(
        server=server,
        tool=line.tool,
        arguments=call.arguments(context, schema_of(server, line.tool)),
        timeout=options.timeout,
    )


def _bench_arguments(parser: Parser) -> None:
    parser.add_argument(
        "over",
        nargs="?",
        metavar="T1,T2,...",
        help="transports; pipe,stdio,http,http-json,sse,websocket without it",
    )
    parser.add_argument(
        "--count", type=int, default=200, metavar="N", help="calls of each that count (200)"
    )
    parser.add_argument("--tool", metavar="CALL", help="what is called; an echo without it")
    parser.add_argument("--server", metavar="S", help="whose tool; the notebook's by default")
    parser.add_argument("--era", default="auto", metavar="E1,E2", help="auto, legacy or modern")
    parser.add_argument("--timeout", type=seconds, metavar="S", help="seconds a call may take (60)")


COMMANDS = [
    Command(
        name="bench",
        summary="how quick calls are over each transport, beside a bare pipe, socket and HTTP",
        run=run_bench,
        build=_bench_arguments,
        examples=(
            "%mcp bench",
            "%mcp bench pipe,http,websocket --count 1000",
            "%mcp bench stdio --tool 'add(2, 3)' --era legacy,modern",
        ),
    )
]
