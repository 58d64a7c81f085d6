"""The same transports without a tap anywhere: what a tapped one is measured against.

Not the transports with a switch off: streams of their own, without a line of recording in them,
over the same libraries (asyncio, websockets, httpx2, uvicorn, the SDK's HTTP client).
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import os
import socket
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

import anyio
import httpx2
import uvicorn
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter
from uvicorn.protocols.http.h11_impl import H11Protocol
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from mcp_notebook.runtime.server import NotebookServer
from mcp_notebook.transports.asgi import Gate
from mcp_notebook.transports.base import MAX_MESSAGE_BYTES, ServeOptions
from mcp_notebook.transports.guard import Policy
from mcp_notebook.transports.http import UNCHECKED
from mcp_notebook.transports.leaving import EndsWithItsClient
from mcp_notebook.transports.sseclient import SseDuplex
from mcp_notebook.transports.streams import attach_pipes
from mcp_notebook.transports.strict import StrictBodies
from mcp_notebook.transports.websocket import SUBPROTOCOL


def encoded(item: SessionMessage) -> bytes:
    """A message as JSON."""
    return item.message.model_dump_json(by_alias=True, exclude_unset=True).encode()


class Stream:
    """The SDK's read and write stream over something that takes bytes.

    Args:
        write: sends the bytes of one message.
    """

    def __init__(self, write: Callable[[bytes], Any] | None = None) -> None:
        self.write = write
        self._arrived: deque[SessionMessage] = deque()
        self._ended = False
        self._waiter: asyncio.Future[None] | None = None

    def take(self, raw: bytes) -> None:
        """A message arrived."""
        message = jsonrpc_message_adapter.validate_json(raw, by_name=False)
        self._arrived.append(SessionMessage(message))
        self._wake()

    def end(self) -> None:
        """Nothing more will come."""
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def receive(self) -> SessionMessage:
        """The next message."""
        while not self._arrived:
            if self._ended:
                raise anyio.EndOfStream
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._arrived.popleft()

    async def send(self, item: SessionMessage) -> None:
        """Write a message."""
        assert self.write is not None
        done = self.write(encoded(item))
        if done is not None:
            await done

    async def aclose(self) -> None:
        """Nothing to close here: who made it does that."""
        self.end()

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> SessionMessage:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Stream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class Lines(Stream, asyncio.Protocol):
    """A stream whose messages are lines of an asyncio transport."""

    def __init__(self, made: Callable[[Lines], None] = lambda _: None) -> None:
        super().__init__()
        self._made = made
        self._rest = b""

    def connection_made(self, transport: Any) -> None:
        """Up; a pipe to read from only has no ``write``."""
        if hasattr(transport, "write"):
            self.write_to(transport)
        self._made(self)

    def write_to(self, transport: Any) -> None:
        """Write lines there."""
        self.write = lambda raw: transport.write(raw + b"\n")

    def data_received(self, data: bytes) -> None:
        """Cut into lines."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        for raw in whole:
            self.take(raw)

    def connection_lost(self, exc: Exception | None) -> None:
        """Down."""
        self.end()


class _Serving:
    """Tasks that serve a link each."""

    def __init__(self, server: NotebookServer) -> None:
        self._server = server
        self._tasks: set[asyncio.Task[None]] = set()

    def accept(self, stream: Stream) -> None:
        """Serve a link."""
        task = asyncio.get_running_loop().create_task(
            self._server.serve_streams(stream, stream), context=contextvars.Context()
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        """End every link."""
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=2)


# ---- the stream transports ------------------------------------------------------------------


class _Queue:
    def __init__(self, peer: Lines) -> None:
        self._peer = peer
        self._loop = asyncio.get_running_loop()

    def write(self, data: bytes) -> None:
        self._loop.call_soon(self._peer.data_received, data)

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        self._peer.end()


@asynccontextmanager
async def in_process(near: Any, server: NotebookServer, *, pipes: bool) -> AsyncIterator[None]:
    """Join a client's end to a bare server's by two queues or two pipes."""
    far, serving = Lines(), _Serving(server)
    ends: list[Any] = []
    if pipes:
        far_in, near_out = os.pipe()
        near_in, far_out = os.pipe()
        ends = await _join(far, far_in, far_out)
        if isinstance(near, Lines):
            ends += await _join(near, near_in, near_out)
        else:
            await attach_pipes(near, near_in, near_out)
    else:
        near.connection_made(_Queue(far))
        far.connection_made(_Queue(near))
    serving.accept(far)
    try:
        yield
    finally:
        await serving.end()
        for end in ends:
            end.close()


async def _join(lines: Lines, read_fd: int, write_fd: int) -> list[Any]:
    loop = asyncio.get_running_loop()
    reader, _ = await loop.connect_read_pipe(lambda: lines, os.fdopen(read_fd, "rb", 0))
    writer, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(write_fd, "wb", 0))
    lines.write_to(writer)
    return [reader, writer]


CHILD = (sys.executable, "-m", "tests.bench.bare")
"""A child whose end is bare."""


@asynccontextmanager
async def _bare_child() -> AsyncIterator[Lines]:
    # in a session of its own, as ours: Linux gives each session its share of a busy machine
    child = await asyncio.to_thread(
        functools.partial(subprocess.Popen, start_new_session=True),
        CHILD,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    near = Lines()
    ends = await _join(near, os.dup(child.stdout.fileno()), os.dup(child.stdin.fileno()))
    child.stdin.close()
    child.stdout.close()
    try:
        yield near
    finally:
        for end in ends:
            end.close()
        await asyncio.to_thread(child.wait, 10)


@asynccontextmanager
async def _sockets(server: NotebookServer, *, unix: bool) -> AsyncIterator[str]:
    """Bare lines on a socket."""
    loop, serving = asyncio.get_running_loop(), _Serving(server)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/bare"
        if unix:
            listening = await loop.create_unix_server(lambda: Lines(serving.accept), path)
            url = f"unix:{path}"
        else:
            listening = await loop.create_server(lambda: Lines(serving.accept), "127.0.0.1", 0)
            url = f"tcp://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        try:
            yield url
        finally:
            await serving.end()
            listening.close()


@asynccontextmanager
async def _line_client(url: str) -> AsyncIterator[Lines]:
    loop, near = asyncio.get_running_loop(), Lines()
    if url.startswith("unix:"):
        transport, _ = await loop.create_unix_connection(lambda: near, url.removeprefix("unix:"))
    else:
        host, _, port = url.removeprefix("tcp://").rpartition(":")
        transport, _ = await loop.create_connection(lambda: near, host, int(port))
    try:
        yield near
    finally:
        transport.close()


# ---- WebSocket ------------------------------------------------------------------------------


class Frames(Stream):
    """A stream whose messages are text frames."""

    def __init__(self, link: Any) -> None:
        super().__init__(lambda raw: link.send(raw, text=True))
        self._link = link
        self._reader = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        with contextlib.suppress(Exception):
            while True:
                self.take((await self._link.recv()).encode())
        self.end()


_FRAMES: dict[str, Any] = {"compression": None, "max_size": MAX_MESSAGE_BYTES}


@asynccontextmanager
async def _frames(server: NotebookServer) -> AsyncIterator[str]:
    """The websockets library as it is."""
    serving = _Serving(server)

    async def handle(link: Any) -> None:
        serving.accept(Frames(link))
        await link.wait_closed()

    offered = [SUBPROTOCOL]
    async with serve(handle, "127.0.0.1", 0, subprotocols=offered, **_FRAMES) as listening:
        yield f"ws://127.0.0.1:{next(iter(listening.sockets)).getsockname()[1]}/mcp"
        await serving.end()


@asynccontextmanager
async def _frame_client(url: str) -> AsyncIterator[Frames]:
    async with connect(url, proxy=None, subprotocols=[SUBPROTOCOL], **_FRAMES) as link:
        yield Frames(link)


# ---- HTTP -----------------------------------------------------------------------------------


@asynccontextmanager
async def _uvicorn(app: Any) -> AsyncIterator[str]:
    """An app behind the same guard, on uvicorn's own protocol."""
    # asyncio switches Nagle's waiting off only where the protocol is named: 44 ms a call
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    gate = Gate(cast(Any, app), Policy.of(ServeOptions()))
    server = uvicorn.Server(
        uvicorn.Config(
            cast(Any, gate),
            http=H11Protocol,
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="critical",
            access_log=False,
            timeout_graceful_shutdown=1,
            server_header=False,
        )
    )
    task = asyncio.get_running_loop().create_task(
        server.serve(sockets=[sock]), context=contextvars.Context()
    )
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.002)
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        await gate.end_all()
        await asyncio.wait({task}, timeout=3)
        sock.close()


def _client() -> httpx2.AsyncClient:
    timeout = httpx2.Timeout(10, read=None, write=60, pool=60)
    transport = httpx2.AsyncHTTPTransport(verify=False, trust_env=False)
    return httpx2.AsyncClient(transport=transport, timeout=timeout, trust_env=False)


def _app(server: NotebookServer, name: str) -> Any:
    """What ours serves, bodies read as strictly: recording is what is measured."""
    if name == "sse":
        return StrictBodies(
            cast(
                Any,
                server.mcp.sse_app(
                    sse_path="/sse",
                    max_request_body_size=MAX_MESSAGE_BYTES,
                    transport_security=UNCHECKED,
                ),
            )
        )
    json = name == "http-json"
    app = server.mcp.streamable_http_app(
        streamable_http_path="/mcp",
        json_response=json,
        stateless_http=json,
        max_request_body_size=MAX_MESSAGE_BYTES,
        transport_security=UNCHECKED,
    )
    strict = StrictBodies(cast(Any, app))
    return EndsWithItsClient(strict) if json else strict


@asynccontextmanager
async def _sse_client(url: str) -> AsyncIterator[SseDuplex]:
    """Our reader of event streams, which records nothing itself, on a plain client."""
    head = {"accept": "text/event-stream"}
    async with _client() as client, client.stream("GET", url, headers=head) as response:
        duplex = SseDuplex(client, response, url, tuple)
        await asyncio.wait_for(asyncio.shield(duplex.endpoint), 5)
        try:
            yield duplex
        finally:
            await duplex.aclose()


# ---- by name --------------------------------------------------------------------------------

IN_PROCESS = ("memory", "pipe")
NETWORKED = ("unix", "tcp", "http", "http-json", "sse", "websocket")


@asynccontextmanager
async def serving(name: str, server: NotebookServer) -> AsyncIterator[str]:
    """A bare server of a networked transport; yields its address."""
    if name in ("unix", "tcp"):
        made: Any = _sockets(server, unix=name == "unix")
    elif name == "websocket":
        made = _frames(server)
    else:
        made = _uvicorn(_app(server, name))
    async with made as url:
        yield url + {"sse": "/sse", "http": "/mcp", "http-json": "/mcp"}.get(name, "")


@asynccontextmanager
async def opened(name: str, server: NotebookServer) -> AsyncIterator[tuple[Any, Any]]:
    """The SDK's pair of streams over a transport, bare at both ends."""
    async with AsyncExitStack() as stack:
        if name in IN_PROCESS:
            near: Any = Lines()
            await stack.enter_async_context(in_process(near, server, pipes=name == "pipe"))
        elif name == "stdio":
            near = await stack.enter_async_context(_bare_child())
        else:
            url = await stack.enter_async_context(serving(name, server))
            if name in ("http", "http-json"):
                client = await stack.enter_async_context(_client())
                pair = streamable_http_client(url, http_client=client)
                yield await stack.enter_async_context(pair)
                return
            client_of = {"websocket": _frame_client, "sse": _sse_client}
            near = await stack.enter_async_context(client_of.get(name, _line_client)(url))
        yield near, near


async def _child() -> None:
    """The child of the bare ``stdio``."""
    from mcp_notebook.bench.processes.subject import make_subject
    from mcp_notebook.runtime.loop import BackgroundLoop
    from mcp_notebook.runtime.mainthread import MainThread
    from mcp_notebook.runtime.toolthreads import ToolThreads

    server = NotebookServer(
        "subject", loop=BackgroundLoop(), threads=ToolThreads(MainThread()), mcp=make_subject()
    )
    lines = Lines()
    read_fd, write_fd = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    await _join(lines, read_fd, write_fd)
    await server.serve_streams(lines, lines)


if __name__ == "__main__":
    asyncio.run(_child())
    os._exit(0)  # a tool's thread must not hold the process
