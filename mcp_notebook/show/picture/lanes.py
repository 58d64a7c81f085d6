"""Where things stand in a picture: panels, and in each panel its lanes. Numbers only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Literal

from mcp_notebook.show.sessions import Session
from mcp_notebook.show.text import clean, steady
from mcp_notebook.trace.envelope import read
from mcp_notebook.trace.events import Event, LinkOpened, Message, Vantage

from .rows import Row, Shown

Kind = Literal["you", "connection", "endpoint", "child", "remote", "outside"]

EDGE: Final = 46
"""From the edge to the first lane."""

MIN_GAP: Final = 96
_SERVES: Final = {"endpoint", "child", "remote"}
_CHILDREN: Final = {"stdio", "bridge"}
_CHAR: Final = 6.65
"""How wide a letter of a lane's name is, about."""

_MOST_TOOLS: Final = 40
_FEW_PANELS: Final = 4


@dataclass(slots=True)
class Lane:
    """A party.

    Attributes:
        id: what it is known by.
        kind: what it is.
        title: its name.
        under: what stands under the name.
        revision: the revision it speaks, where it is a connection.
        tools: the tools it is known to have.
        x: where its line is.
        room: how wide its head may be.
    """

    id: str
    kind: Kind
    title: str
    under: str
    revision: str = ""
    tools: list[str] = field(default_factory=list)
    x: float = 0
    room: float = 0

    @property
    def era(self) -> str:
        """``modern`` or ``legacy``; empty where it cannot be told."""
        return "" if not self.revision else "modern" if self.revision >= "2026" else "legacy"

    @property
    def need(self) -> float:
        """How wide its head would like to be."""
        longest = max(len(self.title) + 2, len(self.under), len(self.era + self.revision) + 3)
        return longest * _CHAR


@dataclass
class Panel:
    """Rows that share their lanes."""

    rows: list[Row]
    lanes: dict[str, Lane]


class Cast:
    """Who takes part.

    Args:
        shown: what the picture shows.
        peers: the endpoint at the other end of a connection, by its name and transport.
        stable: leave out what changes from run to run.
    """

    def __init__(self, shown: Shown, peers: dict[tuple[str, str], str], stable: bool) -> None:
        self._peers = peers
        self._stable = stable
        self._facts: dict[int, tuple[str, list[str]]] = {}
        said: dict[int, list[Event]] = {k: list(v) for k, v in shown.beginnings.items()}
        for row in shown.rows:
            said.setdefault(id(row.session), []).extend(row.events)
        for mark, events in said.items():
            self._facts[mark] = (_address(events), _tools(events))

    def ends(self, session: Session) -> tuple[str, str]:
        """The lanes of a conversation: its client's and its server's."""
        conn, transport, revision = session.conn, session.transport, session.revision
        if session.vantage is Vantage.RELAY:
            return f"through {conn} {revision}", f"r {conn} {transport}"
        if session.vantage is not Vantage.CLIENT:
            return f"elsewhere {revision}", f"s {conn}"
        peer = self._peers.get((conn, transport))
        return (
            f"c {conn} {transport} {revision}",
            f"s {peer}" if peer else f"r {conn} {transport}",
        )

    def lanes(self, found: Iterable[Session]) -> list[Lane]:
        """The lanes of some conversations: you, then each server with its clients before it."""
        servers: dict[str, list[Session]] = {}
        for session in found:
            servers.setdefault(self.ends(session)[1], []).append(session)
        lanes: dict[str, Lane] = {}
        everyone = [session for group in servers.values() for session in group]
        if any(session.vantage is Vantage.CLIENT for session in everyone):
            lanes["you"] = Lane("you", "you", "you", "the notebook")
        for id_, group in servers.items():
            for session in group:
                client = self.ends(session)[0]
                if session.vantage is Vantage.CLIENT:
                    lane = Lane(client, "connection", session.conn, session.transport)
                elif session.vantage is Vantage.RELAY:
                    lane = Lane(client, "outside", "a client", f"through {session.conn}")
                else:
                    lane = Lane(client, "outside", "a client", "outside")
                lane.revision = session.revision
                lanes.setdefault(client, lane)
            lanes[id_] = self._server(id_, group)
        return list(lanes.values())

    def _server(self, id_: str, group: list[Session]) -> Lane:
        first = group[0]
        facts = [self._facts[id(s)] for s in group if id(s) in self._facts]
        tools = list(dict.fromkeys(name for _, names in facts for name in names))[:_MOST_TOOLS]
        address = next((address for address, _ in facts if address), "")
        if id_.startswith("s "):
            return Lane(id_, "endpoint", id_[2:], "endpoint", tools=tools)
        if first.transport in _CHILDREN:
            command = " ".join(_short(word) for word in address.split())
            title = (steady(command) if self._stable else command) or first.conn
            return Lane(id_, "child", title, "a child process", tools=tools)
        return Lane(id_, "remote", first.conn, "a server elsewhere", tools=tools)

    def panels(self, rows: Sequence[Row], space: float) -> tuple[list[Panel], bool]:
        """The rows in as many panels as it takes for the lanes of each to fit.

        Returns:
            The panels, and whether their rows are sorted by connection: where very many talk
            at the same time, there would else be a panel for every few rows.
        """
        panels = self._split(rows, space)
        if len(panels) <= max(_FEW_PANELS, len(rows) / 6):
            return panels, False
        begun: dict[tuple[str, str], int] = {}
        for row in rows:
            begun.setdefault(self.ends(row.session), len(begun))
        together = sorted(rows, key=lambda row: begun[self.ends(row.session)])
        return self._split(together, space), True

    def _split(self, rows: Sequence[Row], space: float) -> list[Panel]:
        made: list[tuple[list[Row], list[Session]]] = []
        for row in rows:
            if made:
                held, known = made[-1]
                own = self.ends(row.session)
                here = any(self.ends(session) == own for session in known)
                if here or _fits(self.lanes([*known, row.session]), space):
                    held.append(row)
                    if not any(session is row.session for session in known):
                        known.append(row.session)
                    continue
            made.append(([row], [row.session]))
        return [
            Panel(held, {lane.id: lane for lane in place(self.lanes(known), space)})
            for held, known in made
        ]


def place(lanes: list[Lane], space: float) -> list[Lane]:
    """Give the lanes their places and the room for their heads."""
    shares = _shares(lanes)
    whole = sum(shares) or 1
    unit = (space - 2 * EDGE) / whole
    x = float(EDGE) if shares else space / 2
    for lane, share in zip(lanes, [*shares, 0.0], strict=True):
        lane.x = round(x)
        x += unit * share
    for at, lane in enumerate(lanes):
        sides = [
            max(gap / 2, gap - other.need / 2) - 5
            for other, gap in (
                (other, abs(other.x - lane.x))
                for other in (*lanes[max(0, at - 1) : at], *lanes[at + 1 : at + 2])
            )
        ]
        edge = min(lane.x, space - lane.x)
        lane.room = round(2 * min([*sides, edge + (24 if edge <= EDGE else 0)]))
    return lanes


def _fits(lanes: list[Lane], space: float) -> bool:
    return sum(_shares(lanes)) * MIN_GAP <= space - 2 * EDGE


def _shares(lanes: list[Lane]) -> list[float]:
    """Most room goes to where arrows run: from the last connection of an endpoint to it."""
    shares = []
    for lane, following in pairwise(lanes):
        if following.kind in _SERVES and lane.kind not in _SERVES:
            shares.append(2.6)
        else:
            shares.append(1.0 if lane.kind == "you" else 1.25)
    return shares


def _address(events: Iterable[Event]) -> str:
    return next((e.address for e in events if isinstance(e, LinkOpened) and e.address), "")


def _tools(events: Iterable[Event]) -> list[str]:
    """The tools that were listed or called, as far as the events tell."""
    found: dict[str, None] = {}
    for event in events:
        for envelope in read(event) if isinstance(event, Message) else ():
            if envelope.tool:
                found[clean(envelope.tool, 60)] = None
            listed = (envelope.result or {}).get("tools")
            for tool in listed[:_MOST_TOOLS] if isinstance(listed, list) else ():
                name = tool.get("name") if isinstance(tool, dict) else None
                if isinstance(name, str):
                    found[clean(name, 60)] = None
    return list(found)


def _short(word: str) -> str:
    """A word of a command line, of a path only its last part."""
    return word.replace("\\", "/").rstrip("/").rpartition("/")[2] or word
