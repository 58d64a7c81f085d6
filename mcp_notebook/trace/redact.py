"""Redaction: every secret becomes ``*``, byte for byte, in messages and in raw bytes alike.

Lengths are kept, so spans, offsets and ``Content-Length`` stay true.
"""

from __future__ import annotations

from collections.abc import Iterable

from .events import Event
from .redactor import Redactor


def redact(
    events: Iterable[Event], secrets: Iterable[str] = (), context: Iterable[Event] | None = None
) -> list[Event]:
    """The same events with every secret masked.

    Args:
        events: what is wanted.
        secrets: values that are secret wherever they stand.
        context: all events of the Trace. A secret split over two chunks is only seen where
            both are, and one that a header gives away may stand in a message elsewhere; so
            it is the whole that is judged, also where a part is wanted.
    """
    wanted = list(events)
    whole = {event.seq: event for event in (*(context or ()), *wanted)}
    redactor = Redactor()
    for seq in sorted(whole):
        redactor.feed(whole[seq])
    return redactor.redact(wanted, redactor.forms(secrets))
