"""Links that speak HTTP/1.1, server-sent events and WebSocket: chunks in, units out."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Final

from mcp_notebook.wire.http1 import (
    Http1Decoder,
    HttpBody,
    HttpEnd,
    HttpError,
    HttpEvent,
    HttpHead,
    HttpUpgraded,
)
from mcp_notebook.wire.spans import Span
from mcp_notebook.wire.sse import SseDecoder, SseEvent, SseIncomplete, SseStreamEvent
from mcp_notebook.wire.websocket import FrameDecoder, MessageAssembler, Opcode, WsError

from .events import Chunk, Direction
from .unit import Flow, Unit, in_order

REQUEST_START: Final = re.compile(rb"[-!#$%&'*+.^_`|~0-9a-zA-Z]+ [\x21-\x7e]+ HTTP/1\.[01]\r?\n")
_RESPONSE_START: Final = re.compile(rb"HTTP/1\.[01] [0-9]{3}[ \r\n]")


# what is kept of a chunk is already bounded by the Trace
_NO_BOUND: Final = 1 << 62


@dataclass(slots=True)
class _Body:
    """A body on its way: its bytes and where in the link's stream they lie."""

    head: HttpHead | None
    sse: SseDecoder | None
    pieces: list[bytes] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    """Where in the body each span of ``spans`` begins."""
    spans: list[Span] = field(default_factory=list)
    size: int = 0

    def add(self, piece: HttpBody) -> None:
        if self.sse is None:
            self.pieces.append(piece.data)
        if self.spans and self.spans[-1].end == piece.span.start:
            self.spans[-1] = Span(self.spans[-1].start, piece.span.end)
        else:
            self.starts.append(self.size)
            self.spans.append(piece.span)
        self.size += len(piece.data)

    def locate(self, span: Span) -> tuple[Span, ...]:
        """Where in the link's stream a range of the body lies."""
        found: list[Span] = []
        at = max(0, bisect_right(self.starts, span.start) - 1)
        for start, piece in zip(self.starts[at:], self.spans[at:], strict=True):
            low, high = max(span.start - start, 0), min(span.end - start, len(piece))
            if start >= span.end:
                break
            if low < high:
                found.append(Span(piece.start + low, piece.start + high))
        return tuple(found)


class _HttpFlow(Flow):
    def __init__(self, direction: Direction, units: list[Unit]) -> None:
        super().__init__(direction, units)
        self.body = _Body(None, None)
        self.ws: FrameDecoder | None = None
        self._assembler = MessageAssembler(max_bytes=_NO_BOUND)
        self._fragments: list[Span] = []

    def http(self, event: HttpEvent) -> None:
        """Take what the HTTP decoder found in this direction."""
        if isinstance(event, HttpHead):
            content_type = (event.header(b"content-type") or b"").lower()
            is_sse = not event.is_request and content_type.startswith(b"text/event-stream")
            self.body = _Body(event, SseDecoder() if is_sse else None)
            self.emit("http-head", event.span, event)
        elif isinstance(event, HttpBody):
            self.body.add(event)
            if self.body.sse is not None:
                self._sse(self.body.sse.feed(event.data))
        elif isinstance(event, HttpEnd):
            self._end_of_body()
        elif isinstance(event, HttpUpgraded):
            if event.protocol == b"websocket":
                self.open_frames(event.span.start)
        elif self.ws is not None:
            self.frames(event.data)
        else:
            self.emit("tail", event.span, event, event.data, (event.span,))

    def _end_of_body(self) -> None:
        body, self.body = self.body, _Body(None, None)
        if body.sse is not None:
            self.body = body  # its spans are still needed
            self._sse(body.sse.feed(None))
            self.body = _Body(None, None)
        elif body.spans:
            span = Span(body.spans[0].start, body.spans[-1].end)
            self.emit("http-body", span, body.head, b"".join(body.pieces), tuple(body.spans))

    def _sse(self, events: list[SseStreamEvent]) -> None:
        for event in events:
            places = self.body.locate(event.span)
            span = Span(places[0].start, places[-1].end)
            if isinstance(event, SseIncomplete):
                self.emit("undecoded", span)
            elif isinstance(event, SseEvent) and event.dispatched:
                spans = tuple(p for s in event.data_spans for p in self.body.locate(s))
                self.emit("sse-event", span, event, event.data.encode(), spans)
            else:
                self.emit("sse-event", span, event)

    def open_frames(self, at: int) -> None:
        """From this byte on the direction carries WebSocket frames."""
        self.ws = FrameDecoder(max_bytes=_NO_BOUND, start=at)
        self._assembler = MessageAssembler(max_bytes=_NO_BOUND)

    def frames(self, data: bytes) -> None:
        """Take bytes of WebSocket frames."""
        assert self.ws is not None
        try:
            found = self.ws.feed(data)
        except WsError as exc:
            found = list(exc.frames)
            self.lose(exc.offset)
        for frame in found:
            try:
                message = self._assembler.add(frame)
            except WsError:
                message = None
            if message is None or message.compressed:
                self.emit("ws-frame", frame.span, frame)
            else:
                self.emit("ws-frame", frame.span, frame, message.data, message.payload_spans)
        if self.lost is not None:
            self.ws = None

    def unread(self, pending: Span) -> int | None:
        """The first byte that is there and belongs to no unit yet."""
        if self.ws is not None:
            pending = self.ws.pending
        if self.body.sse is not None:
            left = self.body.sse.feed(None)
            if left:
                return self.body.locate(left[0].span)[0].start
        elif self.body.spans:
            return self.body.spans[0].start
        return pending.start if pending else None


class HttpLink:
    """HTTP/1.1, with server-sent events in its bodies or WebSocket frames after an upgrade."""

    def __init__(self, *, websocket: bool) -> None:
        self._units: list[Unit] = []
        self._flows = {d: _HttpFlow(d, self._units) for d in Direction}
        self._decoder = Http1Decoder()
        self._websocket = websocket

    def take(self, chunk: Chunk) -> None:
        """Take the next chunk."""
        flow = self._flows[chunk.direction]
        seen = flow.next
        if chunk.offset != seen:
            self._lose(flow, max(seen, chunk.offset))
            if chunk.offset < seen:
                flow.found(seen)
                flow.lose(chunk.offset)
        flow.arrives(chunk)
        if flow.lost is not None and not self._find_again(flow, chunk, seen):
            return
        if flow.ws is not None:
            flow.frames(chunk.data)
        else:
            self._feed(flow, chunk.data)

    def close(self) -> None:
        """The connection ended in both directions."""
        for flow in self._flows.values():
            if flow.lost is None and flow.ws is None:
                self._feed(flow, None)

    def finish(self) -> list[Unit]:
        """The units, once no chunk is left."""
        for flow in self._flows.values():
            if flow.lost is None:
                self._lose(flow, flow.next)
            flow.found(flow.next)
        return in_order(self._units)

    def _feed(self, flow: _HttpFlow, data: bytes | None) -> None:
        error: HttpError | None = None
        try:
            events = self._decoder.feed(flow.from_client, data)
        except HttpError as exc:
            events, error = list(exc.events), exc
        for event in events:
            one = self._flows[
                Direction.CLIENT_TO_SERVER if event.from_client else Direction.SERVER_TO_CLIENT
            ]
            self._websocket |= isinstance(event, HttpUpgraded) and event.protocol == b"websocket"
            if one.lost is None:
                one.http(event)
        if error is not None:
            self._lose(flow, error.offset)

    def _lose(self, flow: _HttpFlow, at: int) -> None:
        """Give up what is on its way in a direction; ``at`` if that is nothing."""
        unread = flow.unread(self._decoder.pending(flow.from_client))
        flow.lose(at if unread is None else min(at, unread))
        flow.body = _Body(None, None)
        flow.ws = None

    def _find_again(self, flow: _HttpFlow, chunk: Chunk, seen: int) -> bool:
        """Whether reading can go on with this chunk."""
        start = REQUEST_START if flow.from_client else _RESPONSE_START
        if start.match(chunk.data):
            flow.found(min(seen, chunk.offset))
            self._decoder.resync(flow.from_client, chunk.offset)
            return True
        if self._websocket and _are_frames(chunk.data, masked=flow.from_client):
            flow.found(min(seen, chunk.offset))
            flow.open_frames(chunk.offset)
            return True
        return False


def _are_frames(data: bytes, *, masked: bool) -> bool:
    """Whether a chunk is nothing but whole frames as this direction must send them.

    Lengths that meet the end of the chunk, the right masking and text that is UTF-8 are too
    much for chance.
    """
    decoder = FrameDecoder(max_bytes=_NO_BOUND)
    try:
        found = decoder.feed(data)
    except WsError:
        return False
    if decoder.pending or not found:
        return False
    for frame in found:
        if frame.masked != masked or frame.rsv:
            return False
        if frame.opcode is Opcode.TEXT and frame.fin:
            try:
                frame.payload.decode("utf-8")
            except UnicodeDecodeError:
                return False
    return True
