"""Bad input for HTTP servers: bodies in both eras, tools, requests."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from mcp_notebook.runtime.workbench import Workbench

from .doors import INITIALIZE, INITIALIZED, LIMIT_S, Answer, fits, loads
from .messages import MESSAGES, PARSE, REQUEST, Case, Due, answer
from .requests import ANY, CLOSED, MODERN, REQUESTS, SSE_ONLY, STREAMABLE, post
from .stand import Stand, until
from .tools import MISBEHAVING

TRANSPORTS = ["http", "http-json", "sse"]


class Web(Stand):
    """An HTTP transport, with a session of its own."""

    def __init__(self, bench: Workbench, transport: str) -> None:
        super().__init__(bench, transport)
        self._not_ours = set()  # a client of HTTP opens links as it needs them
        parts = urlsplit(self.endpoint.url)
        self.address = (parts.hostname or "", parts.port or 0)
        self.path, self.session = parts.path, ""
        self.stream: socket.socket | None = None
        self.port = 0
        self._events = b""
        if transport == "sse":
            self.open_stream()
        else:
            head, _ = self.exchange(post(json.dumps(INITIALIZE).encode(), drop="Mcp-Session-Id"))
            for line in head.split(b"\r\n"):
                name, _, value = line.partition(b":")
                if name.lower() == b"mcp-session-id":
                    self.session = value.strip().decode()
        if transport == "sse":
            self.exchange(post(json.dumps(INITIALIZE).encode()))
            assert self.event()["id"] == "first"
        self.exchange(post(json.dumps(INITIALIZED).encode()))

    def open_stream(self) -> None:
        """The stream of HTTP+SSE; it names where messages are posted."""
        self.stream = socket.create_connection(self.address, LIMIT_S)
        self.stream.sendall(b"GET /sse HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        until(lambda: b"data: " in self._more(), LIMIT_S)
        _, _, rest = self._events.partition(b"data: ")
        self.path, self._events = rest.split(b"\r\n", 1)[0].decode(), b""

    def _more(self) -> bytes:
        assert self.stream is not None
        self._events += self.stream.recv(1 << 20)
        return self._events

    def event(self) -> Answer:
        """The next answer on the stream."""
        while True:
            while b"\r\n\r\n" not in self._events.partition(b"data: {")[2]:
                self._more()
            _, _, rest = self._events.partition(b"data: {")
            data, _, self._events = rest.partition(b"\r\n")
            found = loads(b"{" + data)
            if "method" not in found:
                return found

    def close(self) -> None:
        if self.stream is not None:
            self.stream.close()

    def filled(self, raw: bytes) -> bytes:
        """A request with the path and session of this server."""
        raw = raw.replace(b" PATH ", f" {self.path} ".encode(), 1)
        if not self.session:
            return raw.replace(b"Mcp-Session-Id: SESSION\r\n", b"", 1)
        return raw.replace(b"SESSION", self.session.encode(), 1)

    def exchange(self, raw: bytes, *, ends: bool = False) -> tuple[bytes, bytes]:
        """Send a request; the head of the answer and its body."""
        with socket.create_connection(self.address, LIMIT_S) as link:
            self.port = link.getsockname()[1]
            got = b""
            try:
                link.sendall(self.filled(raw))
                if ends:
                    link.shutdown(socket.SHUT_WR)
                while part := link.recv(1 << 20):
                    got += part
            except OSError:
                pass  # it has refused what it has not read
        head, _, body = got.partition(b"\r\n\r\n")
        return head, body

    def status(self, raw: bytes, *, ends: bool = False) -> tuple[int, bytes]:
        """The status and the body of the answer."""
        head, body = self.exchange(raw, ends=ends)
        return (int(head.split(b" ", 2)[1]) if head else CLOSED), body

    def try_out(self, raw: bytes, due: Due, body: bytes) -> None:
        """Send a request, see that what is due comes, look at the Trace and the others."""
        sent, answers = len(self.filled(raw)), len(self.answers)
        status, answered = self.status(raw)
        port = self.port
        assert self.has_answers(answers, messages(answered)), "an answer is not in the Trace"
        failed = status == 500 and b'"error"' in answered  # a result that no JSON can say
        assert 200 <= status < 500 or failed, (status, answered[:300])
        if due.kind == "error" and due.code in (PARSE, REQUEST):
            assert status == 400
            assert fits(due, loads(answered)), answered[:300]
        elif status >= 400:
            assert due.kind != "answer" or b'"error"' in answered or self.session or not body
        elif self.transport == "sse":
            self._on_stream(due)
        elif due.kind == "error":
            assert status < 300
            assert b'"error"' in answered, answered[:300]
        elif due.kind == "silence":
            assert b'"result"' not in answered
        else:
            assert b'"result"' in answered or b'"error"' in answered, answered[:300]
        assert self.has_all(port, sent), f"{sent} bytes sent, {self.recorded_from(port)} recorded"
        self.others_go_on()

    def _on_stream(self, due: Due) -> None:
        ping = {"jsonrpc": "2.0", "id": f"ping-{time.monotonic_ns()}", "method": "ping"}
        self.exchange(post(json.dumps(ping).encode()))
        got, answered = [], False
        while not answered or (due.kind != "silence" and not got):
            one = self.event()
            if one.get("id") == ping["id"]:
                answered = True
            else:
                got.append(one)
        if due.kind != "silence":
            assert [one for one in got if fits(due, one)], got
        else:
            assert got == []


def messages(body: bytes) -> list[Answer]:
    """The messages of an answer: a body of JSON, or events."""
    if body.startswith(b"{"):
        return [loads(body)]
    lines = [line.strip() for line in body.split(b"\n") if line.startswith(b"data: {")]
    return [loads(line.removeprefix(b"data: ")) for line in lines]


@pytest.fixture(scope="module", params=TRANSPORTS)
def web(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with Workbench(folder=str(tmp_path_factory.mktemp("bad"))) as bench:
        made = Web(bench, request.param)
        yield made
        made.close()


@pytest.mark.parametrize("case", MESSAGES, ids=str)
def test_a_bad_body_gets_what_is_due(web: Web, case: Case) -> None:
    web.try_out(post(case.raw), case.due, case.raw)


@pytest.mark.parametrize("case", MESSAGES, ids=str)
def test_a_bad_body_of_the_modern_era_gets_what_is_due(web: Web, case: Case) -> None:
    if web.transport == "sse":
        pytest.skip("the era of HTTP+SSE is not in a header")
    method = "ping"
    try:
        found = json.loads(case.raw)
        method = str(found["method"]).encode("ascii", "ignore").decode()[:200] or "ping"
    except (ValueError, RecursionError, TypeError, KeyError):
        pass
    raw = post(
        case.raw,
        drop="Mcp-Session-Id",
        MCP_Protocol_Version=MODERN,
        Mcp_Method=method.replace("\n", ""),
    )
    status, body = web.status(raw)
    assert status in ANY - {CLOSED}, body[:300]
    if case.due.kind == "error":
        assert status >= 400 or b'"error"' in body
        if case.due.code in (PARSE, REQUEST):
            assert fits(case.due, loads(body)), body[:300]
    assert b"Traceback" not in body
    assert web.has_all(web.port, len(web.filled(raw)))
    web.others_go_on()


@pytest.mark.parametrize("tool", MISBEHAVING)
def test_a_tool_that_misbehaves_is_answered_for(web: Web, tool: str) -> None:
    call = {"jsonrpc": "2.0", "id": tool, "method": "tools/call", "params": {"name": tool}}
    raw = json.dumps(call).encode()
    web.try_out(post(raw), answer(tool), raw)


@pytest.mark.parametrize("name", [*REQUESTS, *STREAMABLE, *SSE_ONLY])
def test_odd_requests(web: Web, name: str) -> None:
    more = SSE_ONLY if web.transport == "sse" else STREAMABLE
    table = REQUESTS | more
    if name not in table:
        pytest.skip("of another transport")
    raw, statuses = table[name]
    status, body = web.status(raw, ends=CLOSED in statuses)
    assert status in statuses, body[:300]
    assert b"Traceback" not in body
    sent = len(web.filled(raw))
    if sent < 10_000:
        assert web.has_all(web.port, sent), (sent, web.recorded_from(web.port))
    else:  # it is refused before all of it is read
        assert 0 < web.recorded_from(web.port) <= sent
    web.others_go_on()


def test_the_corpus_is_large_enough() -> None:
    least = min(len(STREAMABLE), len(SSE_ONLY))
    assert len(MESSAGES) + len(MISBEHAVING) + len(REQUESTS) + least >= 150
