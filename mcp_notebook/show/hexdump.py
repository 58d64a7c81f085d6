"""Bytes as people read them: offset, sixteen in hexadecimal, the same as text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mcp_notebook.wire.spans import Span

ROW: Final = 16
MAX_BYTES: Final = 512


def hexdump(data: bytes, marked: Iterable[Span] = (), *, max_bytes: int = MAX_BYTES) -> list[str]:
    """Rows of 16 bytes, like ``hexdump -C``.

    Args:
        data: the bytes.
        marked: ranges of them that are put between ``[`` and ``]``.
        max_bytes: after these the rest is counted, not shown.
    """
    inside = bytearray(len(data))
    for span in marked:
        start, end = max(0, span.start), min(len(data), span.end)
        inside[start:end] = b"\x01" * max(0, end - start)
    rows = []
    for at in range(0, min(len(data), max_bytes), ROW):
        row = data[at : min(at + ROW, max_bytes)]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        rows.append(f"{at:08x} {_hex(row, inside, at):<{ROW * 3 + 3}}|{text}|")
    if len(data) > max_bytes:
        rows.append(f"... {len(data) - max_bytes} more bytes")
    return rows


def _hex(row: bytes, inside: bytearray, at: int) -> str:
    """The bytes with a bracket where a marked range begins or ends."""
    pieces = []
    for i, byte in enumerate(row):
        here = inside[at + i]
        before = inside[at + i - 1] if at + i else 0
        gap = "  " if i == ROW // 2 else " "
        if here and not before:
            gap = gap[1:] + "["
        elif before and not here:
            gap = "]" + gap[1:]
        pieces.append(gap)
        pieces.append(f"{byte:02x}")
    end = at + len(row)
    if inside[end - 1] and (end == len(inside) or not inside[end]):
        pieces.append("]")
    return "".join(pieces)
