"""A server with tools that misbehave, an innocent client beside, and the Trace that sees it all."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from mcp_notebook.runtime.connection import Connection
from mcp_notebook.runtime.endpoint import Endpoint
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.trace.events import (
    Chunk,
    Direction,
    Event,
    Fault,
    LinkOpened,
    Message,
    Vantage,
)

from .doors import loads
from .tools import furnish


class Stand:
    """One transport."""

    def __init__(self, bench: Workbench, transport: str) -> None:
        self.bench = furnish(bench)
        self.transport = transport
        self.endpoint: Endpoint = bench.serve(transport=transport, name="bad")
        self.innocent: Connection = bench.connect(
            self.endpoint, name="innocent", era="legacy", timeout=60
        )
        self.calls = 0
        self.recorded = 0
        self.answers: list[bytes] = []
        self._by_link: dict[str, int] = {}
        self._ports: dict[int, str] = {}
        self.faults: list[str] = []
        self.gaps: list[str] = []
        self.innocent.call("add", a=1)
        # a child's report of a call may come after the call
        until(lambda: any(m.vantage is Vantage.SERVER for m in bench.trace.messages()), 10)
        self._not_ours = {e.link for e in bench.trace if e.vantage is Vantage.SERVER}
        bench.trace.subscribe(self._note)  # it keeps only so much; this sees everything

    def others_go_on(self) -> None:
        """Call on the connection of somebody else."""
        self.calls += 1
        assert self.innocent.is_open, self.innocent.status
        assert self.innocent.call("add", a=self.calls).value == self.calls + 2

    def _note(self, event: Event) -> None:
        if event.vantage is not Vantage.SERVER or event.link in self._not_ours:
            return
        if isinstance(event, Chunk) and event.direction is Direction.CLIENT_TO_SERVER:
            self.recorded += event.size
            before = self._by_link.get(event.link, event.offset)
            if event.offset != before:
                self.gaps.append(f"{event.link}: {before}..{event.offset}")
            self._by_link[event.link] = event.offset + event.size
        elif isinstance(event, Message) and event.direction is Direction.SERVER_TO_CLIENT:
            self.answers.append(event.raw)
        elif isinstance(event, LinkOpened):
            self._by_link[event.link] = 0
            if event.address.startswith("127.0.0.1:"):
                self._ports[int(event.address.split(" ")[0].rpartition(":")[2])] = event.link
        elif isinstance(event, Fault):
            self.faults.append(event.text)

    def recorded_from(self, port: int) -> int:
        """How many bytes the server's end has recorded of the link from a port."""
        return self._by_link.get(self._ports.get(port, ""), 0)

    def has_all(self, port: int, size: int) -> bool:
        """Whether all of so many bytes from a port are recorded, and no more."""
        until(lambda: self.recorded_from(port) >= size, 10)
        return self.recorded_from(port) == size and self.gaps == []

    def has_answers(self, since: int, got: list[Any]) -> bool:
        """Whether each answer that came is among the messages recorded since there were so many."""

        def recorded() -> bool:
            told = [loads(raw) for raw in self.answers[since:] if raw.startswith(b"{")]
            return all(one in told for one in got)

        return until(recorded, 10)

    def recorded_all(self, since: int, size: int, limit_s: float = 10) -> bool:
        """Whether the server's end has recorded just so many bytes since ``recorded`` was this."""
        until(lambda: self.recorded - since >= size, limit_s)
        got = self.recorded - since
        assert got == size, f"{size} bytes were sent, {got} recorded; by link {self._by_link}"
        assert self.gaps == []
        return True

    def found_wrong(self, since: int) -> bool:
        """Whether the server's end has noted a fault since there were so many."""
        return until(lambda: len(self.faults) > since, 10)


def until(fact: Callable[[], bool], limit_s: float) -> bool:
    """Wait for something that comes by itself."""
    deadline = time.monotonic() + limit_s
    while not fact():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True
