"""How the bytes of a link are framed, and which bytes carried a message."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from mcp_notebook.wire.spans import Span

from .events import Chunk, Direction, Event, LinkClosed, Message, Vantage
from .http_link import REQUEST_START, HttpLink
from .line_link import LineLink
from .unit import Detail, Layer, Unit

__all__ = ["Detail", "Framing", "Layer", "Located", "Unit", "frames", "locate"]

_LINE_TRANSPORTS: Final = frozenset({"memory", "pipe", "stdio", "bridge", "unix", "tcp"})
_HTTP_TRANSPORTS: Final = frozenset({"http", "streamable-http", "http-json", "sse"})
_WS_TRANSPORTS: Final = frozenset({"websocket", "ws"})

_LinkKey: TypeAlias = tuple[str, Vantage, str]
_RoadKey: TypeAlias = tuple[str, Vantage, Direction]


@dataclass(frozen=True, slots=True)
class Located:
    """Where a message lies in the bytes of its link.

    Attributes:
        link: the link that carried it.
        direction: which way it went.
        units: the units that carried it: the frames of a WebSocket message, else one.
        spans: where its bytes lie in the link's stream of that direction, in order.
        chunks: the numbers of the chunk events these bytes came in.
        head: the HTTP head that the message came under, where there is one.
    """

    link: str
    direction: Direction
    units: tuple[Unit, ...]
    spans: tuple[Span, ...]
    chunks: tuple[int, ...]
    head: Unit | None = None


class Framing:
    """The framing of every link in a list of events, worked out when it is asked for.

    Args:
        events: the events of a Trace, in order.
    """

    def __init__(self, events: Iterable[Event]) -> None:
        self._links: defaultdict[_LinkKey, list[Event]] = defaultdict(list)
        self._messages: defaultdict[_RoadKey, list[Message]] = defaultdict(list)
        self._units: dict[_LinkKey, list[Unit]] = {}
        self._places: dict[int, int] = {}  # of each unit in its link, by identity
        self._twins: dict[_RoadKey, dict[bytes, list[Message]]] = {}
        self._texts: dict[tuple[_LinkKey, Direction], dict[bytes, list[Unit]]] = {}
        for event in events:
            if isinstance(event, Chunk | LinkClosed):
                self._links[event.conn, event.vantage, event.link].append(event)
            elif isinstance(event, Message):
                self._messages[event.conn, event.vantage, event.direction].append(event)

    def units(self, conn: str, vantage: Vantage, link: str) -> list[Unit]:
        """The framing of one link."""
        key = (conn, vantage, link)
        if key not in self._units:
            units = self._units[key] = frames(self._links.get(key, ()))
            self._places.update((id(unit), at) for at, unit in enumerate(units))
        return self._units[key]

    def locate(self, message: Message) -> Located | None:
        """Find the bytes that carried a message, or ``None`` where they are not there.

        The message's own span tells, else its text: the n-th message of a text is the n-th
        unit that carries it.
        """
        own = (message.conn, message.vantage, message.link)
        if message.span is not None:
            for unit in self.units(*own):
                if unit.direction is message.direction and _overlap(unit, message.span):
                    return self._located(own, unit)
        others = [key for key in self._links if key[:2] == own[:2]]
        return self._by_text(message, [own] if own in self._links else [], same_link=True) or (
            self._by_text(message, others, same_link=False)
        )

    def _by_text(
        self, message: Message, keys: list[_LinkKey], *, same_link: bool
    ) -> Located | None:
        text = _text(message.raw)
        if message.cut:
            return self._by_beginning(message, keys)
        carriers = [
            (unit.chunks[-1] if unit.chunks else 0, key, unit)
            for key in keys
            for unit in self._by_direction(key, message.direction).get(text, ())
        ]
        if not carriers:
            return None
        carriers.sort(key=lambda carrier: carrier[0])
        twins = [
            other.seq
            for other in self._of_text(message, text)
            if other.link == message.link or not same_link
        ]
        nth = sum(seq < message.seq for seq in twins)
        # where the oldest chunks have left the Trace, the last unit belongs to the last message
        nth -= max(0, len(twins) - len(carriers))
        if not 0 <= nth < len(carriers):
            return None
        _, key, unit = carriers[nth]
        return self._located(key, unit)

    def _of_text(self, message: Message, text: bytes) -> list[Message]:
        key = (message.conn, message.vantage, message.direction)
        index = self._twins.get(key)
        if index is None:
            index = self._twins[key] = {}
            for other in self._messages[key]:
                index.setdefault(_text(other.raw), []).append(other)
        return index.get(text, [])

    def _by_beginning(self, message: Message, keys: list[_LinkKey]) -> Located | None:
        for key in keys:
            for unit in self.units(*key):
                if (
                    unit.direction is message.direction
                    and unit.body is not None
                    and len(unit.body) == message.size
                    and unit.body.startswith(message.raw)
                ):
                    return self._located(key, unit)
        return None

    def _by_direction(self, key: _LinkKey, direction: Direction) -> dict[bytes, list[Unit]]:
        index = self._texts.get((key, direction))
        if index is None:
            index = self._texts[key, direction] = {}
            for unit in self.units(*key):
                if unit.direction is direction and unit.body and unit.layer != "tail":
                    index.setdefault(_text(unit.body), []).append(unit)
        return index

    def _located(self, key: _LinkKey, carrier: Unit) -> Located:
        head: Unit | None = None
        units = [carrier]
        before = self._before(key, carrier)
        if carrier.layer == "ws-frame":
            first = carrier.body_spans[0].start if carrier.body_spans else carrier.span.start
            for unit in before:
                if unit.span.end <= first:
                    break
                if any(_meet(unit.span, span) for span in carrier.body_spans):
                    units.insert(0, unit)
        elif carrier.layer in ("http-body", "sse-event"):
            head = next((unit for unit in before if unit.layer == "http-head"), None)
        chunks = sorted({seq for unit in units for seq in unit.chunks})
        return Located(
            link=key[2],
            direction=carrier.direction,
            units=tuple(units),
            spans=carrier.body_spans,
            chunks=tuple(chunks),
            head=head,
        )

    def _before(self, key: _LinkKey, unit: Unit) -> Iterator[Unit]:
        """The units before one in its direction, the nearest first."""
        units = self.units(*key)
        for at in range(self._places[id(unit)] - 1, -1, -1):
            if units[at].direction is unit.direction:
                yield units[at]


def locate(message: Message, events: Iterable[Event]) -> Located | None:
    """Find the bytes that carried one message; for many, ask one ``Framing``."""
    return Framing(events).locate(message)


def frames(events: Iterable[Event]) -> list[Unit]:
    """The framing of one link seen from one vantage.

    Args:
        events: its chunks in order. ``LinkClosed`` ends a body that lasts until the end of
            the connection; other events are passed over.

    Returns:
        The units in the order in which they were complete. Nothing is raised: where bytes are
        missing or are garbage, reading goes on at the next place that is safe.
    """
    link: LineLink | HttpLink | None = None
    for event in events:
        if isinstance(event, Chunk) and event.data:
            if link is None:
                link = _link(event)
            link.take(event)
        elif isinstance(event, LinkClosed) and link is not None:
            link.close()
    return link.finish() if link is not None else []


def _link(first: Chunk) -> LineLink | HttpLink:
    if first.transport in _LINE_TRANSPORTS:
        return LineLink()
    if first.transport in _HTTP_TRANSPORTS or first.transport in _WS_TRANSPORTS:
        return HttpLink(websocket=first.transport in _WS_TRANSPORTS)
    # a transport registered from a cell: either it speaks HTTP or it is lines
    return HttpLink(websocket=False) if REQUEST_START.match(first.data) else LineLink()


def _text(raw: bytes) -> bytes:
    """What two writings of one JSON value have in common."""
    try:
        return json.dumps(json.loads(raw), sort_keys=True, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        return raw


def _overlap(unit: Unit, span: Span) -> bool:
    return unit.body is not None and any(_meet(span, part) for part in unit.body_spans)


def _meet(one: Span, other: Span) -> bool:
    return max(one.start, other.start) < min(one.end, other.end)
