"""Six tools that do the same over stdio, and not all of them anywhere else.

Start it by its command line, as any stdio server:

    %mcp connect --as own -- python servers/six_tools.py

Lesson 05 changes the last line, and nothing else, to serve them over HTTP.
"""

import os
import time
from pathlib import Path

from mcp.server.mcpserver import MCPServer

server = MCPServer("six", log_level="ERROR")
calls = 0


@server.tool()
def shout(text: str) -> str:
    """The text in capitals."""
    return text.upper()


@server.tool()
def announce(text: str) -> str:
    """The text in capitals, and a word to whoever reads standard output."""
    print("announcing", text, flush=True)
    return text.upper()


@server.tool()
def count() -> int:
    """How often this tool was called."""
    global calls
    calls += 1
    return calls


@server.tool()
def first_line(path: str) -> str:
    """The first line of a file."""
    return Path(path).read_text(encoding="utf-8").splitlines()[0]


@server.tool()
def token() -> str:
    """The token this server works with."""
    return os.environ["LESSON_TOKEN"]


@server.tool()
async def wait(began: str, until: str, seconds: float) -> str:
    """Make one file and wait for another; the event loop stands still meanwhile."""
    return _hold(Path(began), Path(until), time.monotonic() + seconds)


def _hold(began: Path, until: Path, deadline: float) -> str:
    began.touch()
    while time.monotonic() < deadline:
        if until.exists():
            return "let go"
        time.sleep(0.01)
    return "gave up"


if __name__ == "__main__":
    server.run("stdio")
