"""The flow of messages as text: one line a message, grouped by connection, oldest first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import merge
from itertools import islice, repeat
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
from mcp_notebook.trace.exchange import Pairing
from mcp_notebook.trace.store import Trace

from .book import Book
from .phrase import phrase
from .sessions import Session, sessions
from .text import clean, count_text, duration_text, size_text, steady

MAX_LINES: Final = 200
"""How many lines are shown where nothing else is asked for."""

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
        last: show this many of the newest lines, 0 for all of them; without it ``MAX_LINES``,
            since a cell must not be flooded. The lines before them are counted.
        stable: leave out what changes from run to run: numbers, ports, times, process ids.
        vantage: ``client`` or ``server``; each message once, the client's sight preferred,
            where it is not given.

    Raises:
        UsageError: the vantage is none.
    """
    chosen = _vantage(vantage)
    most = MAX_LINES if last is None else last if last > 0 else None
    book = trace.recall(Book)
    with book.lock:
        book.refresh(trace.whole)
        groups = _whole(trace, book, chosen, stable) or _part(trace, book, chosen, stable)
        writer = _Writer(book.pairing, stable)
        found = _newest(groups, trace, writer, most)
    rows = [(group.session, some) for group, some in zip(groups, found, strict=True)]
    hidden = 0
    if most is not None:
        hidden = sum(group.lines for group in groups) - sum(len(some) for _, some in rows)
    notes = []
    if trace.dropped:
        notes.append(f"({count_text(trace.dropped, 'older event')} dropped.)")
    if hidden > 0:
        notes.append(f"({count_text(hidden, 'earlier line')} not shown.)")
    shown = [_section(session, some, chosen) for session, some in rows if some]
    return "\n".join([*notes, "\n\n".join(shown) or "No messages yet."])


def query_text(
    trace: Trace, query: str = "", *, last: int | None = None, stable: bool = False
) -> tuple[Trace, str]:
    """What a query selects of a Trace, and the flow of it as text.

    Raises:
        UsageError: the query cannot be read.
    """
    part = trace.select(query) if query else trace
    if query and not len(part) and len(trace):
        return part, "No message fits this query."
    return part, flow_text(part, last=last, stable=stable)


@dataclass
class _Group:
    """The events of a conversation that make lines, and how many lines they make."""

    session: Session
    events: Iterable[Event]  # newest first
    lines: int


def _whole(trace: Trace, book: Book, vantage: Vantage | None, stable: bool) -> list[_Group]:
    """The groups of a whole Trace; none where it holds nothing but chunks."""
    if trace is not trace.whole:
        return []
    groups = [
        _Group(chapter.session, (item.event for item in reversed(chapter.items)), 0)
        for chapter in book.chapters(vantage)
        if chapter.items
    ]
    if groups:
        groups[0].lines = sum(
            link.said + (0 if _quiet(link.transport, stable) else link.ends)
            for link in book.links(vantage).values()
        )
    return groups


def _part(trace: Trace, book: Book, vantage: Vantage | None, stable: bool) -> list[_Group]:
    """The groups of a selection; chunks where nothing else was selected."""
    wanted = {event.seq for event in trace.events() if not isinstance(event, Chunk)}
    groups = []
    if wanted:
        for chapter in book.chapters(vantage):
            items = [item for item in chapter.items if item.event.seq in wanted]
            lines = sum(item.lines for item in items if not _unsaid(item.event, stable))
            groups.append(_Group(chapter.session, [i.event for i in reversed(items)], lines))
        return groups
    wanted = {event.seq for event in trace.events()}
    for session in sessions(trace.whole.events(), vantage) if wanted else ():
        events = [event for event in session.events if event.seq in wanted]
        lines = sum(isinstance(event, Chunk) and event.size > 0 for event in events)
        groups.append(_Group(session, reversed(events), lines))
    return groups


def _newest(
    groups: list[_Group], trace: Trace, writer: _Writer, most: int | None
) -> list[list[_Row]]:
    """The newest lines of each group, oldest first."""
    found: list[list[_Row]] = [[] for _ in groups]
    marked = [zip(group.events, repeat(at)) for at, group in enumerate(groups)]
    newest = merge(*marked, key=lambda one: (-one[0].time_ns, -one[0].seq))
    left = most
    while left is None or left > 0:
        block = list(islice(newest, left))
        if not block:
            break
        for event, (_, at) in zip(trace.redact(e for e, _ in block), block, strict=True):
            rows = writer.rows(event)[::-1][:left]
            found[at] += rows
            if left is not None:
                left -= len(rows)
    return [rows[::-1] for rows in found]


def _quiet(transport: str, stable: bool) -> bool:
    return stable and transport in _MANY_LINKS


def _unsaid(event: Event, stable: bool) -> bool:
    return isinstance(event, LinkOpened | LinkClosed) and _quiet(event.transport, stable)


class _Row:
    """One line: a number, what it says, and what stands to the right."""

    def __init__(self, number: str, text: str, facts: tuple[str, str, str]) -> None:
        self.number = number
        self.text = text
        self.facts = facts


class _Writer:
    def __init__(self, pairing: Pairing, stable: bool) -> None:
        self._pairing = pairing
        self._stable = stable

    def rows(self, event: Event) -> list[_Row]:
        """The lines of an event."""
        number = "" if self._stable else f"#{event.seq}"
        if isinstance(event, Message):
            return [_Row(number, *self._message(event, envelope)) for envelope in read(event)]
        text = self._other(event)
        size = size_text(event.size) if isinstance(event, Chunk) else ""
        return [_Row(number, text, ("", "", size))] if text else []

    def _message(self, message: Message, envelope: Envelope) -> tuple[str, tuple[str, str, str]]:
        said = phrase(envelope, message, limit=_TEXT_WIDTH)
        exchange = self._pairing.exchange(message.seq)
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
                return "" if _unsaid(event, True) else "+  opened"
            text = f"+  opened {clean(event.address, 100).strip()}".rstrip()
        elif isinstance(event, LinkClosed):
            if _unsaid(event, self._stable):
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
