"""An MCP server without any MCP library: standard library only, on its standard streams.

Connect to it from a notebook:

    %mcp connect lessons/servers/bare_stdio.py --as bare

or talk to it by hand in a terminal, one line of JSON at a time:

    python lessons/servers/bare_stdio.py

It speaks the legacy era (the `initialize` handshake, revision 2025-11-25) and has one tool.
Everything that stdio asks of a server is here: one message a line on standard output, nothing
else on standard output, logs on standard error, and an end when standard input ends.
"""

import json
import sys

REVISION = "2025-11-25"

COUNT_WORDS = {
    "name": "count_words",
    "description": "Count the words of a text.",
    "inputSchema": {
        "type": "object",
        "properties": {"text": {"type": "string", "description": "Any text."}},
        "required": ["text"],
    },
}


class Refusal(Exception):
    """A JSON-RPC error that is due, with its code."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


def answer(method, params):
    """The result of one request."""
    if method == "initialize":
        return {
            "protocolVersion": REVISION,
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "bare", "version": "1.0"},
        }
    if method == "ping":
        return {}
    if method == "tools/list":
        return {"tools": [COUNT_WORDS]}
    if method == "tools/call":
        text = params.get("arguments", {}).get("text")
        if params.get("name") != "count_words":
            raise Refusal(-32602, f"unknown tool: {params.get('name')}")
        if not isinstance(text, str):
            # a mistake the model can mend is a result with isError, not a JSON-RPC error
            return {"content": [{"type": "text", "text": "text must be a string"}], "isError": True}
        return {"content": [{"type": "text", "text": str(len(text.split()))}]}
    raise Refusal(-32601, f"unknown method: {method}")


def reply(line):
    """The answer to one line, or None where none is due."""
    identifier = None
    try:
        message = json.loads(line)
        if not isinstance(message, dict) or "method" not in message:
            raise Refusal(-32600, "not a request")
        if "id" not in message:
            return None  # a notification
        identifier = message["id"]
        result = answer(message["method"], message.get("params") or {})
    except ValueError:
        error = {"code": -32700, "message": "not JSON"}
    except Refusal as refusal:
        error = {"code": refusal.code, "message": str(refusal)}
    else:
        return {"jsonrpc": "2.0", "id": identifier, "result": result}
    return {"jsonrpc": "2.0", "id": identifier, "error": error}


if __name__ == "__main__":
    print("bare server: reading standard input", file=sys.stderr, flush=True)
    for line in sys.stdin:
        if line.strip() and (made := reply(line)) is not None:
            print(json.dumps(made), flush=True)
