"""How forms and panels come into a notebook: one function shows every widget."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import IPython.display

if TYPE_CHECKING:
    from mcp_notebook.show.markup import Bundle

    from .context import Context

display: Any = IPython.display.display  # IPython has no types


def can_show_widgets(context: Context) -> bool:
    """Whether somebody sits in front of this notebook who could press a button."""
    return hasattr(context.shell, "kernel") and context.can_ask


def show_widget(context: Context, widget: Any, fallback: Bundle, place: Any = None) -> Any:
    """Show a widget that answers also while a cell runs.

    Args:
        context: the notebook.
        widget: an ipywidgets widget.
        fallback: what stands in its place where the widget is not alive: in a saved file, in a
            front end without widgets.
        place: what an earlier call gave: the widget takes that output over.

    Returns:
        The place of the output, for :func:`leave`.
    """
    answer_while_busy(widget)
    data = {**fallback, **context.views.place_of(widget, fallback)}
    if place is None:
        return display(data, raw=True, display_id=True)
    place.update(data, raw=True)
    return place


def leave(place: Any, widget: Any, bundle: Bundle) -> None:
    """End a widget; what stays in its place is plain, also in the saved notebook."""
    with contextlib.suppress(Exception):  # the front end may be gone
        place.update(bundle, raw=True)
    close(widget)


def close(widget: Any) -> None:
    """End a widget and what is in it."""
    for one in list(_walk(widget)):
        for part in (one, getattr(one, "layout", None), getattr(one, "style", None)):
            if part is not None:
                part.close()


def _walk(widget: Any) -> Iterator[Any]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _walk(child)


def answer_while_busy(widget: Any) -> None:
    """Let a click arrive while a cell runs; of what is put into the widget later, too.

    ipykernel 7.4 sends a front end's message to the shell that published last on the comm,
    which is the busy one; left to itself the message takes the subshell of the front end.
    """
    for one in _walk(widget):
        comm = getattr(one, "comm", None)
        if comm is not None and hasattr(comm, "_reply_subshell_for"):
            comm._reply_subshell_for = _as_sent
        if one.has_trait("children"):
            # the same handler is kept once
            one.observe(_follow_children, "children")


def _as_sent(_data: Any, default: Any) -> Any:
    return default


def _follow_children(change: Any) -> None:
    for child in change["new"]:
        if child not in (change["old"] or ()):
            answer_while_busy(child)
