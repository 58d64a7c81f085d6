"""Waiting for a call on the main thread: progress, questions, results that come later."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .widgets import can_show_widgets, close, display, leave, show_widget

if TYPE_CHECKING:
    from mcp_notebook.runtime.calls import PendingCall
    from mcp_notebook.runtime.connection import Connection
    from mcp_notebook.runtime.questions import Question
    from mcp_notebook.runtime.results import CallResult
    from mcp_notebook.show.markup import Bundle

    from .context import Context

PROGRESS_EVERY_S = 0.1
"""A bar is redrawn at most this often."""


class Bar:
    """A progress bar in the running cell, drawn by the main thread."""

    def __init__(self, context: Context, tool: str) -> None:
        self._main = context.workbench.main
        self._tool = tool
        self._handle: Any = None
        self._last: tuple[float, float | None, str | None] | None = None
        self._drawn_at = 0.0
        self._drawn: object = None

    def step(self, value: float, total: float | None, message: str | None) -> None:
        """Progress came; called on the background loop."""
        self._last = (value, total, message)
        now = time.monotonic()
        if now - self._drawn_at >= PROGRESS_EVERY_S:
            self._drawn_at = now
            self._main.call(self.draw)

    def draw(self) -> None:
        """Draw what came last, if it is not drawn yet; on the main thread."""
        from mcp_notebook.show.progress import progress

        if self._last is None or self._drawn == self._last:
            return
        self._drawn = self._last
        bundle = progress(self._tool, *self._last)
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


class FormAsker:
    """Asks by a form in the cell; several questions of one call share one output.

    Once the last one is answered, the output holds plain lines: a form that nobody can fill in
    any more would be dead in the saved notebook.

    Args:
        context: the notebook.
        box: an ipywidgets box that is shown already, to ask in; an output of its own where
            ``None``.
    """

    def __init__(self, context: Context, box: Any = None) -> None:
        self._context = context
        self._lock = threading.RLock()
        self._place: Any = None
        self._box: Any = box
        self._inside = box is not None
        self._asked: list[_Asked] = []
        self.opened: concurrent.futures.Future[None] = concurrent.futures.Future()

    def __call__(self, question: Question) -> Awaitable[Any]:
        """Put a question; called on the background loop."""
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Any] = loop.create_future()
        asked = _Asked(question)

        def answer(value: Any) -> None:
            loop.call_soon_threadsafe(_settle, answered, value)
            self._ended(asked, value)

        def withdrawn(future: asyncio.Future[Any]) -> None:
            if future.cancelled():
                self._ended(asked, None)

        answered.add_done_callback(withdrawn)
        if self._inside:
            self._show(asked, answer)
        else:
            self._context.workbench.main.call(lambda: self._show(asked, answer))
        return answered

    def _show(self, asked: _Asked, answer: Any) -> None:
        from mcp_notebook.show.forms import question_form

        with self._lock:
            self._asked.append(asked)
            if asked.left is None:
                asked.form = question_form(asked.question, answer)
            self._draw()
        if not self.opened.done():
            self.opened.set_result(None)

    def _ended(self, asked: _Asked, value: Any) -> None:
        """A question was answered, or withdrawn where the answer is ``None``."""
        from mcp_notebook.show.forms import answered

        with self._lock:
            if asked.left is not None:
                return
            asked.left = answered(asked.question, value)
            if asked in self._asked:
                self._draw()
            if self._inside and asked.form is not None:
                close(asked.form)

    def _draw(self) -> None:
        """Show the open questions as forms, the others as what is left of them."""
        import ipywidgets

        from mcp_notebook.show.forms import together, waiting

        if self._inside:
            self._box.children = [_shown(one) for one in self._asked]
            return
        open_ones = [one for one in self._asked if one.left is None]
        fallback = together([one.left or waiting(one.question) for one in self._asked])
        if not open_ones and self._place is not None:
            leave(self._place, self._box, fallback)
            self._box = None
            return
        shown = [_shown(one) for one in self._asked]
        if self._box is None:
            self._box = ipywidgets.VBox(shown)
            self._place = show_widget(self._context, self._box, fallback, self._place)
        else:
            self._box.children = shown


@dataclass(eq=False)
class _Asked:
    """A question that was put.

    Attributes:
        question: what the server asks.
        form: the form it is answered with.
        left: what stays of it, once it is answered or withdrawn.
    """

    question: Question
    form: Any = None
    left: Bundle | None = None


def _shown(asked: _Asked) -> Any:
    """The form of an open question, what is left of another."""
    import ipywidgets

    return asked.form if asked.left is None else ipywidgets.HTML(asked.left["text/html"])


def _settle(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)


class TerminalAsker:
    """Asks line by line in a terminal; the waiting magic runs the asking."""

    def __init__(self, context: Context) -> None:
        self._main = context.workbench.main

    def __call__(self, question: Question) -> Awaitable[Any]:
        """Put a question; called on the background loop."""
        from mcp_notebook.show.forms import terminal_answer

        return asyncio.wrap_future(self._main.call(lambda: terminal_answer(question, input)))


def asker_for(context: Context) -> FormAsker | TerminalAsker | None:
    """Who can be asked here; ``None`` where nobody sits in front of it."""
    if hasattr(context.shell, "kernel"):
        return FormAsker(context) if can_show_widgets(context) else None
    return TerminalAsker(context)


def attend(
    context: Context,
    connection: Connection,
    tool: str,
    arguments: dict[str, Any],
    *,
    answer: Any,
    timeout: float | None,
) -> CallResult:
    """Call a tool and wait, until the answer is there or a question is open."""
    bar = Bar(context, tool)
    asker = asker_for(context)
    call = connection.pending(tool, answer=answer, asker=connection.asker or asker)
    opened = asker.opened if isinstance(asker, FormAsker) else None
    try:
        connection.begin(call, arguments, timeout=timeout, on_progress=bar.step)
        if opened is None:
            return call.result()
        context.workbench.loop.wait(_either(call.future, opened))
    except BaseException:  # Ctrl-C may strike between the start and the wait
        call.cancel()
        raise
    finally:
        bar.draw()
    if call.future.done():
        return call.result()
    return _later(context, call)


def _either(*futures: concurrent.futures.Future[Any]) -> concurrent.futures.Future[None]:
    """A future that is done when the first of several is."""
    done: concurrent.futures.Future[None] = concurrent.futures.Future()
    lock = threading.Lock()

    def settle(_: object) -> None:
        with lock:
            if not done.done():
                done.set_result(None)

    for future in futures:
        future.add_done_callback(settle)
    return done


def _later(context: Context, call: PendingCall) -> CallResult:
    """The pending result; when the answer comes, it is shown below the form."""
    from mcp_notebook.show.values import call_result

    result = call.outcome()
    context.shown_below_form = (id(result), context.cell_number)
    handle = display({"text/plain": repr(result)}, raw=True, display_id=True)

    def show() -> None:
        try:
            bundle = call_result(call.result(), stable=context.stable)
        except BaseException as error:  # noqa: BLE001 - because it is shown where the result would be
            bundle = {"text/plain": f"{type(error).__name__}: {error}"}
        with contextlib.suppress(Exception):  # the front end may be gone
            handle.update(bundle, raw=True)

    call.future.add_done_callback(lambda _: context.workbench.main.call(show))
    return result
