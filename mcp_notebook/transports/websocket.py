"""``websocket``: JSON-RPC text frames over RFC 6455, subprotocol ``mcp``.

A **custom transport**: WebSocket was never in the specification and left the SDK. As revision
2026-07-28 (Transports, Custom Transports) asks, its connection establishment, its message
exchange and its cancellation are written down:

* Establishment: an HTTP/1.1 upgrade (RFC 6455 section 4) at ``/mcp``, subprotocol ``mcp``.
  Host, Origin and token are checked before the upgrade; a refusal is an HTTP status.
* Framing: one JSON-RPC message a text message, UTF-8. A binary message ends the connection
  with close code 1003, one beyond the size limit with 1009, one that is no UTF-8 with 1007. No
  compression. What a close code means to the user is in ``closecodes``.
* Cancellation: ``notifications/cancelled`` as on stdio, in both eras; closing the connection
  cancels what is under way.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import anyio
from mcp.shared.message import SessionMessage
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from mcp_notebook.errors import ConnectError, UsageError
from mcp_notebook.trace.events import Direction
from mcp_notebook.trace.foreign import foreign

from .base import (
    MAX_MESSAGE_BYTES,
    ConnectOptions,
    Listener,
    Served,
    ServeOptions,
    StreamListener,
    StreamPair,
    Transport,
)
from .closecodes import BROKEN, BY_US, at_fault, close_text
from .duplex import MessageDuplex, encode
from .guard import Policy
from .http import url_path
from .ports import listening_socket, reachable, url_host
from .tap import LinkTap, Tap, TappedTransport, link_address

SUBPROTOCOL = Subprotocol("mcp")

NOT_UPGRADED = frozenset({200, 426, 505})
"""Statuses of something in between that took the handshake for an ordinary request."""

CLOSE_S = 2.0
"""How long the closing handshake may take."""


def _tapped(base: type[Any], tap: Tap, *, server: bool) -> type[Any]:
    """A websockets connection class with a tap of its own for each TCP connection."""
    sends = Direction.SERVER_TO_CLIENT if server else Direction.CLIENT_TO_SERVER
    receives = Direction.CLIENT_TO_SERVER if server else Direction.SERVER_TO_CLIENT

    class Tapped(base):  # type: ignore[misc]
        link: LinkTap

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.link = tap.link()
            self.link.opened(link_address(transport, server=server))
            super().connection_made(TappedTransport(transport, self.link, sends))

        def data_received(self, data: bytes) -> None:
            self.link.chunk(receives, data)
            super().data_received(data)

        def connection_lost(self, exc: Exception | None) -> None:
            self.link.closed(str(exc) if exc else "")
            super().connection_lost(exc)

    return Tapped


class SocketDuplex(MessageDuplex):
    """A WebSocket as the SDK's read and write stream."""

    def __init__(self, socket: Any, *, receives: Direction) -> None:
        super().__init__(receives=receives, tap=socket.link)
        self._socket = socket
        self._room = asyncio.Event()
        self._room.set()
        self._reader = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        reason = BROKEN
        try:
            while True:
                text = await self._socket.recv()
                if isinstance(text, bytes):
                    reason = BY_US[1003] + " (1003)"
                    self._fault(f"closed: {reason}")
                    await self._socket.close(1003, "MCP messages are text")
                    break
                raw = text.encode()
                if self.tap:
                    self.tap.message(self.receives, raw)
                due = self.take(raw)
                if due is not None:
                    await self._send_text(due.rstrip(b"\n"))
                await self._room.wait()
        except ConnectionClosed as closed:
            reason = close_text(closed)
            if at_fault(closed):
                self._fault(f"closed: {reason}")
        except anyio.BrokenResourceError:
            pass  # an error was due, and who should get it has gone
        finally:
            self.end(reason)

    def _fault(self, text: str) -> None:
        if self.tap:
            self.tap.fault(text)

    def pause_arrivals(self) -> None:
        """Take nothing more from the socket; its own queue and TCP then slow the peer down."""
        self._room.clear()

    def resume_arrivals(self) -> None:
        """Read on."""
        self._room.set()

    async def _send_text(self, raw: bytes) -> None:
        if self.tap:
            self.tap.message(self.sends, raw)
        try:
            await self._socket.send(raw, text=True)
        except ConnectionClosed:
            raise anyio.BrokenResourceError from None

    async def send(self, item: SessionMessage) -> None:
        """Send one message as one text frame."""
        await self._send_text(encode(item))

    async def send_bytes(self, data: bytes) -> None:
        """Send exactly this text as one frame (``%%mcp send``)."""
        await self._send_text(data)

    async def aclose(self) -> None:
        """Close with the closing handshake, without waiting long for it."""
        self._reader.cancel()
        with contextlib.suppress(TimeoutError, ConnectionClosed):
            async with asyncio.timeout(CLOSE_S):
                await self._socket.close()
        self.end()

    def abort(self) -> None:
        """Drop the TCP connection."""
        self._reader.cancel()
        self._socket.transport.abort()
        self.end("aborted")


class WebSocketListener(StreamListener):
    """A listening WebSocket server."""

    server: Server | None = None

    async def close(self) -> None:
        """Stop listening and end every link."""
        if self.server is not None:
            self.server.close(close_connections=False)
        await self.close_links()
        if self.server is not None:
            self.server.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.server.wait_closed(), CLOSE_S)


class WebSocketTransport(Transport):
    """JSON-RPC text frames, both sides free to speak at any time."""

    name = "websocket"
    aliases = ("ws",)
    standing = "custom"
    summary = "JSON-RPC text frames over a WebSocket; custom, not in the specification"
    schemes = ("ws", "wss")
    networked = True

    async def listen(self, served: Served, options: ServeOptions, tap: Tap) -> WebSocketListener:
        """Serve on a loopback port at ``/mcp``."""
        path = url_path(options, "/mcp")
        policy = Policy.of(options)
        listener = WebSocketListener(served)

        def judge(connection: ServerConnection, request: Request) -> Response | None:
            refusal = policy.refusal(request.headers.raw_items())
            if refusal is not None:
                response = connection.respond(refusal.status, refusal.text + "\n")
                if refusal.status == 401:
                    response.headers["WWW-Authenticate"] = "Bearer"
                return response
            if request.path.partition("?")[0] != path:
                return connection.respond(404, f"MCP is at {path}\n")
            return None

        async def handle(socket: ServerConnection) -> None:
            duplex = SocketDuplex(socket, receives=Direction.CLIENT_TO_SERVER)
            listener.accept(duplex)
            await socket.wait_closed()

        sock = await listening_socket(options)
        listener.server = await serve(
            handle,
            sock=sock,
            subprotocols=[SUBPROTOCOL],
            compression=None,
            max_size=MAX_MESSAGE_BYTES,
            close_timeout=CLOSE_S,
            process_request=judge,
            create_connection=_tapped(ServerConnection, tap, server=True),
            server_header=None,
        )
        host, port = sock.getsockname()[:2]
        listener.address = f"ws://{url_host(host)}:{port}{path}"
        listener.url = f"ws://{url_host(reachable(host))}:{port}{path}"
        return listener

    def connect(self, target: Listener | str, options: ConnectOptions, tap: Tap) -> StreamPair:
        """Connect to ``ws://`` or ``wss://``."""
        return self._connect(target.url if isinstance(target, Listener) else target, options, tap)

    @asynccontextmanager
    async def _connect(
        self, url: str, options: ConnectOptions, tap: Tap
    ) -> AsyncIterator[tuple[Any, Any]]:
        try:
            socket = await connect(
                url,
                subprotocols=[SUBPROTOCOL],
                compression=None,
                max_size=MAX_MESSAGE_BYTES,
                additional_headers=options.all_headers(),
                open_timeout=options.connect_timeout_s,
                close_timeout=CLOSE_S,
                proxy=None,
                create_connection=_tapped(ClientConnection, tap, server=False),
            )
        except InvalidStatus as error:
            body = (error.response.body or b"")[:10_000].decode("utf-8", "replace").strip()
            body = foreign(body, tap.trace.secrets.values(), 200)
            status = error.response.status_code
            text = f"{_shown(url)} answered {status} instead of a WebSocket: {body}"
            hint = "Check the path, --token and the server's allowed hosts."
            if status in NOT_UPGRADED:
                hint = "A proxy in between has to pass Upgrade and Connection on, over HTTP/1.1."
            raise ConnectError(text, hint=hint) from None
        except InvalidURI:
            raise UsageError(
                f"{_shown(url)!r} is no WebSocket address.", hint="Write ws://HOST:PORT/PATH."
            ) from None
        except (OSError, TimeoutError, InvalidHandshake) as error:
            reason = foreign(error, tap.trace.secrets.values(), 200) or "no answer in time"
            plain = isinstance(error, ssl.SSLError) and "WRONG_VERSION" in str(error)
            raise ConnectError(
                f"nothing answers at {_shown(url)} ({reason}).",
                hint="Or is it ws://?" if plain else "%mcp status",
            ) from None
        duplex = SocketDuplex(socket, receives=Direction.SERVER_TO_CLIENT)
        if socket.subprotocol is None and duplex.tap:
            duplex.tap.fault(f"the server chose no subprotocol; {SUBPROTOCOL} was offered")
        duplex.on_closed = options.on_closed
        try:
            yield duplex, duplex
        finally:
            await duplex.aclose()


def _shown(url: str) -> str:
    """A URL without its query and user, which may hold secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"
