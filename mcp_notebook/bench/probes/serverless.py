"""P9: whether a process for each request is enough."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from mcp_notebook.bench.processes import stranger
from mcp_notebook.bench.processes.gateway import HELD, PATHS
from mcp_notebook.bench.processes.stage import Stage, way_of
from mcp_notebook.bench.programs import running
from mcp_notebook.bench.readings import Reading
from mcp_notebook.bench.roads import Road
from mcp_notebook.transports.ports import free_port

from .registry import not_here, probe, reading

CALLS: Final = 4


@contextmanager
def gateway() -> Iterator[int]:
    """A gateway that makes a process for each request; its port."""
    port = free_port()
    argv = [sys.executable, "-m", "mcp_notebook.bench.processes.gateway", str(port)]
    with running(argv, port=port):
        yield port


@probe("P9", "serverless", "share, socket held", shown="{share}, {share_held}")
def serverless(stage: Stage, road: Road) -> Reading:
    """Calls through a gateway that gives each HTTP request to a process of its own."""
    if not road.networked:
        return reading(
            {"share": 0.0, "share_held": None, "processes": 0},
            "nothing to wake a process by: no request comes over a network",
        )
    if not hasattr(os, "fork"):
        return not_here("the gateway forks for each request, which this system cannot")
    port = stage.hold("gateway", gateway)
    way = replace(way_of(road, port), path=PATHS[road.name], timeout_s=5.0)
    share, why, pids = _share(lambda: stranger.ask(way))
    told = f"a process for each request: {share:.0%} of {CALLS} calls answered"
    told += f" ({why})" if why else f", by {len(pids)} processes"
    held: float | None = None
    if road.name == "websocket":
        with contextlib.ExitStack() as stack:
            socket = stack.enter_context(stranger.web_socket(replace(way, path=HELD)))
            held, _, pids = _share(lambda: socket.call("pid"))
        told += f"; where the gateway holds the socket: {held:.0%}, by {len(pids)} processes"
    return reading({"share": share, "share_held": held, "processes": len(pids)}, told)


def _share(ask: Callable[[], Any]) -> tuple[float, str, set[int]]:
    """The share of calls that were answered, the first reason, and who answered."""
    pids: set[int] = set()
    answered, why = 0, ""
    for _ in range(CALLS):
        try:
            pids.add(ask())
            answered += 1
        except (stranger.Refused, OSError) as error:
            why = why or str(error) or type(error).__name__
    return answered / CALLS, why, pids
