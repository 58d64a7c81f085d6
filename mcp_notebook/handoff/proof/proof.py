"""The proof of an exported file: what is compared on each road, and what came of it."""

from __future__ import annotations

import concurrent.futures
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from mcp_notebook.errors import McpError
from mcp_notebook.handoff.catalogue import Catalogue, differences, read_catalogue
from mcp_notebook.runtime.masking import masked
from mcp_notebook.runtime.server import NotebookServer
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.trace.events import Message

from .environment import Environment
from .plan import Plan
from .recorded import Call
from .replay import DIFFERS, EQUAL, UNSTEADY, Verdict, judge, other_orders
from .stand import CALL_S, ERAS, Notebook, Stand, Subject, stand

Told = Callable[[int, int, str], None]
"""Told how much is done, of how much, and what comes next; from any thread."""


@dataclass(frozen=True, kw_only=True)
class RoadResult:
    """What came of one road.

    Attributes:
        transport: ``stdio``, ``http`` or ``websocket``.
        era: ``legacy`` or ``modern``.
        error: why it could not be walked; empty where it was.
        differences: where the file does not offer what the notebook does.
        verdicts: what each replayed call came to.
        seconds: how long it took.
    """

    transport: str
    era: str
    error: str = ""
    differences: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """For people: ``http modern``."""
        return f"{self.transport} {self.era}"

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        return not self.error and not self.differences and not self.count(DIFFERS)

    def count(self, word: str) -> int:
        """How many calls came to this."""
        return sum(verdict.word == word for verdict in self.verdicts)

    def __repr__(self) -> str:
        told = self.error or f"{len(self.differences)} differences, {len(self.verdicts)} calls"
        return f"<{self.name}: {'equal' if self.ok else 'not equal'}, {told}>"


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What the proof came to; iterable over its roads.

    Attributes:
        roads: one a transport and era.
        plan: which calls were replayed.
        environment: where the file ran.
        why_not: why there is no proof; empty where there is one.
        seconds: how long it took, without making the environment.
    """

    roads: tuple[RoadResult, ...] = ()
    plan: Plan = field(default_factory=Plan)
    environment: Environment | None = None
    why_not: str = ""
    seconds: float = 0.0

    def __iter__(self) -> Iterator[RoadResult]:
        return iter(self.roads)

    def __repr__(self) -> str:
        return "\n".join([self.why_not or ("equal" if self.ok else "not equal"), *map(repr, self)])

    @property
    def ok(self) -> bool:
        """Whether the file does what the notebook does, as far as that was tried."""
        return not self.why_not and bool(self.roads) and all(road.ok for road in self.roads)

    def steady(self) -> list[tuple[Call, tuple[str, ...]]]:
        """The calls that were answered as recorded, and the eras in which they were."""
        eras: dict[int, dict[str, bool]] = {}
        for road in self.roads:
            for verdict in road.verdicts:
                here = eras.setdefault(verdict.call.seq, {})
                good = verdict.word == EQUAL and not verdict.note
                here[road.era] = here.get(road.era, True) and good
        unsteady = self.unsteady()
        return [
            (call, tuple(era for era, good in eras.get(call.seq, {}).items() if good))
            for call in self.plan.calls
            if any(eras.get(call.seq, {}).values()) and call.name not in unsteady
        ]

    def compared(self) -> list[str]:
        """The tools of which a call was made again and answered alike."""
        found = [
            verdict.call.name
            for road in self.roads
            for verdict in road.verdicts
            if verdict.word == EQUAL and verdict.call.kind == "tool"
        ]
        return list(dict.fromkeys(found))

    def only_failing(self) -> list[str]:
        """The tools of which every call that was answered alike was answered with an error."""
        alike = [v for road in self.roads for v in road.verdicts if v.word == EQUAL]
        worked = {verdict.call.name for verdict in alike if not verdict.failed}
        return [name for name in self.compared() if name not in worked]

    def unsteady(self) -> list[str]:
        """What is not deterministic: as the user said, and as was found."""
        found = [
            verdict.call.name
            for road in self.roads
            for verdict in road.verdicts
            if verdict.word == UNSTEADY
        ]
        return list(dict.fromkeys([*sorted(self.plan.unsteady), *found]))


def prove(
    subject: Subject,
    *,
    workbench: Workbench,
    server: NotebookServer,
    plan: Plan,
    expected: Catalogue,
    environment: Environment | None = None,
    transports: Sequence[str] = ("stdio", "http"),
    on_step: Told = lambda _done, _all, _what: None,
) -> Proof:
    """Start a file, compare what it offers, replay the calls and compare the answers.

    The roads are walked side by side, each with a process of its own that nothing has called
    before: a server that counts begins at nothing, as the notebook did.

    Args:
        subject: the file and how it is started.
        workbench: the notebook's; its Trace and its connections are not touched.
        server: the notebook's server.
        plan: which calls are replayed.
        expected: what the notebook offers.
        environment: where the file runs, for the report.
        transports: ``stdio``, ``http``, ``websocket``.
        on_step: told of progress, from any thread.
    """
    started = time.monotonic()
    wanted = [(transport, era) for transport in transports for era in ERAS]
    steps = _Steps(len(wanted) * (len(plan.calls) + 2), on_step)
    found: dict[tuple[str, str], RoadResult] = {}
    done: concurrent.futures.Future[None] = concurrent.futures.Future()
    lock = threading.Lock()
    with stand(subject) as here:
        notebook = Notebook(here.bench, server, plan.safe)

        def walk(transport: str, era: str) -> None:
            try:
                result = _walk(here, notebook, plan, expected, transport, era, steps)
            except BaseException as error:  # noqa: BLE001 - a boundary: the road's failure is its result
                said = " ".join(str(error).split()) or type(error).__name__
                result = RoadResult(transport=transport, era=era, error=said)
            with lock:
                found[transport, era] = result
                if len(found) == len(wanted):
                    done.set_result(None)

        for road in wanted:  # daemons: a thread that hangs must not hold up the kernel's end
            threading.Thread(
                target=walk, args=road, name=f"proof-{'-'.join(road)}", daemon=True
            ).start()
        workbench.loop.wait(done)
    steps.end()
    _settle(found)
    secrets = [*workbench.trace.secrets.values(), *subject.env.values()]
    return Proof(
        roads=tuple(_masked(found[road], secrets) for road in wanted),
        plan=plan,
        environment=environment,
        seconds=time.monotonic() - started,
    )


def _settle(found: dict[tuple[str, str], RoadResult]) -> None:
    """Judge each call once more by what came of it on all roads of an era."""
    for era in ERAS:
        roads = [road for road in found if road[1] == era]
        by_call: dict[int, list[Verdict]] = {}
        for road in roads:
            for verdict in found[road].verdicts:
                by_call.setdefault(verdict.call.seq, []).append(verdict)
        settled = {
            id(before): after
            for verdicts in by_call.values()
            for before, after in zip(verdicts, other_orders(verdicts), strict=True)
        }
        for road in roads:
            verdicts = tuple(settled[id(one)] for one in found[road].verdicts)
            found[road] = replace(found[road], verdicts=verdicts)


def _masked(result: RoadResult, secrets: Sequence[str]) -> RoadResult:
    """The same with no secret in what is shown of it."""
    verdicts = tuple(
        replace(one, wanted=masked(one.wanted, secrets), got=masked(one.got, secrets))
        for one in result.verdicts
    )
    return replace(
        result,
        error=masked(result.error, secrets),
        differences=tuple(masked(line, secrets) for line in result.differences),
        verdicts=verdicts,
    )


class _Steps:
    """Counts what is done on all roads."""

    def __init__(self, total: int, told: Told) -> None:
        self._lock = threading.Lock()
        self._done = 0
        self._total = total
        self._told = told

    def step(self, what: str) -> None:
        with self._lock:
            self._done += 1
            self._told(min(self._done, self._total), self._total, what)

    def end(self) -> None:
        self._told(self._total, self._total, "compared")


def _walk(
    here: Stand,
    notebook: Notebook,
    plan: Plan,
    expected: Catalogue,
    transport: str,
    era: str,
    steps: _Steps,
) -> RoadResult:
    """One road, from the start of its process to the end."""
    started = time.monotonic()
    verdicts: list[Verdict] = []
    try:
        with here.road(transport, era) as connection:
            steps.step(f"{transport} {era}: started")
            unlike = differences(expected, read_catalogue(connection))
            steps.step(f"{transport} {era}: lists")
            for call in plan.calls:
                steady = call.kind != "tool" or call.name in plan.safe
                verdicts.append(
                    judge(connection, call, era, notebook, steady=steady, timeout=CALL_S)
                )
                steps.step(f"{transport} {era}: {call.name}")
            unlike += _strays(here.bench, connection.name)
    except McpError as error:
        return RoadResult(
            transport=transport,
            era=era,
            error=error.message,
            verdicts=tuple(verdicts),
            seconds=time.monotonic() - started,
        )
    return RoadResult(
        transport=transport,
        era=era,
        differences=tuple(unlike),
        verdicts=tuple(verdicts),
        seconds=time.monotonic() - started,
    )


def _strays(bench: Workbench, name: str) -> list[str]:
    """What came over a link and is no message: a client may end the link over it."""
    strays = [
        event
        for event in bench.trace.events()
        if event.conn == name and isinstance(event, Message) and not isinstance(event.json(), dict)
    ]
    if not strays:
        return []
    return [f"it wrote what is no message: {strays[0].raw[:80]!r}"]


def offered(workbench: Workbench, server: NotebookServer) -> Catalogue:
    """What the notebook's server offers, read as a client reads it."""
    with stand(Subject(command=())) as here:
        future: concurrent.futures.Future[Catalogue] = concurrent.futures.Future()

        def read() -> None:
            try:
                with Notebook(here.bench, server, frozenset()).open("modern") as connection:
                    found = read_catalogue(connection)
                future.set_result(found)
            except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                future.set_exception(error)

        threading.Thread(target=read, name="proof-notebook", daemon=True).start()
        return workbench.loop.wait(future)
