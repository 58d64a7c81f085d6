"""Links read as their chunks come: the units so far, and where the unread bytes begin."""

from __future__ import annotations

import copy
from bisect import bisect_right
from typing import Final

from .events import Chunk, Direction
from .framing import _WS_TRANSPORTS, _link
from .http_link import HttpLink
from .line_link import LineLink
from .unit import Flow, Unit

_TIDY: Final = 64
"""So many chunks are remembered before those that are read are let go."""


class LineReader(LineLink):
    """A link of lines."""

    def drain(self) -> list[Unit]:
        """The units that were completed since the last call."""
        return _take(self._units)

    def unread(self, way: Direction) -> int:
        """Where the bytes begin that belong to no unit yet; the end where there are none."""
        flow = self._flows[way]
        pending = flow._decoder.pending
        start = pending.start if pending else flow.next
        start = start if flow.lost is None else min(start, flow.lost)
        _tidy(flow, start)
        return start


class HttpReader(HttpLink):
    """A link of HTTP, server-sent events and WebSocket frames."""

    def drain(self) -> list[Unit]:
        """The units that were completed since the last call."""
        return _take(self._units)

    def lost(self, way: Direction) -> int | None:
        """Where a run of bytes begins that cannot be read."""
        return self._flows[way].lost

    def unread(self, way: Direction) -> int:
        """Where the bytes begin that belong to no unit yet; the end where there are none."""
        flow = self._flows[way]
        if flow.lost is not None:
            start = flow.lost
        else:
            reading = flow.body.sse
            if reading is not None:
                # to ask a decoder for its rest ends it
                flow.body.sse = copy.deepcopy(reading)
            found = flow.unread(self._decoder.pending(flow.from_client))
            flow.body.sse = reading
            start = flow.next if found is None else found
        _tidy(flow, start)
        return start


def reader(first: Chunk) -> LineReader | HttpReader:
    """What reads the link that begins with this chunk."""
    if isinstance(_link(first), LineLink):
        return LineReader()
    return HttpReader(websocket=first.transport in _WS_TRANSPORTS)


def _take(units: list[Unit]) -> list[Unit]:
    taken = units[:]
    units.clear()
    return taken


def _tidy(flow: Flow, start: int) -> None:
    """Let go of chunks before a byte: no unit to come begins there."""
    if len(flow._starts) > _TIDY:
        gone = max(0, bisect_right(flow._starts, start) - 1)
        del flow._starts[:gone], flow._chunks[:gone]
