"""When a connection has nothing more to say: each HTTP request has its answer, to the end.

A result may be there before the answer that carried it has ended, and before the ``202`` of the
POST that asked for it. What comes late would be counted to the next stretch.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterable

from mcp_notebook.trace.events import Chunk, Direction, Event, LinkClosed
from mcp_notebook.wire.http1 import Http1Decoder, HttpEnd, HttpError, HttpHead, HttpUpgraded

LOOK_EVERY_S = 0.005
LOOKS = 400
"""A server that leaves an answer open is not waited for any longer."""


class LinkAnswers:
    """Whether an answer is still to come on one link that speaks HTTP/1.1.

    A stream of events that answers a GET stays open; its head is enough. A link that was closed
    or upgraded owes nothing, nor does one that speaks no HTTP.
    """

    def __init__(self) -> None:
        self._decoder: Http1Decoder | None = Http1Decoder()
        self._asked: deque[bytes] = deque()
        self._begun = False

    @property
    def owed(self) -> bool:
        """Whether one is."""
        if self._decoder is None or not self._asked:
            return False
        stream = self._begun and len(self._asked) == 1 and self._asked[0] == b"GET"
        return not stream

    def take(self, event: Event) -> None:
        """Take the next event of the link."""
        if isinstance(event, LinkClosed):
            self._decoder = None
        if self._decoder is None or not isinstance(event, Chunk) or not event.data:
            return
        from_client = event.direction is Direction.CLIENT_TO_SERVER
        try:
            found = self._decoder.feed(from_client, event.data)
        except HttpError:
            self._decoder = None
            return
        for one in found:
            if isinstance(one, HttpUpgraded):
                self._decoder = None
            elif isinstance(one, HttpHead) and one.is_request:
                self._asked.append(one.method)
            elif isinstance(one, HttpHead):
                self._begun = one.status >= 200
            elif isinstance(one, HttpEnd) and not one.from_client and self._asked:
                self._asked.popleft()
                self._begun = False


class Quiet:
    """Waits until no link of a connection owes an answer.

    Args:
        since: gives the events of the connection after a number.
        last: the number after which it began.
    """

    def __init__(self, since: Callable[[int], Iterable[Event]], last: int = 0) -> None:
        self._since = since
        self._last = last
        self._links: defaultdict[str, LinkAnswers] = defaultdict(LinkAnswers)

    async def settle(self) -> None:
        """Wait; not longer than a few seconds."""
        for _ in range(LOOKS):
            if not self._look():
                return
            await asyncio.sleep(LOOK_EVERY_S)

    def _look(self) -> bool:
        for event in self._since(self._last):
            self._links[event.link].take(event)
            self._last = event.seq
        return any(link.owed for link in self._links.values())
