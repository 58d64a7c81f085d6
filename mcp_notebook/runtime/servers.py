"""The named servers of a kernel and how functions become part of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from mcp.server.mcpserver import MCPServer

from mcp_notebook.errors import UsageError

from .loop import BackgroundLoop
from .names import free_name, resolve
from .server import Change, Kind, NotebookServer, Part
from .targets import import_server
from .toolthreads import ToolThreads

F = TypeVar("F", bound=Callable[..., Any])

FIRST_SERVER = "notebook"
"""The server that exists without being named."""


class Servers(dict[str, NotebookServer]):
    """Servers by name."""

    def __init__(self, loop: BackgroundLoop, threads: ToolThreads) -> None:
        super().__init__()
        self._loop = loop
        self._threads = threads
        self.cell: Callable[[], str] = lambda: ""
        self._decorated: set[tuple[str, Kind, str]] = set()

    def served(self, name: str = FIRST_SERVER, *, make: bool = True) -> NotebookServer:
        """The server of a name with what the notebook knows of it.

        Raises:
            UsageError: there is none and ``make`` is false.
        """
        if name not in self:
            if not make:
                resolve(name, self, "server")
            self[name] = NotebookServer(name, loop=self._loop, threads=self._threads)
        return self[name]

    def add(self, server: MCPServer[Any], *, name: str = "", source: str = "") -> NotebookServer:
        """Take over a server that exists; the same object again gives the same one."""
        for known in self.values():
            if known.mcp is server:
                return known
        name = name or free_name(server.name or "server", self)
        made = NotebookServer(
            name, loop=self._loop, threads=self._threads, mcp=server, source=source
        )
        self[name] = made
        return made

    def find(self, server: str | MCPServer[Any] | NotebookServer | None) -> NotebookServer:
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
                f"a {type(server).__name__} is no MCPServer.",
                hint="Pass an mcp.server.MCPServer.",
            )
        if server in self:
            return self[server]
        if ":" in server:
            return self.add(import_server(server), source=server)
        if server == FIRST_SERVER:
            return self.served(server)
        return resolve(server, self, "server")

    def decorator(
        self, kind: Kind, server: str, name: str, kernel: bool, options: dict[str, Any]
    ) -> Callable[[F], F]:
        """A decorator that makes a function a tool, resource or prompt and returns it unchanged."""

        def decorate(function: F) -> F:
            part = Part(
                kind=kind,
                name=name or function.__name__,
                function=function,
                kernel=kernel,
                cell=self.cell(),
                options=options,
            )
            self._decorated.add((server, kind, part.name))
            self.served(server).define([part])
            return function

        return decorate

    def cell_begins(self) -> None:
        """A cell starts to run: forget what the one before defined by decorator."""
        self._decorated.clear()

    def cell_ended(self, cell: str) -> list[Change]:
        """A cell ran to its end: what it defined in an earlier run and not in this one is removed.

        Only for cells that defined something by decorator now; ``%%mcp tool`` looks after itself.
        """
        changes: list[Change] = []
        if not cell or not self._decorated:
            return changes
        for name in {server for server, _, _ in self._decorated}:
            old = [
                part.name
                for part in self[name].parts()
                if part.cell == cell and (name, part.kind, part.name) not in self._decorated
            ]
            if old:
                changes += self[name].remove(*old)
        return changes
