"""A client of the Python SDK 1.x: ``sdk1.py PICTURE [TRANSPORT URL WORD] ...``.

It prints a line for each server: what it saw there. For ``stdio`` the URL is a command line, as a
list in JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from mcp import ClientSession, types
from mcp.client.sse import sse_client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamablehttp_client
from mcp.client.websocket import websocket_client


def started(command: str) -> Any:
    program, *arguments = json.loads(command)
    return stdio_client(StdioServerParameters(command=program, args=arguments))


WAYS: dict[str, Any] = {
    "http": streamablehttp_client,
    "sse": sse_client,
    "stdio": started,
    "websocket": websocket_client,
}


async def visit(picture: str, way: str, url: str, word: str) -> dict[str, Any]:
    steps: list[Any] = []
    asked: list[str] = []
    changed = asyncio.Event()

    async def on_progress(done: float, total: float | None, message: str | None) -> None:
        steps.append([done, total, message])

    async def on_question(_context: Any, params: Any) -> types.ElicitResult:
        asked.append(params.message)
        return types.ElicitResult(action="accept", content={"name": "Ann", "age": 41})

    async def on_sampling(_context: Any, params: Any) -> types.CreateMessageResult:
        asked.append(params.messages[0].content.text)
        said = types.TextContent(type="text", text="The sea is wide")
        return types.CreateMessageResult(role="assistant", content=said, model="none")

    async def on_message(message: Any) -> None:
        root = getattr(message, "root", None)
        if isinstance(root, types.ToolListChangedNotification):
            changed.set()

    async with (
        WAYS[way](url) as streams,
        ClientSession(
            streams[0],
            streams[1],
            elicitation_callback=on_question,
            sampling_callback=on_sampling,
            message_handler=on_message,
        ) as session,
    ):
        hello = await session.initialize()
        tools = [tool.name for tool in (await session.list_tools()).tools]
        climbed = await session.call_tool("climb", {"steps": 3}, progress_callback=on_progress)
        turned = await session.call_tool("negative", {"png": picture})
        greeted = await session.call_tool("greet", {})
        rhymed = await session.call_tool("rhyme", {})
        drawer = await session.read_resource("desk://drawer/7")  # type: ignore[arg-type]
        prompt = await session.get_prompt("tidy", {"place": "desk"})
        await session.call_tool("learn", {"word": word})
        await asyncio.wait_for(changed.wait(), 20)
        learnt = await session.call_tool(word, {})
        return {
            "revision": hello.protocolVersion,
            "tools": tools,
            "climbed": climbed.content[0].text,
            "steps": steps,
            "picture": turned.content[0].data,
            "greeted": greeted.content[0].text,
            "rhymed": rhymed.content[0].text,
            "asked": asked,
            "drawer": drawer.contents[0].text,
            "prompt": prompt.messages[0].content.text,
            "learnt": learnt.content[0].text,
        }


for at in range(2, len(sys.argv), 3):
    print(json.dumps(asyncio.run(visit(sys.argv[1], *sys.argv[at : at + 3]))), flush=True)
