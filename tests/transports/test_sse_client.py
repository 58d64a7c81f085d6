"""HTTP+SSE servers of all kinds: what can be understood is, and what cannot is told at once."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from mcp_notebook.errors import CallError, ConnectError, ConnectionLost
from mcp_notebook.runtime.workbench import Workbench

LONG = 5_000_000


@dataclass
class Peer:
    """A scripted HTTP+SSE server.

    Attributes:
        endpoint: what its endpoint event names; ``None`` names none.
        before: bytes of the stream before anything else.
        end: the line end of the stream.
        split: write one byte at a time.
        post_status: what a POST of ``tools/call`` is answered with.
        kind: the media type of the stream.
        status: of the GET.
        location: a Location header of the GET.
        text: of a tool's result.
        hang_up: end the stream where the tool is called.
        asked: the messages that came.
    """

    endpoint: str | None = "/messages"
    before: bytes = b""
    end: bytes = b"\n"
    split: bool = False
    post_status: int = 202
    kind: str = "text/event-stream"
    status: int = 200
    location: str = ""
    text: str = "fine"
    hang_up: bool = False
    asked: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0
    _stream: asyncio.StreamWriter | None = None

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                if head.startswith("GET"):
                    await self.stream(head, writer)
                else:
                    length = int(head.lower().partition("content-length:")[2].split()[0])
                    await self.take(await reader.readexactly(length), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def stream(self, head: str, writer: asyncio.StreamWriter) -> None:
        if self.location and head.startswith("GET /sse "):
            writer.write(
                f"HTTP/1.1 307 X\r\nlocation: {self.location}\r\ncontent-length: 0\r\n\r\n".encode()
            )
            return
        writer.write(
            f"HTTP/1.1 {self.status} X\r\ncontent-type: {self.kind}\r\n\r\n".encode() + self.before
        )
        self._stream = writer
        if self.endpoint is not None:
            await self.event("endpoint", self.endpoint)
        await writer.drain()
        if self.status != 200 or not self.kind.startswith("text/event-stream"):
            writer.close()

    async def event(self, kind: str, data: str) -> None:
        assert self._stream is not None
        lines = [f"event: {kind}".encode(), f"data: {data}".encode(), b"", b""]
        raw = self.end.join(lines)
        for part in [bytes([b]) for b in raw] if self.split else [raw]:
            self._stream.write(part)
            await self._stream.drain()

    async def take(self, body: bytes, writer: asyncio.StreamWriter) -> None:
        message = json.loads(body)
        self.asked.append(message)
        called = message.get("method") == "tools/call"
        status = self.post_status if called else 202
        answer = b"no, not now" if status >= 400 else b""
        writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: {len(answer)}\r\n\r\n".encode())
        writer.write(answer)
        await writer.drain()
        if called and self.hang_up and self._stream is not None:
            self._stream.close()
        elif "id" in message and status < 300:
            reply = {"jsonrpc": "2.0", "id": message["id"], **self.answer(message)}
            await self.event("message", json.dumps(reply))

    def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        results: dict[str, Any] = {
            "initialize": {
                "protocolVersion": "2024-11-05",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "peer", "version": "1"},
            },
            "tools/list": {"tools": [{"name": "say", "inputSchema": {"type": "object"}}]},
            "tools/call": {"content": [{"type": "text", "text": self.text}]},
        }
        if message["method"] not in results:
            return {"error": {"code": -32601, "message": "no such method"}}
        return {"result": results[message["method"]]}

    @property
    def url(self) -> str:
        return f"sse+http://127.0.0.1:{self.port}/sse"


@contextmanager
def served(peer: Peer) -> Iterator[Peer]:
    """Run a peer on a loop of its own."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    server: list[asyncio.Server] = []

    async def start() -> None:
        server.append(await asyncio.start_server(peer.handle, "127.0.0.1", 0, limit=LONG * 2))
        peer.port = server[0].sockets[0].getsockname()[1]
        ready.set()

    async def stop() -> None:
        server[0].close()
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await asyncio.sleep(0.01)  # what was closed is torn down

    def turn() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(start())
        loop.run_forever()
        loop.close()

    thread = threading.Thread(target=turn)
    thread.start()
    assert ready.wait(10)
    try:
        yield peer
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


@pytest.fixture
def bench(tmp_path: Any) -> Iterator[Workbench]:
    with Workbench(folder=str(tmp_path)) as bench:
        yield bench


EARLY = b'data: {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}\n\n'

UNDERSTOOD = {
    "plain": Peer(),
    "a byte order mark": Peer(before=b"\xef\xbb\xbf"),
    "CR alone": Peer(end=b"\r"),
    "CRLF": Peer(end=b"\r\n"),
    "CRLF, byte by byte": Peer(end=b"\r\n", split=True),
    "a message before the endpoint": Peer(before=EARLY),
    "comments, retry and unknown events": Peer(
        before=b": hello\n\nretry: 10\n\nevent: other\ndata: {}\n\n"
    ),
    "empty data and junk": Peer(before=b"data:\n\ndata: not json\n\n"),
    "a second endpoint event": Peer(before=b"event: endpoint\ndata: /messages?first\n\n"),
    "a whole address as endpoint": Peer(endpoint="whole"),
    "a redirect within the origin": Peer(location="/elsewhere"),
    "a parameter behind the media type": Peer(kind="text/event-stream; charset=utf-8"),
    "5 MB in one event": Peer(text="x" * LONG),
}


@pytest.mark.parametrize("case", UNDERSTOOD, ids=UNDERSTOOD.keys())
def test_what_can_be_understood_is(bench: Workbench, case: str) -> None:
    peer = UNDERSTOOD[case]
    with served(peer):
        if peer.endpoint == "whole":
            peer.endpoint = f"http://127.0.0.1:{peer.port}/messages"
        with bench.connect(peer.url, era="legacy") as connection:
            result = connection.call("say")
            assert (result.text, result.is_error) == (peer.text, False)


REFUSED = {
    "no endpoint": (Peer(endpoint=None), r"named no endpoint in 0\.8 s"),
    "the endpoint of somebody else": (
        Peer(endpoint="http://127.0.0.2:9/messages"),
        "endpoint of another origin: http://127.0.0.2:9/messages",
    ),
    "an endpoint with a mad port": (Peer(endpoint="http://127.0.0.1:x/"), "of another origin"),
    "JSON": (Peer(kind="application/json"), "the answer is application/json, no event stream"),
    "not found": (Peer(status=404), "404"),
    "a redirect elsewhere": (Peer(location="http://127.0.0.2:9/sse"), "307"),
}


@pytest.mark.parametrize("case", REFUSED, ids=REFUSED.keys())
def test_what_cannot_be_understood_is_told_at_once(bench: Workbench, case: str) -> None:
    peer, words = REFUSED[case]
    with served(peer), pytest.raises(ConnectError, match=words) as caught:
        bench.connect(peer.url, era="legacy", timeout=1)
    assert "\n" not in str(caught.value)


def test_a_stream_that_ends_before_the_endpoint_is_told_at_once(bench: Workbench) -> None:
    class Short(Peer):
        async def stream(self, head: str, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n\r\n: bye\n\n")
            await writer.drain()
            writer.close()

    with served(Short()) as peer, pytest.raises(ConnectError, match="before it named an endpoint"):
        bench.connect(peer.url, era="legacy", timeout=20)


def test_a_refused_post_fails_its_own_call_and_the_connection_lives(bench: Workbench) -> None:
    with served(Peer()) as peer, bench.connect(peer.url, era="legacy") as connection:
        peer.post_status = 500
        with pytest.raises(CallError, match="HTTP status 500: no, not now"):
            connection.call("say")
        peer.post_status = 202
        assert connection.call("say").text == "fine"


def test_a_stream_that_ends_is_noticed_without_a_call(bench: Workbench) -> None:
    with served(Peer(hang_up=True)) as peer:
        connection = bench.connect(peer.url, era="legacy")
        with pytest.raises(ConnectionLost):
            connection.call("say")
        assert await_true(lambda: not connection.is_open)


def test_a_server_that_stops_is_noticed(bench: Workbench) -> None:
    with served(Peer()) as peer:
        connection = bench.connect(peer.url, era="legacy")
    assert await_true(lambda: not connection.is_open)
    with pytest.raises(ConnectionLost, match="is gone"):
        connection.call("say")


def await_true(condition: Callable[[], bool]) -> bool:
    for _ in range(500):
        if condition():
            return True
        time.sleep(0.02)
    return False
