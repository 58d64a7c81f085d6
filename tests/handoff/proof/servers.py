"""The same server twice: as a notebook defines it, and as files that do and do not do the same."""

from __future__ import annotations

import os
import random
from typing import Annotated, Any

from mcp.server.mcpserver import Context, Elicit, Resolve
from mcp_types import ToolAnnotations
from pydantic import BaseModel

from mcp_notebook.runtime.workbench import Workbench

READ_ONLY = ToolAnnotations(read_only_hint=True)
SECRET = "s3cret-in-the-environment"


class Size(BaseModel):
    size: int


def ask_size() -> Any:
    return Elicit("how big?", Size)


def define(workbench: Workbench) -> None:
    """Define the tools, resources and prompts in a workbench."""
    count = [0]

    @workbench.tool(annotations=READ_ONLY)
    def add(a: int, b: int = 2) -> int:
        """Add two numbers."""
        return a + b

    @workbench.tool(annotations=READ_ONLY)
    def chance() -> float:
        """Another number each time."""
        return random.random()

    @workbench.tool(annotations=READ_ONLY)
    def named(thing: str) -> str:
        """An object with its address."""
        return f"{thing}: {object()!r}"

    @workbench.tool
    def counted() -> int:
        """Count the calls."""
        count[0] += 1
        return count[0]

    @workbench.tool
    def send(to: str) -> str:
        """Send something."""
        return f"sent to {to}"

    @workbench.tool(annotations=READ_ONLY)
    async def order(what: str, size: Annotated[Size, Resolve(ask_size)]) -> str:
        """Order in some size."""
        return f"{what}: {size.size}"

    @workbench.tool(annotations=READ_ONLY)
    async def push(ctx: Context[Any]) -> str:
        """Ask as servers of the legacy era do."""
        answered = await ctx.elicit("how big?", Size)
        return answered.action

    @workbench.tool(annotations=READ_ONLY)
    def boom(x: int) -> float:
        """Divide."""
        return 1 / x

    @workbench.tool(annotations=READ_ONLY)
    def env() -> int:
        """The length of a secret."""
        return len(os.environ.get("SUBJECT_KEY", SECRET))

    @workbench.resource("data://{name}")
    def data(name: str) -> str:
        """Some data."""
        return name.upper()

    @workbench.prompt
    def review(code: str) -> str:
        """Review code."""
        return f"Review {code}"


FAITHFUL = '''
import argparse, os, random
from typing import Annotated, Any
from mcp.server.mcpserver import Context, Elicit, MCPServer, Resolve
from mcp_types import ToolAnnotations
from pydantic import BaseModel

mcp = MCPServer("notebook", log_level="ERROR")
READ_ONLY = ToolAnnotations(read_only_hint=True)
KEY = os.environ["SUBJECT_KEY"]
count = [0]

class Size(BaseModel):
    size: int

def ask_size() -> Any:
    return Elicit("how big?", Size)

@mcp.tool(annotations=READ_ONLY)
def add(a: int, b: int = 2) -> int:
    """Add two numbers."""
    return a + b

@mcp.tool(annotations=READ_ONLY)
def chance() -> float:
    """Another number each time."""
    return random.random()

@mcp.tool(annotations=READ_ONLY)
def named(thing: str) -> str:
    """An object with its address."""
    return f"{thing}: {object()!r}"

@mcp.tool()
def counted() -> int:
    """Count the calls."""
    count[0] += 1
    return count[0]

@mcp.tool()
def send(to: str) -> str:
    """Send something."""
    open("sent", "w").close()
    return f"sent to {to}"

@mcp.tool(annotations=READ_ONLY)
async def order(what: str, size: Annotated[Size, Resolve(ask_size)]) -> str:
    """Order in some size."""
    return f"{what}: {size.size}"

@mcp.tool(annotations=READ_ONLY)
async def push(ctx: Context[Any]) -> str:
    """Ask as servers of the legacy era do."""
    answered = await ctx.elicit("how big?", Size)
    return answered.action

@mcp.tool(annotations=READ_ONLY)
def boom(x: int) -> float:
    """Divide."""
    return 1 / x

@mcp.tool(annotations=READ_ONLY)
def env() -> int:
    """The length of a secret."""
    return len(KEY)

@mcp.resource("data://{name}")
def data(name: str) -> str:
    """Some data."""
    return name.upper()

@mcp.prompt()
def review(code: str) -> str:
    """Review code."""
    return f"Review {code}"

def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--transport", default="stdio")
    parser.add_argument("--port", type=int)
    given = parser.parse_args()
    if given.transport == "stdio":
        mcp.run("stdio")
    else:
        mcp.run("streamable-http", host="127.0.0.1", port=given.port)

if __name__ == "__main__":
    main()
'''

FAULTS = [
    ("    return len(KEY)", "    os.write(out, b'a stray line\\n'); return len(KEY)"),
    ('KEY = os.environ["SUBJECT_KEY"]', 'KEY = os.environ["SUBJECT_KEY"]\nout = os.dup(1)'),
    ("    return a + b", "    return a + b + 1"),
    ("def add(a: int, b: int = 2)", "def add(a: int, b: int = 3)"),
    ('"""Review code."""', '"""Review it."""'),
    ("return name.upper()", "return name.lower()"),
    ("    count[0] += 1", "    count[0] += 2"),
]
"""What a file may get wrong, each as a change of the faithful one."""


def faulty() -> str:
    """A file with every fault."""
    text = FAITHFUL
    for good, bad in FAULTS:
        assert good in text
        text = text.replace(good, bad)
    return text
