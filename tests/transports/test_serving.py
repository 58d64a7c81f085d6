"""Serving: one server on every transport at once, what can be served, ports, own transports."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from mcp_notebook.errors import ConnectError, ConnectionLost, UsageError
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.trace.events import Direction, Message, Vantage
from mcp_notebook.transports.base import (
    ConnectOptions,
    Listener,
    Served,
    ServeOptions,
    StreamListener,
    StreamPair,
    Transport,
    find_transport,
    register_transport,
    transport_of_scheme,
    transports,
    unregister_transport,
)
from mcp_notebook.transports.ports import derived_port
from mcp_notebook.transports.streams import LineDuplex
from mcp_notebook.transports.tap import Tap

from .conftest import TRANSPORTS

IN_KERNEL = [t for t in TRANSPORTS if t != "stdio"]


def test_the_transports_are_those_of_the_design(bench: Workbench) -> None:
    standing = {t.name: t.standing for t in transports() if t.name in TRANSPORTS}
    assert standing == {
        "memory": "for lessons",
        "pipe": "for lessons",
        "stdio": "standard",
        "bridge": "stdio on the outside",
        "unix": "custom",
        "tcp": "custom",
        "http": "standard",
        "http-json": "standard, restricted",
        "sse": "deprecated",
        "websocket": "custom",
    }
    assert find_transport("streamable-http").name == "http"
    assert find_transport("ws").name == "websocket"


def test_one_server_is_served_on_every_transport_at_once(bench: Workbench) -> None:
    total: list[int] = []

    @bench.tool
    def put(number: int) -> int:
        total.append(number)
        return sum(total)

    endpoints = [bench.serve(transport=t) for t in IN_KERNEL]
    assert [e.name for e in endpoints] == [f"notebook-{t}" for t in IN_KERNEL]
    connections = [bench.connect(e) for e in endpoints]
    calls = [c.start("put", {"number": 1}) for c in connections for _ in range(3)]
    values = sorted(call.result().value for call in calls)
    assert values == list(range(1, 3 * len(IN_KERNEL) + 1))


def test_an_existing_server_is_served_as_it_is(bench: Workbench) -> None:
    mine = MCPServer("mine", log_level="ERROR")

    @mine.tool()
    def double(n: int) -> int:
        return 2 * n

    endpoint = bench.serve(mine, "websocket")
    assert (endpoint.name, endpoint.server.mcp) == ("mine-websocket", mine)
    assert bench.serve(mine, "memory").server is endpoint.server
    assert bench.connect(endpoint).call("double", n=21).value == 42


MODULE = """
from mcp.server.mcpserver import MCPServer
app = MCPServer("imported", log_level="ERROR")
other = 3
class nested:
    mcp = app

@app.tool()
def where() -> str:
    import os
    return str(os.getpid())

@app.resource("fixed://one")
def one() -> str:
    return "one"
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    name = "served_by_test_serving"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield name
    sys.modules.pop(name, None)


@pytest.mark.parametrize("attribute", ["app", "nested.mcp"])
def test_a_server_of_a_module_is_served(bench: Workbench, module: str, attribute: str) -> None:
    endpoint = bench.serve(f"{module}:{attribute}", "http-json", port=0)
    assert endpoint.name == "imported-http-json"
    assert bench.connect(endpoint).tools().names == ["where"]


def test_a_server_of_a_module_is_imported_anew_by_a_child(bench: Workbench, module: str) -> None:
    endpoint = bench.serve(f"{module}:app", "stdio")
    connection = bench.connect(endpoint, env={"PYTHONPATH": str(Path.cwd())}, timeout=30)
    assert int(connection.call("where").value) == connection.pid
    assert connection.read("fixed://one").value == "one"


def test_what_a_module_does_not_have_is_named(bench: Workbench, module: str) -> None:
    with pytest.raises(UsageError, match="there is no module 'no_such_module'"):
        bench.serve("no_such_module:app")
    with pytest.raises(UsageError, match=r"has no 'ap'.*It has: app"):
        bench.serve(f"{module}:ap")
    with pytest.raises(UsageError, match="is a int, not an MCPServer"):
        bench.serve(f"{module}:other")
    with pytest.raises(UsageError, match="there is no server 'notebok'"):
        bench.serve("notebok")
    with pytest.raises(UsageError, match="a dict is no MCPServer"):
        bench.serve({})  # type: ignore[arg-type]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_stopped_endpoint_ends_its_connections_and_can_be_started_again(
    bench: Workbench, transport: str
) -> None:
    bench.tool(len, name="length")
    endpoint = bench.serve(transport=transport)
    # a child's end with its endpoint: tests/runtime/test_children.py
    connection = None if transport == "stdio" else bench.connect(endpoint)
    endpoint.stop()
    endpoint.stop()
    assert endpoint.status == "stopped"
    assert endpoint.links == 0
    assert bench.endpoints == {}
    if connection is not None:
        with pytest.raises(ConnectionLost, match="its endpoint was stopped"):
            connection.tools()
        assert connection.status == "lost: its endpoint was stopped"
        connection.close()
    again = bench.serve(transport=transport)
    assert again.status == "listening"
    if transport != "unix":
        assert again.address == endpoint.address


def test_the_same_name_again_replaces_the_endpoint(bench: Workbench) -> None:
    first = bench.serve(transport="http", name="mine")
    second = bench.serve(transport="websocket", name="mine")
    assert first.status == "stopped"
    assert bench.endpoints == {"mine": second}


# ---- ports ---------------------------------------------------------------------------------


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2].partition("/")[0])


NETWORKED = ["http", "http-json", "sse", "websocket", "tcp"]


def test_a_derived_port_depends_on_folder_and_name() -> None:
    ports = {derived_port(f, n) for f in ("/a", "/b") for n in ("x", "y")}
    assert len(ports) == 4
    assert all(20_000 <= port < 32_000 for port in ports)
    assert derived_port("/a", "x") == derived_port("/a", "x")


@pytest.mark.parametrize("transport", NETWORKED)
def test_the_port_is_the_same_after_a_restart(tmp_path: Path, transport: str) -> None:
    urls = []
    for _ in range(2):
        with Workbench(folder=str(tmp_path)) as bench:
            endpoint = bench.serve(transport=transport)
            urls.append(endpoint.url)
            assert endpoint.warnings == []
    assert urls[0] == urls[1]


@pytest.mark.parametrize("transport", NETWORKED)
def test_a_taken_derived_port_is_left_with_a_warning(bench: Workbench, transport: str) -> None:
    wanted = derived_port(bench.folder, f"notebook-{transport}")
    with socket.create_server(("127.0.0.1", wanted)):
        endpoint = bench.serve(transport=transport)
    assert port_of(endpoint.url) != wanted
    (warning,) = endpoint.warnings
    assert f"port {wanted}" in warning
    assert str(port_of(endpoint.url)) in warning


@pytest.mark.parametrize("transport", NETWORKED)
def test_a_taken_port_that_was_asked_for_is_one_line_that_names_it(
    bench: Workbench, transport: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} is taken") as caught:
            bench.serve(transport=transport, port=port)
    assert "\n" not in str(caught.value)
    assert bench.endpoints == {}
    assert bench.serve(transport=transport, port=port).status == "listening"


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_does_not_exist_is_refused(bench: Workbench, port: int) -> None:
    with pytest.raises(UsageError, match=f"there is no port {port}"):
        bench.serve(transport="http", port=port)


def test_a_host_that_is_no_address_of_this_machine_is_refused(bench: Workbench) -> None:
    with pytest.raises(UsageError, match=r"192\.0\.2\.1 is not an address of this machine"):
        bench.serve(transport="http", host="192.0.2.1", token="a token", port=0)
    with pytest.raises(UsageError, match="is not an address of this machine"):
        bench.serve(transport="http", host="no.such.host.invalid", token="a token", port=0)


def test_listening_sockets_do_not_delay_small_packets(bench: Workbench) -> None:
    """With proto 0 asyncio leaves Nagle's algorithm on, and each call costs 44 ms."""
    endpoint = bench.serve(transport="http", port=0)
    assert endpoint.listener._sock.proto == socket.IPPROTO_TCP  # type: ignore[attr-defined]


@pytest.mark.parametrize("transport", ["http", "websocket", "tcp"])
def test_the_other_loopback_is_served_too(bench: Workbench, transport: str) -> None:
    bench.tool(len, name="length")
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    endpoint = bench.serve(transport=transport, host="::1", port=0)
    assert "[::1]" in endpoint.url
    assert bench.connect(endpoint.url).tools().names == ["length"]


# ---- a transport of the user's own ------------------------------------------------------------


class SocketPairs(Transport):
    """JSON lines over a pair of connected sockets, as a reader of lesson 12 may write it."""

    name = "socketpair"
    aliases = ("sp",)
    summary = "JSON lines over a socket pair"

    async def listen(self, served: Served, options: ServeOptions, tap: Tap) -> Listener:
        self.refuse(options, "port", "token")
        return PairListener(served, tap)

    def connect(self, target: Listener | str, options: ConnectOptions, tap: Tap) -> StreamPair:
        if not isinstance(target, PairListener):
            raise ConnectError("a socket pair has no address.")
        return self._pair(target, options, tap)

    @asynccontextmanager
    async def _pair(
        self, listener: PairListener, options: ConnectOptions, tap: Tap
    ) -> AsyncIterator[tuple[Any, Any]]:
        ours, theirs = socket.socketpair()
        client = LineDuplex(receives=Direction.SERVER_TO_CLIENT, tap=tap.link())
        server = LineDuplex(receives=Direction.CLIENT_TO_SERVER, tap=listener.tap.link())
        client.on_closed = options.on_closed
        loop = asyncio.get_running_loop()
        for duplex, end in ((client, ours), (server, theirs)):
            await loop.create_connection(lambda duplex=duplex: duplex, sock=end)
        listener.accept(server)
        try:
            yield client, client
        finally:
            await client.aclose()


class PairListener(StreamListener):
    def __init__(self, served: Served, tap: Tap) -> None:
        super().__init__(served)
        self.tap = tap
        self.address = "a pair of sockets"

    async def close(self) -> None:
        await self.close_links()


@pytest.fixture
def own() -> Iterator[Transport]:
    yield register_transport(SocketPairs)
    unregister_transport("socketpair")


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_a_transport_of_ones_own_serves_connects_and_calls(
    bench: Workbench, own: Transport, era: str
) -> None:
    @bench.tool
    def add(a: int, b: int) -> int:
        return a + b

    endpoint = bench.serve(transport="sp")
    assert (endpoint.name, endpoint.transport) == ("notebook-socketpair", "socketpair")
    connection = bench.connect(endpoint, era=era)
    assert connection.call("add", a=2, b=3).value == 5
    seen = {(m.vantage, m.direction) for m in bench.trace if isinstance(m, Message)}
    assert seen == {(v, d) for v in (Vantage.CLIENT, Vantage.SERVER) for d in Direction}
    endpoint.stop()
    with pytest.raises(ConnectionLost):
        connection.tools()


def test_a_transport_can_be_replaced_and_taken_out_again(own: Transport) -> None:
    class Better(SocketPairs):
        aliases = ()

    better = register_transport(Better())
    assert find_transport("socketpair") is better
    unregister_transport("socketpair")
    with pytest.raises(UsageError, match="unknown transport 'socketpair'"):
        find_transport("socketpair")


def test_a_transport_registered_before_anything_else_hides_no_other() -> None:
    code = (
        "from tests.transports.test_serving import SocketPairs\n"
        "from mcp_notebook.transports import register_builtin\n"
        "from mcp_notebook.transports.base import register_transport, transports\n"
        "class Mine(SocketPairs):\n"
        "    name = 'http'\n"
        "mine = register_transport(Mine)\n"
        "register_builtin()\n"
        "register_builtin()\n"
        "assert transports().count(mine) == 1\n"
        "assert {'memory', 'stdio', 'websocket'} <= {t.name for t in transports()}\n"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root, timeout=50)


def test_what_is_no_transport_is_not_registered() -> None:
    with pytest.raises(TypeError, match=r"subclass of mcp_notebook\.Transport"):
        register_transport(object())  # type: ignore[arg-type]


def test_a_transport_that_this_machine_lacks_says_so(
    bench: Workbench, own: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SocketPairs, "missing", lambda self: "sockets come single here.")
    with pytest.raises(UsageError, match="not available here: sockets come single here"):
        bench.serve(transport="socketpair")


def test_schemes_lead_to_their_transports() -> None:
    found = {
        s: t.name
        for s in ("http", "https", "ws", "wss", "unix", "tcp")
        if (t := transport_of_scheme(s))
    }
    assert found == {
        "http": "http",
        "https": "http",
        "ws": "websocket",
        "wss": "websocket",
        "unix": "unix",
        "tcp": "tcp",
    }
    assert transport_of_scheme("gopher") is None
