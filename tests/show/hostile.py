"""What a hostile server says, and how to see that none of it came through."""

from __future__ import annotations

from typing import Any

TEXT = (
    "<script>alert('x')</script>\x1b[31mred\x1b[0m \u202eturned\u2066 \u200bhidden"
    '\r\n\x07 "q" &amp;'
)
"""Tags, escape sequences, bidirectional controls, invisible characters, line ends, quotes."""

FORBIDDEN = "\x1b\x07\r\u202e\u2066\u200b"


def assert_tame(bundle: dict[str, Any]) -> None:
    """Nothing in the bundle moves, hides, paints or runs."""
    for data in bundle.values():
        assert not [c for c in FORBIDDEN if c in data]
    shown = bundle.get("text/html", "")
    assert "<script" not in shown
    assert "alert('x')" not in shown  # a quote that ends no attribute
