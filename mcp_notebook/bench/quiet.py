"""When a connection has nothing more to say: each HTTP request has its answer, to the end.

A result may be there before the answer that carried it has ended, and before the ``202`` of the
POST that asked for it. What comes late would be counted to the next stretch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from mcp_notebook.trace.events import Chunk, Direction, Event, LinkClosed
from mcp_notebook.wire.http1 import Http1Decoder, HttpEnd, HttpError, HttpHead, HttpUpgraded

LOOK_EVERY_S = 0.005
LONGEST_S = 2.0
"""A server that leaves an answer open is not waited for any longer."""


def owes(events: Iterable[Event]) -> bool:
    """Whether an answer is still to come on one link that speaks HTTP/1.1.

    A stream of events that answers a GET stays open; its head is enough. A link that was closed
    or upgraded owes nothing.

    Args:
        events: the events of the link, in order.
    """
    decoder = Http1Decoder()
    asked: list[bytes] = []
    begun = False
    for event in events:
        if isinstance(event, LinkClosed):
            return False
        if not isinstance(event, Chunk) or not event.data:
            continue
        try:
            found = decoder.feed(event.direction is Direction.CLIENT_TO_SERVER, event.data)
        except HttpError:
            return False  # no HTTP, so nobody knows
        for one in found:
            if isinstance(one, HttpUpgraded):
                return False
            if isinstance(one, HttpHead) and one.is_request:
                asked.append(one.method)
            elif isinstance(one, HttpHead):
                begun = one.status >= 200
            elif isinstance(one, HttpEnd) and not one.from_client and asked:
                del asked[0]
                begun = False
    return bool(asked) and not (begun and asked[0] == b"GET" and len(asked) == 1)


async def settle(events: Callable[[], Iterable[Event]]) -> None:
    """Wait until no link owes an answer.

    Args:
        events: gives the events of the connection so far.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + LONGEST_S
    while loop.time() < until:
        links: dict[str, list[Event]] = {}
        for event in events():
            links.setdefault(event.link, []).append(event)
        if not any(owes(of_link) for of_link in links.values()):
            return
        await asyncio.sleep(LOOK_EVERY_S)
