"""How fast and how heavy: P12 latency, P13 rate, P15 memory, P17 bytes."""

from __future__ import annotations

import asyncio
import math
import statistics
import time
from typing import Any, Final

from mcp_notebook.bench.processes.stage import Stage
from mcp_notebook.bench.quiet import Quiet
from mcp_notebook.bench.readings import Reading
from mcp_notebook.bench.roads import Road
from mcp_notebook.runtime.connection import Connection
from mcp_notebook.trace.cost import Traffic
from mcp_notebook.trace.events import Event, Vantage

from .registry import not_here, probe, reading

TEXT: Final = "x" * 64
WARM_UP: Final = 3
ROUNDS: Final = 5
CALLS_A_ROUND: Final = 20
CALLS: Final = 300
QUICK_CALLS: Final = 64
IN_FLIGHT: Final = 32
CLIENTS: Final = 6


async def call(connection: Connection, tool: str, **arguments: Any) -> Any:
    """Call a tool by the SDK's client alone, on the loop of the connection."""
    return await connection.session.client.call_tool(tool, arguments)


@probe("P12", "latency", "ms", shown="{median_ms}")
def latency(stage: Stage, road: Road) -> Reading:
    """The median of many small calls, one after the other; the roads take turns.

    So a busy moment of the machine meets all of them.
    """
    spent = sorted(stage.once("P12", lambda: _latencies(stage))[road.name])
    median = statistics.median(spent)
    late = spent[math.ceil(len(spent) * 0.95) - 1]
    return reading(
        {"median_ms": round(median, 3), "p95_ms": round(late, 3), "calls": len(spent)},
        f"{len(spent)} calls, the median took {median:.2f} ms, 95 % took at most {late:.2f} ms",
    )


def _latencies(stage: Stage) -> dict[str, list[float]]:
    """Milliseconds of each call, by road."""
    opened = {road.name: stage.connection(road) for road in stage.roads}
    spent: dict[str, list[float]] = {name: [] for name in opened}
    rounds = ROUNDS if stage.quick else 3 * ROUNDS

    async def some(name: str, connection: Connection) -> None:
        for _ in range(WARM_UP):
            await call(connection, "echo", text=TEXT)
        for _ in range(CALLS_A_ROUND):
            begun = time.perf_counter()
            await call(connection, "echo", text=TEXT)
            spent[name].append((time.perf_counter() - begun) * 1000)

    for _ in range(rounds):
        for name, connection in opened.items():
            stage.run(some(name, connection))
    return spent


@probe("P13", "rate", "calls/s, 32 at once", shown="{serial}, {in_flight}")
def rate(stage: Stage, road: Road) -> Reading:
    """Calls a second: one after the other, and with 32 in flight."""
    connection = stage.connection(road)
    calls = QUICK_CALLS if stage.quick else CALLS

    async def timed() -> tuple[float, float]:
        for _ in range(WARM_UP):
            await call(connection, "echo", text=TEXT)
        begun = time.perf_counter()
        for _ in range(calls // 2):
            await call(connection, "echo", text=TEXT)
        serial = (calls // 2) / (time.perf_counter() - begun)
        left = iter(range(calls))

        async def lane() -> None:
            for _ in left:
                await call(connection, "echo", text=TEXT)

        begun = time.perf_counter()
        await asyncio.gather(*(lane() for _ in range(IN_FLIGHT)))
        return serial, calls / (time.perf_counter() - begun)

    serial, together = stage.run(timed())
    return reading(
        {"serial": round(serial), "in_flight": round(together)},
        f"{serial:.0f} calls a second one by one, {together:.0f} with {IN_FLIGHT} in flight",
    )


@probe("P15", "memory of a client", "MiB", shown="{mib}")
def memory(stage: Stage, road: Road) -> Reading:
    """What the server's side grows by with each client that connects."""
    if road.name == "memory":
        return reading(
            {"processes": 0, "mib": None},
            "client and server are one process; its memory says nothing of either",
        )
    connection = stage.connection(road)
    pid = connection.pid if connection.pid is not None else stage.worker.program.pid
    before = after = _resident(pid)
    if road.networked:
        opened: list[Connection] = []
        try:
            opened.extend(stage.connect(road) for _ in range(CLIENTS))
            after = _resident(pid)
        finally:
            for one in opened:
                one.close()
    if before is None or after is None:
        return not_here("the memory of a process is read in /proc, which is not here")
    if not road.networked:
        return reading(
            {"processes": 1, "mib": round(before, 1)},
            f"each client has a server process of {before:.0f} MiB",
        )
    mib = max(0.0, (after - before) / CLIENTS)
    return reading(
        {"processes": 0, "mib": round(mib, 2)},
        f"{CLIENTS} more clients made the one server process {mib:.2f} MiB larger each",
    )


def _resident(pid: int | None) -> float | None:
    """The resident memory of a process in MiB; ``None`` where nothing tells."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:  # noqa: PTH123
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) / 1024
    except OSError:
        pass
    return None


@probe("P17", "bytes around a call", "bytes", shown="{envelope}")
def envelope(stage: Stage, road: Road) -> Reading:
    """The bytes of one call that are neither its request's JSON nor its answer's."""
    connection = stage.connection(road)
    trace = stage.workbench.trace
    name = connection.name

    def seen(after: int) -> list[Event]:
        return [e for e in trace.since(after) if e.conn == name and e.vantage is Vantage.CLIENT]

    begin = trace.last_seq
    quiet = Quiet(seen, begin)

    async def one() -> int:
        await call(connection, "echo", text=TEXT)
        await quiet.settle()
        return trace.last_seq

    first = stage.run(one())  # a link that was closed meanwhile is opened by this one
    last = stage.run(one())
    cost = Traffic(seen(begin), name).cost(first + 1, last)
    return reading(
        {
            "envelope": cost.framing,
            "body": cost.body,
            "links": cost.links,
            "http_requests": cost.requests,
        },
        f"{cost.framing} bytes of envelope around {cost.body} bytes of messages"
        + (f", in {cost.requests} HTTP requests" if cost.requests > 1 else ""),
    )
