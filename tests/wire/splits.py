"""Ways to cut bytes into pieces."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

from hypothesis import strategies as st


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
