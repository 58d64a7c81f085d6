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
    from mcp_notebook.magics.views import Views


class FlowView(Shown):
    """What travelled: live in a page, as a picture where none is alive, and as text.

    Attributes:
        text: the deterministic text.
        query: what it shows of the Trace.
        options: how the live view begins.
    """

    def __init__(
        self,
        text: str,
        *,
        views: Views | None = None,
        query: str = "",
        options: dict[str, Any] | None = None,
        fallback: str = "",
    ) -> None:
        super().__init__(text)
        self.query = query
        self.options = options or {}
        self._views = views
        self._fallback = fallback

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = {"text/plain": self.text}
        if self._views is None:
            return bundle
        element = self._views.element(self.options, self._fallback)
        if element:
            bundle["text/html"] = element
        if not self._fallback:
            self._views.picture(self.query, self.text)
        return {**bundle, **self._views.elsewhere(self.options)}


def _flow_arguments(parser: Parser) -> None:
    parser.add_argument(
        "query", nargs="*", metavar="QUERY", help="tool:add status:error ..., or a number"
    )
    parser.add_argument("--text", action="store_true", help="as text")
    parser.add_argument(
        "--last", type=int, metavar="N", help="the last N lines of text; 200 without it, 0 for all"
    )
    parser.add_argument("--side", action="store_true", help="beside the notebook")
    preset = parser.add_mutually_exclusive_group()
    preset.add_argument("--learn", action="store_true", help="one exchange at a time, plain words")
    preset.add_argument("--dev", action="store_true", help="errors first, filter, copy, cells")
    parser.add_argument("--big", action="store_true", help="large, for a projector")


def run_flow(context: Context, options: argparse.Namespace, _body: str | None) -> FlowView:
    """``%mcp flow [QUERY]``, ``%mcp flow SEQ``."""
    from mcp_notebook.show.flow import query_text
    from mcp_notebook.show.layers import layers_text
    from mcp_notebook.show.markup import pre

    trace = context.workbench.trace
    views = None if options.text else context.views
    begins: dict[str, Any] = {}
    if options.learn or options.dev:
        begins["preset"] = "learn" if options.learn else "dev"
    if options.big:
        begins["big"] = True
    query = " ".join(str(context.value(word)) for word in options.query)
    if query.lstrip("#").isdigit():
        seq = int(query.lstrip("#"))
        text = layers_text(trace, seq, stable=context.stable)
        begins["select"] = seq
        return FlowView(text, views=views, options=begins, fallback=pre(text))
    if query:
        begins["query"] = query
    _, text = query_text(trace, query, last=options.last, stable=context.stable)
    if options.side and views is not None:
        return views.beside(FlowView(text, views=views, query=query, options=begins))
    return FlowView(text, views=views, query=query, options=begins)


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
        examples=(
            "%mcp flow",
            "%mcp flow --side",
            "%mcp flow status:error --dev",
            "%mcp flow tool:add --text --last 10",
            "%mcp flow 12",
        ),
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
