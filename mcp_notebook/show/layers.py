"""One message in four layers: the Python call, JSON-RPC, the framing, the bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from mcp_notebook.errors import UsageError
from mcp_notebook.trace.envelope import read
from mcp_notebook.trace.events import (
    Chunk,
    Direction,
    Event,
    Fault,
    LinkClosed,
    LinkOpened,
    Message,
    StderrLine,
)
from mcp_notebook.trace.exchange import Exchange
from mcp_notebook.trace.framing import Framing, Located
from mcp_notebook.trace.store import Trace

from .book import Book
from .envelope import Stream, dumped, framing_lines, unit_text
from .hexdump import hexdump
from .phrase import TOO_DEEP
from .pycall import python_call
from .text import clean, duration_text, lines, size_text, steady

WIDTH: Final = 100
MAX_JSON_LINES: Final = 80

_REACH: Final = 60
"""So many events before and after are looked through first."""


def layers_text(trace: Trace, seq: int, *, width: int = WIDTH, stable: bool = False) -> str:
    """One event of a Trace, taken apart; secrets are masked in every layer.

    A message is shown in four layers. Of any other event it is said what it is; the bytes of a
    chunk are shown.

    Args:
        trace: the Trace.
        seq: the number of the event.
        width: the most characters of a line of text; the dump of bytes has its own width.
        stable: leave out what changes from run to run.

    Raises:
        UsageError: the Trace has no event of this number.
    """
    whole = trace.whole  # a part lacks the chunks that carried its messages
    book = trace.recall(Book)
    with book.lock:
        book.refresh(whole)
        exchange = book.pairing.exchange(seq)
    bare = whole.event(seq)
    if bare is None:
        raise _unknown(seq, whole)
    (event,) = whole.redact([bare])
    if isinstance(event, Message):
        request = exchange.request if exchange is not None else event
        (asked,) = whole.redact([request])
        assert isinstance(asked, Message)
        text = _message(event, whole, exchange, asked, width=width, stable=stable)
    elif isinstance(event, Chunk):
        text = _chunk(event, whole, width)
    else:
        text = _title(event, stable) + "\n" + _indent([clean(_said(event), width * 4)])
    return steady(text) if stable else text


def _message(
    message: Message,
    trace: Trace,
    exchange: Exchange | None,
    request: Message,
    *,
    width: int,
    stable: bool,
) -> str:
    envelopes, seq = read(message), message.seq
    question = None
    if exchange is not None and request.seq != seq:
        question = next((e for e in read(request) if e.id == exchange.id), None)
    title = _title(message, stable)
    if request.seq != seq and not stable:
        after = duration_text(message.time_ns - request.time_ns)
        title += f", {after} after request #{request.seq}"
    calls = [python_call(envelope, message, question, width) for envelope in envelopes]
    around, located = _located(message, trace)
    if located is None:
        framing = ["The bytes that carried it are not in the Trace."]
        dump, note = hexdump(message.raw), "the message alone"
    else:
        stream = Stream(around, located)
        framing = framing_lines(located, stream, stable=stable, limit=width)
        data, own, note = dumped(located, stream, stable=stable)
        dump = hexdump(data, own)
        note = ", ".join(part for part in ("[ ] marks the message", note) if part)
    return "\n".join(
        [
            title,
            "",
            "1  Python",
            _indent(calls),
            f"2  JSON-RPC, {size_text(message.size)}",
            _indent(_json(message, width)),
            "3  framing",
            _indent(framing),
            f"4  bytes ({note})",
            _indent(dump),
        ]
    )


def _located(message: Message, trace: Trace) -> tuple[list[Event], Located | None]:
    """The redacted events around a message, and where in their bytes it lies.

    What carried a message is recorded next to it, so that a little of the Trace is looked
    through first. Messages of the same text are told apart by their order; where they cannot
    be in a part, more is looked through, in the end all.
    """
    around: list[Event] = []
    located = None
    for around, whole in _windows(message, trace):
        located = Framing(around).locate(message)
        if whole or (located is not None and _alone(message, located, around)):
            break
    return around, located


def _alone(message: Message, located: Located, around: list[Event]) -> bool:
    """Whether these bytes can have carried no other message of these events."""
    if message.cut:
        return False
    if message.span is not None and message.link == located.link:
        return True
    return (
        sum(
            isinstance(other, Message)
            and other.direction is message.direction
            and other.raw == message.raw
            for other in around
        )
        == 1
    )


def _windows(event: Event, trace: Trace) -> Iterator[tuple[list[Event], bool]]:
    """Ever more redacted events around one; whether it is all of them."""
    first, last = trace.first_seq, trace.last_seq
    reach = _REACH
    while event.seq - reach > first or event.seq + reach < last:
        yield _redacted(event, trace, event.seq - reach, event.seq + reach), False
        reach *= 16
    yield _redacted(event, trace, first, last), True


def _redacted(event: Event, trace: Trace, first: int, last: int) -> list[Event]:
    return trace.redact(
        one
        for one in trace.between(first, last)
        if one.conn == event.conn and one.vantage == event.vantage
    )


def _chunk(chunk: Chunk, trace: Trace, width: int) -> str:
    carried: list[str] = []
    for around, whole in _windows(chunk, trace):
        units = Framing(around).units(chunk.conn, chunk.vantage, chunk.link)
        units = [unit for unit in units if chunk.seq in unit.chunks]
        if whole or (units and all(unit.layer not in ("undecoded", "tail") for unit in units)):
            carried = [unit_text(unit, width) for unit in units]
            break
    parts = [_title(chunk, False), "", "bytes", _indent(hexdump(chunk.data))]
    if carried:
        parts[2:2] = ["what they carry, or a part of it", _indent(carried)]
    if chunk.cut:
        parts.append(f"   {chunk.size - len(chunk.data)} more bytes were not kept")
    return "\n".join(parts)


def _json(message: Message, width: int) -> list[str]:
    obj = message.json()
    if obj is None:
        why = "cut: the rest was not kept" if message.cut else "not JSON"
        return [f"({why})", clean(message.raw.decode("utf-8", "replace"), width * 4)]
    try:
        pretty = lines(json.dumps(obj, indent=2, ensure_ascii=False)).split("\n")
    except RecursionError:
        pretty = [TOO_DEEP]
    shown = [line if len(line) <= width else line[: width - 1] + "…" for line in pretty]
    if len(shown) > MAX_JSON_LINES:
        shown[MAX_JSON_LINES:] = [f"... {len(shown) - MAX_JSON_LINES} more lines"]
    return shown


def _title(event: Event, stable: bool) -> str:
    parts = [event.kind if stable else f"#{event.seq}  {event.kind}"]
    if isinstance(event, Message | Chunk):
        forward = event.direction is Direction.CLIENT_TO_SERVER
        parts[0] += " from client to server" if forward else " from server to client"
    parts.append(f"{clean(event.conn, 60)} over {clean(event.transport, 20)}")
    parts.append(f"seen by the {event.vantage.value}")
    if isinstance(event, Chunk):
        parts.append(f"{event.size} bytes at {event.offset} of {clean(event.link, 40)}")
    elif event.link and not stable:
        parts.append(f"link {clean(event.link, 40)}")
    return ", ".join(parts)


def _said(event: Event) -> str:
    if isinstance(event, StderrLine):
        return f"the child wrote on its standard error: {event.text}"
    if isinstance(event, Fault):
        return f"fault: {event.text}"
    if isinstance(event, LinkOpened):
        return f"a link opened: {event.address or 'no address is known'}"
    if isinstance(event, LinkClosed):
        return f"a link closed: {event.reason or 'an ordinary end'}"
    raise AssertionError(event.kind)


def _unknown(seq: int, trace: Trace) -> UsageError:
    if not len(trace):
        return UsageError(f"the Trace has no event {seq}: it is empty.", hint="%mcp call ...")
    gone = f"; {trace.dropped} older ones were dropped" if trace.dropped else ""
    return UsageError(
        f"the Trace has no event {seq}: it holds {trace.first_seq} to {trace.last_seq}{gone}.",
        hint="%mcp flow shows the numbers.",
    )


def _indent(found: list[str]) -> str:
    return "\n".join(f"   {line}".rstrip() for line in found)
