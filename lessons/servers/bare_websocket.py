"""An MCP server over WebSocket without any MCP library: one JSON-RPC message a text frame.

Start it in a terminal, on a port of your choice:

    python lessons/servers/bare_websocket.py 8124

and connect to it from a notebook:

    %mcp connect ws://127.0.0.1:8124/mcp --as bare

WebSocket is a custom transport: the specification does not describe it. This server speaks the
legacy era (the `initialize` handshake, revision 2025-11-25). `who` tells which process answers,
`visit` counts in the memory of that process, `pause` takes its time. A plain GET of `/who` is
answered too, so that one process can be asked in both ways.
"""

import asyncio
import http
import json
import logging
import os
import sys

from websockets.asyncio.server import serve

REVISION = "2025-11-25"
PAUSE_S = 0.5

TOOLS = [
    {"name": name, "description": text, "inputSchema": {"type": "object"}}
    for name, text in {
        "who": "The id of the process that answers.",
        "visit": "How many visits this process has counted.",
        "pause": "Answer after half a second.",
    }.items()
]

visits = 0


async def run(name):
    """What a tool says."""
    global visits
    if name == "visit":
        visits += 1
        return visits
    if name == "pause":
        await asyncio.sleep(PAUSE_S)
    return os.getpid()


async def answer(message):
    """The result or the error of one request."""
    method = message["method"]
    if method == "initialize":
        info = {"name": "bare", "version": "1.0"}
        return {
            "result": {
                "protocolVersion": REVISION,
                "capabilities": {"tools": {}},
                "serverInfo": info,
            }
        }
    if method == "ping":
        return {"result": {}}
    if method == "tools/list":
        return {"result": {"tools": TOOLS}}
    if method == "tools/call":
        name = (message.get("params") or {}).get("name")
        if any(tool["name"] == name for tool in TOOLS):
            text = str(await run(name))
            return {"result": {"content": [{"type": "text", "text": text}]}}
        return {"error": {"code": -32602, "message": f"unknown tool: {name}"}}
    return {"error": {"code": -32601, "message": f"unknown method: {method}"}}


async def talk(socket):
    """One connection, from its opening to its end."""
    async for text in socket:
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        if not isinstance(message, dict) or "method" not in message:
            reply = {"id": None, "error": {"code": -32600, "message": "not a request"}}
        elif "id" not in message:
            continue  # a notification
        else:
            reply = {"id": message["id"], **await answer(message)}
        await socket.send(json.dumps({"jsonrpc": "2.0", **reply}))


def plain(connection, request):
    """Answers a plain GET; leaves an upgrade alone."""
    if request.path == "/who":
        return connection.respond(http.HTTPStatus.OK, str(os.getpid()))
    return None


async def main(port):
    """Serve until the process is ended."""
    logging.getLogger("websockets").setLevel(logging.CRITICAL)  # a health check says nothing
    # origins=[None]: programs may connect, pages of a browser may not
    async with serve(
        talk, "127.0.0.1", port, subprotocols=["mcp"], origins=[None], process_request=plain
    ) as server:
        await server.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit("usage: python bare_websocket.py PORT")
    asyncio.run(main(int(sys.argv[1])))
