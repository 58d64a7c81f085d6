"""Newline-delimited JSON-RPC as one duplex object: asyncio protocol below, SDK streams above.

Framing: one message a line, UTF-8, no newline inside (revision 2026-07-28, Transports, stdio;
the custom transports ``unix`` and ``tcp`` use the same framing). The object is the tap at the
same time: it sees every chunk as the operating system moved it, and every message.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import Any, ClassVar

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCMessage

from mcp_notebook.trace.events import Direction
from mcp_notebook.wire import jsonrpc
from mcp_notebook.wire.lines import Line, LineDecoder, Oversize
from mcp_notebook.wire.spans import Span

from .base import MAX_MESSAGE_BYTES
from .duplex import MessageDuplex, encode
from .halfclosed import FLUSH_S, GRACE_S, Owed, peer_gone
from .pipethreads import attach_by_threads
from .tap import LinkTap


class LineDuplex(MessageDuplex, asyncio.Protocol):
    """A :class:`MessageDuplex` over newline-delimited bytes of any asyncio transport.

    Args:
        receives: the direction of what arrives here.
        tap: where traffic is recorded.
        guarded: close at once where the first byte is not ``{``. A web page can POST to a
            loopback port; its request line starts with a letter, its body is one JSON line,
            and without this the line runs a tool.
        max_line_bytes: the longest line taken.

    Attributes:
        grace_s: how long answers that are due are waited for once the client has ended its side.
    """

    grace_s: ClassVar[float] = GRACE_S

    def __init__(
        self,
        *,
        receives: Direction,
        tap: LinkTap | None,
        guarded: bool = False,
        max_line_bytes: int = MAX_MESSAGE_BYTES,
    ) -> None:
        super().__init__(receives=receives, tap=tap)
        self._guarded = guarded
        self._max_line_bytes = max_line_bytes
        self._lines = LineDecoder(max_bytes=max_line_bytes)
        self._reader: Any = None
        self._writer: Any = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._paused = False
        self._owed = Owed()
        self._leaving: asyncio.TimerHandle | None = None
        self._written = asyncio.Event()

    # ---- asyncio.Protocol ------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A link that reads and writes is up."""
        self._reader = transport
        if self._writer is None and hasattr(transport, "write"):
            self._writer = transport

    def write_to(self, transport: Any) -> None:
        """Write to another transport than the one read from (pipes)."""
        self._writer = transport

    def read_from(self, transport: Any) -> None:
        """Read from another transport than the one written to (pipes)."""
        self._reader = transport

    def data_received(self, data: bytes) -> None:
        """Bytes arrived."""
        if self.tap and not self._guarded and data[:1] == b"{" and self._lines.whole(data):
            raw = data[:-1]
            self.tap.line(self.receives, data, raw)
            self._answer(raw)
            return
        lines = self._lines.feed(data)
        if self.tap:
            self.tap.chunk(self.receives, data)
        if self._guarded:
            if data[:1] != b"{":
                if self.tap:
                    self.tap.fault("closed: the first byte is not {, so these are no JSON lines")
                self.abort()
                return
            self._guarded = False
        for line in lines:
            self._take_line(line)

    def eof_received(self) -> bool:
        """The peer has closed its side: what came last may lack its newline.

        Answers that are due are still sent; the link ends with the last of them.
        """
        for line in self._lines.feed(None):
            self._take_line(line)
        if not self._owed or self._writer is None or peer_gone(self._writer):
            self.end()
            return False
        self._leaving = asyncio.get_running_loop().call_later(self.grace_s, self.end)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The link is down, or the pipe that a server has read from."""
        if self.is_server and self._still_writes():
            if self._leaving is None:
                self.end()
            return
        self._writable.set()
        self._written.set()
        self._writer = None
        self.end(str(exc) if exc else "")

    def _still_writes(self) -> bool:
        """Whether a pipe of its own, still there, carries the answers."""
        writer = self._writer
        return writer is not None and writer is not self._reader and not writer.is_closing()

    def pause_writing(self) -> None:
        """The peer is slow: senders wait."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """The peer has caught up."""
        self._writable.set()

    # ---- MessageDuplex ---------------------------------------------------------------

    def _admit(self, message: JSONRPCMessage, size: int) -> None:
        if self.is_server:
            self._owed.arrived(message)
        super()._admit(message, size)

    def end(self, reason: str = "") -> None:
        """Nothing more will arrive."""
        if self._leaving is not None:
            self._leaving.cancel()
        super().end(reason)

    def _take_line(self, line: Line | Oversize) -> None:
        if isinstance(line, Oversize):
            self._fault(f"a line of {line.size} bytes is too long and was skipped")
            if self.is_server:
                text = f"message longer than {self._max_line_bytes} bytes"
                self._write_due(jsonrpc.error_line(jsonrpc.INVALID_REQUEST, text, None))
            return
        if not line.data or line.data.isspace():
            return
        if not line.terminated:
            self._fault("half a message: the link ended before its newline")
            return
        if self.tap:
            self.tap.message(self.receives, line.data, span=line.span)
        self._answer(line.data)

    def _answer(self, raw: bytes) -> None:
        """Take a message; send the error that is due where it is none."""
        due = self.take(raw)
        if due is not None:
            self._write_due(due)

    def _write_due(self, line: bytes) -> None:
        """Answer what is no message; the pipe that answers go to may be gone already."""
        with contextlib.suppress(anyio.BrokenResourceError):
            self._write_raw(line)

    def _fault(self, text: str) -> None:
        if self.tap:
            self.tap.fault(text)

    def _write_raw(self, message: bytes) -> None:
        """Write one message's bytes, recorded."""
        line = message if message.endswith(b"\n") else message + b"\n"
        if self._writer is None or self._writer.is_closing():
            raise anyio.BrokenResourceError
        if self.tap:
            self.tap.line(self.sends, line, line[:-1])
        self._writer.write(line)

    async def send(self, item: SessionMessage) -> None:
        """Write one message as one line and wait while the peer is slow."""
        self._write_raw(encode(item))
        if not self._writable.is_set():
            await self._writable.wait()
        if self.is_server:
            self._owed.sent(item.message)
            if self._leaving is not None and not self._owed:
                self.end()

    async def send_bytes(self, data: bytes) -> None:
        """Write exactly these bytes, whatever they are (``%%mcp send``)."""
        if self._writer is None or self._writer.is_closing():
            raise anyio.BrokenResourceError
        if self.tap:
            start = self.tap.chunk(self.sends, data)
            for line in LineDecoder(max_bytes=MAX_MESSAGE_BYTES).feed(data):
                if isinstance(line, Line) and line.data.strip():
                    span = Span(start + line.span.start, start + line.span.end)
                    self.tap.message(self.sends, line.data, span=span)
        self._writer.write(data)
        await self._writable.wait()

    def pause_arrivals(self) -> None:
        """Stop reading while too much waits."""
        if self._reader is not None and not self._paused:
            self._paused = True
            self._reader.pause_reading()

    def resume_arrivals(self) -> None:
        """Read on."""
        if self._paused and self._reader is not None and not self._reader.is_closing():
            self._paused = False
            self._reader.resume_reading()

    async def aclose(self) -> None:
        """Close both ends; what was written is still flushed."""
        for transport in (self._writer, self._reader):
            if transport is not None and not transport.is_closing():
                transport.close()
        self.end()

    async def flushed(self) -> None:
        """After ``aclose``: wait until the peer has read what was written, or has gone."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._written.wait(), FLUSH_S)

    def abort(self) -> None:
        """Drop the link at once."""
        for transport in (self._writer, self._reader):
            if transport is not None and not transport.is_closing():
                getattr(transport, "abort", transport.close)()
        self.end("aborted")


class PipeWriter(asyncio.BaseProtocol):
    """The protocol of a write pipe: hands flow control and loss to its duplex."""

    def __init__(self, duplex: LineDuplex) -> None:
        self._duplex = duplex

    def pause_writing(self) -> None:
        """The reader is slow."""
        self._duplex.pause_writing()

    def resume_writing(self) -> None:
        """The reader has caught up."""
        self._duplex.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The pipe is gone."""
        self._duplex.connection_lost(exc)


async def attach_pipes(duplex: LineDuplex, read_fd: int, write_fd: int) -> None:
    """Join a duplex to the ends of two pipes; it owns and closes them from now on."""
    if os.name == "nt":  # asyncio takes overlapped pipes only there
        attach_by_threads(duplex, read_fd, write_fd)
        return
    loop = asyncio.get_running_loop()
    reader = os.fdopen(read_fd, "rb", 0)
    writer = os.fdopen(write_fd, "wb", 0)
    await loop.connect_read_pipe(lambda: duplex, reader)
    transport, _ = await loop.connect_write_pipe(lambda: PipeWriter(duplex), writer)
    duplex.write_to(transport)
