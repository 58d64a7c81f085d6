"""The kernel's end of shims: a private socket that takes their copies into the Trace."""

from __future__ import annotations

import asyncio
import json
import shlex
import socket
import time
from collections.abc import Callable
from typing import Any

from mcp_notebook.bridge.choice import WELCOME
from mcp_notebook.errors import UsageError
from mcp_notebook.runtime.masking import argv_secrets
from mcp_notebook.shim.copies import DOWN, END, HEAD, HELLO, SAID, UP
from mcp_notebook.trace.events import Direction
from mcp_notebook.transports.base import MAX_MESSAGE_BYTES, ServeOptions
from mcp_notebook.transports.privatesocket import GREETING_S, MAX_GREETING_BYTES, PrivateSocket
from mcp_notebook.transports.sockets import peer_is_me
from mcp_notebook.transports.tap import LinkTap, Tap
from mcp_notebook.wire.jsonrpc import MessageError, parse
from mcp_notebook.wire.lines import Line, LineDecoder

OLDEST_NS = 3600 * 10**9
"""An older time stamp is of another clock."""

_DIRECTIONS = {UP: Direction.CLIENT_TO_SERVER, DOWN: Direction.SERVER_TO_CLIENT}


class _Lines:
    """One direction of a shim's traffic: chunks, and the messages on their lines."""

    def __init__(self, link: LinkTap, direction: Direction) -> None:
        self._link = link
        self._direction = direction
        self._decoder = LineDecoder(max_bytes=MAX_MESSAGE_BYTES)
        self._next = 0
        self._torn = False

    def take(self, data: bytes, offset: int, stamp: int) -> None:
        """The next bytes that were copied."""
        if offset != self._next:
            who = "host" if self._direction is Direction.CLIENT_TO_SERVER else "server"
            missed = f"{offset - self._next} bytes of the {who}"
            self._link.fault(
                f"{missed} were not copied: the notebook was slow. They passed all the same"
                if self._next
                else f"joined in the middle: {missed} passed before"
            )
            self._link.skip(self._direction, offset)
            self._decoder = LineDecoder(max_bytes=MAX_MESSAGE_BYTES, start=offset)
            self._torn = True
        self._next = offset + len(data)
        self._link.chunk(self._direction, data, time_ns=stamp)
        for line in self._decoder.feed(data):
            if isinstance(line, Line) and line.data.strip():
                if not self._torn or _is_message(line.data):
                    self._link.message(self._direction, line.data, span=line.span, time_ns=stamp)
                self._torn = False


def _is_message(line: bytes) -> bool:
    """Whether what may be the rest of a line is a whole one."""
    try:
        parse(line)
    except MessageError:
        return False
    return True


class _Link(asyncio.Protocol):
    """One shim: a greeting with the right token, then its records."""

    def __init__(self, listener: ShimListener) -> None:
        self._listener = listener
        self._rest = bytearray()
        self._greeted = False
        self._transport: Any = None
        self._late: asyncio.TimerHandle | None = None
        self._tap: LinkTap | None = None
        self._lines: dict[bytes, _Lines] = {}
        self._stderr = LineDecoder(max_bytes=MAX_MESSAGE_BYTES)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A process has dialled."""
        self._transport = transport
        self._listener.open_links.add(self)
        if not peer_is_me(transport):
            self.abort()
            return
        self._late = asyncio.get_running_loop().call_later(GREETING_S, self.abort)

    def data_received(self, data: bytes) -> None:
        """The greeting, then records."""
        self._rest += data
        if not self._greeted and not self._greet():
            return
        place = 0
        while len(self._rest) - place >= HEAD.size:
            kind, stamp, offset, size = HEAD.unpack_from(self._rest, place)
            end = place + HEAD.size + size
            if len(self._rest) < end:
                break
            self._take(kind, stamp, offset, bytes(self._rest[place + HEAD.size : end]))
            place = end
        del self._rest[:place]

    def _greet(self) -> bool:
        line, newline, rest = bytes(self._rest).partition(b"\n")
        if not newline and len(line) <= MAX_GREETING_BYTES:
            return False
        if not newline or not self._listener.knows(line):
            self.abort()
            return False
        self._settled()
        self._greeted = True
        self._rest = bytearray(rest)
        self._transport.write(WELCOME)
        return True

    def _take(self, kind: bytes, stamp: int, offset: int, data: bytes) -> None:
        now = time.perf_counter_ns()
        stamp = stamp if now - OLDEST_NS < stamp <= now else now
        if kind == HELLO:
            self._tap = self._listener.met(json.loads(data), stamp)
            self._lines = {k: _Lines(self._tap, way) for k, way in _DIRECTIONS.items()}
        elif self._tap is None:
            self.abort()
        elif kind in _DIRECTIONS:
            self._lines[kind].take(data, offset, stamp)
        elif kind == SAID:
            self._say(self._stderr.feed(data))
        elif kind == END:
            self._say(self._stderr.feed(None))
            code = json.loads(data)["code"]
            self._tap.closed(f"the server ended with code {code}" if code else "")

    def _say(self, lines: list[Any]) -> None:
        for line in lines:
            if isinstance(line, Line) and self._tap is not None:
                self._tap.stderr(line.data.decode("utf-8", "replace"))

    def connection_lost(self, exc: Exception | None) -> None:
        """The shim is gone, or the tap is being stopped."""
        self._settled()
        self._listener.open_links.discard(self)
        if self._tap is not None:
            self._tap.closed("" if self._listener.closed else "the shim is gone")

    def _settled(self) -> None:
        if self._late is not None:
            self._late.cancel()

    def abort(self) -> None:
        """Drop the link; the shim looks for a notebook anew, its traffic goes on."""
        if self._transport is not None:
            self._transport.abort()


class ShimListener:
    """A private socket by which shims find this kernel.

    Args:
        tap: where their traffic is recorded.
        options: the tap's name and folder.
        hide: called with secrets that must not be shown.

    Attributes:
        command: what a host starts, without the server's own command.
    """

    def __init__(self, tap: Tap, options: ServeOptions, hide: Callable[[str], Any]) -> None:
        self._tap = tap
        self._options = options
        self._hide = hide
        self._socket: PrivateSocket | None = None
        self.command: list[str] = []
        self.open_links: set[_Link] = set()
        self.closed = False

    @property
    def links(self) -> int:
        """How many shims are there."""
        return len(self.open_links)

    async def open(self) -> None:
        """Listen where shims look.

        Raises:
            UsageError: the system refuses.
        """
        if not hasattr(socket, "AF_UNIX"):
            raise UsageError(
                "a command cannot be tapped on Windows, where Python has no Unix sockets.",
                hint="Tap a URL: %mcp tap http://127.0.0.1:8000/mcp",
            )
        at = self._socket = PrivateSocket("tap", self._options.name, folder=self._options.folder)
        for other in at.twins():
            self._options.warn(
                f"process {other.pid} has a tap of this name for the same folder, and hosts "
                "cannot tell the two: stop one, or give another name with --as"
            )
        await at.open(lambda: _Link(self))
        # -P: a host starts it in a folder whose json.py must not be taken for Python's
        self.command = at.command("-P", "-m", "mcp_notebook.shim")

    def knows(self, greeting: bytes) -> bool:
        """Whether a greeting carries the token."""
        return self._socket is not None and self._socket.content(greeting) is not None

    def met(self, hello: dict[str, Any], stamp: int) -> LinkTap:
        """A tap for the link of a shim that says what it runs, open since its first copy."""
        command = [str(word) for word in hello["command"]]
        for secret in argv_secrets(command):
            self._hide(secret)
        link = self._tap.link()
        link.opened(shlex.join(command), time_ns=stamp)
        return link

    async def close(self) -> None:
        """Stop listening, drop every link, leave no file."""
        self.closed = True
        if self._socket is not None:
            await self._socket.close()
        for link in list(self.open_links):
            link.abort()
