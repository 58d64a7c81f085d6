"""How a written server is reached: stdio, HTTP, SSE."""

import argparse
import asyncio
import contextlib
import re
import socket
import sys
from collections.abc import Callable
from typing import Any

import anyio
import uvicorn
from mcp.server.mcpserver import MCPServer
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings
from sse_starlette.sse import AppStatus
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
HEALTH_PATH = "/health"
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
FAREWELL_S = 0.5
"""How long a server that was told to stop serves those who were at its door."""


def lowlevel(server: MCPServer[Any]) -> Any:
    """What speaks MCP over two streams; the SDK shows it beside an HTTP app only."""
    server.streamable_http_app()
    return server.session_manager.app


async def serve_stdio(server: MCPServer[Any]) -> None:
    """Serve one client over stdin and stdout; what tools print goes to stderr."""
    stdout = sys.stdout = sys.__stdout__
    async with stdio_server() as (read, write):
        with contextlib.redirect_stdout(sys.stderr):
            inner = lowlevel(server)
            await inner.run(read, write, inner.create_initialization_options())
        if stdout is not None:
            stdout.flush()  # while it still leads to stderr


def http_app(server: MCPServer[Any], settings: argparse.Namespace) -> Starlette:
    """Streamable HTTP, for clients of every revision."""
    return server.streamable_http_app(
        streamable_http_path=settings.path,
        stateless_http=settings.stateless,
        max_request_body_size=MAX_MESSAGE_BYTES,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )


def sse_app(server: MCPServer[Any], settings: argparse.Namespace) -> ASGIApp:
    """HTTP+SSE of revision 2024-11-05, for clients that know nothing newer."""
    return server.sse_app(
        sse_path=settings.path,
        max_request_body_size=MAX_MESSAGE_BYTES,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )


APPS: dict[str, Callable[[MCPServer[Any], argparse.Namespace], ASGIApp]] = {
    "http": http_app,
    "sse": sse_app,
}


class Door:
    """The outermost ASGI layer: who may come in, and that standing streams end with the server.

    The check of Host stops DNS rebinding, a foreign page whose name was pointed at this machine;
    that of Origin stops the others. The SDK has both, but does not say what to change.
    """

    def __init__(self, app: ASGIApp, settings: argparse.Namespace) -> None:
        self.app = app
        named = (*LOOPBACK, url_host(settings.host), *settings.allowed_host)
        self.hosts = {name.lower() for name in named}
        self.origins = {name.lower() for name in settings.allowed_origin}
        self.stopping = asyncio.Event()

    def refusal(self, headers: Headers) -> PlainTextResponse | None:
        """The answer to whoever may not come in."""
        host = headers.get("host", "")
        name = re.sub(r":\d+$", "", host.lower())
        if not {"*", host.lower(), name} & self.hosts:
            how = f"--allowed-host {name}, or set MCP_ALLOWED_HOSTS={name}"
            told = f"Host {host!r} is not served here. Start the server with {how}.\n"
            return PlainTextResponse(told, 421)
        origin = headers.get("origin")
        if origin is None or {"*", origin.lower()} & self.origins:
            return None
        scheme, _, site = re.sub(r":\d+$", "", origin.lower()).partition("://")
        if scheme in ("http", "https") and site in LOOPBACK:
            return None
        how = f"--allowed-origin {origin}, or set MCP_ALLOWED_ORIGINS={origin}"
        told = f"Origin {origin!r} may not call this server. Start the server with {how}.\n"
        return PlainTextResponse(told, 403)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Judge a request by its headers, then pass it on."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        if scope["type"] == "http" and scope["path"] == HEALTH_PATH:
            # probes name the server by its address, and learn nothing here
            await PlainTextResponse("ok\n")(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self.refusal(headers)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        listens = headers.get("mcp-method") == "subscriptions/listen"
        if scope["type"] == "http" and (scope["method"] == "GET" or listens):
            await self.stream(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a stream that has no end of its own, until the server stops."""
        unfinished = False

        async def watched(message: Message) -> None:
            nonlocal unfinished
            begins = message["type"] == "http.response.start"
            unfinished = begins or message.get("more_body", False)
            await send(message)

        await self.app(scope, self.until_the_end(receive), watched)
        if unfinished:
            await send({"type": "http.response.body", "body": b""})

    def until_the_end(self, receive: Receive) -> Receive:
        """A ``receive`` that says that the client has gone, once the server stops."""

        async def received() -> Message:
            messages: list[Message] = []
            async with anyio.create_task_group() as tasks:

                async def wait() -> None:
                    await self.stopping.wait()
                    tasks.cancel_scope.cancel()

                tasks.start_soon(wait)
                messages.append(await receive())
                tasks.cancel_scope.cancel()
            return messages[0] if messages else {"type": "http.disconnect"}

        return received


class Server(uvicorn.Server):
    """uvicorn that loses nobody when it is told to stop.

    A connection that waits to be accepted while the socket is closed is cut, and the proxy in
    front cannot send its POST anew: it does not know that the tool has not run.
    """

    def __init__(self, config: uvicorn.Config, door: Door) -> None:
        super().__init__(config)
        self.door = door

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take in who waits, close, serve them, then end as uvicorn does."""
        self.door.stopping.set()
        waiting = []
        for sock in sockets or []:
            while True:
                try:
                    waiting.append(sock.accept()[0])
                except BlockingIOError:
                    break
        for server in self.servers:
            server.close()
        for sock in waiting:
            sock.setblocking(False)
            await asyncio.get_running_loop().connect_accepted_socket(self.protocol, sock)
        await asyncio.sleep(FAREWELL_S)
        await super().shutdown(sockets)

    def protocol(self) -> Any:
        """What uvicorn gives each connection."""
        made: Any = self.config.http_protocol_class
        state = self.lifespan.state
        return made(config=self.config, server_state=self.server_state, app_state=state)


def serve_asgi(server: MCPServer[Any], settings: argparse.Namespace) -> None:
    """Listen until SIGTERM or Ctrl-C; calls under way are finished."""
    AppStatus.enable_automatic_graceful_drain = False  # it cuts off calls that stream progress
    door = asgi_app(server, settings)
    family, kind, protocol, _, address = socket.getaddrinfo(
        settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    # the protocol is named: without it asyncio leaves TCP_NODELAY off, 40 ms a call
    with socket.socket(family, kind, protocol) as sock, contextlib.suppress(KeyboardInterrupt):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(address)
        except OSError as error:
            where = f"{settings.host} port {settings.port}"
            sys.exit(f"Cannot listen on {where}: {error.strerror}. Try another --host or --port.")
        url = f"{url_host(settings.host)}:{sock.getsockname()[1]}{settings.path}"
        sys.stderr.write(f"{server.name} listens on {settings.transport}: {url}\n")
        sys.stderr.flush()
        config = uvicorn.Config(
            door,
            access_log=False,
            timeout_graceful_shutdown=20,
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_per_message_deflate=False,
        )
        Server(config, door).run(sockets=[sock])


def serve(server: MCPServer[Any], settings: argparse.Namespace) -> None:
    """Serve until the client has gone, or until somebody ends it."""
    if settings.transport == "stdio":
        anyio.run(serve_stdio, server)
    else:
        serve_asgi(server, settings)


def url_host(host: str) -> str:
    """A host as a URL has it: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host


def asgi_app(server: MCPServer[Any], settings: argparse.Namespace) -> Door:
    """The server as an ASGI app."""
    return Door(APPS[settings.transport](server, settings), settings)
