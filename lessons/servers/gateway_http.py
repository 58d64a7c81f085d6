"""An MCP server behind a gateway that gives each request a process of its own, as serverless does.

Start it in a terminal:

    python lessons/servers/gateway_http.py fork 8123

`exec` starts a new Python for each request: the cold start. `fork` copies a process that has the
SDK loaded already, as a snapshot does. `warm` is the same server without a gateway: one process
answers all. Two endpoints: `/mcp` is Streamable HTTP, `/sse` the HTTP+SSE of 2024.

No request may take longer than `CAP_S` seconds: whoever runs functions for others sets a limit.
Linux and macOS: Windows has no fork.
"""

import asyncio
import contextlib
import os
import socket
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ForkingMixIn

CAP_S = 10


def make_app():
    """The server as one ASGI application."""
    from mcp.server.mcpserver import MCPServer

    server = MCPServer("function", log_level="CRITICAL")

    @server.tool()
    def who() -> int:
        """The id of the process that runs this tool."""
        return os.getpid()

    http, sse = server.streamable_http_app(json_response=True), server.sse_app()

    async def app(scope, receive, send):
        old = scope.get("path", "").startswith(("/sse", "/messages"))
        await (sse if old else http)(scope, receive, send)

    app.lifespan = http.router.lifespan_context(http)
    return app


class Function(BaseHTTPRequestHandler):
    """Answers one request with a server that is made for it, and is gone with its process."""

    def handle_any(self):
        app = make_app()
        with contextlib.suppress(OSError, TimeoutError):
            asyncio.run(asyncio.wait_for(self.serve(app), CAP_S))

    do_GET = do_POST = do_DELETE = handle_any

    async def serve(self, app):
        path, _, query = self.path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "method": self.command,
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(k.lower().encode(), v.encode()) for k, v in self.headers.items()],
            "client": self.client_address,
            "server": self.connection.getsockname(),
        }
        body = [self.rfile.read(int(self.headers.get("Content-Length", 0)))]

        async def receive():
            if body:
                return {"type": "http.request", "body": body.pop(), "more_body": False}
            return await asyncio.Event().wait()  # the client stays

        async def send(message):
            if message["type"] == "http.response.start":
                self.send_response(message["status"])
                for name, value in message["headers"]:
                    self.send_header(name.decode(), value.decode())
                self.end_headers()
            else:
                self.wfile.write(message.get("body", b""))
            self.wfile.flush()

        async with app.lifespan:
            await app(scope, receive, send)

    def log_message(self, *_):
        """Says nothing of each request."""


class Gateway(ForkingMixIn, HTTPServer):
    """A new process for each connection, and each connection brings one request."""

    def finish_request(self, request, client_address):
        if MODE == "exec":
            os.set_inheritable(request.fileno(), True)
            os.execv(sys.executable, [sys.executable, __file__, "one", str(request.fileno())])
        super().finish_request(request, client_address)


def main():
    """Serve, or answer the one request that waits on an inherited socket."""
    global MODE
    if len(sys.argv) != 3 or sys.argv[1] not in ("exec", "fork", "warm", "one"):
        sys.exit("usage: python gateway_http.py exec|fork|warm PORT")
    MODE, number = sys.argv[1], int(sys.argv[2])
    if MODE == "one":
        with socket.socket(fileno=number) as waiting:
            Function(waiting, waiting.getpeername(), None)
    elif MODE == "warm":
        import uvicorn

        uvicorn.run(make_app(), host="127.0.0.1", port=number, log_level="critical")
    else:
        if MODE == "fork":
            make_app()  # what is loaded now need not be loaded again
        with Gateway(("127.0.0.1", number), Function) as gateway:
            gateway.serve_forever()


if __name__ == "__main__":
    main()
