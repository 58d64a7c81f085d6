"""Sending exactly the bytes the user wrote, and collecting what comes back."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import anyio
import httpx2

from mcp_notebook.errors import ConnectionLost, UsageError
from mcp_notebook.trace.events import Direction, Event, Message, Vantage

from . import explain

if TYPE_CHECKING:
    from .connection import Connection

QUIET_S = 0.3
"""Without a request to wait for, this much silence ends the collecting."""


async def send_raw(connection: Connection, data: bytes, timeout_s: float) -> list[Message]:
    """Send bytes on a connection's link; runs on the background loop.

    Returns:
        The messages from the server until every request among the bytes was answered, or
        until the time is over.

    Raises:
        UsageError: the transport has no way to send raw bytes.
        ConnectionLost: the link is gone, or broke while sending.
    """
    _ = connection.session.client  # says so where it is gone
    send = getattr(connection.session.write, "send_bytes", None)
    if send is None:
        raise UsageError(
            f"{connection.transport} cannot send raw bytes.", hint="Use -t stdio or http."
        )
    waiting = _request_ids(data)
    arrived: list[Message] = []
    news = asyncio.Event()
    loop = asyncio.get_running_loop()

    def take(event: Event) -> None:
        if (
            isinstance(event, Message)
            and event.conn == connection.name
            and event.vantage is Vantage.CLIENT
            and event.direction is Direction.SERVER_TO_CLIENT
        ):
            arrived.append(event)
            loop.call_soon_threadsafe(news.set)

    undo = connection.workbench.trace.subscribe(take)
    # over HTTP sending ends with the answer: it must not outlast the limit
    sending = loop.create_task(send(data))
    sending.add_done_callback(lambda _: news.set())
    try:
        await _collect(sending, waiting, arrived, news, loop.time() + timeout_s)
        return arrived
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        raise ConnectionLost(f"{connection.name} is gone.", hint="%mcp connect") from None
    except (httpx2.HTTPError, OSError) as error:
        raise explain.requesting(
            error, connection.name, reason=connection.session.lost, clean=connection.session.clean
        ) from None
    finally:
        undo()
        await _end(sending)


async def _end(sending: asyncio.Task[None]) -> None:
    """Let it read its answer to the end, which over HTTP it does, but not for long."""
    await asyncio.wait({sending}, timeout=QUIET_S)
    if not sending.done():
        sending.cancel()
        await asyncio.wait({sending}, timeout=1)
    if sending.done() and not sending.cancelled():
        sending.exception()  # read here, in case nobody waits any more


async def _collect(
    sending: asyncio.Task[None],
    waiting: set[Any],
    arrived: list[Message],
    news: asyncio.Event,
    deadline: float,
) -> None:
    """Wait until every request is answered, or all is sent and silent, or the time is over."""
    loop = asyncio.get_running_loop()
    while True:
        if sending.done():
            sending.result()
        limit = deadline - loop.time()
        if waiting:
            if waiting <= {_answered_id(m) for m in list(arrived)}:
                return
        elif sending.done():
            limit = min(limit, QUIET_S)
        if limit <= 0:
            return
        news.clear()
        try:
            await asyncio.wait_for(news.wait(), limit)
        except TimeoutError:
            if not waiting:
                return


def _request_ids(data: bytes) -> set[Any]:
    """The ids of the requests among the lines, as far as they can be read."""
    found: set[Any] = set()
    for text in [data, *data.splitlines()]:
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(message, dict) and "method" in message:
            identifier = message.get("id")
            if isinstance(identifier, int | str):
                found.add(identifier)
    return found


def _answered_id(message: Message) -> Any:
    content = message.json()
    if isinstance(content, dict) and "method" not in content:
        identifier = content.get("id")
        return identifier if isinstance(identifier, int | str) else None
    return None
