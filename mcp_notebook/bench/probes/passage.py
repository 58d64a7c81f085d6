"""What stands in the way: P10 forward proxies, P11 what must be set up, a reverse proxy too."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from mcp_notebook.bench.processes import stranger
from mcp_notebook.bench.processes.forwardproxy import ForwardProxy
from mcp_notebook.bench.processes.stage import Stage, Worker, way_of
from mcp_notebook.bench.processes.stranger import Refused, Way
from mcp_notebook.bench.programs import Program, nginx
from mcp_notebook.bench.readings import Reading
from mcp_notebook.bench.roads import ROADS, Road
from mcp_notebook.transports.ports import free_port

from .registry import probe, reading

SOON_S: Final = 4.0
EARLY: Final = 0.8
"""A first event before this share of the call came while the call ran."""


@contextmanager
def _forward_proxies(stage: Stage) -> Iterator[tuple[int, int]]:
    """The ports of a proxy for plain requests and of one for tunnels."""
    proxies = [ForwardProxy(tunnels=False), ForwardProxy(tunnels=True)]
    try:
        plain, tunnel = (stage.run(one.start()) for one in proxies)
        yield plain, tunnel
    finally:
        for one in proxies:
            stage.run(one.stop())


@probe("P10", "proxies", "plain, tunnel", shown="{plain}, {tunnel}")
def firewall(stage: Stage, road: Road) -> Reading:
    """A call through two forward proxies: one for plain requests, one that opens tunnels."""
    if not road.networked:
        return reading(
            {"socket": False, "plain": None, "tunnel": None},
            "nothing goes over a network, so no firewall sees it",
        )
    way = replace(stage.worker.way(road), timeout_s=5.0)
    plain, tunnel = stage.hold("forward proxies", lambda: _forward_proxies(stage))
    by_request = _refusal(replace(way, proxy=("127.0.0.1", plain)))
    by_tunnel = _refusal(replace(way, proxy=("127.0.0.1", tunnel), tunnel=True))
    told = f"proxy for plain requests: {by_request or 'answered'}; "
    told += f"proxy with tunnels: {by_tunnel or 'answered'}"
    return reading({"socket": True, "plain": not by_request, "tunnel": not by_tunnel}, told)


def _refusal(way: Way) -> str:
    try:
        stranger.ask(way)
    except (Refused, OSError) as error:
        return str(error) or type(error).__name__
    return ""


# ---- set-up ------------------------------------------------------------------------------------

_STREAM_LINES: Final = ("proxy_http_version 1.1;", "proxy_buffering off;")
_SOCKET_LINES: Final = (
    "proxy_http_version 1.1;",
    "proxy_set_header Upgrade $http_upgrade;",
    "proxy_set_header Connection upgrade;",
)
LINES: Final = {"websocket": _SOCKET_LINES}
"""The lines that a location needs beside ``proxy_pass``, where it needs any."""

OWN_CODE: Final = {"websocket": 2}
"""Sides that one writes oneself, because the SDK has no such transport."""

ENDPOINTS: Final = {"sse": 2}


@probe("P11", "set-up", "things", shown="{total}")
def setup(stage: Stage, road: Road) -> Reading:
    """Count what an operator makes or runs; the lines of a reverse proxy are tried out."""
    counts = {"client_entry": 1, "processes": 0, "ports": 0, "secrets": 0, "certificates": 0}
    counts |= {"more_endpoints": 0, "proxy_lines": 0, "own_code": OWN_CODE.get(road.name, 0)}
    if road.name == "memory":
        counts["client_entry"] = 0
    tried = ""
    if road.networked:
        counts |= {"processes": 1, "ports": 1, "secrets": 1, "certificates": 1}
        counts["more_endpoints"] = ENDPOINTS.get(road.name, 1) - 1
        counts["proxy_lines"], tried = _proxy_lines(stage, road)
    total = sum(counts.values())
    listed = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in counts.items() if n)
    told = f"{total} to make or to run: {listed}" if listed else "nothing to set up"
    return reading({"total": total, **counts}, told + (f" ({tried})" if tried else ""))


def _proxy_lines(stage: Stage, road: Road) -> tuple[int, str]:
    """How many lines beside ``proxy_pass`` nginx needs before this road works behind it."""
    worker = stage.worker
    _, bare, full = stage.hold("reverse proxy", lambda: _reverse_proxy(worker))
    why = _trouble(replace(way_of(road, bare[road.name]), timeout_s=SOON_S))
    if not why:
        return 0, "behind nginx it works with proxy_pass alone"
    lines = LINES.get(road.name, _STREAM_LINES)
    still = _trouble(replace(way_of(road, full[road.name]), timeout_s=SOON_S))
    if still:
        return len(lines), f"behind nginx it does not work: {still}"
    return len(
        lines
    ), f"behind nginx with proxy_pass alone: {why}; with {len(lines)} lines it works"


@contextmanager
def _reverse_proxy(worker: Worker) -> Iterator[tuple[Program, dict[str, int], dict[str, int]]]:
    """An nginx before each road: bare, and with the lines that the road needs."""
    bare = {road.name: free_port() for road in ROADS.values() if road.networked}
    full = {name: free_port() for name in bare}
    block = ""
    for ports, needed in ((bare, False), (full, True)):
        for name, port in ports.items():
            lines = " ".join(LINES.get(name, _STREAM_LINES)) if needed else ""
            to = f"http://127.0.0.1:{worker.port(ROADS[name])}"
            block += f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {to}; "
            block += f"proxy_set_header Host $http_host; {lines} }} }}\n"
    with nginx(block, port=bare["websocket"]) as program:
        yield program, bare, full


def _trouble(way: Way) -> str:
    """What does not work on this way; empty where everything does that works without a proxy."""
    try:
        if way.road in ("http-2025", "http-2026"):
            share = first_share(way)
            return "" if share < EARLY else "every event comes at the end"
        stranger.ask(way)
    except TimeoutError:
        return "nothing comes in time"
    except (Refused, OSError) as error:
        return str(error) or type(error).__name__
    return ""


def first_share(way: Way) -> float:
    """When the first report of a call of two steps comes, as a share of the whole call.

    Raises:
        Refused: no event stream came.
    """
    headers = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    modern = way.road == "http-2026"
    params = {"name": "steps", "arguments": {"count": 3, "pause_ms": 60}}
    meta: dict[str, Any] = {"progressToken": "p"}
    if modern:
        meta |= stranger.META
        headers |= {"MCP-Protocol-Version": stranger.MODERN, "Mcp-Method": "tools/call"}
        headers |= {"Mcp-Name": "steps"}
    else:
        headers |= stranger.begin_session(way)
    body = stranger.message("tools/call", {**params, "_meta": meta}, modern=False)
    link = way.open()
    try:
        begun = time.perf_counter()
        link.request("POST", way.path, body, {**way.headers, **headers})
        response = link.getresponse()
        times = [time.perf_counter() - begun for _ in stranger.events(response)]
    finally:
        link.close()
    if len(times) < 2:
        raise Refused(f"HTTP {response.status}, no stream of events")
    return times[0] / times[-1]
