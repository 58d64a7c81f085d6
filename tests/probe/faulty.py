"""A transport with one fault, for each thing that a check should notice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from mcp_notebook.errors import ConnectError
from mcp_notebook.trace.events import Direction
from mcp_notebook.transports.base import (
    ConnectOptions,
    Listener,
    Served,
    ServeOptions,
    StreamListener,
    StreamPair,
    Transport,
)
from mcp_notebook.transports.streams import LineDuplex
from mcp_notebook.transports.tap import Tap

Message = dict[str, Any]
Change = Callable[[Message, bool], list[Message]]
"""What becomes of a message; the second argument says whether it goes to the server."""


class Wire:
    """One direction between two ends, with the fault in it."""

    def __init__(self, change: Change, to_server: bool, deaf: bool) -> None:
        self.peer: LineDuplex | None = None
        self._change = change
        self._to_server = to_server
        self._deaf = deaf
        self._closing = False

    def write(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        for message in self._change(json.loads(data), self._to_server):
            assert self.peer is not None
            if not self._closing:
                loop.call_soon(self.peer.data_received, json.dumps(message).encode() + b"\n")

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            if self.peer is not None and not self._deaf:
                asyncio.get_running_loop().call_soon(self.peer.connection_lost, None)

    abort = close

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading


class FaultyListener(StreamListener):
    """Listens in the kernel."""

    def __init__(self, served: Served, tap: Tap) -> None:
        super().__init__(served)
        self.tap = tap
        self.held: list[asyncio.Task[None]] = []

    async def close(self) -> None:
        await self.close_links()


class Faulty(Transport):
    """Queues in the kernel, and one fault."""

    name = "faulty"
    summary = "one fault"

    def __init__(
        self,
        change: Change = lambda message, _to_server: [message],
        *,
        deaf: bool = False,
        leaks: bool = False,
        untapped: bool = False,
        refuses: bool = False,
    ) -> None:
        self.change = change
        self.deaf = deaf
        self.leaks = leaks
        self.untapped = untapped
        self.refuses = refuses
        self.leaked: list[asyncio.Task[None]] = []

    async def listen(self, served: Served, options: ServeOptions, tap: Tap) -> FaultyListener:
        return FaultyListener(served, tap)

    def connect(self, target: Listener | str, options: ConnectOptions, tap: Tap) -> StreamPair:
        if self.refuses:
            raise ConnectError("this transport never connects.")
        assert isinstance(target, FaultyListener)
        return self._connect(target, options, tap)

    @asynccontextmanager
    async def _connect(
        self, listener: FaultyListener, options: ConnectOptions, tap: Tap
    ) -> AsyncIterator[tuple[Any, Any]]:
        client = LineDuplex(
            receives=Direction.SERVER_TO_CLIENT, tap=None if self.untapped else tap.link()
        )
        server = LineDuplex(receives=Direction.CLIENT_TO_SERVER, tap=listener.tap.link())
        up, down = Wire(self.change, True, False), Wire(self.change, False, self.deaf)
        up.peer, down.peer = server, client
        client.connection_made(up)  # type: ignore[arg-type]  # a transport by shape
        server.connection_made(down)  # type: ignore[arg-type]  # likewise
        client.on_closed = options.on_closed
        listener.accept(server)
        if self.leaks:
            self.leaked.append(asyncio.get_running_loop().create_task(asyncio.sleep(3600)))
        try:
            yield client, client
        finally:
            await client.aclose()


def without(*methods: str) -> Change:
    """Loses messages of these methods."""
    return lambda message, _to_server: [] if message.get("method") in methods else [message]


def limited(size: int, to_server: bool) -> Change:
    """Loses what is long, one way."""

    def change(message: Message, towards_server: bool) -> list[Message]:
        long = towards_server is to_server and len(json.dumps(message)) > size
        return [] if long else [message]

    return change


def with_text(change: Callable[[str], str]) -> Change:
    """Changes the text of what the server sends."""

    def changed(message: Message, to_server: bool) -> list[Message]:
        if to_server:
            return [message]
        return [json.loads(change(json.dumps(message, ensure_ascii=False)))]

    return changed


def answers_twice(message: Message, to_server: bool) -> list[Message]:
    """Sends each answer twice."""
    return [message] if to_server or "method" in message else [message, message]


def backwards() -> Change:
    """Brings the steps of a progress in another order: each second one before the first."""
    held: list[Message] = []

    def change(message: Message, to_server: bool) -> list[Message]:
        if to_server or message.get("method") != "notifications/progress":
            return [message]
        if not held:
            held.append(message)
            return []
        return [message, held.pop()]

    return change


def crowded(most: int) -> Change:
    """Loses requests where too many are open."""
    open_ids: set[object] = set()

    def change(message: Message, to_server: bool) -> list[Message]:
        id = message.get("id")
        if not to_server:
            open_ids.discard(id)
        elif message.get("method") == "tools/call":
            if len(open_ids) >= most:
                return []
            open_ids.add(id)
        return [message]

    return change


def without_errors(message: Message, _to_server: bool) -> list[Message]:
    """Loses answers that are errors."""
    return [] if "error" in message else [message]
