"""``unix`` and ``tcp``: newline-delimited JSON over a socket.

Custom transports with the framing of stdio, as revision 2026-07-28 (Transports, Custom
Transports) advises. Both close on a first byte other than ``{``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
import struct
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mcp_notebook.errors import ConnectError, UsageError
from mcp_notebook.trace.events import Direction

from .base import (
    LOOPBACK_HOSTS,
    ConnectOptions,
    Listener,
    Served,
    ServeOptions,
    StreamListener,
    StreamPair,
    Transport,
)
from .ports import listening_socket, stop_listening
from .streams import LineDuplex
from .tap import Tap, link_address

MAX_UNIX_PATH_BYTES = 100
"""Longest path of a socket that every system takes (108 on Linux, 104 on macOS)."""


class _ServedLine(LineDuplex):
    """The server's end of one accepted socket."""

    def __init__(self, listener: SocketListener) -> None:
        super().__init__(receives=Direction.CLIENT_TO_SERVER, tap=listener.tap.link(), guarded=True)
        self._listener = listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.tap:
            self.tap.opened(link_address(transport, server=True))
        if not peer_is_me(transport):
            if self.tap:
                self.tap.fault("closed: the peer belongs to another user")
            self.abort()
            return
        self._listener.accept(self)


def peer_is_me(transport: asyncio.BaseTransport) -> bool:
    """Whether the process at the other end of a Unix socket runs as this user.

    True where the system does not tell (TCP, and systems without SO_PEERCRED).
    """
    sock = transport.get_extra_info("socket")
    if sock is None or sock.family != getattr(socket, "AF_UNIX", None):
        return True
    if sys.platform != "linux":
        return True  # the folder's mode keeps others out
    size = struct.calcsize("3i")
    _, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return bool(uid == os.getuid())


class SocketListener(StreamListener):
    """A listening socket whose links speak newline-delimited JSON."""

    def __init__(self, served: Served, tap: Tap) -> None:
        super().__init__(served)
        self.tap = tap
        self.server: asyncio.Server | None = None
        self.path: Path | None = None

    async def close(self) -> None:
        """Stop listening, end every link, remove the socket file."""
        if self.server is not None:
            await stop_listening(self.server)
        await self.close_links()
        if self.path is not None:
            self.path.unlink(missing_ok=True)


class _Sockets(Transport):
    """What both transports share: the client side once the socket is there."""

    @asynccontextmanager
    async def _open(
        self, make: Any, options: ConnectOptions, tap: Tap, what: str
    ) -> AsyncIterator[Any]:
        duplex = LineDuplex(receives=Direction.SERVER_TO_CLIENT, tap=tap.link())
        try:
            async with asyncio.timeout(options.connect_timeout_s):
                transport, _ = await make(duplex)
        except (OSError, TimeoutError) as error:
            reason = str(error) or "no answer"
            raise ConnectError(
                f"nothing answers at {what} ({reason}).", hint="%mcp status"
            ) from None
        if duplex.tap:
            duplex.tap.opened(link_address(transport, server=False))
        duplex.on_closed = options.on_closed
        try:
            yield duplex, duplex
        finally:
            await duplex.aclose()


def runtime_folder() -> Path:
    """A folder of mode 0700 for this user's sockets.

    Raises:
        UsageError: the folder exists and belongs to somebody else.
    """
    name = f"mcp-notebook-{os.getuid()}"
    named = os.environ.get("XDG_RUNTIME_DIR")
    if named:  # in a container it may be named and not be there
        with contextlib.suppress(OSError):
            return _private(Path(named) / name)
    folder = Path(tempfile.gettempdir()) / name
    try:
        return _private(folder)
    except OSError as error:
        raise UsageError(
            f"cannot make the folder {folder}: {error.strerror}.",
            hint="Give --path with a folder of yours.",
        ) from None


def _private(folder: Path) -> Path:
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    info = folder.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.getuid() or info.st_mode & 0o077:
        raise UsageError(
            f"the folder {folder} is not yours alone.", hint="Give --path with a folder of yours."
        )
    return folder


class UnixTransport(_Sockets):
    """Newline-delimited JSON over a Unix socket."""

    name = "unix"
    standing = "custom"
    summary = "newline-delimited JSON over a Unix socket"
    schemes = ("unix",)

    def missing(self) -> str:
        """Windows' Python has no Unix sockets."""
        return "" if hasattr(socket, "AF_UNIX") else "Python has no Unix sockets on Windows."

    async def listen(self, served: Served, options: ServeOptions, tap: Tap) -> SocketListener:
        """Listen on a socket file of mode 0600 in a folder of mode 0700."""
        self.refuse(options, "port", "host", "token")
        path = Path(options.path) if options.path else _own_path(options.name)
        if len(os.fsencode(path)) > MAX_UNIX_PATH_BYTES:
            raise UsageError(f"the socket path {path} is too long.", hint="Give a shorter --path.")
        if path.exists() and not path.is_socket():
            raise UsageError(f"{path} exists and is no socket.", hint="Give another --path.")
        if path.is_socket():
            if _answers(path):
                raise UsageError(f"somebody listens at {path}.", hint="Give another --path.")
            path.unlink()
        listener = SocketListener(served, tap)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # nobody can connect before listen(), so nobody gets in between these two; a umask
            # would be that of every thread of the process
            sock.bind(str(path))
            path.chmod(0o600)
        except OSError as error:
            sock.close()
            raise UsageError(
                f"cannot make the socket {path}: {error.strerror}.", hint="Give another --path."
            ) from None
        listener.path = path
        loop = asyncio.get_running_loop()
        listener.server = await loop.create_unix_server(lambda: _ServedLine(listener), sock=sock)
        listener.address = listener.url = f"unix:{path}"
        return listener

    def connect(self, target: Listener | str, options: ConnectOptions, tap: Tap) -> StreamPair:
        """Connect to a socket file."""
        url = target.url if isinstance(target, Listener) else target
        path = url.removeprefix("unix:").removeprefix("//")
        loop = asyncio.get_running_loop()
        return self._open(
            lambda duplex: loop.create_unix_connection(lambda: duplex, path), options, tap, path
        )


def _own_path(name: str) -> Path:
    """A path in this user's folder that nobody listens at."""
    stem = f"{os.getpid()}-{name.replace(os.sep, '-')}"
    path, number = runtime_folder() / stem, 2
    while path.is_socket() and _answers(path):
        path, number = path.with_name(f"{stem}-{number}"), number + 1
    return path


def _answers(path: Path) -> bool:
    """Whether a process accepts connections at a socket file."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


class TcpTransport(_Sockets):
    """Newline-delimited JSON over a TCP connection."""

    name = "tcp"
    standing = "custom"
    summary = "newline-delimited JSON over TCP, loopback only"
    schemes = ("tcp",)
    networked = True

    def missing(self) -> str:
        """Not offered on Windows, where nobody has tried it."""
        return "it is not offered on Windows." if os.name == "nt" else ""

    async def listen(self, served: Served, options: ServeOptions, tap: Tap) -> SocketListener:
        """Listen on a loopback port. There is no header to carry a token, so only there."""
        self.refuse(options, "path", "token")
        if options.host not in LOOPBACK_HOSTS:
            raise UsageError(
                "tcp has no way to check who calls, so it listens on loopback only.",
                hint="Leave --host out, or use -t http with --token.",
            )
        sock = await listening_socket(options)
        listener = SocketListener(served, tap)
        loop = asyncio.get_running_loop()
        listener.server = await loop.create_server(lambda: _ServedLine(listener), sock=sock)
        host, port = sock.getsockname()[:2]
        host = f"[{host}]" if ":" in host else host
        listener.address = listener.url = f"tcp://{host}:{port}"
        return listener

    def connect(self, target: Listener | str, options: ConnectOptions, tap: Tap) -> StreamPair:
        """Connect to ``tcp://host:port``."""
        url = target.url if isinstance(target, Listener) else target
        host, _, port = url.removeprefix("tcp://").rstrip("/").rpartition(":")
        if not host or not port.isdigit():
            raise UsageError(f"{url!r} is no tcp address.", hint="Write tcp://HOST:PORT.")
        loop = asyncio.get_running_loop()
        return self._open(
            lambda duplex: loop.create_connection(lambda: duplex, host.strip("[]"), int(port)),
            options,
            tap,
            url,
        )
