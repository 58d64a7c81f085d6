"""A server with one tool that reports progress and goes on only when somebody heard it.

`steps` says that it is half way, then waits until `hear` is called. A client that gets progress
with the result alone can never call `hear` in time. Over stdio:

    %mcp connect lessons/servers/steps_stdio.py --as steps

Lesson 01 serves the same object over HTTP.
"""

import asyncio
import threading

from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("steps", log_level="ERROR")
heard = threading.Event()


@server.tool()
async def steps(patience: float, ctx: Context) -> str:
    """Report progress, then wait some seconds for a call of hear."""
    heard.clear()
    await ctx.report_progress(1, 2, "half way")
    for _ in range(int(patience / 0.02)):
        if heard.is_set():
            return "heard half way"
        await asyncio.sleep(0.02)
    return "nobody heard"


@server.tool()
async def hear() -> str:
    """Tell steps that its progress was seen."""
    heard.set()
    return "told"


if __name__ == "__main__":
    server.run("stdio")
