"""Bad input for servers whose messages are lines: stdio, bridge, unix, tcp, pipe, memory."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator

import pytest

from mcp_notebook.runtime.workbench import Workbench

from .doors import INITIALIZE, INITIALIZED, ChildDoor, Door, OwnDoor, SocketDoor, wrong
from .framing import LAST, LINES, NO_LINES, Stream
from .messages import MESSAGES, PARSE, REQUEST, Case, Due, answer
from .stand import Stand
from .tools import MISBEHAVING

TRANSPORTS = ["memory", "pipe", "stdio", "bridge", "unix", "tcp"]
CLOSABLE = ["bridge", "unix", "tcp"]
"""Where the test itself holds the client's end."""


class Lines(Stand):
    """A transport of lines, with one raw link that most cases share."""

    def __init__(self, bench: Workbench, transport: str) -> None:
        super().__init__(bench, transport)
        self.door = self.opened()

    def opened(self) -> Door:
        door: Door
        if self.transport in ("unix", "tcp"):
            door = SocketDoor(self.endpoint)
        elif self.transport == "bridge":
            door = ChildDoor(self.endpoint.listener.command, {})  # type: ignore[attr-defined]
        else:
            return OwnDoor(self.bench.connect(self.endpoint, name="raw", era="legacy", timeout=60))
        for one in (INITIALIZE, INITIALIZED):
            door.send(json.dumps(one).encode() + b"\n")
        assert door.receive(time.monotonic() + 30)[0]["id"] == "first"
        id, ping = door.ping()
        door.send(ping)
        assert door.answers(id, 0) == []  # now all of the above is recorded
        return door

    def try_out(self, pieces: list[bytes], dues: tuple[Due, ...]) -> None:
        """Send, compare what comes back with what is due, look at the Trace and the others."""
        try:
            self._try_out(pieces, dues)
        except BaseException:  # the next case starts on a link of its own
            with contextlib.suppress(OSError):
                self.door.close()
            self.door = self.opened()
            raise

    def _try_out(self, pieces: list[bytes], dues: tuple[Due, ...]) -> None:
        recorded, faults, answers = self.recorded, len(self.faults), len(self.answers)
        id, ping = self.door.ping()
        for piece in (*pieces, ping):
            self.door.send(piece)
        size = sum(map(len, (*pieces, ping)))
        if self.transport == "bridge":  # it passes messages on, and an empty line is none
            lines = b"".join(pieces).split(b"\n")
            size -= sum(len(line) + 1 for line in lines[:-1] if not line.strip())
        awaited = sum(due.kind != "silence" for due in dues)
        got = self.door.answers(id, awaited)
        assert not (what := wrong(dues, got)), what
        assert self.recorded_all(recorded, size), "not all bytes are in the Trace, or too many"
        assert self.has_answers(answers, got), "an answer is not in the Trace"
        if any(due.kind == "error" and due.code in (PARSE, REQUEST) for due in dues):
            assert self.found_wrong(faults)
        self.others_go_on()


@pytest.fixture(scope="module", params=TRANSPORTS)
def lines(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lines]:
    with Workbench(folder=str(tmp_path_factory.mktemp("bad"))) as bench:
        made = Lines(bench, request.param)
        yield made
        made.door.close()


@pytest.mark.parametrize("case", MESSAGES, ids=str)
def test_a_bad_message_gets_what_is_due_and_the_link_goes_on(lines: Lines, case: Case) -> None:
    lines.try_out([case.raw + b"\n"], (case.due,))


@pytest.mark.parametrize("tool", MISBEHAVING)
def test_a_tool_that_misbehaves_is_answered_for(lines: Lines, tool: str) -> None:
    call = {"jsonrpc": "2.0", "id": tool, "method": "tools/call", "params": {"name": tool}}
    lines.try_out([json.dumps(call).encode() + b"\n"], (answer(tool),))


@pytest.mark.parametrize("stream", LINES, ids=str)
def test_lines_in_odd_pieces(lines: Lines, stream: Stream) -> None:
    lines.try_out(list(stream), stream.due)


@pytest.mark.parametrize("stream", LAST, ids=str)
def test_a_link_that_ends_in_the_middle(lines: Lines, stream: Stream) -> None:
    if lines.transport not in CLOSABLE:
        pytest.skip("the client's end is our own connection, which never ends so")
    door = lines.opened()
    assert isinstance(door, SocketDoor | ChildDoor)
    recorded, answers = lines.recorded, len(lines.answers)
    for piece in stream:
        door.send(piece)
    door.end()
    got = door.rest()
    door.close()
    assert not (what := wrong(stream.due, got)), what
    assert lines.recorded_all(recorded, sum(map(len, stream)))
    assert lines.has_answers(answers, got)
    lines.others_go_on()


@pytest.mark.parametrize("first", NO_LINES, ids=repr)
def test_what_does_not_begin_as_a_message_is_closed(lines: Lines, first: bytes) -> None:
    if lines.transport not in ("unix", "tcp"):
        pytest.skip("no foreign program can dial it")
    recorded, faults = lines.recorded, len(lines.faults)
    door = SocketDoor(lines.endpoint)
    door.send(first)
    assert door.rest() == []
    door.close()
    assert lines.recorded_all(recorded, len(first))
    assert lines.found_wrong(faults)
    assert "first byte" in lines.faults[-1]
    lines.others_go_on()


def test_the_corpus_is_large_enough() -> None:
    assert len(MESSAGES) + len(MISBEHAVING) + len(LINES) >= 150
    for cases in (MESSAGES, LINES, LAST):
        names = [one.name for one in cases]  # type: ignore[attr-defined]
        assert len(names) == len(set(names))
