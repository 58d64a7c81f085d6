"""``bridge``: a host's child process whose standard streams are joined to this kernel.

Outside it is stdio: any host that launches ``python -m mcp_notebook.bridge`` talks to the live
notebook. Inside the child reaches the kernel over a private Unix socket (mode 0600 in a folder of
mode 0700, the peer's user checked at both ends). Its first line is a greeting with a token that is
written beside the socket, and on no command line; the greeting is no message and not recorded.
"""

from __future__ import annotations

import asyncio
import itertools
import shlex
import socket
import sys
from collections.abc import Sequence

from mcp_notebook.bridge.choice import LINK, WELCOME
from mcp_notebook.bridge.notes import Note
from mcp_notebook.errors import ConnectError, UsageError
from mcp_notebook.trace.events import Direction

from .base import (
    ChildCommand,
    ConnectOptions,
    Listener,
    Served,
    ServeOptions,
    StreamListener,
    StreamPair,
)
from .privatesocket import GREETING_S, MAX_GREETING_BYTES, PrivateSocket
from .sockets import peer_is_me
from .stdio import StdioTransport
from .streams import LineDuplex
from .tap import Tap

_children = itertools.count(1)


class _Greeted(LineDuplex):
    """The kernel's end of one socket: a link from the moment its peer has shown the token."""

    grace_s = 0.0  # the bridge has waited for the answers before it ended its side

    def __init__(self, listener: BridgeListener) -> None:
        super().__init__(receives=Direction.CLIENT_TO_SERVER, tap=listener.tap.link())
        self._listener = listener
        self._early: bytes | None = b""
        self._peer = ""
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A process has dialled."""
        super().connection_made(transport)
        self._peer = _process(transport)
        if not peer_is_me(transport):
            self._turn_away("the peer belongs to another user")
            return
        self._listener.ungreeted.add(self)
        loop = asyncio.get_running_loop()
        self._late = loop.call_later(GREETING_S, self._turn_away, "the peer did not greet")

    def data_received(self, data: bytes) -> None:
        """The greeting, then what a link carries."""
        if self._early is None:
            super().data_received(data)
            return
        self._early += data
        line, newline, rest = self._early.partition(b"\n")
        if not newline and len(line) <= MAX_GREETING_BYTES:
            return
        link = self._listener.known(line) if newline else None
        if link is None:
            self._turn_away("the peer did not greet with the token of this endpoint")
            return
        self._early = None
        self._settled()
        if self.tap:
            self.tap.opened(self._listener.link_address(link) or self._peer)
        self._writer.write(WELCOME)
        self._listener.accept(self)
        if rest:
            super().data_received(rest)

    def connection_lost(self, exc: Exception | None) -> None:
        """The process is gone."""
        self._settled()
        super().connection_lost(exc)

    def _settled(self) -> None:
        self._listener.ungreeted.discard(self)
        if self._late is not None:
            self._late.cancel()

    def _turn_away(self, why: str) -> None:
        if self.tap:
            self.tap.opened(self._peer)
            self.tap.fault(f"closed: {why}")
        self.abort()


def _process(transport: asyncio.BaseTransport) -> str:
    """The process at the other end, where the system tells."""
    if sys.platform != "linux":
        return "a bridge"
    import struct

    sock = transport.get_extra_info("socket")
    told = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return f"bridge process {struct.unpack('3i', told)[0]}"


class BridgeListener(StreamListener):
    """A private socket by which bridges find this kernel.

    Attributes:
        socket: the socket and its note.
        command: what a host launches.
    """

    def __init__(self, served: Served, tap: Tap, at: PrivateSocket) -> None:
        super().__init__(served)
        self.tap = tap
        self.socket = at
        self.command = at.command("-m", "mcp_notebook.bridge")
        self.address = shlex.join(self.command)
        self.ungreeted: set[_Greeted] = set()
        self.closed = False

    def known(self, greeting: bytes) -> str | None:
        """The link that a greeting names, if it carries the token of this endpoint."""
        link = (self.socket.content(greeting) or {"link": None}).get("link", "")
        return link if isinstance(link, str) else None

    def twins(self) -> list[Note]:
        """The notes of other kernels that a host cannot tell from this one."""
        return self.socket.twins()

    def link_address(self, link: str) -> str:
        """How both ends call the link to a child that this kernel started."""
        return f"{self.address} (child {link})" if link.isdecimal() else ""

    async def open(self) -> None:
        """Listen where bridges look.

        Raises:
            UsageError: the system refuses.
        """
        await self.socket.open(lambda: _Greeted(self))

    async def close(self) -> None:
        """Stop listening, end every link, leave no file."""
        self.closed = True
        await self.socket.close()
        for one in list(self.ungreeted):
            one.abort()
        await asyncio.sleep(0)  # what is aborted is closed in the next turn of the loop
        await self.close_links()


class BridgeTransport(StdioTransport):
    """A child process joined to the live notebook."""

    name = "bridge"
    standing = "stdio on the outside"
    summary = "a host's child process, joined to this kernel: stdio on the outside"

    def missing(self) -> str:
        """Windows' Python has no Unix sockets."""
        return "" if hasattr(socket, "AF_UNIX") else "Python has no Unix sockets on Windows."

    async def listen(  # type: ignore[override]
        self, served: Served, options: ServeOptions, tap: Tap
    ) -> BridgeListener:
        """Listen where bridges look."""
        self.refuse(options, "port", "path", "host", "token")
        at = PrivateSocket("bridge", options.name, folder=options.folder, server=served.name)
        listener = BridgeListener(served, tap, at)
        for other in listener.twins():
            options.warn(
                f"process {other.pid} serves {options.name} for the same "
                f"{'notebook' if at.note.notebook else 'folder'}, and hosts cannot tell the two: "
                "stop one, or give another name with --as"
            )
        await listener.open()
        return listener

    def connect(
        self, target: Listener | str | Sequence[str], options: ConnectOptions, tap: Tap
    ) -> StreamPair:
        """Start the child that a host would start."""
        if not isinstance(target, BridgeListener):
            raise UsageError(
                "bridge leads to an endpoint of this kernel.",
                hint="To another kernel: %mcp connect -- python -m mcp_notebook.bridge NAME",
            )
        if target.closed:
            raise ConnectError("that endpoint is stopped.", hint="Start it: %mcp serve -t bridge")
        link = str(next(_children))
        command = ChildCommand(argv=target.command, env={LINK: link})
        return self._connect(command, options, tap, None, target.link_address(link))
