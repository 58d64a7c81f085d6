"""The Trace: a bounded, append-only, thread-safe list of events."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from .events import Chunk, Event, Message

E = TypeVar("E", bound=Event)

DEFAULT_MAX_EVENTS = 100_000
DEFAULT_MAX_BYTES = 128 << 20
DEFAULT_MAX_EVENT_BYTES = 16 << 20


def weight_bytes(event: Event) -> int:
    """The payload bytes an event keeps alive."""
    if isinstance(event, Message):
        return len(event.raw)
    if isinstance(event, Chunk):
        return len(event.data)
    return 0


class Trace:
    """What happened: messages, chunks of bytes, stderr lines, faults, links.

    Within its bounds no event is lost; beyond them the oldest leave and are counted.

    Args:
        max_events: how many events are kept.
        max_bytes: how many payload bytes are kept over all events.
        max_event_bytes: how many payload bytes of one event are kept; the true length is
            always kept.
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
        self._lock = threading.RLock()
        self._events: deque[Event] = deque()
        self._bytes = 0
        self._next_seq = 1
        self._dropped = 0
        self._subscribers: tuple[Callable[[Event], None], ...] = ()
        self._subscriber_failures = 0
        self.zero_ns = time.perf_counter_ns()
        self.zero_unix_s = time.time()

    # ---- recording -------------------------------------------------------------------

    def record(self, make: Callable[..., E], /, *, time_ns: int = 0, **fields: Any) -> E:
        """Append one event; the Trace gives it its number and, if none is given, its time.

        Subscribers are called under the lock, in order; one that raises is counted, never
        felt by the traffic.
        """
        with self._lock:
            event = make(seq=self._next_seq, time_ns=time_ns or time.perf_counter_ns(), **fields)
            self._next_seq += 1
            self._events.append(event)
            self._bytes += weight_bytes(event)
            while len(self._events) > self.max_events or (
                self._bytes > self.max_bytes and len(self._events) > 1
            ):
                self._bytes -= weight_bytes(self._events.popleft())
                self._dropped += 1
            for notify in self._subscribers:
                try:
                    notify(event)
                except Exception:  # noqa: BLE001 - a boundary: a view must not break the traffic
                    self._subscriber_failures += 1
        return event

    def subscribe(self, notify: Callable[[Event], None]) -> Callable[[], None]:
        """Call ``notify`` with each event from now on; it must not block.

        Returns:
            A function that ends the subscription.
        """
        with self._lock:
            self._subscribers = (*self._subscribers, notify)

        def unsubscribe() -> None:
            with self._lock:
                self._subscribers = tuple(s for s in self._subscribers if s is not notify)

        return unsubscribe

    def clear(self) -> None:
        """Forget every event; numbers go on. Events forgotten this way are not "dropped"."""
        with self._lock:
            self._events.clear()
            self._bytes = 0

    # ---- reading ---------------------------------------------------------------------

    @property
    def dropped(self) -> int:
        """How many events left because a bound was reached."""
        return self._dropped

    @property
    def subscriber_failures(self) -> int:
        """How often a subscriber raised."""
        return self._subscriber_failures

    @property
    def last_seq(self) -> int:
        """The number of the newest event ever recorded, 0 before the first."""
        return self._next_seq - 1

    def events(self) -> list[Event]:
        """The events kept, oldest first: a copy that does not change."""
        with self._lock:
            return list(self._events)

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events())

    def __len__(self) -> int:
        return len(self._events)

    def since(self, seq: int) -> list[Event]:
        """The events kept whose number is greater than ``seq``."""
        with self._lock:
            if not self._events or seq >= self.last_seq:
                return []
            newer: list[Event] = []
            for event in reversed(self._events):
                if event.seq <= seq:
                    break
                newer.append(event)
        newer.reverse()
        return newer

    def _adopt(self, events: Iterable[Event], *, dropped: int) -> None:
        """Fill an empty Trace with events that already have their numbers."""
        with self._lock:
            for event in events:
                self._events.append(event)
                self._bytes += weight_bytes(event)
                self._next_seq = max(self._next_seq, event.seq + 1)
            self._dropped = dropped
