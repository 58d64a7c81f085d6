"""What no transport can be quicker than: the same bytes to and fro with no MCP in between.

A peer on another thread takes as many bytes as a request has and gives as many as its answer.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

Exchange = Callable[[], object]
"""Sends a request and takes its answer."""

_END_S: Final = 2.0
_AT_ONCE: Final = 1 << 16


def _take(read: Callable[[int], bytes], count: int) -> None:
    """Read so many bytes.

    Raises:
        EOFError: the other end has gone.
    """
    while count > 0:
        part = read(min(count, _AT_ONCE))
        if not part:
            raise EOFError
        count -= len(part)


def _give(write: Callable[[bytes], int], data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[write(bytes(rest[:_AT_ONCE])) :]


@contextmanager
def _answering(
    read: Callable[[int], bytes], write: Callable[[bytes], object], asked: int, answered: int
) -> Iterator[None]:
    """A peer that answers until the other end is closed."""
    answer = b"a" * answered

    def answers() -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                _take(read, asked)
                write(answer)

    thread = threading.Thread(target=answers, name="mcp-bench-floor", daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(_END_S)


@contextmanager
def pipe(asked: int, answered: int) -> Iterator[Exchange]:
    """Two pipes of the operating system."""
    there, ours_out = os.pipe()
    ours_in, back = os.pipe()
    request = b"q" * asked

    def exchange() -> None:
        _give(lambda part: os.write(ours_out, part), request)
        _take(lambda count: os.read(ours_in, count), answered)

    def answer(data: bytes) -> None:
        _give(lambda part: os.write(back, part), data)

    try:
        with _answering(lambda count: os.read(there, count), answer, asked, answered):
            try:
                yield exchange
            finally:
                os.close(ours_out)  # the peer reads the end of it
    finally:
        for descriptor in (there, ours_in, back):
            os.close(descriptor)


@contextmanager
def tcp(asked: int, answered: int) -> Iterator[Exchange]:
    """One TCP connection on the loopback device."""
    request = b"q" * asked
    with socket.create_server(("127.0.0.1", 0)) as listening:
        near = socket.create_connection(listening.getsockname())
        far, _ = listening.accept()
    with near, far:
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def exchange() -> None:
            near.sendall(request)
            _take(near.recv, answered)

        with _answering(far.recv, far.sendall, asked, answered):
            try:
                yield exchange
            finally:
                near.shutdown(socket.SHUT_RDWR)


class _Answers(BaseHTTPRequestHandler):
    """Takes a body, gives a body."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one packet
    server: _Server

    def do_POST(self) -> None:
        """Answer a POST."""
        _take(self.rfile.read, int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    answer = b""


@contextmanager
def http_echo(asked: int, answered: int) -> Iterator[Exchange]:
    """POSTs over one kept connection: Python's own client and server."""
    server = _Server(("127.0.0.1", 0), _Answers)
    server.answer = b"a" * answered
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="mcp-bench-floor")
    thread.daemon = True
    thread.start()
    client = http.client.HTTPConnection("127.0.0.1", server.server_address[1])
    request, head = b"q" * asked, {"content-type": "application/json"}

    def exchange() -> None:
        client.request("POST", "/mcp", request, head)
        client.getresponse().read()

    try:
        yield exchange
    finally:
        client.close()
        server.shutdown()
        server.server_close()
        thread.join(_END_S)


Floor = Callable[[int, int], AbstractContextManager[Exchange]]

FLOORS: Final[dict[str, Floor]] = {
    "bare pipe": pipe,
    "bare socket": tcp,
    "bare HTTP": http_echo,
}
"""The floors by name; each is opened with the size of a request and of its answer."""

FLOOR_OF: Final = {
    "memory": "bare pipe",
    "pipe": "bare pipe",
    "stdio": "bare pipe",
    "bridge": "bare pipe",
    "unix": "bare socket",
    "tcp": "bare socket",
    "websocket": "bare socket",
    "http": "bare HTTP",
    "http-json": "bare HTTP",
    "sse": "bare HTTP",
}
"""The floor that a transport stands on; one that is not here has none."""
