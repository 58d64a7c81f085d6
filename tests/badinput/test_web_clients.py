"""Bad replies of web servers: over Streamable HTTP and HTTP+SSE, below the messages."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from mcp_notebook.errors import CallTimeout, McpError
from mcp_notebook.runtime.connection import Connection
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.trace.events import Chunk, Direction, Event, Message, Vantage
from tests.transports.test_hostile import shake_hands

from .stand import until
from .webreplies import BODIES, NO_HTTP, OPENINGS, POSTS, STREAMS, WebReply, head

EMPTY = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
OPEN = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
ENDPOINT = b"event: endpoint\ndata: /messages\n\n"


@dataclass
class Web:
    """A web server whose reply to the next call is set by the test."""

    reply: WebReply | bytes = BODIES["the answer"]
    streamed: bytes = b""
    opening: bytes = OPEN + ENDPOINT
    holds: bool = True
    port: int = 0
    sent: int = 0
    stream: asyncio.StreamWriter | None = None

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gone = (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError)
        with contextlib.suppress(*gone):
            while await self.answered(reader, writer):
                await writer.drain()
        writer.close()

    def write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        self.sent += len(data)
        writer.write(data)

    async def answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether the connection takes another."""
        asked = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        if asked.startswith("GET /sse"):
            self.stream = writer
            self.write(writer, self.opening)
            await writer.drain()
            if self.holds:
                await reader.read()
            return False
        if not asked.startswith("POST"):
            self.write(writer, EMPTY.replace(b"202 Accepted", b"405 X"))
            return True
        size = int(asked.lower().partition("content-length:")[2].split()[0])
        message = json.loads(await reader.readexactly(size))
        return await self.replied(message, "POST /messages" in asked, reader, writer)

    async def replied(
        self, message: dict[str, Any], streams: bool, reader: Any, writer: asyncio.StreamWriter
    ) -> bool:
        if "id" not in message or "method" not in message:
            self.write(writer, EMPTY)
            return True
        id = str(message["id"]).encode()
        if message["method"] != "tools/call":
            (answer,) = shake_hands(message)
            if streams:
                self.write(writer, EMPTY)
                await self.event(b"data: " + answer.rstrip() + b"\n\n")
            else:
                self.write(writer, WebReply(head(), answer).raw(id))
            return True
        if isinstance(self.reply, bytes):
            self.write(writer, self.reply)
            return False
        self.write(writer, self.reply.raw(id))
        if streams and self.streamed:
            await self.event(self.streamed.replace(b"ID", id))
        if self.reply.then == "hold":
            await writer.drain()
            await reader.read()
        return self.reply.then == "keep"

    async def event(self, raw: bytes) -> None:
        assert self.stream is not None
        self.write(self.stream, raw)
        await self.stream.drain()


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    made = Web()
    loop = asyncio.new_event_loop()
    server: list[asyncio.Server] = []

    async def start() -> None:
        server.append(await asyncio.start_server(made.handle, "127.0.0.1", 0))
        made.port = server[0].sockets[0].getsockname()[1]

    async def stop() -> None:
        server[0].close()
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
class Browsing:
    """Connections to the web server, one to somebody else, and what the Trace has of the first."""

    bench: Workbench
    web: Web
    innocent: Connection
    recorded: int = 0
    answers: int = 0
    open: dict[str, Connection] = field(default_factory=dict)

    def note(self, event: Event) -> None:
        if event.vantage is not Vantage.CLIENT or event.conn == "innocent":
            return
        if isinstance(event, Chunk) and event.direction is Direction.SERVER_TO_CLIENT:
            self.recorded += event.size
        elif isinstance(event, Message) and b'"good"' in event.raw:
            self.answers += 1

    def to(self, transport: str) -> Connection:
        found = self.open.get(transport)
        if found is None or not found.is_open:
            path = {"http": "http://127.0.0.1:{}/mcp", "sse": "sse+http://127.0.0.1:{}/sse"}
            url = path[transport].format(self.web.port)
            self.open[transport] = found = self.bench.connect(
                url, era="legacy", name=transport, timeout=20
            )
        return found

    def call(self, transport: str, due: str) -> None:
        """Call, see that what is due comes, and that the connections go on."""
        connection = self.to(transport)
        recorded, sent, answers = self.recorded, self.web.sent, self.answers
        limit = 0.4 if due == "silence" else 8
        failed = value = None
        try:
            value = connection.start("odd", {}, timeout=limit).result().value
        except McpError as error:
            failed = error
        told = f"{type(failed).__name__}: {failed}" if failed else repr(value)
        if failed is None:
            assert due in ("good", "any"), told
            assert value == "good" or due == "any"
        else:
            assert due != "good", told
            assert isinstance(failed, CallTimeout) == (due == "silence"), told
            assert len(str(failed)) < 2000
            assert str(failed).isprintable()
        if due == "good":
            assert self.answers > answers, "the answer is not in the Trace"
        if due in ("good", "silence"):  # of what is refused the rest is not read
            assert until(lambda: self.recorded - recorded >= self.web.sent - sent, 10)
        assert self.recorded - recorded <= self.web.sent - sent
        self.goes_on(transport)

    def goes_on(self, transport: str) -> None:
        self.web.reply, self.web.streamed = BODIES["the answer"], STREAMS["LF"]
        assert self.to(transport).call("odd").value == "good"
        assert self.innocent.call("one").value == "1"


@pytest.fixture(scope="module")
def browsing(web: Web, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browsing]:
    with Workbench(folder=str(tmp_path_factory.mktemp("web"))) as bench:
        bench.tool(lambda: 1, name="one")
        innocent = bench.connect(bench.serve(transport="tcp"), name="innocent")
        made = Browsing(bench, web, innocent)
        bench.trace.subscribe(made.note)
        yield made


@pytest.mark.parametrize("name", BODIES)
def test_a_bad_reply_over_http(browsing: Browsing, name: str) -> None:
    browsing.web.reply = BODIES[name]
    browsing.call("http", BODIES[name].due)


@pytest.mark.parametrize("name", NO_HTTP)
@pytest.mark.parametrize("transport", ["http", "sse"])
def test_what_is_no_http(browsing: Browsing, transport: str, name: str) -> None:
    browsing.to(transport)
    browsing.web.reply, browsing.web.streamed = NO_HTTP[name], b""
    browsing.call(transport, "error")


@pytest.mark.parametrize("name", STREAMS)
def test_an_odd_stream_over_sse(browsing: Browsing, name: str) -> None:
    browsing.to("sse")
    browsing.web.reply, browsing.web.streamed = BODIES["202 for a call"], STREAMS[name]
    browsing.call("sse", "good")


@pytest.mark.parametrize("name", POSTS)
def test_a_bad_reply_to_a_post_over_sse(browsing: Browsing, name: str) -> None:
    due = POSTS[name]
    browsing.to("sse")
    browsing.web.reply = BODIES[name]
    browsing.web.streamed = STREAMS["LF"] if due == "good" else b""
    browsing.call("sse", due)


@pytest.mark.parametrize("name", OPENINGS)
def test_a_bad_beginning_of_a_stream(browsing: Browsing, name: str) -> None:
    web = browsing.web
    opening, web.holds, due = OPENINGS[name]
    web.opening = opening.replace(b"PORT", str(web.port).encode())
    url = f"sse+http://127.0.0.1:{web.port}/sse"
    beginning = {"era": "legacy", "name": "beginning", "timeout": 1 if due == "error" else 8}
    try:
        if due == "good":
            browsing.bench.connect(url, **beginning).close()
        else:
            with pytest.raises(McpError) as caught:
                browsing.bench.connect(url, **beginning)
            assert str(caught.value).isprintable()
    finally:
        web.opening, web.holds = OPEN + ENDPOINT, True
    assert browsing.innocent.call("one").value == "1"


def test_the_corpus_is_large_enough() -> None:
    assert len(BODIES) + len(NO_HTTP) >= 40
    assert len(STREAMS) + len(POSTS) + len(OPENINGS) + len(NO_HTTP) >= 40
