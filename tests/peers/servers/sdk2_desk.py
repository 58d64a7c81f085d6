"""A server of the Python SDK 2.x alone: ``sdk2_desk.py [PORT]``, on stdio without a port.

It has what the SDK offers in both eras: questions, a model to ask, subscriptions.
"""

from __future__ import annotations

import base64
import sys
from typing import Annotated, Any

import mcp_types as types
from mcp.server.mcpserver import Context, Elicit, Image, MCPServer, Resolve
from mcp.server.mcpserver.resolve import Sample
from pydantic import BaseModel

DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)

mcp: MCPServer[Any] = MCPServer("desk", version="2", log_level="ERROR")
notes = {"today": "buy pens"}


class Person(BaseModel):
    """Who somebody is."""

    name: str
    age: int = 30


def who() -> Elicit[Person]:
    return Elicit("Who are you?", Person)


def line() -> Sample:
    said = types.TextContent(type="text", text="Write a line about the sea.")
    return Sample([types.SamplingMessage(role="user", content=said)], max_tokens=20)


@mcp.tool()
async def climb(steps: int, ctx: Context) -> str:
    """Climb a stair and say how far it is."""
    for step in range(1, steps + 1):
        await ctx.report_progress(step, steps, f"step {step}")
    return f"{steps} steps up"


@mcp.tool()
def dot() -> Image:
    """A picture of one dot."""
    return Image(data=DOT, format="png")


@mcp.tool()
def size(png: str) -> int:
    """How many bytes a picture has, which is given in base64."""
    return len(base64.b64decode(png))


@mcp.tool()
def weather(city: str) -> dict[str, Any]:
    """Structured content."""
    return {"city": city, "degrees": 21.5}


@mcp.tool()
async def greet(person: Annotated[Person, Resolve(who)]) -> str:
    """Ask who somebody is, and greet."""
    return f"Hello, {person.name}, {person.age} years old!"


@mcp.tool()
async def rhyme(words: Annotated[types.CreateMessageResult, Resolve(line)]) -> str:
    """Let the client's model write a line, and add one."""
    return f"{getattr(words.content, 'text', '?')} / And so say we."


@mcp.tool()
async def learn(word: str, ctx: Context) -> str:
    """Define one more tool."""
    mcp.add_tool(lambda: f"{word} it is", name=word)
    await ctx.notify_tools_changed()
    await ctx.session.send_tool_list_changed()
    return f"learnt {word}"


@mcp.tool()
async def write(text: str, ctx: Context) -> str:
    """Change the note."""
    notes["today"] = text
    await ctx.notify_resource_updated("note://today")
    return "written"


@mcp.tool()
def fail() -> str:
    """Fail."""
    raise ValueError("the drawer is stuck")


@mcp.resource("note://today")
def today() -> str:
    """What is to do."""
    return notes["today"]


@mcp.resource("desk://drawer/{number}")
def drawer(number: int) -> str:
    """What is in a drawer."""
    return f"drawer {number} holds {number * 3} pens"


@mcp.prompt()
def tidy(place: str) -> str:
    """Ask for order."""
    return f"Tidy the {place}, please."


@mcp.completion()
async def complete(_ref: Any, argument: Any, _context: Any) -> types.Completion:
    """Places."""
    words = [word for word in ("desk", "den", "kitchen") if word.startswith(argument.value)]
    return types.Completion(values=words, total=len(words), has_more=False)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        mcp.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        mcp.run("stdio")
