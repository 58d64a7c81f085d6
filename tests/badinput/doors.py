"""Ways to send exactly these bytes to a server and to read what it answers."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from mcp_notebook.runtime.connection import Connection
from mcp_notebook.runtime.endpoint import Endpoint
from mcp_notebook.trace.events import Direction, Message, Vantage

from .messages import Due

LIMIT_S = 8.0

Answer = dict[str, Any]


def loads(raw: bytes) -> Answer:
    """Read an answer; numbers too long for Python stay text."""
    found = json.loads(raw, parse_int=lambda digits: int(digits) if len(digits) < 1000 else digits)
    assert isinstance(found, dict), raw[:200]
    return found


def fits(due: Due, got: Answer) -> bool:
    """Whether an answer is what is due."""
    if due.kind == "error":
        found = got.get("error")
        return bool(found) and (found["code"], got.get("id")) == (due.code, due.id)
    if due.kind == "answer":
        return ("result" in got or "error" in got) and got.get("id") == due.id
    return due.kind == "either" and ("result" in got or "error" in got)


def wrong(dues: Iterable[Due], got: list[Answer]) -> str:
    """What is wrong with the answers; they may come in any order."""
    rest = list(got)
    missing = []
    for due in dues:
        if due.kind == "silence":
            continue
        found = next((one for one in rest if fits(due, one)), None)
        if found is None:
            missing.append(due)
        else:
            rest.remove(found)
    told = str(rest)[:500]
    return f"missing {missing}, not expected {told}" if missing or rest else ""


class Door(ABC):
    """One raw link; what is sent and answered is read as lines or as messages."""

    def __init__(self) -> None:
        self._count = 0

    @abstractmethod
    def send(self, data: bytes) -> None:
        """Send bytes."""

    @abstractmethod
    def receive(self, deadline: float) -> list[Answer]:
        """The next answers; none where the link has ended or the time is over."""

    @abstractmethod
    def close(self) -> None:
        """End the link."""

    def frame(self, message: bytes) -> bytes:
        """A message in its envelope."""
        return message + b"\n"

    def ping(self) -> tuple[str, bytes]:
        """A request with an id of its own."""
        self._count += 1
        id = f"ping-{self._count}"
        return id, self.frame(json.dumps({"jsonrpc": "2.0", "id": id, "method": "ping"}).encode())

    def answers(self, id: str, count: int) -> list[Answer]:
        """What came until the ping was answered and ``count`` other answers were there."""
        deadline = time.monotonic() + LIMIT_S
        got: list[Answer] = []
        answered = False
        while not answered or len(got) < count:
            more = self.receive(deadline)
            if not more:
                break
            for one in more:
                if one.get("id") == id:
                    answered = True
                elif "method" not in one:  # log lines and the like are none of the answers
                    got.append(one)
        assert answered, f"the link does not go on; so far {str(got)[:300]}"
        return got

    def rest(self) -> list[Answer]:
        """What still comes until the server ends the link."""
        deadline = time.monotonic() + LIMIT_S
        got: list[Answer] = []
        while more := self.receive(deadline):
            got += more
        assert time.monotonic() < deadline, "the link does not end"
        return got


INITIALIZE = {
    "jsonrpc": "2.0",
    "id": "first",
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "raw", "version": "1"},
    },
}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}


class FileDoor(Door):
    """A link of two descriptors."""

    def __init__(self, reads: int, writes: int) -> None:
        super().__init__()
        self._reads = reads
        self._writes = writes
        self._buffer = b""

    def send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._writes, view) :]

    def receive(self, deadline: float) -> list[Answer]:
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._reads], [], [], max(0, deadline - time.monotonic()))
            try:
                part = os.read(self._reads, 1 << 20) if ready else b""
            except ConnectionResetError:
                part = b""
            if not part:
                return []
            self._buffer += part
        *lines, self._buffer = self._buffer.split(b"\n")
        return [loads(line) for line in lines]


class SocketDoor(FileDoor):
    """A Unix or TCP socket."""

    def __init__(self, endpoint: Endpoint) -> None:
        if endpoint.url.startswith("unix:"):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(endpoint.url.removeprefix("unix:"))
        else:
            host, _, port = endpoint.url.removeprefix("tcp://").rpartition(":")
            self.socket = socket.create_connection((host, int(port)))
        super().__init__(self.socket.fileno(), self.socket.fileno())

    def end(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.socket.close()


class ChildDoor(FileDoor):
    """The standard streams of a child."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self.child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={**os.environ, **env},
        )
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        super().__init__(self.child.stdout.fileno(), self.child.stdin.fileno())

    def end(self) -> None:
        assert self.child.stdin is not None
        self.child.stdin.close()

    def close(self) -> None:
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        for pipe in (self.child.stdin, self.child.stdout):
            pipe.close()
        self.child.wait(10)


class OwnDoor(Door):
    """A connection of the package itself, past its own client; answers are read in the Trace."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection
        self._trace = connection.workbench.trace
        self._seen = self._trace.last_seq

    def send(self, data: bytes) -> None:
        self._connection.workbench.loop.run(self._connection.session.write.send_bytes(data))

    def receive(self, deadline: float) -> list[Answer]:
        while time.monotonic() < deadline:
            events = self._trace.since(self._seen)
            if events:
                self._seen = events[-1].seq
            got = [
                loads(event.raw)
                for event in events
                if isinstance(event, Message)
                and (event.conn, event.vantage) == (self._connection.name, Vantage.CLIENT)
                and event.direction is Direction.SERVER_TO_CLIENT
            ]
            if got:
                return got
            time.sleep(0.001)
        return []

    def close(self) -> None:
        self._connection.close()
