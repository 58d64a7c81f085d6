"""What a transport is, and the register of those that exist."""

from __future__ import annotations

import asyncio
import contextvars
import difflib
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import anyio

from mcp_notebook.errors import UsageError

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

    from .tap import Tap

StreamPair = AbstractAsyncContextManager[Any]
"""Yields the SDK's ``(read, write)`` pair of message streams."""

MAX_MESSAGE_BYTES = 64 << 20
"""The longest message taken from a peer, in bytes."""

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})

Serve = Callable[[Any, Any], Awaitable[None]]
"""Serves one stream connection until its read side ends: ``await serve(read, write)``."""


class Served(Protocol):
    """What the server side of a transport needs of a server."""

    @property
    def name(self) -> str:
        """The server's name."""
        ...

    @property
    def mcp(self) -> MCPServer[Any]:
        """The SDK's server."""
        ...

    async def serve_streams(self, read: Any, write: Any) -> None:
        """Serve one connection over a pair of message streams until the read side ends."""
        ...

    def child_command(self) -> ChildCommand:
        """A command that runs a snapshot of the server as a child on its stdin and stdout."""
        ...


@dataclass(frozen=True, kw_only=True)
class ChildCommand:
    """A command line that speaks MCP on its standard streams.

    Attributes:
        argv: program and arguments.
        env: variables to set beside the inherited minimum.
        cwd: its working folder; the kernel's where ``None``.
        reports: whether it reports its own vantage on the descriptor named by
            ``MCP_NOTEBOOK_TRACE_FD``.
        left_out: names that could not travel, with the reason.
        cleanup: called when the child has ended.
    """

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None
    reports: bool = False
    left_out: Mapping[str, str] = field(default_factory=dict)
    cleanup: Callable[[], None] | None = None


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """How to listen.

    Attributes:
        name: the endpoint's name; the port is derived from it.
        folder: the folder the port is derived from.
        host: the address to bind; anything but loopback needs a token.
        port: the port asked for, 0 for any free one, ``None`` for the derived one.
        path: the URL path, or the socket's path; ``None`` for the transport's own.
        token: what a client must send as ``Authorization: Bearer``.
        allowed_hosts: further values of the Host header that are accepted.
        allowed_origins: further values of the Origin header that are accepted.
        warn: told of things the user should know, one line each.
    """

    name: str = ""
    folder: str = ""
    host: str = "127.0.0.1"
    port: int | None = None
    path: str | None = None
    token: str | None = field(default=None, repr=False)
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    warn: Callable[[str], None] = field(default=lambda _text: None, repr=False)


@dataclass(frozen=True, kw_only=True)
class ConnectOptions:
    """How to open a client.

    Attributes:
        token: sent as ``Authorization: Bearer``.
        headers: further HTTP headers.
        env: variables for a child process.
        cwd: working folder for a child process.
        connect_timeout_s: seconds to wait for the link.
        on_closed: called on the loop when the link ends by itself, with the reason.
        on_child: called with the process id of a child once it runs.
        on_left_out: called with the tools that could not travel to a child, and why.
    """

    token: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: str | None = None
    connect_timeout_s: float = 10.0
    on_closed: Callable[[str], None] = field(default=lambda _reason: None, repr=False)
    on_child: Callable[[int], None] = field(default=lambda _pid: None, repr=False)
    on_left_out: Callable[[Mapping[str, str]], None] = field(default=lambda _: None, repr=False)

    def all_headers(self) -> dict[str, str]:
        """The HTTP headers to send, the token's included."""
        headers = dict(self.headers)
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers


class Listener(ABC):
    """The server side of a transport, listening."""

    url: str = ""
    """Where a client of another process connects; empty where none can."""

    address: str = ""
    """What a person reads: a URL, a command, "in the kernel"."""

    @abstractmethod
    async def close(self) -> None:
        """End every connection and free what was taken (port, socket file)."""

    @property
    @abstractmethod
    def links(self) -> int:
        """How many links are open."""


class StreamListener(Listener):
    """A listener whose links are pairs of message streams, one task each."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._tasks: dict[asyncio.Task[None], Any] = {}
        self._ended = False

    @property
    def links(self) -> int:
        """How many links are open."""
        return len(self._tasks)

    def accept(self, duplex: Any) -> None:
        """Serve one new link until it ends; at once where no more are taken."""
        if self._ended:  # it was on its way when the listener closed, and nobody would end it
            duplex.abort()
            return
        # An empty context: otherwise prints of tools land in the cell that started the
        # server (ipykernel routes output by a context variable).
        task = asyncio.get_running_loop().create_task(
            self._run(duplex), context=contextvars.Context()
        )
        self._tasks[task] = duplex  # asyncio itself holds tasks only weakly
        task.add_done_callback(lambda t: self._tasks.pop(t, None))

    async def _run(self, duplex: Any) -> None:
        try:
            await self._served.serve_streams(duplex, duplex)
        except* (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass  # the peer went away; the link's tap has said so
        finally:
            await duplex.aclose()

    async def close_links(self) -> None:
        """End every link and wait for its task; take no more."""
        self._ended = True
        tasks = dict(self._tasks)
        for task, duplex in tasks.items():
            duplex.abort()
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=5)


class Transport(ABC):
    """One way to move MCP messages, both sides of it."""

    name: ClassVar[str]
    """The name users type."""

    aliases: ClassVar[tuple[str, ...]] = ()
    standing: ClassVar[str] = "custom"
    """``standard``, ``deprecated``, ``custom`` or ``for lessons``."""

    summary: ClassVar[str] = ""
    """One plain line."""

    schemes: ClassVar[tuple[str, ...]] = ()
    """URL schemes that lead to this transport, without the colon."""

    networked: ClassVar[bool] = False
    """Whether it listens on a TCP port."""

    def missing(self) -> str:
        """Why it cannot be used on this machine; empty where it can."""
        return ""

    @abstractmethod
    async def listen(self, served: Served, options: ServeOptions, tap: Tap) -> Listener:
        """Start the server side.

        Raises:
            UsageError: an option that this transport does not have, or a port that is taken.
        """

    @abstractmethod
    def connect(self, target: Listener | str, options: ConnectOptions, tap: Tap) -> StreamPair:
        """Open the client side.

        Args:
            target: a listener of this kernel, or an address.
            options: how.
            tap: where its traffic is recorded.

        Returns:
            An async context manager that yields the SDK's pair of read and write stream.
        """

    def refuse(self, options: ServeOptions, *names: str) -> None:
        """Say no to options this transport does not have."""
        for name in names:
            value = getattr(options, name)
            if value not in (None, "127.0.0.1"):
                raise UsageError(
                    f"--{name} means nothing on {self.name}.", hint="Leave it out, or use -t http."
                )


_register: dict[str, Transport] = {}


def register_transport(transport: Transport | type[Transport]) -> Transport:
    """Add a transport, so that ``%mcp serve -t NAME`` and ``%mcp connect`` know it.

    Args:
        transport: an instance or a class of :class:`Transport`. The same name again replaces.

    Raises:
        TypeError: it is not a Transport, or has no name.
    """
    made = transport() if isinstance(transport, type) else transport
    if not isinstance(made, Transport) or not getattr(made, "name", ""):
        raise TypeError("a transport is a subclass of mcp_notebook.Transport with a name")
    for word in (made.name, *made.aliases):
        _register[word] = made
    return made


def unregister_transport(name: str) -> None:
    """Take a transport out again; unknown names are no error."""
    gone = _register.get(name)
    for word in [w for w, t in _register.items() if t is gone]:
        del _register[word]


def transports() -> list[Transport]:
    """Every registered transport, in order of registration."""
    return list(dict.fromkeys(_register.values()))


def find_transport(word: str) -> Transport:
    """The transport of a name or alias.

    Raises:
        UsageError: there is none, or it does not exist on this machine.
    """
    found = _register.get(word)
    if found is None:
        near = difflib.get_close_matches(word, _register, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        names = ", ".join(t.name for t in transports())
        raise UsageError(f"unknown transport {word!r}.", hint=f"{hint}Transports: {names}.")
    if why := found.missing():
        raise UsageError(f"{found.name} is not available here: {why}", hint="Use -t http.")
    return found


def transport_of_scheme(scheme: str) -> Transport | None:
    """The transport that a URL scheme leads to."""
    for transport in transports():
        if scheme in transport.schemes:
            return transport
    return None
