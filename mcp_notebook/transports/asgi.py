"""ASGI apps on the background loop: uvicorn, tapped at its sockets and at its messages."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast

import anyio
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from mcp_notebook.errors import UsageError
from mcp_notebook.trace.events import Direction
from mcp_notebook.wire.sse import SseDecoder, SseEvent

from .base import Listener
from .guard import Policy
from .ports import reachable, url_host
from .tap import LinkTap, Tap, TappedTransport, link_address

FAREWELL_S = 0.3
"""How long open requests may take to end by themselves before they are cancelled."""

AsgiMessage = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[AsgiMessage]]
Send = Callable[[AsgiMessage], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Body:
    """Finds the JSON-RPC messages in one HTTP body and records them.

    Args:
        tap: where.
        direction: which way the body travels.
        content_type: the body's media type; JSON bodies and event streams carry messages.
    """

    def __init__(self, tap: LinkTap, direction: Direction, content_type: str) -> None:
        self._tap = tap
        self._direction = direction
        kind = content_type.partition(";")[0].strip().lower()
        self._sse = SseDecoder() if kind == "text/event-stream" else None
        self._json: list[bytes] | None = [] if kind == "application/json" else None

    def feed(self, data: bytes) -> None:
        """The next bytes of the body."""
        if self._json is not None and data:
            self._json.append(data)
        elif self._sse is not None and data:
            if (only := self._sse.whole(data)) is not None:
                self.event(only)
                return
            for event in self._sse.feed(data):
                if isinstance(event, SseEvent):
                    self.event(event.data.encode())

    def event(self, raw: bytes) -> None:
        """The data of one event, read here or by whoever reads the stream."""
        if raw[:1] in (b"{", b"["):
            self._tap.message(self._direction, raw)

    def end(self) -> None:
        """The body is complete."""
        if self._json:
            raw = b"".join(self._json)
            if raw.lstrip()[:1] in (b"{", b"["):
                self._tap.message(self._direction, raw)
            self._json = []


class MessageTap:
    """An ASGI layer that records the messages in request and response bodies."""

    def __init__(self, app: App, tap: LinkTap) -> None:
        self._app = app
        self._tap = tap

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = Body(
            self._tap, Direction.CLIENT_TO_SERVER, header(scope["headers"], b"content-type")
        )
        answered: Body | None = None

        async def tapped_receive() -> AsgiMessage:
            message = await receive()
            if message["type"] == "http.request":
                asked.feed(message.get("body", b""))
                if not message.get("more_body"):
                    asked.end()
            return message

        async def tapped_send(message: AsgiMessage) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                kind = header(message.get("headers", ()), b"content-type")
                answered = Body(self._tap, Direction.SERVER_TO_CLIENT, kind)
            elif message["type"] == "http.response.body" and answered is not None:
                answered.feed(message.get("body", b""))
                if not message.get("more_body"):
                    answered.end()
            await send(message)

        await self._app(scope, tapped_receive, tapped_send)


def header(headers: Any, name: bytes) -> str:
    """The value of a header of an ASGI message; empty where it is not there."""
    for key, value in headers:
        if key.lower() == name:
            return bytes(value).decode("latin-1")
    return ""


class Gate:
    """The outermost ASGI layer: turns foreign requests away and can end the open ones.

    uvicorn waits for open responses when it stops, and event streams do not end by
    themselves. :meth:`end_all` tells each open request that its client is gone, which ends
    event streams in order, and cancels what is then still open.
    """

    def __init__(self, app: App, policy: Policy) -> None:
        self._app = app
        self._policy = policy
        self._scopes: set[anyio.CancelScope] = set()
        self._ending = asyncio.Event()
        self._empty = asyncio.Event()

    async def end_all(self) -> None:
        """End every open request; a tool under way sees a cancellation."""
        self._ending.set()
        if self._scopes:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), FAREWELL_S)
        for scope in tuple(self._scopes):
            scope.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Judge a request, then pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in scope["headers"]]
        refusal = self._policy.refusal(headers)
        if refusal is not None:
            extra = [(b"www-authenticate", b"Bearer")] if refusal.status == 401 else []
            await _answer(send, refusal.status, refusal.text + "\n", extra)
            return
        started = finished = False

        async def watched_send(message: AsgiMessage) -> None:
            nonlocal started, finished
            started = True
            finished = message["type"] == "http.response.body" and not message.get("more_body")
            await send(message)

        with anyio.CancelScope() as cancel:
            self._scopes.add(cancel)
            self._empty.clear()
            try:
                await self._app(scope, self._until_the_end(receive), watched_send)
            finally:
                self._scopes.discard(cancel)
                if not self._scopes:
                    self._empty.set()
        if cancel.cancelled_caught and not finished:
            with contextlib.suppress(Exception):  # the client may be gone: nobody left to tell
                if started:
                    await send({"type": "http.response.body", "body": b""})
                else:
                    await _answer(send, 503, "stopping\n", [])

    def _until_the_end(self, receive: Receive) -> Receive:
        """A ``receive`` that reports the client gone once the listener is closing."""
        whole = False

        async def watched_receive() -> AsgiMessage:
            nonlocal whole
            if not whole:
                message = await receive()
                whole = message["type"] == "http.request" and not message.get("more_body")
                return message
            # the body is complete: whoever asks now wants to hear of the client's end
            asked = asyncio.ensure_future(receive())  # noqa: TID251 - awaited or cancelled below
            ending = asyncio.ensure_future(self._ending.wait())  # noqa: TID251 - likewise
            try:
                await asyncio.wait({asked, ending}, return_when=asyncio.FIRST_COMPLETED)
                return asked.result() if asked.done() else {"type": "http.disconnect"}
            finally:
                asked.cancel()
                ending.cancel()

        return watched_receive


async def _answer(send: Send, status: int, text: str, extra: list[tuple[bytes, bytes]]) -> None:
    body = text.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        *extra,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _tapped_protocol(tap: Tap) -> type[asyncio.Protocol]:
    """Uvicorn's HTTP protocol, with a tap of its own for each TCP connection."""

    class TappedHttp(H11Protocol):
        link: LinkTap

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.link = tap.link()
            self.link.opened(link_address(transport, server=True))
            self.app = MessageTap(self.app, self.link)
            wrapped = TappedTransport(transport, self.link, Direction.SERVER_TO_CLIENT)
            super().connection_made(cast(asyncio.Transport, wrapped))

        def data_received(self, data: bytes) -> None:
            self.link.chunk(Direction.CLIENT_TO_SERVER, data)
            super().data_received(data)

        def connection_lost(self, exc: Exception | None) -> None:
            self.link.closed(str(exc) if exc else "")
            super().connection_lost(exc)

    return TappedHttp


class AsgiListener(Listener):
    """An ASGI app served by uvicorn on the background loop.

    Args:
        app: the app.
        sock: a bound, listening socket; closed with the listener.
        policy: who may call.
        tap: where traffic is recorded.
        path: the path of the MCP endpoint, for the address.
    """

    def __init__(self, app: App, sock: socket.socket, policy: Policy, tap: Tap, path: str) -> None:
        self._gate = Gate(app, policy)
        self._sock = sock
        host, port = sock.getsockname()[:2]
        self.address = f"http://{url_host(host)}:{port}{path}"
        self.url = f"http://{url_host(reachable(host))}:{port}{path}"
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                self._gate,
                http=_tapped_protocol(tap),
                ws="none",
                lifespan="on",
                log_config=None,
                log_level="critical",
                access_log=False,
                timeout_graceful_shutdown=1,
                server_header=False,
            )
        )
        self._task: asyncio.Task[None] | None = None

    @property
    def links(self) -> int:
        """How many TCP connections are open."""
        return len(self._uvicorn.server_state.connections)

    async def start(self) -> None:
        """Return once the app takes requests."""
        self._task = asyncio.get_running_loop().create_task(
            self._uvicorn.serve(sockets=[self._sock]), context=contextvars.Context()
        )
        while not self._uvicorn.started and not self._task.done():  # noqa: ASYNC110 - because uvicorn has no event for it
            await asyncio.sleep(0.002)
        if self._task.done():
            self._sock.close()
            self._task.result()
            raise UsageError(
                "the server ended while it was starting.", hint="Check its lifespan function."
            )

    async def close(self) -> None:
        """End the open requests, stop, free the port."""
        self._uvicorn.should_exit = True
        await self._gate.end_all()
        if self._task is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._task), 5)
        self._sock.close()
