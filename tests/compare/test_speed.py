"""How quick calls are: who takes part, what is counted, what is kept when it ends early."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcp_notebook.bench import speed as room
from mcp_notebook.bench.floors import FLOOR_OF, FLOORS
from mcp_notebook.bench.speed import Load, Pace, Speed, bench
from mcp_notebook.errors import UsageError
from mcp_notebook.magics.benchviews import speed as drawn
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.show.speed import SpeedRow
from mcp_notebook.show.speed import speed as view
from mcp_notebook.transports import register_builtin
from mcp_notebook.transports.base import transports


@pytest.fixture
def workbench(tmp_path: Path) -> Iterator[Workbench]:
    with Workbench(folder=str(tmp_path)) as made:
        yield made


@pytest.mark.parametrize("name", FLOORS)
@pytest.mark.parametrize("sizes", [(1, 1), (300, 200), (70_000, 300_000)])
def test_a_floor_carries_as_many_bytes_as_it_is_told_and_ends(
    name: str, sizes: tuple[int, int]
) -> None:
    before = set(threading.enumerate())
    with FLOORS[name](*sizes) as exchange:
        for _ in range(3):
            exchange()
    left = {each for each in threading.enumerate() if each.is_alive()} - before
    assert not [each for each in left if each.name == "mcp-bench-floor"]


def test_every_transport_stands_on_a_floor_that_exists() -> None:
    register_builtin()
    built_in = [each.name for each in transports() if type(each).__module__.startswith("mcp_")]
    assert set(FLOOR_OF.values()) == set(FLOORS)
    assert set(built_in) <= set(FLOOR_OF)


def test_each_takes_part_in_every_round_and_the_notebook_stays_as_it_was(
    workbench: Workbench,
) -> None:
    told: list[tuple[int, int, str]] = []

    found = bench(
        workbench, over=["memory", "http"], rounds=7, on_round=lambda *step: told.append(step)
    )

    assert [pace.label for pace in found] == ["memory", "http", *FLOORS]
    assert {len(pace.times_ns) for pace in found} == {7}
    assert found.rounds == 7
    assert told[-1] == (7, 7, "")
    assert not workbench.endpoints
    assert not workbench.connections
    assert workbench.trace.last_seq == 0
    assert found.over_floor(found["http"]) > 1


def test_bytes_are_those_of_one_call_with_its_framing(workbench: Workbench) -> None:
    found = bench(workbench, over=["pipe", "websocket", "http-json"], rounds=1)

    messages = found["bare pipe"].bytes
    assert found["pipe"].bytes == messages + 2  # a newline each way
    # a mask and a longer head towards the server (RFC 6455, section 5.2)
    assert messages < found["websocket"].bytes <= messages + 16
    assert found["http-json"].bytes > messages + 200


def test_eras_are_lanes_of_their_own(workbench: Workbench) -> None:
    found = bench(workbench, over=["memory"], eras=["legacy", "modern"], rounds=1)

    assert [pace.label for pace in found][:2] == ["memory legacy", "memory modern"]
    assert found["memory legacy"].bytes != found["memory modern"].bytes


def test_a_tool_of_the_notebook_is_called_also_one_on_the_kernels_thread(
    workbench: Workbench,
) -> None:
    seen: list[tuple[int, str]] = []

    @workbench.tool
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    @workbench.tool(thread="kernel")
    def where(a: int) -> int:
        """Say where it runs."""
        seen.append((a, threading.current_thread().name))
        return a

    server = workbench.servers.served("notebook")
    added = bench(
        workbench,
        Load(server=server, tool="add", arguments={"a": 1, "b": 2}),
        over=["stdio", "pipe"],
        rounds=2,
    )
    bench(workbench, Load(server=server, tool="where", arguments={"a": 4}), over=["pipe"], rounds=2)

    assert not [pace.why_not for pace in added if pace.why_not]
    assert set(seen) == {(4, threading.current_thread().name)}


def test_a_tool_that_fails_is_the_reason_and_the_others_go_on(workbench: Workbench) -> None:
    calls: list[int] = []

    @workbench.tool
    def third() -> int:
        """Fail from the tenth call on."""
        calls.append(1)
        if len(calls) > 9:
            raise ValueError("enough")
        return 1

    server = workbench.servers.served("notebook")
    load = Load(server=server, tool="third", arguments={})
    found = bench(workbench, load, over=["memory"], rounds=6)

    assert "third fails" in found["memory"].why_not
    assert len(found["memory"].times_ns) == 3
    assert len(found["bare pipe"].times_ns) == 6


@pytest.mark.parametrize(
    ("load", "more", "words"),
    [
        (None, {"over": ["memry"]}, "Did you mean memory"),
        (None, {"eras": ["old"]}, "old"),
        ("ad", {}, "Did you mean add"),
        ("add", {}, "a"),
    ],
)
def test_what_cannot_be_measured_is_said_before_anything_starts(
    workbench: Workbench, load: str | None, more: dict[str, Any], words: str
) -> None:
    @workbench.tool
    def add(a: int) -> int:
        """Add."""
        return a

    asked = load and Load(server=workbench.servers.served("notebook"), tool=load, arguments={})
    speed = Speed(call="")
    with pytest.raises(UsageError, match=words):
        bench(workbench, asked or None, into=speed, **more)
    assert not speed.paces


def test_what_was_measured_before_an_interrupt_is_kept(workbench: Workbench) -> None:
    speed = Speed(call="")

    def strike(done: int, _all: int, what: str) -> None:
        if what == "rounds" and done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench(workbench, over=["memory"], rounds=9, into=speed, on_round=strike)

    assert speed.rounds == 3
    assert len(speed["memory"].times_ns) == 3


def test_figures_of_known_times() -> None:
    pace = Pace(label="x", transport="tcp", times_ns=[*range(1_000_000, 101_000_000, 1_000_000)])
    floor = Pace(label="bare socket", times_ns=[5_000_000])
    found = Speed(call="x", rounds=100, paces=[pace, floor])

    assert pace.p50_ns == 50_500_000
    assert pace.p99_ns == 100_000_000
    assert round(pace.per_second, 2) == 19.8
    assert found.over_floor(pace) == 10.1
    assert found.over_floor(floor) == 0
    with pytest.raises(UsageError, match="There is: x, bare socket"):
        found["y"]


def test_stable_leaves_every_figure_out() -> None:
    pace = Pace(label="pipe", transport="pipe", standing="for lessons", bytes=596)
    pace.times_ns = [1_234_000]
    found = Speed(call="add", rounds=4, paces=[pace])

    text = drawn(found)["text/plain"]
    steady = drawn(found, stable=True)

    assert re.search(r"pipe +810 +1\.2 ms +1\.2 ms +596 +#{24}", text)
    assert "4 calls of each" in text
    for shown in (steady["text/plain"], steady["text/html"]):
        assert "pipe" in shown
        assert not re.search(r"810|1\.2 ms|596|#{3}", shown)


def test_words_of_a_server_never_become_markup() -> None:
    rows = [
        SpeedRow(label="<b>x", p50_ns=1, standing="<i>", why_not="<script>\x1b[31m"),
        SpeedRow(label="y", floor=True, p50_ns=2),
    ]
    for stable in (False, True):
        shown = view("<img src=x>", rows, ["<u>"], stable=stable)
        assert not re.search(r"<(b|i|u|script|img)\b", shown["text/html"])
        assert "\x1b" not in shown["text/plain"] + shown["text/html"]


def test_the_order_of_a_round_changes() -> None:
    seen: list[str] = []
    lanes = [
        (Pace(label=name), lambda name=name: seen.append(name)) for name in ("a", "b", "c", "d")
    ]

    room._race(lanes, 12, Speed(call=""), lambda *_: None)

    rounds = {tuple(seen[i : i + 4]) for i in range(0, 48, 4)}
    assert len(rounds) > 3
    assert all(sorted(one) == ["a", "b", "c", "d"] for one in rounds)
