"""A stdio server that spoils its standard output in the way it is told. For lesson 01.

    python lessons/servers/stray_stdio.py line      a line of text before the reply
    python lessons/servers/stray_stdio.py glued     text before the reply, without a line end
    python lessons/servers/stray_stdio.py pretty    the reply over several lines
    python lessons/servers/stray_stdio.py none      nothing wrong

Only the reply to `tools/call` is spoiled, so that every client gets as far as the call. Its one
tool is `shout`. Standard library only, legacy era (revision 2025-11-25).
"""

import json
import sys

SHOUT = {
    "name": "shout",
    "description": "A text in capitals.",
    "inputSchema": {
        "type": "object",
        "properties": {"text": {"type": "string", "description": "Any text."}},
        "required": ["text"],
    },
}


def answer(method, params):
    """The result of a request, or None where the method is unknown."""
    if method == "initialize":
        return {
            "protocolVersion": "2025-11-25",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "stray", "version": "1.0"},
        }
    if method == "tools/list":
        return {"tools": [SHOUT]}
    if method == "tools/call":
        return {"content": [{"type": "text", "text": params["arguments"]["text"].upper()}]}
    return None


def main(fault):
    """Answer line by line until standard input ends."""
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message:
            continue
        result = answer(message["method"], message.get("params"))
        reply = {"jsonrpc": "2.0", "id": message["id"]}
        if result is None:
            reply["error"] = {"code": -32601, "message": "unknown method"}
        else:
            reply["result"] = result
        spoiled = message["method"] == "tools/call"
        if spoiled and fault == "line":
            print("now I shout")
        if spoiled and fault == "glued":
            print("now I shout", end=" ")
        print(json.dumps(reply, indent=2 if spoiled and fault == "pretty" else None), flush=True)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "none")
