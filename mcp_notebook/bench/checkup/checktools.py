"""The tools that a check-up calls; importable, so that a child process has them too."""

from __future__ import annotations

import asyncio
import socket
from typing import Annotated, Any, Final

from mcp.server.mcpserver import Context, Elicit, Resolve
from pydantic import BaseModel

STARTED: Final = "started"
CANCELLED: Final = "cancelled"


class Bell:
    """Hears what a tool says about itself, from this process or another one of this machine."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]

    def hear(self, timeout_s: float) -> str:
        """The next word; empty where none comes in time."""
        self._socket.settimeout(timeout_s)
        try:
            return self._socket.recv(100).decode()
        except TimeoutError:
            return ""

    def __enter__(self) -> Bell:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def _ring(port: int, word: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(word.encode(), ("127.0.0.1", port))


class Height(BaseModel):
    """The answer to the question of ``tall``."""

    centimetres: int


def ask_height() -> Elicit[Height]:
    """The question itself."""
    return Elicit("How tall?", Height)


async def add(a: int, b: int = 2) -> int:
    """Add two numbers."""
    return a + b


async def echo(text: str) -> str:
    """Give a text back."""
    return text


async def late(number: int, of: int) -> int:
    """Give the number back; the later it was called, the sooner."""
    await asyncio.sleep((of - number) * 0.005)
    return number


async def steps(count: int, ctx: Context[Any, Any]) -> str:
    """Report progress ``count`` times."""
    for number in range(1, count + 1):
        await ctx.report_progress(number, count, f"step {number}")
    return "done"


async def linger(port: int) -> str:
    """Wait for ever; say when it starts and when it is cancelled."""
    _ring(port, STARTED)
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        _ring(port, CANCELLED)
        raise
    return "never"


async def tall(height: Annotated[Height, Resolve(ask_height)]) -> str:
    """Ask, in the way of either era."""
    return f"{height.centimetres} cm"


async def big(size: int) -> str:
    """A long text."""
    return "x" * size


async def length(text: str) -> int:
    """How long a text is."""
    return len(text)


async def boom() -> None:
    """Fail."""
    raise ValueError("this tool always fails")


TOOLS: Final = (add, echo, late, steps, linger, tall, big, length, boom)
"""All of them, in the order in which they are listed."""
