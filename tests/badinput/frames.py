"""What may go wrong below the messages of a WebSocket: frames and handshakes."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from .messages import ID, raw_id

PING: Final = raw_id(str(ID)).encode()
KEY: Final = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


def frame(opcode: int, data: bytes = b"", *, fin: bool = True, mask: bool = True) -> bytes:
    """One frame; the mask is zero, so that the data can be read."""
    size = len(data)
    bit = 0x80 if mask else 0
    if size < 126:
        head = bytes([bit | size])
    elif size < 65536:
        head = bytes([bit | 126]) + struct.pack("!H", size)
    else:
        head = bytes([bit | 127]) + struct.pack("!Q", size)
    return bytes([(0x80 if fin else 0) | opcode]) + head + (b"\0" * 4 if mask else b"") + data


@dataclass(frozen=True)
class Frames:
    """Bytes after the handshake; the close code that is due, or how many answers of ``ID``."""

    name: str
    raw: bytes
    code: int = 0
    answers: int = 0

    def __str__(self) -> str:
        return self.name


TEXT, BINARY, CLOSE, PINGED, PONG = 1, 2, 8, 9, 10

FRAMES: Final = [
    Frames("a message", frame(TEXT, PING), answers=1),
    Frames("two frames", frame(TEXT, PING[:9], fin=False) + frame(0, PING[9:]), answers=1),
    Frames(
        "a frame for each byte",
        frame(TEXT, fin=False) + b"".join(frame(0, bytes([b]), fin=False) for b in PING) + frame(0),
        answers=1,
    ),
    Frames(
        "a ping between two frames",
        frame(TEXT, PING[:9], fin=False) + frame(PINGED, b"x") + frame(0, PING[9:]),
        answers=1,
    ),
    Frames(
        "a character in two frames",
        frame(TEXT, b"{\xc3", fin=False) + frame(0, b"\xa9"),
        answers=-1,
    ),
    Frames("twenty messages", frame(TEXT, PING) * 20, answers=20),
    Frames("a thousand pings", frame(PINGED, b"x" * 125) * 1000),
    Frames("a pong nobody asked for", frame(PONG, b"x")),
    Frames(
        "a size in more bytes than it needs",
        b"\x81\xfe" + struct.pack("!H", len(PING)) + b"\0" * 4 + PING,
        answers=1,
    ),
    Frames("an empty message", frame(TEXT), answers=-1),
    Frames("binary", frame(BINARY, PING), 1003),
    Frames("binary in frames", frame(BINARY, PING[:9], fin=False) + frame(0, PING[9:]), 1003),
    Frames("no mask", frame(TEXT, PING, mask=False), 1002),
    Frames("first reserved bit", b"\xc1" + frame(TEXT, PING)[1:], 1002),
    Frames("second reserved bit", b"\xa1" + frame(TEXT, PING)[1:], 1002),
    Frames("third reserved bit", b"\x91" + frame(TEXT, PING)[1:], 1002),
    *(Frames(f"opcode {n}", frame(n, PING), 1002) for n in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
    Frames("goes on with nothing", frame(0, PING), 1002),
    Frames("a message within a message", frame(TEXT, b"{", fin=False) + frame(TEXT, PING), 1002),
    Frames("a ping in pieces", frame(PINGED, b"x", fin=False), 1002),
    Frames("a ping of 126 bytes", frame(PINGED, b"x" * 126), 1002),
    Frames("a close in pieces", frame(CLOSE, b"\x03\xe8", fin=False), 1002),
    Frames("a close of one byte", frame(CLOSE, b"\x03"), 1002),
    Frames("a close with code 0", frame(CLOSE, b"\x00\x00"), 1002),
    Frames("a close with code 999", frame(CLOSE, struct.pack("!H", 999)), 1002),
    Frames("a close with code 1005", frame(CLOSE, struct.pack("!H", 1005)), 1002),
    Frames("a close with code 1006", frame(CLOSE, struct.pack("!H", 1006)), 1002),
    Frames("a close with code 5000", frame(CLOSE, struct.pack("!H", 5000)), 1002),
    Frames("a reason that is no UTF-8", frame(CLOSE, b"\x03\xe8\xff"), 1007),
    Frames("a close of 126 bytes", frame(CLOSE, b"\x03\xe8" + b"x" * 124), 1002),
    Frames("an ordinary close", frame(CLOSE, b"\x03\xe8"), 1000),
    Frames("a close without a code", frame(CLOSE), 1005),
    Frames("a close with code 4000", frame(CLOSE, struct.pack("!H", 4000) + b"why"), 4000),
    Frames("text that is no UTF-8", frame(TEXT, b"\xff\xfe"), 1007),
    Frames("half a character", frame(TEXT, b'"\xc3'), 1007),
    Frames("a surrogate", frame(TEXT, b"\xed\xa0\x80"), 1007),
    Frames("a size of 2 to the 63", b"\x81\xff" + struct.pack("!Q", 1 << 63) + b"\0" * 4, 1009),
    Frames("a size beyond the limit", b"\x81\xff" + struct.pack("!Q", 65 << 20) + b"\0" * 4, 1009),
    Frames("lines of JSON instead of frames", PING + b"\n", 1002),
    Frames("HTTP instead of frames", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1002),
    Frames("zeros instead of frames", b"\0" * 100, 1002),
]
"""``answers=-1``: an error with id null."""

NO_END: Final = [
    b"\x81",
    b"\x81\xfe",
    frame(TEXT, PING)[:-3],
    frame(TEXT, PING, fin=False),
    b"\x81\xff" + struct.pack("!Q", 1 << 20) + b"\0" * 4 + b"x" * 1000,
]
"""The client goes away in the middle of these."""


def upgrade(*, drop: str = "", **changes: str) -> bytes:
    """An opening handshake with one thing changed."""
    lines = {
        "Host": "127.0.0.1",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": "mcp",
    }
    lines |= {name.replace("_", "-"): value for name, value in changes.items()}
    lines.pop(drop, None)
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"GET /mcp HTTP/1.1\r\n{text}\r\n".encode()


HANDSHAKES: Final = {
    "as it should be": (upgrade(), {101}),
    "in capitals": (upgrade(Upgrade="WEBSOCKET"), {101}),
    "several subprotocols": (upgrade(Sec_WebSocket_Protocol="chat, mcp"), {101}),
    "an extension nobody knows": (upgrade(Sec_WebSocket_Extensions="x-y; a=b"), {101}),
    "no subprotocol": (upgrade(drop="Sec-WebSocket-Protocol"), {400}),
    "another subprotocol": (upgrade(Sec_WebSocket_Protocol="chat"), {400}),
    "no upgrade": (upgrade(drop="Upgrade"), {426, 400}),
    "no connection": (upgrade(drop="Connection"), {426, 400}),
    "an upgrade to h2c": (upgrade(Upgrade="h2c"), {426, 400}),
    "no key": (upgrade(drop="Sec-WebSocket-Key"), {400}),
    "a key that is no base64": (upgrade(Sec_WebSocket_Key="!!!"), {400}),
    "a short key": (upgrade(Sec_WebSocket_Key="YQ=="), {400}),
    "no version": (upgrade(drop="Sec-WebSocket-Version"), {400, 426}),
    "version 8": (upgrade(Sec_WebSocket_Version="8"), {400, 426}),
    "a foreign origin": (upgrade(Origin="https://evil.example"), {403}),
    "origin null": (upgrade(Origin="null"), {403}),
    "a foreign host": (upgrade(Host="evil.example"), {421}),
    "no host": (upgrade(drop="Host"), {421, 400}),
    "POST": (upgrade().replace(b"GET", b"POST"), {405, 400, 0}),
    "HTTP/1.0": (upgrade().replace(b"HTTP/1.1", b"HTTP/1.0"), {400, 505, 0}),
    "another path": (upgrade().replace(b"/mcp", b"/other"), {404}),
    "a path of 100,000 characters": (
        upgrade().replace(b"/mcp", b"/" + b"x" * 100_000),
        {400, 414, 0},
    ),
    "a header of 100,000 characters": (upgrade(X="y" * 100_000), {400, 431, 0}),
    "1,000 headers": (upgrade(**{f"X{n}": "y" for n in range(1000)}), {400, 431, 0}),
    "a header without a colon": (upgrade()[:-2] + b"nonsense\r\n\r\n", {400, 0}),
    "a NUL in a header": (upgrade(X="a\0b"), {400, 0}),
    "bytes beyond ASCII in a header": (upgrade()[:-2] + b"X: \xff\xfe\r\n\r\n", {101, 400, 0}),
    "a body": (upgrade(Content_Length="5") + b"hello", {101, 400, 0}),
    "words": (b"hello\r\n\r\n", {400, 0}),
    "JSON": (PING + b"\n\r\n\r\n", {400, 0}),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", {400, 0}),
    "half a handshake": (upgrade()[:50], {0}),
    "LF alone": (upgrade().replace(b"\r\n", b"\n"), {101, 400, 0}),
}
"""By name: the bytes, and the statuses that are due; 0: the connection is closed."""
