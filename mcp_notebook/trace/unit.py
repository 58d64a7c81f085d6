"""Units of framing, and one direction of a link that they are found in."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mcp_notebook.wire.http1 import HttpHead, HttpTail
from mcp_notebook.wire.lines import Line
from mcp_notebook.wire.spans import Span
from mcp_notebook.wire.sse import SseStreamEvent
from mcp_notebook.wire.websocket import WsFrame

from .events import Chunk, Direction

Layer: TypeAlias = Literal[
    "line", "http-head", "http-body", "sse-event", "ws-frame", "tail", "undecoded"
]
Detail: TypeAlias = Line | HttpHead | SseStreamEvent | WsFrame | HttpTail | None


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of framing and the bytes it came from.

    Attributes:
        direction: which way it went.
        layer: what it is. ``undecoded`` is a run of bytes that could not be read: the rest of
            something whose beginning is not there, garbage, or what was still on its way.
        span: where it lies in its link's stream of that direction.
        chunks: the numbers of the chunk events it came from.
        time_ns: when the last of them was seen.
        detail: the wire event; for a body the head it belongs to.
        body: the bytes it carried for whoever spoke over the link, freed of all framing; on
            the last frame of a fragmented WebSocket message the whole message.
        body_spans: where they lie, in order. Under a WebSocket mask the bytes there are
            masked; between the data lines of a server-sent event ``body`` has a line feed
            that no span covers.
    """

    direction: Direction
    layer: Layer
    span: Span
    chunks: tuple[int, ...]
    time_ns: int
    detail: Detail = None
    body: bytes | None = None
    body_spans: tuple[Span, ...] = ()


class Flow:
    """One direction of a link: what was seen of it, and what could not be read."""

    def __init__(self, direction: Direction, units: list[Unit]) -> None:
        self.direction = direction
        self.from_client = direction is Direction.CLIENT_TO_SERVER
        self.next = 0
        """The offset after the last byte that is there."""
        self.lost: int | None = None
        """Where the run of bytes begins that cannot be read."""
        self._units = units
        self._starts: list[int] = []
        self._chunks: list[Chunk] = []

    def arrives(self, chunk: Chunk) -> None:
        """Note a chunk."""
        if chunk.offset < self.next:  # another stream under the same name
            self._starts.clear()
            self._chunks.clear()
        self._starts.append(chunk.offset)
        self._chunks.append(chunk)
        self.next = chunk.offset + len(chunk.data)

    def lose(self, at: int) -> None:
        """From here on bytes cannot be read, until ``found``."""
        self.lost = at if self.lost is None else min(self.lost, at)

    def found(self, end: int) -> None:
        """What could not be read ended here."""
        start, self.lost = self.lost, None
        if start is not None and start < end:
            self.emit("undecoded", Span(start, end))

    def emit(
        self,
        layer: Layer,
        span: Span,
        detail: Detail = None,
        body: bytes | None = None,
        body_spans: tuple[Span, ...] = (),
    ) -> None:
        """Add a unit."""
        first = max(0, bisect_right(self._starts, span.start) - 1)
        last = max(first + 1, bisect_left(self._starts, span.end))
        sources = self._chunks[first:last]
        self._units.append(
            Unit(
                direction=self.direction,
                layer=layer,
                span=span,
                chunks=tuple(chunk.seq for chunk in sources),
                time_ns=sources[-1].time_ns if sources else 0,
                detail=detail,
                body=body,
                body_spans=body_spans,
            )
        )


def in_order(units: list[Unit]) -> list[Unit]:
    """The units in the order in which their last bytes were seen."""
    return sorted(units, key=lambda unit: unit.chunks[-1] if unit.chunks else 0)
