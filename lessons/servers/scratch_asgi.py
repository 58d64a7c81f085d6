"""An MCP server over HTTP without any MCP library: one bare ASGI function, revision 2026-07-28.

Start it in a terminal, on a port of your choice:

    python lessons/servers/scratch_asgi.py 8123

and connect to it from a notebook:

    %mcp connect http://127.0.0.1:8123/mcp --as scratch

Any ASGI framework calls its application like this; uvicorn does the rest of HTTP. It has one tool.
"""

import json
import sys
from urllib.parse import urlsplit

REVISION = "2026-07-28"
META = "io.modelcontextprotocol/"
TOOL = {
    "name": "shout",
    "description": "Say it in capitals.",
    "inputSchema": {
        "type": "object",
        "properties": {"text": {"type": "string"}},
        "required": ["text"],
    },
}
LISTING = {"tools": [TOOL], "ttlMs": 60_000, "cacheScope": "private"}
ABOUT = {
    "supportedVersions": [REVISION],
    "capabilities": {"tools": {}},
    "ttlMs": 60_000,
    "cacheScope": "private",
}


def refuse(status, code, text, number=None):
    """A status, and the JSON-RPC error that goes with it."""
    error = {"code": code, "message": text}
    return status, {"jsonrpc": "2.0", "id": number, "error": error}


def answer(headers, body):
    """The status and the JSON for the body of one POST."""
    try:
        message = json.loads(body)
        method, number = message["method"], message.get("id")
    except (ValueError, KeyError, TypeError):
        return refuse(400, -32600, "one request or notification, please")
    if "id" not in message:
        return 202, None
    params = message.get("params") or {}
    meta = params.get("_meta") or {}
    version = meta.get(META + "protocolVersion")
    if version is None or META + "clientCapabilities" not in meta:
        return refuse(400, -32602, "_meta lacks the version or the capabilities", number)
    said = [headers.get(name) for name in ("mcp-protocol-version", "mcp-method", "mcp-name")]
    if said != [version, method, params.get("name")]:
        return refuse(400, -32020, "a header does not match the body", number)
    if version != REVISION:
        data = {"supported": [REVISION], "requested": version}
        status, reply = refuse(400, -32022, "this version is not spoken here", number)
        reply["error"]["data"] = data
        return status, reply
    if method == "server/discover":
        result = ABOUT
    elif method == "tools/list":
        result = LISTING
    elif method == "tools/call" and params["name"] == "shout":
        text = params["arguments"]["text"].upper()
        result = {"content": [{"type": "text", "text": text}]}
    else:
        return refuse(404, -32601, f"there is no {method} here", number)
    info = {META + "serverInfo": {"name": "scratch", "version": "1"}}
    result = {"resultType": "complete", **result, "_meta": info}
    return 200, {"jsonrpc": "2.0", "id": number, "result": result}


def local(host):
    """Whether a name of a host is this machine."""
    return urlsplit(f"//{host}").hostname in ("127.0.0.1", "localhost")


async def app(scope, receive, send):
    """The application: one path, POST alone."""
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        part = await receive()
        body += part.get("body", b"")
        more = part.get("more_body", False)
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    origin = headers.get("origin")
    if not local(headers.get("host", "")):
        status, reply = 421, None
    elif origin and not local(urlsplit(origin).netloc):
        status, reply = 403, None
    elif scope["path"] != "/mcp":
        status, reply = 404, None
    elif scope["method"] != "POST":
        status, reply = 405, None
    else:
        status, reply = answer(headers, body)
    text = b"" if reply is None else json.dumps(reply).encode()
    kind = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(text))]
    await send({"type": "http.response.start", "status": status, "headers": kind})
    await send({"type": "http.response.body", "body": text})


def main():
    """Serve on the port given as the first argument."""
    import uvicorn

    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit("usage: python scratch_asgi.py PORT")
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", lifespan="off")


if __name__ == "__main__":
    main()
