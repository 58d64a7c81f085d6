"""The server that probes measure: the same tools on every road."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import Any, Final

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.subscriptions import ToolsListChanged

from mcp_notebook.runtime import sdk
from mcp_notebook.runtime.quiet import root_left_alone

NAME: Final = "subject"
SECRET: Final = "MCP_BENCH_SECRET"
"""The environment variable that ``secret_given`` looks for."""


def make_subject() -> MCPServer[Any]:
    """A new server with the tools of the probes."""
    with root_left_alone():
        server: MCPServer[Any] = MCPServer(NAME, log_level="ERROR")
    crier = Crier(server)
    cut_off: list[str] = []
    waiting: set[str] = set()
    one_at_a_time = threading.Lock()

    @server.tool()
    async def echo(text: str) -> str:
        """Give the text back."""
        return text

    @server.tool()
    async def pid() -> int:
        """The process that serves."""
        return os.getpid()

    @server.tool()
    async def steps(count: int, pause_ms: int, ctx: Context[Any]) -> int:
        """Work in steps and report each."""
        for done in range(1, count + 1):
            await anyio.sleep(pause_ms / 1000)
            await ctx.report_progress(done, count)
        return count

    @server.tool()
    async def wait(name: str, seconds: float) -> str:
        """Wait; remember under this name if that was cut off."""
        waiting.add(name)
        try:
            await anyio.sleep(seconds)
        except BaseException:
            cut_off.append(name)
            raise
        return name

    @server.tool()
    async def is_waiting(name: str) -> bool:
        """Whether a wait of this name has begun."""
        return name in waiting

    @server.tool()
    async def was_cut_off(name: str) -> bool:
        """Whether a wait of this name was cancelled."""
        return name in cut_off

    @server.tool()
    def busy(pause_ms: int) -> int:
        """Keep the server busy, as one that does one thing at a time; gives its process."""
        with one_at_a_time:
            time.sleep(pause_ms / 1000)
        return os.getpid()

    @server.tool()
    async def cry_later(delay_ms: int) -> str:
        """Announce a changed list of tools after this call has ended."""
        crier.later(delay_ms / 1000)
        return "soon"

    @server.tool()
    async def secret_given() -> bool:
        """Whether the environment holds the probe's secret."""
        return bool(os.environ.get(SECRET))

    return server


class Crier:
    """Sends the notice of a changed list to everyone, in both eras, with no call open."""

    def __init__(self, server: MCPServer[Any]) -> None:
        self._server = server
        self._clients: dict[int, Any] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        server.middleware.append(self._remember)

    async def _remember(self, ctx: Any, call_next: Any) -> Any:
        self._loop = asyncio.get_running_loop()
        if ctx.method == "notifications/initialized":
            client = sdk.client_behind(ctx.session)
            self._clients[id(client)] = client
        return await call_next(ctx)

    def later(self, delay_s: float) -> None:
        """Announce after a delay; from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._begin, delay_s)

    def _begin(self, delay_s: float) -> None:
        task = asyncio.get_running_loop().create_task(self._cry(delay_s))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _cry(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        await sdk.subscription_bus(self._server).publish(ToolsListChanged())
        await asyncio.gather(
            *(client.send_tool_list_changed() for client in list(self._clients.values())),
            return_exceptions=True,  # a client that is gone raises its transport's error
        )


subject = make_subject()
"""The one that a child on standard streams serves."""
