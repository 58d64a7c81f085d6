"""Newline-delimited JSON-RPC as one duplex object: asyncio protocol below, SDK streams above.

Framing: one message a line, UTF-8, no newline inside (revision 2026-07-28, Transports, stdio;
the custom transports ``unix`` and ``tcp`` use the same framing). The object is the tap at the
same time: it sees every chunk as the operating system moved it, and every message.
"""

from __future__ import annotations

import asyncio
import os
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import ErrorData, JSONRPCError, JSONRPCNotification, jsonrpc_message_adapter

from mcp_notebook.trace.events import Direction
from mcp_notebook.wire import jsonrpc
from mcp_notebook.wire.lines import Line, LineDecoder, Oversize
from mcp_notebook.wire.spans import Span

from .base import MAX_MESSAGE_BYTES
from .pipethreads import attach_by_threads
from .tap import LinkTap

PAUSE_BYTES = 4 << 20
"""Reading pauses while this much has arrived and waits to be taken."""


class MessageDuplex(ABC):
    """The SDK's read and write stream in one object; subclasses bring the bytes.

    Attributes:
        receives: the direction of what arrives here.
        tap: where traffic is recorded; ``None`` records nothing.
        on_closed: called once with the reason when the link ends.
    """

    def __init__(self, *, receives: Direction, tap: LinkTap | None) -> None:
        self.receives = receives
        self.sends = (
            Direction.SERVER_TO_CLIENT
            if receives is Direction.CLIENT_TO_SERVER
            else Direction.CLIENT_TO_SERVER
        )
        self.tap = tap
        self.on_closed: Callable[[str], None] = lambda _reason: None
        self._arrived: deque[tuple[SessionMessage, int]] = deque()
        self._arrived_bytes = 0
        self._ended = False
        self._waiter: asyncio.Future[None] | None = None

    @property
    def is_server(self) -> bool:
        """Whether this is the server's end."""
        return self.receives is Direction.CLIENT_TO_SERVER

    # ---- towards the SDK -------------------------------------------------------------

    async def receive(self) -> SessionMessage:
        """The next message; waits for it.

        Raises:
            anyio.EndOfStream: the peer has ended the link.
        """
        while not self._arrived:
            if self._ended:
                raise anyio.EndOfStream
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        message, size = self._arrived.popleft()
        self._arrived_bytes -= size
        if self._arrived_bytes < PAUSE_BYTES:
            self.resume_arrivals()
        return message

    @abstractmethod
    async def send(self, item: SessionMessage) -> None:
        """Write one message and wait while the peer is slow.

        Raises:
            anyio.BrokenResourceError: the link is gone.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Close this end."""

    @abstractmethod
    def abort(self) -> None:
        """Drop the link at once."""

    def pause_arrivals(self) -> None:  # noqa: B027 - because most transports slow down by themselves
        """Stop reading while too much waits; nothing by default."""

    def resume_arrivals(self) -> None:  # noqa: B027 - see above
        """Read on; nothing by default."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    # ---- towards the bytes -----------------------------------------------------------

    def take(self, raw: bytes) -> bytes | None:
        """One message's bytes arrived.

        Returns:
            The JSON-RPC error line that is due where they are no message and this is the
            server's end (JSON-RPC 2.0 section 5), else ``None``.
        """
        try:
            message = jsonrpc_message_adapter.validate_json(raw, by_name=False)
            if isinstance(message, JSONRPCNotification) and b'"id"' in raw:
                jsonrpc.parse(raw)  # the SDK reads a request with an odd id as a notification
        except (ValueError, RecursionError):
            return self._refuse(raw)
        self._arrived.append((SessionMessage(message), len(raw)))
        self._arrived_bytes += len(raw)
        if self._arrived_bytes >= PAUSE_BYTES:
            self.pause_arrivals()
        self._wake()
        return None

    def _refuse(self, raw: bytes) -> bytes | None:
        code, text = jsonrpc.INVALID_REQUEST, "not a JSON-RPC 2.0 message"
        identifier: jsonrpc.Id | None
        try:
            envelope = jsonrpc.parse(raw)
            identifier, answerable = envelope.id, envelope.kind is jsonrpc.MessageKind.REQUEST
            if not self.is_server and envelope.method is None and identifier is not None:
                self._fail(identifier)
        except jsonrpc.MessageError as problem:
            code, identifier, text = problem.code, problem.id, problem.text
            answerable = problem.answerable
        if self.tap:
            self.tap.fault(f"refused: {text}")
        if not (self.is_server and answerable):
            return None
        return jsonrpc.error_line(code, text, identifier)

    def _fail(self, identifier: jsonrpc.Id) -> None:
        """End a request whose answer cannot be read: who waits for it need not wait longer."""
        error = ErrorData(code=jsonrpc.INTERNAL_ERROR, message="the answer is no JSON-RPC response")
        self._arrived.append(
            (SessionMessage(JSONRPCError(jsonrpc="2.0", id=identifier, error=error)), 0)
        )
        self._wake()

    def end(self, reason: str = "") -> None:
        """Nothing more will arrive."""
        if not self._ended:
            self._ended = True
            if self.tap:
                self.tap.closed(reason)
            self._wake()
            self.on_closed(reason)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def encode(item: SessionMessage) -> bytes:
    """A message as JSON bytes, without a newline."""
    return item.message.model_dump_json(by_alias=True, exclude_unset=True).encode()


class LineDuplex(MessageDuplex, asyncio.Protocol):
    """A :class:`MessageDuplex` over newline-delimited bytes of any asyncio transport.

    Args:
        receives: the direction of what arrives here.
        tap: where traffic is recorded.
        guarded: close at once where the first byte is not ``{``. A web page can POST to a
            loopback port; its request line starts with a letter, its body is one JSON line,
            and without this the line runs a tool.
        max_line_bytes: the longest line taken.
    """

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
        if self.tap:
            self.tap.chunk(self.receives, data)
        if self._guarded:
            if data[:1] != b"{":
                if self.tap:
                    self.tap.fault("closed: the first byte is not {, so these are no JSON lines")
                self.abort()
                return
            self._guarded = False
        for line in self._lines.feed(data):
            self._take_line(line)

    def eof_received(self) -> bool:
        """The peer has closed its side: what came last may lack its newline."""
        for line in self._lines.feed(None):
            self._take_line(line)
        self.end()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The link is down."""
        self._writable.set()
        self._writer = None
        self.end(str(exc) if exc else "")

    def pause_writing(self) -> None:
        """The peer is slow: senders wait."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """The peer has caught up."""
        self._writable.set()

    # ---- MessageDuplex ---------------------------------------------------------------

    def _take_line(self, line: Line | Oversize) -> None:
        if isinstance(line, Oversize):
            self._fault(f"a line of {line.size} bytes is too long and was skipped")
            if self.is_server:
                text = f"message longer than {self._max_line_bytes} bytes"
                self._write_raw(jsonrpc.error_line(jsonrpc.INVALID_REQUEST, text, None))
            return
        if not line.data or line.data.isspace():
            return
        if not line.terminated:
            self._fault("half a message: the link ended before its newline")
            return
        if self.tap:
            self.tap.message(self.receives, line.data, span=line.span)
        due = self.take(line.data)
        if due is not None:
            self._write_raw(due)

    def _fault(self, text: str) -> None:
        if self.tap:
            self.tap.fault(text)

    def _write_raw(self, message: bytes) -> None:
        """Write one message's bytes, recorded."""
        line = message if message.endswith(b"\n") else message + b"\n"
        if self._writer is None or self._writer.is_closing():
            raise anyio.BrokenResourceError
        if self.tap:
            start = self.tap.chunk(self.sends, line)
            self.tap.message(self.sends, line[:-1], span=Span(start, start + len(line)))
        self._writer.write(line)

    async def send(self, item: SessionMessage) -> None:
        """Write one message as one line and wait while the peer is slow."""
        self._write_raw(encode(item))
        if not self._writable.is_set():
            await self._writable.wait()

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
