"""An HTTP connection lives on when a request fails: the SDK's client would end with it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mcp_notebook.errors import ConnectionLost
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.transports.ports import free_port

from .tools import add


@contextmanager
def elsewhere(folder: Path, port: int, transport: str = "http") -> Iterator[str]:
    """A server that is not of the client's workbench."""
    with Workbench(folder=str(folder)) as bench:
        bench.tool(add)
        yield bench.serve(transport=transport, port=port).url


@pytest.mark.parametrize("transport", ["http", "http-json"])
def test_a_server_that_was_restarted_answers_the_next_call(
    bench: Workbench, tmp_path: Path, transport: str
) -> None:
    port = free_port()
    with elsewhere(tmp_path / "a", port, transport) as url:
        connection = bench.connect(url, era="modern")
        assert connection.call("add", a=1).value == 3
    for _ in range(2):
        with pytest.raises(ConnectionLost, match=r"gives no answer: .*The next call tries again"):
            connection.call("add", a=1)
    with elsewhere(tmp_path / "b", port, transport):
        assert connection.call("add", a=2).value == 4


@pytest.mark.parametrize(
    ("transport", "era"),
    [("http", "legacy"), ("sse", "legacy"), ("sse", "modern"), ("tcp", "modern"),
     ("websocket", "legacy"), ("websocket", "modern")],
)  # fmt: skip
def test_a_link_that_was_lost_with_its_server_is_opened_again(
    bench: Workbench, tmp_path: Path, transport: str, era: str
) -> None:
    port = free_port()
    with elsewhere(tmp_path / "a", port, transport) as url:
        connection = bench.connect(url, era=era)
        assert connection.call("add", a=1).value == 3
    with pytest.raises(ConnectionLost):
        connection.call("add", a=1)
    with elsewhere(tmp_path / "b", port, transport):
        with contextlib.suppress(ConnectionLost):  # a legacy HTTP session is refused once
            connection.call("add", a=1)
        assert connection.call("add", a=2).value == 4
        assert connection.is_open
        assert bench.connection() is connection
    connection.close()
    with pytest.raises(ConnectionLost, match=r"is (closed|gone)"):
        connection.call("add", a=1)


def test_a_child_is_not_started_again_by_itself(bench: Workbench) -> None:
    connection = bench.connect([sys.executable, "-m", "mcp_server_time"], timeout=30)
    assert connection.pid is not None
    os.kill(connection.pid, signal.SIGKILL)
    for _ in range(2):
        with pytest.raises(ConnectionLost, match="%mcp connect"):
            connection.call("get_current_time", timezone="UTC")


class Cutting:
    """A relay in front of a server that can break the next answer off in the middle."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.cut = False
        self._sockets: list[socket.socket] = []
        self._carriers: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._to))
            self._sockets += [client, server]
            for ends in ((client, server, False), (server, client, True)):
                self._carriers.append(threading.Thread(target=self._carry, args=ends))
                self._carriers[-1].start()

    def _carry(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if answers and self.cut:
                    sink.sendall(data[: len(data) - 20])
                    break
                sink.sendall(data)
        end(source, sink)

    def close(self) -> None:
        end(self._listener, *self._sockets)
        self._thread.join(10)
        end(*self._sockets)
        for carrier in self._carriers:
            carrier.join(10)
        for each in (self._listener, *self._sockets):
            each.close()


def end(*sockets: socket.socket) -> None:
    for each in sockets:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("era", ["legacy", "modern"])
@pytest.mark.parametrize("transport", ["http", "http-json"])
def test_an_answer_that_breaks_off_fails_its_call_alone(
    bench: Workbench, tmp_path: Path, transport: str, era: str
) -> None:
    with elsewhere(tmp_path / "a", free_port(), transport) as url:
        relay = Cutting(int(url.rpartition(":")[2].partition("/")[0]))
        try:
            connection = bench.connect(f"http://127.0.0.1:{relay.port}/mcp", era=era)
            relay.cut = True
            with pytest.raises(ConnectionLost):
                connection.call("add", a=1)
            relay.cut = False
            assert connection.is_open
            assert connection.call("add", a=1).value == 3
        finally:
            relay.close()
