"""Byte ranges in a stream, and the shape that every decoder of this floor has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range of bytes ``[start, end)``, counted from the first byte of a stream."""

    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start

    def __str__(self) -> str:
        return f"{self.start}..{self.end}"


E_co = TypeVar("E_co", covariant=True)


class Decoder(Protocol[E_co]):
    """Takes bytes in any split and gives events, each with the byte range it came from."""

    def feed(self, data: bytes | None) -> Sequence[E_co]:
        """Take the next bytes of the stream, or ``None`` at its end.

        Returns:
            The events completed by these bytes. The same bytes give the same events in
            every split.

        Raises:
            ValueError: the bytes break the format; the decoder is then finished.
        """
        ...
