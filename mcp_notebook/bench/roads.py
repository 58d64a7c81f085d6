"""What is compared: the roads that a message can take, each in one era."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mcp_notebook.errors import UsageError
from mcp_notebook.runtime.names import near


@dataclass(frozen=True, kw_only=True)
class Road:
    """A transport in an era.

    Attributes:
        name: how it is called in readings and tables.
        title: what it is, in a few words.
        transport: the transport's name.
        era: ``legacy`` or ``modern``.
        standing: what the specification says of it.
        path: the path of its endpoint's URL; empty where it has none.
    """

    name: str
    title: str
    transport: str
    era: str
    standing: str
    path: str = ""

    @property
    def networked(self) -> bool:
        """Whether a client needs a network address to use it."""
        return bool(self.path)

    @property
    def http(self) -> bool:
        """Whether its messages travel in HTTP requests and answers."""
        return self.networked and self.name != "websocket"


ROADS: Final = {
    road.name: road
    for road in (
        Road(
            name="memory",
            title="two queues in one process",
            transport="memory",
            era="modern",
            standing="for lessons",
        ),
        Road(
            name="stdio",
            title="pipes of a child process",
            transport="stdio",
            era="modern",
            standing="standard",
        ),
        Road(
            name="http-json",
            title="Streamable HTTP, each answer one JSON body",
            transport="http-json",
            era="modern",
            standing="standard, restricted",
            path="/mcp",
        ),
        Road(
            name="sse",
            title="HTTP+SSE of 2024-11-05, two endpoints",
            transport="sse",
            era="legacy",
            standing="deprecated",
            path="/sse",
        ),
        Road(
            name="http-2025",
            title="Streamable HTTP with a session, 2025-11-25",
            transport="http",
            era="legacy",
            standing="standard until 2025-11-25",
            path="/mcp",
        ),
        Road(
            name="http-2026",
            title="Streamable HTTP without a session, 2026-07-28",
            transport="http",
            era="modern",
            standing="standard",
            path="/mcp",
        ),
        Road(
            name="websocket",
            title="one WebSocket, a custom transport",
            transport="websocket",
            era="modern",
            standing="custom",
            path="/mcp",
        ),
    )
}
"""The roads, by name."""


def roads_named(names: Sequence[str] | None) -> list[Road]:
    """The roads of these names, in the usual order; all of them where no names are given.

    Raises:
        UsageError: there is no such road.
    """
    for name in names or ():
        if name not in ROADS:
            raise UsageError(
                f"there is no road {name!r}.",
                hint=near(name, list(ROADS)).strip() or f"There is: {', '.join(ROADS)}.",
            )
    return [road for road in ROADS.values() if not names or road.name in names]
