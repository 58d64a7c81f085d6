"""One input in several splits, and what must be the same for all of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

SEED_BYTES = 2
"""The first bytes of an input say how the rest is cut."""

SINGLE_BYTES = 4096
"""Up to here an input is also tried byte by byte."""

BETWEEN = b"\0\0"
"""In an input for HTTP: the other direction goes on."""

T = TypeVar("T")


def parted(data: bytes) -> tuple[int, bytes]:
    """The seed of the cuts, and the stream."""
    return int.from_bytes(data[:SEED_BYTES], "big"), data[SEED_BYTES:]


def splits(stream: bytes, seed: int) -> Iterator[list[bytes]]:
    """The stream as a whole, at random points, and byte by byte."""
    yield [stream]
    dice = random.Random(seed)
    points = sorted(dice.randint(0, len(stream)) for _ in range(dice.randint(1, 8)))
    yield [stream[low:high] for low, high in zip([0, *points], [*points, None], strict=True)]
    if len(stream) <= SINGLE_BYTES:
        yield [stream[n : n + 1] for n in range(len(stream))]


def same_in_every_split(data: bytes, read: Callable[[list[bytes]], T]) -> tuple[bytes, T]:
    """Read an input in several splits.

    Returns:
        The stream, and what it was read as.

    Raises:
        AssertionError: the readings differ.
    """
    seed, stream = parted(data)
    found: list[Any] = []
    for pieces in splits(stream, seed):
        found.append(read(pieces))
        assert found[-1] == found[0], f"in {len(pieces)} pieces {found[-1]}, as one {found[0]}"
    return stream, found[0]
