"""Lines of bytes and the JSON-RPC messages on them, as far as a bridge looks at them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

LONGEST = 64 << 20
"""A line up to here passes as a whole."""


class Lines:
    """Cuts a stream into whole lines; of one that is too long come its pieces."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0
        self.cut = False

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """Each line with its newline, and whether it is whole."""
        *ended, rest = data.split(b"\n")
        for part in ended:
            whole = not self.cut and self.size + len(part) <= LONGEST
            yield b"".join([*self.parts, part, b"\n"]), whole
            self.parts, self.size, self.cut = [], 0, False
        if rest:
            self.parts.append(rest)
            self.size += len(rest)
        if self.size > LONGEST:
            yield b"".join(self.parts), False
            self.parts, self.size, self.cut = [], 0, True

    def rest(self) -> bytes:
        """What came without a newline."""
        return b"".join(self.parts)


def messages(line: bytes) -> list[dict[str, Any]] | None:
    """The messages of a line (several in a batch); ``None`` where it is no JSON."""
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return [m for m in (content if isinstance(content, list) else [content]) if isinstance(m, dict)]


def key(identifier: Any) -> str:
    """An id as a key: 1, "1" and true are three. What can be no id is nobody's."""
    return json.dumps(identifier if isinstance(identifier, str | int | float) else None)


def encoded(**content: Any) -> bytes:
    """A message as a line."""
    return json.dumps({"jsonrpc": "2.0", **content}).encode() + b"\n"
