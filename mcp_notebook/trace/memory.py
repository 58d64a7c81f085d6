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

    Attributes:
        lock: held while it is used.
        redactor: what is known.
    """

    def __init__(self, since: Callable[[int], list[Event]], first_seq: Callable[[], int]) -> None:
        self._since = since
        self._first_seq = first_seq
        self.lock = threading.RLock()
        self.redactor = Redactor()
        self._last = 0
        self._first = 0

    def redact(
        self, wanted: list[Event], secrets: Iterable[str], *, rest: bool = True
    ) -> list[Event]:
        """Some events of the Trace with every secret masked.

        Events that left the Trace meanwhile are judged anew, with all that is there.

        Args:
            wanted: which.
            secrets: values that are secret wherever they stand.
            rest: whether what is not complete is judged as if nothing more came.
        """
        with self.lock:
            self.refresh()
            redactor = self.redactor
            if any(not self._first <= event.seq <= self._last for event in wanted):
                redactor, rest = Redactor(redactor), True
                whole = {event.seq: event for event in (*self._since(0), *wanted)}
                for seq in sorted(whole):
                    redactor.feed(whole[seq])
            return redactor.redact(wanted, redactor.forms(secrets), rest=rest)

    def refresh(self) -> None:
        """Read the events that are new, and forget those that left."""
        for event in self._since(self._last):
            self.redactor.feed(event)
            self._last = event.seq
        first = self._first_seq()
        if first > self._first:
            self._first = first
            self.redactor.shed(first)
