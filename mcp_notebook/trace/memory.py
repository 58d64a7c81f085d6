"""What a Trace remembers of its secrets from one redaction to the next."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from .events import Event
from .redactor import Redactor


class Memory:
    """Redacts parts of one Trace; each event is read once, when it is first needed.

    Any thread may ask. What left the Trace is forgotten, but not the values it gave away.

    Args:
        since: the events of the Trace with higher numbers.
        first_seq: the number of its oldest event, or the next one's.
    """

    def __init__(self, since: Callable[[int], list[Event]], first_seq: Callable[[], int]) -> None:
        self._since = since
        self._first_seq = first_seq
        self._lock = threading.RLock()
        self._redactor = Redactor()
        self._last = 0
        self._first = 0

    def redact(self, wanted: list[Event], secrets: Iterable[str]) -> list[Event]:
        """Some events of the Trace with every secret masked.

        Events that left the Trace meanwhile are judged anew, with all that is there.
        """
        with self._lock:
            self._refresh()
            redactor = self._redactor
            if any(event.seq < self._first for event in wanted):
                redactor = Redactor(redactor)
                whole = {event.seq: event for event in (*self._since(0), *wanted)}
                for seq in sorted(whole):
                    redactor.feed(whole[seq])
            return redactor.redact(wanted, redactor.forms(secrets))

    def heir(self) -> Redactor:
        """A redactor without events that knows the values found so far."""
        with self._lock:
            self._refresh()
            return Redactor(self._redactor)

    @property
    def decoded(self) -> int:
        """How many chunks were decoded so far."""
        return self._redactor.decoded

    def _refresh(self) -> None:
        for event in self._since(self._last):
            self._redactor.feed(event)
            self._last = event.seq
        first = self._first_seq()
        if first > self._first:
            self._first = first
            self._redactor.shed(first)
