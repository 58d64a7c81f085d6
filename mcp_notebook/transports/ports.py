"""Listening sockets: bound by us, on loopback, with a port that survives a restart."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
import socket
import threading
from collections import deque

from mcp_notebook.errors import UsageError

from .base import LOOPBACK_HOSTS, ServeOptions

FIRST_DERIVED_PORT = 20_000
DERIVED_PORTS = 12_000
"""Derived ports lie below the range the operating system hands out by itself (from 32768)."""

RETRY_S = 1.0
"""How long a derived port that is taken is tried again: a dying kernel may hold it a moment."""


def derived_port(folder: str, name: str) -> int:
    """The port of an endpoint: the same folder and name give the same one."""
    digest = hashlib.blake2b(f"{folder}\0{name}".encode(), digest_size=4).digest()
    return FIRST_DERIVED_PORT + int.from_bytes(digest, "big") % DERIVED_PORTS


def url_host(host: str) -> str:
    """A host as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


def reachable(host: str) -> str:
    """Where a client of this machine reaches a listener: "every address" is none to call."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


async def listening_socket(options: ServeOptions) -> socket.socket:
    """Bind and listen as the options say.

    Raises:
        UsageError: the port that was asked for is taken or not allowed, the host is no
            address of this machine, or it is not loopback and there is no token.
    """
    if options.host not in LOOPBACK_HOSTS and not options.token:
        raise UsageError(
            f"--host {options.host} lets other machines in.",
            hint="Add --token $NAME with a secret of yours, or leave --host out.",
        )
    if options.port is not None:
        if not 0 <= options.port <= 65535:
            raise UsageError(f"there is no port {options.port}.", hint="Ports go from 0 to 65535.")
        return _bind(options.host, options.port)
    wanted = derived_port(options.folder, options.name)
    deadline = asyncio.get_running_loop().time() + RETRY_S
    while True:
        try:
            return _bind(options.host, wanted)
        except UsageError:
            if asyncio.get_running_loop().time() > deadline:
                break
        await asyncio.sleep(0.1)
    sock = _bind(options.host, 0)
    options.warn(
        f"port {wanted}, the usual one of {options.name}, is taken; "
        f"listening on {sock.getsockname()[1]} instead"
    )
    return sock


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # IPPROTO_TCP spelled out: with proto 0 asyncio leaves Nagle's algorithm on, and each
    # call waits 44 ms for a delayed acknowledgement.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name != "nt":  # on Windows it would let two servers share the port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1" if host == "localhost" else host, port))
        sock.listen(128)
    except OSError as error:
        sock.close()
        raise UsageError(_bind_problem(host, port, error), hint=_bind_hint(error)) from None
    sock.setblocking(False)
    return sock


def _bind_problem(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is taken on {host}."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"port {port} may not be opened by this user."
    return f"{host} is not an address of this machine."


def _bind_hint(error: OSError) -> str:
    if error.errno in (errno.EADDRINUSE, errno.EACCES, errno.EPERM):
        return "Leave --port out to get a free one, or %mcp stop what listens there."
    return "Leave --host out to listen on 127.0.0.1."


TURNS_TO_A_LINK = 4
"""So many turns of the loop asyncio takes from the accepted socket to ``connection_made``."""


async def stop_listening(server: asyncio.Server) -> None:
    """Close a server's sockets once those it has let in are links, which their owner ends.

    asyncio's own ``close`` forgets whom it has accepted and not handed over: the peer waits until
    the garbage collector closes its socket.
    """
    loop = asyncio.get_running_loop()
    for sock in server.sockets:
        with contextlib.suppress(NotImplementedError):  # Windows, where accepting is no reader
            loop.remove_reader(sock.fileno())
    for _ in range(TURNS_TO_A_LINK):
        await asyncio.sleep(0)
    server.close()  # no wait_closed: it waits for clients since Python 3.12.1


_given: deque[int] = deque(maxlen=64)
"""Ports that were given lately: servers that start side by side must not get the same one."""

_giving = threading.Lock()


def free_port() -> int:
    """A loopback port that nobody listened on a moment ago, and that was given to nobody here."""
    with _giving:
        while True:
            with socket.create_server(("127.0.0.1", 0)) as probe:
                port = int(probe.getsockname()[1])
            if port not in _given:
                _given.append(port)
                return port
