"""The tools every transport is tried with; importable, so that a child process has them too."""

from __future__ import annotations

import asyncio
import socket
from typing import Annotated, Any

from mcp.server.mcpserver import Context, Elicit, Image, Resolve
from pydantic import BaseModel

from mcp_notebook.runtime.workbench import Workbench

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f64540"
    "0000000049454e44ae426082"
)


class Bell:
    """Hears what a tool says about itself, from this process or another one."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]

    def hear(self, timeout: float = 20) -> str:
        """The next word; raises TimeoutError where none comes."""
        self._socket.settimeout(timeout)
        return self._socket.recv(100).decode()

    def __enter__(self) -> Bell:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def ring(port: int, word: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(word.encode(), ("127.0.0.1", port))


class Size(BaseModel):
    centimetres: int


def ask_size() -> Elicit[Size]:
    return Elicit("How tall?", Size)


def add(a: int, b: int = 2) -> int:
    """Add two numbers."""
    return a + b


async def steps(count: int, ctx: Context[Any, Any]) -> str:
    """Report progress `count` times."""
    for number in range(1, count + 1):
        await ctx.report_progress(number, count, f"step {number}")
    return "done"


def boom() -> int:
    """Fail."""
    raise ValueError("the inner secret")


async def linger(port: int) -> str:
    """Wait for ever; say when it starts and when it is cancelled."""
    ring(port, "started")
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        ring(port, "cancelled")
        raise
    return "never"


async def tall(size: Annotated[Size, Resolve(ask_size)]) -> str:
    """Ask in the way of either era."""
    return f"{size.centimetres} cm"


async def tall_pushed(ctx: Context[Any, Any]) -> str:
    """Ask by a request of the server's own (legacy era)."""
    answer = await ctx.elicit("How tall?", Size)
    return f"{answer.action}: {getattr(answer, 'data', None)}"


def picture() -> Image:
    """A picture of one pixel."""
    return Image(data=PNG, format="png")


def big(size: int) -> str:
    """A long text."""
    return "x" * size


def length(text: str) -> int:
    """How long a text is."""
    return len(text)


def nothing() -> None:
    """Give nothing back."""


def echo(text: str) -> str:
    """Give a text back."""
    return text


def note(name: str) -> str:
    """A note by its name."""
    return f"the note {name}"


def motto() -> str:
    """A fixed text."""
    return "plain words"


def greet(whom: str) -> str:
    """Ask for a greeting."""
    return f"Please greet {whom}."


def furnish(bench: Workbench) -> Workbench:
    """Give a workbench's first server all of them."""
    for function in (
        add,
        steps,
        boom,
        linger,
        tall,
        tall_pushed,
        picture,
        big,
        length,
        nothing,
        echo,
    ):
        bench.tool(function)
    bench.resource("note://{name}")(note)
    bench.resource("note://motto/fixed")(motto)
    bench.prompt(greet)
    return bench
