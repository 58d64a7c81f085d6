"""How objects of this package show themselves in a notebook, registered and taken back."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from . import benchviews, handoffviews

if TYPE_CHECKING:
    from .extension import MCPMagics

SHOWN_BY = {
    ("mcp_notebook.runtime.results", "CallResult"): "call_result",
    ("mcp_notebook.runtime.results", "ReadResult"): "read_result",
    ("mcp_notebook.runtime.results", "PromptResult"): "prompt_result",
    ("mcp_notebook.runtime.results", "Listing"): "listing",
    ("mcp_notebook.magics.commands.define", "Changes"): "changes",
    ("mcp_notebook.runtime.endpoint", "Endpoint"): "endpoint",
    ("mcp_notebook.runtime.connection", "Connection"): "connection",
    ("mcp_notebook.runtime.listening", "Listening"): "listening",
    ("mcp_notebook.runtime.workbench", "Workbench"): "status",
    ("mcp_notebook.trace.comparison", "Comparison"): "comparison",
}
"""Types by module and name, and the function of ``show.values`` that makes their bundle."""


_RESULT = ("mcp_notebook.runtime.results", "CallResult")
_WORKBENCH = ("mcp_notebook.runtime.workbench", "Workbench")
_CHOOSER = ("mcp_notebook.bench.articles.chooser", "Chooser")


class Formatters:
    """Registers a bundle maker for each type with IPython, without importing the types."""

    def __init__(self, magics: MCPMagics) -> None:
        self._magics = magics

    @property
    def _formatter(self) -> Any:
        shell: Any = self._magics.shell
        return shell.display_formatter.mimebundle_formatter

    def register(self) -> None:
        """Make the types show themselves."""
        self._displayed.for_type_by_name(*_RESULT, self._unless_shown)
        self._displayed.for_type_by_name(*_WORKBENCH, self._as_panel)
        self._displayed.for_type_by_name(*_CHOOSER, self._as_form)
        formatter = self._formatter
        for (module, name), maker in SHOWN_BY.items():
            formatter.for_type_by_name(module, name, self._shower(maker))
        for views in (benchviews, handoffviews):
            for (module, name), maker in views.SHOWN_BY.items():
                formatter.for_type_by_name(module, name, self._view_shower(views, maker))

    def unregister(self) -> None:
        """Take it back."""
        for shown in (_RESULT, _WORKBENCH, _CHOOSER):
            self._displayed.pop(".".join(shown), None)
        formatter = self._formatter
        for module, name in (*SHOWN_BY, *benchviews.SHOWN_BY, *handoffviews.SHOWN_BY):
            formatter.pop(f"{module}.{name}", None)

    @property
    def _displayed(self) -> Any:
        shell: Any = self._magics.shell
        return shell.display_formatter.ipython_display_formatter

    def _as_panel(self, workbench: Any) -> None:
        """Show a panel where somebody can press its buttons, else the table of what runs."""
        self._magics.context.panels.show(workbench)

    def _as_form(self, chooser: Any) -> None:
        """Show a chooser to tick in where somebody can, else the flow that opens by itself."""
        benchviews.show_chooser(self._magics.context, chooser)

    def _view_shower(self, views: ModuleType, maker: str) -> Callable[[Any], dict[str, Any]]:
        def show(thing: Any) -> dict[str, Any]:
            bundle: dict[str, Any] = getattr(views, maker)(thing, stable=self._magics.stable)
            return bundle

        return show

    def _unless_shown(self, result: Any) -> None:
        """Show no second time, and for ever pending, what stands below its form and changes."""
        context = self._magics.context
        if context.shown_below_form != (id(result), context.cell_number):
            raise NotImplementedError  # IPython then shows it as anything else

    def _with_flow(self, result: Any, bundle: dict[str, Any]) -> dict[str, Any]:
        """The result of a call, and below it its own flow in one line that opens."""
        context = self._magics.context
        exchange = result.exchange if context.views.shown and not result.pending else None
        if exchange is None:
            return bundle
        from mcp_notebook.show.markup import Html, joined, pre
        from mcp_notebook.show.mini import mini

        trace = context.workbench.trace
        fallback = mini(trace, exchange, stable=self._magics.stable)
        flow = context.views.element({"mini": exchange.seq}, fallback)
        shown = bundle.get("text/html")
        above = pre(bundle["text/plain"]) if shown is None else Html(shown)
        return {**bundle, "text/html": joined([above, flow])}

    def _with_bytes(self, comparison: Any, bundle: dict[str, Any]) -> dict[str, Any]:
        """The table of a comparison; where a page is alive, each of its cells opens its bytes."""
        from mcp_notebook.show.markup import Html

        table = Html(bundle.get("text/html", ""))
        views = self._magics.context.views
        return {**bundle, "text/html": views.element(comparison.options(), table)}

    def _shower(self, maker: str) -> Callable[[Any], dict[str, Any]]:
        def show(thing: Any) -> dict[str, Any]:
            values = importlib.import_module("mcp_notebook.show.values")
            bundle: dict[str, Any] = getattr(values, maker)(thing, stable=self._magics.stable)
            if maker == "call_result":
                return self._with_flow(thing, bundle)
            if maker == "comparison":
                return self._with_bytes(thing, bundle)
            return bundle

        return show
