"""Readings as this kit measured them once, for tests that need no processes."""

from __future__ import annotations

from mcp_notebook.bench.readings import Reading, Results, Value
from mcp_notebook.bench.roads import ROADS

NETWORK = [road.name for road in ROADS.values() if road.networked]
_MEDIANS = {
    "memory": 0.7,
    "stdio": 1.0,
    "http-json": 2.4,
    "sse": 2.6,
    "http-2025": 5.5,
    "http-2026": 3.1,
    "websocket": 1.3,
}
_ENVELOPES = {"memory": 2, "stdio": 2, "sse": 626, "http-2025": 603, "websocket": 12}
_THINGS = {"memory": 0, "stdio": 1, "sse": 6, "websocket": 10}
_STUCK = ("sse", "http-2025")
"""Roads whose requests must meet the worker that knows them."""


def _values(road: str) -> dict[str, Value]:
    reached, http = road in NETWORK, road in NETWORK and road != "websocket"
    stuck = road in _STUCK
    return {
        "P1": {"answered": True, "open_ms": 10.0},
        "P2": {"reached": reached, "address": reached},
        "P3": {"clients": 2, "processes": 2 if road == "stdio" else 1},
        "P4": {"count": 0, "of": 4, "share": None}
        if road == "http-json"
        else {"count": 4, "of": 4, "share": 0.26},
        "P5": {"answered": True, "same_channel": not http, "cancelled": True},
        "P6": {"unasked": stuck, "subscribed": True},
        "P7": {"how": "built in" if reached else "by environment", "passed": True},
        "P8": {
            "port": reached,
            "errors": (10 if stuck else 0) if reached else None,
            "errors_sticky": 0 if stuck else None,
        },
        "P9": {
            "share": 0.0 if stuck or not http else 1.0,
            "share_held": 1.0 if road == "websocket" else None,
        },
        "P10": {"socket": reached, "plain": http, "tunnel": reached},
        "P11": {"total": _THINGS.get(road, 5)},
        "P12": {"median_ms": _MEDIANS[road]},
        "P13": {"serial": 500, "in_flight": 600},
        "P14": {
            "ratio": 1.9 if reached else None,
            "moves": reached and http and not stuck,
            "lost": 0 if reached else None,
        },
        "P15": {"processes": 0, "mib": 0.1},
        "P16": {"seen": True, "network": reached},
        "P17": {"envelope": _ENVELOPES.get(road, 416)},
    }


def whole() -> Results:
    """Every probe on every road."""
    results = Results()
    for road in ROADS:
        for probe, value in _values(road).items():
            results.put(
                Reading(
                    probe=probe,
                    road=road,
                    value=value,
                    evidence=f"{probe} saw something",
                    at="2026-11-21T15:00:00Z",
                )
            )
    return results
