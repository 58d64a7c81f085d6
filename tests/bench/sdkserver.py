"""A server as the SDK alone runs it, on standard streams: ``python -m tests.bench.sdkserver``."""

from __future__ import annotations

from mcp.server.mcpserver import MCPServer

server: MCPServer = MCPServer("subject", log_level="ERROR")


@server.tool()
async def echo(text: str) -> str:
    """Give the text back."""
    return text


@server.tool()
def echo_in_thread(text: str) -> str:
    """The same as a plain function, which both sides run on a worker thread."""
    return text


if __name__ == "__main__":
    server.run("stdio")
