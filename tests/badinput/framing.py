"""What may go wrong below the messages where a message is a line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from .messages import ID, PARSE, REQUEST, SILENCE, Due, answer, error, raw_id

PING: Final = raw_id(str(ID)).encode()


@dataclass(frozen=True)
class Stream:
    """Bytes in pieces, newlines included, and what is due for the whole."""

    name: str
    pieces: tuple[bytes, ...]
    due: tuple[Due, ...]
    times: int = 1
    end: bytes = b""

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(self.times):
            yield from self.pieces
        if self.end:
            yield self.end

    def __str__(self) -> str:
        return self.name


LINES: Final = [
    Stream("single bytes", tuple(bytes([b]) for b in PING + b"\n"), (answer(),)),
    Stream("halves", (PING[:20], PING[20:] + b"\n"), (answer(),)),
    Stream("a newline by itself", (PING, b"\n"), (answer(),)),
    Stream("CRLF", (PING + b"\r\n",), (answer(),)),
    Stream("CR between pieces", (PING + b"\r", b"\n"), (answer(),)),
    Stream("white space around", (b"  \t" + PING + b" \t\r\n",), (answer(),)),
    Stream("empty lines", (b"\n\n\r\n   \n\n",), (SILENCE,)),
    Stream("10,000 empty lines", (b"\n" * 10_000,), (SILENCE,)),
    Stream("two in one piece", (PING + b"\n" + PING + b"\n",), (answer(), answer())),
    Stream("one and a half", (PING + b"\n" + PING[:9], PING[9:] + b"\n"), (answer(), answer())),
    Stream("a hundred in one piece", ((PING + b"\n") * 100,), (answer(),) * 100),
    Stream(
        "good, bad, good",
        (PING + b"\n{\n" + PING + b"\n",),
        (answer(), error(PARSE), answer()),
    ),
    Stream("fifty bad ones", (b"{\n" * 50,), (error(PARSE),) * 50),
    Stream(
        "a newline inside", (PING[:20] + b"\n" + PING[20:] + b"\n",), (error(PARSE), error(PARSE))
    ),
    Stream("a vertical tab is no line end", (b"{\x0b}\n",), (error(PARSE),)),
    Stream("NEL is no line end", ("{\x85}\n".encode(),), (error(PARSE),)),
    Stream("a line separator is no line end", ("{\u2028}\n".encode(),), (error(PARSE),)),
    Stream("CR alone is no line end", (PING + b"\r" + PING + b"\n",), (error(PARSE),)),
    Stream(
        "a header of LSP",
        (b"Content-Length: 40\r\n\r\n" + PING + b"\n",),
        (error(PARSE), answer()),
    ),
    Stream(
        "an HTTP request",
        (b"POST / HTTP/1.1\r\nHost: x\r\n\r\n" + PING + b"\n",),
        (error(PARSE), error(PARSE), answer()),
    ),
    Stream("a line beyond the limit", (b"x" * (1 << 20),), (error(REQUEST),), 65, b"\n"),
]
"""They follow each other on one link."""

LAST: Final = [
    Stream("a message without its newline, then the end", (PING,), (SILENCE,)),
    Stream("half a message, then the end", (PING[:20],), (SILENCE,)),
    Stream("half a character, then the end", (b'{"x":"\xe6',), (SILENCE,)),
    Stream("an error that is due, then the end", (b"{\n",), (error(PARSE),)),
    Stream("nothing, then the end", (), (SILENCE,)),
    Stream("twenty requests, then the end", ((PING + b"\n") * 20,), (answer(),) * 20),
    Stream("a request and half of one, then the end", (PING + b"\n" + PING[:9],), (answer(),)),
]
"""The link ends after each of these: the client closes its side."""

NO_LINES: Final = [
    b"\n",
    b" ",
    b"[",
    b"GET / HTTP/1.1\r\n\r\n",
    b"POST / HTTP/1.1\r\n",
    b"\x16\x03\x01\x02\x00",
    b"\xef\xbb\xbf{}",
    b"SSH-2.0-x\r\n",
    b"\x00",
    b"\xff" * 1000,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"HELO x\r\n",
]
"""First bytes of a link that is guarded; it is closed at once."""
