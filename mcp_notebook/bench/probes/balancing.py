"""Two workers behind haproxy: P8 whether calls may take turns, P14 what the second one adds."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from mcp_notebook.bench.processes import stranger
from mcp_notebook.bench.processes.stage import Stage, Worker, way_of
from mcp_notebook.bench.processes.stranger import Refused, Way
from mcp_notebook.bench.programs import haproxy
from mcp_notebook.bench.readings import Reading
from mcp_notebook.bench.roads import ROADS, Road
from mcp_notebook.transports.ports import free_port

from .registry import probe, reading

CALLS: Final = 20
LANES: Final = 6
BUSY_CALLS: Final = 24
BUSY_MS: Final = 15
PLAIN: Final = 1.7
"""Two workers that do fewer times the calls of one are measured twice."""

_DEFAULTS: Final = """
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
    timeout tunnel 30s
    retries 2
    option redispatch 1
    option http-no-delay
"""

_STICKY: Final = {
    "http-2025": """
    stick-table type string len 64 size 1k expire 5m
    stick match req.hdr(Mcp-Session-Id)
    stick store-response res.hdr(Mcp-Session-Id)
""",
    "sse": """
    cookie WORKER insert indirect nocache
""",
}
"""What keeps a client with its worker, for the roads that need it."""


@dataclass(frozen=True, kw_only=True)
class Front:
    """The ports of the balancer in front of two workers.

    Attributes:
        turns: by road: the port where each request goes to the next worker.
        sticky: by road: the port where a client stays with its worker.
        workers: the two.
    """

    turns: dict[str, int]
    sticky: dict[str, int]
    workers: list[Worker]

    def way(self, road: Road, *, sticky: bool = False) -> Way:
        """The way of a stranger through the balancer."""
        ports = self.sticky if sticky and road.name in self.sticky else self.turns
        return way_of(road, ports[road.name])


@contextmanager
def balanced(workers: list[Worker]) -> Iterator[Front]:
    """Two workers behind a haproxy that speaks on a port for each road.

    Raises:
        MissingProgram: haproxy is not installed.
    """
    roads = [road for road in ROADS.values() if road.networked]
    turns = {road.name: free_port() for road in roads}
    sticky = {name: free_port() for name in _STICKY}
    sections = _DEFAULTS
    for name, port in turns.items():
        sections += _section(name, port, workers, "")
    for name, port in sticky.items():
        sections += _section(name, port, workers, _STICKY[name])
    with haproxy(sections, port=turns["websocket"]):
        yield Front(turns=turns, sticky=sticky, workers=workers)


def _section(name: str, port: int, workers: list[Worker], sticking: str) -> str:
    kind = "sticky" if sticking else "turns"
    lines = f"\nfrontend {kind}-{name}\n    bind 127.0.0.1:{port}\n"
    lines += f"    default_backend {kind}-{name}\n"
    lines += f"\nbackend {kind}-{name}\n    balance roundrobin\n{sticking.rstrip()}\n"
    for number, worker in enumerate(workers):
        cookie = f" cookie w{number}" if "cookie" in sticking else ""
        lines += f"    server w{number} 127.0.0.1:{worker.port(ROADS[name])}{cookie}\n"
    return lines


@probe("P8", "balancing", "errors of 20, sticky", shown="{errors}, {errors_sticky}")
def balance(stage: Stage, road: Road) -> Reading:
    """Twenty calls whose requests take turns between two workers; then with stickiness."""
    if not road.networked:
        return reading(
            {"port": False, "errors": None, "errors_sticky": None},
            "there is no port that a balancer could stand in front of",
        )
    front = _front(stage)
    errors, why, pids = _errors(front.way(road))
    told = f"{CALLS} calls in turns between two workers: {errors} errors"
    if why:
        told += f" ({why})"
    kept: int | None = None
    if errors and road.name in front.sticky:
        kept, _, _ = _errors(front.way(road, sticky=True))
        told += f"; {kept} errors where a client stays with its worker"
    elif road.name == "websocket":
        told += "; each connection stayed with the worker that took it"
    return reading(
        {
            "port": True,
            "calls": CALLS,
            "errors": errors,
            "errors_sticky": kept,
            "workers": len(pids),
        },
        told,
    )


def _front(stage: Stage) -> Front:
    """The balancer, as long as both of its workers live."""
    workers = stage.workers(2)
    return stage.hold("front", lambda: balanced(workers))


def _errors(way: Way) -> tuple[int, str, set[int]]:
    """Errors of the calls, the first reason, and the processes that answered."""
    pids: set[int] = set()
    errors, why = 0, ""
    lane: Lane | None = None
    for number in range(CALLS):
        if lane is None or (way.road == "websocket" and number % 5 == 0):
            if lane is not None:
                lane.close()
            lane = Lane(way)
        try:
            pids.add(lane.call("pid"))
        except (Refused, OSError) as error:
            errors += 1
            why = why or str(error)
    if lane is not None:
        lane.close()
    return errors, why, pids


class Lane:
    """One client, by hand: what it must keep between calls is kept."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self._session: dict[str, str] = {}
        self._stream: stranger.EventStream | None = None
        self._socket: stranger.WebSocket | None = None
        self._id = 10
        if way.road == "http-2025":
            self._session = stranger.begin_session(way)
        elif way.road == "sse":
            self._stream = stranger.EventStream(way)
            self._begin(self._stream)
        elif way.road == "websocket":
            self._socket = stranger.WebSocket(way)

    def _begin(self, stream: stranger.EventStream) -> None:
        """Shake hands; each message may have to be sent until it meets the right worker."""
        for body in (stranger.INITIALIZE, stranger.INITIALIZED):
            if not any(stream.send(body) == 202 for _ in range(4)):
                raise Refused("the handshake met no worker that knows the stream")
            if body is stranger.INITIALIZE:
                stream.answer()

    def call(self, tool: str, **arguments: Any) -> Any:
        """Call a tool once.

        Raises:
            Refused, OSError: it was not answered.
        """
        self._id += 1
        if self._socket is not None:
            return self._socket.call(tool, arguments, id=self._id)
        if self._stream is not None:
            body = stranger.tool_call(tool, arguments, id=self._id, modern=False)
            status = self._stream.send(body)
            if status != 202:
                raise Refused(f"HTTP {status}")
            answer = stranger.Answer(status=200, headers={}, message=self._stream.answer())
            return answer.value
        if self._session:
            return stranger.session_post(self._way, self._session, tool, arguments).value
        return stranger.modern_post(self._way, tool, arguments).value

    def close(self) -> None:
        """Leave what is open."""
        for one in (self._stream, self._socket):
            if one is not None:
                with contextlib.suppress(OSError):
                    one.close()


@probe("P14", "second worker", "times, lost", shown="{ratio}, {lost}")
def scale(stage: Stage, road: Road) -> Reading:
    """Six clients of a tool that does one thing at a time: one worker, two, one of them killed."""
    if not road.networked:
        return reading(
            {"ratio": None, "lost": None, "moves": False},
            "a second worker could not take any call: each client has its own server",
        )
    found = stage.once("P14", lambda: _scaled(stage))[road.name]
    if isinstance(found, str):
        raise OSError(found)
    ratio = found["two"] / found["one"]
    moves = "its calls go to both" if found["moves"] else "a client's calls stay with one"
    told = (
        f"two workers did {ratio:.1f} times the calls of one; {moves}; of {found['after']} calls "
        f"around a killed worker {found['failed']} failed at first, {found['lost']} for good"
    )
    return reading(
        {
            "one": round(found["one"], 1),
            "two": round(found["two"], 1),
            "ratio": round(ratio, 2),
            "moves": bool(found["moves"]),
            "failed": found["failed"],
            "lost": found["lost"],
        },
        told,
    )


def _scaled(stage: Stage) -> dict[str, Any]:
    """By road: calls a second with one worker and with two, and what a killed one costs.

    One of the two is killed in the end, once for all roads.
    """
    front = _front(stage)
    workers = front.workers
    roads = [road for road in stage.roads if road.networked]
    found: dict[str, Any] = {}
    lanes: dict[str, list[Lane]] = {}
    with ThreadPoolExecutor(LANES) as pool:
        try:
            for road in roads:
                alone = [Lane(workers[0].way(road)) for _ in range(LANES)]
                lanes[road.name] = [Lane(front.way(road, sticky=True)) for _ in range(LANES)]
                one, two = (_calls_a_second(each, pool.map) for each in (alone, lanes[road.name]))
                if two < one * PLAIN:  # the machine may have been busy: once more
                    again = [_calls_a_second(each, pool.map) for each in (alone, lanes[road.name])]
                    one, two = max((one, two), (again[0], again[1]), key=lambda f: f[1] / f[0])
                _close(alone)
                served = {lanes[road.name][0].call("pid") for _ in range(4)}
                found[road.name] = {"one": one, "two": two, "moves": len(served) > 1}
            stage.kill(workers[1])
            stage.forget("front")
            for road in roads:
                found[road.name] |= _around_a_crash(lanes[road.name], front.way(road, sticky=True))
        finally:
            for each in lanes.values():
                _close(each)
    return found


def _close(lanes: list[Lane]) -> None:
    for lane in lanes:
        lane.close()


def _calls_a_second(lanes: list[Lane], spread: Callable[..., Any]) -> float:
    share = BUSY_CALLS // len(lanes)

    def work(lane: Lane) -> int:
        return sum(bool(lane.call("busy", pause_ms=BUSY_MS)) for _ in range(share))

    begun = time.perf_counter()
    done = sum(spread(work, lanes))
    return float(done / (time.perf_counter() - begun))


def _around_a_crash(lanes: list[Lane], way: Way) -> dict[str, int]:
    """Two calls of each client after a worker died; what fails is tried again, begun anew."""
    after = failed = lost = 0
    for place, lane in enumerate(lanes):
        for _ in range(2):
            after += 1
            try:
                lanes[place].call("pid")
            except (Refused, OSError):
                failed += 1
                lane.close()
                try:
                    lanes[place] = Lane(way)
                    lanes[place].call("pid")
                except (Refused, OSError):
                    lost += 1
    return {"after": after, "failed": failed, "lost": lost}
