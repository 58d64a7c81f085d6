"""How quick calls are: the same call over each transport, in turns, beside the bare floors.

The calls are interleaved, one of each in every round and each round in another order: what
slows the machine down for a moment slows all of them down.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from mcp_notebook.errors import McpError, UsageError
from mcp_notebook.runtime.arguments import check
from mcp_notebook.runtime.connection import Connection
from mcp_notebook.runtime.eras import mode_of
from mcp_notebook.runtime.server import NotebookServer
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.trace.cost import Traffic
from mcp_notebook.trace.events import Event, Message, Vantage
from mcp_notebook.trace.store import Trace
from mcp_notebook.transports.base import Transport

from .floors import FLOOR_OF, FLOORS, Exchange
from .measuring import roads_of, schema_of
from .processes.subject import make_subject
from .quiet import Quiet

WARM: Final = 5
"""Calls of each before those that count."""

MOST_ROUNDS: Final = 10_000
KEPT_EVENTS: Final = 20_000
"""Events of the Trace that is recorded meanwhile and thrown away."""


@dataclass(kw_only=True)
class Pace:
    """How quick one transport is, or one floor.

    Attributes:
        label: its name, with the era where there are several.
        transport: its name; empty for a floor.
        era: as asked for.
        standing: what the specification says of it.
        bytes: the bytes a call moved, both ways, framing included.
        times_ns: how long each call took, as the caller waited for it.
        why_not: why it was not measured, or not to the end.
    """

    label: str
    transport: str = ""
    era: str = ""
    standing: str = ""
    bytes: int = 0
    times_ns: list[int] = field(default_factory=list, repr=False)
    why_not: str = ""

    @property
    def is_floor(self) -> bool:
        """Whether it is a floor."""
        return not self.transport

    @property
    def per_second(self) -> float:
        """Calls a second, one after the other; 0 where there was none."""
        return len(self.times_ns) / (sum(self.times_ns) / 1e9) if self.times_ns else 0.0

    @property
    def p50_ns(self) -> int:
        """The median time of a call."""
        return int(statistics.median(self.times_ns)) if self.times_ns else 0

    @property
    def p99_ns(self) -> int:
        """The time that 99 of 100 calls stay below."""
        ordered = sorted(self.times_ns)
        return ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] if ordered else 0


@dataclass(kw_only=True)
class Speed:
    """The paces of one run; iterable.

    Attributes:
        call: what was called.
        rounds: how many rounds are complete.
        paces: the transports as asked for, then the floors.
    """

    call: str
    rounds: int = 0
    paces: list[Pace] = field(default_factory=list)

    def __iter__(self) -> Iterator[Pace]:
        return iter(self.paces)

    def __getitem__(self, label: str) -> Pace:
        """The pace of a label.

        Raises:
            UsageError: there is none.
        """
        for pace in self.paces:
            if pace.label == label:
                return pace
        raise UsageError(
            f"there is no {label!r}.", hint=f"There is: {', '.join(p.label for p in self.paces)}."
        )

    def over_floor(self, pace: Pace) -> float:
        """How many times as long as its floor a median call takes; 0 where it has none."""
        name = FLOOR_OF.get(pace.transport)
        floor = next((each for each in self.paces if each.label == name), None)
        return pace.p50_ns / floor.p50_ns if floor is not None and floor.p50_ns else 0.0


@dataclass(frozen=True, kw_only=True)
class Load:
    """What is called.

    Attributes:
        server: whose tool; a server with an echo where ``None``.
        tool: its name.
        arguments: by name.
        timeout: seconds a call may take.
    """

    server: NotebookServer | None = None
    tool: str = "echo"
    arguments: dict[str, Any] = field(default_factory=lambda: {"text": "hello"})
    timeout: float | None = None


def bench(
    workbench: Workbench,
    load: Load | None = None,
    *,
    over: Sequence[str] = (),
    eras: Sequence[str] = ("auto",),
    rounds: int = 200,
    into: Speed | None = None,
    on_round: Callable[[int, int, str], None] = lambda _done, _all, _what: None,
) -> Speed:
    """Measure how quick calls are.

    It is done on a workbench of its own: what the caller has running and recorded stays as it is.

    Args:
        workbench: who asks; tools that want the kernel's thread run on its.
        load: what is called; an echo by default.
        over: names of transports; the usual ones if there are none.
        eras: ``auto``, ``legacy``, ``modern`` or revisions.
        rounds: how many calls of each count.
        into: filled as it goes, for whoever interrupts; a new one by default.
        on_round: told before each round and at the end: how many are done, of how many, what.

    Raises:
        UsageError: no such transport, tool or era, or the arguments do not fit.
    """
    load = load or Load()
    roads = roads_of(over)
    for era in eras:
        mode_of(era)
    if load.server is not None:
        check(load.tool, schema_of(load.server, load.tool), load.arguments)
    speed = Speed(call=load.tool) if into is None else into
    speed.call = load.tool
    with (
        tempfile.TemporaryDirectory(prefix="mcp-bench-") as folder,
        Workbench(folder=folder, trace=Trace(max_events=KEPT_EVENTS)) as bed,
        ExitStack() as floors,
    ):
        bed.main = bed.loop.main = workbench.main  # who waits there does what tools want of it
        server = load.server or bed.servers.add(
            make_subject(), source="mcp_notebook.bench.processes.subject:subject"
        )
        lanes = _lanes(bed, server, load, roads, list(dict.fromkeys(eras)), speed, on_round)
        asked, answered = _sizes(bed.trace, load.tool)
        for name, floor in FLOORS.items():
            pace = Pace(label=name, bytes=asked + answered)
            exchange = floors.enter_context(floor(asked, answered))
            for _ in range(WARM):
                exchange()
            lanes.append((pace, exchange))
            speed.paces.append(pace)
        _race(lanes, rounds, speed, on_round)
    return speed


def _lanes(
    bed: Workbench,
    server: NotebookServer,
    load: Load,
    roads: Sequence[Transport],
    eras: Sequence[str],
    speed: Speed,
    on_step: Callable[[int, int, str], None],
) -> list[tuple[Pace, Exchange]]:
    """A connection of each transport and era, warmed up."""
    lanes: list[tuple[Pace, Exchange]] = []
    total = len(roads) * len(eras)
    for road in roads:
        for era in eras:
            label = f"{road.name} {era}" if len(eras) > 1 else road.name
            pace = Pace(label=label, transport=road.name, era=era, standing=road.standing)
            on_step(len(speed.paces), total, f"open {label}")
            speed.paces.append(pace)
            try:
                lanes.append((pace, _opened(bed, server, load, road, pace)))
            except McpError as error:
                pace.why_not = str(error)
    return lanes


def _opened(
    bed: Workbench, server: NotebookServer, load: Load, road: Transport, pace: Pace
) -> Exchange:
    """A call over one transport, ready to be repeated; its bytes are counted here."""
    if why := road.missing():
        raise UsageError(why)
    name = pace.label.replace(" ", "-")
    endpoint = bed.serve(server, road.name, name=name, port=0 if road.networked else None)
    since = bed.trace.last_seq

    def seen(after: int) -> list[Event]:
        return [e for e in bed.trace.since(after) if e.conn == name and e.vantage is Vantage.CLIENT]

    quiet = Quiet(seen, since)
    connection = bed.connect(endpoint, name=name, era=pace.era, timeout=load.timeout)
    if load.tool in connection.left_out:
        raise UsageError(f"{load.tool} cannot travel to a child: {connection.left_out[load.tool]}")
    if (opened := getattr(connection.session.write, "hears_notices", None)) is not None:
        bed.loop.run(opened())  # a stream that is opened late is no part of a call
    exchange = _exchange(connection, load)
    for _ in range(WARM):
        exchange()
    bed.loop.run(quiet.settle())
    before = bed.trace.last_seq
    exchange()
    bed.loop.run(quiet.settle())
    pace.bytes = Traffic(seen(since), name).cost(before + 1, bed.trace.last_seq).bytes
    return exchange


def _exchange(connection: Connection, load: Load) -> Exchange:
    def exchange() -> None:
        result = connection.call(load.tool, **load.arguments)
        if result.is_error:
            raise UsageError(f"{load.tool} fails: {result.text[:200]}")

    return exchange


def _sizes(trace: Trace, tool: str) -> tuple[int, int]:
    """The bytes of the last call's request and answer: what the floors carry."""
    for exchange in reversed(trace.exchanges(Vantage.CLIENT)):
        if exchange.tool == tool and isinstance(exchange.answer, Message):
            return exchange.request.size, exchange.answer.size
    return 200, 200


def _race(
    lanes: list[tuple[Pace, Exchange]],
    rounds: int,
    speed: Speed,
    on_round: Callable[[int, int, str], None],
) -> None:
    """The rounds: one of each, every time in another order."""
    order = random.Random(0)
    clock = time.perf_counter_ns
    for number in range(rounds):
        on_round(number, rounds, "rounds")
        for pace, exchange in order.sample(lanes, len(lanes)):
            if pace.why_not:
                continue
            begun = clock()
            try:
                exchange()
            except McpError as error:
                pace.why_not = str(error)
            else:
                pace.times_ns.append(clock() - begun)
        speed.rounds = number + 1
    on_round(rounds, rounds, "")
