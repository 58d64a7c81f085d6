"""What a page asks the kernel to do: send a recorded request again, call a tool, stop a thing."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from mcp_notebook.errors import McpError, UsageError
from mcp_notebook.runtime.masking import masked
from mcp_notebook.show.toolform import secret_arguments
from mcp_notebook.trace.events import Direction, Event, Message, Vantage

if TYPE_CHECKING:
    from mcp_notebook.runtime.connection import Connection
    from mcp_notebook.runtime.workbench import Workbench

Answer = Callable[[dict[str, Any]], None]

LINES: Final = frozenset({"memory", "pipe", "stdio", "bridge", "unix", "tcp"})
"""Transports on which a message ends with its newline."""


class Doing:
    """Does what pages ask for, away from the thread that hears them, and answers.

    Args:
        workbench: where it is done.
    """

    def __init__(self, workbench: Workbench) -> None:
        self._workbench = workbench
        self._numbers = itertools.count(1)

    def __call__(self, asked: dict[str, Any], answer: Answer) -> None:
        """Begin; called by whichever thread heard the page."""
        do = {"resend": self._resend, "call": self._call, "stop": self._stop}[asked["type"]]
        # not from a pool: its threads would be waited for when the kernel ends
        threading.Thread(
            target=self._done, args=(do, asked, answer), name="mcp-page", daemon=True
        ).start()

    def _done(
        self,
        do: Callable[[dict[str, Any]], dict[str, Any]],
        asked: dict[str, Any],
        answer: Answer,
    ) -> None:
        """Do it and say how it went; what goes wrong is said to the page that asked."""
        try:
            answer({"ok": True, **do(asked)})
        except McpError as error:
            answer({"ok": False, "text": self._masked(str(error))})
        except Exception as error:  # noqa: BLE001 - a boundary: the page must hear of it
            answer({"ok": False, "text": self._masked(f"{type(error).__name__}: {error}")})

    def _masked(self, text: str) -> str:
        return masked(text, self._workbench.trace.secrets.values())

    def _resend(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The recorded bytes under an id of their own, or the text that was made of them."""
        trace = self._workbench.trace
        event = trace.event(_number(asked.get("seq")))
        if not isinstance(event, Message) or event.direction is not Direction.CLIENT_TO_SERVER:
            raise UsageError("this is no recorded request any more.", hint="%mcp flow")
        if event.cut:
            raise UsageError("its end was not recorded: it was too long.")
        connection = self._connection(event)
        edited = asked.get("edited")
        raw = edited.encode() if isinstance(edited, str) else event.raw
        before = trace.last_seq
        raw = fresh(raw, next(self._numbers))
        if connection.transport in LINES and not raw.endswith(b"\n"):
            raw += b"\n"
        came = connection.send(raw)
        return {"text": _came(len(came)), **self._first(before, raw.strip())}

    def _connection(self, event: Event) -> Connection:
        """The connection a request was sent on, or another to the same endpoint."""
        found = self._workbench.connections.get(event.conn)
        if event.vantage is Vantage.CLIENT and found is not None and found.is_open:
            return found
        for other in self._workbench.connections.values():
            if other.is_open and other.endpoint is not None and other.endpoint.name == event.conn:
                return other
        raise UsageError(
            f"{event.conn} is not connected.", hint="Open it again: %mcp connect, then resend."
        )

    def _call(self, asked: dict[str, Any]) -> dict[str, Any]:
        arguments = asked.get("arguments")
        if (text := asked.get("text")) is not None:  # with numbers no page could hold
            arguments = _read(text)
        if not isinstance(arguments, dict):
            raise UsageError("the arguments are no JSON object.")
        name = asked.get("conn")
        workbench = self._workbench
        connection = workbench.connection(name) if name else workbench.any_connection()[0]
        tool = str(asked.get("tool", ""))
        known = workbench.loop.run(connection.aio._known_tool(tool))
        for secret in secret_arguments(dict(known.input_schema or {}), arguments):
            workbench.trace.secrets.add(secret)
        before = workbench.trace.last_seq
        call = connection.start(tool, arguments)
        call.future.result()
        result = call.outcome()
        text = "the tool failed" if result.is_error else "answered"
        exchange = result.exchange
        if exchange is not None:
            return {"text": text, "seq": exchange.rounds[0] if exchange.rounds else exchange.seq}
        return {"text": text, **self._first(before, None)}

    def _stop(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = str(asked.get("name", ""))
        self._workbench.stop(name)
        return {"text": f"stopped {name}"}

    def _first(self, before: int, raw: bytes | None) -> dict[str, Any]:
        """The number of the first message sent since then, where there is one."""
        for event in self._workbench.trace.since(before):
            if (
                isinstance(event, Message)
                and event.direction is Direction.CLIENT_TO_SERVER
                and event.vantage is Vantage.CLIENT
                and (raw is None or event.raw.strip() == raw)
            ):
                return {"seq": event.seq}
        return {}


def fresh(raw: bytes, number: int) -> bytes:
    """A request with an id that nobody else uses; whatever else it is stays as it is.

    Ids must not repeat in a session, and the connection itself goes on counting
    (JSON-RPC 2.0, section 4).
    """
    try:
        message = json.loads(raw)
    except (ValueError, RecursionError):
        return raw
    if not isinstance(message, dict) or "method" not in message or "id" not in message:
        return raw
    message["id"] = f"again-{number}"
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def _read(text: object) -> object:
    """What a JSON text says; nothing where it says nothing."""
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _came(count: int) -> str:
    if not count:
        return "sent; nothing came back"
    return f"sent; {count} message{'' if count == 1 else 's'} came back"
