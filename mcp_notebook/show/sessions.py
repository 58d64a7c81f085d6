"""Sessions: the events of a Trace sorted by who talked to whom, each message once.

Both ends of a connection may be in this kernel, and then each message is seen twice. The sight
of the client is kept; a link of a server is kept where no client of the Trace is its other end,
for example when another program talks to the notebook.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from mcp_notebook.trace.envelope import Envelope, read
from mcp_notebook.trace.events import Direction, Event, LinkOpened, Message, Vantage

VERSION_KEY: Final = "io.modelcontextprotocol/protocolVersion"
OPENING: Final = ("initialize", "server/discover")

LinkKey = tuple[str, Vantage, str]


@dataclass
class Session:
    """One conversation, from one vantage.

    Attributes:
        conn: the connection's name; at the server's vantage the endpoint's.
        transport: the transport's name.
        vantage: where it was seen.
        revision: the revision the two speak, empty where it cannot be told.
        events: what happened, in the order of time.
    """

    conn: str
    transport: str
    vantage: Vantage
    revision: str = ""
    events: list[Event] = field(default_factory=list)
    _begun: bool = field(default=False, repr=False)

    def add(self, event: Event) -> None:
        """Take the next event."""
        self.events.append(event)
        for envelope in read(event) if isinstance(event, Message) else ():
            self.revision = revision_of(envelope) or self.revision
            self._begun |= envelope.method not in (None, "server/discover")

    def opens_anew(self, event: Event) -> bool:
        """Whether an event begins another conversation under the same name.

        A probe with ``server/discover`` that leads to ``initialize`` is one conversation.
        """
        return (
            self._begun
            and isinstance(event, Message)
            and event.direction is Direction.CLIENT_TO_SERVER
            and event.vantage is Vantage.CLIENT
            and any(envelope.method in OPENING for envelope in read(event))
        )


def sessions(events: Iterable[Event], vantage: Vantage | None = None) -> list[Session]:
    """The conversations in some events, in the order in which they began.

    Args:
        events: all events of a Trace: what a part of it belongs to, the rest of it tells.
        vantage: take this vantage only.
    """
    events = list(events)
    twins = _twins(events) if vantage is None else set()
    kept = [
        event
        for event in sorted(events, key=lambda event: (event.time_ns, event.seq))
        if (
            event.vantage is vantage
            if vantage is not None
            else (event.conn, event.vantage, event.link) not in twins
        )
    ]
    found: list[Session] = []
    current: dict[tuple[str, Vantage, str], Session] = {}
    waiting: dict[tuple[str, Vantage, str], list[Event]] = {}
    for event in kept:
        key = (event.conn, event.vantage, event.transport)
        session = current.get(key)
        opened = isinstance(event, LinkOpened) and session is not None and session._begun
        if opened or (key in waiting and not isinstance(event, Message)):
            # it may belong to the next conversation; the next message tells
            waiting.setdefault(key, []).append(event)
            continue
        if session is None or session.opens_anew(event):
            session = current[key] = Session(event.conn, event.transport, event.vantage)
            found.append(session)
        for one in (*waiting.pop(key, ()), event):
            session.add(one)
    for key, left in waiting.items():
        for event in left:
            current[key].add(event)
    return found


def _twins(events: Iterable[Event]) -> set[LinkKey]:
    """The links of servers and relays whose other end is a client's link of the same events."""
    opened: dict[LinkKey, tuple[str, ...]] = {}
    for event in events:
        if not event.link:
            continue
        key = (event.conn, event.vantage, event.link)
        if isinstance(event, LinkOpened) and event.transport != "stdio":
            opened[key] = (event.transport, event.address)
        else:
            opened.setdefault(key, (event.transport,))
    return twins(opened)


def twins(signs: dict[LinkKey, tuple[str, ...]]) -> set[LinkKey]:
    """The links of servers and relays whose other end is a client's link.

    Both ends of a TCP connection record the same address; for child processes, which do not,
    the transport must do: each client's link stands for one link of a server.

    Args:
        signs: of each link its transport, and its address where both ends know it.
    """
    relayed = {key[0] for key in signs if key[1] is Vantage.CLIENT}
    clients: Counter[tuple[str, ...]] = Counter(
        sign for key, sign in signs.items() if key[1] is Vantage.CLIENT
    )
    found: set[LinkKey] = set()
    for key, sign in signs.items():
        if key[1] is Vantage.RELAY and key[0] in relayed:  # it serves the connection of its name
            found.add(key)
        elif key[1] is Vantage.SERVER and clients[sign] > 0:
            clients[sign] -= 1
            found.add(key)
    return found


def revision_of(envelope: Envelope) -> str:
    """The revision that a message speaks, where it says so."""
    if envelope.result is not None and "serverInfo" in envelope.result:
        version = envelope.result.get("protocolVersion")
        return version if isinstance(version, str) else ""
    meta = (envelope.params or {}).get("_meta")
    if envelope.method == "initialize":
        meta = {VERSION_KEY: (envelope.params or {}).get("protocolVersion")}
    version = meta.get(VERSION_KEY) if isinstance(meta, dict) else None
    return version if isinstance(version, str) else ""
