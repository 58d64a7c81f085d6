"""Peers that misbehave, and traffic that is more than comfortable."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import pytest
from mcp.server.mcpserver import Context
from mcp.shared.message import SessionMessage
from mcp_types import Completion, JSONRPCNotification
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from mcp_notebook.errors import CallError, ConnectionLost, McpError, UsageError
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.trace.events import Direction, Fault, LinkClosed, Vantage
from mcp_notebook.trace.store import Trace
from mcp_notebook.transports.streams import LineDuplex
from mcp_notebook.transports.tap import Tap

MCP = Subprotocol("mcp")

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "raw", "version": "1"},
    },
}


@contextmanager
def scripted(answer: Callable[[dict[str, Any]], list[bytes] | None]) -> Iterator[str]:
    """A tcp server that answers each line with the bytes the script gives; None hangs up."""

    def serve() -> None:
        link, _ = listener.accept()
        with link, link.makefile("rb") as lines:
            for line in lines:
                parts = answer(json.loads(line))
                if parts is None:
                    return
                for part in parts:
                    link.sendall(part)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
    thread.join(10)


def line(message: dict[str, Any]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"


def shake_hands(message: dict[str, Any]) -> list[bytes]:
    """What a legacy server with one tool answers before anything is called."""
    method = message.get("method")
    result: dict[str, Any] = {}
    if "id" not in message:
        return []
    if method == "initialize":
        result = {
            "protocolVersion": "2025-11-25",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "scripted", "version": "1"},
        }
    elif method == "tools/list":
        result = {"tools": [{"name": "odd", "inputSchema": {"type": "object"}}]}
    return [line({"id": message["id"], "result": result})]


def on_call(*parts: bytes) -> Callable[[dict[str, Any]], list[bytes] | None]:
    def answer(message: dict[str, Any]) -> list[bytes] | None:
        if message.get("method") != "tools/call":
            return shake_hands(message)
        if not parts:
            return None
        return [part.replace(b"ID", str(message["id"]).encode()) for part in parts]

    return answer


GOOD = b'{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"good"}]}}\n'


def test_an_answer_in_single_bytes_is_put_together(bench: Workbench) -> None:
    split = [GOOD[n : n + 1] for n in range(30)] + [GOOD[30:]]
    split[split.index(b"I")] = b"ID"  # the script fills in the whole word
    split.remove(b"D")
    with scripted(on_call(*split)) as url, bench.connect(url, era="legacy") as connection:
        assert connection.call("odd").value == "good"


def test_garbage_before_the_answer_is_noted_and_skipped(bench: Workbench) -> None:
    garbage = b'{nonsense\n[]\n\n{"jsonrpc":"2.0","id":999,"result":{}}\n'
    with scripted(on_call(garbage, GOOD)) as url, bench.connect(url, era="legacy") as connection:
        assert connection.call("odd").value == "good"
    assert [e.text for e in bench.trace if isinstance(e, Fault)] != []


@pytest.mark.parametrize(
    ("parts", "kind", "expected"),
    [
        ((), ConnectionLost, "is gone"),
        (
            (b'{"jsonrpc":"2.0","id":ID,"error":{"code":-32042,"message":"no\\nmore"}}\n',),
            CallError,
            r"-32042: no more",
        ),
        ((b'{"jsonrpc":"2.0","id":ID,"result":{"content":"text"}}\n',), CallError, "does not fit"),
    ],
)
def test_a_bad_answer_is_one_line(
    bench: Workbench, parts: tuple[bytes, ...], kind: type[McpError], expected: str
) -> None:
    with scripted(on_call(*parts)) as url, bench.connect(url, era="legacy") as connection:
        with pytest.raises(kind, match=expected) as caught:
            connection.call("odd")
        assert "\n" not in str(caught.value)
        assert bench.why() != "Nothing has failed."


def test_half_a_message_at_the_end_is_noted(bench: Workbench) -> None:
    def answer(message: dict[str, Any]) -> list[bytes] | None:
        if message.get("method") == "tools/call":
            link_ends.set()
            return [b'{"jsonrpc":"2.0",']
        return shake_hands(message)

    link_ends = threading.Event()
    with scripted(answer) as url, bench.connect(url, era="legacy") as connection:
        call = connection.start("odd", {}, timeout=0.2)
        with pytest.raises(McpError):
            call.result()
        assert link_ends.is_set()


def test_a_socket_that_closes_without_a_word_is_no_server(bench: Workbench) -> None:
    with scripted(lambda _message: None) as url, pytest.raises(McpError) as caught:
        bench.connect(url, timeout=5)
    assert "\n" not in str(caught.value)


# ---- WebSocket -------------------------------------------------------------------------------


@pytest.fixture
def websocket_url(bench: Workbench) -> str:
    bench.tool(lambda: 1, name="one")
    return bench.serve(transport="websocket").url


def dial(url: str, *subprotocols: Subprotocol) -> ClientConnection:
    return connect(url, subprotocols=subprotocols or (MCP,), compression=None)


def test_a_client_without_the_subprotocol_is_refused(websocket_url: str) -> None:
    for offered in (None, [Subprotocol("chat")]):
        with pytest.raises(InvalidStatus) as caught:
            connect(websocket_url, subprotocols=offered)
        assert caught.value.response.status_code == 400


def test_a_text_frame_is_a_message_and_garbage_is_answered(websocket_url: str) -> None:
    with dial(websocket_url) as link:
        assert link.subprotocol == "mcp"
        link.send(json.dumps(INITIALIZE))
        assert json.loads(link.recv(10))["result"]["protocolVersion"] == "2025-11-25"
        link.send("{nonsense")
        assert json.loads(link.recv(10))["error"]["code"] == -32700


def test_a_message_in_several_frames_is_one_message(websocket_url: str) -> None:
    text = json.dumps(INITIALIZE)
    with dial(websocket_url) as link:
        link.send([text[:10], text[10:50], text[50:]])
        assert json.loads(link.recv(10))["id"] == 1


def test_a_binary_message_ends_the_connection_with_1003(websocket_url: str) -> None:
    with dial(websocket_url) as link:
        link.send(json.dumps(INITIALIZE).encode())
        with pytest.raises(ConnectionClosed) as caught:
            link.recv(10)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1003


def test_a_message_beyond_the_limit_ends_the_connection_with_1009(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp_notebook.transports.websocket.MAX_MESSAGE_BYTES", 1000)
    url = bench.serve(transport="websocket").url
    with dial(url) as link:
        link.send("{" + " " * 2000)
        with pytest.raises(ConnectionClosed) as caught:
            link.recv(10)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1009


def test_a_websocket_that_breaks_is_said_with_its_close_code(
    bench: Workbench, websocket_url: str
) -> None:
    connection = bench.connect(websocket_url)
    closed = threading.Event()
    bench.trace.subscribe(
        lambda e: (
            closed.set() if isinstance(e, LinkClosed) and e.vantage is Vantage.CLIENT else None
        )
    )
    bench.endpoints["notebook-websocket"].stop()
    assert closed.wait(10)
    with pytest.raises(ConnectionLost, match="is gone"):
        connection.call("one")


# ---- one duplex by itself ----------------------------------------------------------------------


class Wire:
    """An asyncio transport that remembers what it was told."""

    def __init__(self) -> None:
        self.written = b""
        self.told: list[str] = []
        self.closing = False

    def write(self, data: bytes) -> None:
        self.written += data

    def pause_reading(self) -> None:
        self.told.append("pause")

    def resume_reading(self) -> None:
        self.told.append("resume")

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.told.append("abort")
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing


def duplex_on(wire: Wire, **options: Any) -> tuple[LineDuplex, Trace]:
    trace = Trace()
    tap = Tap(trace, "it", Vantage.SERVER, "tcp").link()
    duplex = LineDuplex(receives=Direction.CLIENT_TO_SERVER, tap=tap, **options)
    duplex.connection_made(wire)  # type: ignore[arg-type]  # a transport by shape
    return duplex, trace


NOTICE = b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n'


def test_reading_pauses_while_too_much_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_notebook.transports.duplex.PAUSE_BYTES", 100)

    async def main() -> None:
        wire = Wire()
        duplex, _ = duplex_on(wire)
        duplex.data_received(NOTICE * 3)
        assert wire.told == ["pause"]
        for _ in range(3):
            await duplex.receive()
        assert wire.told == ["pause", "resume"]

    asyncio.run(main())


def test_writing_waits_while_the_peer_is_slow_and_fails_when_it_is_gone() -> None:
    async def main() -> None:
        wire = Wire()
        duplex, _ = duplex_on(wire)
        item = SessionMessage(JSONRPCNotification(jsonrpc="2.0", method="x"))
        duplex.pause_writing()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(duplex.send(item), 0.01)
        duplex.resume_writing()
        await duplex.send(item)
        assert wire.written.count(b"\n") == 2
        duplex.connection_lost(None)
        with pytest.raises(anyio.BrokenResourceError):
            await duplex.send(item)
        with pytest.raises(anyio.BrokenResourceError):
            await duplex.send_bytes(b"x")
        with pytest.raises(anyio.EndOfStream):
            await duplex.receive()

    asyncio.run(main())


def test_a_line_beyond_the_limit_is_refused_and_the_next_one_read() -> None:
    async def main() -> None:
        wire = Wire()
        duplex, trace = duplex_on(wire, max_line_bytes=100)
        duplex.data_received(b"{" + b"x" * 500 + b"\n" + NOTICE)
        assert (await duplex.receive()).message.method == "notifications/initialized"  # type: ignore[union-attr]
        assert json.loads(wire.written)["error"]["code"] == -32600
        assert any("too long" in e.text for e in trace if isinstance(e, Fault))

    asyncio.run(main())


def test_an_error_that_nobody_can_be_told_any_more_breaks_nothing() -> None:
    async def main() -> None:
        wire = Wire()
        duplex, trace = duplex_on(wire, max_line_bytes=100)
        wire.closing = True
        duplex.data_received(b"{\n" + b"x" * 200 + b"\n" + NOTICE)
        assert (await duplex.receive()).message.method == "notifications/initialized"  # type: ignore[union-attr]
        assert wire.written == b""
        assert len([e for e in trace if isinstance(e, Fault)]) == 2

    asyncio.run(main())


def test_what_was_not_ended_by_a_newline_is_no_message() -> None:
    async def main() -> None:
        duplex, trace = duplex_on(Wire())
        duplex.data_received(NOTICE[:-1])
        duplex.eof_received()
        with pytest.raises(anyio.EndOfStream):
            await duplex.receive()
        assert any("half a message" in e.text for e in trace if isinstance(e, Fault))

    asyncio.run(main())


# ---- more of the connection --------------------------------------------------------------------


@pytest.mark.parametrize(
    "transport", ["memory", "stdio", "tcp", "http", "http-json", "sse", "websocket"]
)
def test_exactly_these_bytes_are_sent_and_the_answer_comes_back(
    bench: Workbench, transport: str
) -> None:
    bench.tool(lambda: 1, name="one")
    connection = bench.connect(bench.serve(transport=transport), era="legacy", timeout=40)
    raw = b'{"jsonrpc":"2.0", "id":"mine",  "method":"ping"}'
    end = b"\n" if transport in ("memory", "stdio", "tcp") else b""
    (answer,) = connection.send(raw + end)
    assert answer.json() == {"jsonrpc": "2.0", "id": "mine", "result": {}}
    sent = [e for e in bench.trace.messages() if e.raw == raw and e.vantage is Vantage.CLIENT]
    assert len(sent) == 1
    assert connection.call("one").text == "1"


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_a_changed_resource_reaches_who_listens_to_it(bench: Workbench, era: str) -> None:
    @bench.resource("note://one", name="one")
    def one() -> str:
        return "one"

    @bench.tool
    async def touch(ctx: Context[Any, Any]) -> None:
        await ctx.notify_resource_updated("note://one")

    connection = bench.connect(bench.serve(transport="memory"), era=era)
    listening = connection.listen("note://one")
    connection.call("touch")
    assert listening.wait(1) == ["notifications/resources/updated note://one"]
    assert "note://one" in repr(listening)
    with pytest.raises(TimeoutError, match="1 of 2 notices"):
        listening.wait(2, timeout=0.01)
    listening.stop()


def test_an_argument_of_a_prompt_is_completed(bench: Workbench) -> None:
    mcp = bench.server()

    @mcp.completion()
    async def complete(ref: Any, argument: Any, context: Any) -> Completion:
        return Completion(values=[f"{argument.name}={argument.value}{kind}" for kind in "ab"])

    bench.prompt(lambda city: f"Weather in {city}", name="weather")
    bench.resource("note://{name}", name="note")(lambda name: name)
    connection = bench.connect(bench.serve(transport="memory"))
    assert connection.complete("weather", "city", "O") == ["city=Oa", "city=Ob"]
    assert connection.complete("note://{name}", "name") == ["name=a", "name=b"]


def test_a_foreign_list_that_never_ends_does_not_hang(bench: Workbench) -> None:
    def answer(message: dict[str, Any]) -> list[bytes] | None:
        if message.get("method") == "tools/list":
            tool = {"name": f"t{message['id']}", "inputSchema": {"type": "object"}}
            return [line({"id": message["id"], "result": {"tools": [tool], "nextCursor": "more"}})]
        return shake_hands(message)

    with scripted(answer) as url, bench.connect(url, era="legacy", timeout=20) as connection:
        assert len(connection.tools()) == 100


def test_an_unknown_tool_is_guessed(bench: Workbench) -> None:
    bench.tool(lambda: 1, name="weather")
    connection = bench.connect(bench.serve(transport="memory"))
    with pytest.raises(UsageError, match=r"no tool 'wether'\. Did you mean weather\?"):
        connection.call("wether")
    with pytest.raises(UsageError, match=r"It has: weather"):
        connection.call("zzz")


def test_a_prompt_may_have_an_argument_called_name(bench: Workbench) -> None:
    bench.prompt(lambda name: f"Greet {name}.", name="greet")
    connection = bench.connect(bench.serve(transport="memory"))
    assert connection.prompt("greet", name="Ada").text == "user: Greet Ada."
