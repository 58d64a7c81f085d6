"""What a web server may reply to a call, below the messages: statuses, headers, bodies, streams.

``ID`` stands for the id of the call, in bodies whose length nobody has counted yet.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from .replies import GOOD, failure

JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"
OTHER: Final = GOOD.replace(b"good", b"other")


@dataclass(frozen=True)
class WebReply:
    """One reply.

    Attributes:
        head: status line and headers, without the blank line.
        body: what follows; ``ID`` in it is filled in.
        due: ``good``: the answer is found; ``error``: one readable error, at once; ``silence``:
            nothing comes, and the call ends at its limit.
        packed: how the body is packed once it is filled in, by a name in ``PACKED``.
        counted: whether a Content-Length is added.
        then: ``keep`` the connection, ``close`` it, or ``hold`` it and say nothing more.
    """

    head: str
    body: bytes = b""
    due: str = "error"
    packed: str = ""
    counted: bool = True
    then: str = "keep"

    def raw(self, id: bytes) -> bytes:
        """The bytes that go out."""
        body = PACKED[self.packed](self.body.replace(b"ID", id))
        head = f"HTTP/1.1 {self.head}\r\n"
        if self.counted:
            head += f"Content-Length: {len(body)}\r\n"
        return head.encode("latin-1") + b"\r\n" + body


def chunk(content: bytes, size: str | None = None) -> bytes:
    return (f"{len(content):x}" if size is None else size).encode() + b"\r\n" + content + b"\r\n"


@cache
def _thousandfold(content: bytes) -> bytes:
    """More than a client takes, in some 80 kB."""
    return gzip.compress(content + b" " * (80 << 20))


PACKED: Final[dict[str, Callable[[bytes], bytes]]] = {
    "": lambda content: content,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "thousandfold": _thousandfold,
    "chunks": lambda content: b"".join(chunk(bytes([b])) for b in content) + b"0\r\n\r\n",
}


def head(status: str = "200 OK", kind: str = JSON, *more: str) -> str:
    lines = [status, *([f"Content-Type: {kind}"] if kind else []), *more]
    return "\r\n".join(lines)


def body(content: bytes, due: str = "error", kind: str = JSON, *more: str, **how: str) -> WebReply:
    return WebReply(head("200 OK", kind, *more), content, due, **how)


def status(line: str, content: bytes = b"no", kind: str = "text/plain", *more: str) -> WebReply:
    return WebReply(head(line, kind, *more), content)


def open_ended(content: bytes, due: str, then: str, kind: str = JSON, *more: str) -> WebReply:
    """A body whose length is not told, or told wrong in one of the headers."""
    return WebReply(head("200 OK", kind, *more), content, due, counted=False, then=then)


CHUNKED: Final = "Transfer-Encoding: chunked"


def chunked(content: bytes, due: str, then: str = "close") -> WebReply:
    return open_ended(content, due, then, JSON, CHUNKED)


EVENT: Final = b"data: " + GOOD + b"\n\n"
_HALVES: Final = GOOD.replace(b',"id"', b',\ndata: "id"')

STREAMS: Final[dict[str, bytes]] = {
    "LF": EVENT,
    "CRLF": EVENT.replace(b"\n", b"\r\n"),
    "CR alone": EVENT.replace(b"\n", b"\r"),
    "every line end": b":a\r:b\n:c\r\n" + EVENT,
    "no space behind the colon": b"data:" + GOOD + b"\n\n",
    "named message": b"event: message\n" + EVENT,
    "an answer in two lines": b"data: " + _HALVES + b"\n\n",
    "an event of another name first": b"event: other\ndata: {}\n\n" + EVENT,
    "empty data first": b"data\n\ndata:\n\ndata: \n\n" + EVENT,
    "only an id first": b"id: 5\n\n" + EVENT,
    "an id with NUL": b"id: a\0b\n" + EVENT,
    "an id without end": b"id: " + b"9" * 1000 + b"\n" + EVENT,
    "a time in words": b"retry: soon\n" + EVENT,
    "a time without end": b"retry: " + b"9" * 50 + b"\n" + EVENT,
    "a negative time": b"retry: -5\n" + EVENT,
    "fields of nobody": b"colour: red\nnonsense\n\xc3\xa9: x\n" + EVENT,
    "comments": b":\n: \n:::::\n\n" + EVENT,
    "a comment that is no UTF-8": b": \xff\xfe\n" + EVENT,
    "NUL bytes in a comment": b":\0\0\0\n" + EVENT,
    "a megabyte of comment": b":" + b"x" * 1_000_000 + b"\n" + EVENT,
    "100,000 empty lines": b"\n" * 100_000 + EVENT,
    "the answer twice": EVENT * 2,
    "text of another alphabet": "data: \n: é漢😀\n\n".encode() + EVENT,
}
"""In each of these streams of events the good answer is found, over both HTTP transports."""

_ONE_WORD: Final = b"data: hello\n\n"

ENDINGS: Final[dict[str, bytes]] = {
    "no event": b"",
    "comments alone": b": hello\n\n",
    "half an event": EVENT[:30],
    "an event without its blank line": EVENT[:-1],
    "an event of another name": b"event: other\n" + EVENT,
    "half a character": b'data: "\xe6',
    "a word": _ONE_WORD,
    "HTML": b"<html>",
}
"""Streams in which no answer comes; then they end."""

BODIES: Final[dict[str, WebReply]] = {
    # ---- bodies
    "the answer": body(GOOD, "good"),
    "a parameter behind the type": body(GOOD, "good", "application/json; charset=utf-8"),
    "the type in capitals": body(GOOD, "good", "APPLICATION/JSON"),
    "white space around": body(b" \r\n\t" + GOOD + b"\n\n", "good"),
    "nothing": body(b""),
    "white space": body(b" \n "),
    "half a message": body(GOOD[:30]),
    "two messages": body(GOOD + GOOD),
    "a batch": body(b"[" + GOOD + b"]"),
    "a word": body(b"hello"),
    "null": body(b"null"),
    "HTML as JSON": body(b"<html><body>no</body></html>"),
    "UTF-16": body(GOOD.replace(b"ID", b"1").decode().encode("utf-16")),
    "a byte that is never UTF-8": body(b'{"jsonrpc":"\xff"}'),
    "deep nesting": body(b"[" * 100_000),
    "an answer to somebody else": body(OTHER.replace(b"ID", b"4711")),
    "an answer of id null": body(OTHER.replace(b"ID", b"null"), "any"),
    "a notice instead": body(b'{"jsonrpc":"2.0","method":"notifications/message"}'),
    "a request instead": body(b'{"jsonrpc":"2.0","id":1,"method":"ping"}'),
    "an error": body(failure("-1", "no")),
    # ---- types
    "no type": body(GOOD, "error", ""),
    "text": body(GOOD, "error", "text/plain"),
    "HTML": body(b"<html>", "error", "text/html"),
    "junk as type": body(GOOD, "error", ";;;"),
    "a picture": body(b"\x89PNG\r\n", "error", "image/png"),
    "events that are JSON": body(GOOD, "error", EVENTS),
    "JSON that is events": body(EVENT),
    # ---- statuses
    "202 for a call": status("202 Accepted", b""),
    "204": WebReply(head("204 No Content", ""), counted=False),
    "205": status("205 Reset Content", b""),
    "206": WebReply(head("206 Partial Content"), GOOD, "any"),
    "299": WebReply(head("299 Odd"), GOOD, "any"),
    "300": status("300 Multiple Choices"),
    "301 without a place": status("301 Moved Permanently"),
    "302 to somebody else": status(
        "302 Found", b"", "text/plain", "Location: http://127.0.0.2:9/x"
    ),
    "303": status("303 See Other", b"", "text/plain", "Location: /elsewhere"),
    "304": WebReply(head("304 Not Modified", ""), counted=False),
    "307 to a file": status("307 X", b"", "text/plain", "Location: file:///etc/passwd"),
    "307 to junk": status("307 X", b"", "text/plain", "Location: http://[::1"),
    "308 to itself": status("308 X", b"", "text/plain", "Location: /mcp"),
    "400 with an error": WebReply(head("400 Bad Request"), failure("-32600", "no")),
    "400 in HTML": status("400 Bad Request", b"<html>", "text/html"),
    "401": status("401 Unauthorized", b"", "text/plain", "WWW-Authenticate: Bearer"),
    "402": status("402 Payment Required"),
    "403": status("403 Forbidden"),
    "404": status("404 Not Found"),
    "405": status("405 Method Not Allowed"),
    "406": status("406 Not Acceptable"),
    "408": status("408 Request Timeout"),
    "413": status("413 Content Too Large"),
    "415": status("415 Unsupported Media Type"),
    "421": status("421 Misdirected Request"),
    "429": status("429 Too Many Requests", b"", "text/plain", "Retry-After: 99999"),
    "431 in odd letters": status("431 \xe9\xff", b"\xff\xfe"),
    "500 with the answer": WebReply(head("500 X"), GOOD, "any"),
    "500 with a megabyte": status("500 X", b"x" * 1_000_000),
    "500 with tricks": status("500 X", b"\x1b[31m\xe2\x80\xae\r\n<script>"),
    "501": status("501 Not Implemented"),
    "502": status("502 Bad Gateway", b"<html>nginx</html>", "text/html"),
    "503": status("503 Service Unavailable"),
    "504 with nothing": status("504 Gateway Timeout", b"", ""),
    "599": status("599 Odd"),
    "100, then the answer": WebReply("100 Continue\r\n\r\nHTTP/1.1 " + head(), GOOD, "good"),
    "103, then the answer": WebReply(
        "103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 " + head(), GOOD, "good"
    ),
    "101": WebReply("101 Switching Protocols\r\nUpgrade: x", counted=False, then="close"),
    "a status of two digits": WebReply("20 OK", GOOD, then="close"),
    "a status of four digits": WebReply("2000 OK", GOOD, then="close"),
    "a status in words": WebReply("OK", GOOD, then="close"),
    # ---- heads
    "an unknown header": body(GOOD, "good", JSON, "X-Odd: \xe9"),
    "a session of odd letters": body(GOOD, "any", JSON, "Mcp-Session-Id: \xe9\xff"),
    "a header without a colon": body(GOOD, "error", JSON, "nonsense", then="close"),
    "a NUL in a header": body(GOOD, "error", JSON, "X: a\0b", then="close"),
    "a header of a megabyte": body(GOOD, "error", JSON, "X: " + "y" * 1_000_000, then="close"),
    "10,000 headers": body(
        GOOD, "error", JSON, *(f"X{n}: {'y' * 20}" for n in range(10_000)), then="close"
    ),
    "a folded header": body(GOOD, "good", JSON, "X: a\r\n b"),
    # ---- lengths
    "a body without a length, then the end": open_ended(GOOD, "good", "close"),
    "a body without a length or an end": open_ended(GOOD, "silence", "hold"),
    "a body too short, then the end": open_ended(
        GOOD, "error", "close", JSON, "Content-Length: 5000"
    ),
    "a body too short, without an end": open_ended(
        GOOD, "silence", "hold", JSON, "Content-Length: 5000"
    ),
    "a body too long": open_ended(GOOD, "error", "close", JSON, "Content-Length: 5"),
    "a length below zero": open_ended(GOOD, "error", "close", JSON, "Content-Length: -1"),
    "a length in words": open_ended(GOOD, "error", "close", JSON, "Content-Length: many"),
    "two lengths": open_ended(
        GOOD, "error", "close", JSON, "Content-Length: 5", "Content-Length: 6"
    ),
    # ---- chunks
    "chunks": WebReply(head("200 OK", JSON, CHUNKED), GOOD, "good", "chunks", counted=False),
    "a chunk without a size": chunked(b"\r\n" + GOOD, "error"),
    "a chunk of an odd size": chunked(chunk(GOOD, "zz"), "error"),
    "a chunk of a huge size": chunked(chunk(GOOD, "f" * 30), "error"),
    "a chunk below zero": chunked(chunk(GOOD, "-5"), "error"),
    "a chunk shorter than it says": chunked(chunk(GOOD, "fff"), "error"),
    "a chunk longer than it says": chunked(chunk(GOOD, "5") + b"0\r\n\r\n", "error"),
    "chunks that stop": chunked(chunk(b"hello"), "error"),
    "chunks without an end": chunked(chunk(b"hello"), "silence", "hold"),
    "chunks and a length": open_ended(
        chunk(b"hello") + b"0\r\n\r\n", "error", "close", JSON, CHUNKED, "Content-Length: 5"
    ),
    "an encoding nobody knows": open_ended(
        GOOD, "error", "close", JSON, "Transfer-Encoding: rot13"
    ),
    # ---- packed
    "gzip": body(GOOD, "good", JSON, "Content-Encoding: gzip", packed="gzip"),
    "deflate": body(GOOD, "good", JSON, "Content-Encoding: deflate", packed="deflate"),
    "packed events": body(EVENT, "good", EVENTS, "Content-Encoding: gzip", packed="gzip"),
    "gzip that is none": body(GOOD, "error", JSON, "Content-Encoding: gzip"),
    "half of gzip": body(
        gzip.compress(GOOD * 20)[:40], "error", JSON, "Content-Encoding: gzip", then="close"
    ),
    "packed as nobody knows": body(GOOD, "any", JSON, "Content-Encoding: rot13"),
    "packed a thousandfold": body(
        b"", "error", JSON, "Content-Encoding: gzip", packed="thousandfold"
    ),
    "packed events a thousandfold": body(
        b"data: ", "error", EVENTS, "Content-Encoding: gzip", packed="thousandfold"
    ),
    # ---- streams
    "a byte order mark": body(b"\xef\xbb\xbf" + EVENT, "good", EVENTS),
    "events that do not end": open_ended(b": x\n\n", "silence", "hold", EVENTS),
    **{f"events: {name}": body(raw, "good", EVENTS) for name, raw in STREAMS.items()},
    **{f"events that end: {name}": body(raw, "error", EVENTS) for name, raw in ENDINGS.items()},
}
"""Replies to a call over Streamable HTTP."""

NO_HTTP: Final[dict[str, bytes]] = {
    "nothing": b"",
    "a line of JSON": GOOD + b"\n",
    "words": b"hello\r\n\r\n",
    "TLS": b"\x15\x03\x01\x00\x02\x02\x46",
    "a WebSocket frame": b"\x81\x05hello",
    "SSH": b"SSH-2.0-x\r\n",
    "HTTP/2": b"\0\0\x12\x04\0\0\0\0\0",
    "HTTP/0.9": b"<html>",
    "half a head": b"HTTP/1.1 200 OK\r\nX: y",
    "half a status line": b"HTTP/1.1 2",
}
"""What no HTTP server says; then it hangs up."""

POSTS: Final[dict[str, str]] = {
    **dict.fromkeys(
        [
            *("the answer", "nothing", "half a message", "HTML as JSON", "no type", "a picture"),
            *("202 for a call", "204", "205", "206", "299", "a folded header", "chunks"),
            *("100, then the answer", "a body without a length, then the end", "gzip"),
        ],
        "good",
    ),
    **dict.fromkeys(
        [
            *("300", "301 without a place", "302 to somebody else", "303", "304", "307 to a file"),
            *("307 to junk", "308 to itself", "400 with an error", "400 in HTML", "401", "402"),
            *("403", "404", "405", "406", "408", "413", "415", "421", "429", "431 in odd letters"),
            *("500 with the answer", "500 with a megabyte", "500 with tricks", "501", "502", "503"),
            *("504 with nothing", "599", "101", "a status in words", "a header without a colon"),
            *(
                "a header of a megabyte",
                "two lengths",
                "a chunk of an odd size",
                "chunks that stop",
            ),
            *("gzip that is none", "packed a thousandfold"),
        ],
        "error",
    ),
}
"""By name in ``BODIES``: replies to the POST of a call over HTTP+SSE. Where ``good`` is due, the
answer comes on the stream."""

_OPEN: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
_NAMED: Final = b"event: endpoint\ndata: /messages\n\n"


def _named(place: bytes) -> bytes:
    return _OPEN + b"\r\nevent: endpoint\ndata: " + place + b"\n\n"


OPENINGS: Final[dict[str, tuple[bytes, bool, str]]] = {
    "as it should be": (_OPEN + b"\r\n" + _NAMED, True, "good"),
    "a byte order mark": (_OPEN + b"\r\n\xef\xbb\xbf" + _NAMED, True, "good"),
    "CR alone": (_OPEN + b"\r\n" + _NAMED.replace(b"\n", b"\r"), True, "good"),
    "the whole address": (_named(b"http://127.0.0.1:PORT/messages"), True, "good"),
    "a megabyte of comment first": (
        _OPEN + b"\r\n:" + b"x" * 1_000_000 + b"\n" + _NAMED,
        True,
        "good",
    ),
    "no event": (_OPEN + b"\r\n", True, "error"),
    "no event, then the end": (_OPEN + b"\r\n", False, "error"),
    "comments for ever": (_OPEN + b"\r\n" + b": x\n\n" * 1000, True, "error"),
    "an event without its blank line": (_OPEN + b"\r\n" + _NAMED[:-1], True, "error"),
    "an event without its blank line, then the end": (
        _OPEN + b"\r\n" + _NAMED[:-1],
        False,
        "error",
    ),
    "an event of another name": (_OPEN + b"\r\ndata: /messages\n\n", True, "error"),
    "another host": (_named(b"http://127.0.0.2:9/messages"), True, "error"),
    "another port": (_named(b"http://127.0.0.1:9/messages"), True, "error"),
    "another scheme": (_named(b"https://127.0.0.1:PORT/messages"), True, "error"),
    "another host, without a scheme": (_named(b"//evil.example/messages"), True, "error"),
    "a name before the host": (_named(b"http://127.0.0.1:PORT@evil.example/"), True, "error"),
    "a file": (_named(b"file:///etc/passwd"), True, "error"),
    "a script": (_named(b"javascript:alert(1)"), True, "error"),
    "a host that is none": (_named(b"http://[::1"), True, "error"),
    "a port that is none": (_named(b"http://127.0.0.1:99999/"), True, "error"),
    "control characters": (_named(b"/messages\0\x1b[31m"), True, "error"),
    "an endless address": (_named(b"/" + b"x" * 100_000), True, "error"),
    "odd letters": (_named(b"http://\xff\xfe/\x1b[31m"), True, "error"),
    "words instead of HTTP": (b"hello\r\n\r\n", False, "error"),
    "nothing": (b"", False, "error"),
    "a head without an end": (_OPEN, False, "error"),
    "204": (b"HTTP/1.1 204 X\r\n\r\n", True, "error"),
    "401": (b"HTTP/1.1 401 X\r\nContent-Length: 0\r\n\r\n", True, "error"),
    "404 in HTML": (
        b"HTTP/1.1 404 X\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
        True,
        "error",
    ),
    "a body without an end": (
        b"HTTP/1.1 500 X\r\nContent-Type: text/plain\r\nContent-Length: 50\r\n\r\nhello",
        True,
        "error",
    ),
    "a redirect to itself": (
        b"HTTP/1.1 307 X\r\nLocation: /sse\r\nContent-Length: 0\r\n\r\n",
        False,
        "error",
    ),
    "a redirect to somebody else": (
        b"HTTP/1.1 307 X\r\nLocation: http://127.0.0.2:9/sse\r\nContent-Length: 0\r\n\r\n",
        False,
        "error",
    ),
    "JSON": (
        b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
        True,
        "error",
    ),
    "packed junk": (_OPEN + b"Content-Encoding: gzip\r\n\r\n" + _NAMED, True, "error"),
}
"""Replies to the GET of the stream; whether it is then held open; what is due."""
