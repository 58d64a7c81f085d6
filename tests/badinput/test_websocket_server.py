"""Bad input for a WebSocket server: messages, tools, frames, handshakes."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from mcp_notebook.runtime.workbench import Workbench

from .doors import INITIALIZE, INITIALIZED, LIMIT_S, Answer, Door, loads, wrong
from .frames import FRAMES, HANDSHAKES, NO_END, Frames, frame
from .messages import ID, MESSAGES, PARSE, REQUEST, Case, Due, answer, error
from .stand import Stand, until
from .tools import MISBEHAVING

BEGINNING = 4096
"""So much of a handshake is read in any case."""


class SocketDoor(Door):
    """One WebSocket."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._open = ExitStack()
        way = connect(url, subprotocols=[Subprotocol("mcp")], compression=None, max_size=None)
        self.link: ClientConnection = self._open.enter_context(way)

    def frame(self, message: bytes) -> bytes:
        return message

    def send(self, data: bytes) -> None:
        self.link.send(data, text=True)

    def receive(self, deadline: float) -> list[Answer]:
        del deadline
        try:
            return [loads(self.link.recv(LIMIT_S, decode=False))]
        except (ConnectionClosed, TimeoutError):
            return []

    def close(self) -> None:
        self._open.close()


class Sockets(Stand):
    """The server, and one raw link that most cases share."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench, "websocket")
        self.door = self.opened()

    def opened(self) -> SocketDoor:
        door = SocketDoor(self.endpoint.url)
        for one in (INITIALIZE, INITIALIZED):
            door.send(json.dumps(one).encode())
        assert door.receive(0)[0]["id"] == "first"
        id, ping = door.ping()
        door.send(ping)
        assert door.answers(id, 0) == []  # now all of the above is recorded
        return door

    def try_out(self, raw: bytes, due: Due) -> None:
        try:
            self._try_out(raw, due)
        except BaseException:  # the next case starts on a link of its own
            self.door.close()
            self.door = self.opened()
            raise

    def _try_out(self, raw: bytes, due: Due) -> None:
        recorded, faults, answers = self.recorded, len(self.faults), len(self.answers)
        id, ping = self.door.ping()
        for one in (raw, ping):
            self.door.send(one)
        got = self.door.answers(id, int(due.kind != "silence"))
        assert not (what := wrong([due], got)), what
        assert self.recorded_all(recorded, len(frame(1, raw)) + len(frame(1, ping)))
        assert self.has_answers(answers, got), "an answer is not in the Trace"
        if due.kind == "error" and due.code in (PARSE, REQUEST):
            assert self.found_wrong(faults)
        self.others_go_on()

    def dial(self) -> socket.socket:
        parts = urlsplit(self.endpoint.url)
        return socket.create_connection((parts.hostname or "", parts.port or 0), LIMIT_S)


@pytest.fixture(scope="module")
def sockets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sockets]:
    with Workbench(folder=str(tmp_path_factory.mktemp("bad"))) as bench:
        made = Sockets(bench)
        yield made
        made.door.close()


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize("case", MESSAGES, ids=str)
def test_a_bad_message_gets_what_is_due(sockets: Sockets, case: Case) -> None:
    if _is_text(case.raw):
        sockets.try_out(case.raw, case.due)
        return
    door = sockets.opened()  # RFC 6455 section 8.1: such text ends the connection
    door.send(case.raw)
    assert close_code(door.link) == 1007
    door.close()
    sockets.others_go_on()


@pytest.mark.parametrize("tool", MISBEHAVING)
def test_a_tool_that_misbehaves_is_answered_for(sockets: Sockets, tool: str) -> None:
    call = {"jsonrpc": "2.0", "id": tool, "method": "tools/call", "params": {"name": tool}}
    sockets.try_out(json.dumps(call).encode(), answer(tool))


def close_code(link: ClientConnection) -> int:
    """The code with which the server closes; messages before it are read over."""
    while True:
        try:
            link.recv(LIMIT_S)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd is not None else 1006


@pytest.mark.parametrize("case", FRAMES, ids=str)
def test_odd_frames(sockets: Sockets, case: Frames) -> None:
    door = sockets.opened()
    recorded = sockets.recorded
    door.link.socket.sendall(case.raw)
    if case.code:
        assert close_code(door.link) == case.code
    else:
        id, ping = door.ping()
        door.send(ping)
        dues = [error(PARSE)] if case.answers < 0 else [answer(ID)] * case.answers
        assert not (what := wrong(dues, door.answers(id, len(dues)))), what
    assert sockets.recorded - recorded >= len(case.raw)
    door.close()
    sockets.others_go_on()


@pytest.mark.parametrize("raw", NO_END, ids=lambda raw: repr(raw[:20]))
def test_a_client_that_goes_away_in_the_middle(sockets: Sockets, raw: bytes) -> None:
    door = sockets.opened()
    recorded = sockets.recorded
    door.link.socket.sendall(raw)
    door.link.socket.shutdown(socket.SHUT_RDWR)
    door.close()
    assert until(lambda: sockets.recorded - recorded >= len(raw), LIMIT_S)
    sockets.others_go_on()


@pytest.mark.parametrize("name", HANDSHAKES)
def test_odd_handshakes(sockets: Sockets, name: str) -> None:
    raw, statuses = HANDSHAKES[name]
    recorded = sockets.recorded
    with sockets.dial() as link:
        port = link.getsockname()[1]
        link.sendall(raw)
        if 0 in statuses and 101 not in statuses:
            link.shutdown(socket.SHUT_WR)
        assert status_of(link) in statuses
    if len(raw) < BEGINNING:
        assert sockets.has_all(port, len(raw))
    else:  # it is refused before all of it is read
        assert 0 < sockets.recorded - recorded <= len(raw)
    sockets.others_go_on()


def status_of(link: Any) -> int:
    """The status of an answer; 0 where the connection ends without one."""
    head = b""
    try:
        while b"\r\n" not in head:
            part = link.recv(4096)
            if not part:
                return 0
            head += part
    except ConnectionResetError:
        return 0
    return int(head.split(b" ", 2)[1])


def test_the_corpus_is_large_enough() -> None:
    assert len(MESSAGES) + len(MISBEHAVING) + len(FRAMES) + len(HANDSHAKES) + len(NO_END) >= 150
