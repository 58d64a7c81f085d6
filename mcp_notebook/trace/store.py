"""The Trace: a bounded, append-only, thread-safe list of events."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from os import PathLike
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, TypeVar

from .events import Draft, Event, Maker, Message, Vantage, counted, made_of
from .secrets import Secrets
from .subscribers import Subscribers

if TYPE_CHECKING:
    import pandas

    from .exchange import Exchange
    from .memory import Memory
    from .query import Query

E = TypeVar("E", bound=Event)
T = TypeVar("T")

DEFAULT_MAX_EVENTS = 100_000
DEFAULT_MAX_BYTES = 128 << 20
DEFAULT_MAX_EVENT_BYTES = 16 << 20

MADE_AT_ONCE = 256
"""Drafts of which events are made together: whoever records meanwhile waits that long."""


class Trace:
    """What happened: messages, chunks of bytes, stderr lines, faults, links.

    Within its bounds no event is lost; beyond them the oldest leave and are counted.

    Args:
        max_events: how many events are kept.
        max_bytes: how many payload bytes are kept over all events.
        max_event_bytes: how many payload bytes of one event are kept, and always its length.

    Attributes:
        secrets: values that are masked in whatever leaves the Trace.
        whole: the Trace that a selection was taken from; itself where it is none.
        cleared_seq: the number of the last event that ``clear`` made it forget.
        zero_ns: the monotonic time at which the Trace began.
        zero_unix_s: the same moment on the wall clock.
    """

    def __init__(
        self,
        *,
        max_events: int = DEFAULT_MAX_EVENTS,
        max_bytes: int = DEFAULT_MAX_BYTES,
        max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES,
    ) -> None:
        self.max_events = max_events
        self.max_bytes = max_bytes
        self.max_event_bytes = max_event_bytes
        self.secrets = Secrets()
        # reentrant: the garbage collector may run a finaliser that records while this thread
        # is recording
        self._lock = threading.RLock()
        self._events: deque[Event] = deque()
        self._fresh: deque[Draft | Event] = deque()  # what came after those; made when looked at
        self._unmade = 0  # how many events that will be
        self._making = False
        self._bytes = 0
        self._next_seq = 1
        self._dropped = 0
        self.cleared_seq = 0
        self.whole: Trace = self
        self._memory: Memory | None = None
        self._recalled: dict[Any, Any] = {}
        self._subscribers = Subscribers(self._lock)
        self.zero_ns = perf_counter_ns()
        self.zero_unix_s = time.time()

    # ---- recording -------------------------------------------------------------------

    def record(self, make: Callable[..., E], /, *, time_ns: int = 0, **fields: Any) -> E:
        """Append one event; the Trace gives it its number and, if none is given, its time."""
        with self._lock:
            event = make(seq=0, time_ns=time_ns or perf_counter_ns(), **fields)
            weight = event.weight
            # not before: the garbage collector may have run a finaliser that records
            object.__setattr__(event, "seq", self._next_seq)
            self._keep(event, weight, 1)
        self._subscribers.deliver()
        return event

    def append(
        self, make: Maker, fields: tuple[Any, ...], weight: int, count: int = 1, time_ns: int = 0
    ) -> int:
        """The same for what comes by the thousand: it becomes an event when somebody looks.

        ``make`` (``events.quick_line`` and its like) takes ``fields`` after number and time, and
        makes ``count`` events of ``weight`` payload bytes. Returns the number of the last.
        """
        with self._lock:
            time_ns = time_ns or perf_counter_ns()
            last = self._keep((make, time_ns, fields, weight, count), weight, count)
        if self._subscribers.queued:
            self._subscribers.deliver()
        return last

    def _keep(self, fresh: Draft | Event, weight: int, count: int) -> int:
        """Take something in; the lock is held. The number of its last event."""
        self._next_seq += count
        self._fresh.append(fresh)
        self._unmade += count
        self._bytes += weight
        last = self._next_seq - 1
        if self._making:  # a finaliser records while events are made: those come first
            return last
        if self._subscribers.now:
            self._make()
        if self._bytes > self.max_bytes or len(self._events) + self._unmade > self.max_events:
            self._shed()
        return last

    def _make_all(self) -> None:
        """Make events of all that has come, and let others record meanwhile."""
        for _ in range(len(self._fresh) // MADE_AT_ONCE + 1):
            with self._lock:
                self._make()

    def _make(self) -> None:
        """Make events of the oldest drafts; the lock is held."""
        if self._making:
            return
        self._making = True
        try:
            self._make_some()  # no loop here: Ctrl-C at its turn escapes `finally` (CPython 3.13)
        finally:
            self._making = False

    def _make_some(self) -> None:
        fresh, events, queued = self._fresh, self._events, self._subscribers.queued
        for _ in range(min(len(fresh), MADE_AT_ONCE)):
            made = made_of(fresh[0], self._next_seq - self._unmade)
            count, now = len(made), self._subscribers.now
            told = [(event, now) for event in made] if now else []
            # no calls from here on: Ctrl-C and the garbage collector come at the end of one
            del fresh[0]
            self._unmade -= count
            events += made
            queued += told

    def _shed(self) -> None:
        """Let the oldest events go until the bounds hold. The newest always stays."""
        while len(self) > 1 and (len(self) > self.max_events or self._bytes > self.max_bytes):
            if self._events:
                self._bytes -= self._events.popleft().weight
                self._dropped += 1
            elif not self._shed_draft():
                self._make()  # and look again: a finaliser may have recorded

    def _shed_draft(self) -> bool:
        """Let the oldest draft go unmade, where all its events have to; whether it went."""
        draft = self._fresh[0]
        if isinstance(draft, Event) or draft[-1] > len(self) - max(self.max_events, 1):
            return False
        del self._fresh[0]
        self._bytes -= draft[-2]
        self._unmade -= draft[-1]
        self._dropped += draft[-1]
        return True

    def subscribe(self, notify: Callable[[Event], None]) -> Callable[[], None]:
        """Call ``notify`` with each event from now on, in the order of their numbers.

        One that raises is counted, never felt by the traffic.

        Returns:
            A function that ends the subscription.
        """
        self._make_all()  # none of what came before is told
        with self._lock:
            return self._subscribers.add(notify)

    def clear(self) -> None:
        """Forget every event; numbers go on. Events forgotten this way are not "dropped"."""
        with self._lock:
            self.cleared_seq = self.last_seq
            self._events, self._fresh, self._unmade, self._bytes = deque(), deque(), 0, 0

    # ---- reading ---------------------------------------------------------------------

    @property
    def dropped(self) -> int:
        """How many events left because a bound was reached."""
        return self._dropped

    @property
    def subscriber_failures(self) -> int:
        """How often a subscriber raised."""
        return self._subscribers.failures

    @property
    def last_seq(self) -> int:
        """The number of the newest event ever recorded, 0 before the first."""
        return self._next_seq - 1

    @property
    def first_seq(self) -> int:
        """The number of the oldest event kept; of the next one where none is."""
        with self._lock:
            if not self._events:
                self._make()
            return self._events[0].seq if self._events else self._next_seq

    def events(self) -> list[Event]:
        """The events kept, oldest first: a copy that does not change."""
        self._make_all()
        with self._lock:
            return list(self._events)

    def messages(self) -> list[Message]:
        """The messages among the events."""
        return [event for event in self.events() if isinstance(event, Message)]

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events())

    def __len__(self) -> int:
        with self._lock:
            return len(self._events) + self._unmade

    def __repr__(self) -> str:
        parts = counted(self.events())
        if self._dropped:
            parts.append(f"{self._dropped} dropped")
        return f"Trace({', '.join(parts) or 'empty'})"

    def since(self, seq: int) -> list[Event]:
        """The events kept whose number is greater than ``seq``."""
        return self.between(seq + 1, self.last_seq)

    def between(self, first: int, last: int) -> list[Event]:
        """The events kept with the numbers from ``first`` to ``last``."""
        self._make_all()
        with self._lock:
            events = self._events
            if not events or first > last:
                return []
            # numbers have gaps only in a selection and in a file that someone cut
            newest = events[-1].seq
            after = max(0, newest - last) if len(events) == newest - events[0].seq + 1 else 0
            found: list[Event] = []
            for event in islice(reversed(events), after, None):
                if event.seq < first:
                    break
                if event.seq <= last:
                    found.append(event)
        found.reverse()
        return found

    def event(self, seq: int) -> Event | None:
        """The event of this number, where it is kept."""
        found = self.between(seq, seq)
        return found[0] if found else None

    # ---- what is read from the events --------------------------------------------------

    def exchanges(self, vantage: Vantage | str | None = None) -> list[Exchange]:
        """Each request with its progress, its answer and its time.

        Args:
            vantage: where to look. Both ends of a connection may be in this kernel, and then
                one request is seen twice: without this argument it is listed once, as the
                client saw it, or as the server did where no client is in the Trace.
        """
        from .exchange import pair, preferred_vantage

        events = self.events()
        chosen = Vantage(vantage) if vantage is not None else preferred_vantage(events)
        numbers = {event.seq for event in events}
        return [
            exchange
            for exchange in pair(self.whole.events())
            if exchange.vantage == chosen and exchange.seq in numbers
        ]

    def select(self, query: str | Query) -> Trace:
        """The part a query selects, as a Trace of its own that does not change.

        Raises:
            UsageError: the query cannot be read.
        """
        from .query import parse

        chosen = parse(query) if isinstance(query, str) else query
        part = self._empty_copy()
        part.whole = self.whole
        part._adopt(
            chosen.select(self.events(), context=self.whole.events()), dropped=self._dropped
        )
        return part

    def redacted(self) -> Trace:
        """The same events, secrets masked in their length, as judged over the whole Trace."""
        copy = self._empty_copy()
        copy._adopt(self.redact(self.events()), dropped=self._dropped)
        return copy

    def redact(self, events: Iterable[Event]) -> list[Event]:
        """Some events of the Trace with every secret masked; each is decoded once for all calls."""
        return self.memory.redact(list(events), self.secrets.values())

    @property
    def memory(self) -> Memory:
        """What is remembered of the secrets of the whole Trace."""
        whole = self.whole
        with whole._lock:
            if whole._memory is None:
                from .memory import Memory

                whole._memory = Memory(whole.since, lambda: whole.first_seq)
            return whole._memory

    def recall(self, make: Callable[[], T]) -> T:
        """What a reader keeps with the whole Trace from one look to the next.

        Args:
            make: makes it, at the first look.
        """
        whole = self.whole
        with whole._lock:
            if make not in whole._recalled:
                whole._recalled[make] = make()
            kept: T = whole._recalled[make]
            return kept

    def to_frame(self) -> pandas.DataFrame:
        """One row a message, as a pandas ``DataFrame``.

        Raises:
            UsageError: pandas is not installed.
        """
        from .frame import to_frame

        return to_frame(self.events(), context=self.whole.events(), zero_ns=self.zero_ns)

    # ---- files -------------------------------------------------------------------------

    def save(self, path: str | PathLike[str], *, redact: bool = True) -> None:
        """Write the Trace to a file, in the format its suffix names; all of it or nothing.

        Args:
            path: where to; an existing file is replaced.
            redact: whether secrets are masked. Without it the file holds what was sent.

        Raises:
            UsageError: the suffix is unknown, or the file cannot be written.
        """
        from .formats import save

        save(self.redacted() if redact else self, path)

    @classmethod
    def load(cls, path: str | PathLike[str], *, strict: bool = True) -> Trace:
        """Read a Trace from a file.

        Args:
            path: the file.
            strict: whether a damaged file is an error. Without it what can be read is
                returned.

        Raises:
            DamagedTrace: a part cannot be read; ``.trace`` holds the rest.
            UsageError: it is not there, or no trace.
        """
        from .formats import load

        return load(path, strict=strict)

    def _empty_copy(self) -> Trace:
        copy = Trace(
            max_events=self.max_events,
            max_bytes=self.max_bytes,
            max_event_bytes=self.max_event_bytes,
        )
        copy.secrets = self.secrets
        copy.zero_ns, copy.zero_unix_s = self.zero_ns, self.zero_unix_s
        return copy

    def _adopt(self, events: Iterable[Event], *, dropped: int) -> None:
        """Fill an empty Trace with events that already have their numbers."""
        with self._lock:
            for event in events:
                self._events.append(event)
                self._bytes += event.weight
                self._next_seq = max(self._next_seq, event.seq + 1)
            self._dropped = dropped
