"""The secrets a Trace knows by value: what the user handed over as token, header or variable."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Final

MIN_LENGTH: Final = 4
"""Shorter values are not masked by value: ``1`` or ``on`` stand in every message."""


class Secrets:
    """A set of values that must not leave the Trace in any spelling.

    It shows how many it holds, never which.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, None] = {}

    def add(self, value: str) -> bool:
        """Mask every occurrence of ``value`` from now on, in what was recorded before too.

        Returns:
            False where the value is shorter than ``MIN_LENGTH`` and is not taken: it is then
            masked only where its place gives it away (a header, a password member).
        """
        if len(value) < MIN_LENGTH:
            return False
        with self._lock:
            self._values[value] = None
        return True

    def values(self) -> tuple[str, ...]:
        """The values, in the order they were added."""
        with self._lock:
            return tuple(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, value: object) -> bool:
        return value in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self.values())

    def __repr__(self) -> str:
        return f"Secrets({len(self)})"
