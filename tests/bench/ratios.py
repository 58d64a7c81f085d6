"""Ratios of two ways to make the same call, from interleaved runs.

Every pair is measured in turns, call by call and each round in another order, so that a busy
machine weighs on both alike. Beside each ratio stands that of a way against itself (A/A): what
differs by less says nothing.
"""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

RUNS = 3
CALLS = 1000
WARM = 30


@dataclass(frozen=True)
class Times:
    """What some ways took.

    Attributes:
        runs: for each run, by way, the median of a call in seconds.
    """

    runs: list[dict[str, float]]

    def median(self, way: str) -> float:
        """The median over the runs."""
        return statistics.median(run[way] for run in self.runs)

    def ratio(self, way: str, to: str) -> float:
        """The median over the runs of the ratio in each."""
        return statistics.median(run[way] / run[to] for run in self.runs)


def turns(
    ways: Mapping[str, Callable[[], object]],
    *,
    runs: int = RUNS,
    calls: int = CALLS,
    in_a_row: int = 1,
) -> Times:
    """Call each way in turns, from this thread.

    Args:
        ways: by name, what makes a call.
        runs: how many runs.
        calls: of each way in a run.
        in_a_row: how many a way makes before it is another's turn. With one, each finds the
            processor's caches full of the others' code and data, as a call now and then does.
    """
    order, clock = random.Random(1), time.perf_counter
    for way in ways.values():
        for _ in range(min(WARM, calls)):
            way()
    found = []
    for _ in range(runs):
        gc.collect()
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(calls // in_a_row):
            for name in order.sample(list(ways), len(ways)):
                for _ in range(in_a_row):
                    begun = clock()
                    ways[name]()
                    times[name].append(clock() - begun)
        found.append({name: statistics.median(one) for name, one in times.items()})
    return Times(found)


async def turns_here(
    ways: Mapping[str, Callable[[], Awaitable[object]]], *, runs: int = RUNS, calls: int = CALLS
) -> Times:
    """The same on the running loop."""
    order, clock = random.Random(1), time.perf_counter
    for way in ways.values():
        for _ in range(min(WARM, calls)):
            await way()
    found = []
    for _ in range(runs):
        gc.collect()
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(calls):
            for name in order.sample(list(ways), len(ways)):
                begun = clock()
                await ways[name]()
                times[name].append(clock() - begun)
        found.append({name: statistics.median(one) for name, one in times.items()})
    return Times(found)


def show(what: str, found: float, asked: float, more: str = "") -> bool:
    """One line: what, what was measured, what is asked for; says whether it holds."""
    holds = found <= asked
    sign = "ok" if holds else "MORE"
    print(f"  {what:44} {found:9.3f}  at most {asked:<7g} {sign:5} {more}".rstrip(), flush=True)
    return holds
