"""What a stretch of one connection cost: messages, round trips, links, each byte by its kind.

Nothing is estimated. Every chunk of the connection is cut along the units of its framing, so
the bytes of a stretch, kind by kind, add up to what travelled in it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from mcp_notebook.wire.http1 import Http1Decoder, HttpBody, HttpError, HttpHead

from .events import Chunk, Direction, Event, LinkOpened, Message, Vantage
from .framing import Framing, Layer, Unit


class Kind(StrEnum):
    """What bytes are for."""

    MESSAGE = "messages"
    """The JSON text of a message: the body. Everything else is framing."""
    HEAD = "HTTP heads"
    OTHER_BODY = "other HTTP bodies"
    """Bodies that carry no message, such as the word ``Accepted``."""
    EVENT = "SSE fields"
    PIECE = "HTTP chunk sizes"
    FRAME = "WebSocket headers"
    LINE = "newlines"
    UNREAD = "not decoded"


_OF_LAYER: dict[Layer, Kind] = {
    "line": Kind.LINE,
    "http-head": Kind.HEAD,
    "http-body": Kind.OTHER_BODY,
    "sse-event": Kind.EVENT,
    "ws-frame": Kind.FRAME,
    "tail": Kind.UNREAD,
    "undecoded": Kind.UNREAD,
}
_IN_BODIES = frozenset({"http-body", "sse-event"})

_Road = tuple[str, Direction]


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes of one kind.

    Attributes:
        bytes: how many.
        chunks: the numbers of the chunk events they came in.
    """

    bytes: int
    chunks: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a stretch of a connection cost.

    Attributes:
        messages: the numbers of the messages, both ways.
        round_trips: how often the client spoke and was answered, counted on each link.
        requests: the HTTP requests.
        links: the links that were opened: TCP connections, children.
        parts: the bytes by kind.
        ns: from the first event to the last.
    """

    messages: tuple[int, ...] = ()
    round_trips: int = 0
    requests: int = 0
    links: int = 0
    parts: dict[Kind, Part] = field(default_factory=dict)
    ns: int = 0

    @property
    def body(self) -> int:
        """The bytes of the messages themselves."""
        return self.bytes_of(Kind.MESSAGE)

    @property
    def framing(self) -> int:
        """The bytes that travelled beside the messages."""
        return self.bytes - self.body

    @property
    def bytes(self) -> int:
        """All bytes that travelled."""
        return sum(part.bytes for part in self.parts.values())

    def bytes_of(self, kind: Kind) -> int:
        """The bytes of one kind."""
        return self.parts[kind].bytes if kind in self.parts else 0


@dataclass(frozen=True, slots=True)
class _Segment:
    start: int
    end: int
    kind: Kind


class Traffic:
    """The traffic of one connection as its client saw it.

    Args:
        events: the events of a Trace; others than the connection's are passed over.
        conn: the connection's name.
    """

    def __init__(self, events: Iterable[Event], conn: str) -> None:
        self.events = [e for e in events if e.conn == conn and e.vantage is Vantage.CLIENT]
        self._conn = conn
        self._framing = Framing(self.events)
        self._links = list(dict.fromkeys(e.link for e in self.events if isinstance(e, Chunk)))
        self._segments = self._cut()

    def units(self, link: str) -> list[Unit]:
        """The framing of one of its links."""
        return self._framing.units(self._conn, Vantage.CLIENT, link)

    def cost(self, first: int, last: int) -> Cost:
        """What the events with the numbers from ``first`` to ``last`` cost."""
        events = [e for e in self.events if first <= e.seq <= last]
        return Cost(
            messages=tuple(e.seq for e in events if isinstance(e, Message)),
            round_trips=_round_trips(events),
            requests=self._requests(first, last),
            links=sum(isinstance(e, LinkOpened) for e in events),
            parts=self._parts(events),
            ns=events[-1].time_ns - events[0].time_ns if events else 0,
        )

    def first_byte_ns(self, since: Message, last: int) -> int | None:
        """From a request to the first byte that came back, looked for up to event ``last``."""
        for event in self.events:
            if (
                isinstance(event, Chunk)
                and since.seq < event.seq <= last
                and event.direction is not since.direction
                and event.size
            ):
                return event.time_ns - since.time_ns
        return None

    def _requests(self, first: int, last: int) -> int:
        return sum(
            unit.layer == "http-head"
            and unit.direction is Direction.CLIENT_TO_SERVER
            and first <= unit.chunks[0] <= last
            for link in self._links
            for unit in self.units(link)
            if unit.chunks
        )

    def _parts(self, events: list[Event]) -> dict[Kind, Part]:
        sizes: defaultdict[Kind, int] = defaultdict(int)
        chunks: defaultdict[Kind, list[int]] = defaultdict(list)
        for event in events:
            if not isinstance(event, Chunk) or not event.size:
                continue
            counted: defaultdict[Kind, int] = defaultdict(int)
            for kind, size in self._kinds(event):
                counted[kind] += size
            for kind, size in counted.items():
                sizes[kind] += size
                chunks[kind].append(event.seq)
        return {kind: Part(sizes[kind], tuple(chunks[kind])) for kind in Kind if kind in sizes}

    def _kinds(self, chunk: Chunk) -> Iterator[tuple[Kind, int]]:
        """The bytes of a chunk, stretch by stretch; each byte once."""
        segments, between = self._segments[chunk.link, chunk.direction]
        at, end = chunk.offset, chunk.offset + len(chunk.data)
        nearest = max(0, bisect_right(segments, at, key=lambda segment: segment.start) - 1)
        for segment in segments[nearest:]:
            if segment.start >= end:
                break
            if segment.end <= at:
                continue
            if segment.start > at:
                yield between, segment.start - at
                at = segment.start
            upto = min(segment.end, end)
            yield segment.kind, upto - at
            at = upto
        if at < end:
            yield between, end - at
        if chunk.cut:
            yield Kind.UNREAD, chunk.size - len(chunk.data)

    # ---- cutting -------------------------------------------------------------------------

    def _cut(self) -> dict[_Road, tuple[list[_Segment], Kind]]:
        """Each direction of each link in segments, and what the bytes between them are."""
        messages = self._messages()
        cut: dict[_Road, tuple[list[_Segment], Kind]] = {}
        for link in self._links:
            units = self.units(link)
            layers = {unit.layer for unit in units}
            pieces: dict[Direction, list[_Segment]] = {}
            read: dict[Direction, int] = {}
            if "http-head" in layers:
                pieces, read = _http_bodies(e for e in self.events if e.link == link)
            for way in Direction:
                parts = [
                    _Segment(u.span.start, u.span.end, _OF_LAYER[u.layer])
                    for u in units
                    if u.direction is way
                    and (u.layer not in _IN_BODIES or u.span.start >= read.get(way, 0))
                ]
                parts += pieces.get(way, ())
                parts.sort(key=lambda part: (part.start, part.end))
                between = Kind.UNREAD
                if "http-head" in layers:
                    between = Kind.PIECE
                elif "line" in layers:
                    between = Kind.LINE  # empty lines
                cut[link, way] = list(_segments(parts, sorted(messages[link, way]))), between
        return cut

    def _messages(self) -> defaultdict[_Road, set[tuple[int, int]]]:
        """Where the messages lie."""
        found_at: defaultdict[_Road, set[tuple[int, int]]] = defaultdict(set)
        for event in self.events:
            if isinstance(event, Message) and (found := self._framing.locate(event)):
                spans = {(span.start, span.end) for span in found.spans}
                found_at[found.link, found.direction] |= spans
        return found_at


def _http_bodies(
    events: Iterable[Event],
) -> tuple[dict[Direction, list[_Segment]], dict[Direction, int]]:
    """The pieces of the bodies on a link, and up to where each direction could be read.

    The units of framing leave out what ends an event; here the end of a line is told from the
    end of an HTTP chunk.
    """
    decoder = Http1Decoder()
    pieces: dict[Direction, list[_Segment]] = {way: [] for way in Direction}
    kinds = dict.fromkeys(Direction, Kind.OTHER_BODY)
    read = dict.fromkeys(Direction, 0)
    for event in events:
        if not isinstance(event, Chunk) or not event.data:
            continue
        way = event.direction
        if event.offset != read[way]:
            break  # bytes have left the Trace
        try:
            found = decoder.feed(way is Direction.CLIENT_TO_SERVER, event.data)
        except HttpError:
            break
        for one in found:
            if isinstance(one, HttpHead):
                stream = (one.header(b"content-type") or b"").startswith(b"text/event-stream")
                kinds[way] = Kind.EVENT if stream else Kind.OTHER_BODY
            elif isinstance(one, HttpBody):
                pieces[way].append(_Segment(one.span.start, one.span.end, kinds[way]))
        if event.cut:
            break
        read[way] = event.offset + event.size
    return pieces, read


def _segments(parts: list[_Segment], messages: list[tuple[int, int]]) -> Iterator[_Segment]:
    """Parts with the messages in them cut out; both sorted by where they begin."""
    place = 0
    for part in parts:
        at, end = part.start, part.end
        while place < len(messages) and messages[place][1] <= at:
            place += 1
        nearest = place
        while nearest < len(messages) and messages[nearest][0] < end:
            low, high = max(at, messages[nearest][0]), min(end, messages[nearest][1])
            if at < low:
                yield _Segment(at, low, part.kind)
            yield _Segment(low, high, Kind.MESSAGE)
            at = high
            nearest += 1
        if at < end:
            yield _Segment(at, end, part.kind)


def _round_trips(events: list[Event]) -> int:
    """How often a link turned round: bytes of the client, then bytes of the server."""
    spoke: set[str] = set()
    turns = 0
    for event in events:
        if not isinstance(event, Chunk) or not event.size:
            continue
        if event.direction is Direction.CLIENT_TO_SERVER:
            spoke.add(event.link)
        elif event.link in spoke:
            spoke.discard(event.link)
            turns += 1
    return turns
