"""Everything MCP in this kernel: named servers, endpoints, connections, and the Trace."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from mcp.server.mcpserver import MCPServer

from mcp_notebook.errors import McpError, UsageError
from mcp_notebook.trace.events import Vantage
from mcp_notebook.trace.store import Trace
from mcp_notebook.transports import register_builtin
from mcp_notebook.transports.base import (
    ConnectOptions,
    ServeOptions,
    Transport,
    find_transport,
    register_transport,
)
from mcp_notebook.transports.tap import Tap

from . import targets
from .calls import PendingCall
from .connection import Connection
from .endpoint import Endpoint
from .loop import BackgroundLoop
from .mainthread import MainThread
from .names import free_name, near, resolve
from .quiet import QuietLogging
from .server import Kind, NotebookServer, Part
from .session import Session
from .toolthreads import ToolThreads
from .trouble import Trouble, report

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_TIMEOUT_S = 60.0
CONNECT_TIMEOUT_S = 15.0
FIRST_SERVER = "notebook"


class Workbench:
    """Servers, endpoints and connections of one kernel. Usable without IPython.

    Args:
        folder: the folder that ports are derived from; the working folder by default.
        trace: an existing Trace to record into.
    """

    def __init__(self, *, folder: str | None = None, trace: Trace | None = None) -> None:
        register_builtin()
        self.folder = folder or os.getcwd()  # noqa: PTH109 - a plain string is hashed
        self.trace = trace or Trace()
        self.main = MainThread()
        self.loop = BackgroundLoop(main=self.main)
        self.threads = ToolThreads(self.main)
        self.servers: dict[str, NotebookServer] = {}
        self.endpoints: dict[str, Endpoint] = {}
        self.connections: dict[str, Connection] = {}
        self.timeout = DEFAULT_TIMEOUT_S
        self.trouble: Trouble | None = None
        self.closed = False
        self._chosen: list[str] = []
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

    # ---- servers ---------------------------------------------------------------------------

    def server(self, name: str = FIRST_SERVER) -> MCPServer[Any]:
        """The ``MCPServer`` of a name, made on first use."""
        return self.served(name).mcp

    def served(self, name: str = FIRST_SERVER, *, make: bool = True) -> NotebookServer:
        """The server of a name with what the notebook knows of it.

        Raises:
            UsageError: there is none and ``make`` is false.
        """
        if name not in self.servers:
            if not make:
                resolve(name, self.servers, "server")
            self.servers[name] = NotebookServer(name, loop=self.loop, threads=self.threads)
        return self.servers[name]

    def add(self, server: MCPServer[Any], *, name: str = "", source: str = "") -> NotebookServer:
        """Take over a server that exists; the same object again gives the same one."""
        for known in self.servers.values():
            if known.mcp is server:
                return known
        name = name or free_name(server.name or "server", self.servers)
        made = NotebookServer(name, loop=self.loop, threads=self.threads, mcp=server, source=source)
        self.servers[name] = made
        return made

    def define(
        self, kind: Kind, server: str, name: str, kernel: bool, options: dict[str, Any]
    ) -> Callable[[F], F]:
        """A decorator that makes a function a tool, resource or prompt and returns it unchanged."""

        def decorate(function: F) -> F:
            part = Part(
                kind=kind,
                name=name or function.__name__,
                function=function,
                kernel=kernel,
                options=options,
            )
            self.served(server).define([part])
            return function

        return decorate

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
        decorate = self.define("tool", server, name, thread == "kernel", options)
        return decorate if function is None else decorate(function)

    def resource(
        self, uri: str, /, *, server: str = FIRST_SERVER, thread: str = "", **options: Any
    ) -> Any:
        """Make a function a resource: ``@wb.resource("data://{name}")``."""
        return self.define("resource", server, uri, thread == "kernel", options)

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
        decorate = self.define("prompt", server, name, thread == "kernel", options)
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
        way = find_transport(transport)
        served = self.find_server(server)
        name = name or f"{served.name}-{way.name}"
        if token:
            self.trace.secrets.add(token)
        warnings: list[str] = []
        options = ServeOptions(
            name=name,
            folder=self.folder,
            host=host,
            port=port,
            path=path,
            token=token,
            allowed_hosts=tuple(allowed_hosts),
            allowed_origins=tuple(allowed_origins),
            warn=warnings.append,
        )
        return self.loop.run(self._serve(served, way, name, options, warnings))

    def find_server(self, server: str | MCPServer[Any] | NotebookServer | None) -> NotebookServer:
        """The server that a command means.

        Raises:
            UsageError: there is no such server.
        """
        if server is None:
            return self.served(FIRST_SERVER)
        if isinstance(server, NotebookServer):
            return server
        if isinstance(server, MCPServer):
            return self.add(server)
        if not isinstance(server, str):
            raise UsageError(
                f"a {type(server).__name__} is no MCPServer.", hint="Pass an mcp.server.MCPServer."
            )
        if server in self.servers:
            return self.servers[server]
        if ":" in server:
            return self.add(targets.import_server(server), source=server)
        if server == FIRST_SERVER:
            return self.served(server)
        return resolve(server, self.servers, "server")

    async def _serve(
        self,
        served: NotebookServer,
        way: Transport,
        name: str,
        options: ServeOptions,
        warnings: list[str],
    ) -> Endpoint:
        if name in self.endpoints:
            await self._stop_endpoint(self.endpoints[name], "its endpoint was replaced")
        tap = Tap(self.trace, name, Vantage.SERVER, way.name)
        listener = await way.listen(served, options, tap)
        endpoint = Endpoint(
            name=name,
            server=served,
            transport=way,
            listener=listener,
            stop=self.stop_endpoint,
            warnings=warnings,
            guarded=bool(options.token),
        )
        self.endpoints[name] = endpoint
        return endpoint

    def stop_endpoint(self, endpoint: Endpoint) -> None:
        """Stop an endpoint; twice is no error."""
        if self.endpoints.get(endpoint.name) is endpoint:
            self.loop.run(self._stop_endpoint(endpoint, "its endpoint was stopped"))

    async def _stop_endpoint(self, endpoint: Endpoint, reason: str) -> None:
        self.endpoints.pop(endpoint.name, None)
        endpoint.mark_stopped()
        for connection in list(self.connections.values()):
            if connection.endpoint is endpoint:
                connection.session.give_up(reason)
                await connection.session.close()
        await endpoint.listener.close()

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

        Raises:
            ConnectError: nothing answers, or not as an MCP server does.
            UsageError: the target cannot be meant.
        """
        found, endpoint = self._target(target)
        name = name or free_name(found.name, self.connections)
        if name in self.connections:
            self.close_connection(self.connections[name])
        for secret in (token, *found.secrets, *(headers or {}).values()):
            if secret:
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
        connection = Connection(
            session=session, workbench=self, endpoint=endpoint, timeout=timeout or self.timeout
        )
        self.connections[name] = connection
        self.use(name)
        return connection

    def _target(self, target: Any) -> tuple[targets.Target, Endpoint | None]:
        if target is None:
            if not self.endpoints:
                raise UsageError(
                    "there is nothing to connect to.", hint="%mcp serve, or name a target."
                )
            target = list(self.endpoints.values())[-1]
        if isinstance(target, str):
            named = self.endpoints.get(target) or self.servers.get(target)
            if named is None:
                return self._outside(target), None
            target = named
        if isinstance(target, MCPServer):
            target = self.add(target)
        if isinstance(target, NotebookServer):
            mine = [e for e in self.endpoints.values() if e.server is target]
            target = mine[-1] if mine else self.serve(target, "memory")
        if isinstance(target, Endpoint):
            if target.status != "listening":
                raise UsageError(f"{target.name} is stopped.", hint="%mcp serve starts it again.")
            found = targets.Target(
                name=target.name,
                transport=find_transport(target.transport),
                address=target.listener,
                shown=target.name,
            )
            return found, target
        if isinstance(target, Sequence) and target and all(isinstance(a, str) for a in target):
            return targets.from_command(list(target)), None
        raise UsageError(
            f"cannot connect to a {type(target).__name__}.", hint="%mcp connect --help"
        )

    def _outside(self, text: str) -> targets.Target:
        """A target that is no name of this kernel."""
        if targets.looks_like_url(text):
            return targets.from_url(text)
        if text.partition("#")[0].endswith((".py", ".json")):
            return targets.from_file(text)
        raise UsageError(
            f"there is no endpoint or server {text!r} here.",
            hint=f"{near(text, [*self.endpoints, *self.servers])}"
            "A URL, a .py file, mcp.json or -- COMMAND works too.",
        )

    def connection(self, name: str | None = None) -> Connection:
        """The connection of a name, or the default one.

        Raises:
            UsageError: there is none, or it is gone.
        """
        if name is not None:
            return resolve(name, self.connections, "connection")
        for chosen in reversed(self._chosen):
            found = self.connections.get(chosen)
            if found is not None and found.is_open:
                return found
        raise UsageError("nothing is connected.", hint="%mcp connect")

    def any_connection(self) -> tuple[Connection, bool]:
        """The default connection, or a new one to the notebook's server over ``memory``.

        Returns:
            The connection, and whether it is that of last resort.
        """
        with contextlib.suppress(UsageError):
            found = self.connection()
            return found, self._is_resort(found)
        served = self.served(FIRST_SERVER)
        endpoint = self.endpoints.get(f"{FIRST_SERVER}-memory") or self.serve(served, "memory")
        return self.connect(endpoint), True

    def _is_resort(self, connection: Connection) -> bool:
        return connection.name == f"{FIRST_SERVER}-memory" and len(self.connections) == 1

    def use(self, name: str) -> Connection:
        """Make a connection the default one."""
        found = resolve(name, self.connections, "connection")
        self._chosen = [n for n in self._chosen if n != name and n in self.connections] + [name]
        return found

    def close_connection(self, connection: Connection) -> None:
        """Close a connection; twice is no error."""
        if self.connections.get(connection.name) is connection:
            self.loop.run(self.aclose_connection(connection))

    async def aclose_connection(self, connection: Connection) -> None:
        """Close a connection, from any loop."""
        if self.connections.get(connection.name) is connection:
            del self.connections[connection.name]
        await self.loop.reach(connection.session.close())

    # ---- the whole -----------------------------------------------------------------------------

    def stop(self, *names: str) -> list[str]:
        """Stop endpoints and close connections by name.

        Raises:
            UsageError: a name is unknown; then nothing is stopped.
        """
        for name in names:
            if name not in self.connections and name not in self.endpoints:
                resolve(name, {**self.endpoints, **self.connections}, "endpoint or connection")
        for name in names:
            if name in self.connections:
                self.close_connection(self.connections[name])
            if name in self.endpoints:
                self.stop_endpoint(self.endpoints[name])
        return list(names)

    def stop_all(self) -> list[str]:
        """Close every connection, stop every endpoint."""
        names = list(dict.fromkeys([*self.connections, *self.endpoints]))
        return self.stop(*names)

    def close(self) -> None:
        """Stop everything and leave nothing behind: no thread, port, process, logging change."""
        if self.closed:
            return
        self.closed = True
        if self.loop.running:
            with contextlib.suppress(McpError, TimeoutError, concurrent.futures.CancelledError):
                self.loop.run(self._close_all(), timeout_s=15)
        self.threads.stop()
        self.loop.stop()
        self._quiet.restore()

    async def _close_all(self) -> None:
        connections = list(self.connections.values())
        self.connections.clear()
        await asyncio.gather(*(c.session.close() for c in connections), return_exceptions=True)
        for endpoint in list(self.endpoints.values()):
            with contextlib.suppress(Exception):  # the rest must be stopped all the same
                await self._stop_endpoint(endpoint, "the workbench was closed")

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
        return report(trouble, events, self.threads.blocked())

    def why_slow(self, tool: str, connection: Connection) -> str:
        """What keeps a tool of this kernel busy, in a few words."""
        if connection.endpoint is None or connection.transport == "stdio":
            return ""
        mine = [r for r in self.threads.running() if r.tool == tool]
        return f"it is still running: {mine[0].thread.replace('_', ' ')}" if mine else ""
