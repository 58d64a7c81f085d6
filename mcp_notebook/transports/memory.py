"""``memory``: framed messages between two queues of the kernel.

Not the SDK's in-process short cut: that one has no JSON-RPC to show. Here every message is a
line of JSON that one end writes and the other reads.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp_notebook.errors import ConnectError
from mcp_notebook.trace.events import Direction

from .base import (
    ConnectOptions,
    Listener,
    Served,
    ServeOptions,
    StreamListener,
    StreamPair,
    Transport,
)
from .streams import LineDuplex
from .tap import Tap


class _Queue:
    """One end of an in-process byte stream, in the shape of an asyncio transport."""

    def __init__(self) -> None:
        self.peer: LineDuplex | None = None
        self._loop = asyncio.get_running_loop()
        self._closing = False

    def write(self, data: bytes) -> None:
        if self.peer is not None and not self._closing:
            self._loop.call_soon(self.peer.data_received, data)

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            if self.peer is not None:
                self._loop.call_soon(self.peer.connection_lost, None)

    abort = close

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        """A queue in one process has nobody to slow down."""

    def resume_reading(self) -> None:
        """See ``pause_reading``."""


class InKernelListener(StreamListener):
    """A listener that clients of this kernel reach without an address."""

    def __init__(self, served: Served, tap: Tap, address: str) -> None:
        super().__init__(served)
        self.tap = tap
        self.address = address
        self.closed = False

    async def close(self) -> None:
        """End every link."""
        self.closed = True
        await self.close_links()

    def reached_by(self, target: Listener | str) -> InKernelListener:
        """Check that it is still there."""
        if self.closed:
            raise ConnectError("that endpoint is stopped.", hint="Start it: %mcp serve")
        return self


def in_kernel(target: Listener | str, name: str) -> InKernelListener:
    """The listener that a connection of an in-kernel transport is meant for.

    Raises:
        ConnectError: it is an address, or it is stopped.
    """
    if not isinstance(target, InKernelListener):
        raise ConnectError(f"{name} reaches endpoints of this kernel only.", hint="%mcp serve")
    return target.reached_by(target)


class MemoryTransport(Transport):
    """Framed messages between two queues in the kernel."""

    name = "memory"
    standing = "for lessons"
    summary = "framed messages between two queues in the kernel"

    async def listen(self, served: Served, options: ServeOptions, tap: Tap) -> InKernelListener:
        """Wait for clients of this kernel."""
        self.refuse(options, "port", "path", "host", "token")
        return InKernelListener(served, tap, "in the kernel")

    def connect(self, target: Listener | str, options: ConnectOptions, tap: Tap) -> StreamPair:
        """Open a pair of queues to a listener of this kernel."""
        return self._connect(in_kernel(target, self.name), options, tap)

    @asynccontextmanager
    async def _connect(
        self, listener: InKernelListener, options: ConnectOptions, tap: Tap
    ) -> AsyncIterator[tuple[Any, Any]]:
        client = LineDuplex(receives=Direction.SERVER_TO_CLIENT, tap=tap.link())
        server = LineDuplex(receives=Direction.CLIENT_TO_SERVER, tap=listener.tap.link())
        to_server, to_client = _Queue(), _Queue()
        to_server.peer, to_client.peer = server, client
        for duplex, queue in ((client, to_server), (server, to_client)):
            duplex.connection_made(queue)  # type: ignore[arg-type]  # a transport by shape
            if duplex.tap:
                duplex.tap.opened("two queues in the kernel")
        client.on_closed = options.on_closed
        listener.accept(server)
        try:
            yield client, client
        finally:
            await client.aclose()
