"""Which rows a picture has: the newest events of a Trace, each handshake folded into one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Final

from mcp_notebook.show.book import Book, Chapter
from mcp_notebook.show.sessions import Session, sessions
from mcp_notebook.trace.envelope import read
from mcp_notebook.trace.events import Chunk, Event, LinkClosed, LinkOpened, Message
from mcp_notebook.trace.exchange import Pairing
from mcp_notebook.trace.store import Trace

MANY_LINKS: Final = {"http", "http-json", "sse"}
"""Over these a connection opens TCP connections as it needs them: how many is chance."""

_HANDSHAKE: Final = {"initialize", "server/discover", "notifications/initialized"}
_BEGINNING: Final = 12
"""So many events of a conversation are looked at for its tools and its address."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the picture.

    Attributes:
        session: the conversation it belongs to.
        events: its event; of a folded handshake all messages, oldest first.
    """

    session: Session
    events: tuple[Event, ...]

    @property
    def event(self) -> Event:
        """The first of them."""
        return self.events[0]

    @property
    def key(self) -> tuple[int, int]:
        """Its place in the order of time."""
        return (-self.event.time_ns, -self.event.seq)


@dataclass
class Shown:
    """What a picture shows, with every secret masked.

    Attributes:
        rows: oldest first.
        beginnings: of each conversation its first events, by the identity of its session.
        hidden: how many events before the first row are not shown.
    """

    rows: list[Row]
    beginnings: dict[int, list[Event]]
    hidden: int


def newest(trace: Trace, book: Book, last: int, stable: bool) -> Shown:
    """The newest rows of a Trace, or of a part that a query selected.

    Args:
        trace: the Trace.
        book: its conversations, refreshed and locked.
        last: how many rows at most, links that open and close not counted.
        stable: leave out links of which there are by chance more or fewer.
    """
    whole = trace is trace.whole
    wanted = None if whole else {e.seq for e in trace.events() if not isinstance(e, Chunk)}
    if not whole and not wanted:
        return _chunks(trace, last)
    streams: list[Iterator[Row]] = []
    items: dict[int, list[Event]] = {}
    total = 0
    for chapter in book.chapters(None):
        events = _events(chapter, wanted, stable)
        items[id(chapter.session)] = [item.event for item in chapter.items[:_BEGINNING]]
        total += len(events)
        streams.append(_folded(chapter.session, events, book.pairing if whole else None))
    rows = _newest(merge(*streams, key=lambda row: row.key), last)[::-1]
    return _masked(trace, rows, items, total - sum(len(row.events) for row in rows))


def _newest(rows: Iterable[Row], last: int) -> list[Row]:
    """So many rows that say something; links that open and close come with them, in bounds."""
    found: list[Row] = []
    left = last
    for row in islice(rows, 2 * last):
        left -= not isinstance(row.event, LinkOpened | LinkClosed)
        if left < 0:
            break
        found.append(row)
    return found


def _events(chapter: Chapter, wanted: set[int] | None, stable: bool) -> list[Event]:
    quiet = stable and chapter.session.transport in MANY_LINKS
    return [
        item.event
        for item in chapter.items
        if (wanted is None or item.event.seq in wanted)
        and not (quiet and isinstance(item.event, LinkOpened | LinkClosed))
    ]


def _folded(session: Session, events: list[Event], pairing: Pairing | None) -> Iterator[Row]:
    """The rows of a conversation, newest first; without a pairing nothing is folded."""
    fold: list[Event] = []
    between: list[Event] = []
    for event in reversed(events):
        shakes = pairing is not None and isinstance(event, Message) and _shakes(event, pairing)
        if shakes:
            # what happened between two messages of a handshake is younger than the fold
            yield from (Row(session, (one,)) for one in between)
            between.clear()
            fold.insert(0, event)
        elif fold and not isinstance(event, Message):
            between.append(event)
        else:
            yield from _unfold(session, fold, between)
            yield Row(session, (event,))
    yield from _unfold(session, fold, between)


def _unfold(session: Session, fold: list[Event], between: list[Event]) -> Iterator[Row]:
    if fold:
        yield Row(session, tuple(fold))
    yield from (Row(session, (one,)) for one in between)
    fold.clear()
    between.clear()


def _shakes(message: Message, pairing: Pairing) -> bool:
    exchange = pairing.exchange(message.seq)
    if exchange is not None:
        return exchange.method in _HANDSHAKE
    return any(envelope.method in _HANDSHAKE for envelope in read(message))


def _chunks(trace: Trace, last: int) -> Shown:
    """A selection that holds nothing but chunks: each is a row."""
    wanted = {event.seq for event in trace.events() if isinstance(event, Chunk) and event.size}
    rows = [
        Row(session, (event,))
        for session in (sessions(trace.whole.events()) if wanted else ())
        for event in session.events
        if event.seq in wanted
    ]
    rows.sort(key=lambda row: row.key, reverse=True)
    return _masked(trace, rows[-last:], {}, len(rows[:-last]))


def _masked(
    trace: Trace, rows: list[Row], beginnings: dict[int, list[Event]], hidden: int
) -> Shown:
    seen = {id(row.session) for row in rows}
    beginnings = {mark: events for mark, events in beginnings.items() if mark in seen}
    plain: dict[int, Event] = {}
    for events in (*(row.events for row in rows), *beginnings.values()):
        plain.update((event.seq, event) for event in events)
    masked = {event.seq: event for event in trace.redact(plain[seq] for seq in sorted(plain))}

    def each(events: Iterable[Event]) -> tuple[Event, ...]:
        return tuple(masked[event.seq] for event in events)

    return Shown(
        [Row(row.session, each(row.events)) for row in rows],
        {mark: list(each(events)) for mark, events in beginnings.items()},
        hidden,
    )
