"""A client of the Python SDK 1.x: ``caller.py TRANSPORT URL``; it lists and calls ``double``."""

from __future__ import annotations

import asyncio
import json
import sys

from mcp import ClientSession
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamablehttp_client


async def main(way: str, url: str) -> None:
    if way == "stdio":
        program, *words = json.loads(url)
        opened = stdio_client(StdioServerParameters(command=program, args=words))
    else:
        opened = streamablehttp_client(url)
    async with opened as streams, ClientSession(streams[0], streams[1]) as session:
        await session.initialize()
        tools = [tool.name for tool in (await session.list_tools()).tools]
        called = await session.call_tool("double", {"number": 21})
        print(json.dumps({"tools": tools, "called": called.structuredContent}))


asyncio.run(main(*sys.argv[1:]))
