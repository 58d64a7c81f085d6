"""Who may talk to a listening port, tried with raw requests as a foreign page would send them."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mcp_notebook.errors import ConnectError, UsageError
from mcp_notebook.runtime.endpoint import Endpoint
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.trace.events import Fault
from mcp_notebook.transports.base import ServeOptions
from mcp_notebook.transports.guard import Policy
from mcp_notebook.transports.sockets import runtime_folder

HTTP_LIKE = ["http", "http-json", "sse", "websocket"]
TOKEN = "correct horse battery"

CALL = json.dumps(
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "touch", "arguments": {}},
    }
)
INITIALIZE = json.dumps(
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "raw", "version": "1"},
        },
    }
)


class Guarded:
    """A workbench whose one tool counts how often it ran, served on each transport that listens."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        self.ran = 0
        self._endpoints: dict[tuple[str, str | None], Endpoint] = {}

        @bench.tool
        def touch() -> str:
            self.ran += 1
            return "touched"

    def endpoint(self, transport: str, token: str | None = None) -> Endpoint:
        key = transport, token
        if key not in self._endpoints:
            self._endpoints[key] = self.bench.serve(
                transport=transport, name=f"{transport}-{bool(token)}", token=token, port=0
            )
        return self._endpoints[key]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with Workbench(folder=str(tmp_path_factory.mktemp("guard"))) as bench:
        yield Guarded(bench)


def knock(endpoint: Endpoint, **headers: str) -> tuple[int, dict[str, str]]:
    """The status of the first request a client of this transport makes."""
    parts = urlsplit(endpoint.url)
    assert parts.port
    sent = {"host": parts.netloc, **{k.replace("_", "-"): v for k, v in headers.items()}}
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=10)
    try:
        method, body = "GET", None
        if endpoint.transport == "websocket":
            sent |= {
                "upgrade": "websocket",
                "connection": "Upgrade",
                "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
                "sec-websocket-version": "13",
                "sec-websocket-protocol": "mcp",
            }
        elif endpoint.transport.startswith("http"):
            method, body = "POST", INITIALIZE
            sent |= {
                "content-type": "application/json",
                "accept": "application/json, text/event-stream",
            }
        connection.putrequest(method, parts.path, skip_host=True, skip_accept_encoding=True)
        if body:
            sent["content-length"] = str(len(body))
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders(body.encode() if body else None)
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}
    finally:
        connection.close()


def welcome(transport: str) -> int:
    return 101 if transport == "websocket" else 200


@pytest.mark.parametrize("transport", HTTP_LIKE)
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "0.0.0.0", "[::2]", ""]
)
def test_a_foreign_host_name_is_turned_away(guarded: Guarded, transport: str, host: str) -> None:
    assert knock(guarded.endpoint(transport), host=host)[0] in (421, 400)


@pytest.mark.parametrize("transport", HTTP_LIKE)
def test_a_foreign_host_name_gets_421(guarded: Guarded, transport: str) -> None:
    assert knock(guarded.endpoint(transport), host="evil.example")[0] == 421


@pytest.mark.parametrize("transport", HTTP_LIKE)
@pytest.mark.parametrize("host", ["localhost", "LocalHost:99", "127.0.0.1", "[::1]:8000"])
def test_the_names_of_loopback_pass(guarded: Guarded, transport: str, host: str) -> None:
    assert knock(guarded.endpoint(transport), host=host)[0] == welcome(transport)


@pytest.mark.parametrize("transport", HTTP_LIKE)
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example:8888",
        "http://evil.example/http://localhost",
        "http://localhost@evil.example",
        "file://",
        "chrome-extension://localhost",
        "http://[",
        "",
    ],
)
def test_a_page_of_a_foreign_site_gets_403(guarded: Guarded, transport: str, origin: str) -> None:
    assert knock(guarded.endpoint(transport), origin=origin)[0] == 403


@pytest.mark.parametrize("transport", HTTP_LIKE)
@pytest.mark.parametrize(
    "origin", ["http://localhost:8888", "http://127.0.0.1:1", "http://[::1]:2"]
)
def test_a_page_of_this_machine_passes(guarded: Guarded, transport: str, origin: str) -> None:
    assert knock(guarded.endpoint(transport), origin=origin)[0] == welcome(transport)


@pytest.mark.parametrize("transport", HTTP_LIKE)
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer wrong", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN],
)
def test_without_the_token_it_is_401(
    guarded: Guarded, transport: str, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    status, answer = knock(guarded.endpoint(transport, TOKEN), **headers)
    assert status == 401
    assert answer["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("transport", HTTP_LIKE)
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_with_the_token_it_opens(guarded: Guarded, transport: str, scheme: str) -> None:
    status, _ = knock(guarded.endpoint(transport, TOKEN), authorization=f"{scheme} {TOKEN}")
    assert status == welcome(transport)


@pytest.mark.parametrize("transport", HTTP_LIKE)
def test_a_token_does_not_excuse_a_foreign_origin(guarded: Guarded, transport: str) -> None:
    endpoint = guarded.endpoint(transport, TOKEN)
    status, _ = knock(endpoint, authorization=f"Bearer {TOKEN}", origin="https://evil.example")
    assert status == 403


@pytest.mark.parametrize("transport", HTTP_LIKE)
def test_a_connection_brings_its_token(guarded: Guarded, transport: str) -> None:
    endpoint = guarded.endpoint(transport, TOKEN)
    with guarded.bench.connect(endpoint, token=TOKEN) as connection:
        assert connection.call("touch").value == "touched"


@pytest.mark.parametrize("transport", HTTP_LIKE)
def test_a_connection_without_the_token_says_so(guarded: Guarded, transport: str) -> None:
    with pytest.raises(ConnectError, match="401") as caught:
        guarded.bench.connect(guarded.endpoint(transport, TOKEN))
    assert "--token" in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_the_token_leaves_the_trace_masked(guarded: Guarded) -> None:
    endpoint = guarded.endpoint("http", TOKEN)
    with guarded.bench.connect(endpoint, token=TOKEN) as connection:
        connection.call("touch")
    raw = b"".join(getattr(e, "data", b"") for e in guarded.bench.trace)
    shown = b"".join(getattr(e, "data", b"") for e in guarded.bench.trace.redacted())
    assert TOKEN.encode() in raw
    assert TOKEN.encode() not in shown
    assert TOKEN not in repr(endpoint)


def everything_from(link: socket.socket) -> bytes:
    """What the peer sends until it ends the link."""
    link.settimeout(10)
    parts = []
    try:
        while part := link.recv(4096):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def dial(endpoint: Endpoint) -> socket.socket:
    if endpoint.transport == "unix":
        link = socket.socket(socket.AF_UNIX)
        link.connect(endpoint.url.removeprefix("unix:"))
        return link
    parts = urlsplit(endpoint.url)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10)


def unix_or_tcp(guarded: Guarded, transport: str) -> Endpoint:
    if transport == "unix":
        name = "unix-guarded"
        return guarded.bench.endpoints.get(name) or guarded.bench.serve(transport="unix", name=name)
    return guarded.endpoint("tcp")


@pytest.mark.parametrize("transport", ["tcp", "unix"])
@pytest.mark.parametrize("pieces", [1, 2])
def test_a_page_that_posts_a_json_line_runs_no_tool(
    guarded: Guarded, transport: str, pieces: int
) -> None:
    body = f"{INITIALIZE}\n{CALL}\n"
    request = (
        "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://evil.example\r\n"
        f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
    ran = guarded.ran
    with dial(unix_or_tcp(guarded, transport)) as link:
        if pieces == 2:
            link.sendall(request[:1])
            assert everything_from(link) == b""
        else:
            link.sendall(request)
            assert everything_from(link) == b""
    assert guarded.ran == ran


@pytest.mark.parametrize("transport", ["tcp", "unix"])
@pytest.mark.parametrize("first", [b"\n", b" ", b"[", b"\x16\x03\x01", b"\xef\xbb\xbf{", b"GET / "])
def test_a_first_byte_other_than_a_brace_closes(
    guarded: Guarded, transport: str, first: bytes
) -> None:
    endpoint = unix_or_tcp(guarded, transport)
    before = guarded.bench.trace.last_seq
    with dial(endpoint) as link:
        link.sendall(first + CALL.encode() + b"\n")
        assert everything_from(link) == b""
    faults = [e.text for e in guarded.bench.trace.since(before) if isinstance(e, Fault)]
    assert any("first byte" in text for text in faults)


@pytest.mark.parametrize("transport", ["tcp", "unix"])
def test_a_json_line_is_served(guarded: Guarded, transport: str) -> None:
    with dial(unix_or_tcp(guarded, transport)) as link:
        link.sendall(INITIALIZE.encode() + b"\n")
        link.settimeout(10)
        answer = json.loads(link.makefile("rb").readline())
    assert answer["id"] == 1
    assert answer["result"]["serverInfo"]["name"] == "notebook"


@pytest.mark.parametrize("transport", ["tcp", "unix"])
@pytest.mark.parametrize(
    ("line", "code", "identifier"),
    [
        (b"{nonsense", -32700, None),
        (b"[]", -32600, None),
        (b'{"id": 7}', -32600, 7),
        (b'{"jsonrpc": "2.0", "id": 8, "method": 3}', -32600, 8),
        (b'{"jsonrpc": "1.0", "id": 9, "method": "ping"}', -32600, 9),
    ],
)
def test_errors_that_are_due_are_sent(
    guarded: Guarded, transport: str, line: bytes, code: int, identifier: int | None
) -> None:
    with dial(unix_or_tcp(guarded, transport)) as link:
        link.sendall(INITIALIZE.encode() + b"\n" + line + b"\n")
        link.settimeout(10)
        lines = link.makefile("rb")
        answers = [json.loads(lines.readline()) for _ in range(2)]
    error = next(a for a in answers if "error" in a)
    assert (error["error"]["code"], error["id"]) == (code, identifier)


def test_a_unix_socket_is_its_users_alone(guarded: Guarded) -> None:
    path = Path(unix_or_tcp(guarded, "unix").url.removeprefix("unix:"))
    assert stat.S_ISSOCK(path.stat().st_mode)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_folder_of_sockets_must_be_its_users_alone(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    import os

    folder = tmp_path / f"mcp-notebook-{os.getuid()}"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    with pytest.raises(UsageError, match="not yours alone"):
        bench.serve(transport="unix")
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(UsageError, match="not yours alone"):
        bench.serve(transport="unix")


def test_a_left_over_socket_file_is_taken_over_and_a_live_one_is_not(
    bench: Workbench, tmp_path: Path
) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    first = bench.serve(transport="unix", name="first", path=str(path))
    with pytest.raises(UsageError, match="somebody listens at"):
        bench.serve(transport="unix", name="second", path=str(path))
    first.stop()
    assert not path.exists()
    path.write_text("a file of the user's")
    with pytest.raises(UsageError, match="is no socket"):
        bench.serve(transport="unix", name="third", path=str(path))
    assert path.read_text() == "a file of the user's"


@pytest.mark.parametrize("turns", range(6))
def test_who_is_let_in_while_the_door_closes_is_sent_away(
    bench: Workbench, tmp_path: Path, turns: int
) -> None:
    path = tmp_path / "s"
    endpoint = bench.serve(transport="unix", path=str(path))

    async def close_meanwhile(visitor: socket.socket) -> None:
        visitor.connect(str(path))
        for _ in range(turns):  # accepted, but not yet a link; or a link without a task
            await asyncio.sleep(0)
        await endpoint.listener.close()

    with socket.socket(socket.AF_UNIX) as visitor:
        bench.loop.run(close_meanwhile(visitor))
        visitor.settimeout(10)
        with contextlib.suppress(ConnectionResetError):  # nobody had taken it in
            assert visitor.recv(1) == b""


@pytest.mark.parametrize("transport", HTTP_LIKE)
def test_other_machines_are_let_in_with_a_token_only(bench: Workbench, transport: str) -> None:
    with pytest.raises(UsageError, match=r"--host 0\.0\.0\.0 lets other machines in") as caught:
        bench.serve(transport=transport, host="0.0.0.0", port=0)
    assert "--token" in str(caught.value)
    endpoint = bench.serve(transport=transport, host="0.0.0.0", port=0, token=TOKEN)
    assert knock(endpoint, host="127.0.0.1")[0] == 401


def test_tcp_lets_no_other_machine_in(bench: Workbench) -> None:
    with pytest.raises(UsageError, match="loopback only"):
        bench.serve(transport="tcp", host="0.0.0.0", port=0)
    with pytest.raises(UsageError, match="--token means nothing on tcp"):
        bench.serve(transport="tcp", token=TOKEN, port=0)


@pytest.mark.parametrize("transport", HTTP_LIKE)
def test_further_hosts_and_origins_can_be_allowed(bench: Workbench, transport: str) -> None:
    endpoint = bench.serve(
        transport=transport,
        port=0,
        allowed_hosts=["Lab.example"],
        allowed_origins=["https://lab.example"],
    )
    status, _ = knock(endpoint, host="lab.example:443", origin="https://lab.example")
    assert status == welcome(transport)
    assert knock(endpoint, origin="https://lab.example.evil")[0] == 403


@pytest.mark.parametrize("transport", HTTP_LIKE)
def test_another_path_is_not_found(guarded: Guarded, transport: str) -> None:
    endpoint = guarded.endpoint(transport)
    parts = urlsplit(endpoint.url)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port or 0, timeout=10)
    headers = {}
    if transport == "websocket":
        headers = {
            "upgrade": "websocket",
            "connection": "Upgrade",
            "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
            "sec-websocket-version": "13",
        }
    connection.request("GET", "/elsewhere", headers=headers)
    assert connection.getresponse().status == 404
    connection.close()


def test_the_policy_shows_no_token() -> None:
    options = ServeOptions(token=TOKEN)
    assert TOKEN not in repr(options)
    assert TOKEN not in repr(Policy.of(options))


def test_a_token_with_letters_beyond_ascii_is_compared_not_choked_on() -> None:
    policy = Policy.of(ServeOptions(token="schlüssel"))
    refusal = policy.refusal([("host", "localhost"), ("authorization", "Bearer schlussel")])
    assert refusal is not None
    assert refusal.status == 401


@pytest.mark.parametrize("name", ["host", "origin", "authorization"])
def test_a_header_that_decides_must_not_come_twice(name: str) -> None:
    policy = Policy.of(ServeOptions())
    pairs = [("Host", "localhost"), ("Origin", "http://localhost"), ("Authorization", "Bearer x")]
    assert policy.refusal([*pairs, ("Accept", "a"), ("Accept", "b")]) is None
    refusal = policy.refusal([*pairs, (name.title(), "localhost")])
    assert refusal is not None
    assert refusal.status == 400


@pytest.mark.parametrize("transport", ["http", "websocket"])
def test_an_endpoint_on_every_address_is_called_on_loopback(
    bench: Workbench, transport: str
) -> None:
    endpoint = bench.serve(transport=transport, host="0.0.0.0", port=0, token=TOKEN)
    assert urlsplit(endpoint.url).hostname == "127.0.0.1"
    assert "0.0.0.0" in endpoint.address
    bench.tool(lambda: 1, name="one")
    with bench.connect(endpoint.url, token=TOKEN) as connection:
        assert connection.call("one").text == "1"


def test_where_the_named_runtime_folder_is_missing_sockets_are_in_the_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "missing"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert runtime_folder().parent == tmp_path
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(UsageError, match=r"cannot make the folder .* --path"):
        runtime_folder()


def test_the_umask_of_the_process_is_left_alone(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.umask", lambda _mask: pytest.fail("it is that of every thread"))
    path = Path(bench.serve(transport="unix").url.removeprefix("unix:"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
