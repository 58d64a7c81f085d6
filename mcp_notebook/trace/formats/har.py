"""HAR 1.2: the HTTP of a Trace, as browsers and their tools read it.

HTTP requests and responses are rebuilt from the chunks of bytes. WebSocket messages stand under
``_webSocketMessages`` and server-sent events under ``_eventSourceMessages``, as Chrome's
developer tools write them. What HAR cannot hold (pipes, sockets, stderr) is named in
``log.comment``. Read back, a file gives messages; which bytes carried them is not in it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from mcp_notebook.trace.events import Chunk, Direction, Event, LinkClosed, LinkOpened, Vantage
from mcp_notebook.trace.framing import frames
from mcp_notebook.trace.store import Trace
from mcp_notebook.trace.streams import links
from mcp_notebook.trace.unit import Unit
from mcp_notebook.wire.http1 import HttpHead
from mcp_notebook.wire.sse import SseEvent
from mcp_notebook.wire.websocket import Opcode, WsFrame

from .harload import load as load

_HTTP: Final = frozenset({"http", "streamable-http", "http-json", "sse", "websocket", "ws"})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class _Side:
    """A request or a response as far as it was seen."""

    head: HttpHead
    start_ns: int
    end_ns: int
    size: int = 0
    body: bytes = b""


@dataclass(slots=True)
class _Entry:
    """A request with its response and what was streamed under it."""

    first: Chunk
    asked: _Side
    answered: _Side | None = None
    sse: list[tuple[int, SseEvent]] = field(default_factory=list)
    frames: list[tuple[int, Direction, Opcode, bytes]] = field(default_factory=list)


def save(trace: Trace) -> Iterator[str]:
    """The text of the file."""
    events = trace.events()
    addresses = {
        (e.conn, e.vantage, e.link): e.address for e in events if isinstance(e, LinkOpened)
    }
    entries: list[_Entry] = []
    unreadable = 0
    for group in links(events):
        found, lost = _entries(group)
        entries += found
        unreadable += lost
    # each request once: as the client saw it, or the server where no client is in the Trace
    seen = {entry.first.vantage for entry in entries}
    vantage = next((v for v in (Vantage.CLIENT, Vantage.SERVER, Vantage.RELAY) if v in seen), None)
    entries = [entry for entry in entries if entry.first.vantage == vantage]
    entries.sort(key=lambda entry: entry.asked.start_ns)
    log: dict[str, Any] = {
        "version": "1.2",
        "creator": {"name": "mcp_notebook", "version": "1"},
        "pages": [],
        "entries": [
            _entry(
                entry,
                trace,
                addresses.get((entry.first.conn, entry.first.vantage, entry.first.link)),
            )
            for entry in entries
        ],
    }
    comment = _left_out(events, unreadable)
    if comment:
        log["comment"] = comment
    yield json.dumps({"log": log}, ensure_ascii=False, indent=1)
    yield "\n"


def _left_out(events: list[Event], unreadable: int) -> str:
    """What is in the Trace and not in the file, in words."""
    streams = sorted(
        {
            f"{event.transport} {event.link} ({event.conn}, {event.vantage})"
            for event in events
            if event.transport not in _HTTP and not isinstance(event, LinkOpened | LinkClosed)
        }
    )
    parts = []
    if streams:
        parts.append(f"HAR holds HTTP and WebSocket only. Left out: {'; '.join(streams)}.")
    if unreadable:
        parts.append(f"Bytes that could not be read as HTTP were left out: {unreadable}.")
    return " ".join(parts)


# ---- from units to entries -------------------------------------------------------------------


def _entries(group: list[Event]) -> tuple[list[_Entry], int]:
    """The entries of one link, and how many of its bytes could not be read."""
    chunks = {event.seq: event for event in group if isinstance(event, Chunk)}
    if not chunks or next(iter(chunks.values())).transport not in _HTTP:
        return [], 0
    entries: list[_Entry] = []
    waiting: list[_Entry] = []
    now: _Entry | None = None  # whose response is being read
    lost = 0
    fragments: dict[Direction, tuple[Opcode, list[bytes]]] = {}
    for unit in frames(group):
        detail = unit.detail
        if unit.layer == "undecoded" or not unit.chunks:
            lost += len(unit.span)
        elif isinstance(detail, HttpHead) and unit.layer == "http-head":
            side = _Side(detail, chunks[unit.chunks[0]].time_ns, unit.time_ns, len(unit.span))
            if detail.is_request:
                entries.append(_Entry(chunks[unit.chunks[0]], side))
                waiting.append(entries[-1])
            elif waiting and (detail.status >= 200 or detail.status == 101):
                now = waiting.pop(0)
                now.answered = side
        elif isinstance(detail, WsFrame):
            message = _join(unit.direction, detail, fragments)
            if message is not None and now is not None:
                now.frames.append((unit.time_ns, unit.direction, *message))
        else:
            _body(unit, entries, now)
    return entries, lost


def _body(unit: Unit, entries: list[_Entry], now: _Entry | None) -> None:
    if unit.direction is Direction.CLIENT_TO_SERVER:
        # a request's body is complete before the next head of its direction
        side = entries[-1].asked if entries else None
    else:
        side = now.answered if now is not None else None
    if side is None:
        return
    side.end_ns = unit.time_ns
    if isinstance(unit.detail, SseEvent):
        assert now is not None
        now.sse.append((unit.time_ns, unit.detail))
    elif unit.body is not None:
        side.body += unit.body


def _join(
    way: Direction, frame: WsFrame, fragments: dict[Direction, tuple[Opcode, list[bytes]]]
) -> tuple[Opcode, bytes] | None:
    if frame.is_control:
        return frame.opcode, frame.payload
    if frame.opcode is not Opcode.CONT:
        fragments[way] = (frame.opcode, [])
    if way not in fragments:
        return None
    opcode, parts = fragments[way]
    parts.append(frame.payload)
    if not frame.fin:
        return None
    del fragments[way]
    return opcode, b"".join(parts)


# ---- from entries to JSON --------------------------------------------------------------------


def _entry(entry: _Entry, trace: Trace, address: str | None) -> dict[str, Any]:
    asked, answered = entry.asked, entry.answered
    start = asked.start_ns
    send = (asked.end_ns - start) / 1e6
    wait = (answered.start_ns - asked.end_ns) / 1e6 if answered else 0
    receive = (answered.end_ns - answered.start_ns) / 1e6 if answered else 0
    websocket = answered is not None and answered.head.status == 101
    record: dict[str, Any] = {
        "startedDateTime": _moment(_unix_s(trace, start)),
        "time": send + max(0, wait) + receive,
        "request": _request(asked, _url(asked.head, websocket=websocket)),
        "response": _response(answered, entry.sse),
        "cache": {},
        "timings": {"send": send, "wait": max(0, wait), "receive": receive},
        "connection": entry.first.link,
        "_resourceType": "websocket" if websocket else "fetch",
        "_mcp": {
            "conn": entry.first.conn,
            "vantage": entry.first.vantage.value,
            "transport": entry.first.transport,
            "link": entry.first.link,
            "address": address or "",
        },
    }
    if websocket:
        record["_webSocketMessages"] = [
            _frame(trace, *frame, client=entry.first.vantage is not Vantage.SERVER)
            for frame in entry.frames
        ]
    if entry.sse:
        record["_eventSourceMessages"] = [
            {
                "time": _unix_s(trace, time_ns),
                "eventName": event.event,
                "eventId": event.id or "",
                "data": event.data,
            }
            for time_ns, event in entry.sse
            if event.dispatched
        ]
    return record


def _request(side: _Side, url: str) -> dict[str, Any]:
    head = side.head
    record: dict[str, Any] = {
        "method": _text(head.method),
        "url": url,
        "httpVersion": f"HTTP/{_text(head.version)}",
        "cookies": [],
        "headers": _headers(head),
        "queryString": [
            {"name": name, "value": value}
            for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True)
        ],
        "headersSize": side.size,
        "bodySize": len(side.body),
    }
    if side.body:
        text, encoding = _readable(side.body)
        record["postData"] = {
            "mimeType": _text(head.header(b"content-type") or b""),
            "params": [],
            "text": text,
        } | ({"_encoding": encoding} if encoding else {})
    return record


def _response(side: _Side | None, sse: list[tuple[int, SseEvent]]) -> dict[str, Any]:
    if side is None:
        # what browsers write for a request that got no answer
        return {
            "status": 0,
            "statusText": "",
            "httpVersion": "",
            "cookies": [],
            "headers": [],
            "content": {"size": 0, "mimeType": ""},
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": -1,
        }
    head = side.head
    body = side.body or b"".join(_event_text(event) for _, event in sse)
    text, encoding = _readable(body)
    content: dict[str, Any] = {
        "size": len(body),
        "mimeType": _text(head.header(b"content-type") or b""),
        "text": text,
    }
    if encoding:
        content["encoding"] = encoding
    return {
        "status": head.status,
        "statusText": _text(head.reason),
        "httpVersion": f"HTTP/{_text(head.version)}",
        "cookies": [],
        "headers": _headers(head),
        "content": content,
        "redirectURL": _text(head.header(b"location") or b""),
        "headersSize": side.size,
        "bodySize": len(body),
    }


def _event_text(event: SseEvent) -> bytes:
    lines = [f"event: {event.event}"] if event.event != "message" else []
    lines += [f"id: {event.id}"] if event.id is not None else []
    lines += [f"data: {line}" for line in event.data.split("\n")] if event.dispatched else []
    return ("\n".join(lines) + "\n\n").encode()


def _frame(
    trace: Trace, time_ns: int, way: Direction, opcode: Opcode, data: bytes, *, client: bool
) -> dict[str, Any]:
    sent = (way is Direction.CLIENT_TO_SERVER) is client
    text = data.decode("utf-8", "replace") if opcode is Opcode.TEXT else None
    return {
        "type": "send" if sent else "receive",
        "time": _unix_s(trace, time_ns),
        "opcode": int(opcode),
        # the developer tools write what is no text as base64
        "data": text if text is not None else base64.b64encode(data).decode("ascii"),
    }


def _url(head: HttpHead, *, websocket: bool) -> str:
    target = _text(head.target)
    if "://" in target:
        return target
    host = _text(head.header(b"host") or b"localhost")
    return f"{'ws' if websocket else 'http'}://{host}{target}"


def _headers(head: HttpHead) -> list[dict[str, str]]:
    return [{"name": _text(name), "value": _text(value)} for name, value in head.headers]


def _readable(data: bytes) -> tuple[str, str]:
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError:
        return base64.b64encode(data).decode("ascii"), "base64"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _unix_s(trace: Trace, time_ns: int) -> float:
    return trace.zero_unix_s + (time_ns - trace.zero_ns) / 1e9


def _moment(unix_s: float) -> str:
    return (_EPOCH + timedelta(seconds=unix_s)).isoformat(timespec="microseconds")
