"""What a tap changes on the way, listed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator


class Changes:
    """Each changed header once, and how often."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def add(self, name: str, before: str, after: str) -> None:
        """A header was changed."""
        self._counts[name, before, after] += 1

    def __iter__(self) -> Iterator[tuple[str, str, str, int]]:
        return iter([(*change, count) for change, count in list(self._counts.items())])

    def __len__(self) -> int:
        return len(self._counts)

    def lines(self) -> list[str]:
        """The changes as text."""
        return [
            f"{name}: {before} became {after}, in {count} request{'s' if count > 1 else ''}"
            for name, before, after, count in self
        ]

    def __repr__(self) -> str:
        return "\n".join(self.lines()) or "nothing was changed"
