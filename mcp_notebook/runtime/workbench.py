"""Everything MCP in this kernel: named servers, endpoints, connections, and the Trace."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mcp.server.mcpserver import MCPServer

from mcp_notebook.errors import McpError, UsageError
from mcp_notebook.trace.events import Vantage
from mcp_notebook.trace.store import Trace
from mcp_notebook.transports import register_builtin
from mcp_notebook.transports.base import (
    ConnectOptions,
    Listener,
    ServeOptions,
    Transport,
    find_transport,
    register_transport,
)
from mcp_notebook.transports.tap import Tap

from .calls import PendingCall
from .connection import Connection
from .connections import Connections
from .credentials import secret_values
from .endpoint import Endpoint
from .endpoints import Endpoints
from .lent import Lent
from .loop import CLOSED, CLOSED_HINT, BackgroundLoop
from .mainthread import MainThread
from .masking import argv_secrets, masked
from .names import free_name, resolve
from .quiet import QuietLogging
from .server import NotebookServer
from .servers import FIRST_SERVER, Servers
from .session import Session
from .toolthreads import ToolThreads
from .trouble import THREADS, Trouble, report

DEFAULT_TIMEOUT_S = 60.0
CONNECT_TIMEOUT_S = 15.0


class Workbench(Lent):
    """Servers, endpoints and connections of one kernel. Usable without IPython.

    Args:
        folder: the folder that ports are derived from; the working folder by default.
        trace: an existing Trace to record into.

    Attributes:
        servers: the named servers.
        endpoints: what listens, by name.
        connections: what is connected, by name.
        taps: what stands between hosts and servers elsewhere, by name.
        trace: everything that happened.
        timeout: seconds a call may take where nothing else is said.
    """

    def __init__(self, *, folder: str | None = None, trace: Trace | None = None) -> None:
        register_builtin()
        self.folder = folder or os.getcwd()  # noqa: PTH109 - a plain string is hashed
        self.trace = Trace() if trace is None else trace  # an empty one is false
        self.main = MainThread()
        self.loop = BackgroundLoop(main=self.main)
        self.threads = ToolThreads(self.main)
        self.servers = Servers(self.loop, self.threads)
        self.endpoints = Endpoints(self.loop, self.trace, self._farewell)
        self.connections = Connections(self.loop, self.servers, self.endpoints)
        self.taps: dict[str, Any] = {}
        self.timeout = DEFAULT_TIMEOUT_S
        self.trouble: Trouble | None = None
        self._resort: Connection | None = None
        self.closed = False
        self._quiet = QuietLogging()
        self._quiet.apply()

    def __enter__(self) -> Workbench:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return (
            f"<workbench: {len(self.servers)} servers, {len(self.endpoints)} endpoints, "
            f"{len(self.connections)} connections>"
        )

    async def _farewell(self, endpoint: Endpoint, reason: str) -> None:
        await self.connections.farewell(endpoint, reason)

    def _check_open(self) -> None:
        if self.closed:
            raise UsageError(CLOSED, hint=CLOSED_HINT)

    # ---- servers ---------------------------------------------------------------------------

    def server(self, name: str = FIRST_SERVER, *, version: str = "") -> MCPServer[Any]:
        """The ``MCPServer`` of a name, made on first use; ``version`` is what it tells clients."""
        found = self.servers.served(name)
        if version:
            found.version = version
        return found.mcp

    def add(self, server: MCPServer[Any], *, name: str = "") -> NotebookServer:
        """Take over a server that exists; the same object again gives the same one."""
        return self.servers.add(server, name=name)

    def tool(
        self,
        function: Any = None,
        /,
        *,
        name: str = "",
        server: str = FIRST_SERVER,
        thread: str = "",
        **options: Any,
    ) -> Any:
        """Make a function a tool: ``@wb.tool`` or ``@wb.tool(name="add")``.

        Args:
            function: the function, where used without parentheses.
            name: the tool's name; the function's by default.
            server: the server it belongs to.
            thread: ``"kernel"`` runs it on the kernel's main thread or loop.
            options: what the SDK's ``add_tool`` takes: title, description, annotations ...
        """
        decorate = self.servers.decorator("tool", server, name, thread == "kernel", options)
        return decorate if function is None else decorate(function)

    def resource(
        self, uri: str, /, *, server: str = FIRST_SERVER, thread: str = "", **options: Any
    ) -> Any:
        """Make a function a resource: ``@wb.resource("data://{name}")``."""
        return self.servers.decorator("resource", server, uri, thread == "kernel", options)

    def prompt(
        self,
        function: Any = None,
        /,
        *,
        name: str = "",
        server: str = FIRST_SERVER,
        thread: str = "",
        **options: Any,
    ) -> Any:
        """Make a function a prompt: ``@wb.prompt``."""
        decorate = self.servers.decorator("prompt", server, name, thread == "kernel", options)
        return decorate if function is None else decorate(function)

    def register_transport(self, transport: Transport | type[Transport]) -> Transport:
        """Add a transport of your own to every command."""
        return register_transport(transport)

    # ---- endpoints ---------------------------------------------------------------------------

    def serve(
        self,
        server: str | MCPServer[Any] | NotebookServer | None = None,
        transport: str = "http",
        *,
        name: str | None = None,
        host: str = "127.0.0.1",
        port: int | None = None,
        path: str | None = None,
        token: str | None = None,
        allowed_hosts: Sequence[str] = (),
        allowed_origins: Sequence[str] = (),
    ) -> Endpoint:
        """Start an endpoint.

        Args:
            server: a server's name, an ``MCPServer``, or ``module:attribute``.
            transport: a transport's name.
            name: the endpoint's name; an endpoint of that name is replaced.
            host: the address to bind; anything but loopback needs a token.
            port: the port; without it one derived from the folder and the name.
            path: the URL path, or the socket's path.
            token: a bearer token that clients must send.
            allowed_hosts: further names accepted in the Host header.
            allowed_origins: further origins accepted.

        Raises:
            UsageError: in one line, why not.
        """
        self._check_open()
        _check_token(token)
        way = find_transport(transport)
        served = self.servers.find(server)
        if token:
            self.trace.secrets.add(token)
        options = ServeOptions(
            name=name or f"{served.name}-{way.name}",
            folder=self.folder,
            host=host,
            port=port,
            path=path,
            token=token,
            allowed_hosts=tuple(allowed_hosts),
            allowed_origins=tuple(allowed_origins),
        )
        return self.endpoints.start(served, way, options)

    # ---- connections ---------------------------------------------------------------------------

    def connect(
        self,
        target: Endpoint | NotebookServer | MCPServer[Any] | str | Sequence[str] | None = None,
        *,
        name: str | None = None,
        era: str = "auto",
        timeout: float | None = None,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        secrets: Sequence[str] = (),
    ) -> Connection:
        """Open a client.

        Args:
            target: an endpoint or server (object or name), a URL, a ``.py`` file, an
                ``mcp.json[#name]``, or a command line as a list; the newest endpoint by default.
            name: what to call it.
            era: ``auto``, ``legacy``, ``modern`` or a revision date.
            timeout: seconds for the handshake, and for each call.
            token: sent as a bearer token.
            headers: further HTTP headers.
            env: variables for a child process.
            cwd: a child's working folder.
            secrets: parts of the target that must not be shown or recorded.

        Raises:
            ConnectError: nothing answers, or not as an MCP server does.
            UsageError: the target cannot be meant.
        """
        self._check_open()
        _check_token(token)
        found, endpoint = self.connections.lead(target)
        name = name or free_name(found.name, self.connections)
        argv = [] if isinstance(found.address, str | Listener) else found.address
        hidden = [*secrets, *found.secrets, *argv_secrets(argv)]
        found = replace(found, shown=masked(found.shown, hidden))
        named = {"token": token or "", **(headers or {}), **(env or {})}
        for secret in (*hidden, *secret_values(named)):
            self.trace.secrets.add(secret)
        options = ConnectOptions(
            token=token,
            headers={**found.headers, **(headers or {})},
            env={**found.env, **(env or {})},
            cwd=cwd or found.cwd,
            connect_timeout_s=min(timeout or CONNECT_TIMEOUT_S, CONNECT_TIMEOUT_S),
        )
        session = Session(
            name=name,
            target=found,
            tap=Tap(self.trace, name, Vantage.CLIENT, found.transport.name),
            options=options,
            era=era,
            loop=self.loop,
        )
        since = self.trace.last_seq
        try:
            self.loop.run(session.open(timeout or CONNECT_TIMEOUT_S))
        except McpError as error:
            self.trouble = Trouble(what="connect", connection=name, error=error, since_seq=since)
            raise
        if name in self.connections:  # only now: a failed connect must not cost the old one
            self.connections.stop(self.connections[name])
        connection = Connection(
            session=session, workbench=self, endpoint=endpoint, timeout=timeout or self.timeout
        )
        self.connections[name] = connection
        self.connections.use(name)
        return connection

    def connection(self, name: str | None = None) -> Connection:
        """The connection of a name, or the default one.

        Raises:
            UsageError: there is none, or none is open.
        """
        if name is not None:
            return resolve(name, self.connections, "connection")
        return self.connections.default()

    def any_connection(self) -> tuple[Connection, bool]:
        """The default connection, or where nothing is open one to the notebook over ``memory``.

        Returns:
            The connection, and whether it is that last resort.
        """
        resort = f"{FIRST_SERVER}-memory"
        with contextlib.suppress(UsageError):
            found = self.connections.default()
            return found, found is self._resort
        endpoint = self.endpoints.get(resort)
        if endpoint is None:
            endpoint = self.serve(FIRST_SERVER, "memory")
            endpoint.last_resort = True
        self._resort = self.connect(endpoint, name=resort)
        return self._resort, True

    def use(self, name: str) -> Connection:
        """Make a connection the default one."""
        return self.connections.use(name)

    # ---- the whole -----------------------------------------------------------------------------

    def stop(self, *names: str) -> list[str]:
        """Stop endpoints and close connections by name.

        Raises:
            UsageError: a name is unknown; then nothing is stopped.
        """
        for name in names:
            known: dict[str, Any] = {**self.endpoints, **self.connections, **self.taps}
            resolve(name, known, "endpoint or connection")
        self.connections.stop(
            *(self.connections[name] for name in names if name in self.connections)
        )
        for name in names:
            if name in self.endpoints:
                self.endpoints.stop(self.endpoints[name])
                if name in self.connections:  # one that was lost with it
                    self.connections.stop(self.connections[name])
            if name in self.taps:
                self.loop.run(self.taps.pop(name).end())
        return list(names)

    def stop_all(self) -> list[str]:
        """Close every connection, stop every endpoint."""
        return self.stop(*dict.fromkeys([*self.connections, *self.endpoints, *self.taps]))

    def close(self) -> None:
        """Stop everything and leave nothing behind: no thread, port, process, logging change."""
        if self.closed:
            return
        self.closed = True
        with contextlib.ExitStack() as last:  # each, also where Ctrl-C strikes meanwhile
            for step in (self._quiet.restore, self.loop.stop, self.threads.stop):
                last.callback(step)
            if self.loop.running:
                with contextlib.suppress(McpError, TimeoutError, concurrent.futures.CancelledError):
                    self.loop.run(self._close_all(), timeout_s=15)

    async def _close_all(self) -> None:
        connections = list(self.connections.values())
        self.connections.clear()
        ends = [*(c.session.close() for c in connections), *(t.end() for t in self.taps.values())]
        await asyncio.gather(*ends, return_exceptions=True)
        for endpoint in list(self.endpoints.values()):
            with contextlib.suppress(Exception):  # the rest must be stopped all the same
                await self.endpoints.end(endpoint, "the workbench was closed")

    # ---- when something goes wrong ------------------------------------------------------------

    def remember(self, error: BaseException | None, call: PendingCall) -> None:
        """Keep a failed call for ``why``."""
        self.trouble = Trouble(
            what=call.tool,
            connection=call.connection.name,
            error=error,
            failure=call.failure(),
            since_seq=call.since_seq,
        )

    def why(self) -> str:
        """The last failure in full: what happened, the tool's own frames, what to do."""
        trouble = self.trouble
        events = []
        if trouble is not None:
            shown = self.trace.redacted().since(trouble.since_seq)
            events = [e for e in shown if e.conn == trouble.connection]
        asking = {
            c.endpoint.server for c in self.connections.values() if c.endpoint and c.session.asking
        }
        waiting = {name for server in asking for name in server.tool_names()}
        return report(trouble, events, self.threads.blocked(), waiting)

    def why_slow(self, tool: str, connection: Connection) -> str:
        """What keeps a tool of this kernel busy, in a few words."""
        if connection.endpoint is None or connection.transport == "stdio":
            return ""
        mine = [r for r in self.threads.running() if r.tool == tool]
        return f"it is still running {THREADS.get(mine[0].thread, '')}".rstrip() if mine else ""


def _check_token(token: str | None) -> None:
    """A token that is no text, or an empty one, protects nothing."""
    if token is not None and not (isinstance(token, str) and token.strip()):
        raise UsageError("the token is empty.", hint="Give a text that is hard to guess.")
