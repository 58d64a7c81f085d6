"""A URL in front of a server's: what passes, byte for byte, and what does not."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import subprocess
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from mcp_notebook import Workbench
from mcp_notebook.errors import UsageError
from mcp_notebook.handoff.taps.tap import HostTap
from mcp_notebook.trace.events import Chunk, Direction, Fault, Message, Vantage
from mcp_notebook.transports.ports import derived_port, free_port
from tests.rigs.shim import eventually
from tests.rigs.surroundings import need

UP, DOWN = Direction.CLIENT_TO_SERVER, Direction.SERVER_TO_CLIENT
SECRET = "hunter2-hunter2-hunter2"
ASK = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
ANSWER = b'{"jsonrpc":"2.0","id":1,"result":{}}'

Script = Callable[[socket.socket], None]


class Server:
    """Accepts connections and plays a script on each; keeps every byte that came.

    Args:
        script: plays one connection.
        context: for TLS.
    """

    def __init__(self, script: Script, context: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._context = context
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.failed: list[BaseException] = []
        self._threads: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                link, _ = self._listening.accept()
                one = threading.Thread(target=self._serve, args=(link,), daemon=True)
                self._threads.append(one)
                one.start()

    def _serve(self, link: socket.socket) -> None:
        try:
            link.settimeout(50)
            if self._context is not None:
                link = self._context.wrap_socket(link, server_side=True)
            with link:
                self._script(link)
        except BaseException as error:
            self.failed.append(error)

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in (self._thread, *self._threads):
            thread.join(50)


@contextmanager
def serving(script: Script, context: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server(script, context)
    try:
        yield server
    finally:
        server.close()
        assert server.failed == []


@contextmanager
def dialled(tap: HostTap) -> Iterator[socket.socket]:
    host, _, rest = tap.url.partition("://")[2].partition(":")
    with socket.create_connection((host, int(rest.partition("/")[0])), timeout=50) as link:
        yield link


def until(link: socket.socket, end: bytes) -> bytes:
    """What comes, up to and with these bytes."""
    got = b""
    while not got.endswith(end):
        part = link.recv(1 << 16)
        assert part, got
        got += part
    return got


def rest(link: socket.socket) -> bytes:
    """All that comes to the end."""
    return b"".join(iter(lambda: link.recv(1 << 16), b""))


def texts(bench: Workbench) -> list[str]:
    return [e.text for e in bench.trace if isinstance(e, Fault)]


def raws(bench: Workbench, direction: Direction) -> list[bytes]:
    return [e.raw for e in bench.trace if isinstance(e, Message) and e.direction is direction]


ODD_HEADS = b"".join(
    [
        b"POST /mcp?q=%20a HTTP/1.1\r\n",
        b"hOsT: {host}\r\n",
        b"X-Twice:1\r\nX-Twice:   2  \r\n",
        b"Authorization: Bearer " + SECRET.encode() + b"\r\n",
        b"Content-Type: application/json\r\n",
        b"Transfer-Encoding: chunked\r\nConnection: keep-alive, x-twice\r\n\r\n",
    ]
)
CHUNKS = (
    b"5;ext=1\r\n" + ASK[:5] + b"\r\n%X\r\n" % len(ASK[5:]) + ASK[5:] + b"\r\n0\r\nT: 1\r\n\r\n"
)


def test_requests_and_answers_pass_byte_for_byte(bench: Workbench) -> None:
    answer = (
        b"HTTP/1.1 200   Fine\r\nContent-Type: application/json\r\nSET-cookie: a=1\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n%X\r\n" % len(ANSWER) + ANSWER + b"\r\n0\r\n\r\n"
    )
    binary = b"\x00\xff" * 300_000
    second = (
        b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 600000\r\n\r\n" + binary
    )
    came: list[bytes] = []

    def script(link: socket.socket) -> None:
        came.append(until(link, b"T: 1\r\n\r\n"))
        link.sendall(answer)
        came.append(until(link, b"\r\n\r\n"))
        link.sendall(second)

    with serving(script) as server:
        tap = bench.tap(f"http://127.0.0.1:{server.port}/mcp?q=%20a", name="tap")
        assert tap.url.endswith("/mcp?q=%20a")
        own = tap.url.partition("//")[2].partition("/")[0]
        with dialled(tap) as link:
            head = ODD_HEADS.replace(b"{host}", own.encode())
            for byte in (head[:1], head[1:50], head[50:] + CHUNKS[:7], CHUNKS[7:]):
                link.sendall(byte)
            assert until(link, b"0\r\n\r\n") == answer
            link.sendall(b"GET /other HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert rest(link) == second

    there = f"127.0.0.1:{server.port}".encode()
    assert came[0] == ODD_HEADS.replace(b"{host}", there) + CHUNKS
    assert came[1] == b"GET /other HTTP/1.1\r\nHost: " + there + b"\r\n\r\n"
    assert list(tap.changes) == [
        ("hOsT", own, there.decode(), 1),
        ("Host", "localhost", there.decode(), 1),
    ]
    assert f"changed: hOsT: {own} became {there.decode()}, in 1 request" in repr(tap)
    assert (raws(bench, UP), raws(bench, DOWN)) == ([ASK], [ANSWER])
    chunks = [e for e in bench.trace if isinstance(e, Chunk)]
    assert b"".join(e.data for e in chunks if e.direction is DOWN) == answer + second
    assert {e.vantage for e in bench.trace} == {Vantage.RELAY}
    assert texts(bench) == []
    shown = [e.data for e in bench.trace.redacted() if isinstance(e, Chunk)]
    assert not any(SECRET.encode() in data for data in shown)
    assert any(b"Authorization: " in data for data in shown)


def test_events_pass_as_soon_as_they_come(bench: Workbench) -> None:
    seen = threading.Event()

    def script(link: socket.socket) -> None:
        until(link, b"\r\n\r\n")
        link.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        link.sendall(b"data: " + ANSWER + b"\n\n")
        assert seen.wait(50)  # the second event waits for the first to have arrived
        link.sendall(b": keep\r\n\r\nid: 7\r\ndata: {}\r\n\r\n")

    with serving(script) as server:
        tap = bench.tap(f"http://127.0.0.1:{server.port}/mcp")
        with dialled(tap) as link:
            link.sendall(b"GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert until(link, b"}}\n\n").endswith(b"data: " + ANSWER + b"\n\n")
            seen.set()
            assert rest(link) == b": keep\r\n\r\nid: 7\r\ndata: {}\r\n\r\n"
    assert raws(bench, DOWN) == [ANSWER, b"{}"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"Host: evil.example\r\n", b"421"),
        (b"Host: localhost\r\nOrigin: https://evil.example\r\n", b"403"),
        (b"Host: localhost\r\nHost: localhost\r\n", b"400"),
        (b"Host: localhost\r\nContent-Length: x\r\n", b"400"),
    ],
)
def test_a_foreign_page_does_not_reach_the_server(
    bench: Workbench, headers: bytes, status: bytes
) -> None:
    reached: list[int] = []
    with serving(lambda _link: reached.append(1)) as server:
        tap = bench.tap(f"http://127.0.0.1:{server.port}/mcp")
        with dialled(tap) as link:
            link.sendall(b"POST /mcp HTTP/1.1\r\n" + headers + b"\r\n")
            assert rest(link).startswith(b"HTTP/1.1 " + status)
    assert reached == []
    assert len(texts(bench)) == 1


def test_an_origin_that_is_the_taps_own_names_the_server(bench: Workbench) -> None:
    came: list[bytes] = []

    def script(link: socket.socket) -> None:
        came.append(until(link, b"\r\n\r\n"))
        link.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with serving(script) as server:
        tap = bench.tap(f"http://127.0.0.1:{server.port}/")
        own = tap.url.partition("//")[2].rstrip("/")
        for origin in (f"http://{own}", "http://localhost:6274"):
            with dialled(tap) as link:
                head = f"GET / HTTP/1.1\r\nHost: {own}\r\nOrigin: {origin}\r\n\r\n"
                link.sendall(head.encode())
                rest(link)
    assert f"Origin: http://127.0.0.1:{server.port}\r\n".encode() in came[0]
    assert b"Origin: http://localhost:6274\r\n" in came[1]
    assert [change[0] for change in tap.changes] == ["Host", "Origin"]


def test_a_server_that_is_not_there(bench: Workbench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    tap = bench.tap(f"http://127.0.0.1:{port}/mcp")
    with dialled(tap) as link:
        link.sendall(b"GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n")
        told = rest(link)
    assert told.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
    assert f"the tap cannot reach 127.0.0.1:{port}".encode() in told
    assert any("cannot be reached" in text for text in texts(bench))


def test_a_server_that_breaks_off_is_seen_by_the_host(bench: Workbench) -> None:
    def script(link: socket.socket) -> None:
        until(link, b"\r\n\r\n")
        link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

    with serving(script) as server:
        tap = bench.tap(f"http://127.0.0.1:{server.port}/mcp")
        with dialled(tap) as link:
            link.sendall(b"GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert rest(link).endswith(b"\r\n\r\nhalf")
    assert any("cannot be read" in text for text in texts(bench))


def test_what_is_no_http_passes_all_the_same(bench: Workbench) -> None:
    def script(link: socket.socket) -> None:
        until(link, b"\r\n\r\n")
        link.sendall(b"SSH-2.0-server\r\n\x00\x01")

    with serving(script) as server:
        tap = bench.tap(f"http://127.0.0.1:{server.port}/mcp")
        with dialled(tap) as link:
            link.sendall(b"GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert rest(link) == b"SSH-2.0-server\r\n\x00\x01"
    assert any("what the server says cannot be read" in text for text in texts(bench))


@pytest.mark.parametrize(
    ("coding", "packed", "shown", "fault"),
    [
        (b"gzip", gzip.compress(ANSWER), [ANSWER], ""),
        (b"deflate", zlib.compress(ANSWER), [ANSWER], ""),
        (b"br", ANSWER, [], "compressed with br"),
        (b"gzip", ANSWER, [], "cannot be read"),
        (b"gzip", gzip.compress(bytes(70 << 20)), [], "too large"),
    ],
)
def test_compressed_bodies(
    bench: Workbench, coding: bytes, packed: bytes, shown: list[bytes], fault: str
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: " + coding
    answer = head + b"\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed

    def script(link: socket.socket) -> None:
        until(link, b"\r\n\r\n")
        link.sendall(answer)

    with serving(script) as server:
        tap = bench.tap(f"http://127.0.0.1:{server.port}/mcp")
        with dialled(tap) as link:
            link.sendall(b"GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert rest(link) == answer
    assert raws(bench, DOWN) == shown
    assert [fault in text for text in texts(bench)] == ([True] if fault else [])


UPGRADE = (
    b"GET /mcp HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
)
FRAME = b"\x81\x82\x00\x00\x00\x00{}"


def test_frames_that_come_before_the_servers_yes_wait_for_it(bench: Workbench) -> None:
    def script(link: socket.socket) -> None:
        until(link, b"\r\n\r\n")
        link.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
        )
        assert until(link, FRAME) == FRAME
        link.sendall(b"\x81\x02[]\xff")  # a message, then what is no frame

    with serving(script) as server:
        tap = bench.tap(f"ws://127.0.0.1:{server.port}/mcp")
        with dialled(tap) as link:
            link.sendall(UPGRADE + FRAME)
            assert rest(link).endswith(b"\r\n\r\n\x81\x02[]\xff")
    assert (raws(bench, UP), raws(bench, DOWN)) == ([b"{}"], [b"[]"])


def test_what_waits_for_the_servers_yes_is_bounded(bench: Workbench) -> None:
    with serving(lambda link: until(link, b"\r\n\r\n") and rest(link) and None) as server:
        tap = bench.tap(f"ws://127.0.0.1:{server.port}/mcp")
        with dialled(tap) as link, suppress(ConnectionError):
            link.sendall(UPGRADE)
            for _ in range(200):  # far more than the buffers on the way take
                link.sendall(bytes(100_000))
            pytest.fail("all of it was taken")
    assert any("before the server agreed" in text for text in texts(bench))


def test_a_server_that_does_not_switch_gets_the_next_request(bench: Workbench) -> None:
    def script(link: socket.socket) -> None:
        until(link, b"\r\n\r\n")
        link.sendall(b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n")
        assert until(link, b"\r\n\r\n").startswith(b"GET /next HTTP/1.1\r\nHost: 127.0.0.1:")
        link.sendall(b"HTTP/1.1 204 Fine\r\n\r\n")

    with serving(script) as server:
        tap = bench.tap(f"http://127.0.0.1:{server.port}/mcp")
        with dialled(tap) as link:
            link.sendall(UPGRADE + b"GET /next HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert rest(link).endswith(b"HTTP/1.1 204 Fine\r\n\r\n")


def test_a_request_behind_an_upgrade_is_judged_as_any_other(bench: Workbench) -> None:
    more: list[bytes] = []

    def script(link: socket.socket) -> None:
        until(link, b"\r\n\r\n")
        link.sendall(b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n")
        more.append(rest(link))

    with serving(script) as server:
        tap = bench.tap(f"http://127.0.0.1:{server.port}/mcp")
        with dialled(tap) as link:
            link.sendall(UPGRADE + b"GET /next HTTP/1.1\r\nHost: evil.example\r\n\r\n")
            assert b"HTTP/1.1 421 " in rest(link)
    assert more == [b""]


def test_tls_to_the_server(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("openssl")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out",
         str(cert), "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost"],
        check=True, capture_output=True, timeout=50,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    came: list[bytes] = []

    def script(link: socket.socket) -> None:
        came.append(until(link, ASK))
        body = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        link.sendall(body + b"Content-Length: %d\r\n\r\n" % len(ANSWER) + ANSWER)

    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    with serving(script, context) as server:
        tap = bench.tap(f"https://localhost:{server.port}/mcp")
        assert tap.url.startswith("http://127.0.0.1:")
        with dialled(tap) as link:
            head = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            link.sendall(head + b"Content-Length: %d\r\n\r\n" % len(ASK) + ASK)
            assert rest(link).endswith(ANSWER)
    assert f"Host: localhost:{server.port}\r\n".encode() in came[0]
    assert (raws(bench, UP), raws(bench, DOWN)) == ([ASK], [ANSWER])


@pytest.mark.parametrize("transport", ["http", "http-json", "sse", "websocket"])
@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_real_clients_and_servers(bench: Workbench, transport: str, era: str) -> None:
    @bench.tool
    def add(a: int, b: int = 2) -> int:
        """Add."""
        return a + b

    endpoint = bench.serve(transport=transport)
    tap = bench.tap(endpoint.url, name="tap")
    connection = bench.connect(tap.url, era=era)
    assert connection.call("add", a=40).value == 42
    assert [tool.name for tool in connection.tools()] == ["add"]

    mine = [e for e in bench.trace if e.conn == "tap"]
    sent = [json.loads(e.raw) for e in mine if isinstance(e, Message) and e.direction is UP]
    methods = [m.get("method") for m in sent]
    assert ("initialize" in methods) is (era == "legacy")
    assert "tools/call" in methods
    seen = bench.trace.select("conn:tap").exchanges()
    assert [e.status for e in seen if e.method == "tools/call"] == ["answered"]
    assert all(change[0].lower() == "host" for change in tap.changes)
    assert not [e for e in mine if isinstance(e, Fault)]
    bench.stop("tap")
    eventually(lambda: not connection.is_open or transport.startswith("http"), "the end")


def test_the_same_port_after_a_restart_and_another_one_on_request(
    bench: Workbench, tmp_path: Path
) -> None:
    first = bench.tap("http://127.0.0.1:9/mcp", name="mine").url
    bench.stop("mine")
    assert bench.tap("http://127.0.0.1:9/mcp", name="mine").url == first
    port = free_port()
    assert f":{port}/" in bench.tap("http://127.0.0.1:9/mcp", name="other", port=port).url


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_a_tap_does_not_listen_where_its_server_is(bench: Workbench, host: str) -> None:
    """Nothing listens there yet: the tap would be its own server, and call itself without end."""
    port = free_port()
    with pytest.raises(UsageError, match=f"cannot listen on port {port}.*Leave --port out"):
        bench.tap(f"http://{host}:{port}/mcp", port=port)
    assert list(bench.taps) == []
    with socket.create_server(("127.0.0.1", port)):  # the server finds its port free
        assert f":{port}/" not in bench.tap(f"http://{host}:{port}/mcp", name="tap").url
    for name, other in (("far", "192.0.2.1"), ("near", "127.0.0.2")):
        assert f":{port}/" in bench.tap(f"http://{other}:{port}/mcp", name=name, port=port).url
        bench.stop(name)


def test_the_usual_port_of_a_tap_is_not_taken_where_its_server_is(bench: Workbench) -> None:
    port = derived_port(bench.folder, "mine")
    tap = bench.tap(f"http://127.0.0.1:{port}/mcp", name="mine")
    assert f":{port}/" not in tap.url
    assert f"port {port}, the usual one of mine, is that of its server" in tap.warnings


def test_taps_do_not_lead_in_a_circle(bench: Workbench) -> None:
    one, two, three = free_port(), free_port(), free_port()
    bench.tap(f"http://127.0.0.1:{two}/", name="one", port=one)
    bench.tap(f"http://127.0.0.1:{three}/", name="two", port=two)
    with pytest.raises(UsageError, match=f"cannot listen on port {three}"):
        bench.tap(f"http://127.0.0.1:{one}/", name="three", port=three)
    assert f":{three}/" in bench.tap("http://127.0.0.1:9/", name="three", port=three).url


def test_a_query_with_a_secret_is_left_to_the_host(bench: Workbench) -> None:
    tap = bench.tap(f"http://127.0.0.1:9/mcp?api_key={SECRET}&a=1")
    assert SECRET not in repr(tap) + tap.url
    assert "the host must add it" in tap.warnings[0]


def test_a_tap_can_be_written_into_a_hosts_file(bench: Workbench, sockets: Path) -> None:
    from mcp_notebook.handoff.hosts.config import configure
    from mcp_notebook.handoff.hosts.host import hosts
    from mcp_notebook.handoff.hosts.target import launch_of

    by_url = bench.tap("http://127.0.0.1:9/mcp", name="near")
    by_command: Any = bench.tap(["cat"], name="cat")
    for tap in (by_url, by_command):
        for target in (tap, tap.name):
            made = configure(hosts()["cursor"], launch_of(bench, target), folder=bench.folder)
            assert made.name == tap.name
            told = made.entry.get("url") or [made.entry["command"], *made.entry["args"]]
            assert told == (tap.url or list(tap.command))
