"""The texts of one link, found while its chunks come: what is complete is told at once.

A text ends where no place that gives a secret away can go on: after the head of an HTTP
message, after its body, after a server-sent event, after a WebSocket message, after a line that
is a JSON-RPC message. What is not complete is the link's rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mcp_notebook.wire.http1 import HttpHead
from mcp_notebook.wire.spans import Span
from mcp_notebook.wire.sse import SseComment, SseEvent
from mcp_notebook.wire.websocket import Opcode, WsFrame

from .events import Chunk, Direction, LinkClosed
from .places import STAR, goes_on
from .reading import HttpReader, LineReader, reader
from .streams import Stream, Text, without
from .unit import Unit


@dataclass(slots=True)
class _Way:
    """One direction, while it is read."""

    stream: Stream = field(default_factory=Stream)
    texts: list[Text] = field(default_factory=list)
    """Complete, and not told yet."""
    judged: int = 0
    """Up to here every byte was in a text that was told."""
    own: list[Span] = field(default_factory=list)
    """What lies in texts of its own since then."""
    message_end: int = 0
    """Where the last line ended that is a JSON-RPC message."""
    goes_on: int = -1
    """Where lines begin that may go on, and are no such message."""
    fragments: list[Span] = field(default_factory=list)
    """The payloads of a WebSocket message that goes on."""
    fragments_start: int = 0
    lost_start: int = 1 << 62
    lost_end: int = 0
    """What was masked of bytes that stay unreadable."""
    compressed: bool = False
    encoded: bool = False


class LinkTexts:
    """The texts of one link, both directions.

    What cannot be decoded is masked: nobody can say what is in it.

    Attributes:
        first_seq: the number of its first chunk.
    """

    def __init__(self, first_seq: int) -> None:
        self.first_seq = first_seq
        self._ways = {way: _Way() for way in Direction}
        self._reader: LineReader | HttpReader | None = None
        self._headed = False

    def stream(self, way: Direction) -> Stream:
        """The bytes of a direction."""
        return self._ways[way].stream

    def take(self, event: Chunk | LinkClosed) -> list[Text]:
        """Take the next event; the texts that are complete now."""
        if isinstance(event, Chunk):
            self._ways[event.direction].stream.append(event)
            if not event.data:
                return []
            if self._reader is None:
                self._reader = reader(event)
            self._reader.take(event)
        elif self._reader is not None:
            self._reader.close()
        if self._reader is None:
            return []
        units = self._reader.drain()
        for unit in units:
            if isinstance(unit.detail, WsFrame) and unit.detail.mask is not None:
                stream = self._ways[unit.direction].stream
                stream.add_key(unit.detail.payload_span, unit.detail.mask)
        for unit in units:
            self._unit(unit, self._ways[unit.direction])
        return [text for way in Direction for text in self._complete_texts(way)]

    def _complete_texts(self, way: Direction) -> list[Text]:
        """The texts of a direction that became complete."""
        one = self._ways[way]
        if one.judged < one.stream.end:
            lost = self._lost(way)
            if lost is not None:
                start = lost if lost < one.lost_start else max(lost, one.lost_end)
                one.stream.mask(Span(start, one.stream.end), STAR, one.stream.masked)
                one.lost_start, one.lost_end = lost, one.stream.end
            end = self.complete(way)
            if end > one.judged:
                one.texts += self._straight(one, Span(one.judged, end))
                one.judged = end
                one.own.clear()
        told, one.texts = one.texts, []
        return told

    def complete(self, way: Direction) -> int:
        """Up to here every text of a direction is complete."""
        one, link = self._ways[way], self._reader
        if link is None:
            return one.stream.end
        end = link.unread(way)
        if one.fragments:
            return min(end, one.fragments_start)
        if isinstance(link, LineReader) and end > one.message_end:
            # garbage, or what a server printed: a secret may go on in its next line
            since = max(one.message_end, one.judged)
            if end > since and (
                since == one.goes_on or goes_on(one.stream.read(Span(since, end), raw=True))
            ):
                one.goes_on = since
                return since
        return end

    def readable(self, way: Direction) -> int:
        """Up to here what is complete is known, or known to stay unreadable."""
        one = self._ways[way]
        known = self._reader is not None and self._lost(way) is None
        return one.judged if known else one.stream.end

    def _lost(self, way: Direction) -> int | None:
        """Where bytes begin that will stay unreadable.

        HTTP is read on with a chunk of its own, or never; lines may go on in this one.
        """
        return self._reader.lost(way) if isinstance(self._reader, HttpReader) else None

    def rest(self, way: Direction) -> tuple[list[Text], Span]:
        """The texts of a direction that are not complete, and what of it cannot be read."""
        one = self._ways[way]
        end = one.stream.end
        start = end if self._reader is None else self._reader.unread(way)
        texts = list(self._straight(one, Span(min(one.judged, start), end)))
        if one.fragments:
            texts.append(Text(one.stream, tuple(one.fragments)))
        return texts, Span(start, end)

    def has_rest(self, way: Direction) -> bool:
        """Whether there is anything in the rest of a direction."""
        return self._ways[way].judged < self._ways[way].stream.end

    # ---- what the units say ----------------------------------------------------------

    def _straight(self, one: _Way, span: Span) -> Iterator[Text]:
        """The texts of a span that are read straight on."""
        # where there is no HTTP to tell heads from bodies, every line may be a header
        for left in without(span, sorted(one.own)) if one.own else (span,):
            for run in one.stream.runs(left):
                yield Text(one.stream, (run,), head=not self._headed, raw=True)

    def _unit(self, unit: Unit, one: _Way) -> None:
        detail = unit.detail
        if unit.layer in ("undecoded", "tail"):
            one.stream.mask(unit.span, STAR, one.stream.masked)
        elif unit.layer == "line":
            body = unit.body or b""
            if body.startswith(b"{") and body.rstrip().endswith(b"}") and b'"jsonrpc"' in body:
                one.message_end = unit.span.end
        elif isinstance(detail, WsFrame):
            self._frame(detail, one)
        elif unit.layer == "http-head" and isinstance(detail, HttpHead):
            self._headed = True
            encoding = detail.header(b"content-encoding") or b"identity"
            self._add(one, [unit.span], head=True)
            one.encoded = encoding.strip().lower() != b"identity"
        elif one.encoded and unit.layer in ("http-body", "sse-event"):
            for span in unit.body_spans or (unit.span,):
                one.stream.mask(span, STAR, one.stream.masked)
        elif unit.layer == "http-body" and len(unit.body_spans) > 1:
            self._add(one, unit.body_spans)
        elif isinstance(detail, SseEvent | SseComment):
            self._server_sent(unit, detail, one)

    def _frame(self, frame: WsFrame, one: _Way) -> None:
        if frame.is_control:
            self._add(one, [frame.payload_span])
            return
        if frame.opcode is not Opcode.CONT:
            # a message that never ended
            self._add(one, one.fragments)
            one.compressed = bool(frame.rsv & 4)
            one.fragments = []
        if not one.fragments:
            one.fragments_start = frame.span.start
        if one.compressed:
            one.stream.mask(frame.payload_span, STAR, one.stream.masked)
            return
        one.fragments.append(frame.payload_span)
        if frame.fin:
            self._add(one, one.fragments)
            one.fragments = []

    def _server_sent(self, unit: Unit, detail: SseEvent | SseComment, one: _Way) -> None:
        if isinstance(detail, SseEvent):
            if len(detail.data_spans) > 1 or len(unit.body_spans) > 1:
                self._add(one, _data_lines(unit, detail))
            names = f"{detail.event}\n{detail.id or ''}"
        else:
            names = detail.text
        if len(unit.span) != len(detail.span):
            # the framing of HTTP chunks lies between
            text = Text(one.stream, (unit.span,), hidden=names.encode())
            one.texts.append(text)
            one.stream.keep(text)

    def _add(self, one: _Way, places: Iterable[Span | None], *, head: bool = False) -> None:
        """Add the text that lies in these places; ``None`` is a line feed that lies nowhere."""
        text = Text(one.stream, tuple(places), head=head)
        if text.start == text.end:
            return
        one.texts.append(text)
        if text.straight:
            one.own.append(Span(text.start, text.end))
        else:
            one.stream.keep(text)
            if len(text.places) == 1:
                one.own.append(Span(text.start, text.end))


def _data_lines(unit: Unit, event: SseEvent) -> list[Span | None]:
    """The data of an event: its lines, each perhaps in several pieces, joined by LF."""
    left_places = list(unit.body_spans)
    places: list[Span | None] = []
    for line in event.data_spans:
        left = len(line)
        if places:
            places.append(None)
        while left and left_places:
            place = left_places.pop(0)
            if len(place) > left:
                left_places.insert(0, Span(place.start + left, place.end))
                place = Span(place.start, place.start + left)
            places.append(place)
            left -= len(place)
    return places
