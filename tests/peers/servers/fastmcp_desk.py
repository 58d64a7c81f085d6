"""A server of FastMCP: ``fastmcp_desk.py [PORT]``, on standard streams where no port is given.

It reports, asks in the way of either era, draws, and tells of changes.
"""

from __future__ import annotations

import base64
import sys
from typing import Any

import mcp_types as types
from fastmcp import Context, FastMCP
from fastmcp.utilities.types import Image
from pydantic import BaseModel

DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)

mcp: FastMCP[Any] = FastMCP("desk", version="4")
notes = {"today": "buy pens"}


class Person(BaseModel):
    """Who somebody is."""

    name: str
    age: int = 30


@mcp.tool
async def climb(steps: int, ctx: Context) -> str:
    """Climb a stair and say how far it is."""
    for step in range(1, steps + 1):
        await ctx.report_progress(step, steps, f"step {step}")
    return f"{steps} steps up"


@mcp.tool
def dot() -> Image:
    """A picture of one dot."""
    return Image(data=DOT, format="png")


@mcp.tool
def size(png: str) -> int:
    """How many bytes a picture has, which is given in base64."""
    return len(base64.b64decode(png))


@mcp.tool
def weather(city: str) -> dict[str, Any]:
    """Structured content."""
    return {"city": city, "degrees": 21.5}


@mcp.tool
async def greet(ctx: Context) -> Any:
    """Ask who somebody is, and greet; a server of the modern era returns its question."""
    if "2026" in str(ctx.request_context.protocol_version):
        given = (ctx.input_responses or {}).get("who")
        if given is None:
            params = types.ElicitRequestFormParams(
                message="Who are you?", requested_schema=Person.model_json_schema()
            )
            return types.InputRequiredResult(
                input_requests={"who": types.ElicitRequest(params=params)}, request_state="asked"
            )
        if given.action != "accept":
            return "Hello, whoever you are!"
        person = Person(**given.content)
    else:
        answer = await ctx.elicit("Who are you?", response_type=Person)
        if answer.action != "accept":
            return "Hello, whoever you are!"
        person = answer.data
    return f"Hello, {person.name}, {person.age} years old!"


@mcp.tool
async def learn(word: str, ctx: Context) -> str:
    """Define one more tool."""
    mcp.tool(lambda: f"{word} it is", name=word)
    await ctx.send_notification(types.ToolListChangedNotification())
    return f"learnt {word}"


@mcp.tool
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


@mcp.prompt
def tidy(place: str) -> str:
    """Ask for order."""
    return f"Tidy the {place}, please."


@mcp.completion
def complete(ref: Any, argument: Any, _context: Any) -> list[str]:
    """Places."""
    return [word for word in ("desk", "den", "kitchen") if word.startswith(argument.value)]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        mcp.run("http", host="127.0.0.1", port=int(sys.argv[1]), show_banner=False)
    else:
        mcp.run("stdio", show_banner=False)
