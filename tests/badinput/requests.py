"""What may go wrong below the messages of HTTP: request lines, headers, bodies."""

from __future__ import annotations

from typing import Final

from .messages import ID, raw_id

PING: Final = raw_id(str(ID)).encode()
MODERN: Final = "2026-07-28"

CLOSED: Final = 0
"""In place of a status: the connection ends without one."""


def post(
    body: bytes = PING, *, path: str = "PATH", method: str = "POST", drop: str = "", **changes: str
) -> bytes:
    """A request with one thing changed; ``PATH`` and ``SESSION`` are filled in later."""
    lines = {
        "Host": "127.0.0.1",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "Content-Length": str(len(body)),
        "Mcp-Session-Id": "SESSION",
        "Connection": "close",
    }
    lines |= {name.replace("_", "-"): value for name, value in changes.items()}
    lines.pop(drop, None)
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{text}\r\n".encode("latin-1") + body


def chunked(raw: bytes) -> bytes:
    return post(b"", drop="Content-Length", Transfer_Encoding="chunked") + raw


REFUSED: Final = frozenset(range(400, 500))
ANY: Final = frozenset(range(200, 500)) | {CLOSED}
GARBAGE: Final = frozenset({400, CLOSED})

REQUESTS: Final[dict[str, tuple[bytes, frozenset[int]]]] = {
    "words": (b"hello\r\n\r\n", GARBAGE),
    "JSON": (PING + b"\n\r\n\r\n", GARBAGE),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", GARBAGE),
    "zeros": (b"\0" * 50 + b"\r\n\r\n", GARBAGE),
    "empty lines": (b"\r\n" * 50, GARBAGE),
    "a WebSocket frame": (b"\x81\x84abcd....\r\n\r\n", GARBAGE),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", GARBAGE | {405, 404, 421}),
    "HTTP/0.9": (b"GET /\r\n\r\n", GARBAGE),
    "HTTP/9.9": (post().replace(b"HTTP/1.1", b"HTTP/9.9"), ANY | {505}),
    "HTTP/1.0": (post().replace(b"HTTP/1.1", b"HTTP/1.0"), ANY),
    "a method of 10,000 characters": (post(method="X" * 10_000), REFUSED | {CLOSED}),
    "a method with a space": (post(method="PO ST"), GARBAGE),
    "a path of 200,000 characters": (post(path="/" + "x" * 200_000), REFUSED | {CLOSED}),
    "a path with a NUL": (post(path="/a\0b"), GARBAGE),
    "a path upwards": (post(path="/../../etc/passwd"), REFUSED),
    "half an escape in the path": (post(path="/%"), REFUSED | {CLOSED}),
    "bytes beyond ASCII in the path": (post(path="/\xff"), GARBAGE | {404}),
    "a whole address as path": (post(path="http://evil.example/mcp"), REFUSED | {CLOSED}),
    "another path": (post(path="/other"), frozenset({404})),
    "a header without a colon": (post()[:-2] + b"nonsense\r\n\r\n", GARBAGE | REFUSED),
    "a header of 200,000 characters": (post(X="y" * 200_000), REFUSED | {CLOSED}),
    "5,000 headers": (post(**{f"X{n}": "y" * 20 for n in range(5000)}), REFUSED | {CLOSED}),
    "a NUL in a header": (post(X="a\0b"), GARBAGE),
    "a space before the colon": (post().replace(b"Accept:", b"Accept :"), GARBAGE),
    "a folded header": (post().replace(b"Accept: ", b"Accept:\r\n "), ANY),
    "an empty name of a header": (post().replace(b"Accept:", b":"), GARBAGE),
    "LF alone": (post().replace(b"\r\n", b"\n"), ANY),
    "two lengths": (post().replace(b"Connection", b"Content-Length: 1\r\nConnection"), GARBAGE),
    "a length below zero": (post(Content_Length="-1"), GARBAGE),
    "a length in words": (post(Content_Length="many"), GARBAGE),
    "a length with a sign": (post(Content_Length="+5"), GARBAGE),
    "a length of 30 digits": (post(Content_Length="9" * 30), GARBAGE | {413}),
    "a length beyond the limit": (post(Content_Length=str(65 << 20)), frozenset({413, CLOSED})),
    "a length and chunks": (post(Transfer_Encoding="chunked"), ANY),
    "an encoding nobody knows": (post(Transfer_Encoding="rot13"), GARBAGE | {501}),
    "a body too short": (post(Content_Length="500"), GARBAGE),
    "a body too long": (post(Content_Length="5"), REFUSED),
    "no body": (post(b""), REFUSED),
    "white space as body": (post(b"   "), REFUSED),
    "chunks": (chunked(b"%x\r\n" % len(PING) + PING + b"\r\n0\r\n\r\n"), ANY),
    "single bytes as chunks": (
        chunked(b"".join(b"1\r\n%c\r\n" % b for b in PING) + b"0\r\n\r\n"),
        ANY,
    ),
    "a chunk without a size": (chunked(b"\r\n" + PING + b"\r\n0\r\n\r\n"), GARBAGE),
    "a chunk of an odd size": (chunked(b"zz\r\n" + PING), GARBAGE),
    "a chunk of a huge size": (chunked(b"f" * 30 + b"\r\n" + PING), GARBAGE | {413}),
    "a chunk below zero": (chunked(b"-5\r\n" + PING), GARBAGE),
    "chunks without end": (chunked(b"5\r\nhello\r\n"), GARBAGE),
    "a body that says it is packed": (post(Content_Encoding="gzip"), ANY),
    "a foreign host": (post(Host="evil.example"), frozenset({421})),
    "no host": (post(drop="Host"), frozenset({400, 421})),
    "two hosts": (post().replace(b"Accept", b"Host: localhost\r\nAccept"), frozenset({400})),
    "a host with a NUL": (post(Host="127.0.0.1\0.evil"), GARBAGE | {421}),
    "a foreign origin": (post(Origin="https://evil.example"), frozenset({403})),
    "origin null": (post(Origin="null"), frozenset({403})),
    "an empty origin": (post(Origin=""), frozenset({403})),
    "two origins": (
        post().replace(b"Accept", b"Origin: http://localhost\r\nOrigin: http://x\r\nAccept"),
        frozenset({400, 403}),
    ),
    "PUT": (post(method="PUT"), REFUSED),
    "PATCH": (post(method="PATCH"), REFUSED),
    "OPTIONS": (post(method="OPTIONS"), REFUSED),
    "TRACE": (post(method="TRACE"), REFUSED | {CLOSED}),
    "CONNECT": (post(method="CONNECT"), REFUSED | {CLOSED}),
    "DELETE of a session nobody has": (
        post(b"", method="DELETE", Mcp_Session_Id="nobody"),
        REFUSED,
    ),
    "text as content": (post(Content_Type="text/plain"), REFUSED),
    "a form": (post(Content_Type="application/x-www-form-urlencoded"), REFUSED),
    "no content type": (post(drop="Content-Type"), REFUSED),
    "junk as content type": (post(Content_Type=";;;"), REFUSED),
}
"""By name: the request, and the statuses that are due. They hold for every HTTP transport."""

STREAMABLE: Final[dict[str, tuple[bytes, frozenset[int]]]] = {
    "no accept": (post(drop="Accept"), ANY),
    "accepts pictures": (post(Accept="image/png"), REFUSED),
    "accepts junk": (post(Accept=";;q=x"), REFUSED),
    "a session nobody has": (post(Mcp_Session_Id="nobody"), ANY),
    "a session of odd letters": (post(Mcp_Session_Id="\xff\xfe"), ANY),
    "a session of 10,000 letters": (post(Mcp_Session_Id="x" * 10_000), ANY),
    "a revision nobody knows": (post(MCP_Protocol_Version="1999-01-01"), REFUSED),
    "junk as revision": (post(MCP_Protocol_Version="latest"), REFUSED),
    "an empty revision": (post(MCP_Protocol_Version=""), REFUSED),
    "modern without a method": (post(MCP_Protocol_Version=MODERN), REFUSED),
    "modern with another method": (
        post(MCP_Protocol_Version=MODERN, Mcp_Method="tools/list"),
        REFUSED,
    ),
    "modern without _meta": (post(MCP_Protocol_Version=MODERN, Mcp_Method="ping"), REFUSED),
    "modern GET": (post(b"", method="GET", MCP_Protocol_Version=MODERN), REFUSED),
    "modern DELETE": (post(b"", method="DELETE", MCP_Protocol_Version=MODERN), REFUSED),
    "modern with another name": (
        post(
            b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"add"}}',
            MCP_Protocol_Version=MODERN,
            Mcp_Method="tools/call",
            Mcp_Name="boom",
        ),
        REFUSED,
    ),
}
"""More for Streamable HTTP."""

SSE_ONLY: Final[dict[str, tuple[bytes, frozenset[int]]]] = {
    "no session": (post(path="/messages/"), REFUSED),
    "an empty session": (post(path="/messages/?session_id="), REFUSED),
    "a session that is none": (post(path="/messages/?session_id=nobody"), REFUSED),
    "a session nobody has": (post(path="/messages/?session_id=" + "0" * 32), REFUSED),
    "a session of odd letters": (post(path="/messages/?session_id=%ff%00"), REFUSED),
    "a session of 10,000 letters": (post(path="/messages/?session_id=" + "x" * 10_000), REFUSED),
    "GET of the messages": (post(b"", method="GET"), REFUSED),
    "POST to the stream": (post(path="/sse"), REFUSED),
    "DELETE of the stream": (post(b"", path="/sse", method="DELETE"), REFUSED),
}
"""More for HTTP+SSE."""
