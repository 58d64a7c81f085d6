"""``stdio``: a real child process, one JSON message a line on its standard streams.

Source: revision 2026-07-28, Transports, stdio.
"""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from mcp_notebook.errors import ConnectError, UsageError
from mcp_notebook.trace.events import Direction

from .base import (
    ChildCommand,
    ConnectOptions,
    Listener,
    Served,
    ServeOptions,
    StreamPair,
    Transport,
)
from .child import Child
from .report import ReportPipe, ReportReader
from .streams import LineDuplex, attach_pipes
from .tap import LinkTap, Tap


class ChildListener(Listener):
    """A server that is started as a child, anew for each client."""

    def __init__(self, served: Served, tap: Tap) -> None:
        self.served = served
        self.tap = tap
        self.address = "a child process for each client"
        self.closed = False
        self._open = 0

    def opened(self, change: int) -> None:
        """Count a link that opened (+1) or closed (-1)."""
        self._open += change

    @property
    def links(self) -> int:
        """How many children run."""
        return self._open

    async def close(self) -> None:
        """Take no more clients; children end with their connections."""
        self.closed = True


class StdioTransport(Transport):
    """A child process with a pid and memory of its own."""

    name = "stdio"
    standing = "standard"
    summary = "a real child process, one JSON message a line on its standard streams"

    async def listen(self, served: Served, options: ServeOptions, tap: Tap) -> ChildListener:
        """Get ready to start a child whenever a client connects."""
        self.refuse(options, "port", "path", "host", "token")
        return ChildListener(served, tap)

    def connect(
        self, target: Listener | str | Sequence[str], options: ConnectOptions, tap: Tap
    ) -> StreamPair:
        """Start a child: of a server of the notebook, or a command line."""
        if isinstance(target, ChildListener):
            if target.closed:
                raise ConnectError(
                    "that endpoint is stopped.", hint="Start it: %mcp serve -t stdio"
                )
            return self._connect(target.served.child_command(), options, tap, target)
        if isinstance(target, Listener):
            raise UsageError("that endpoint is no stdio endpoint.", hint="%mcp status")
        argv = shlex.split(target) if isinstance(target, str) else list(target)
        if not argv:
            raise UsageError("no command was given.", hint="%mcp connect -- COMMAND ARG ...")
        return self._connect(ChildCommand(argv=argv), options, tap, None)

    @asynccontextmanager
    async def _connect(
        self,
        command: ChildCommand,
        options: ConnectOptions,
        tap: Tap,
        listener: ChildListener | None,
        address: str = "",
    ) -> AsyncIterator[tuple[Any, Any]]:
        link = tap.link()
        report = None
        if command.reports and listener is not None:
            report = ReportPipe(ReportReader(listener.tap.link()))
        child = Child(
            command.argv,
            env={**command.env, **options.env},
            cwd=options.cwd or command.cwd,
            on_stderr=link.stderr,
            report=report,
        )
        child.on_started = options.on_child
        options.on_left_out(command.left_out)
        duplex = _ChildsDuplex(link, report)
        try:
            our_out, our_in = await child.start()
            link.opened(address or child.command)
            await attach_pipes(duplex, our_out, our_in)
            telling: set[asyncio.Task[None]] = set()
            duplex.on_closed = lambda reason: telling.add(_tell(child, options, reason))
            if listener is not None:
                listener.opened(+1)
            try:
                yield duplex, duplex
            finally:
                duplex.on_closed = lambda _reason: None
                await duplex.aclose()
                await child.close()
                if telling:  # it knows more now that the child has ended
                    await asyncio.wait(telling, timeout=1.5)
                if listener is not None:
                    listener.opened(-1)
        finally:
            if command.cleanup is not None:
                command.cleanup()


class _ChildsDuplex(LineDuplex):
    """The kernel's end of a child, which may report what it sees itself."""

    def __init__(self, tap: LinkTap, report: ReportPipe | None) -> None:
        super().__init__(receives=Direction.SERVER_TO_CLIENT, tap=tap)
        self._report = report

    def data_received(self, data: bytes) -> None:
        """Bytes arrived; what the child has seen was before."""
        if self._report is not None:
            self._report.look()
        super().data_received(data)

    def _write_raw(self, message: bytes) -> None:
        if self._report is not None:
            self._report.sent()
        super()._write_raw(message)


def _tell(child: Child, options: ConnectOptions, reason: str) -> asyncio.Task[None]:
    """Say that the link ended, with the child's exit code and last words once they are known."""

    async def tell() -> None:
        try:
            await asyncio.wait_for(child.ended.wait(), 1)
            await asyncio.sleep(0.02)  # what it last wrote to stderr is on its way
        except TimeoutError:
            pass
        options.on_closed(child.epitaph() or reason or "it closed its output")

    return asyncio.get_running_loop().create_task(tell())


def inherited_pipes() -> tuple[int, int]:
    """Take over this process's standard streams for MCP (the child's side).

    Descriptor 1 leads to standard error from now on, so that a ``print`` cannot break the
    framing (the specification allows nothing but messages there).

    Returns:
        Descriptors to read from and write to.
    """
    read_fd, write_fd = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return read_fd, write_fd
