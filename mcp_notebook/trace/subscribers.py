"""Who is told of each event of a Trace, in order and by one thread at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from .events import Event

Notify = Callable[[Event], None]


class Subscribers:
    """Those who want to be told, and what they are still to be told.

    Args:
        lock: the Trace's, held by whoever queues events.

    Attributes:
        now: who is told of an event that comes now.
        queued: events and who is to be told of them, oldest first.
        failures: how often one of them raised.
    """

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self._delivering = threading.Lock()
        self.now: tuple[Notify, ...] = ()
        self.queued: deque[tuple[Event, tuple[Notify, ...]]] = deque()
        self.failures = 0

    def add(self, notify: Notify) -> Callable[[], None]:
        """Tell one more of each event from now on.

        Returns:
            A function that ends it.
        """

        def each(event: Event) -> None:
            notify(event)

        with self._lock:
            self.now = (*self.now, each)

        def end() -> None:
            with self._lock:
                self.now = tuple(one for one in self.now if one is not each)

        return end

    def deliver(self) -> None:
        """Tell what is queued, without the lock: who is slow delays no other recorder.

        The condition is looked at again after the release: an event may have come between
        the last look and the release, from a thread that found this one at work and left.
        """
        while self.queued and self._delivering.acquire(blocking=False):
            try:
                while self.queued:
                    event, subscribers = self.queued.popleft()
                    for notify in subscribers:
                        if notify not in self.now:
                            continue
                        try:
                            notify(event)
                        except Exception:  # noqa: BLE001 - a boundary: a view must not break the traffic
                            self.failures += 1
            finally:
                self._delivering.release()
