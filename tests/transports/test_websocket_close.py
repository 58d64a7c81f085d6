"""How a WebSocket ends: each close code is an error that says what it means, at both ends."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from mcp_types import JSONRPCNotification
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from mcp_notebook.errors import ConnectError, ConnectionLost, UsageError
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.trace.events import Direction, Fault
from mcp_notebook.transports.closecodes import at_fault, close_text
from mcp_notebook.transports.websocket import SocketDuplex

from .test_hostile import MCP, shake_hands
from .test_sse_client import await_true

Answer = Callable[[ServerConnection, dict[str, Any]], None]


@contextmanager
def scripted(answer: Answer, subprotocol: str | None = "mcp") -> Iterator[str]:
    """A WebSocket server that shakes hands as an MCP server and leaves calls to the script."""

    def handle(link: ServerConnection) -> None:
        for text in link:
            message = json.loads(text)
            if message.get("method") == "tools/call":
                answer(link, message)
            else:
                for line in shake_hands(message):
                    link.send(line.decode())

    offered = [Subprotocol(subprotocol)] if subprotocol else None
    with serve(handle, "127.0.0.1", 0, subprotocols=offered, compression=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/mcp"
        server.shutdown()
    thread.join(10)


def faults(bench: Workbench) -> list[str]:
    return [e.text for e in bench.trace if isinstance(e, Fault)]


def raw_frame(*parts: bytes) -> Answer:
    """Write bytes past the library, which would not send them."""

    def answer(link: ServerConnection, _message: dict[str, Any]) -> None:
        link.socket.sendall(b"".join(parts))

    return answer


@pytest.mark.parametrize(
    ("code", "reason", "words"),
    [
        (1000, "", "the server closed the connection"),
        (1000, "enough", r"the peer ended it \(1000: enough\)"),
        (1001, "lunch", r"went away \(1001: lunch\)"),
        (1008, "no", r"refuses us by its policy.*\(1008: no\)"),
        (1009, "", r"takes no message of this size \(1009\)"),
        (1011, "oh", r"failed inside \(1011: oh\)"),
        (1012, "", r"restarts: try again \(1012\)"),
        (1013, "", r"busy: try again later \(1013\)"),
        (3000, "", r"--token \$NAME \(3000\)"),
        (4321, "x", r"a reason of its own \(4321: x\)"),
    ],
)
def test_a_close_of_the_server_says_what_it_means(
    bench: Workbench, code: int, reason: str, words: str
) -> None:
    with scripted(lambda link, _m: link.close(code, reason)) as url:
        connection = bench.connect(url, era="legacy")
        with pytest.raises(ConnectionLost, match=words) as caught:
            connection.call("odd")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (lambda link, _m: link.send(b"{}"), r"binary message; MCP is text \(1003\)"),
        (raw_frame(b"\x81\x02\xff\xfe"), "no valid UTF-8"),
        (raw_frame(b"\xf1\x00"), "broke the WebSocket protocol"),  # reserved bits
        (raw_frame(b"\x83\x00"), "broke the WebSocket protocol"),  # an unknown kind of frame
        (raw_frame(b"\x81\x80abcd"), "broke the WebSocket protocol"),  # masked by a server
        (raw_frame(b"\x80\x00"), "broke the WebSocket protocol"),  # goes on with nothing
        (raw_frame(b"\x09\x00"), "broke the WebSocket protocol"),  # a ping in pieces
        (raw_frame(b"\x88\x01\x00"), "broke the WebSocket protocol"),  # half a close code
        (raw_frame(b"\x81\x7f\x00\x00\x00\x01\x00\x00\x00\x00"), "beyond the size limit"),
    ],
)
def test_a_server_that_breaks_the_rules_is_closed_and_noted(
    bench: Workbench, script: Answer, words: str
) -> None:
    with scripted(script) as url:
        connection = bench.connect(url, era="legacy")
        with pytest.raises(ConnectionLost, match=words):
            connection.call("odd")
    assert any("closed: the peer" in text for text in faults(bench))


def test_a_server_that_drops_the_line_is_said_so(bench: Workbench) -> None:
    def drop(link: ServerConnection, _message: dict[str, Any]) -> None:
        link.socket.close()

    with scripted(drop) as url:
        connection = bench.connect(url, era="legacy")
        with pytest.raises(ConnectionLost, match=r"without a closing frame|Broken|reset"):
            connection.call("odd")


def test_a_reason_is_quoted_without_its_tricks(bench: Workbench) -> None:
    with scripted(lambda link, _m: link.close(4000, "\x1b[31mred\u202e")) as url:
        connection = bench.connect(url, era="legacy")
        with pytest.raises(ConnectionLost) as caught:
            connection.call("odd")
    assert "\x1b" not in str(caught.value)
    assert r"\x1b[31mred\u202e" in str(caught.value)


def test_a_server_without_the_subprotocol_is_taken_and_noted(bench: Workbench) -> None:
    good = {"content": [{"type": "text", "text": "fine"}]}

    def answer(link: ServerConnection, message: dict[str, Any]) -> None:
        link.send(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": good}))

    with scripted(answer, None) as url, bench.connect(url, era="legacy") as connection:
        assert connection.call("odd").text == "fine"
    assert "the server chose no subprotocol; mcp was offered" in faults(bench)


@pytest.mark.parametrize(
    ("status", "hint"), [(401, "--token"), (403, "hosts"), (404, "path"), (421, "hosts")]
)
def test_a_refused_upgrade_names_its_status(bench: Workbench, status: int, hint: str) -> None:
    with serve(
        lambda _link: None,
        "127.0.0.1",
        0,
        process_request=lambda link, _request: link.respond(status, "go\naway\n"),
    ) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with pytest.raises(ConnectError, match=f"answered {status} .*: go away") as caught:
            bench.connect(f"ws://127.0.0.1:{server.socket.getsockname()[1]}/mcp")
        server.shutdown()
    thread.join(10)
    assert hint in str(caught.value)


@pytest.mark.parametrize("url", ["ws://", "ws://127.0.0.1:x/", "ws:///mcp"])
def test_an_address_that_cannot_be_one_is_said(bench: Workbench, url: str) -> None:
    with pytest.raises((UsageError, ConnectError)) as caught:
        bench.connect(url)
    assert "\n" not in str(caught.value)


# ---- the server's end --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\x82\0\0\0\0\xff\xfe", 1007),
        (b"\xc1\x80\0\0\0\0", 1002),
        (b"\x81\x02{}", 1002),  # a client must mask
        (b"\x82\x82\0\0\0\0{}", 1003),
        (b"\x81\xff\x00\x00\x00\x01\x00\x00\x00\x00\0\0\0\0", 1009),
    ],
)
def test_a_client_that_breaks_the_rules_gets_its_code_and_others_go_on(
    bench: Workbench, frame: bytes, code: int
) -> None:
    bench.tool(lambda: 1, name="one")
    endpoint = bench.serve(transport="websocket")
    with (
        bench.connect(endpoint) as innocent,
        connect(endpoint.url, subprotocols=[MCP], compression=None) as link,
    ):
        link.socket.sendall(frame)
        with pytest.raises(ConnectionClosed) as caught:
            link.recv(10)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == code
        assert await_true(lambda: any(f"({code}" in text for text in faults(bench)))
        assert innocent.call("one").value == "1"


# ---- the parts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("closed", "text", "guilty"),
    [
        (ConnectionClosed(None, None), "without a closing frame (1006)", False),
        (ConnectionClosed(None, Close(1009, "")), "beyond the size limit (1009)", True),
        (
            ConnectionClosed(None, Close(1011, "keepalive ping timeout")),
            "answers no ping: it is frozen or cut off (1011)",
            True,
        ),
        (
            ConnectionClosed(Close(1005, ""), Close(1005, ""), True),
            "without saying why (1005)",
            False,
        ),
        (ConnectionClosed(Close(2999, ""), Close(2999, ""), True), "unknown code (2999)", False),
        (ConnectionClosed(Close(1001, ""), Close(1001, ""), True), "", False),
        (ConnectionClosed(Close(1000, ""), Close(1000, ""), False), "", False),
        (ConnectionClosed(Close(1002, ""), Close(1002, "x"), False), "(1002: x)", True),
    ],
)
def test_each_kind_of_close_has_its_words(
    closed: ConnectionClosed, text: str, guilty: bool
) -> None:
    assert close_text(closed).endswith(text)
    assert bool(close_text(closed)) is bool(text)
    assert at_fault(closed) is guilty


class Socket:
    """A WebSocket that has as many messages as are asked for."""

    link = None

    def __init__(self) -> None:
        self.taken = 0

    async def recv(self) -> str:
        await asyncio.sleep(0)
        self.taken += 1
        notice = JSONRPCNotification(jsonrpc="2.0", method="x", params={"text": "y" * 100})
        return notice.model_dump_json()

    async def close(self, *_: object) -> None:
        await asyncio.sleep(0)


def test_a_flood_waits_until_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_notebook.transports.duplex.PAUSE_BYTES", 1000)

    async def main() -> None:
        socket = Socket()
        duplex = SocketDuplex(socket, receives=Direction.SERVER_TO_CLIENT)
        for _ in range(200):
            await asyncio.sleep(0)
        before = socket.taken
        assert before < 20
        for _ in range(before):
            await duplex.receive()
        for _ in range(200):
            await asyncio.sleep(0)
        assert before < socket.taken < 40
        await duplex.aclose()

    asyncio.run(main())
