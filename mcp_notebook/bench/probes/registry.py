"""The register of probes, and the run that fills a file of results."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from mcp_notebook.bench.processes.stage import Stage
from mcp_notebook.bench.processes.stranger import Refused
from mcp_notebook.bench.readings import Reading, Results, Value, machine_facts, now
from mcp_notebook.bench.roads import Road, roads_named
from mcp_notebook.errors import McpError, UsageError

OnProgress = Callable[[int, int, str], None]
Measure = Callable[[Stage, Road], Reading]


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One experiment that is made on every road.

    Attributes:
        id: its number, for example ``P12``.
        title: what it asks.
        unit: of what its value is.
        measure: takes a stage and a road and gives a reading.
        shown: the pattern of a short text made of the named values, for example
            ``{median_ms}``.
        note: what it does, from the function's docstring.
    """

    id: str
    title: str
    unit: str
    measure: Measure
    shown: str = ""
    note: str = ""


PROBES: Final[dict[str, Probe]] = {}
"""Every probe, by id."""


def probe(id: str, title: str, unit: str = "", *, shown: str = "") -> Callable[[Measure], Measure]:
    """Register a probe: ``@probe("P12", "latency", "ms")``; the same id again replaces it.

    Args:
        id: its number.
        title: what it asks.
        unit: of what its value is.
        shown: the pattern of a short text, where the value is several by name.
    """

    def register(measure: Measure) -> Measure:
        note = " ".join((measure.__doc__ or "").split())
        made = dict(PROBES)
        made[id] = Probe(id=id, title=title, unit=unit, measure=measure, shown=shown, note=note)
        PROBES.clear()
        PROBES.update(sorted(made.items(), key=lambda item: _number(item[0])))
        return measure

    return register


def _number(id: str) -> tuple[int, str]:
    digits = "".join(c for c in id if c.isdigit())
    return (int(digits) if digits else 0, id)


def reading(value: Value, evidence: str) -> Reading:
    """What a probe found; probe, road and time are filled in by whoever runs it."""
    return Reading(probe="", road="", value=value, evidence=evidence)


def not_here(why: str) -> Reading:
    """A reading that says why nothing could be measured on this machine."""
    return Reading(probe="", road="", why_not=why)


def measure(
    results: Results | Path | str | None = None,
    *,
    probes: Sequence[str] | None = None,
    roads: Sequence[str] | None = None,
    again: bool = False,
    quick: bool = True,
    on_progress: OnProgress = lambda _done, _total, _what: None,
) -> Results:
    """Run the probes whose readings are missing, and keep them.

    Args:
        results: earlier ones, or their file; in memory alone where ``None``.
        probes: ids of probes; all of them where ``None``.
        roads: names of roads; all of them where ``None``.
        again: measure also what is there already.
        quick: make few calls each; otherwise as many as a timing needs to be steady.
        on_progress: told before each reading and at the end: how many are done, of how many,
            and what comes next.

    Returns:
        The results, written to their file after each probe.

    Raises:
        UsageError: there is no such probe or road.
    """
    if isinstance(results, str | Path):
        results = Results.read(Path(results))
    results = Results() if results is None else results
    wanted = _probes_named(probes)
    named = {road.name: road for road in roads_named(roads)}
    pairs = [(one.id, road) for one in wanted for road in named]
    if not again:
        missing = set(results.missing([one.id for one in wanted], named))
        pairs = [pair for pair in pairs if pair in missing]
    if not pairs:
        return results
    results.machine = machine_facts()
    with Stage(list(named.values()), quick=quick) as stage:
        if any(named[name].networked for _, name in pairs):
            stage.start_workers(2 if {"P8", "P14"} & {id for id, _ in pairs} else 1)
        for done, (id, name) in enumerate(pairs):
            on_progress(done, len(pairs), f"{id} {PROBES[id].title}: {name}")
            results.put(_made(PROBES[id], stage, named[name]))
            if done + 1 == len(pairs) or pairs[done + 1][0] != id:
                results.write()
    on_progress(len(pairs), len(pairs), "")
    return results


def _made(one: Probe, stage: Stage, road: Road) -> Reading:
    """One reading; what does not work here is its reason, not an exception."""
    begun = time.monotonic()
    try:
        found = one.measure(stage, road)
    except (McpError, OSError, TimeoutError, Refused) as error:
        words = " ".join(str(error).split()) or type(error).__name__
        found = not_here(words)
    spent = round(time.monotonic() - begun, 3)
    return replace(found, probe=one.id, road=road.name, at=now(), seconds=spent)


def _probes_named(names: Sequence[str] | None) -> list[Probe]:
    for name in names or ():
        if name not in PROBES:
            raise UsageError(f"there is no probe {name!r}.", hint=f"There is: {', '.join(PROBES)}.")
    return [one for one in PROBES.values() if not names or one.id in names]
