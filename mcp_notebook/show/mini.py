"""The flow of one exchange in one line that opens: what stands under the result of a call."""

from __future__ import annotations

from mcp_notebook.trace.envelope import read
from mcp_notebook.trace.events import Message
from mcp_notebook.trace.exchange import Exchange
from mcp_notebook.trace.store import Trace

from .elements import folded
from .markup import Html, columns, faint, joined, pre
from .phrase import phrase
from .text import clean, count_text, duration_text, size_text, steady

_WIDTH = 60


def mini(trace: Trace, exchange: Exchange, *, stable: bool = False) -> Html:
    """An exchange as a line that opens, for where no live view is drawn.

    Args:
        trace: the Trace it was recorded in.
        exchange: the exchange; its earlier rounds are shown with it.
        stable: leave out what changes from run to run: numbers, times.
    """
    messages = _messages(trace, exchange)
    facts = [clean(exchange.transport, 20), count_text(len(messages), "message")]
    if len(exchange.rounds) > 1:
        facts.append(count_text(len(exchange.rounds), "round"))
    facts.append(size_text(sum(message.size for message in messages)))
    if exchange.latency_ns is not None and not stable:
        facts.append(duration_text(exchange.latency_ns))
    arrows = "".join(message.direction.arrow for message in messages[:12])
    asked = clean(" ".join(part for part in (exchange.method, exchange.name) if part), 60)
    summary = joined([asked, " ", faint(f"{arrows} {', '.join(facts)}")])
    return folded(summary, pre("\n".join(_lines(trace, messages, stable))))


def _messages(trace: Trace, exchange: Exchange) -> list[Message]:
    rounds = [seq for seq in exchange.rounds if seq < exchange.seq]
    earlier: list[Message] = []
    if rounds:
        events = trace.whole.between(rounds[0], exchange.seq - 1)
        mine = [e for e in events if e.conn == exchange.conn and e.vantage is exchange.vantage]
        earlier = [event for event in mine if isinstance(event, Message)]
    return [*earlier, *exchange.messages]


def _lines(trace: Trace, messages: list[Message], stable: bool) -> list[str]:
    rows: list[tuple[str, str, str, str]] = []
    for event in trace.redact(messages):
        if not isinstance(event, Message):
            continue
        for envelope in read(event):
            said = phrase(envelope, event, limit=_WIDTH)
            number = "" if envelope.id is None else f"id {clean(envelope.id, 12)}"
            at = "" if stable else duration_text(event.time_ns - messages[0].time_ns)
            text = f"{event.direction.arrow}  {steady(said) if stable else said}"
            rows.append((text, number, at, size_text(event.size)))
    return columns(rows).splitlines()
