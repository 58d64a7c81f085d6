"""Listening for notices of a server: changed lists, changed resources."""

from __future__ import annotations

import asyncio
import threading
import time
import warnings
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from mcp.client import Client
from mcp.shared.exceptions import MCPDeprecationWarning

from mcp_notebook.errors import UsageError

if TYPE_CHECKING:
    from .connection import Connection


class Listening:
    """The notices that have come so far; ``.stop()`` ends the listening.

    Attributes:
        connection: the connection's name.
        uris: the resources listened to.
    """

    def __init__(self, connection: Connection, uris: tuple[str, ...]) -> None:
        self.connection = connection.name
        self.uris = uris
        self._notices: list[str] = []
        self._changed = threading.Condition()
        self._owner = connection
        self._task: asyncio.Task[None] | None = None
        self._undo: Any = None

    @property
    def ended(self) -> bool:
        """Whether nothing will come any more."""
        return self._task.done() if self._task is not None else self._undo is None

    @property
    def notices(self) -> list[str]:
        """What came, oldest first, as method names (and the URI of a resource)."""
        with self._changed:
            return list(self._notices)

    def add(self, text: str) -> None:
        """A notice came."""
        with self._changed:
            self._notices.append(text)
            self._changed.notify_all()

    def wait(self, count: int = 1, timeout: float = 5.0) -> list[str]:
        """Wait until ``count`` notices have come.

        Raises:
            TimeoutError: not within ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while len(self._notices) < count:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"{len(self._notices)} of {count} notices in {timeout:g} s")
                self._changed.wait(min(left, 0.1))
        return self.notices

    def stop(self) -> None:
        """Listen no more."""
        if self._owner.workbench.loop.running:
            self._owner.workbench.loop.run(self._stop())

    async def _stop(self) -> None:
        listenings = self._owner.listenings
        if listenings.get(_key(self.uris)) is self:
            del listenings[_key(self.uris)]
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=2)
        if self._undo is not None:
            self._undo()
            self._undo = None

    def __iter__(self) -> Iterator[str]:
        return iter(self.notices)

    def __len__(self) -> int:
        return len(self.notices)

    def __repr__(self) -> str:
        what = ", ".join(self.uris) or "changed lists"
        return f"<listening on {self.connection} to {what}: {len(self)} so far>"


def _key(uris: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(uris)))


async def listen(connection: Connection, uris: tuple[str, ...]) -> Listening:
    """Start listening in the way of the connection's era; runs on the background loop.

    Who listens to the same again gets the listening that is there: each is a subscription at
    the server. It ends with ``stop()`` or with the connection.

    Raises:
        UsageError: this server or transport cannot send notices.
    """
    there = connection.listenings.get(_key(uris))
    if there is not None and not there.ended:
        return there
    listening = Listening(connection, uris)
    connection.listenings[_key(uris)] = listening
    try:
        if connection.era == "modern":
            await _modern(connection, listening)
        else:
            await _legacy(connection, listening)
    except BaseException:
        await listening._stop()
        raise
    return listening


async def end_all(connection: Connection) -> None:
    """End what is listened to on a connection; runs on the background loop."""
    for listening in list(connection.listenings.values()):
        await listening._stop()


async def _modern(connection: Connection, listening: Listening) -> None:
    """``subscriptions/listen``: one request whose answer is a stream of notices."""
    started: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def take() -> None:
        try:
            stream = connection.session.client.listen(
                tools_list_changed=True,
                prompts_list_changed=True,
                resources_list_changed=True,
                resource_subscriptions=list(listening.uris),
            )
            async with stream as subscription:
                if not started.done():
                    started.set_result(None)
                async for event in subscription:
                    connection.session.tools_changed = True
                    listening.add(_event_text(event))
        except Exception as error:  # noqa: BLE001 - because it is handed to who waits, or becomes a notice
            if started.done():
                listening.add(f"the stream ended: {connection.session.clean(error)}")
            else:
                started.set_exception(error)

    listening._task = connection.workbench.loop.spawn(take())
    try:
        await asyncio.wait_for(asyncio.shield(started), connection.timeout)
    except Exception as error:  # noqa: BLE001 - because it is raised again, explained
        raise UsageError(
            f"{connection.name} does not take listeners: {connection.session.clean(error)}.",
            hint="Try --era legacy.",
        ) from None


def _event_text(event: Any) -> str:
    uri = getattr(event, "uri", None)
    name = type(event).__name__
    text = {
        "ToolsListChanged": "notifications/tools/list_changed",
        "PromptsListChanged": "notifications/prompts/list_changed",
        "ResourcesListChanged": "notifications/resources/list_changed",
        "ResourceUpdated": "notifications/resources/updated",
    }.get(name, name)
    return f"{text} {uri}" if uri else text


async def _subscribe(client: Client, uri: str) -> None:
    await client.subscribe_resource(uri)


async def _legacy(connection: Connection, listening: Listening) -> None:
    """Notices come unasked; resources want ``resources/subscribe``."""
    session = connection.session

    def take(message: Any) -> None:
        method = getattr(message, "method", "")
        uri = getattr(getattr(message, "params", None), "uri", "")
        if method.endswith("/list_changed") or (
            method.endswith("/updated") and str(uri) in listening.uris
        ):
            listening.add(f"{method} {uri}".strip())

    if (opened := getattr(session.write, "hears_notices", None)) is not None:
        await opened()
    session.on_notice.append(take)
    listening._undo = lambda: session.on_notice.remove(take)
    for uri in listening.uris:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", MCPDeprecationWarning
            )  # the legacy era has no other way
            await session.request(partial(_subscribe, uri=uri))
