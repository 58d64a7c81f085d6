"""Where probes are run: worker processes, connections to them, and the Trace of both.

Nothing of the notebook is touched: it is a workbench of its own. What is opened once is kept
for the next probe, and all of it ends with the stage.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from mcp_notebook.bench.programs import Program, running
from mcp_notebook.bench.roads import ROADS, Road
from mcp_notebook.errors import McpError
from mcp_notebook.runtime.connection import Connection
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.trace.store import Trace
from mcp_notebook.transports.ports import free_port

from .stranger import Refused, Way
from .subject import make_subject
from .worker import TRANSPORTS

T = TypeVar("T")

CHILD: Final = (
    sys.executable,
    *("-m", "mcp_notebook.runtime.child"),
    *("--name", "subject", "--module", "mcp_notebook.bench.processes.subject:subject"),
)
"""The subject as a child on its standard streams."""

CALL_S: Final = 20.0
"""Seconds a call of a probe may take."""


@dataclass(frozen=True, kw_only=True)
class Worker:
    """A worker process.

    Attributes:
        program: the process.
        ports: where it listens, by transport.
    """

    program: Program
    ports: dict[str, int] = field(default_factory=dict)

    def port(self, road: Road) -> int:
        """Where it serves a road."""
        return self.ports[road.transport]

    def url(self, road: Road) -> str:
        """The address of its endpoint of a road."""
        return url_of(road, self.port(road))

    def way(self, road: Road) -> Way:
        """The way of a stranger to its endpoint of a road."""
        return way_of(road, self.port(road))


def url_of(road: Road, port: int, host: str = "127.0.0.1") -> str:
    """The address of a road's endpoint behind a port."""
    scheme = "ws" if road.name == "websocket" else "http"
    return f"{scheme}://{host}:{port}{road.path}"


def way_of(road: Road, port: int, **options: Any) -> Way:
    """The way of a stranger to a road's endpoint behind a port."""
    return Way(road=road.name, host="127.0.0.1", port=port, path=road.path, **options)


class Stage:
    """Workers and connections for probes. A context manager.

    Args:
        roads: the roads that are measured; all of them by default.
        quick: whether probes make few calls.

    Attributes:
        roads: the same.
        quick: the same.
    """

    def __init__(self, roads: Sequence[Road] = (), *, quick: bool = True) -> None:
        self.roads = tuple(roads) or tuple(ROADS.values())
        self.quick = quick
        self._exit = ExitStack()
        self._bench: Workbench | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._starting: list[Future[tuple[ExitStack, Worker]]] = []
        self._workers: list[Worker] = []
        self._open: dict[str, Connection] = {}
        self._known: dict[object, Any] = {}
        self._opened = 0

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End everything."""
        while self._starting:  # what nobody waited for ends as well
            with contextlib.suppress(McpError, OSError):
                self._taken(self._starting.pop())
        self._exit.close()
        self._pool = None
        self._bench = None
        self._workers.clear()
        self._open.clear()
        self._known.clear()

    # ---- what there is -------------------------------------------------------------------

    @property
    def workbench(self) -> Workbench:
        """The clients' side; in it the server of the road ``memory``."""
        if self._bench is None:
            self._bench = self._exit.enter_context(Workbench(folder="bench", trace=Trace()))
            served = self._bench.add(make_subject())
            self._bench.serve(served, "memory", name="subject-memory")
        return self._bench

    def start_workers(self, count: int) -> None:
        """Start worker processes in the background: each spends a second on imports."""
        if self._pool is None:
            self._pool = self._exit.enter_context(ThreadPoolExecutor(2))
        lacking = count - len(self._workers) - len(self._starting)
        self._starting += [self._pool.submit(_start_worker) for _ in range(lacking)]

    def workers(self, count: int) -> list[Worker]:
        """The first worker processes; started where they are not there yet.

        Raises:
            ConnectError: one did not start.
        """
        self.start_workers(count)
        while len(self._workers) < count:
            self._workers.append(self._taken(self._starting.pop(0)))
        return self._workers[:count]

    def _taken(self, starting: Future[tuple[ExitStack, Worker]]) -> Worker:
        stack, worker = starting.result()
        self._exit.push(stack)
        return worker

    @property
    def worker(self) -> Worker:
        """The first worker process."""
        return self.workers(1)[0]

    def kill(self, worker: Worker) -> None:
        """Kill a worker as a crash would; the next that is asked for is a new one."""
        self._workers.remove(worker)
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker.program.pid, getattr(signal, "SIGKILL", signal.SIGTERM))

    def warm_up(self) -> None:
        """Let the SDK import what its first call needs, which is no part of any measurement."""

        def warm() -> bool:
            with self.connect(ROADS["memory"]) as first:
                return bool(first.call("pid").value)

        self.once("warm", warm)

    def target(self, road: Road) -> str | list[str]:
        """What a connection of a road is pointed at."""
        if road.networked:
            return self.worker.url(road)
        _ = self.workbench
        return "subject-memory" if road.name == "memory" else list(CHILD)

    # ---- connections ---------------------------------------------------------------------

    def connection(self, road: Road) -> Connection:
        """A connection of this road that stays open for the next probe."""
        there = self._open.get(road.name)
        if there is None or not there.is_open:
            there = self._open[road.name] = self.connect(road)
        return there

    def fresh(self, road: Road) -> Connection:
        """A connection that was just opened; it is the one that stays open."""
        if (there := self._open.pop(road.name, None)) is not None:
            there.close()
        return self.connection(road)

    def connect(self, road: Road, target: str | None = None, **options: Any) -> Connection:
        """Another connection of this road; whoever opens it closes it.

        Args:
            road: the road.
            target: another address than that of the first worker.
            options: what ``Workbench.connect`` takes.

        Raises:
            ConnectError: it does not open.
        """
        self._opened += 1
        name = f"{road.name}-{self._opened}"
        options.setdefault("timeout", CALL_S)
        where = target if target is not None else self.target(road)
        return self.workbench.connect(where, name=name, era=road.era, **options)

    # ---- running -------------------------------------------------------------------------

    def run(self, coroutine: Coroutine[Any, Any, T], *, timeout_s: float = 60.0) -> T:
        """Run a coroutine on the loop of the connections."""
        return self.workbench.loop.run(coroutine, timeout_s=timeout_s)

    def hold(self, key: object, make: Callable[[], AbstractContextManager[T]]) -> T:
        """What a context manager gave, held open until the stage ends."""
        return self.once(key, lambda: self._exit.enter_context(make()))

    def forget(self, key: object) -> None:
        """Make anew what is asked for under this key next."""
        self._known.pop(key, None)

    def once(self, key: object, make: Callable[[], T]) -> T:
        """What was made under this key; an error that it raised is raised again."""
        if key not in self._known:
            try:
                self._known[key] = make()
            except (McpError, OSError, Refused) as error:
                self._known[key] = error
        found = self._known[key]
        if isinstance(found, McpError | OSError | Refused):
            raise found
        return found  # type: ignore[no-any-return]


def _start_worker() -> tuple[ExitStack, Worker]:
    """A worker, and the stack that ends it."""
    ports = {transport: free_port() for transport in TRANSPORTS}
    argv = [sys.executable, "-m", "mcp_notebook.bench.processes.worker", *map(str, ports.values())]
    stack = ExitStack()
    # the last one listens last
    program = stack.enter_context(running(argv, port=ports[TRANSPORTS[-1]]))
    return stack, Worker(program=program, ports=ports)
