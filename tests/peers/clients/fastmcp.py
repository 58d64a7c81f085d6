"""FastMCP's client: ``fastmcp.py PICTURE [ERA URL WORD] ...``.

It prints a line for each server: what it saw there. The URL may be a command line, as a list in
JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

sys.path.pop(0)  # this folder, where this very file would be taken for the package

from fastmcp import Client
from fastmcp.client.transports import StdioTransport


def opened(url: str) -> Any:
    if not url.startswith("["):
        return url
    program, *arguments = json.loads(url)
    return StdioTransport(program, arguments)


async def visit(picture: str, era: str, url: str, word: str) -> dict[str, Any]:
    steps: list[Any] = []
    asked: list[str] = []
    changed = asyncio.Event()

    async def on_progress(done: float, total: float | None, message: str | None) -> None:
        steps.append([done, total, message])

    async def on_question(message: str, *_more: Any) -> dict[str, Any]:
        asked.append(message)
        return {"name": "Ann", "age": 41}

    async def on_sampling(messages: list[Any], *_more: Any) -> str:
        asked.append(messages[0].content.text)
        return "The sea is wide"

    async def on_message(message: Any) -> None:
        inner = getattr(message, "root", message)
        if getattr(inner, "method", "") == "notifications/tools/list_changed":
            changed.set()

    async with Client(
        opened(url),
        mode=era,
        elicitation_handler=on_question,
        sampling_handler=on_sampling,
        message_handler=on_message,
    ) as client:
        tools = [tool.name for tool in await client.list_tools()]
        climbed = await client.call_tool("climb", {"steps": 3}, progress_handler=on_progress)
        turned = await client.call_tool("negative", {"png": picture})
        greeted = await client.call_tool("greet", {})
        rhymed = await client.call_tool("rhyme", {})
        drawer = await client.read_resource("desk://drawer/7")
        prompt = await client.get_prompt("tidy", {"place": "desk"})
        await client.call_tool("learn", {"word": word})
        if era == "legacy":
            await asyncio.wait_for(changed.wait(), 20)
        learnt = await client.call_tool(word, {})
        return {
            "revision": client.session.protocol_version,
            "tools": tools,
            "climbed": climbed.content[0].text,
            "steps": steps,
            "picture": turned.content[0].data,
            "greeted": greeted.content[0].text,
            "rhymed": rhymed.content[0].text,
            "asked": asked,
            "drawer": drawer[0].text,
            "prompt": prompt.messages[0].content.text,
            "learnt": learnt.content[0].text,
        }


for at in range(2, len(sys.argv), 3):
    print(json.dumps(asyncio.run(visit(sys.argv[1], *sys.argv[at : at + 3]))), flush=True)
