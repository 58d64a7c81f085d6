"""The messages in what passes: JSON bodies, server-sent events, WebSocket frames."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from mcp_notebook.trace.events import Direction
from mcp_notebook.transports.asgi import Body
from mcp_notebook.transports.base import MAX_MESSAGE_BYTES
from mcp_notebook.transports.tap import LinkTap
from mcp_notebook.wire.http1_events import (
    HttpBody,
    HttpEnd,
    HttpEvent,
    HttpHead,
    HttpTail,
    HttpUpgraded,
)
from mcp_notebook.wire.websocket import FrameDecoder, MessageAssembler, WsError

_ZIPPED = {b"gzip": 31, b"x-gzip": 31, b"deflate": 15}
"""Window bits of what zlib reads, by the coding's name."""


class _Body:
    """One body, freed of its compression as far as that is known."""

    def __init__(self, head: HttpHead, link: LinkTap, direction: Direction) -> None:
        coding = (head.header(b"content-encoding") or b"identity").strip().lower()
        self._zip = zlib.decompressobj(_ZIPPED[coding]) if coding in _ZIPPED else None
        self._room = MAX_MESSAGE_BYTES
        self._link = link
        kind = (head.header(b"content-type") or b"").decode("latin-1")
        self._body: Body | None = Body(link, direction, kind)
        if self._zip is None and coding != b"identity":
            self._lose(f"a body is compressed with {coding.decode('latin-1')[:20]}")

    def _lose(self, why: str) -> None:
        self._body = None
        self._link.fault(f"{why}: its messages are not shown. It passed unchanged")

    def feed(self, data: bytes) -> None:
        """The next bytes of the body."""
        if self._body is None:
            return
        if self._zip is None:
            self._body.feed(data)
            return
        try:
            plain = self._zip.decompress(data, self._room)
        except zlib.error:
            self._lose("a compressed body cannot be read")
            return
        self._room -= len(plain)
        if self._zip.unconsumed_tail or self._room <= 0:
            self._lose("a compressed body is too large")
            return
        self._body.feed(plain)

    def end(self) -> None:
        """The body is complete."""
        if self._body is not None:
            self._body.end()


class Contents:
    """Records the messages of one connection.

    Args:
        link: where.
    """

    def __init__(self, link: LinkTap) -> None:
        self._link = link
        self._bodies: dict[bool, _Body] = {}
        self._frames: dict[bool, tuple[FrameDecoder, MessageAssembler]] = {}

    def take(self, events: Iterable[HttpEvent]) -> None:
        """What the HTTP decoder has found."""
        for event in events:
            side = event.from_client
            if isinstance(event, HttpHead):
                self._bodies[side] = _Body(event, self._link, _direction(side))
            elif isinstance(event, HttpBody) and side in self._bodies:
                self._bodies[side].feed(event.data)
            elif isinstance(event, HttpEnd) and side in self._bodies:
                self._bodies.pop(side).end()
            elif isinstance(event, HttpUpgraded) and event.protocol == b"websocket":
                most = MAX_MESSAGE_BYTES
                self._frames[side] = (
                    FrameDecoder(max_bytes=most, start=event.span.start),
                    MessageAssembler(max_bytes=most),
                )
            elif isinstance(event, HttpTail) and side in self._frames:
                self._tail(side, event.data)

    def _tail(self, side: bool, data: bytes) -> None:
        decoder, assembler = self._frames[side]
        try:
            for frame in decoder.feed(data):
                message = assembler.add(frame)
                if message is not None and not message.compressed:
                    self._link.message(_direction(side), message.data)
        except WsError as error:
            del self._frames[side]
            self._link.fault(f"its frames cannot be read: {error}. They passed unchanged")


def _direction(from_client: bool) -> Direction:
    return Direction.CLIENT_TO_SERVER if from_client else Direction.SERVER_TO_CLIENT
