"""Words of a peer, made fit to stand in an error: no secrets, nothing that paints, not long."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

LIMIT: Final = 300
"""Characters of a peer's words that an error quotes."""

MASK: Final = "***"


def foreign(text: object, secrets: Iterable[str] = (), limit: int = LIMIT) -> str:
    """Text from elsewhere in one line.

    Args:
        text: whatever came; made a string where it is none.
        secrets: values that are masked.
        limit: the most characters there may be; a longer text ends in ``…``.
    """
    shown = str(text)
    for secret in sorted(set(secrets), key=len, reverse=True):  # before the cut could split one
        shown = shown.replace(secret, MASK)
    shown = " ".join(shown.split())[: limit + 1]
    if not shown.isprintable():  # control, bidirectional and invisible characters are not
        shown = "".join(c if c.isprintable() else _escape(c) for c in shown)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _escape(c: str) -> str:
    code = ord(c)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
