"""Inputs that once broke a decoder, by target: each stays a test."""

from __future__ import annotations

from typing import Final

CUT = b"\x12\x34"

FOUND: Final[list[tuple[str, bytes]]] = [
    # a line beyond the limit was whole if it came in one piece
    ("bridge", CUT + b"x" * 60 + b"\n" + b"x" * 20 + b"\n"),
    # an endpoint that no client can POST to was taken
    ("sse-client", CUT + b"event: endpoint\ndata: /messages\0\n\n"),
    # a record that is none ended the reading of a child's report with an error
    ("report", CUT + b"o\xff" + bytes(27) + b"\0\0\0\1x"),
    ("report", CUT + b"o\x00" + bytes(24) + b"\0\0\0\2\xff\xfe"),
    ("report", CUT + b"c\x00" + bytes(24) + b"\xff\xff\xff\xff"),
]
