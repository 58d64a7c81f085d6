"""Bytes as they travel: HTTP messages, HTTP chunks, server-sent events, WebSocket frames."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from mcp_notebook.trace.events import Chunk, Event
from mcp_notebook.trace.framing import frames
from mcp_notebook.trace.store import Trace
from mcp_notebook.trace.streams import links
from mcp_notebook.wire.http1 import HttpBody
from mcp_notebook.wire.websocket import WsFrame, mask

HANDSHAKE = (
    b"GET /mcp HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)
SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


def cut(data: bytes, points: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted({point % (len(data) + 1) for point in points}), len(data)]
    return [data[low:high] for low, high in itertools.pairwise(edges) if low < high]


def request(body: bytes, *headers: str, target: str = "/mcp") -> bytes:
    head = [f"POST {target} HTTP/1.1", "Host: localhost", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, "", ""]).encode() + body


def chunked(pieces: Iterable[bytes], content_type: str) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
    parts = [f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces]
    return head.encode() + b"".join(parts) + b"0\r\n\r\n"


def ws_frames(pieces: list[bytes], key: bytes | None) -> bytes:
    out = b""
    for number, piece in enumerate(pieces):
        fin = 0x80 if number == len(pieces) - 1 else 0
        opcode = 0 if number else 1
        size = len(piece)
        length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")
        if key is not None:
            length = bytes([length[0] | 0x80]) + length[1:]
        out += bytes([fin | opcode]) + length
        out += piece if key is None else key + mask(piece, key)
    return out


def readable(events: list[Event]) -> Iterator[bytes]:
    """All that can be read in a Trace: raw streams, bodies, unmasked payloads, other texts."""
    for group in links(events):
        for way in ("c2s", "s2c"):
            yield b"".join(e.data for e in group if isinstance(e, Chunk) and e.direction == way)
        payloads: dict[str, bytes] = {"c2s": b"", "s2c": b""}
        for unit in frames(group):
            if unit.body is not None:
                yield unit.body
            if isinstance(unit.detail, WsFrame):
                payloads[unit.direction] += unit.detail.payload
            elif isinstance(unit.detail, HttpBody):
                payloads[unit.direction] += unit.detail.data
        yield from payloads.values()
    for event in events:
        for name in ("raw", "text", "address", "reason"):
            value = getattr(event, name, b"")
            yield value if isinstance(value, bytes) else value.encode()


def forms(secret: str) -> set[bytes]:
    """How a leak would look."""
    data = secret.encode()
    whole = base64.b64encode(data).rstrip(b"=")
    found = {data, quote(secret, safe="").encode(), quote(secret).encode(), whole}
    found |= {json.dumps(secret)[1:-1].encode(), base64.urlsafe_b64encode(data).rstrip(b"=")}
    user = base64.b64encode(b"alice:" + data).rstrip(b"=")
    return found | {user[8:-1]}


def leaks(trace: Trace, files: Iterable[bytes], secret: str) -> list[tuple[bytes, bytes]]:
    """Where a secret can still be read."""
    texts = [*readable(trace.events()), *files]
    return [(form, text) for form in forms(secret) for text in texts if form in text]


def strings(obj: Any) -> Iterator[str]:
    if isinstance(obj, str):
        yield obj
    elif isinstance(obj, dict):
        for key, value in obj.items():
            yield from strings(key)
            yield from strings(value)
    elif isinstance(obj, list):
        for value in obj:
            yield from strings(value)
