"""Ways to cut bytes into pieces."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

from hypothesis import strategies as st

from mcp_notebook.wire.http1 import HttpBody, HttpEvent, HttpTail
from mcp_notebook.wire.spans import Span


def cut(data: bytes, points: Iterable[int]) -> list[bytes]:
    """The pieces between the points, empty ones included."""
    edges = [0, *sorted(point % (len(data) + 1) for point in points), len(data)]
    return [data[low:high] for low, high in itertools.pairwise(edges)]


points = st.lists(st.integers(min_value=0, max_value=1 << 20), max_size=12)


def run(feed: Callable[[bytes | None], Iterable[Any]], pieces: Iterable[bytes]) -> list[Any]:
    """Every event of the pieces and of the end of the stream."""
    events: list[Any] = []
    for piece in [*pieces, None]:
        events += feed(piece)
    return events


def joined(events: list[HttpEvent]) -> list[HttpEvent]:
    """The pieces of a body or tail joined where they touch."""
    found: list[HttpEvent] = []
    for event in events:
        last = found[-1] if found else None
        if (
            isinstance(event, HttpBody | HttpTail)
            and type(last) is type(event)
            and last.from_client == event.from_client
            and last.span.end == event.span.start
        ):
            span = Span(last.span.start, event.span.end)
            found[-1] = type(event)(event.from_client, last.data + event.data, span)
        else:
            found.append(event)
    return found
