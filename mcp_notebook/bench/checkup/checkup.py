"""A check-up of one transport: the neutral checks in both eras, and what came of each."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from mcp_notebook.errors import McpError, UsageError
from mcp_notebook.runtime.names import near
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.trace.store import Trace
from mcp_notebook.transports.base import Transport, find_transport

from .checks import CHECKS, Amiss, Check, Stand
from .checktools import TOOLS
from .holes import HOLES

ERAS: Final = ("legacy", "modern")
LIMIT_S: Final = 120.0
"""How long one check may take before it is given up, in seconds."""

NO_CONNECTION: Final = "there is no connection to try it on"

PASSED, FAILED, HOLE, FILLED = "ok", "fails", "not there", "unexpected"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one check.

    Attributes:
        check: which.
        era: ``legacy`` or ``modern``.
        verdict: ``ok``, ``fails``, ``not there`` (a hole that is known), or ``unexpected``: it
            passed, and the list of holes says that it cannot.
        reason: why, where it is not ``ok``.
        look: where to look.
        events: the first and the last event of it in the Trace.
        seconds: how long it took.
    """

    check: Check
    era: str
    verdict: str
    reason: str = ""
    look: str = ""
    events: tuple[int, int] = (0, 0)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether it is as it should be."""
        return self.verdict in (PASSED, HOLE)


@dataclass(frozen=True, kw_only=True)
class Checkup:
    """The outcomes of one transport; iterable.

    Attributes:
        transport: its name.
        standing: what the specification says of it.
        outcomes: one a check and era.
        trace: what moved while it was checked.
    """

    transport: str
    standing: str
    outcomes: tuple[Outcome, ...]
    trace: Trace = field(repr=False)

    def __iter__(self) -> Iterator[Outcome]:
        return iter(self.outcomes)

    def __getitem__(self, key: tuple[str, str]) -> Outcome:
        """The outcome of a check's id and an era."""
        for one in self.outcomes:
            if (one.check.id, one.era) == key:
                return one
        raise KeyError(key)

    @property
    def ok(self) -> bool:
        """Whether nothing fails; what is known not to be there does not count."""
        return all(one.ok for one in self.outcomes)

    @property
    def failures(self) -> list[Outcome]:
        """What is not as it should be."""
        return [one for one in self.outcomes if not one.ok]

    @property
    def eras(self) -> list[str]:
        """The eras that were checked."""
        return list(dict.fromkeys(one.era for one in self.outcomes))

    def rows(self) -> list[tuple[str, ...]]:
        """A row a check: its title, and the verdict of each era."""
        titles = {one.check.id: one.check.title for one in self.outcomes}
        return [
            (title, *(self[id, era].verdict for era in self.eras)) for id, title in titles.items()
        ]

    def remarks(self) -> list[tuple[str, str, str, str, str]]:
        """What is to be said of those that are not ``ok``: check, eras, verdict, reason, look."""
        told: dict[tuple[str, str, str, str], list[str]] = {}
        for one in self.outcomes:
            if one.verdict != PASSED:
                key = (one.check.title, one.verdict, one.reason, one.look)
                told.setdefault(key, []).append(one.era)
        return [
            (title, ", ".join(eras), verdict, reason, look)
            for (title, verdict, reason, look), eras in told.items()
        ]

    def summary(self) -> str:
        """One line."""
        bad, holes = len(self.failures), sum(one.verdict == HOLE for one in self.outcomes)
        told = f"{len(self.outcomes)} checks, {bad} not as they should be"
        if holes:
            told += f", {holes} hole{'s' if holes > 1 else ''}"
        return f"{self.transport} ({self.standing}): {told}"

    def __repr__(self) -> str:
        width = max((len(row[0]) for row in self.rows()), default=0)
        lines = [self.summary(), f"  {'':{width}}  " + "  ".join(f"{e:10}" for e in self.eras)]
        lines += [
            f"  {row[0]:{width}}  " + "  ".join(f"{verdict:10}" for verdict in row[1:])
            for row in self.rows()
        ]
        for title, eras, verdict, reason, look in self.remarks():
            lines.append(f"{title} ({eras}) {verdict}: {reason}")
            if look:
                lines.append(f"    look: {look}")
        return "\n".join(line.rstrip() for line in lines)


def probe(
    workbench: Workbench,
    transport: str | Transport | type[Transport],
    *,
    eras: Sequence[str] = ERAS,
    checks: Sequence[str] = (),
    on_check: Callable[[int, int, str], None] = lambda _done, _all, _what: None,
) -> Checkup:
    """Check a registered transport.

    It is done on a workbench of its own: what the caller has running and recorded stays as it is.

    Args:
        workbench: who asks; its time limits and its Trace are not touched.
        transport: a registered name, or the transport itself, which is registered by this.
        eras: ``legacy`` and ``modern``, or one of them.
        checks: ids of checks; all of them without it. The handshake is always among them.
        on_check: told before each check and at the end: how many are done, of how many, what.

    Raises:
        UsageError: there is no such transport, era or check, or it is not there on this machine.
    """
    if not isinstance(transport, str):
        transport = workbench.register_transport(transport).name
    way = find_transport(transport)
    eras = tuple(dict.fromkeys(eras))
    for era in eras:
        if era not in ERAS:
            raise UsageError(f"there is no era {era!r} to check.", hint="legacy, modern or both.")
    wanted = _wanted(checks)
    outcomes: list[Outcome] = []
    total = len(eras) * len(wanted)
    trace = Trace()
    with (
        tempfile.TemporaryDirectory(prefix="mcp-probe-") as folder,
        Workbench(folder=folder, trace=trace) as bench,
    ):
        for tool in TOOLS:
            bench.tool(tool)
        for era in eras:
            stand = Stand(bench, way, era)
            for each in wanted:
                on_check(len(outcomes), total, f"{era}: {each.title}")
                first = next((one for one in outcomes if one.era == era), None)
                if first is not None and not first.ok:  # else each would wait for nothing
                    outcomes.append(
                        Outcome(check=each, era=era, verdict=FAILED, reason=NO_CONNECTION)
                    )
                else:
                    outcomes.append(_examine(way, stand, each))
            stand.close()
    on_check(total, total, "")
    return Checkup(transport=way.name, standing=way.standing, outcomes=tuple(outcomes), trace=trace)


def _wanted(ids: Sequence[str]) -> list[Check]:
    known = {one.id: one for one in CHECKS}
    for id in ids:
        if id not in known:
            raise UsageError(
                f"there is no check {id!r}.", hint=f"{near(id, known)}There are: {', '.join(known)}"
            )
    return [one for one in CHECKS if not ids or one.id in ids or one is CHECKS[0]]


def _examine(way: Transport, stand: Stand, one: Check) -> Outcome:
    """Run one check on a thread of its own, so that a transport that hangs holds up nothing."""
    found: list[str] = []
    since, started = stand.bench.trace.last_seq, time.monotonic()

    def run() -> None:
        found.append(_wrong(one, stand))

    thread = threading.Thread(target=run, name=f"check-{one.id}", daemon=True)
    thread.start()
    deadline = started + LIMIT_S
    while thread.is_alive() and time.monotonic() < deadline:
        thread.join(0.1)  # in short pieces: Ctrl-C gets through between them
    wrong = found[0] if found else f"it was not done after {LIMIT_S:g} s"
    events = (since + 1, stand.bench.trace.last_seq)
    return _outcome(way, one, stand.era, wrong, events, time.monotonic() - started)


def _wrong(one: Check, stand: Stand) -> str:
    """What is wrong; empty where nothing is."""
    try:
        one.run(stand)
    except Amiss as amiss:
        return str(amiss)
    except McpError as error:
        return str(error)
    except TimeoutError:
        return "no answer came in time"
    except Exception as error:  # noqa: BLE001 - because a transport of the user's raises what it likes
        text: Any = " ".join(str(error).split())
        return f"{type(error).__name__}: {text}"[:300]
    return ""


def _outcome(
    way: Transport, one: Check, era: str, wrong: str, events: tuple[int, int], seconds: float
) -> Outcome:
    known = HOLES.get((way.name, era, one.id), "")
    if known:
        verdict, reason = (HOLE, known) if wrong else (FILLED, f"it passed, but: {known}")
    else:
        verdict, reason = (FAILED, wrong) if wrong else (PASSED, "")
    look = ""
    if verdict == FAILED:
        look = one.look
        if events[1] >= events[0] > 0:
            look += f" (events {events[0]} to {events[1]} of .trace)"
    return Outcome(
        check=one,
        era=era,
        verdict=verdict,
        reason=reason,
        look=look,
        events=events,
        seconds=seconds,
    )
