"""What the views of a long Trace cost: ``python -m tests.bench.views [EVENTS]``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any

from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.show.book import Book
from mcp_notebook.show.flow import flow_text
from mcp_notebook.show.layers import layers_text
from mcp_notebook.trace.events import Event, LinkOpened, Message
from mcp_notebook.trace.live import LiveRedactor
from mcp_notebook.trace.store import Trace

ROADS = ("memory", "http", "websocket", "sse")
BATCH = 200


def talk(roads: Iterable[str], calls: int) -> list[Event]:
    """What is recorded when a tool is called over some transports."""
    with Workbench() as workbench:

        @workbench.tool
        async def add(a: int, b: int = 2) -> int:
            return a + b

        for road in roads:
            connection = workbench.connect(workbench.serve(transport=road))
            for number in range(calls):
                connection.call("add", a=number)
        return workbench.trace.events()


def record(trace: Trace, events: Iterable[Event], suffix: str = "") -> list[Event]:
    """Record events again, on links of other names."""
    done: list[Event] = []
    for event in events:
        own: dict[str, Any] = {f.name: getattr(event, f.name) for f in fields(event)}
        del own["seq"], own["time_ns"]
        own["conn"] += suffix
        own["link"] += suffix if event.link else ""
        if isinstance(event, LinkOpened):
            own["address"] += suffix
        done.append(trace.record(type(event), **own))
    return done


def timed(name: str, do: Callable[[], object]) -> None:
    """Run once and print how long it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    do()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    sys.stdout.write(f"{name:42} {wall * 1e3:9.1f} ms  (cpu {cpu * 1e3:9.1f} ms)\n")


def live(name: str, events: list[Event]) -> None:
    """Feed a live view and print how many events it takes in a second of processor time."""
    trace = Trace()
    view = LiveRedactor(trace)
    spent = 0.0
    for at in range(0, len(events), BATCH):
        batch = record(trace, events[at : at + BATCH])
        begun = time.process_time()
        view.feed(batch)
        spent += time.process_time() - begun
    sys.stdout.write(f"{'live, ' + name:42} {len(events) / spent:9.0f} events/s\n")


def main(count: int) -> None:
    """Measure and print one line a figure."""
    said = talk(ROADS, 300)
    trace, part = Trace(), 0
    while len(trace) < count:
        part += 1
        record(trace, said[: count - len(trace)], f"-{part}")
    last: dict[str, Message] = {}
    for message in trace.messages():
        if message.vantage == "client":
            last[message.transport] = message
    sys.stdout.write(f"{len(trace)} events, {part} times {', '.join(ROADS)}\n")
    timed("flow, the first time", lambda: flow_text(trace, last=20))
    timed("flow again", lambda: flow_text(trace, last=20))
    record(trace, said[:1000], f"-{part + 1}")
    timed("flow after 1000 new events", lambda: flow_text(trace, last=20))
    timed("flow, 200 lines", lambda: flow_text(trace))
    for road, message in last.items():
        timed(f"layers, {road}", lambda seq=message.seq: layers_text(trace, seq))  # type: ignore[misc]
    some = trace.select("kind:message id:77")
    timed(f"redacted selection of {len(some)}", some.redacted)
    timed("redacted whole", trace.redacted)
    cold = Trace()
    record(cold, trace)
    timed("redacted whole, the first time", cold.redacted)
    book = Book()
    timed("pairing and sessions, the first time", lambda: book.refresh(trace))
    for road in ROADS[:3]:
        live(road, talk([road], 500))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
