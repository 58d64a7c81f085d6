"""Addresses that lead nowhere: each is one line that says what is there and what to do."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

from mcp_notebook.errors import ConnectError, McpError, UsageError
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.transports.ports import free_port


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    with Workbench(folder=str(tmp_path_factory.mktemp("ends"))) as bench:

        @bench.tool
        def add(a: int, b: int) -> int:
            return a + b

        for transport in ("http", "sse", "websocket", "tcp"):
            bench.serve(transport=transport, name=transport, port=0)
        yield bench


def refused(bench: Workbench, target: object, era: str = "auto") -> str:
    with pytest.raises(McpError) as caught:
        bench.connect(target, era=era, timeout=5)  # type: ignore[arg-type]
    text = str(caught.value)
    assert "\n" not in text
    assert ".." not in text
    return text


@pytest.mark.parametrize("era", ["auto", "legacy", "modern"])
@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:{}/mcp",
        "http://127.0.0.1:{}/sse",
        "ws://127.0.0.1:{}/mcp",
        "tcp://127.0.0.1:{}",
    ],
)
def test_where_nobody_listens(served: Workbench, address: str, era: str) -> None:
    url = address.format(free_port())
    assert f"nothing answers at {url}" in refused(served, url, era)


def test_a_socket_file_that_is_not_there(served: Workbench) -> None:
    assert "nothing answers at /tmp/no-such-socket" in refused(served, "unix:/tmp/no-such-socket")


@pytest.mark.parametrize("era", ["auto", "legacy", "modern"])
def test_a_path_that_is_not_served(served: Workbench, era: str) -> None:
    text = refused(served, served.endpoints["http"].url + "x", era)
    assert "Not Found" in text
    assert "address" in text


@pytest.mark.parametrize(
    ("endpoint", "scheme", "expected"),
    [
        ("http", "ws:", "instead of a WebSocket"),
        ("websocket", "http:", "cannot be reached"),
        ("tcp", "http:", "cannot be reached"),
        ("tcp", "ws:", "nothing answers"),
        ("http", "https:", "does not speak TLS. Or is it http://?"),
    ],
)
def test_an_address_of_another_transport(
    served: Workbench, endpoint: str, scheme: str, expected: str
) -> None:
    url = served.endpoints[endpoint].url
    assert expected in refused(served, scheme + url.partition(":")[2])


def test_the_deprecated_address_at_a_modern_server(served: Workbench) -> None:
    text = refused(served, served.endpoints["http"].url.replace("/mcp", "/sse"))
    assert "404" in text
    assert "Check the path" in text


def test_a_trailing_slash_is_forgiven(served: Workbench) -> None:
    with served.connect(served.endpoints["http"].url + "/") as connection:
        assert connection.call("add", a=1, b=2).value == 3


class Page(http.server.BaseHTTPRequestHandler):
    """A web server that is no MCP server."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        body = b"<html>welcome</html>"
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def page() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("era", ["auto", "legacy", "modern"])
def test_a_web_page_is_no_server(served: Workbench, page: str, era: str) -> None:
    assert page in refused(served, f"{page}/mcp", era)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("gopher://127.0.0.1/", "no transport for gopher"),
        ("http:///mcp", "names no host"),
        ("http://user:hidden@127.0.0.1:99999/mcp", "is no address: Port"),
        ("ws://127.0.0.1:port/mcp?key=hidden", "is no address: Port"),
        ("http://[::1/mcp", "is no address"),
        ("tcp://127.0.0.1", "is no tcp address"),
        ("tcp://127.0.0.1:99999", "is no address"),
    ],
)
def test_an_address_that_cannot_be_read(served: Workbench, address: str, expected: str) -> None:
    with pytest.raises(UsageError, match=expected) as caught:
        served.connect(address)
    assert "hidden" not in str(caught.value)


def test_a_stopped_endpoint(served: Workbench) -> None:
    endpoint = served.serve(transport="memory", name="gone")
    endpoint.stop()
    with pytest.raises(UsageError, match="gone is stopped"):
        served.connect(endpoint)


@pytest.mark.parametrize("transport", ["memory", "pipe", "stdio"])
def test_a_transport_of_this_kernel_takes_no_port(served: Workbench, transport: str) -> None:
    for option in ({"port": 1}, {"path": "/x"}, {"host": "::1"}, {"token": "secret"}):
        (name,) = option
        with pytest.raises(UsageError, match=f"--{name} means nothing on {transport}"):
            served.serve(transport=transport, name="never", **option)  # type: ignore[arg-type]
    assert "never" not in served.endpoints


def test_a_misspelt_transport_is_guessed(served: Workbench) -> None:
    with pytest.raises(UsageError, match=r"unknown transport 'htttp'.*Did you mean http\?"):
        served.serve(transport="htttp")


def test_a_misspelt_era_is_listed(served: Workbench) -> None:
    with pytest.raises(UsageError, match="there is no era 'modem'"):
        served.connect("http", era="modem")


def test_what_was_refused_leaves_no_connection(served: Workbench) -> None:
    before = set(served.connections)
    with pytest.raises(ConnectError):
        served.connect(f"ws://127.0.0.1:{free_port()}/mcp")
    assert set(served.connections) == before
