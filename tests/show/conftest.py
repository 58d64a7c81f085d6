"""A workbench that has talked over several transports in both eras."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from pydantic import Field

from mcp_notebook.runtime.workbench import Workbench

ROADS = ("memory", "pipe", "http", "http-json", "sse", "websocket")
ERAS = ("legacy", "modern")


def equipped() -> Workbench:
    """A workbench with three tools: one adds, one counts, one fails."""
    from mcp.server.mcpserver import Context

    workbench = Workbench()

    @workbench.tool
    def add(a: int, b: Annotated[int, Field(description="the second number")] = 2) -> int:
        """Add two numbers."""
        return a + b

    async def count(n: int, ctx: Any) -> str:
        for i in range(n):
            await ctx.report_progress(i + 1, n, f"step {i}")
        return "done"

    count.__annotations__["ctx"] = Context
    workbench.tool(count)

    @workbench.tool
    def boom(why: str) -> str:
        """Fail."""
        raise ValueError(why)

    return workbench


def talk(workbench: Workbench, road: str, era: str) -> None:
    """One conversation: connect, two calls, close."""
    endpoint = workbench.serve(transport=road)
    connection = workbench.connect(endpoint, era=era, name=f"{road}-{era}")
    connection.call("add", a=1)
    connection.start("count", {"n": 2}, on_progress=lambda *_: None).result()
    connection.close()
    endpoint.stop()


@pytest.fixture(scope="package")
def spoken() -> Iterator[Workbench]:
    """A workbench whose Trace holds a conversation over each road in each era."""
    with equipped() as workbench:
        for road in ROADS:
            for era in ERAS:
                talk(workbench, road, era)
        yield workbench
