"""The parts that are copied into the file, as the modules that they are."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from mcp.server.mcpserver import MCPServer
from mcp.server.subscriptions import ResourceUpdated, ToolsListChanged
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from mcp_notebook.handoff.script.parts import commandline, serving
from mcp_notebook.handoff.script.parts import websocket as _websocket
from mcp_notebook.handoff.script.parts.notices import RedisNotices
from mcp_notebook.handoff.script.parts.placing import on_main_thread, unindented
from mcp_notebook.transports.ports import free_port
from tests.handoff.deploy.farm import MODERN, redis_server, request
from tests.rigs.surroundings import need

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


@pytest.fixture
def server() -> MCPServer[Any]:
    made: MCPServer[Any] = MCPServer("parts", log_level="ERROR")

    @made.tool()
    def work(number: int) -> int:
        return number

    return made


def settings(*argv: str) -> argparse.Namespace:
    return commandline.options(argv)


# ---- options -----------------------------------------------------------------------------------


def test_what_is_not_said_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "MCP_TRANSPORT": "http",
        "MCP_PORT": "9001",
        "MCP_PATH": "x/",
        "MCP_ALLOWED_HOSTS": "a.example, b.example:8443",
        "MCP_STATELESS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    found = settings("--port", "9002", "--allowed-host", "c.example", "--no-stateless")
    assert (found.transport, found.port, found.path) == ("http", 9002, "/x")
    assert found.allowed_host == ["a.example", "b.example:8443", "c.example"]
    assert found.stateless is False
    assert settings().port == 9001
    assert settings().stateless is True


def test_a_default_gives_way_to_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert commandline.options([], MCP_TRANSPORT="http").transport == "http"
    monkeypatch.setenv("MCP_TRANSPORT", "sse")
    assert commandline.options([], MCP_TRANSPORT="http").transport == "sse"


def test_help_is_written_to_stdout_wherever_prints_go(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", sys.stderr)
    with pytest.raises(SystemExit):
        settings("--help")
    assert "MCP_ALLOWED_HOSTS" in capfd.readouterr().out


def test_a_transport_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MCP_TRANSPORT", "pigeon")
    with pytest.raises(SystemExit):
        settings()
    assert "MCP_TRANSPORT=pigeon: choose stdio, http, sse, websocket" in capsys.readouterr().err


# ---- the door ----------------------------------------------------------------------------------

DOOR = [
    # Host, Origin, options, status, what the answer says
    ("127.0.0.1:8000", None, "", 200, ""),
    ("localhost", "http://localhost:8888", "", 200, ""),
    ("[::1]:8000", "https://127.0.0.1", "", 200, ""),
    ("LOCALHOST:1", None, "", 200, ""),
    ("evil.example:8000", None, "", 421, "--allowed-host evil.example"),
    ("evil.example", None, "", 421, "MCP_ALLOWED_HOSTS=evil.example"),
    ("localhost.evil.example", None, "", 421, "--allowed-host"),
    ("", None, "", 421, "Host ''"),
    ("me.example:99", None, "--allowed-host Me.Example", 200, ""),
    ("me.example:99", None, "--allowed-host me.example:99", 200, ""),
    ("me.example:98", None, "--allowed-host me.example:99", 421, "--allowed-host"),
    ("any.example", None, "--allowed-host *", 200, ""),
    ("10.1.2.3:8000", None, "--host 10.1.2.3", 200, ""),
    ("[fd00::1]:8000", None, "--host fd00::1", 200, ""),
    ("localhost", "https://evil.example", "", 403, "--allowed-origin https://evil.example"),
    ("localhost", "https://localhost.evil.example", "", 403, "MCP_ALLOWED_ORIGINS="),
    ("localhost", "null", "", 403, "Origin 'null'"),
    ("localhost", "ftp://localhost", "", 403, ""),
    ("localhost", "https://web.example", "--allowed-origin https://web.example", 200, ""),
    ("localhost", "https://web.example:1", "--allowed-origin https://web.example", 403, ""),
    ("localhost", "https://any.example", "--allowed-origin *", 200, ""),
]


@pytest.mark.parametrize(("host", "origin", "options", "status", "says"), DOOR)
def test_the_door(host: str, origin: str | None, options: str, status: int, says: str) -> None:
    async def inside(scope: Any, receive: Any, send: Any) -> None:
        await serving.PlainTextResponse("inside")(scope, receive, send)

    async def asked() -> httpx.Response:
        door = serving.Door(inside, settings(*options.split()))
        transport = httpx.ASGITransport(door)
        headers = {"Host": host} | ({"Origin": origin} if origin else {})
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            health = await client.get("/health", headers={"Host": "10.0.0.9"})
            assert (health.status_code, health.text) == (200, "ok\n")
            return await client.get("/mcp", headers=headers)

    response = asyncio.run(asked())
    assert response.status_code == status
    assert says in response.text


# ---- serving -----------------------------------------------------------------------------------


@contextmanager
def listening(
    server: MCPServer[Any], monkeypatch: pytest.MonkeyPatch, *argv: str
) -> Iterator[tuple[str, serving.Server]]:
    """The server on a port, in a thread; its URL, and what runs it."""
    made: list[serving.Server] = []

    class Kept(serving.Server):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            made.append(self)

    monkeypatch.setattr(serving, "Server", Kept)
    port = free_port()
    chosen = settings("--transport", "http", "--port", str(port), *argv)
    thread = threading.Thread(target=serving.serve, args=(server, chosen))
    thread.start()
    while not (made and made[0].started):
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}{chosen.path}", made[0]
    finally:
        made[0].should_exit = True
        thread.join(20)
        assert not thread.is_alive()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # uvicorn leaves closed transports behind
def test_who_stands_at_the_door_when_a_server_stops_is_served(
    server: MCPServer[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is made after the loop looked, and before the socket is closed."""
    with listening(server, monkeypatch, "--stateless") as (url, running):
        client = socket.socket()
        sent = request(MODERN, 1, "work", {"number": 41})
        lines = [f"{name}: {value}" for name, value in sent["headers"].items()]
        lines += ["Host: localhost", f"Content-Length: {len(sent['content'])}", "Connection: close"]
        head = "\r\n".join(["POST /mcp HTTP/1.1", *lines, "", ""]).encode()

        async def stop_now(counter: int) -> bool:
            client.connect(("127.0.0.1", int(url.split(":")[2].partition("/")[0])))
            client.sendall(head + sent["content"])
            return True

        monkeypatch.setattr(running, "on_tick", stop_now)
        with client:
            client.settimeout(20)
            while not client.getsockname()[1]:
                time.sleep(0.01)
            reply = b""
            while part := client.recv(65536):
                reply += part
    assert reply.startswith(b"HTTP/1.1 200"), reply
    assert json.loads(reply.partition(b"\r\n\r\n")[2])["result"]["structuredContent"] == {
        "result": 41
    }


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_standing_stream_does_not_keep_a_server_from_stopping(
    server: MCPServer[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(server, monkeypatch, "--path", "/here") as (url, running):
        accept = {"Accept": "application/json, text/event-stream"}
        begun = httpx.post(url, json=INITIALIZE, headers=accept, trust_env=False)
        session = {"Mcp-Session-Id": begun.headers["mcp-session-id"], **accept}
        with httpx.stream("GET", url, headers=session, timeout=30, trust_env=False) as stream:
            assert stream.status_code == 200
            running.should_exit = True
            assert list(stream.iter_raw()) == []  # it ends in order


def test_a_taken_port_is_said(server: MCPServer[Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            SystemExit, match=rf"Cannot listen on 127\.0\.0\.1 port {port}: .*--port"
        ):
            serving.serve(server, settings("--transport", "http", "--port", str(port)))


# ---- websocket ---------------------------------------------------------------------------------


def client_of(server: MCPServer[Any]) -> TestClient:
    app = serving.asgi_app(server, settings("--transport", "websocket"))
    return TestClient(app)


def test_a_websocket_speaks_json_rpc_in_text_frames(server: MCPServer[Any]) -> None:
    with client_of(server).websocket_connect("ws://localhost/mcp", subprotocols=["mcp"]) as link:
        assert link.accepted_subprotocol == "mcp"
        link.send_text("{no json")
        assert link.receive_json() == json.loads(_websocket.NO_MESSAGE)
        link.send_json(INITIALIZE)
        assert link.receive_json()["result"]["serverInfo"]["name"] == "parts"


@pytest.mark.parametrize(
    ("frame", "code"), [(b"{}", 1003), ("é" * (serving.MAX_MESSAGE_BYTES // 2 + 1), 1009)]
)
def test_a_frame_that_is_no_message_closes(
    server: MCPServer[Any], frame: str | bytes, code: int
) -> None:
    with client_of(server).websocket_connect("ws://localhost/mcp", subprotocols=["mcp"]) as link:
        (link.send_bytes if isinstance(frame, bytes) else link.send_text)(frame)  # type: ignore[arg-type]
        with pytest.raises(WebSocketDisconnect) as closed:
            link.receive_text()
    assert closed.value.code == code


@pytest.mark.parametrize(
    ("headers", "subprotocols", "status"),
    [
        ({}, [], 400),
        ({"Host": "evil.example"}, ["mcp"], 421),
        ({"Origin": "https://evil.example"}, ["mcp"], 403),
    ],
)
def test_a_websocket_is_refused_before_the_upgrade(
    server: MCPServer[Any], headers: dict[str, str], subprotocols: list[str], status: int
) -> None:
    url = "ws://localhost/mcp"
    with (
        pytest.raises(WebSocketDenialResponse) as answered,
        client_of(server).websocket_connect(url, subprotocols=subprotocols, headers=headers),
    ):
        raise AssertionError("it was let in")
    assert answered.value.status_code == status


# ---- notices -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_notices_go_through_redis_and_stay_at_home_while_it_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    need("redis-server")
    monkeypatch.setattr("mcp_notebook.handoff.script.parts.notices.RECONNECT_S", 0.05)

    async def heard() -> list[list[Any]]:
        with redis_server() as redis:
            url = f"redis://127.0.0.1:{redis.port}/0"
            here, there, other = (RedisNotices(url, name) for name in ("one", "one", "another"))
            got: list[list[Any]] = [[], [], []]
            for bus, events in zip((here, there, other), got, strict=True):
                bus.subscribe(events.append)
            async with here.lifespan(None), there.lifespan(None), other.lifespan(None):
                async with here.lifespan(None):  # once more, as a second connection does
                    await here.publish(ToolsListChanged())
                    await until(lambda: got[0] and got[1])
                await there.publish(ResourceUpdated(uri="x://y"))
                await until(lambda: len(got[0]) == len(got[1]) == 2)
                os.kill(redis.pid, signal.SIGKILL)
                await until(lambda: not here.ready.is_set())
                await here.publish(ToolsListChanged())  # reaches its own at least
            return got

    async def until(holds: Any) -> None:
        async with asyncio.timeout(20):
            while not holds():  # noqa: ASYNC110 - what it waits for is a list
                await asyncio.sleep(0.01)

    here, there, other = asyncio.run(heard())
    assert here == [ToolsListChanged(), ResourceUpdated(uri="x://y"), ToolsListChanged()]
    assert there == here[:2]
    assert other == []


# ---- placing -----------------------------------------------------------------------------------


def test_a_function_is_moved_to_the_main_thread_and_keeps_its_signature() -> None:
    def where(n: int = 1) -> str:
        """Says where.

        Truly.
        """
        return f"{n} {threading.current_thread().name}"

    made: MCPServer[Any] = MCPServer("placing", log_level="ERROR")
    made.tool()(on_main_thread(unindented(where)))

    async def called() -> Any:
        (tool,) = await made.list_tools()
        assert tool.description == "Says where.\n\nTruly."
        assert list(tool.input_schema["properties"]) == ["n"]
        return await made.call_tool("where", {"n": 3})

    assert asyncio.run(called()).content[0].text == "3 MainThread"
