"""A grey picture that clients send, and its negative, which is due."""

from __future__ import annotations

import base64
import struct
import zlib


def picture(*rows: bytes) -> str:
    """A grey PNG in base64."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return base64.b64encode(png).decode()


SENT = picture(b"\x00\x40\x80", b"\xff\x10\x20")
DUE = picture(b"\xff\xbf\x7f", b"\x00\xef\xdf")
