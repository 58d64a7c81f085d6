"""What a row of a picture says: head, word, rest, id, time and size, each as plain text."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from mcp_notebook.show.phrase import phrase
from mcp_notebook.show.text import clean, count_text, duration_text, size_text, steady
from mcp_notebook.trace.envelope import Envelope, read
from mcp_notebook.trace.events import (
    Chunk,
    Event,
    Fault,
    LinkClosed,
    LinkOpened,
    Message,
    StderrLine,
)
from mcp_notebook.trace.exchange import Exchange, Pairing, Status

from .rows import Row

_HEAD: Final = re.compile(
    r"(input required|not JSON-RPC|error -?\d+|log [a-z]+|[^\s,:]+(?::[^\s,:]+)*)[,:]? ?(.*)", re.S
)
_MOST: Final = 200
_YOURS: Final = {"tools/call", "tools/list", "resources/read", "prompts/get", "completion/complete"}

Tone = str
"""The class of a row: ``request response notification error failed stderr fault link bytes``."""


@dataclass(slots=True)
class Label:
    """What a row says.

    Attributes:
        tone: what kind of row it is.
        head: the method, or what stands for it.
        rest: the details.
        word: what went wrong or is special, where the head does not say it.
        id: the id of the request, as ``id 3``.
        took: from the request to this answer.
        size: how long the message is.
        part: how far a progress is, of 1.
        exchange: the exchange it belongs to.
        yours: whether the notebook's code asked for it.
        cell: the cell that asked.
    """

    tone: Tone
    head: str
    rest: str = ""
    word: str = ""
    id: str = ""
    took: str = ""
    size: str = ""
    part: float | None = None
    exchange: Exchange | None = None
    yours: bool = False
    cell: str = ""


def label_of(row: Row, pairing: Pairing, stable: bool) -> Label:
    """What a row says, its events already redacted."""
    if len(row.events) > 1:
        return _handshake(row, stable)
    event = row.event
    label = _message(event, pairing) if isinstance(event, Message) else _other(event)
    if stable:
        label.took = ""
        if isinstance(event, LinkOpened):  # its address is a command, ports or descriptors
            label.rest = ""
        label.head, label.rest = steady(label.head), steady(label.rest)
    return label


def cut(text: str, cells: int) -> str:
    """The beginning of a text that takes so many cells of a fixed-width font; ``…`` at its end."""
    taken = 0
    for at, character in enumerate(text):
        taken += width_of(character)
        if taken > cells:
            kept = text[:at]
            while kept and width_of(kept) >= cells:
                kept = kept[:-1]
            return f"{kept}…" if cells > 0 else ""
    return text


def width_of(text: str) -> int:
    """How many cells of a fixed-width font a text takes."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _handshake(row: Row, stable: bool) -> Label:
    first, last = row.events[0], row.events[-1]
    label = Label("response", "handshake", count_text(len(row.events), "message"))
    label.took = "" if stable else duration_text(last.time_ns - first.time_ns)
    label.size = size_text(sum(e.size for e in row.events if isinstance(e, Message)))
    return label


def _message(message: Message, pairing: Pairing) -> Label:
    envelopes = read(message)
    first = envelopes[0]
    exchange = pairing.exchange(message.seq)
    head, rest = _said(first, message)
    if len(envelopes) > 1:
        rest = f"and {count_text(len(envelopes) - 1, 'message')} more in a batch; {rest}"
    label = Label("error" if first.kind == "invalid" else first.kind, head, clean(rest, _MOST))
    label.size = size_text(message.size)
    label.id = "" if first.id is None else f"id {clean(first.id, 10)}"
    label.exchange = exchange
    label.cell = clean(message.cell, 12)
    if first.kind == "notification" and not (first.method or "").startswith("notifications/"):
        label.word = "notification"
    label.part = _part(first)
    if exchange is not None:
        _judge(label, first, message, exchange)
    return label


def _said(envelope: Envelope, message: Message) -> tuple[str, str]:
    said = phrase(envelope, message, limit=_MOST)
    found = _HEAD.match(said)
    return (found[1], found[2]) if found else (said, "")


def _judge(label: Label, envelope: Envelope, message: Message, exchange: Exchange) -> None:
    status = exchange.status
    if envelope.kind == "request":
        if status in (Status.UNANSWERED, Status.CANCELLED, Status.DUPLICATE):
            label.word = status.value
        if exchange.seq in exchange.rounds[1:]:
            label.rest = f"round {exchange.rounds.index(exchange.seq) + 1}, {label.rest}"
    elif envelope.kind in ("response", "error"):
        label.took = duration_text(message.time_ns - exchange.request.time_ns)
        if status in (Status.LATE, Status.DUPLICATE):
            label.word = status.value
        elif envelope.kind == "response" and (envelope.result or {}).get("isError") is True:
            label.tone, label.word = "failed", "failed"
            label.rest = label.rest.removeprefix("the tool failed: ")
    asked = exchange.direction.value == "c2s" and exchange.method in _YOURS
    label.yours = asked and envelope.kind in ("request", "response", "error")


def _part(envelope: Envelope) -> float | None:
    if envelope.method != "notifications/progress":
        return None
    params = envelope.params or {}
    done, total = params.get("progress"), params.get("total")
    if isinstance(done, int | float) and isinstance(total, int | float) and total > 0:
        try:
            return min(1.0, max(0.0, float(done) / float(total)))
        except OverflowError:
            return None
    return None


def _other(event: Event) -> Label:
    if isinstance(event, StderrLine):
        return Label("stderr", "stderr", clean(event.text, _MOST))
    if isinstance(event, Fault):
        return Label("fault", "fault", clean(event.text, _MOST))
    if isinstance(event, LinkOpened):
        return Label("link", "opened", clean(event.address, _MOST))
    if isinstance(event, LinkClosed):
        return Label("link", "closed", clean(event.reason, _MOST))
    assert isinstance(event, Chunk)
    text = clean(event.data[:_MOST].decode("utf-8", "replace"), _MOST)
    return Label("bytes", "bytes", text, size=size_text(event.size))
