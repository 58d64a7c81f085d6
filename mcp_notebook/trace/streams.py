"""The bytes of a link as texts that can be read and masked, whatever framing lies between.

A secret may be split over chunks of the read, over HTTP chunks, over WebSocket frames, and be
masked by a WebSocket key. Each text here knows where in the stream its bytes lie, so that a
part of it can be replaced there, in the same length and under the same key.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from mcp_notebook.wire.http1 import HttpHead
from mcp_notebook.wire.spans import Span
from mcp_notebook.wire.sse import SseComment, SseEvent
from mcp_notebook.wire.websocket import Opcode, WsFrame

from .events import Chunk, Direction, Event, LinkClosed
from .framing import frames
from .places import STAR
from .unit import Unit

_LINE_FEED: Final = b"\n"


class Stream:
    """One direction of a link, the chunks in their order.

    Args:
        chunks: they do not overlap, and there may be gaps.
    """

    def __init__(self, chunks: list[Chunk]) -> None:
        self._chunks = chunks
        self._starts = [chunk.offset for chunk in chunks]
        self._masked: dict[int, bytearray] = {}  # by index
        self._key_starts: list[int] = []
        self._keys: list[tuple[Span, bytes]] = []

    def add_key(self, span: Span, key: bytes) -> None:
        """These bytes are masked by a WebSocket key; spans are added in their order."""
        self._key_starts.append(span.start)
        self._keys.append((span, key))

    def read(self, span: Span) -> bytes:
        """The bytes of a span, unmasked."""
        parts: list[bytes] = []
        for index, low, high in self._pieces(span):
            chunk = self._chunks[index]
            parts.append(chunk.data[low - chunk.offset : high - chunk.offset])
        raw = b"".join(parts)
        key = self._key(span.start)
        if key is None:
            return raw
        of, mask = key
        return _xor(raw, mask, span.start - of.start)

    def mask(self, span: Span, fill: int = STAR) -> None:
        """Replace the bytes of a span so that they read as ``fill``."""
        at = span.start
        while at < span.end:
            key = self._key(at)
            if key is None:
                after = bisect_right(self._key_starts, at)
                end = min([span.end, *self._key_starts[after : after + 1]])
                self._write(at, bytes((fill,)) * (end - at))
            else:
                of, mask = key
                end = min(span.end, of.end)
                self._write(at, _xor(bytes((fill,)) * (end - at), mask, at - of.start))
            at = end

    def runs(self) -> Iterator[Span]:
        """The stretches without a gap."""
        start = end = None
        for chunk in self._chunks:
            if end is not None and chunk.offset != end and start is not None:
                yield Span(start, end)
                start = None
            if start is None:
                start = chunk.offset
            end = chunk.offset + len(chunk.data)
        if start is not None and end is not None:
            yield Span(start, end)

    def result(self) -> Iterator[Chunk]:
        """The chunks that were changed."""
        for index, data in self._masked.items():
            yield replace(self._chunks[index], data=bytes(data))

    def _key(self, at: int) -> tuple[Span, bytes] | None:
        index = bisect_right(self._key_starts, at) - 1
        if index >= 0 and self._keys[index][0].end > at:
            return self._keys[index]
        return None

    def _pieces(self, span: Span) -> Iterator[tuple[int, int, int]]:
        index = max(0, bisect_right(self._starts, span.start) - 1)
        while index < len(self._chunks) and self._starts[index] < span.end:
            chunk = self._chunks[index]
            low = max(span.start, chunk.offset)
            high = min(span.end, chunk.offset + len(chunk.data))
            if low < high:
                yield index, low, high
            index += 1

    def _write(self, at: int, data: bytes) -> None:
        for index, low, high in self._pieces(Span(at, at + len(data))):
            chunk = self._chunks[index]
            copy = self._masked.setdefault(index, bytearray(chunk.data))
            copy[low - chunk.offset : high - chunk.offset] = data[low - at : high - at]


@dataclass(slots=True)
class StreamText:
    """A text whose bytes lie in a stream.

    Attributes:
        stream: where.
        data: the text, freed of all framing.
        pieces: for each part of the text where it begins in the text and lies in the stream.
        head: whether it is the head of an HTTP message.
        prose: whether it is a line for people.
    """

    stream: Stream
    data: bytes
    pieces: list[tuple[int, Span]] = field(default_factory=list)
    head: bool = False
    prose: bool = False

    def mask(self, start: int, end: int, fill: int) -> None:
        """Replace a part of the text where it lies."""
        for at, span in self.pieces:
            low, high = max(start - at, 0), min(end - at, len(span))
            if low < high:
                self.stream.mask(Span(span.start + low, span.start + high), fill)


@dataclass(slots=True)
class HiddenText:
    """A text that cannot be found byte by byte: with a secret in it, its whole place is masked."""

    stream: Stream
    data: bytes
    place: Span
    head: bool = False
    prose: bool = False

    def mask(self, start: int, end: int, fill: int) -> None:
        """Replace all of it."""
        self.stream.mask(self.place)


class LinkTexts:
    """The texts of one link, both directions.

    What cannot be decoded is masked at once: nobody can say what is in it.

    Args:
        events: the chunks of the link in order, and where it closed.
    """

    def __init__(self, events: list[Event]) -> None:
        chunks = [event for event in events if isinstance(event, Chunk)]
        self.streams = {
            way: Stream([chunk for chunk in chunks if chunk.direction is way]) for way in Direction
        }
        self.texts: list[StreamText | HiddenText] = []
        self._fragments: dict[Direction, list[Span]] = {way: [] for way in Direction}
        self._compressed: dict[Direction, bool] = dict.fromkeys(Direction, False)
        self._encoded: dict[Direction, bool] = dict.fromkeys(Direction, False)
        units = frames(events)
        for unit in units:
            if isinstance(unit.detail, WsFrame) and unit.detail.mask is not None:
                self.streams[unit.direction].add_key(unit.detail.payload_span, unit.detail.mask)
        # where there is no HTTP to tell heads from bodies, every line may be a header
        plain = not any(unit.layer == "http-head" for unit in units)
        for stream in self.streams.values():
            for run in stream.runs():
                self._add(stream, [run], head=plain)
        for unit in units:
            self._unit(unit, self.streams[unit.direction])
        for way, spans in self._fragments.items():
            self._add(self.streams[way], spans)

    def _unit(self, unit: Unit, stream: Stream) -> None:
        detail = unit.detail
        if unit.layer in ("undecoded", "tail"):
            stream.mask(unit.span)
        elif isinstance(detail, WsFrame):
            self._frame(unit.direction, detail, stream)
        elif unit.layer == "http-head" and isinstance(detail, HttpHead):
            encoding = detail.header(b"content-encoding") or b"identity"
            self._add(stream, [unit.span], head=True)
            self._encoded[unit.direction] = encoding.strip().lower() != b"identity"
        elif self._encoded[unit.direction] and unit.layer in ("http-body", "sse-event"):
            for span in unit.body_spans or (unit.span,):
                stream.mask(span)
        elif unit.layer == "http-body" and len(unit.body_spans) > 1:
            self._add(stream, unit.body_spans)
        elif isinstance(detail, SseEvent | SseComment):
            self._server_sent(unit, detail, stream)

    def _frame(self, way: Direction, frame: WsFrame, stream: Stream) -> None:
        if frame.is_control:
            self._add(stream, [frame.payload_span])
            return
        if frame.opcode is not Opcode.CONT:
            self._compressed[way] = bool(frame.rsv & 4)
            self._fragments[way] = []
        if self._compressed[way]:
            stream.mask(frame.payload_span)
            return
        self._fragments[way].append(frame.payload_span)
        if frame.fin:
            self._add(stream, self._fragments[way])
            self._fragments[way] = []

    def _server_sent(self, unit: Unit, detail: SseEvent | SseComment, stream: Stream) -> None:
        if isinstance(detail, SseEvent):
            if len(detail.data_spans) > 1 or len(unit.body_spans) > 1:
                self._data_lines(unit, detail, stream)
            names = f"{detail.event}\n{detail.id or ''}"
        else:
            names = detail.text
        if len(unit.span) != len(detail.span):
            # the framing of HTTP chunks lies between
            self.texts.append(HiddenText(stream, names.encode(), unit.span))

    def _data_lines(self, unit: Unit, event: SseEvent, stream: Stream) -> None:
        """The data of an event: its lines, each perhaps in several pieces, joined by LF."""
        places = list(unit.body_spans)
        pieces: list[Span | None] = []
        for line in event.data_spans:
            left = len(line)
            if pieces:
                pieces.append(None)
            while left and places:
                place = places.pop(0)
                if len(place) > left:
                    places.insert(0, Span(place.start + left, place.end))
                    place = Span(place.start, place.start + left)
                pieces.append(place)
                left -= len(place)
        self._add(stream, pieces)

    def _add(self, stream: Stream, spans: Iterable[Span | None], *, head: bool = False) -> None:
        """Add the text that lies in these spans; ``None`` is a line feed that lies nowhere."""
        pieces: list[tuple[int, Span]] = []
        parts: list[bytes] = []
        size = 0
        for span in spans:
            part = _LINE_FEED if span is None else stream.read(span)
            if span is not None:
                pieces.append((size, span))
            parts.append(part)
            size += len(part)
        if size:
            self.texts.append(StreamText(stream, b"".join(parts), pieces, head))


def links(events: Iterable[Event]) -> Iterator[list[Event]]:
    """The chunks of each link (and its end), in order; a name used again is another link."""
    found: dict[tuple[str, str, str], list[Event]] = {}
    after: dict[tuple[str, str, str], dict[Direction, int]] = {}
    for event in events:
        if not isinstance(event, Chunk | LinkClosed):
            continue
        key = (event.conn, event.vantage, event.link)
        if isinstance(event, Chunk):
            seen = after.setdefault(key, {})
            if event.offset < seen.get(event.direction, 0):
                yield found.pop(key)
                seen.clear()
            seen[event.direction] = event.offset + len(event.data)
        elif key not in found:
            continue
        found.setdefault(key, []).append(event)
    yield from found.values()


def _xor(data: bytes, key: bytes, phase: int) -> bytes:
    if not data:
        return data
    shifted = key[phase % 4 :] + key[: phase % 4]
    repeated = (shifted * (len(data) // 4 + 1))[: len(data)]
    number = int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")
    return number.to_bytes(len(data), "big")
