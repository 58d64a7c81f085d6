"""The live views of this notebook: one feed for all, and a still picture of each."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .widgets import display

if TYPE_CHECKING:
    from mcp_notebook.show.markup import Html
    from mcp_notebook.show.widget import FlowFeed
    from mcp_notebook.trace.store import Trace

    from .commands.look import FlowView
    from .context import Context

MAX_PICTURES: Final = 8
"""So many views get a new picture when cells end; those opened before keep their last one."""

DRAWING_S: Final = 0.3
"""So long the end of a cell may take to draw old pictures anew; the rest waits for the next."""


@dataclass
class Picture:
    """The picture of a view, in an output of its own.

    Attributes:
        query: what the view shows of the Trace.
        text: the text that the view itself stands beside.
        cell: the id of its cell, and the number of the run that showed it.
        handle: the output; ``None`` until the view's cell ends.
        drawn: the state of the Trace it shows.
    """

    query: str
    text: str
    cell: tuple[str, int]
    handle: Any = None
    drawn: tuple[int, int] = (-1, -1)


def widget_view(widget: Any) -> dict[str, Any]:
    """A widget as an output of its own."""
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {"application/vnd.jupyter.widget-view+json": view}


class Views:
    """Makes the places of live views and keeps what stands in them when the kernel is gone.

    Args:
        context: the notebook.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._feed: FlowFeed | None = None
        self._pictures: list[Picture] = []
        self._count = 0
        self._beside: Any = None

    @property
    def live(self) -> bool:
        """Whether something is shown that changes by itself.

        Not in a terminal; and not where outputs must be the same in every run and no notebook
        server is there whose reader could look.
        """
        if not self.shown:
            return False
        return not self._context.stable or self.served

    @property
    def served(self) -> bool:
        """Whether a Jupyter server started this kernel, for JupyterLab or a Notebook."""
        return bool(os.environ.get("JPY_SESSION_NAME"))

    @property
    def shown(self) -> bool:
        """Whether outputs go to a notebook at all."""
        return hasattr(self._context.shell, "kernel")

    @property
    def feed(self) -> FlowFeed:
        """What carries the Trace to the pages, made when it is first needed."""
        if self._feed is None:
            from mcp_notebook.show.widget import FlowFeed

            from .doing import Doing
            from .widgets import answer_while_busy

            workbench = self._context.workbench
            name = uuid.uuid4().hex[:12]
            self._feed = FlowFeed(workbench.trace, feed=name, do=Doing(workbench))
            answer_while_busy(self._feed)
        return self._feed

    def element(self, options: Mapping[str, Any], fallback: str = "") -> Html:
        """The place of a live view in a page; the fallback alone where nothing lives."""
        from mcp_notebook.show.elements import view_element
        from mcp_notebook.show.markup import safe

        if not self.live:
            return safe(fallback)
        self._count += 1
        return view_element(self.feed.feed, str(self._count), options, fallback)

    def place_of(self, widget: Any, fallback: Mapping[str, Any]) -> dict[str, Any]:
        """Where an ordinary widget is shown: what is to be put into its output.

        In Jupyter's own front ends it is an element that the feed fills: a saved notebook then
        shows the fallback, where an ordinary widget would show an error message.
        """
        if not self.served:
            return widget_view(widget)
        from mcp_notebook.show.elements import widget_element
        from mcp_notebook.show.markup import Html, pre

        shown = fallback.get("text/html")
        below = pre(str(fallback["text/plain"])) if shown is None else Html(shown)
        return {"text/html": widget_element(self.feed.feed, widget.model_id, below)}

    def beside(self, view: FlowView) -> FlowView:
        """Dock a view beside the notebook, where it stays in sight; one at a time.

        JupyterLab docks it by the extension that comes with ``sidecar``. Where that is missing,
        and in a Notebook, which has no room to dock in, the page itself floats it at the side.
        """
        if not self.live:
            return view
        docked = {**view.options, "docked": True}
        view.options = {**view.options, "beside": True}
        try:
            from sidecar import Sidecar
        except ImportError:
            return view
        if self._beside is not None:
            self._beside.close()
        output = {
            "output_type": "display_data",
            "data": {"text/plain": view.text, "text/html": self.element(docked)},
            "metadata": {},
        }
        self._beside = Sidecar(title="MCP flow", anchor="split-right", outputs=(output,))
        return view

    def elsewhere(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The live view as an ordinary widget, for front ends that are not Jupyter's own.

        They load a widget only where one is displayed; all views of a notebook then begin alike.
        """
        if self.served or not self.live or not self._context.can_ask:
            return {}
        self.feed.options = dict(options)
        return widget_view(self.feed)

    def picture(self, query: str, text: str) -> None:
        """Draw the picture of a view when this cell ends, and anew when later ones do."""
        if self.shown:
            cell = self._context.cell_id, self._context.cell_number
            # a cell that runs again has lost the outputs it had
            kept = [
                p for p in self._pictures if not cell[0] or p.cell[0] != cell[0] or p.cell == cell
            ]
            self._pictures = [*kept, Picture(query, text, cell)][-MAX_PICTURES:]

    def cell_ended(self) -> None:
        """Draw the pictures that are due."""
        if self._pictures:
            trace = self._context.workbench.trace
            now = (trace.last_seq, trace.cleared_seq)
            until = time.monotonic() + DRAWING_S
            # the one that was drawn longest ago first, so that each gets its turn
            for picture in sorted(self._pictures, key=lambda one: one.drawn):
                if picture.handle is None or (picture.drawn != now and time.monotonic() < until):
                    picture.drawn = now
                    self._draw(picture, trace)
            if self._context.stable:  # what a picture shows must not hang on later cells
                self._pictures.clear()
        if self._feed is not None:
            self._feed.snap()

    def _draw(self, picture: Picture, trace: Trace) -> None:
        from mcp_notebook.show.flow import query_text
        from mcp_notebook.show.picture import picture_html

        stable = self._context.stable
        name = self.feed.feed if self.live else ""
        part, text = query_text(trace, picture.query, stable=stable)
        bundle = {
            "text/plain": "(a picture of the same)" if text == picture.text else text,
            "text/html": picture_html(part, name, stable=stable),
        }
        if picture.handle is None:
            picture.handle = display(bundle, raw=True, display_id=True)
        else:
            picture.handle.update(bundle, raw=True)

    def close(self) -> None:
        """Let go of the feed."""
        self._pictures.clear()
        for widget in (self._beside, self._feed):
            if widget is not None:
                widget.close()
        self._beside = self._feed = None
