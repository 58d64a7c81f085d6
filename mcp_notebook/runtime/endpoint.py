"""One server listening over one transport at one address."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mcp_notebook.transports.base import Listener, Transport

if TYPE_CHECKING:
    from .server import NotebookServer


class Endpoint:
    """A server that listens. Made by ``Workbench.serve``.

    Attributes:
        name: how magics call it.
        server: what it serves.
        warnings: what the user should know about how it was started.
        last_resort: whether nobody asked for it: a connection needed it. It is not what a bare
            ``connect`` means while there is another.
    """

    def __init__(
        self,
        *,
        name: str,
        server: NotebookServer,
        transport: Transport,
        listener: Listener,
        stop: Callable[[Endpoint], None],
        warnings: list[str],
        guarded: bool = False,
    ) -> None:
        self.name = name
        self.server = server
        self.warnings = warnings
        self.guarded = guarded
        self.last_resort = False
        self.listener = listener
        self._transport = transport
        self._stop = stop
        self._stopped = False

    @property
    def transport(self) -> str:
        """The transport's name."""
        return self._transport.name

    @property
    def standing(self) -> str:
        """What the specification says of the transport: standard, deprecated, custom."""
        return self._transport.standing

    @property
    def address(self) -> str:
        """Where it is, for people."""
        return self.listener.address

    @property
    def url(self) -> str:
        """Where a client of another process connects; empty where none can."""
        return self.listener.url

    @property
    def status(self) -> str:
        """``listening`` or ``stopped``."""
        return "stopped" if self._stopped else "listening"

    @property
    def left_out(self) -> dict[str, str]:
        """What a child would not have if one were started now, with the reason (``stdio``)."""
        if self.transport != "stdio" or self.server.source:
            return {}
        from .snapshot import pack

        return pack(self.server)[1]

    @property
    def links(self) -> int:
        """How many links are open."""
        return 0 if self._stopped else self.listener.links

    def mark_stopped(self) -> None:
        """It listens no more."""
        self._stopped = True

    def stop(self) -> None:
        """Stop listening, end its connections, free its port."""
        self._stop(self)

    close = stop

    def __repr__(self) -> str:
        return f"<endpoint {self.name}: {self.server.name} over {self.transport}, {self.status}>"
