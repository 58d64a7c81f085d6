"""A gateway as serverless platforms have one: a process for each request, gone after it.

python -m mcp_notebook.bench.processes.gateway PORT

The program imports everything once and forks for each request, so that a process is as cheap as
a platform makes it. ``/held`` holds a WebSocket and gives each of its messages to a process of
its own. It exists where there is ``fork``.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import http.client
import os
import signal
import socket
import struct
import sys
from http.server import BaseHTTPRequestHandler
from typing import Any, Final

MOST_S: Final = 5
"""Seconds a process may live, as platforms limit it."""

PATHS: Final = {
    "http-json": "/json/mcp",
    "http-2025": "/http/mcp",
    "http-2026": "/http/mcp",
    "sse": "/sse",
    "websocket": "/socket",
}
"""Where each road is found."""

HELD: Final = "/held"
_MAGIC: Final = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def app_for(path: str) -> Any:
    """The application that a path belongs to; a new one, for one request."""
    from mcp.server.transport_security import TransportSecuritySettings

    from .subject import make_subject

    # who may call is not what is measured here, and no browser comes to a port of a moment
    unchecked = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    server = make_subject()
    if path.startswith(("/sse", "/messages")):
        return server.sse_app(transport_security=unchecked)
    as_json = path.startswith("/json")
    return server.streamable_http_app(
        streamable_http_path=PATHS["http-json" if as_json else "http-2026"],
        json_response=as_json,
        transport_security=unchecked,
    )


class Request(BaseHTTPRequestHandler):
    """One request, in a process of its own."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer, or hold a WebSocket."""
        if self.path == HELD:
            self._hold()
        else:
            self._answer(b"")

    def do_POST(self) -> None:
        """Answer."""
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

    def do_DELETE(self) -> None:
        """Answer."""
        self._answer(b"")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _answer(self, body: bytes) -> None:
        self.close_connection = True
        asyncio.run(self._run(body))

    async def _run(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self.command,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(k.lower().encode(), v.encode()) for k, v in self.headers.items()],
            "client": self.client_address,
            "server": ("127.0.0.1", 0),
        }
        given = [{"type": "http.request", "body": body, "more_body": False}]
        never = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if not given:
                await never.wait()
            return given.pop()

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                head = f"HTTP/1.1 {message['status']} -\r\n".encode()
                for name, value in message["headers"]:
                    head += name + b": " + value + b"\r\n"
                self.wfile.write(head + b"Connection: close\r\n\r\n")
            else:
                self.wfile.write(message.get("body", b""))
            self.wfile.flush()

        app = app_for(path)
        async with app.router.lifespan_context(app):
            await app(scope, receive, send)

    def _hold(self) -> None:
        """Hold the socket; each message becomes a request of its own."""
        key = self.headers.get("Sec-WebSocket-Key", "")
        accept = base64.b64encode(hashlib.sha1((key + _MAGIC).encode()).digest()).decode()
        self.wfile.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Protocol: mcp\r\nSec-WebSocket-Accept: " + accept.encode() + b"\r\n\r\n"
        )
        self.close_connection = True
        own_port = self.connection.getsockname()[1]
        while (data := self._frame()) is not None:
            signal.alarm(MOST_S)
            answer = _in_a_process(own_port, data)
            length = len(answer)
            size = bytes([length]) if length < 126 else b"\x7e" + struct.pack("!H", length)
            self.wfile.write(b"\x81" + size + answer)

    def _frame(self) -> bytes | None:
        """The text of the next frame; ``None`` at the end."""
        head = self.rfile.read(2)
        if len(head) < 2 or head[0] & 0x0F == 8:
            return None
        length = head[1] & 0x7F
        if length == 126:
            length = struct.unpack("!H", self.rfile.read(2))[0]
        mask = self.rfile.read(4)
        data = self.rfile.read(length)
        return bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))


def _in_a_process(port: int, body: bytes) -> bytes:
    """What another process of this gateway answers to a message."""
    import json

    from . import stranger

    link = http.client.HTTPConnection("127.0.0.1", port, timeout=MOST_S)
    asked = json.loads(body)
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": stranger.MODERN,
        "Mcp-Method": asked["method"],
        "Mcp-Name": (asked.get("params") or {}).get("name", ""),
    }
    link.request("POST", PATHS["http-json"], body, headers)
    try:
        return link.getresponse().read()
    finally:
        link.close()


def main() -> None:
    """Fork for each connection until the process is ended."""
    import mcp_notebook.runtime.workbench  # noqa: F401 - what every request needs

    app_for(PATHS["http-2026"])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    with socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64) as server:
        while True:
            link, peer = server.accept()
            if os.fork():
                link.close()
                continue
            server.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.alarm(MOST_S)
            with contextlib.suppress(OSError):
                Request(link, peer, server)  # type: ignore[arg-type]  # it asks nothing of it
            os._exit(0)


if __name__ == "__main__":
    main()
