"""Mermaid: the messages of a Trace as a sequence diagram. It is written, never read."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_notebook.trace.envelope import Envelope, read
from mcp_notebook.trace.events import Direction, Message, Vantage
from mcp_notebook.trace.exchange import Exchange, pair, preferred_vantage
from mcp_notebook.trace.store import Trace

MAX_TEXT = 120
"""A longer label is cut: the diagram is a picture, not the data."""


def save(trace: Trace) -> Iterator[str]:
    """The lines of the diagram. One vantage is drawn, so that each message is there once."""
    events = trace.events()
    vantage = preferred_vantage(events)
    messages = [e for e in events if isinstance(e, Message) and e.vantage == vantage]
    answered = {message.seq: exchange for exchange in pair(events) for message in exchange.messages}
    ends: dict[str, tuple[str, str]] = {}
    yield "sequenceDiagram\n"
    for message in messages:
        if message.conn not in ends:
            number = len(ends) + 1
            ends[message.conn] = (f"C{number}", f"S{number}")
            client, server = _names(message, vantage)
            yield f"    participant C{number} as {escape(client)}\n"
            yield f"    participant S{number} as {escape(server)}\n"
    for message in messages:
        client, server = ends[message.conn]
        forward = message.direction is Direction.CLIENT_TO_SERVER
        source, target = (client, server) if forward else (server, client)
        for envelope in read(message):
            arrow = "-->>" if envelope.kind in ("response", "error") else "->>"
            text = _label(envelope, answered.get(message.seq))
            yield f"    {source}{arrow}{target}: {escape(text)}\n"


def escape(text: str) -> str:
    """Text as it can stand in a diagram.

    Letters, digits and a few harmless marks stay; everything else becomes an entity code
    (``#59;`` for a semicolon), which Mermaid reads as that character and never as syntax.
    """
    if len(text) > MAX_TEXT:
        text = text[: MAX_TEXT - 1] + "…"
    text = " ".join(text.split())
    escaped = "".join(c if c.isalnum() or c in " _-./,…" else f"#{ord(c)};" for c in text)
    # the word "end" closes a block, wherever it stands
    words = ["#101;nd" if word.lower() == "end" else word for word in escaped.split(" ")]
    return " ".join(words) or "#32;"


def _names(message: Message, vantage: Vantage) -> tuple[str, str]:
    label = f"{message.conn} ({message.transport})" if message.transport else message.conn
    return ("clients", label) if vantage is Vantage.SERVER else (label, "server")


def _label(envelope: Envelope, exchange: Exchange | None) -> str:
    if envelope.kind in ("request", "notification"):
        parts = [envelope.method or "", envelope.name or ""]
        if envelope.method == "notifications/progress" and envelope.params:
            done, total = envelope.params.get("progress"), envelope.params.get("total")
            parts.append(f"{done}" if total is None else f"{done} of {total}")
        if envelope.id is not None:
            parts.append(f"id {envelope.id}")
        return " ".join(part for part in parts if part)
    if envelope.kind == "invalid":
        return "not a JSON-RPC message"
    parts = [exchange.status.value if exchange else envelope.kind]
    if envelope.error is not None:
        parts.append(f"{envelope.error.get('code')} {envelope.error.get('message')}")
    parts.append(f"id {envelope.id}")
    if exchange is not None and exchange.latency_ns is not None:
        parts.append(f"{exchange.latency_ns / 1e6:.1f} ms")
    return " ".join(parts)
