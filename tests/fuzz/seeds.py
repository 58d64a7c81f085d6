"""Where fuzzing begins: the bad input of other tests, and some good input beside it."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from functools import cache

from mcp_notebook.transports.report import HEAD
from mcp_notebook.wire.sse import encode_event
from tests.badinput.frames import FRAMES, HANDSHAKES, NO_END
from tests.badinput.framing import LAST, LINES, NO_LINES
from tests.badinput.messages import MESSAGES
from tests.badinput.replies import REPLIES
from tests.badinput.requests import REQUESTS, STREAMABLE
from tests.badinput.webreplies import BODIES, ENDINGS, NO_HTTP, STREAMS

from .splitting import BETWEEN

LONGEST = 2000
"""Longer seeds make a fuzzer slow and tell it little."""

TOKENS = {
    "lines": [b"\n", b"\r\n", b"\r", b"\0", b" ", b"x" * 50],
    "sse": [
        *(b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r", b"\r\n\r\n", b"\xef\xbb\xbf", b":", b": "),
        *(b"data: ", b"data:", b"event: endpoint\n", b"id: ", b"id\n", b"retry: 5\n", b"\0"),
        *(b"/messages", b"http://evil.example/", b"//", b"\xff", b"\xe2\x80"),
    ],
    "http": [
        *(b"\r\n", b"\n", b"\r\n\r\n", BETWEEN, b"GET / HTTP/1.1\r\n", b"HTTP/1.1 200 X\r\n"),
        *(b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n", b"0\r\n"),
        *(b"Upgrade: websocket\r\n", b"HTTP/1.1 101 X\r\n", b"HEAD ", b"CONNECT ", b" HTTP/1.0"),
        *(b"HTTP/1.1 204 X\r\n", b"HTTP/1.1 100 X\r\n", b"\t", b" ", b";x", b"ffffffffff", b"\0"),
    ],
    "frames": [
        *(b"\x81", b"\x01", b"\x00", b"\x80", b"\x82", b"\x88", b"\x89", b"\x8a", b"\xc1", b"\x7e"),
        *(b"\x7f", b"\xfe", b"\xff", b"\x03\xe8", b"\x00\x00\x00\x00", struct.pack("!Q", 1 << 63)),
    ],
    "json": [
        *(b"{", b"}", b"[", b"]", b'"', b":", b",", b"\\", b"\\u", b"\\ud800", b"NaN", b"Infinity"),
        *(b'"jsonrpc":"2.0"', b'"id":', b'"method":', b'"params":{}', b'"result":{}', b'"error":'),
        *(b"null", b"true", b"-0", b"1e999", b"1.5", b"\n", b"\xef\xbb\xbf", b"\xed\xa0\x80"),
        *(b'"code":-1', b'"message":"x"', b"9" * 60, b'"\\u0000"', b"\x00"),
    ],
    "report": [b"o", b"c", b"m", b"x", b"f", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\5"],
}
"""What a format is made of, for mutations."""

_FORMATS = {
    "lines": ("lines", "json"),
    "bridge": ("lines", "json"),
    "line-server": ("lines", "json"),
    "line-guarded": ("lines", "json"),
    "line-client": ("lines", "json"),
    "sse": ("sse",),
    "sse-client": ("sse", "json"),
    "body": ("sse", "json"),
    "http1": ("http",),
    "websocket": ("frames",),
    "message": ("json",),
    "report": ("report",),
}


def tokens(target: str) -> list[bytes]:
    """The tokens of what a target reads."""
    return [token for name in _FORMATS[target] for token in TOKENS[name]]


@cache
def seeds(target: str) -> list[bytes]:
    """Inputs that a target begins with."""
    cut = b"" if target == "message" else b"\x12\x34"
    found = [cut + one for one in _streams(target) if len(one) <= LONGEST]
    assert found, target
    return found


def _streams(target: str) -> Iterator[bytes]:
    match target:
        case "message":
            yield from (case.raw for case in MESSAGES)
            yield from _replies()
        case "lines" | "bridge" | "line-server" | "line-guarded" | "line-client":
            yield from (case.raw + b"\n" for case in MESSAGES)
            yield from (one + b"\n" for one in _replies())
            yield from (b"".join(stream) for stream in (*LINES[:-1], *LAST))
            yield from NO_LINES
        case "sse" | "sse-client" | "body":
            yield from STREAMS.values()
            yield from ENDINGS.values()
            yield from (encode_event("/messages", event="endpoint") + _event(m) for m in _replies())
            if target == "body":
                yield from _replies()
        case "http1":
            answers = [
                reply.raw(b"1") for reply in BODIES.values() if reply.packed != "thousandfold"
            ]
            several = itertools.cycle(answers)
            for raw, _ in (*REQUESTS.values(), *STREAMABLE.values(), *HANDSHAKES.values()):
                yield raw + BETWEEN + next(several)
            for answer in (*answers, *NO_HTTP.values()):
                yield b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + BETWEEN + answer
        case "websocket":
            yield from (case.raw for case in FRAMES)
            yield from NO_END
        case "report":
            record = [HEAD.pack(kind, 0, 5, -1, -1, 3) + b"abc" for kind in (b"o", b"c", b"m")]
            yield b"".join(record)
            yield HEAD.pack(b"f", 1, 5, 0, 3, 2) + b"no" + HEAD.pack(b"x", 0, 9, -1, -1, 0)
        case _:
            raise AssertionError(target)


def _event(message: bytes) -> bytes:
    return b"data: " + message.replace(b"\n", b"\ndata: ") + b"\n\n"


def _replies() -> Iterator[bytes]:
    for reply in REPLIES:
        yield from (message.replace(b"ID", b"1") for message in reply.messages)
