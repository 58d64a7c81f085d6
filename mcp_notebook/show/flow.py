"""The flow of messages as text: one line a message, grouped by connection, oldest first."""

from __future__ import annotations

from typing import Final

from mcp_notebook.errors import UsageError
from mcp_notebook.trace.envelope import Envelope, read
from mcp_notebook.trace.events import (
    Chunk,
    Event,
    Fault,
    LinkClosed,
    LinkOpened,
    Message,
    StderrLine,
    Vantage,
)
from mcp_notebook.trace.exchange import Exchange, pair
from mcp_notebook.trace.store import Trace

from .phrase import phrase
from .sessions import Session, sessions
from .text import clean, count_text, duration_text, size_text, steady

_MANY_LINKS: Final = {"http", "http-json", "sse"}
"""Over these a connection opens TCP connections as it needs them: how many is chance."""

_TEXT_WIDTH: Final = 60


def flow_text(
    trace: Trace,
    *,
    last: int | None = None,
    stable: bool = False,
    vantage: str | Vantage | None = None,
) -> str:
    """The flow of a Trace, or of a part that a query selected, with every secret masked.

    A connection is headed by its name, transport and revision. ``→`` goes from client to
    server, ``←`` from server to client, ``~`` is a line on standard error, ``!`` a fault, ``+``
    and ``-`` are links that opened and closed. Chunks of bytes are shown where nothing else
    was selected.

    Args:
        trace: the Trace.
        last: show this many of the newest lines.
        stable: leave out what changes from run to run: numbers, ports, times, process ids.
        vantage: ``client`` or ``server``; each message once, the client's sight preferred,
            where it is not given.

    Raises:
        UsageError: the vantage is none.
    """
    chosen = _vantage(vantage)
    context = trace.whole.events()  # what a selection was taken from tells what belongs together
    exchanges = {message.seq: one for one in pair(context) for message in one.messages}
    events = trace.redacted().events()
    if any(not isinstance(event, Chunk) for event in events):
        events = [event for event in events if not isinstance(event, Chunk)]
    by_seq = {event.seq: event for event in events}
    writer = _Writer(exchanges, stable)
    groups = [
        (session, writer.rows([by_seq[e.seq] for e in session.events if e.seq in by_seq]))
        for session in sessions(context, chosen)
    ]
    notes = []
    if trace.dropped:
        notes.append(f"({count_text(trace.dropped, 'older event')} dropped.)")
    if last is not None:
        hidden = _keep_last(groups, max(0, last))
        if hidden:
            notes.append(f"({count_text(hidden, 'earlier line')} not shown.)")
    shown = [_section(session, rows, chosen) for session, rows in groups if rows]
    return "\n".join([*notes, "\n\n".join(shown) or "No messages yet."])


class _Row:
    """One line: where it belongs in time, a mark, what it says, and what stands to the right."""

    def __init__(self, event: Event, number: str, text: str, facts: tuple[str, str, str]) -> None:
        self.time = (event.time_ns, event.seq)
        self.number = number
        self.text = text
        self.facts = facts


class _Writer:
    def __init__(self, exchanges: dict[int, Exchange], stable: bool) -> None:
        self._exchanges = exchanges
        self._stable = stable

    def rows(self, events: list[Event]) -> list[_Row]:
        """The lines of some events."""
        rows = []
        for event in events:
            number = "" if self._stable else f"#{event.seq}"
            if isinstance(event, Message):
                said = [self._message(event, envelope) for envelope in read(event)]
                rows += [_Row(event, number, *one) for one in said]
            elif text := self._other(event):
                size = size_text(event.size) if isinstance(event, Chunk) else ""
                rows.append(_Row(event, number, text, ("", "", size)))
        return rows

    def _message(self, message: Message, envelope: Envelope) -> tuple[str, tuple[str, str, str]]:
        said = phrase(envelope, message, limit=_TEXT_WIDTH)
        exchange = self._exchanges.get(message.seq)
        took = ""
        if exchange is not None and envelope.kind in ("response", "error") and not self._stable:
            ns = message.time_ns - exchange.request.time_ns
            took = duration_text(ns) if envelope.id == exchange.id else ""
        number = "" if envelope.id is None else f"id {clean(envelope.id, 12)}"
        text = f"{message.direction.arrow}  {steady(said) if self._stable else said}"
        return text, (number, took, size_text(message.size))

    def _other(self, event: Event) -> str:
        text = ""
        if isinstance(event, StderrLine):
            text = f"~  stderr: {clean(event.text, 160)}"
        elif isinstance(event, Fault):
            text = f"!  fault: {clean(event.text, 160)}"
        elif isinstance(event, Chunk) and event.size:
            text = (
                f"{event.direction.arrow}  {clean(event.data[:200].decode('latin-1'), _TEXT_WIDTH)}"
            )
        elif isinstance(event, LinkOpened):
            if self._stable:
                return "" if event.transport in _MANY_LINKS else "+  opened"
            text = f"+  opened {clean(event.address, 100).strip()}".rstrip()
        elif isinstance(event, LinkClosed):
            if self._stable and event.transport in _MANY_LINKS:
                return ""
            text = f"-  closed {clean(event.reason, 100)}".rstrip()
        return steady(text) if self._stable else text


def _section(session: Session, rows: list[_Row], chosen: Vantage | None) -> str:
    head = [clean(session.conn, 60), clean(session.transport, 20), clean(session.revision, 20)]
    if session.vantage is not Vantage.CLIENT:
        head.append(f"as the {session.vantage.value} saw it")
    numbers = max(len(row.number) for row in rows)
    texts = max((len(row.text) for row in rows if any(row.facts)), default=0)
    facts = [max(len(row.facts[i]) for row in rows) for i in range(3)]
    lines = ["  ".join(part for part in head if part)]
    for row in rows:
        parts = [f"{row.number:>{numbers}}"] if numbers else []
        parts.append(row.text.ljust(texts))
        if any(row.facts):
            ident, took, size = row.facts
            parts += [ident.ljust(facts[0]), took.rjust(facts[1]), size.rjust(facts[2])]
        lines.append("  " + "  ".join(part for part in parts if part).rstrip())
    return "\n".join(lines)


def _keep_last(groups: list[tuple[Session, list[_Row]]], last: int) -> int:
    """Take the oldest lines out until ``last`` are left; say how many went."""
    times = sorted(row.time for _, rows in groups for row in rows)
    hidden = max(0, len(times) - last)
    if hidden:
        newest = set(times[hidden:])
        for _, rows in groups:
            rows[:] = [row for row in rows if row.time in newest]
    return hidden


def _vantage(vantage: str | Vantage | None) -> Vantage | None:
    if vantage is None:
        return None
    try:
        return Vantage(vantage)
    except ValueError:
        known = ", ".join(Vantage)
        raise UsageError(
            f"no vantage is called {vantage!r}.", hint=f"There are: {known}."
        ) from None
