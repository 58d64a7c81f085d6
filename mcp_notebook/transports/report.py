"""How a child process reports what it saw: its vantage, in the kernel's Trace.

The child writes records to an inherited descriptor, the kernel replays them into its Trace with
the child's own time stamps (``CLOCK_MONOTONIC`` is one clock for all processes of a machine).
A record is a fixed head and its bytes; nothing is parsed, so that the tap stays cheap.
"""

from __future__ import annotations

import asyncio
import os
import struct
import time
from collections.abc import Callable
from typing import Any, Final

from mcp_notebook.trace.events import Direction
from mcp_notebook.wire.spans import Span

from .base import MAX_MESSAGE_BYTES
from .tap import LinkTap

HEAD = struct.Struct("!cBqqqI")
"""kind, direction, time in ns, span start, span end, number of bytes that follow."""

HUSH_S: Final = 0.003
"""How long a report is not waited for after a message to the child."""

_READ_BYTES: Final = 1 << 16

_KINDS = frozenset(bytes([kind]) for kind in b"ocmlfx")

_LONGEST = MAX_MESSAGE_BYTES + (1 << 20)
"""No record of ours is longer: a read, a line, a fault."""

_DIRECTIONS = (Direction.CLIENT_TO_SERVER, Direction.SERVER_TO_CLIENT)


class Reporter:
    """Has the methods of a :class:`LinkTap`, and writes them down for another process.

    Args:
        write: takes the bytes of a record; must not block.
    """

    def __init__(self, write: Callable[[bytes], Any]) -> None:
        self._write = write
        self._offsets = [0, 0]
        self._open = False

    def _record(
        self, kind: bytes, data: bytes, direction: Direction | None = None, span: Span | None = None
    ) -> None:
        way = 0 if direction is None else _DIRECTIONS.index(direction)
        start, end = (span.start, span.end) if span else (-1, -1)
        head = HEAD.pack(kind, way, time.perf_counter_ns(), start, end, len(data))
        self._write(head + data)

    def opened(self, address: str = "") -> None:
        """The link is up."""
        self._open = True
        self._record(b"o", address.encode())

    def closed(self, reason: str = "") -> None:
        """The link is down."""
        if self._open:
            self._open = False
            self._record(b"x", reason.encode())

    def chunk(self, direction: Direction, data: bytes, *, time_ns: int = 0) -> int:
        """Bytes moved; the offset of the first of them."""
        del time_ns
        way = _DIRECTIONS.index(direction)
        offset = self._offsets[way]
        self._offsets[way] = offset + len(data)
        self._record(b"c", data, direction)
        return offset

    def message(
        self, direction: Direction, raw: bytes, *, span: Span | None = None, time_ns: int = 0
    ) -> None:
        """One message passed."""
        del time_ns
        self._record(b"m", raw, direction, span)

    def line(
        self,
        direction: Direction,
        data: bytes,
        raw: bytes,
        *,
        span: Span | None = None,
        time_ns: int = 0,
    ) -> None:
        """The bytes that moved are one message and its line end: one record says both."""
        del raw, time_ns  # the reader takes the line end off
        way = _DIRECTIONS.index(direction)
        start = self._offsets[way]
        self._offsets[way] = start + len(data)
        self._record(b"l", data, direction, span or Span(start, start + len(data)))

    def stderr(self, text: str) -> None:
        """A line on standard error; the kernel reads those from the pipe itself."""

    def fault(self, text: str) -> None:
        """Something went wrong on the link."""
        self._record(b"f", text.encode())


class ReportReader:
    """Replays a child's report into a tap of the kernel's.

    A tool of the child may have written to the descriptor: where a record is none, that is
    noted, and the rest of the report is left unread.
    """

    def __init__(self, tap: LinkTap) -> None:
        self._tap = tap
        self._rest = bytearray()
        self._broken = False

    def feed(self, data: bytes) -> None:
        """The next bytes of the report."""
        if self._broken:
            return
        self._rest += data
        place = 0
        while len(self._rest) - place >= HEAD.size:
            kind, way, stamp, start, end, size = HEAD.unpack_from(self._rest, place)
            if kind not in _KINDS or way >= len(_DIRECTIONS) or size > _LONGEST:
                self._broken = True
                self._tap.fault("the child's report is damaged: no more of it is read")
                self._rest.clear()
                return
            if len(self._rest) - place < HEAD.size + size:
                break
            place += HEAD.size
            self._replay(kind, way, stamp, start, end, bytes(self._rest[place : place + size]))
            place += size
        del self._rest[:place]

    def _replay(self, kind: bytes, way: int, stamp: int, start: int, end: int, data: bytes) -> None:
        match kind:
            case b"c":
                self._tap.chunk(_DIRECTIONS[way], data, time_ns=stamp)
            case b"m":
                span = Span(start, end) if start >= 0 else None
                self._tap.message(_DIRECTIONS[way], data, span=span, time_ns=stamp)
            case b"l":
                span = Span(start, end) if start >= 0 else None
                self._tap.line(_DIRECTIONS[way], data, data[:-1], span=span, time_ns=stamp)
            case b"o":
                self._tap.opened(data.decode("utf-8", "replace"))
            case b"x":
                self._tap.closed(data.decode("utf-8", "replace"))
            case _:
                self._tap.fault(data.decode("utf-8", "replace"))


class ReportPipe(asyncio.Protocol):
    """The kernel's end of a report's pipe: read before each answer, and a moment after a request.

    To write to a pipe that somebody waits at wakes him: for the child that takes longer than all
    else it does to record a message, twice a call. So nobody waits there while an answer is due;
    what the child has seen of a call lies in the pipe when its answer comes.

    Args:
        reader: takes the bytes.
    """

    def __init__(self, reader: ReportReader) -> None:
        self._reader = reader
        self._loop = asyncio.get_running_loop()
        self._pipe: Any = None
        self._hushed = False
        self._until = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The pipe is there."""
        self._pipe = transport

    def data_received(self, data: bytes) -> None:
        """Somebody waited, and here it is."""
        self._reader.feed(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The child has ended, or is given up."""
        self._pipe = None

    def sent(self) -> None:
        """A message goes to the child: do not wait at the pipe for a moment."""
        self._until = self._loop.time() + HUSH_S
        if not self._hushed and self._pipe is not None:
            self._hushed = True
            self._pipe.pause_reading()
            self._loop.call_at(self._until, self._listen)

    def _listen(self) -> None:
        if self._pipe is None:
            return
        if self._loop.time() < self._until:
            self.look()  # many messages and no answer: nobody else does
            self._loop.call_at(self._until, self._listen)
            return
        self._hushed = False
        if not self._pipe.is_closing():
            self._pipe.resume_reading()

    def look(self) -> None:
        """Read what is there."""
        while self._pipe is not None and not self._pipe.is_closing():
            try:
                data = os.read(self._pipe.get_extra_info("pipe").fileno(), _READ_BYTES)
            except BlockingIOError:
                return
            self._reader.feed(data)
            if len(data) < _READ_BYTES:
                return  # its end is for the transport to see
