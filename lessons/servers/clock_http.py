"""A clock server over Streamable HTTP, written with the Python SDK.

Start it in a terminal, on a port of your choice:

    python lessons/servers/clock_http.py 8123

and connect to it from a notebook:

    %mcp connect http://127.0.0.1:8123/mcp --as clock

`countdown` reports progress while it runs, so its answer is streamed. It counts ticks and not
seconds: nobody has to wait for it, and it gives the same messages every time.
"""

import sys
from datetime import datetime, timedelta

from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("clock", log_level="ERROR")


@server.tool()
def shift(time: str, hours: int) -> str:
    """A time of day some hours later, or earlier where hours is negative."""
    return (datetime.strptime(time, "%H:%M") + timedelta(hours=hours)).strftime("%H:%M")


@server.tool()
async def countdown(start: int, ctx: Context) -> str:
    """Count down to zero and report each tick as progress."""
    for done in range(1, start + 1):
        await ctx.report_progress(done, start, f"{start - done} to go")
    return "lift-off"


def main() -> None:
    """Serve on the port given as the first argument."""
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit("usage: python clock_http.py PORT")
    server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))


if __name__ == "__main__":
    main()
