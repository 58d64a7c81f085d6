"""Pins of what is touched below the public surface of httpx2, uvicorn, websockets, cloudpickle."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpcore2
import httpx2
import uvicorn
from httpcore2._backends.auto import AutoBackend
from uvicorn.protocols.http.h11_impl import H11Protocol
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection

from mcp_notebook.trace.events import Chunk, Vantage
from mcp_notebook.trace.store import Trace
from mcp_notebook.transports.httpclient import http_client
from mcp_notebook.transports.tap import Tap


def test_an_httpx2_transport_opens_its_sockets_by_a_network_backend() -> None:
    """transports/httpclient.py: TappedHttp puts its own there."""
    transport = httpx2.AsyncHTTPTransport()
    assert isinstance(transport._pool, httpcore2.AsyncConnectionPool)
    assert isinstance(transport._pool._network_backend, httpcore2.AsyncNetworkBackend)
    assert issubclass(AutoBackend, httpcore2.AsyncNetworkBackend)


def test_the_network_backend_that_was_put_in_sees_every_byte() -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        client, _ = http_client(url, tap, headers={}, connect_timeout_s=5)
        async with client:
            assert (await client.get(url)).text == "ok"
        server.close()

    received: list[bytes] = []
    trace = Trace()
    tap = Tap(trace, "pin", Vantage.CLIENT, "http")
    asyncio.run(main())
    chunks = [e for e in trace if isinstance(e, Chunk)]
    assert b"".join(c.data for c in chunks if c.direction.value == "c2s") == received[0]
    assert b"".join(c.data for c in chunks if c.direction.value == "s2c") == answer


def test_uvicorns_protocol_has_what_the_tap_uses() -> None:
    """transports/asgi.py: TappedHttp replaces `app` and wraps the transport."""
    config = uvicorn.Config(lambda *_: None, log_config=None)  # type: ignore[arg-type, misc]
    config.load()
    loop = asyncio.new_event_loop()
    try:
        protocol = H11Protocol(config, uvicorn.server.ServerState(), {}, _loop=loop)
        assert protocol.app is config.loaded_app
    finally:
        loop.close()
    source = inspect.getsource(H11Protocol)
    assert "self.app" in source, "read when a request comes, not when the protocol is made"
    for method in ("connection_made", "data_received", "connection_lost"):
        assert callable(getattr(H11Protocol, method))
    state = uvicorn.Server(config).server_state
    assert state.connections == set()
    for name in ("started", "should_exit"):
        assert getattr(uvicorn.Server(config), name) is False


def test_websockets_connections_are_protocols_that_can_be_subclassed() -> None:
    """transports/websocket.py: the tapped connection classes."""
    for kind in (ClientConnection, ServerConnection):
        assert issubclass(kind, asyncio.Protocol)
        for method in ("connection_made", "data_received", "connection_lost"):
            assert callable(getattr(kind, method))


CHILD = """
import pickle, sys
function = pickle.load(sys.stdin.buffer)
assert "defining" not in sys.modules
print(function(3))
"""

PARENT = """
import cloudpickle, sys
FACTOR = 7
def helper(n):
    return n * FACTOR
def tool(n):
    return helper(n) + 1
sys.stdout.buffer.write(cloudpickle.dumps(tool))
"""


def test_functions_of_a_notebook_travel_by_value_with_what_they_use() -> None:
    """runtime/snapshot.py: what a cell defines lives in `__main__`."""
    root = Path(__file__).parents[2]
    pickled = subprocess.run(
        [sys.executable, "-c", PARENT], check=True, capture_output=True, cwd=root, timeout=30
    ).stdout
    done = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=pickled,
        check=True,
        capture_output=True,
        cwd=root,
        timeout=30,
    )
    assert done.stdout.strip() == b"22"


def test_the_sdk_gives_children_a_minimum_of_an_environment() -> None:
    """transports/child.py builds on it."""
    from mcp.client.stdio import get_default_environment

    minimum: dict[str, Any] = get_default_environment()
    assert "PATH" in minimum
    assert "PYTHONPATH" not in minimum
