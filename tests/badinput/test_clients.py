"""Bad replies for clients: over lines (tcp, unix, a child), frames, bodies and streams."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from mcp_notebook.errors import CallTimeout, McpError
from mcp_notebook.runtime.connection import Connection
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.trace.events import Direction, Event, Message, Vantage
from tests.transports.test_hostile import shake_hands

from .replies import GOOD, REPLIES, Reply
from .stand import until

TRANSPORTS = ["tcp", "unix", "stdio", "http", "sse", "websocket"]


@dataclass
class Peer:
    """A server of each kind, whose reply to the next call is set by the test."""

    folder: Path
    reply: Reply | None = None
    asked: bytes = b""
    urls: dict[str, str] = field(default_factory=dict)
    stream: asyncio.StreamWriter | None = None

    def due(self, message: dict[str, Any]) -> list[bytes]:
        """The messages that answer one message."""
        if message.get("method") != "tools/call":
            return [one.rstrip(b"\n") for one in shake_hands(message)]
        assert self.reply is not None
        self.asked = str(message["id"]).encode()
        return [one.replace(b"ID", str(message["id"]).encode()) for one in self.reply.messages]

    async def lines(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            while line := await reader.readline():
                for one in self.due(json.loads(line)):
                    writer.write(one + b"\n")
        writer.close()

    async def socket(self, link: ServerConnection) -> None:
        async for raw in link:
            for one in self.due(json.loads(raw)):
                await link.send(one, text=True)

    async def web(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                if head.startswith("GET /sse"):
                    writer.write(b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n\r\n")
                    writer.write(b"event: endpoint\ndata: /messages\n\n")
                    self.stream = writer
                    continue
                if not head.startswith("POST"):
                    writer.write(b"HTTP/1.1 405 X\r\ncontent-length: 0\r\n\r\n")
                    continue
                size = int(head.lower().partition("content-length:")[2].split()[0])
                message = json.loads(await reader.readexactly(size))
                events = b"".join(b"data: " + one + b"\n\n" for one in self.due(message))
                if head.startswith("POST /messages"):
                    writer.write(b"HTTP/1.1 202 X\r\ncontent-length: 0\r\n\r\n")
                    assert self.stream is not None
                    self.stream.write(events)
                elif "id" not in message or "method" not in message:
                    writer.write(b"HTTP/1.1 202 X\r\ncontent-length: 0\r\n\r\n")
                else:
                    writer.write(
                        b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n"
                        b"content-length: %d\r\n\r\n" % len(events) + events
                    )
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    def target(self, transport: str) -> Any:
        """What is connected to."""
        if transport != "stdio":
            return self.urls[transport]
        return [sys.executable, "-I", "-S", "-c", RELAY, str(self.port)]

    @property
    def port(self) -> int:
        return int(self.urls["tcp"].rpartition(":")[2])


RELAY = """
import socket, sys, threading
link = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
def up():
    for line in sys.stdin.buffer:
        link.sendall(line)
    link.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while part := link.recv(1 << 20):
    sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()
"""
"""A child that passes on what the server of lines sends."""


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    made = Peer(tmp_path_factory.mktemp("peer"))
    loop = asyncio.new_event_loop()
    servers: list[Any] = []

    async def start() -> None:
        async def listen(handler: Callable[..., Awaitable[None]]) -> int:
            server = await asyncio.start_server(handler, "127.0.0.1", 0, limit=1 << 24)
            servers.append(server)
            return int(server.sockets[0].getsockname()[1])

        path = str(made.folder / "s")
        servers.append(await asyncio.start_unix_server(made.lines, path, limit=1 << 24))
        made.urls["unix"] = f"unix:{path}"
        made.urls["tcp"] = f"tcp://127.0.0.1:{await listen(made.lines)}"
        web = await listen(made.web)
        made.urls["http"] = f"http://127.0.0.1:{web}/mcp"
        made.urls["sse"] = f"sse+http://127.0.0.1:{web}/sse"
        sockets = await serve(
            made.socket, "127.0.0.1", 0, subprotocols=[Subprotocol("mcp")], max_size=None
        )
        servers.append(sockets)
        made.urls["websocket"] = f"ws://127.0.0.1:{next(iter(sockets.sockets)).getsockname()[1]}/"

    async def stop() -> None:
        for server in servers:
            server.close()
        await asyncio.sleep(0.1)  # it is torn down in tasks of its own
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await asyncio.sleep(0.05)  # what was closed is torn down

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    yield made
    asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


@dataclass
class Clients:
    """Connections to the peer, and one to somebody else."""

    bench: Workbench
    peer: Peer
    innocent: Connection
    open: dict[str, Connection] = field(default_factory=dict)
    arrived: list[tuple[int, bytes]] = field(default_factory=list)

    def note(self, event: Event) -> None:
        """What the client's end has recorded: how long each message is, and how it begins."""
        ours = event.vantage is Vantage.CLIENT and event.conn != "innocent"
        if ours and isinstance(event, Message) and event.direction is Direction.SERVER_TO_CLIENT:
            self.arrived.append((event.size, event.raw[:100]))

    def recorded(self, since: int, transport: str, reply: Reply, id: bytes) -> bool:
        """Whether what came up to the answer is in the Trace, whatever it was."""
        sent = [one.replace(b"ID", id) for one in reply.messages]
        if GOOD in reply.messages:  # what follows the answer may not have been read yet
            sent = sent[: reply.messages.index(GOOD) + 1]
        if transport in ("http", "sse"):  # of other events nobody knows what they are
            sent = [one for one in sent if one.startswith((b"{", b"["))]
        if transport == "http":  # the SDK reads no further than the first message
            sent = sent[:1]
        return until(lambda: all((len(one), one[:100]) in self.arrived[since:] for one in sent), 10)

    def to(self, transport: str) -> Connection:
        found = self.open.get(transport)
        if found is None or not found.is_open:
            self.open[transport] = found = self.bench.connect(
                self.peer.target(transport), era="legacy", name=transport, timeout=20
            )
        return found


@pytest.fixture(scope="module")
def clients(peer: Peer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    with Workbench(folder=str(tmp_path_factory.mktemp("clients"))) as bench:
        bench.tool(lambda: 1, name="one")
        innocent = bench.connect(bench.serve(transport="tcp"), name="innocent")
        made = Clients(bench, peer, innocent)
        bench.trace.subscribe(made.note)
        yield made


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("reply", REPLIES, ids=str)
def test_a_bad_reply_is_survived_and_told(clients: Clients, transport: str, reply: Reply) -> None:
    clients.peer.reply = reply
    connection = clients.to(transport)
    due = reply.due
    if transport == "http" and due == "good":
        due = "any"  # the SDK takes the first message on the stream of a request for its answer
    limit = 0.4 if not reply.messages else 5
    arrived = len(clients.arrived)
    failed = value = None
    try:
        value = connection.start("odd", {}, timeout=limit, answer="decline").result().value
    except McpError as error:
        failed = error
    if failed is not None:
        assert due != "good", failed
        assert not isinstance(failed, CallTimeout) or not reply.messages
        assert len(str(failed)) < 2000
        assert str(failed).isprintable()
    else:
        assert due in ("any", "good")
        assert due == "any" or value == "good"
    assert clients.recorded(arrived, transport, reply, clients.peer.asked)
    clients.peer.reply = Reply("good", REPLIES[0].messages[1:])
    assert clients.to(transport).call("odd").value == "good"
    assert clients.innocent.call("one").value == "1"


def test_the_corpus_is_large_enough() -> None:
    assert len(REPLIES) >= 40
