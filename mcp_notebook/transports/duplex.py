"""Messages both ways as one object: the SDK's read and write stream above, some bytes below.

The object is the tap at the same time: whoever brings the bytes tells it of each message.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import (
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    jsonrpc_message_adapter,
)

from mcp_notebook.trace.events import Direction
from mcp_notebook.wire import jsonrpc

from .reading import NO_MESSAGE, read_message
from .tap import LinkTap

PAUSE_BYTES = 4 << 20
"""Reading pauses while this much has arrived and waits to be taken."""


class MessageDuplex(ABC):
    """The SDK's read and write stream in one object; subclasses bring the bytes.

    Attributes:
        receives: the direction of what arrives here.
        is_server: whether this is the server's end.
        tap: where traffic is recorded; ``None`` records nothing.
        on_closed: called once with the reason when the link ends.
    """

    def __init__(self, *, receives: Direction, tap: LinkTap | None) -> None:
        self.receives = receives
        self.is_server = receives is Direction.CLIENT_TO_SERVER
        self.sends = Direction.SERVER_TO_CLIENT if self.is_server else Direction.CLIENT_TO_SERVER
        self.tap = tap
        self.on_closed: Callable[[str], None] = lambda _reason: None
        self._arrived: deque[tuple[SessionMessage, int]] = deque()
        self._arrived_bytes = 0
        self._ended = False
        self._waiter: asyncio.Future[None] | None = None

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
        before = self._arrived_bytes
        self._arrived_bytes -= size
        if self._arrived_bytes < PAUSE_BYTES <= before:
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
        if self.is_server:
            return self._take_strictly(raw)
        try:
            message = jsonrpc_message_adapter.validate_json(raw, by_name=False)
            if isinstance(message, JSONRPCNotification) and b'"id"' in raw:
                jsonrpc.parse(raw)  # the SDK reads a request with an odd id as a notification
        except (ValueError, RecursionError):
            self._skip(raw)
        else:
            self._admit(message, len(raw))
        return None

    def _take_strictly(self, raw: bytes) -> bytes | None:
        """Take what a client sent; what servers send is taken as it comes, for a caller waits."""
        try:
            message = read_message(raw)
        except jsonrpc.MessageError as problem:
            self._noted(problem.text)
            return problem.line() if problem.answerable else None
        self._admit(message, len(raw))
        return None

    def _skip(self, raw: bytes) -> None:
        """What a server sent is no message; if it was to be an answer, its call fails."""
        text = NO_MESSAGE
        try:
            envelope = jsonrpc.parse(raw)
            if envelope.method is None and envelope.id is not None:
                self._fail(envelope.id)
        except jsonrpc.MessageError as problem:
            text = problem.text
        self._noted(text)

    def _noted(self, text: str) -> None:
        if self.tap:
            self.tap.fault(f"refused: {text}")

    def _admit(self, message: JSONRPCMessage, size: int) -> None:
        """Hand a message of so many bytes to whoever receives."""
        self._arrived.append((SessionMessage(message), size))
        self._arrived_bytes += size
        if self._arrived_bytes >= PAUSE_BYTES:
            self.pause_arrivals()
        self._wake()

    def _fail(self, identifier: jsonrpc.Id) -> None:
        """End a request whose answer cannot be read: who waits for it need not wait longer."""
        error = ErrorData(code=jsonrpc.INTERNAL_ERROR, message="the answer is no JSON-RPC response")
        self._admit(JSONRPCError(jsonrpc="2.0", id=identifier, error=error), 0)

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
    # as model_dump_json does it, whose text would have to be made bytes again
    written: bytes = item.message.__pydantic_serializer__.to_json(
        item.message, by_alias=True, exclude_unset=True
    )
    return written
