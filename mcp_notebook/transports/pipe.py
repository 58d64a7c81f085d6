"""``pipe``: the framing of stdio over two real pipes of the operating system, in one kernel."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp_notebook.trace.events import Direction

from .base import ConnectOptions, Listener, Served, ServeOptions, StreamPair, Transport
from .memory import InKernelListener, in_kernel
from .streams import LineDuplex, attach_pipes
from .tap import Tap


class PipeTransport(Transport):
    """Newline-delimited JSON over two pipes inside the kernel."""

    name = "pipe"
    standing = "for lessons"
    summary = "the framing of stdio over two real pipes inside the kernel"

    def missing(self) -> str:
        """Windows pipes are another thing."""
        return "pipes of this kind do not exist on Windows." if os.name == "nt" else ""

    async def listen(self, served: Served, options: ServeOptions, tap: Tap) -> InKernelListener:
        """Wait for clients of this kernel."""
        self.refuse(options, "port", "path", "host", "token")
        return InKernelListener(served, tap, "two pipes in the kernel")

    def connect(self, target: Listener | str, options: ConnectOptions, tap: Tap) -> StreamPair:
        """Open two pipes to a listener of this kernel."""
        return self._connect(in_kernel(target, self.name), options, tap)

    @asynccontextmanager
    async def _connect(
        self, listener: InKernelListener, options: ConnectOptions, tap: Tap
    ) -> AsyncIterator[tuple[Any, Any]]:
        client = LineDuplex(receives=Direction.SERVER_TO_CLIENT, tap=tap.link())
        server = LineDuplex(receives=Direction.CLIENT_TO_SERVER, tap=listener.tap.link())
        server_reads, client_writes = os.pipe()
        client_reads, server_writes = os.pipe()
        text = f"pipes {client_writes} > {server_reads}, {client_reads} < {server_writes}"
        await attach_pipes(server, server_reads, server_writes)
        await attach_pipes(client, client_reads, client_writes)
        for duplex in (client, server):
            if duplex.tap:
                duplex.tap.opened(text)
        client.on_closed = options.on_closed
        listener.accept(server)
        try:
            yield client, client
        finally:
            await client.aclose()
