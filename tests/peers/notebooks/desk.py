"""One cell that defines what foreign clients use: progress, questions, images, a tool to come."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Annotated, Any

import mcp_types as types
from mcp.server.mcpserver import Context, Elicit, Image, Resolve
from mcp.server.mcpserver.resolve import Sample
from pydantic import BaseModel

from mcp_notebook import prompt, resource, tool
from mcp_notebook.runtime.current import current


class Person(BaseModel):
    """Who somebody is."""

    name: str
    age: int = 30


def who() -> Elicit[Person]:
    return Elicit("Who are you?", Person)


def line() -> Sample:
    said = types.TextContent(type="text", text="Write a line about the sea.")
    return Sample([types.SamplingMessage(role="user", content=said)], max_tokens=20)


def chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


@tool
async def climb(steps: int, ctx: Context[Any, Any]) -> str:
    """Climb a stair and say how far it is."""
    for step in range(1, steps + 1):
        await ctx.report_progress(step, steps, f"step {step}")
    return f"{steps} steps up"


@tool
def negative(png: str) -> Image:
    """The negative of a grey picture, which is given as a PNG in base64."""
    data = base64.b64decode(png)
    width, height = struct.unpack(">II", data[16:24])
    start = data.index(b"IDAT") + 4
    (size,) = struct.unpack(">I", data[start - 8 : start - 4])
    rows = zlib.decompress(data[start : start + size])
    turned = b"".join(
        b"\0" + bytes(255 - dot for dot in rows[at + 1 : at + 1 + width])
        for at in range(0, len(rows), width + 1)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    picture = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    picture += chunk(b"IDAT", zlib.compress(turned)) + chunk(b"IEND", b"")
    return Image(data=picture, format="png")


@tool
async def greet(person: Annotated[Person, Resolve(who)]) -> str:
    """Ask who somebody is, and greet."""
    return f"Hello, {person.name}, {person.age} years old!"


@tool
async def rhyme(words: Annotated[types.CreateMessageResult, Resolve(line)]) -> str:
    """Let the client's model write a line, and add one."""
    return f"{getattr(words.content, 'text', '?')} / And so say we."


@tool
def learn(word: str) -> str:
    """Define one more tool."""
    current().tool(lambda: f"{word} it is", name=word, description="Came later.")
    return f"learnt {word}"


@resource("desk://drawer/{number}")
def drawer(number: int) -> str:
    """What is in a drawer."""
    return f"drawer {number} holds {number * 3} pens"


@prompt
def tidy(place: str) -> str:
    """Ask for order."""
    return f"Tidy the {place}, please."
