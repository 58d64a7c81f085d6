"""The bytes of one direction of a link, and the texts that lie in them.

A secret may be split over chunks of the read, over HTTP chunks, over WebSocket frames, and be
masked by a WebSocket key. Each text here knows where in the stream its bytes lie, so that a
part of it can be replaced there, in the same length and under the same key.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from mcp_notebook.wire.spans import Span

from .events import Chunk, Direction, Event, LinkClosed
from .places import STAR

_LINE_FEED: Final = b"\n"

REMEMBERED_BYTES: Final = 8192
"""So much before the oldest chunk is remembered."""

Sheet = dict[int, bytearray]
"""What the chunks of a stream become, by their numbers; only those that change."""


class Stream:
    """One direction of a link: its chunks in their order, with gaps where bytes are not there.

    Attributes:
        masked: what chunks become because of the places in them.
    """

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []
        self.masked: Sheet = {}
        self.end = 0
        """The offset after the last byte."""
        self._starts: list[int] = []
        self._key_starts: list[int] = []
        self._keys: list[tuple[Span, bytes]] = []
        self._texts: list[Text] = []
        self._text_ends: list[int] = []

    # ---- what is in it ---------------------------------------------------------------

    def append(self, chunk: Chunk) -> None:
        """Take the next chunk; it does not overlap the one before."""
        self.chunks.append(chunk)
        self._starts.append(chunk.offset)
        self.end = chunk.offset + len(chunk.data)

    def add_key(self, span: Span, key: bytes) -> None:
        """These bytes are masked by a WebSocket key; spans are added in their order."""
        self._key_starts.append(span.start)
        self._keys.append((span, key))

    def keep(self, text: Text) -> None:
        """Remember a text that cannot be read by reading the stream straight on."""
        self._texts.append(text)
        self._text_ends.append(max(text.end, self._text_ends[-1] if self._text_ends else 0))

    def texts(self, span: Span) -> Iterator[Text]:
        """The texts kept that may lie in a span."""
        for index in range(bisect_right(self._text_ends, span.start), len(self._texts)):
            if self._texts[index].start >= span.end:
                return
            yield self._texts[index]

    def shed(self, first_seq: int) -> None:
        """Forget the chunks with lower numbers, and what lay in nothing but them.

        A little is remembered of what left: a secret may begin there and end in what is kept.
        """
        kept = bisect_left(self.chunks, first_seq, key=lambda chunk: chunk.seq)
        gone, left = kept, REMEMBERED_BYTES
        while gone and left > 0:
            gone -= 1
            left -= len(self.chunks[gone].data)
        if left < 0 and gone < kept:
            chunk = self.chunks[gone]
            offset = chunk.offset - left
            self.chunks[gone] = replace(chunk, data=chunk.data[-left:], offset=offset)
            self._starts[gone] = offset
        for chunk in self.chunks[:kept]:
            self.masked.pop(chunk.seq, None)
        if not gone:
            return
        del self.chunks[:gone], self._starts[:gone]
        at = self._starts[0] if self._starts else self.end
        texts = bisect_right(self._text_ends, at)
        del self._texts[:texts], self._text_ends[:texts]
        keys = max(0, bisect_right(self._key_starts, at) - 1)
        del self._keys[:keys], self._key_starts[:keys]

    def is_quiet(self, first_seq: int) -> bool:
        """Whether every chunk has a lower number."""
        return not self.chunks or self.chunks[-1].seq < first_seq

    # ---- reading and masking ---------------------------------------------------------

    def read(self, span: Span, *, raw: bool = False) -> bytes:
        """The bytes of a span, unmasked unless ``raw``; NUL where they are not there."""
        last = self.chunks[-1] if self.chunks else None
        if last is not None and span.start >= last.offset and span.end <= self.end:
            data = last.data[span.start - last.offset : span.end - last.offset]
        else:
            data = self._joined(span)
        key = None if raw or not self._keys else self._key(span.start)
        if key is None:
            return data
        of, mask = key
        return _xor(data, mask, span.start - of.start)

    def _joined(self, span: Span) -> bytes:
        parts: list[bytes] = []
        at = span.start
        for index, low, high in self._pieces(span):
            chunk = self.chunks[index]
            if low > at:
                parts.append(bytes(low - at))
            parts.append(chunk.data[low - chunk.offset : high - chunk.offset])
            at = high
        if at < span.end:
            parts.append(bytes(span.end - at))
        return b"".join(parts)

    def mask(self, span: Span, fill: int, sheet: Sheet) -> None:
        """Replace the bytes of a span so that they read as ``fill``."""
        at = span.start
        while at < span.end:
            key = self._key(at)
            if key is None:
                after = bisect_right(self._key_starts, at)
                end = min([span.end, *self._key_starts[after : after + 1]])
                self._write(at, bytes((fill,)) * (end - at), sheet)
            else:
                of, mask = key
                end = min(span.end, of.end)
                self._write(at, _xor(bytes((fill,)) * (end - at), mask, at - of.start), sheet)
            at = end

    def runs(self, span: Span) -> Iterator[Span]:
        """The stretches of a span without a gap."""
        if self.chunks and span.start >= self.chunks[-1].offset and span.end <= self.end:
            yield span
            return
        start = end = span.start
        for _, low, high in self._pieces(span):
            if low != end:
                if start < end:
                    yield Span(start, end)
                start = low
            end = high
        if start < end:
            yield Span(start, end)

    def redacted(self, chunk: Chunk, sheet: Sheet) -> Chunk:
        """A chunk with what was masked of it."""
        data = sheet.get(chunk.seq) or self.masked.get(chunk.seq)
        return chunk if data is None else replace(chunk, data=bytes(data))

    def _key(self, at: int) -> tuple[Span, bytes] | None:
        index = bisect_right(self._key_starts, at) - 1
        if index >= 0 and self._keys[index][0].end > at:
            return self._keys[index]
        return None

    def _pieces(self, span: Span) -> Iterator[tuple[int, int, int]]:
        # of chunks that begin at one offset only the last has bytes
        index = max(0, bisect_right(self._starts, span.start) - 1)
        while index < len(self.chunks) and self._starts[index] < span.end:
            chunk = self.chunks[index]
            low = max(span.start, chunk.offset)
            high = min(span.end, chunk.offset + len(chunk.data))
            if low < high:
                yield index, low, high
            index += 1

    def _write(self, at: int, data: bytes, sheet: Sheet) -> None:
        for index, low, high in self._pieces(Span(at, at + len(data))):
            chunk = self.chunks[index]
            copy = sheet.get(chunk.seq)
            if copy is None:
                copy = sheet[chunk.seq] = bytearray(self.masked.get(chunk.seq) or chunk.data)
            copy[low - chunk.offset : high - chunk.offset] = data[low - at : high - at]


@dataclass(slots=True)
class Text:
    """A text that lies in a stream.

    Attributes:
        stream: where.
        places: where its parts lie, in order; ``None`` is a line feed that lies nowhere.
        hidden: what it says, where that cannot be found byte by byte in its one place: with a
            secret in it the whole place is masked.
        head: whether it is the head of an HTTP message.
        raw: whether it is read as it travelled, whatever masks there are.
    """

    stream: Stream
    places: tuple[Span | None, ...]
    hidden: bytes | None = None
    head: bool = False
    raw: bool = False
    prose: bool = False

    @property
    def start(self) -> int:
        """Where its first part begins."""
        return min((place.start for place in self.places if place is not None), default=0)

    @property
    def end(self) -> int:
        """Where its last part ends."""
        return max((place.end for place in self.places if place is not None), default=0)

    @property
    def data(self) -> bytes:
        """The text, freed of all framing."""
        if self.hidden is not None:
            return self.hidden
        if len(self.places) == 1 and self.places[0] is not None:
            return self.stream.read(self.places[0], raw=self.raw)
        return b"".join(
            _LINE_FEED if place is None else self.stream.read(place) for place in self.places
        )

    @property
    def straight(self) -> bool:
        """Whether reading the stream straight on reads it too."""
        place = self.places[0]
        return (
            self.hidden is None
            and len(self.places) == 1
            and place is not None
            and self.stream._key(place.start) is None
        )

    def mask(self, start: int, end: int, fill: int, sheet: Sheet) -> None:
        """Replace a part of the text where it lies."""
        at = 0
        for place in self.places:
            if place is None:
                at += len(_LINE_FEED)
                continue
            if self.hidden is not None:
                self.stream.mask(place, STAR, sheet)
                continue
            low, high = max(start - at, 0), min(end - at, len(place))
            if low < high:
                self.stream.mask(Span(place.start + low, place.start + high), fill, sheet)
            at += len(place)


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


def merged(spans: list[Span]) -> Iterator[Span]:
    """Spans in order, those that meet made one."""
    start = end = -1
    for span in sorted(spans):
        if span.start > end:
            if start >= 0:
                yield Span(start, end)
            start, end = span.start, span.end
        end = max(end, span.end)
    if start >= 0:
        yield Span(start, end)


def without(span: Span, taken: list[Span]) -> Iterator[Span]:
    """What is left of a span where others are taken out."""
    index = max(0, bisect_left(taken, span) - 1)
    at = span.start
    for other in taken[index:]:
        if other.start >= span.end:
            break
        if other.start > at:
            yield Span(at, other.start)
        at = max(at, other.end)
    if at < span.end:
        yield Span(at, span.end)


def _xor(data: bytes, key: bytes, phase: int) -> bytes:
    if not data:
        return data
    shifted = key[phase % 4 :] + key[: phase % 4]
    repeated = (shifted * (len(data) // 4 + 1))[: len(data)]
    number = int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")
    return number.to_bytes(len(data), "big")
