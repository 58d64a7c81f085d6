r"""Text from elsewhere, made fit to be shown: hostile characters become visible, long text ends.

A server chooses the names, descriptions and results that stand in a notebook. Escape sequences
would paint a terminal, bidirectional controls would turn words round, invisible characters would
hide instructions: here each of them becomes its own escape (``\x1b``, ``\u202e``).
"""

from __future__ import annotations

import html as _html
import re
import unicodedata
from typing import Final

_JOINERS: Final = "\u200c\u200d"
"""Invisible, but scripts and emoji sequences are spelled with them."""

_LINE_ENDS: Final = re.compile(r"\r\n?|\n")
_PORT: Final = re.compile(r"(127\.0\.0\.1|localhost|0\.0\.0\.0|\[::1?\]):\d+")
_PROCESS: Final = re.compile(r"\b(pid|process)([ =])\d+", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"\b0x[0-9a-f]{6,}\b", re.IGNORECASE)
_SNAPSHOT: Final = re.compile(r"\S*mcp-notebook-\S+")


def clean(text: object, limit: int | None = None) -> str:
    """Text as it can stand in one line: nothing in it moves, hides or paints anything.

    Args:
        text: whatever came; made a string where it is none.
        limit: the most characters there may be; a longer text ends in ``…``.
    """
    text = str(text)
    if limit is not None:
        text = text[: 2 * limit + 2]  # a line end of two characters becomes one
    shown = _visible(_LINE_ENDS.sub("⏎", text))
    if limit is not None and len(shown) > limit:
        shown = shown[: max(0, limit - 1)] + "…"
    return shown


def lines(text: object) -> str:
    """Text of several lines, with everything but its line ends made visible."""
    return "\n".join(_visible(line) for line in _LINE_ENDS.split(str(text)))


def html(text: object) -> str:
    """Text as it can stand in HTML, inside an element or a quoted attribute."""
    return _html.escape(lines(text), quote=True)


def steady(text: str) -> str:
    """The text without what changes from run to run: ports, process ids, addresses of objects."""
    text = _PORT.sub(r"\1:PORT", text)
    text = _SNAPSHOT.sub("SNAPSHOT", text)
    return _ADDRESS.sub("0xADDRESS", _PROCESS.sub(r"\1\2PID", text))


def size_text(n: int) -> str:
    """A number of bytes for people: ``152 B``, ``1.5 kB``."""
    if n < 1000:
        return f"{n} B"
    for factor, unit in ((10**3, "kB"), (10**6, "MB"), (10**9, "GB")):
        if n < factor * 999.95 or unit == "GB":
            return f"{n / factor:.1f} {unit}"
    raise AssertionError(n)


def duration_text(ns: int) -> str:
    """A duration for people: ``340 µs``, ``2.1 ms``, ``1.25 s``."""
    if ns < 1_000_000:
        return f"{max(0, ns) // 1000} µs"
    if ns < 1_000_000_000:
        return f"{ns / 1e6:.1f} ms"
    return f"{ns / 1e9:.2f} s"


def count_text(n: int, noun: str) -> str:
    """A number with its noun: ``1 tool``, ``3 tools``."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _visible(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(_visible_character(c) for c in text)


def _visible_character(c: str) -> str:
    if c.isprintable() or c in _JOINERS:
        return c
    if unicodedata.category(c) == "Zs":
        return " "
    if c == "\t":
        return "\\t"
    code = ord(c)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
