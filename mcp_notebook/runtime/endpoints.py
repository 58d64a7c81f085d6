"""The endpoints of a kernel: starting, replacing and stopping them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from urllib.parse import urlsplit

from mcp_notebook.trace.events import Vantage
from mcp_notebook.trace.store import Trace
from mcp_notebook.transports.base import ServeOptions, Transport
from mcp_notebook.transports.tap import Tap

from .endpoint import Endpoint
from .loop import BackgroundLoop
from .server import NotebookServer

Farewell = Callable[[Endpoint, str], Awaitable[None]]
"""Ends the connections to an endpoint, told the reason."""


def _elsewhere(options: ServeOptions, old: Endpoint) -> bool:
    """Whether an endpoint asks for another port than the one it replaces has.

    Then it starts first: where its port is taken, the old one goes on.
    """
    return options.port is not None and options.port != (urlsplit(old.url).port or 0)


class Endpoints(dict[str, Endpoint]):
    """Endpoints by name.

    Args:
        loop: the background loop they run on.
        trace: where their traffic is recorded.
        farewell: called before an endpoint goes, to end the connections to it.

    Attributes:
        on_change: called before an endpoint is started or stopped by a user.
    """

    def __init__(self, loop: BackgroundLoop, trace: Trace, farewell: Farewell) -> None:
        super().__init__()
        self._loop = loop
        self._trace = trace
        self._farewell = farewell
        self.on_change: Callable[[], None] = lambda: None

    def start(self, served: NotebookServer, way: Transport, options: ServeOptions) -> Endpoint:
        """Start an endpoint; one of the same name is replaced.

        Raises:
            UsageError: in one line, why not.
        """
        warnings: list[str] = []
        options = replace(options, warn=warnings.append)
        self.on_change()
        return self._loop.run(self._start(served, way, options, warnings))

    async def _start(
        self, served: NotebookServer, way: Transport, options: ServeOptions, warnings: list[str]
    ) -> Endpoint:
        name = options.name
        old = self.get(name)
        if old is not None and not _elsewhere(options, old):
            await self.end(old, "its endpoint was replaced")  # the new one needs its place
        tap = Tap(self._trace, name, Vantage.SERVER, way.name)
        listener = await way.listen(served, options, tap)
        if old is not None and self.get(name) is old:
            await self.end(old, "its endpoint was replaced")
        self[name] = Endpoint(
            name=name,
            server=served,
            transport=way,
            listener=listener,
            stop=self.stop,
            warnings=warnings,
            guarded=bool(options.token),
        )
        return self[name]

    def stop(self, endpoint: Endpoint) -> None:
        """Stop an endpoint; twice is no error."""
        if self.get(endpoint.name) is endpoint:
            self.on_change()
            self._loop.run(self.end(endpoint, "its endpoint was stopped"))

    async def end(self, endpoint: Endpoint, reason: str) -> None:
        """Stop an endpoint from the background loop."""
        self.pop(endpoint.name, None)
        endpoint.mark_stopped()
        await self._farewell(endpoint, reason)
        await endpoint.listener.close()
