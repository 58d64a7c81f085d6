"""How a message was framed: the HTTP head, the event, the frame or the line it travelled in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from mcp_notebook.trace.events import Chunk, Direction, Event
from mcp_notebook.trace.framing import Located, Unit
from mcp_notebook.wire.http1 import HttpHead
from mcp_notebook.wire.lines import Line
from mcp_notebook.wire.spans import Span
from mcp_notebook.wire.sse import SseEvent
from mcp_notebook.wire.websocket import WsFrame

from .text import clean, count_text, lines, steady

_VARYING: Final = re.compile(
    r"(?im)^((?:date|mcp-session-id|sec-websocket-(?:key|accept)):[ ]?).*|((?<=session_id=)[^ &]+)"
)


class Stream:
    """One direction of a link, as bytes that can be looked up by where they lie.

    Args:
        events: the events of a Trace, redacted.
        located: the link and direction.
    """

    def __init__(self, events: Iterable[Event], located: Located) -> None:
        wanted = {seq for unit in located.units for seq in unit.chunks}
        wanted |= set(located.chunks)
        wanted |= set(located.head.chunks) if located.head else set()
        self._chunks = [e for e in events if isinstance(e, Chunk) and e.seq in wanted]

    def read(self, span: Span) -> bytes:
        """The bytes of a range; ``.`` where they were not kept."""
        found = bytearray(b"." * len(span))
        for chunk in self._chunks:
            start = max(span.start, chunk.offset)
            end = min(span.end, chunk.offset + len(chunk.data))
            if start < end:
                piece = chunk.data[start - chunk.offset : end - chunk.offset]
                found[start - span.start : end - span.start] = piece
        return bytes(found)


def framing_lines(located: Located, stream: Stream, *, stable: bool, limit: int) -> list[str]:
    """The framing of one message, line by line.

    Args:
        located: where the message lies.
        stream: the bytes around it.
        stable: leave out where in the stream it lies, and headers that change.
        limit: the most characters of a line.
    """
    first, last = located.units[0], located.units[-1]
    where = "" if stable else f", bytes {first.span.start}..{last.span.end} of {located.link}"
    found = [f"{_NAMES.get(last.layer, last.layer)}{where}"]
    for unit in located.units:
        found += _unit(unit, stream, limit, stable)
    if located.head is not None:
        found.append("under the head of the " + _side(located) + ":")
        head = lines(stream.read(located.head.span).decode("latin-1").rstrip("\r\n"))
        if stable:
            head = steady(_VARYING.sub(lambda m: f"{m[1] or ''}...", head))
        found += [f"  {clean(line, limit)}" for line in head.split("\n")]
    return found


def dumped(located: Located, stream: Stream, *, stable: bool) -> tuple[bytes, list[Span], str]:
    """The bytes to dump, the ranges that are the message's own, and what to say of them."""
    span = Span(located.units[0].span.start, located.units[-1].span.end)
    masked = any(isinstance(u.detail, WsFrame) and u.detail.masked for u in located.units)
    if masked and stable:
        payload = b"".join(u.detail.payload for u in located.units if isinstance(u.detail, WsFrame))
        return payload, [Span(0, len(payload))], "unmasked: the mask changes from run to run"
    own = [Span(s.start - span.start, s.end - span.start) for s in located.spans]
    said = "masked, so it cannot be read here" if masked else ""
    return stream.read(span), own, said


def unit_text(unit: Unit, limit: int) -> str:
    """One unit of framing in a line, for a chunk that carries several."""
    detail = unit.detail
    text = _NAMES.get(unit.layer, unit.layer)
    if unit.layer == "http-head" and isinstance(detail, HttpHead):
        words = (
            (detail.method, detail.target)
            if detail.is_request
            else (b"%d" % detail.status, detail.reason)
        )
        text += " " + b" ".join(words).decode("latin-1")
    return clean(f"{text}, {count_text(len(unit.span), 'byte')}", limit)


_NAMES: Final = {
    "line": "a line of JSON",
    "http-head": "HTTP head",
    "http-body": "an HTTP body",
    "sse-event": "a server-sent event",
    "ws-frame": "a WebSocket frame",
    "tail": "bytes of another protocol",
    "undecoded": "bytes that could not be read",
}


def _unit(unit: Unit, stream: Stream, limit: int, stable: bool) -> list[str]:
    detail = unit.detail
    if isinstance(detail, Line):
        end = stream.read(Span(unit.span.start + len(detail.data), unit.span.end))
        ends = {b"\n": "a line feed, 0a", b"\r\n": "CR LF, 0d 0a"}.get(end, "nothing yet")
        return [f"ended by {ends}"]
    if isinstance(detail, SseEvent):
        return _sse(detail, unit)
    if isinstance(detail, WsFrame):
        mask = "none"
        if detail.mask is not None:
            mask = "a random key, 4 bytes" if stable else detail.mask.hex(" ")
        return [
            f"opcode {detail.opcode.value:#x} ({detail.opcode.name.lower()})  "
            f"fin {int(detail.fin)}  rsv {detail.rsv}  "
            f"length {detail.length}  mask {mask}"
        ]
    if unit.layer == "http-body" and unit.body is not None:
        pieces = count_text(len(unit.body_spans), "piece")
        chunked = f" in {pieces}" if len(unit.body_spans) > 1 else ""
        return [f"{len(unit.body)} bytes{chunked}"]
    return []


def _sse(event: SseEvent, unit: Unit) -> list[str]:
    fields = [f"event: {clean(event.event, 60)}"]
    if event.id is not None:
        fields.append(f"id: {clean(event.id, 60)}")
    if event.retry is not None:
        fields.append(f"retry: {event.retry} ms")
    size = len(unit.body or b"")
    many = len(event.data_spans)
    fields.append(f"data: {size} bytes" + (f" in {many} lines" if many > 1 else ""))
    return fields


def _side(located: Located) -> str:
    return "request" if located.direction is Direction.CLIENT_TO_SERVER else "response"
