"""``%mcp tools NAME``: one tool as a model sees it, with a form below that calls it."""

from __future__ import annotations

import concurrent.futures
import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

from mcp_notebook.errors import UsageError

from .asking import PROGRESS_EVERY_S, FormAsker
from .widgets import can_show_widgets, close, display, show_widget

if TYPE_CHECKING:
    from mcp_notebook.runtime.calls import PendingCall
    from mcp_notebook.runtime.connection import Connection
    from mcp_notebook.show.markup import Bundle

    from .context import Context


class ToolPage:
    """One tool of a connection; shows itself with a form to call it.

    Args:
        context: the notebook.
        connection: where the tool is.
        tool: the tool as the server listed it.
        on: the name that ``--on`` gave, where it gave one.

    Attributes:
        tool: the same.
        name: its name.
        schema: its input schema.
    """

    def __init__(self, context: Context, connection: Connection, tool: Any, on: str = "") -> None:
        self._context = context
        self._connection = connection
        self._on = on
        self.tool = tool
        self.name: str = tool.name
        self.schema: dict[str, Any] = dict(tool.input_schema or {})

    def _bundle(self) -> Bundle:
        from mcp_notebook.show.toolpage import tool_page

        return tool_page(self.tool, self._connection.name)

    def __repr__(self) -> str:
        return str(self._bundle()["text/plain"])

    def _repr_mimebundle_(self, **_: Any) -> Bundle:
        return self._bundle()

    def _ipython_display_(self) -> None:
        if not can_show_widgets(self._context):
            raise NotImplementedError  # IPython then shows the text alone
        display(self._bundle(), raw=True)
        Caller(self._context, self._connection, self.tool, self._on).show()


class Caller:
    """Calls a tool from a form, each time in a thread of its own, so that no cell is in its way.

    Args:
        context: the notebook.
        connection: where the tool is.
        tool: the tool as the server listed it.
        on: the name that ``--on`` gave, where it gave one.
    """

    def __init__(self, context: Context, connection: Connection, tool: Any, on: str) -> None:
        from mcp_notebook.show.toolform import ToolForm

        self._context = context
        self._connection = connection
        self._name: str = tool.name
        self._on = on
        self._cell = f"In [{context.cell_number}]"
        self._pending: PendingCall | None = None
        self._place: Any = None
        self._drawn_at = 0.0
        self._cancelled = False
        self._form = ToolForm(
            tool.name, dict(tool.input_schema or {}), self._begin, self._cancel, on=on
        )

    def show(self) -> None:
        """Show the form, and below it the place of the results."""
        from mcp_notebook.show.markup import bundle, faint, line
        from mcp_notebook.show.text import clean

        name = clean(self._name, 60)
        plain = f"(the form for {name} needs a running kernel: run this cell again)"
        self._context.keep_form(self)
        show_widget(self._context, self._form.box, bundle(plain, line(faint(plain))))
        waits = "(what Call gives comes here)"
        self._place = display(bundle(waits, line(faint(waits))), raw=True, display_id=True)

    def close(self) -> None:
        """End the form; a call that is under way goes on."""
        close(self._form.box)

    def _begin(self, arguments: dict[str, Any]) -> None:
        """Call was pressed, in whichever thread heard the page."""
        self._cancelled = False
        for secret in self._form.secrets(arguments):
            self._context.workbench.trace.secrets.add(secret)
        threading.Thread(target=self._call, args=(arguments,), name="mcp-form", daemon=True).start()

    def _cancel(self) -> None:
        self._cancelled = True
        if self._pending is not None:
            self._pending.cancel()

    def _call(self, arguments: dict[str, Any]) -> None:
        from mcp_notebook.transports.tap import CELL

        CELL.set(self._cell)
        try:
            bundle, said, wrong = self._result(self._start(arguments))
        except concurrent.futures.CancelledError:
            bundle, said, wrong = {"text/plain": f"{self._name}: cancelled"}, "cancelled", True
        except Exception as error:  # noqa: BLE001 - a boundary: whoever pressed the button must hear of it
            bundle, said, wrong = *self._problem(error), True
        self._pending = None
        self._draw(bundle)
        self._form.end(said, wrong=wrong)

    def _start(self, arguments: dict[str, Any]) -> PendingCall:
        connection = self._open_connection()
        call = connection.start(
            self._name,
            arguments,
            on_progress=self._progress,
            asker=FormAsker(self._context, self._form.questions),
        )
        self._pending = call
        if self._cancelled:  # between the two
            call.cancel()
        return call

    def _open_connection(self) -> Connection:
        """The connection the form was made for; where that has gone, what stands in its place."""
        if self._connection.is_open:
            return self._connection
        if self._on:
            self._connection = self._context.workbench.connection(self._on)
        else:
            self._connection = self._context.workbench.any_connection()[0]
        return self._connection

    def _result(self, call: PendingCall) -> tuple[Bundle, str, bool]:
        result = call.result()
        data, _ = self._context.shell.display_formatter.format(result)
        if result.is_error:
            return data, "the tool failed: the answer stands below", True
        return data, "done: the answer stands below", False

    def _problem(self, error: Exception) -> tuple[Bundle, str]:
        from mcp_notebook.show.markup import bundle, failed, line
        from mcp_notebook.show.text import clean

        kind, text = type(error).__name__, clean(error, 1000)
        shown = bundle(f"{kind}: {text}", line(failed(kind), f": {text}"))
        if isinstance(error, UsageError):
            return shown, f"Not called: {error.message}"
        return shown, "the call failed: the reason stands below"

    def _progress(self, value: float, total: float | None, message: str | None) -> None:
        from mcp_notebook.show.progress import progress

        now = time.monotonic()
        if now - self._drawn_at >= PROGRESS_EVERY_S and self._pending is not None:
            self._drawn_at = now
            self._draw(progress(self._name, value, total, message))

    def _draw(self, bundle: Bundle) -> None:
        with contextlib.suppress(Exception):  # the front end may be gone
            self._place.update(bundle, raw=True)
