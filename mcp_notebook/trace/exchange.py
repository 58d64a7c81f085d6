"""Exchanges: each request with its progress, its answer and its time. A pure fold over events.

How a message finds its request: ids belong to the side that sent the request, and to one
connection. Over HTTP a request and its answer may travel on different links, so the connection
counts. A server's vantage names all its clients alike, so their ids collide: the same link is
looked at first.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from .envelope import Envelope, Id, read
from .events import Direction, Event, Message, Vantage


class Status(StrEnum):
    """How an exchange ended."""

    ANSWERED = "answered"
    ERROR = "error"
    """A JSON-RPC error."""
    TOOL_ERROR = "tool-error"
    """A result with ``isError``: the tool failed, the protocol did not."""
    INPUT_REQUIRED = "input-required"
    """The server answered with questions (2026-07-28); the client retries."""
    CANCELLED = "cancelled"
    """``notifications/cancelled`` was sent, and no answer came."""
    UNANSWERED = "unanswered"
    LATE = "late"
    """The answer came after ``notifications/cancelled``."""
    DUPLICATE = "duplicate"
    """Answered more than once, or its id was that of a request still open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request with what belongs to it.

    Attributes:
        request: the request.
        id: its id.
        method: its method.
        name: the tool, prompt or resource it names.
        status: how it ended.
        answers: its answer; none where none came, more where a peer answered twice.
        progress: the progress notifications for it.
        related: its cancellation, the events of its subscription, log lines of its stream.
        latency_ns: from the request to the first answer.
        retry_of: the ``seq`` of the request this one retries with answers.
        rounds: the ``seq`` of each request of the same game of questions, this one included.
    """

    request: Message
    id: Id
    method: str
    name: str | None
    status: Status
    answers: tuple[Message, ...] = ()
    progress: tuple[Message, ...] = ()
    related: tuple[Message, ...] = ()
    latency_ns: int | None = None
    retry_of: int | None = None
    rounds: tuple[int, ...] = ()

    def __repr__(self) -> str:
        return f"<exchange {self.seq} on {self.conn}: {self.tool or self.method}, {self.status}>"

    @property
    def seq(self) -> int:
        """The number of the request."""
        return self.request.seq

    @property
    def conn(self) -> str:
        """The connection."""
        return self.request.conn

    @property
    def vantage(self) -> Vantage:
        """Where it was seen."""
        return self.request.vantage

    @property
    def transport(self) -> str:
        """The transport's name."""
        return self.request.transport

    @property
    def direction(self) -> Direction:
        """Which way the request went."""
        return self.request.direction

    @property
    def tool(self) -> str | None:
        """The tool that was called."""
        return self.name if self.method == "tools/call" else None

    @property
    def answer(self) -> Message | None:
        """The first answer."""
        return self.answers[0] if self.answers else None

    @property
    def messages(self) -> tuple[Message, ...]:
        """All of it, in the order it happened."""
        parts = (self.request, *self.answers, *self.progress, *self.related)
        return tuple(sorted(parts, key=lambda message: message.seq))


_REMEMBERED: Final = 64
"""How many answered exchanges of one id are kept to catch a second answer."""

_TOLD: Final = frozenset({"isError", "requestState", "resultType"})
"""What is kept of a result; to keep all of it would keep each message twice."""

_Place = tuple[str, Vantage, Direction, str]


@dataclass(slots=True, eq=False)
class _Open:
    """An exchange while the fold goes on."""

    request: Message
    envelope: Envelope
    reused: bool = False
    answers: list[tuple[Message, Envelope]] = field(default_factory=list)
    progress: list[Message] = field(default_factory=list)
    related: list[Message] = field(default_factory=list)
    cancelled_seq: int | None = None
    retry_of: _Open | None = None
    retried: bool = False
    rounds: list[int] = field(default_factory=list)

    @property
    def settled(self) -> bool:
        return bool(self.answers)

    @property
    def asks(self) -> bool:
        return bool(self.answers) and _asks(self.answers[0][1])


class Pairing:
    """The exchanges in a growing list of messages.

    Attributes:
        all: the exchanges so far, in the order of their requests.
    """

    def __init__(self) -> None:
        self.all: list[_Open] = []
        self._at: dict[int, _Open] = {}
        self._by_id: defaultdict[_Place, list[_Open]] = defaultdict(list)
        self._by_token: defaultdict[_Place, list[_Open]] = defaultdict(list)
        self._on_link: defaultdict[tuple[str, Vantage, str, Direction], dict[int, _Open]] = (
            defaultdict(dict)
        )
        self._asking: defaultdict[_Place, list[_Open]] = defaultdict(list)

    def exchange(self, seq: int) -> Exchange | None:
        """The exchange that a message belongs to; of a batch the one that was asked last."""
        one = self._at.get(seq)
        return None if one is None else _close(one)

    def shed(self, first_seq: int) -> None:
        """Forget the exchanges whose request has a lower number."""
        for seq in list(self._at):
            if seq >= first_seq:
                break
            del self._at[seq]
        gone = bisect_left(self.all, first_seq, key=lambda one: one.request.seq)
        if gone * 4 < len(self.all):
            return  # to look through all of it pays only for many
        del self.all[:gone]
        self._at = {s: one for s, one in self._at.items() if one.request.seq >= first_seq}
        for index in (self._by_id, self._by_token, self._asking):
            for place, known in list(index.items()):
                known[:] = [one for one in known if one.request.seq >= first_seq]
                if not known:
                    del index[place]
        for stream, here in list(self._on_link.items()):
            for seq in [seq for seq in here if seq < first_seq]:
                del here[seq]
            if not here:
                del self._on_link[stream]

    def add(self, message: Message, envelope: Envelope) -> None:
        """Take what the next message says."""
        if envelope.kind == "request":
            self._request(message, envelope)
        elif envelope.kind in ("response", "error"):
            self._answer(message, envelope)
        elif envelope.kind == "notification":
            self._notification(message, envelope)

    def _request(self, message: Message, envelope: Envelope) -> None:
        place = _place(message, message.direction, envelope.id)
        new = _Open(message, replace(envelope, params=None))
        new.reused = any(
            not other.settled and other.cancelled_seq is None and _same_link(other, message)
            for other in self._by_id[place]
        )
        known = self._by_id[place]
        known.append(new)
        if len(known) > _REMEMBERED:
            # a peer that always says id 1: what is long answered gets no second answer
            known[:-_REMEMBERED] = [one for one in known[:-_REMEMBERED] if not one.settled]
        if envelope.progress_token is not None:
            self._by_token[_place(message, message.direction, envelope.progress_token)].append(new)
        self._on_link[_stream(message, message.direction)][message.seq] = new
        self._join_rounds(new, envelope)
        self.all.append(new)
        self._at[message.seq] = new

    def _belongs(self, message: Message, one: _Open) -> None:
        known = self._at.get(message.seq)
        if known is None or known.request.seq <= one.request.seq:
            self._at[message.seq] = one

    def _join_rounds(self, new: _Open, envelope: Envelope) -> None:
        new.rounds.append(new.request.seq)
        if not envelope.is_retry:
            return
        asking = self._asking[_question(new)]
        open_ones = [other for other in asking if not other.retried]
        state = (envelope.params or {}).get("requestState")
        same = [o for o in open_ones if (o.answers[0][1].result or {}).get("requestState") == state]
        # Masked states are alike, then the order decides: the first asked is the first retried.
        before = next(iter(same or open_ones), None)
        if before is None:
            return
        before.retried = True
        asking.remove(before)
        new.retry_of = before
        before.rounds.append(new.request.seq)
        new.rounds = before.rounds  # one list for all rounds

    def _answer(self, message: Message, envelope: Envelope) -> None:
        asked = _opposite(message.direction)
        found = _choose(
            self._by_id.get(_place(message, asked, envelope.id), []), message, lambda o: o.settled
        )
        if found is None:
            return
        told = envelope.result and {k: v for k, v in envelope.result.items() if k in _TOLD}
        found.answers.append((message, replace(envelope, result=told, error=None)))
        self._belongs(message, found)
        self._on_link[_stream(found.request, asked)].pop(found.request.seq, None)
        if len(found.answers) == 1 and found.asks:
            self._asking[_question(found)].append(found)

    def _notification(self, message: Message, envelope: Envelope) -> None:
        params = envelope.params or {}
        if envelope.method == "notifications/cancelled":
            self._cancelled(message, params.get("requestId"))
            return
        asked = _opposite(message.direction)
        if envelope.method == "notifications/progress":
            place = _place(message, asked, envelope.progress_token)
            found = _choose(self._by_token.get(place, []), message, lambda o: o.settled)
            if found is not None:
                found.progress.append(message)
                self._belongs(message, found)
            return
        if envelope.subscription is not None:
            place = _place(message, asked, envelope.subscription)
            found = _choose(self._by_id.get(place, []), message, lambda o: o.settled)
        else:
            # Nothing in it says whose it is. On a link with one open request it is that one's.
            here = self._on_link.get(_stream(message, asked), {})
            found = next(iter(here.values())) if len(here) == 1 else None
        if found is not None:
            found.related.append(message)
            self._belongs(message, found)

    def _cancelled(self, message: Message, id: Any) -> None:
        for asked in (message.direction, _opposite(message.direction)):
            found = _choose(
                self._by_id.get(_place(message, asked, id), []),
                message,
                lambda o: o.settled or o.cancelled_seq is not None,
            )
            # 2026-07-28: "servers send this notification only to terminate a
            # `subscriptions/listen` stream", a request of the other side
            if found is not None and (
                asked == message.direction or found.envelope.method == "subscriptions/listen"
            ):
                found.related.append(message)
                self._belongs(message, found)
                if found.cancelled_seq is None:
                    found.cancelled_seq = message.seq
                self._on_link[_stream(found.request, asked)].pop(found.request.seq, None)
                return


def pair(events: Iterable[Event]) -> list[Exchange]:
    """The exchanges in a list of events, in the order of their requests."""
    fold = Pairing()
    for event in events:
        if isinstance(event, Message):
            for envelope in read(event):
                fold.add(event, envelope)
    return [_close(one) for one in fold.all]


def preferred_vantage(events: Iterable[Event]) -> Vantage:
    """The vantage that shows each exchange once: the client's where there is one.

    A server's vantage names the endpoint and the client's the connection, so the two sights
    of one request cannot be told apart by name; one vantage is shown, never a mixture.
    """
    seen = {event.vantage for event in events if isinstance(event, Message)}
    for vantage in (Vantage.CLIENT, Vantage.SERVER, Vantage.RELAY):
        if vantage in seen:
            return vantage
    return Vantage.CLIENT


def _close(one: _Open) -> Exchange:
    answers = tuple(message for message, _ in one.answers)
    return Exchange(
        request=one.request,
        id=one.envelope.id if one.envelope.id is not None else "",
        method=one.envelope.method or "",
        name=one.envelope.name,
        status=_status(one),
        answers=answers,
        progress=tuple(one.progress),
        related=tuple(one.related),
        latency_ns=answers[0].time_ns - one.request.time_ns if answers else None,
        retry_of=one.retry_of.request.seq if one.retry_of else None,
        rounds=tuple(one.rounds),
    )


def _status(one: _Open) -> Status:
    if one.reused or len(one.answers) > 1:
        return Status.DUPLICATE
    if not one.answers:
        return Status.UNANSWERED if one.cancelled_seq is None else Status.CANCELLED
    message, answer = one.answers[0]
    if one.cancelled_seq is not None and one.cancelled_seq < message.seq:
        return Status.LATE
    if answer.kind == "error":
        return Status.ERROR
    if _asks(answer):
        return Status.INPUT_REQUIRED
    if answer.result is not None and answer.result.get("isError") is True:
        return Status.TOOL_ERROR
    return Status.ANSWERED


def _asks(answer: Envelope) -> bool:
    return answer.result is not None and answer.result.get("resultType") == "input_required"


def _choose(
    candidates: list[_Open], message: Message, done: Callable[[_Open], bool]
) -> _Open | None:
    """The exchange a message belongs to among those of its id (or token).

    On its own link first, there the oldest that still waits, else the newest; then likewise
    on the other links.
    """
    here = [one for one in candidates if _same_link(one, message)]
    for group in (here, candidates):
        if group:
            return next((one for one in group if not done(one)), group[-1])
    return None


def _same_link(one: _Open, message: Message) -> bool:
    return one.request.link == message.link


def _place(message: Message, asked: Direction, id: Any) -> _Place:
    # JSON tells 7 from "7"
    return (message.conn, message.vantage, asked, f"{type(id).__name__}:{id}")


def _stream(message: Message, asked: Direction) -> tuple[str, Vantage, str, Direction]:
    return (message.conn, message.vantage, message.link, asked)


def _question(one: _Open) -> tuple[str, Vantage, Direction, str]:
    request = one.request
    what = f"{one.envelope.method} {one.envelope.name}"
    return (request.conn, request.vantage, request.direction, what)


def _opposite(direction: Direction) -> Direction:
    if direction is Direction.CLIENT_TO_SERVER:
        return Direction.SERVER_TO_CLIENT
    return Direction.CLIENT_TO_SERVER
