"""The connections of a kernel: what they lead to, which is the default one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from mcp.server.mcpserver import MCPServer

from mcp_notebook.errors import UsageError
from mcp_notebook.transports.base import ServeOptions, find_transport

from . import targets
from .connection import Connection
from .endpoint import Endpoint
from .endpoints import Endpoints
from .listening import end_all
from .loop import BackgroundLoop
from .names import near, resolve
from .server import NotebookServer
from .servers import Servers


class Connections(dict[str, Connection]):
    """Connections by name, and the order in which they were chosen."""

    def __init__(self, loop: BackgroundLoop, servers: Servers, endpoints: Endpoints) -> None:
        super().__init__()
        self._loop = loop
        self._servers = servers
        self._endpoints = endpoints
        self._chosen: list[str] = []
        endpoints.on_change = self._forget_lost

    def lead(self, target: Any) -> tuple[targets.Target, Endpoint | None]:
        """Where a target leads, and the endpoint of this kernel it is, if it is one.

        A server of this kernel leads to its newest endpoint; one without is served over
        ``memory``.

        Raises:
            UsageError: it leads nowhere.
        """
        if target is None:
            if not self._endpoints:
                raise UsageError(
                    "there is nothing to connect to.", hint="%mcp serve, or name a target."
                )
            asked_for = [e for e in self._endpoints.values() if not e.last_resort]
            target = (asked_for or list(self._endpoints.values()))[-1]
        if isinstance(target, str):
            named = self._endpoints.get(target) or self._servers.get(target)
            if named is None:
                return self._outside(target), None
            target = named
        if isinstance(target, MCPServer):
            target = self._servers.add(target)
        if isinstance(target, NotebookServer):
            target = self._endpoint_of(target)
        if isinstance(target, Endpoint):
            return self._inside(target), target
        if isinstance(target, Sequence) and target and all(isinstance(a, str) for a in target):
            return targets.from_command(list(target)), None
        raise UsageError(
            f"that is of type {type(target).__name__}; nobody can connect to it.",
            hint="%mcp connect --help",
        )

    def _endpoint_of(self, server: NotebookServer) -> Endpoint:
        for endpoint in reversed(self._endpoints.values()):
            if endpoint.server is server:
                return endpoint
        options = ServeOptions(name=f"{server.name}-memory")
        endpoint = self._endpoints.start(server, find_transport("memory"), options)
        endpoint.last_resort = True
        return endpoint

    def _inside(self, endpoint: Endpoint) -> targets.Target:
        if endpoint.status != "listening":
            raise UsageError(f"{endpoint.name} is stopped.", hint="%mcp serve starts it again.")
        return targets.Target(
            name=endpoint.name,
            transport=find_transport(endpoint.transport),
            address=endpoint.listener,
            shown=endpoint.name,
        )

    def _outside(self, text: str) -> targets.Target:
        """A target that is no name of this kernel."""
        if targets.looks_like_url(text):
            return targets.from_url(text)
        if text.partition("#")[0].endswith((".py", ".json")):
            return targets.from_file(text)
        raise UsageError(
            f"there is no endpoint or server {text!r} here.",
            hint=f"{near(text, [*self._endpoints, *self._servers])}"
            "A URL, a .py file, mcp.json or -- COMMAND works too.",
        )

    def default(self) -> Connection:
        """The connection chosen last that is open, or that opens itself again.

        Raises:
            UsageError: there is none.
        """
        chosen = [self[name] for name in reversed(self._chosen) if name in self]
        for found in chosen:
            if found.is_open:
                return found
        for found in chosen:
            if found.session.returns:
                return found
        raise UsageError("nothing is connected.", hint="%mcp connect")

    def use(self, name: str) -> Connection:
        """Make a connection the default one.

        Raises:
            UsageError: there is none of that name.
        """
        found = resolve(name, self, "connection")
        self._chosen = [n for n in self._chosen if n != name and n in self] + [name]
        return found

    def stop(self, *connections: Connection) -> None:
        """Close connections, all at once: a child may take seconds. Twice is no error."""
        if mine := [each for each in connections if self.get(each.name) is each]:
            self._loop.run(self._end_each(mine))

    async def _end_each(self, connections: list[Connection]) -> None:
        await asyncio.gather(*(self.end(each) for each in connections))

    async def end(self, connection: Connection) -> None:
        """Close a connection, from any loop."""
        if self.get(connection.name) is connection:
            del self[connection.name]

        async def close() -> None:
            await end_all(connection)
            await connection.session.close()

        await self._loop.reach(close())

    def _forget_lost(self) -> None:
        """Forget the connections that were lost with an endpoint some time ago."""
        for name, connection in list(self.items()):
            endpoint = connection.endpoint
            if endpoint is not None and endpoint.status == "stopped" and connection.session.lost:
                del self[name]

    async def farewell(self, endpoint: Endpoint, reason: str) -> None:
        """End the connections to an endpoint that goes away; they stay listed as lost."""
        for connection in list(self.values()):
            if connection.endpoint is endpoint:
                connection.session.give_up(reason)
                await connection.session.close()
