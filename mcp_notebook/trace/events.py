"""The events of a Trace: frozen facts, stamped and labelled where they were seen."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Final

from mcp_notebook.wire.spans import Span


class Direction(StrEnum):
    """Which way something travels. Never "in" or "out": one kernel holds both ends."""

    CLIENT_TO_SERVER = "c2s"
    SERVER_TO_CLIENT = "s2c"

    @property
    def arrow(self) -> str:
        """An arrow with the client on the left and the server on the right."""
        return "→" if self is Direction.CLIENT_TO_SERVER else "←"


class Vantage(StrEnum):
    """Where an event was seen."""

    CLIENT = "client"
    SERVER = "server"
    RELAY = "relay"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Event:
    """One thing that happened.

    Attributes:
        seq: place in the Trace, from 1, without gaps while recording.
        time_ns: when, in nanoseconds of ``time.perf_counter_ns`` (monotonic; the Trace knows
            the wall-clock time of its zero).
        conn: the connection it belongs to. At the client's vantage the connection's name; at
            the server's the name of the endpoint.
        vantage: where it was seen.
        link: the byte stream it travelled on, for example ``http#3``: one TCP connection, one
            pair of pipes. Empty where there is none.
        transport: the transport's name.
    """

    kind: ClassVar[str] = "event"

    seq: int
    time_ns: int
    conn: str
    vantage: Vantage
    link: str = ""
    transport: str = ""

    def __repr__(self) -> str:
        """One line without content, which may be long or secret, and without time."""
        return f"<{self.kind} {self.seq} on {self.conn}{self._told()}, {self.vantage}>"

    def _told(self) -> str:
        """What its kind adds to that line."""
        return ""

    @property
    def weight(self) -> int:
        """The payload bytes it keeps alive."""
        return 0


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Message(Event):
    """One JSON-RPC message, as its bytes.

    Attributes:
        direction: which way it went.
        raw: the JSON text as bytes, cut at the Trace's bound for one event.
        size: the true length in bytes.
        span: where it lies in its link's stream of that direction, where the transport knows.
        cell: the notebook cell whose code sent it (``In [5]``); empty where none did.
    """

    kind: ClassVar[str] = "message"

    direction: Direction
    raw: bytes
    size: int
    span: Span | None = None
    cell: str = ""

    def _told(self) -> str:
        return f": {self.direction.arrow} {self.size} bytes"

    @property
    def cut(self) -> bool:
        """Whether ``raw`` is shorter than what travelled."""
        return self.size > len(self.raw)

    @property
    def weight(self) -> int:
        """The payload bytes it keeps alive."""
        return len(self.raw)

    def json(self) -> Any:
        """The message parsed, or ``None`` where it is not JSON or was cut."""
        try:
            return json.loads(self.raw)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Chunk(Event):
    """Bytes as one read or write moved them.

    Attributes:
        direction: which way they went.
        data: the bytes, cut at the Trace's bound for one event.
        size: the true number of bytes.
        offset: where the first of them lies in its link's stream of that direction.
    """

    kind: ClassVar[str] = "chunk"

    direction: Direction
    data: bytes
    size: int
    offset: int

    def _told(self) -> str:
        return f": {self.direction.arrow} {self.size} bytes"

    @property
    def cut(self) -> bool:
        """Whether ``data`` is shorter than what travelled."""
        return self.size > len(self.data)

    @property
    def weight(self) -> int:
        """The payload bytes it keeps alive."""
        return len(self.data)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class StderrLine(Event):
    """One line a child process wrote to its standard error, without the line end."""

    kind: ClassVar[str] = "stderr"

    text: str

    @property
    def weight(self) -> int:
        """The payload bytes it keeps alive."""
        return len(self.text)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LinkOpened(Event):
    """A byte stream was opened: a TCP connection, a pair of pipes, a child process.

    Attributes:
        address: what it leads to (``127.0.0.1:4711``, a path, a command line).
    """

    kind: ClassVar[str] = "opened"

    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LinkClosed(Event):
    """A byte stream ended.

    Attributes:
        reason: why, in plain words; empty for an ordinary end.
    """

    kind: ClassVar[str] = "closed"

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Fault(Event):
    """Something that should not have happened on a link, or was made to happen.

    Attributes:
        text: what, in plain words.
    """

    kind: ClassVar[str] = "fault"

    text: str

    @property
    def weight(self) -> int:
        """The payload bytes it keeps alive."""
        return len(self.text)


def counted(events: Iterable[Event]) -> list[str]:
    """How many there are of each kind, in words."""
    counts = Counter(event.kind for event in events)
    words = {
        Message.kind: ("message", "messages"),
        Chunk.kind: ("chunk", "chunks"),
        StderrLine.kind: ("stderr line", "stderr lines"),
        LinkOpened.kind: ("link opened", "links opened"),
        LinkClosed.kind: ("link closed", "links closed"),
        Fault.kind: ("fault", "faults"),
    }
    return [
        f"{counts[kind]} {one if counts[kind] == 1 else many}"
        for kind, (one, many) in words.items()
        if counts[kind]
    ]


# ---- drafts: the two kinds that come by the thousand ----------------------------------------
#
# What is recorded of traffic is a draft at first. It becomes an event when somebody looks, with
# its number; traffic does not wait for that.
#
# The ``__init__`` of a frozen dataclass sets each field by ``object.__setattr__``, four times
# the price of an ordinary assignment. A blank has the same slots and may be assigned to; when
# it is full it becomes the frozen class. It costs half, the event is the same.

Labels = tuple[str, Vantage, str, str]
"""Connection, vantage, link and transport of an event."""

Maker = Callable[..., Event | tuple[Event, ...]]
"""A function below: it takes the number, the time, and what else there is."""

Draft = tuple[Maker, int, tuple[Any, ...], int, int]
"""What makes the events, the time, what else it takes; their payload bytes and their number."""

_SIZES: Final = tuple(range(4096))  # one int object for all events of a size: 28 bytes an event


class _MessageBlank(Event):
    __slots__ = ("cell", "direction", "raw", "size", "span")
    # both go together: they share one slot of the type
    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__


class _ChunkBlank(Event):
    __slots__ = ("data", "direction", "offset", "size")
    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__


def _blank(
    kind: type[Event],
    seq: int,
    time_ns: int,
    labels: Labels,
    direction: Direction,
    size: int,
) -> Any:
    """A blank of this kind with what both have."""
    blank: Any = object.__new__(kind)
    blank.seq = seq
    blank.time_ns = time_ns
    blank.conn, blank.vantage, blank.link, blank.transport = labels
    blank.direction = direction
    blank.size = _SIZES[size] if size < 4096 else size
    return blank


def quick_message(
    seq: int,
    time_ns: int,
    labels: Labels,
    direction: Direction,
    raw: bytes,
    size: int,
    span: Span | None,
    cell: str,
) -> Message:
    """A message of these fields, in the order of the class."""
    blank = _blank(_MessageBlank, seq, time_ns, labels, direction, size)
    blank.raw = raw
    blank.span = span
    blank.cell = cell
    blank.__class__ = Message
    return blank  # type: ignore[no-any-return]


def quick_chunk(
    seq: int,
    time_ns: int,
    labels: Labels,
    direction: Direction,
    data: bytes,
    size: int,
    offset: int,
) -> Chunk:
    """A chunk of these fields, in the order of the class."""
    blank = _blank(_ChunkBlank, seq, time_ns, labels, direction, size)
    blank.data = data
    blank.offset = offset
    blank.__class__ = Chunk
    return blank  # type: ignore[no-any-return]


def quick_line(
    seq: int,
    time_ns: int,
    labels: Labels,
    direction: Direction,
    data: bytes,
    raw: bytes,
    offset: int,
    span: Span | None,
    cell: str,
) -> tuple[Chunk, Message]:
    """Bytes that moved, and the one message with its line end that they are."""
    size = len(data)
    lies = span or Span(offset, offset + size)
    return (
        quick_chunk(seq, time_ns, labels, direction, data, size, offset),
        quick_message(seq + 1, time_ns, labels, direction, raw, len(raw), lies, cell),
    )


def made_of(draft: Draft | Event, seq: int) -> tuple[Event, ...]:
    """The one or two events that a draft stands for, the first with this number."""
    if isinstance(draft, Event):
        return (draft,)
    make, time_ns, fields, *_ = draft
    made = make(seq, time_ns, *fields)
    return (made,) if isinstance(made, Event) else made
