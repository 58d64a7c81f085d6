"""Taps: what a transport tells the Trace. They stamp, label and append; they never parse."""

from __future__ import annotations

import itertools
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from mcp_notebook.trace.events import (
    Direction,
    Event,
    Fault,
    LinkClosed,
    LinkOpened,
    StderrLine,
    Vantage,
    quick_chunk,
    quick_line,
    quick_message,
)
from mcp_notebook.trace.store import Trace
from mcp_notebook.wire.spans import Span

_numbers = itertools.count(1)

_UP = Direction.CLIENT_TO_SERVER

SENT: ContextVar[list[int] | None] = ContextVar("mcp_notebook_sent", default=None)
"""Where the code that runs now wants the numbers of the messages it sends noted.

A call finds its own exchange by it among others of the same tool. It travels with the context
of the task, through the SDK's queues too."""

CELL: ContextVar[str] = ContextVar("mcp_notebook_cell", default="")
"""The notebook cell whose code runs now (``In [5]``); it travels as `SENT` does."""


class LinkTap:
    """Records one link (one byte stream, both directions) at one vantage."""

    __slots__ = ("_is_client", "_labels", "_limit", "_offsets", "_open", "_trace", "link")

    def __init__(
        self, trace: Trace, *, conn: str, vantage: Vantage, transport: str, link: str
    ) -> None:
        self._trace = trace
        self._limit = trace.max_event_bytes
        self._is_client = vantage is Vantage.CLIENT
        self.link = link
        self._labels = (conn, vantage, link, transport)
        self._offsets = [0, 0]  # by whether it goes up: a dict would ask an enum for its hash
        self._open = False

    def opened(self, address: str = "", *, time_ns: int = 0) -> None:
        """The link is up."""
        self._open = True
        self._record(LinkOpened, time_ns=time_ns, address=address)

    def closed(self, reason: str = "") -> None:
        """The link is down; said once, however often it is called."""
        if self._open:
            self._open = False
            self._record(LinkClosed, reason=reason)

    def chunk(self, direction: Direction, data: bytes, *, time_ns: int = 0) -> int:
        """Bytes moved.

        Returns:
            The offset of the first of them in the link's stream of that direction.
        """
        size, up = len(data), direction is _UP
        offset = self._offsets[up]
        self._offsets[up] = offset + size
        kept = data if size <= self._limit else data[: self._limit]
        fields = (self._labels, direction, kept, size, offset)
        self._trace.append(quick_chunk, fields, len(kept), 1, time_ns)
        return offset

    def line(
        self,
        direction: Direction,
        data: bytes,
        raw: bytes,
        *,
        span: Span | None = None,
        time_ns: int = 0,
    ) -> None:
        """The bytes that moved are one message and its line end: both are recorded in one step.

        Args:
            direction: which way.
            data: the bytes.
            raw: the message in them.
            span: where it lies; all of the bytes where ``None``.
            time_ns: when; now where it is 0.
        """
        size, up = len(data), direction is _UP
        if size > self._limit:
            start = self.chunk(direction, data, time_ns=time_ns)
            span = span or Span(start, start + size)
            self.message(direction, raw, span=span, time_ns=time_ns)
            return
        offset = self._offsets[up]
        self._offsets[up] = offset + size
        sent_here = up and self._is_client
        cell = CELL.get() if sent_here else ""
        fields = (self._labels, direction, data, raw, offset, span, cell)
        last = self._trace.append(quick_line, fields, size + len(raw), 2, time_ns)
        if sent_here and (noted := SENT.get()) is not None:
            noted.append(last)

    def skip(self, direction: Direction, offset: int) -> None:
        """What moved up to here was not seen: the next chunk lies behind it."""
        up = direction is _UP
        self._offsets[up] = max(offset, self._offsets[up])

    def message(
        self, direction: Direction, raw: bytes, *, span: Span | None = None, time_ns: int = 0
    ) -> None:
        """One JSON-RPC message passed."""
        size = len(raw)
        sent_here = self._is_client and direction is _UP
        kept = raw if size <= self._limit else raw[: self._limit]
        cell = CELL.get() if sent_here else ""
        fields = (self._labels, direction, kept, size, span, cell)
        last = self._trace.append(quick_message, fields, len(kept), 1, time_ns)
        if sent_here and (noted := SENT.get()) is not None:
            noted.append(last)

    def stderr(self, text: str) -> None:
        """A child wrote a line to its standard error."""
        self._record(StderrLine, text=text)

    def fault(self, text: str) -> None:
        """Something went wrong on the link."""
        self._record(Fault, text=text)

    def _record(self, make: type[Event], **fields: Any) -> None:
        conn, vantage, link, transport = self._labels
        self._trace.record(
            make, conn=conn, vantage=vantage, link=link, transport=transport, **fields
        )


@dataclass(frozen=True, slots=True)
class Tap:
    """Makes the taps of one connection's links.

    Attributes:
        trace: where they record.
        conn: the name they carry.
        vantage: where they stand.
        transport: the transport's name.
    """

    trace: Trace
    conn: str
    vantage: Vantage
    transport: str = ""

    def link(self) -> LinkTap:
        """A tap for a new link, with a name of its own (``http#3``)."""
        return LinkTap(
            self.trace,
            conn=self.conn,
            vantage=self.vantage,
            transport=self.transport,
            link=f"{self.transport}#{next(_numbers)}",
        )


class TappedTransport:
    """An asyncio transport whose written bytes are recorded; all else goes straight through.

    Args:
        inner: the transport itself.
        tap: where to record.
        direction: which way written bytes travel.
    """

    __slots__ = ("_direction", "_inner", "_tap")

    def __init__(self, inner: Any, tap: LinkTap, direction: Direction) -> None:
        self._inner = inner
        self._tap = tap
        self._direction = direction

    def write(self, data: Any) -> None:
        """Record and write."""
        self._tap.chunk(self._direction, bytes(data))
        self._inner.write(data)

    def writelines(self, parts: Any) -> None:
        """Record and write, as one chunk."""
        self.write(b"".join(parts))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def link_address(transport: Any, *, server: bool) -> str:
    """The two ends of a socket as ``client > server``, the same text at both vantages."""

    def text(name: Any) -> str:
        if isinstance(name, tuple) and len(name) >= 2:
            return f"{name[0]}:{name[1]}"
        return str(name or "")

    here = text(transport.get_extra_info("sockname"))
    there = text(transport.get_extra_info("peername"))
    return f"{there} > {here}" if server else f"{here} > {there}"
