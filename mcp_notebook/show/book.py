"""The conversations of a growing Trace: each event is read once, however often one looks."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

from mcp_notebook.trace.envelope import read
from mcp_notebook.trace.events import (
    Chunk,
    Direction,
    Event,
    LinkClosed,
    LinkOpened,
    Message,
    Vantage,
)
from mcp_notebook.trace.exchange import Pairing
from mcp_notebook.trace.store import Trace

from .sessions import OPENING, LinkKey, Session, revision_of, twins


@dataclass(slots=True)
class _Link:
    """One link, and how many lines its events make."""

    sign: tuple[str, ...]
    began: tuple[int, int]
    transport: str
    last_seq: int = 0
    said: int = 0
    ends: int = 0
    revision: tuple[tuple[int, int], str] = ((0, 0), "")


@dataclass(slots=True)
class Item:
    """An event that makes lines.

    Attributes:
        event: the event.
        lines: how many.
    """

    event: Event
    lines: int
    link: _Link
    begins: bool = False
    opens: bool = False
    revision: str = ""

    @property
    def time(self) -> tuple[int, int]:
        """Its place in the order of time."""
        return (self.event.time_ns, self.event.seq)


@dataclass(slots=True)
class _Part:
    """One conversation of a talk."""

    began: tuple[int, int]
    items: list[Item] = field(default_factory=list)
    revision: str = ""
    begun: bool = False


class _Talk:
    """All conversations under one name, vantage and transport."""

    def __init__(self, began: tuple[int, int]) -> None:
        self.parts = [_Part(began)]
        self.links: dict[int, _Link] = {}
        self._waiting: list[Item] = []
        self._last = (0, 0)
        self._disordered = False
        self._sorted = False  # then the lowest numbers need not come first

    def add(self, item: Item) -> None:
        """Take the next item; one that is late is put in its place when it is looked for."""
        self._disordered |= item.time < self._last
        self._last = max(self._last, item.time)
        self.links[id(item.link)] = item.link
        self._fold(item)

    def _fold(self, item: Item) -> None:
        part = self.parts[-1]
        opened = part.begun and isinstance(item.event, LinkOpened)
        if opened or (self._waiting and not isinstance(item.event, Message)):
            # it may belong to the next conversation; the next message tells
            self._waiting.append(item)
            return
        if part.begun and item.opens:
            part = _Part(item.time)
            self.parts.append(part)
        for one in (*self._waiting, item):
            part.items.append(one)
            part.revision = one.revision or part.revision
            part.begun |= one.begins
        self._waiting.clear()

    def settle(self) -> list[tuple[_Part, list[Item]]]:
        """The conversations with their items in the order of time."""
        if self._disordered:
            items = [one for part in self.parts for one in part.items] + self._waiting
            self.parts = [_Part(self.parts[0].began)]
            self._waiting = []
            self._disordered = False
            self._sorted = True
            for item in sorted(items, key=lambda item: item.time):
                self._fold(item)
        waiting = self._waiting
        *before, current = self.parts
        items = current.items + waiting if waiting else current.items
        return [*((part, part.items) for part in before), (current, items)]

    def shed(self, first_seq: int) -> None:
        """Forget items with lower numbers."""
        for part in self.parts:
            if self._sorted or self._disordered:
                part.items = [one for one in part.items if one.event.seq >= first_seq]
                continue
            gone = 0
            while gone < len(part.items) and part.items[gone].event.seq < first_seq:
                gone += 1
            del part.items[:gone]
        self._waiting = [one for one in self._waiting if one.event.seq >= first_seq]
        self.parts[:-1] = [part for part in self.parts[:-1] if part.items]
        self.links = {k: link for k, link in self.links.items() if link.last_seq >= first_seq}


@dataclass
class Chapter:
    """A conversation with the events in it that make lines, in the order of time."""

    session: Session
    items: list[Item]
    began: tuple[int, int]


class Book:
    """The conversations of a growing Trace. Each event is read once.

    Attributes:
        lock: held while it is used.
        pairing: the exchanges.
        read: how many messages were decoded so far.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.pairing = Pairing()
        self.read = 0
        self._last = 0
        self._first = 0
        self._links: dict[LinkKey, _Link] = {}
        self._talks: dict[tuple[str, Vantage, str], _Talk] = {}
        self._items: deque[Item] = deque()

    def refresh(self, trace: Trace) -> None:
        """Take the events of a Trace that are new."""
        for event in trace.since(self._last):
            self._add(event)
            self._last = event.seq
        first = trace.first_seq
        if first > self._first:
            self._first = first
            self._shed(first)

    def _add(self, event: Event) -> None:
        key = (event.conn, event.vantage, event.link)
        link = self._links.get(key)
        time = (event.time_ns, event.seq)
        if link is None:
            link = self._links[key] = _Link((event.transport,), time, event.transport)
        if isinstance(event, LinkOpened) and event.transport != "stdio":
            link.sign = (event.transport, event.address)
        link.last_seq = event.seq
        link.began = min(link.began, time)
        name = (event.conn, event.vantage, event.transport)
        talk = self._talks.get(name)
        if talk is None:
            talk = self._talks[name] = _Talk(time)
        talk.parts[0].began = min(talk.parts[0].began, time)
        if type(event) is Chunk:
            return
        if isinstance(event, Message):
            item = self._message(event, link)
        elif isinstance(event, LinkOpened | LinkClosed):
            item = Item(event, 1, link)
            link.ends += 1
        else:
            item = Item(event, 1, link)
            link.said += 1
        self._items.append(item)
        talk.add(item)

    def _message(self, message: Message, link: _Link) -> Item:
        self.read += 1
        envelopes = read(message)
        item = Item(message, len(envelopes), link)
        link.said += item.lines
        for envelope in envelopes:
            self.pairing.add(message, envelope)
            item.revision = revision_of(envelope) or item.revision
            item.begins |= envelope.method not in (None, "server/discover")
            item.opens |= envelope.method in OPENING
        item.opens &= (
            message.direction is Direction.CLIENT_TO_SERVER and message.vantage is Vantage.CLIENT
        )
        if item.revision and item.time > link.revision[0]:
            link.revision = (item.time, item.revision)
        return item

    def _shed(self, first_seq: int) -> None:
        while self._items and self._items[0].event.seq < first_seq:
            item = self._items.popleft()
            if isinstance(item.event, LinkOpened | LinkClosed):
                item.link.ends -= 1
            else:
                item.link.said -= item.lines
        self._links = {k: one for k, one in self._links.items() if one.last_seq >= first_seq}
        for talk in self._talks.values():
            talk.shed(first_seq)
        self._talks = {name: talk for name, talk in self._talks.items() if talk.links}
        self.pairing.shed(first_seq)

    def links(self, vantage: Vantage | None) -> dict[LinkKey, _Link]:
        """The links whose events are shown."""
        if vantage is not None:
            return {key: link for key, link in self._links.items() if key[1] is vantage}
        hidden = twins({key: link.sign for key, link in self._links.items() if key[2]})
        return {key: link for key, link in self._links.items() if key not in hidden}

    def peers(self) -> dict[tuple[str, str], str]:
        """The endpoint at the other end of a connection, where both are in the Trace.

        Returns:
            The endpoint's name by the connection's name and transport.
        """
        ends: dict[tuple[str, ...], deque[str]] = {}
        for (conn, vantage, _), link in self._links.items():
            if vantage is Vantage.SERVER:
                ends.setdefault(link.sign, deque()).append(conn)
        found: dict[tuple[str, str], str] = {}
        for (conn, vantage, _), link in self._links.items():
            if vantage is Vantage.CLIENT and ends.get(link.sign):
                found.setdefault((conn, link.transport), ends[link.sign].popleft())
        return found

    def chapters(self, vantage: Vantage | None) -> list[Chapter]:
        """The conversations in the order in which they began."""
        shown = {id(link): link for link in self.links(vantage).values()}
        found: list[Chapter] = []
        for (conn, seen, transport), talk in self._talks.items():
            kept = [link for mark, link in talk.links.items() if mark in shown]
            if not kept:
                continue
            for part, items in talk.settle():
                session = Session(conn, transport, seen, part.revision)
                chapter = Chapter(session, items, part.began)
                if len(kept) < len(talk.links):
                    chapter.items = [item for item in items if id(item.link) in shown]
                    chapter.began = min(link.began for link in kept)
                    session.revision = max(link.revision for link in kept)[1]
                found.append(chapter)
        return sorted(found, key=lambda chapter: chapter.began)
