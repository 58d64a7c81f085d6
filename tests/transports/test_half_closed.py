"""A client that ends its side and reads on: it gets the answers that are due, and then the end."""

from __future__ import annotations

import json
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from mcp_notebook.runtime.endpoint import Endpoint
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.trace.events import Chunk, Direction, Vantage
from tests.badinput.doors import INITIALIZE, INITIALIZED, Answer, ChildDoor, SocketDoor

from .conftest import Roads
from .tools import Bell

TRANSPORTS = ["unix", "tcp", "bridge", "stdio"]


def call(id: int, name: str, **arguments: Any) -> bytes:
    params = {"name": name, "arguments": arguments}
    message = {"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}
    return json.dumps(message).encode() + b"\n"


HELLO = b"".join(json.dumps(one).encode() + b"\n" for one in (INITIALIZE, INITIALIZED))


@contextmanager
def dialled(endpoint: Endpoint) -> Iterator[Any]:
    """A raw link: a socket, or the standard streams of a bridge or of the server as a child."""
    listener: Any = endpoint.listener
    with ExitStack() as stack:
        door: Any
        if endpoint.transport in ("unix", "tcp"):
            door = SocketDoor(endpoint)
        elif endpoint.transport == "bridge":
            door = ChildDoor(listener.command, {})
        else:
            command = listener.served.child_command()
            if command.cleanup is not None:
                stack.callback(command.cleanup)
            door = ChildDoor(command.argv, command.env)
        stack.callback(door.close)
        yield door


def told_at_once(endpoint: Endpoint, *messages: bytes) -> list[Answer]:
    """Everything in one piece, then the end of this side; what came back."""
    with dialled(endpoint) as door:
        door.send(HELLO + b"".join(messages))
        door.end()
        return door.rest()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_what_was_asked_before_the_end_is_answered(roads: Roads, transport: str) -> None:
    calls = [call(n, "add", a=n) for n in range(20)]
    got = told_at_once(roads.endpoint(transport), *calls, call(20, "big", size=300_000))
    assert {one["id"] for one in got} == {"first", *range(21)}
    assert all("result" in one for one in got)
    assert {one["result"]["content"][0]["text"] for one in got if one["id"] in range(20)} == {
        str(n + 2) for n in range(20)
    }


@pytest.mark.slow
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_what_takes_too_long_is_cancelled_and_told_so(roads: Roads, transport: str) -> None:
    with Bell() as bell:
        got = told_at_once(roads.endpoint(transport), call(1, "linger", port=bell.port))
        assert [one["id"] for one in got] == ["first", 1]
        assert "error" in got[1]
        assert bell.hear() == "started"
        if transport != "stdio":  # the child itself has ended
            assert bell.hear() == "cancelled"


@pytest.mark.parametrize("transport", ["unix", "tcp"])
def test_what_is_cancelled_is_not_waited_for(roads: Roads, transport: str) -> None:
    with Bell() as bell, dialled(roads.endpoint(transport)) as door:
        door.send(HELLO + call(1, "linger", port=bell.port))
        assert bell.hear() == "started"
        notice = {"method": "notifications/cancelled", "params": {"requestId": 1}}
        door.send(json.dumps({"jsonrpc": "2.0", **notice}).encode() + b"\n")
        door.end()
        assert [one["id"] for one in door.rest()] == ["first"]
        assert bell.hear() == "cancelled"


def test_a_client_that_is_gone_cancels_what_it_asked(roads: Roads) -> None:
    with Bell() as bell:
        with dialled(roads.endpoint("unix")) as door:
            door.send(HELLO + call(1, "linger", port=bell.port))
            assert bell.hear() == "started"
        assert bell.hear() == "cancelled"


@pytest.mark.slow
def test_what_a_slow_reader_has_not_read_yet_outlives_the_child(roads: Roads) -> None:
    with dialled(roads.endpoint("stdio")) as door:
        door.send(HELLO + call(1, "big", size=60_000) + call(2, "big", size=60_000))
        select.select([door.child.stdout], [], [])
        door.end()
        with pytest.raises(subprocess.TimeoutExpired):
            door.child.wait(2.5)  # longer than answers are waited for
        got = door.rest()
        assert {one["id"] for one in got} == {"first", 1, 2}
        assert len(json.dumps(got)) > 120_000


def test_a_stopped_endpoint_does_not_wait_for_what_is_due(bench: Workbench) -> None:
    @bench.tool
    async def linger(port: int) -> str:
        from .tools import linger as really

        return await really(port)

    endpoint = bench.serve(transport="tcp")
    with Bell() as bell, dialled(endpoint) as door:
        door.send(HELLO + call(1, "linger", port=bell.port))
        door.end()
        assert bell.hear() == "started"
        endpoint.stop()
        assert bell.hear() == "cancelled"
        assert bench.endpoints == {}


def test_the_answers_are_in_the_trace_and_no_task_is_left(bench: Workbench) -> None:
    bench.tool(lambda: 1, name="one")
    endpoint = bench.serve(transport="unix")
    got = told_at_once(endpoint, call(1, "one"))
    assert [one["id"] for one in got] == ["first", 1]
    sent = [
        event.data
        for event in bench.trace
        if isinstance(event, Chunk)
        and (event.vantage, event.direction) == (Vantage.SERVER, Direction.SERVER_TO_CLIENT)
    ]
    assert [json.loads(line) for line in b"".join(sent).splitlines()] == got
    deadline = time.monotonic() + 10
    while endpoint.listener.links and time.monotonic() < deadline:
        time.sleep(0.005)
    assert endpoint.listener.links == 0
    assert bench.connect(endpoint).call("one").value == "1"
