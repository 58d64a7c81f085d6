"""``flow``, ``trace``, ``why``, ``nest``."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING, Any

from mcp_notebook.errors import UsageError
from mcp_notebook.magics.command import Command, Parser
from mcp_notebook.magics.context import Shown

if TYPE_CHECKING:
    from mcp_notebook.magics.context import Context


class FlowView(Shown):
    """What travelled, as text."""


def _flow_arguments(parser: Parser) -> None:
    parser.add_argument(
        "query", nargs="*", metavar="QUERY", help="tool:add status:error ..., or a number"
    )
    parser.add_argument("--text", action="store_true", help="as text")
    parser.add_argument(
        "--last", type=int, metavar="N", help="the last N lines; 200 without it, 0 for all"
    )


def run_flow(context: Context, options: argparse.Namespace, _body: str | None) -> FlowView:
    """``%mcp flow [QUERY]``, ``%mcp flow SEQ``."""
    from mcp_notebook.show.flow import flow_text
    from mcp_notebook.show.layers import layers_text

    trace = context.workbench.trace
    query = " ".join(str(context.value(word)) for word in options.query)
    if query.lstrip("#").isdigit():
        return FlowView(layers_text(trace, int(query.lstrip("#")), stable=context.stable))
    if query:
        trace = trace.select(query)
        if not len(trace) and len(trace.whole):
            return FlowView("No message fits this query.")
    return FlowView(flow_text(trace, last=options.last, stable=context.stable))


def _trace_arguments(parser: Parser) -> None:
    parser.add_argument(
        "query", nargs="*", metavar="QUERY", help="tool:add status:error slow:>100ms"
    )
    parser.add_argument("--clear", action="store_true", help="forget what was recorded so far")


def run_trace(context: Context, options: argparse.Namespace, _body: str | None) -> Any:
    """``%mcp trace [QUERY]``."""
    trace = context.workbench.trace
    if options.clear:
        trace.clear()
    query = " ".join(str(context.value(word)) for word in options.query)
    return trace.select(query) if query else trace


def run_why(context: Context, _options: argparse.Namespace, _body: str | None) -> Shown:
    """``%mcp why``."""
    return Shown(context.workbench.why())


def run_nest(_context: Context, _options: argparse.Namespace, _body: str | None) -> Shown:
    """``%mcp nest``: make the kernel's event loop re-entrant."""
    import sys

    if "nest_asyncio" in sys.modules and hasattr(asyncio, "_nest_patched"):
        return Shown(
            "nest_asyncio is already applied in this kernel. It is archived and broken on "
            "Python 3.14; restart and use %mcp nest alone."
        )
    import nest_asyncio2

    try:
        nest_asyncio2.apply()
    except (RuntimeError, ValueError) as error:
        raise UsageError(f"this event loop cannot be made re-entrant: {error}") from None
    return Shown("asyncio.run(...) works in this kernel now, until it is restarted.")


COMMANDS = [
    Command(
        name="flow",
        summary="what travelled, message by message",
        run=run_flow,
        build=_flow_arguments,
        examples=("%mcp flow", "%mcp flow tool:add --last 10", "%mcp flow 12"),
    ),
    Command(
        name="trace",
        summary="the Trace, or the part that a query selects",
        run=run_trace,
        build=_trace_arguments,
        examples=("t = %mcp trace status:error",),
    ),
    Command(name="why", summary="the last failure in full", run=run_why),
    Command(
        name="nest",
        summary="let pasted scripts call asyncio.run(...) in cells",
        run=run_nest,
        examples=("%mcp nest",),
    ),
]
