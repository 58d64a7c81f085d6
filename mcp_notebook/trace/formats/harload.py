"""Reading HAR: the JSON-RPC messages in it, ours or those of a browser's recording."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from mcp_notebook.errors import UsageError
from mcp_notebook.trace.events import Direction, Message, Vantage
from mcp_notebook.trace.store import Trace
from mcp_notebook.wire.sse import SseDecoder, SseEvent

from . import DamagedTrace

_C2S: Final = Direction.CLIENT_TO_SERVER
_S2C: Final = Direction.SERVER_TO_CLIENT
_TEXT_FRAME: Final = 1


@dataclass(frozen=True, slots=True)
class _Found:
    """A message in an entry."""

    unix_s: float
    direction: Direction
    raw: bytes
    labels: dict[str, Any]


def load(data: bytes, name: str) -> Trace:
    """The Trace in a file's bytes: its messages, numbered in the order of their times.

    Raises:
        DamagedTrace: entries that are not as HAR says; ``.trace`` has the messages of the others.
        UsageError: it is no HAR file.
    """
    try:
        entries = json.loads(data)["log"]["entries"]
        if not isinstance(entries, list):
            raise TypeError("entries is no list")
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise UsageError(
            f"{name} is not a HAR file ({type(exc).__name__}: {exc})",
            hint="HAR is JSON with log.entries.",
        ) from None
    found: list[_Found] = []
    bad: list[int] = []
    for number, entry in enumerate(entries, start=1):
        try:
            found += list(_messages(entry))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            bad.append(number)
    trace = _trace(found)
    if bad:
        raise DamagedTrace(
            f"{len(bad)} of {len(entries)} entries of {name} are not as HAR 1.2 says, "
            f"the first is entry {bad[0]}; {len(trace)} messages can be read",
            trace=trace,
            hint=f"Trace.load({name!r}, strict=False) takes them.",
        )
    return trace


def _trace(found: list[_Found]) -> Trace:
    trace = Trace()
    found.sort(key=lambda one: one.unix_s)  # stable: of one time the request stays first
    trace.zero_ns = 0
    trace.zero_unix_s = found[0].unix_s if found else 0.0
    trace._adopt(
        (
            Message(
                seq=seq,
                time_ns=round((one.unix_s - trace.zero_unix_s) * 1e9),
                direction=one.direction,
                raw=one.raw,
                size=len(one.raw),
                **one.labels,
            )
            for seq, one in enumerate(found, start=1)
        ),
        dropped=0,
    )
    return trace


def _messages(entry: dict[str, Any]) -> Iterator[_Found]:
    labels = _labels(entry)
    server = labels["vantage"] is Vantage.SERVER
    if "_webSocketMessages" in entry:
        for frame in entry["_webSocketMessages"]:
            sent = frame["type"] == "send"
            if frame["opcode"] == _TEXT_FRAME:
                raw = frame["data"].encode()
                way = _C2S if sent is not server else _S2C
                yield _Found(float(frame["time"]), way, raw, labels)
        return
    start = datetime.fromisoformat(entry["startedDateTime"]).timestamp()
    timings = entry.get("timings") or {}
    sent_s = start + max(0.0, float(timings.get("send") or 0)) / 1e3
    body = entry["request"].get("postData")
    if body is not None:
        raw = _bytes(body.get("text", ""), body.get("_encoding"))
        if _is_message(raw):
            yield _Found(sent_s, _C2S, raw, labels)
    end = max(sent_s, start + max(0.0, float(entry["time"])) / 1e3)
    yield from _answers(entry, sent_s, end, labels)


def _answers(
    entry: dict[str, Any], sent_s: float, end: float, labels: dict[str, Any]
) -> Iterator[_Found]:
    if entry.get("_eventSourceMessages"):
        for event in entry["_eventSourceMessages"]:
            raw = event["data"].encode()
            if _is_message(raw):
                # the two times are written with different precision
                yield _Found(max(sent_s, float(event["time"])), _S2C, raw, labels)
        return
    content = entry["response"]["content"]
    raw = _bytes(content.get("text", ""), content.get("encoding"))
    if str(content.get("mimeType", "")).lower().startswith("text/event-stream"):
        for event in SseDecoder().feed(raw):
            if isinstance(event, SseEvent) and _is_message(event.data.encode()):
                yield _Found(end, _S2C, event.data.encode(), labels)
    elif _is_message(raw):
        yield _Found(end, _S2C, raw, labels)


def _labels(entry: dict[str, Any]) -> dict[str, Any]:
    own = entry.get("_mcp")
    if isinstance(own, dict):
        return {
            "conn": str(own["conn"]),
            "vantage": Vantage(own["vantage"]),
            "transport": str(own["transport"]),
            "link": str(own["link"]),
        }
    url = urlsplit(entry["request"]["url"])
    websocket = "_webSocketMessages" in entry
    return {
        "conn": url.netloc or "har",
        "vantage": Vantage.CLIENT,
        "transport": "websocket" if websocket else "http",
        "link": str(entry.get("connection", "")),
    }


def _bytes(text: str, encoding: str | None) -> bytes:
    if encoding == "base64":
        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error as exc:
            raise ValueError(str(exc)) from None
    return text.encode()


def _is_message(raw: bytes) -> bool:
    try:
        obj = json.loads(raw)
    except (ValueError, RecursionError):
        return False
    parts = obj if isinstance(obj, list) and obj else [obj]
    return all(isinstance(part, dict) and "jsonrpc" in part for part in parts)
