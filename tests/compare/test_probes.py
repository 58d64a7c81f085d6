"""Every probe on every road, for real: workers, haproxy, nginx, proxies, crashes."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from mcp_notebook.bench.articles.rules import Evidence
from mcp_notebook.bench.articles.tables import judged
from mcp_notebook.bench.probes import PROBES, measure, not_here, probe, reading
from mcp_notebook.bench.probes.reach import apart
from mcp_notebook.bench.processes.stage import Stage
from mcp_notebook.bench.readings import FILE, Reading, Results
from mcp_notebook.bench.roads import ROADS, Road
from mcp_notebook.errors import MissingProgram, UsageError
from tests.rigs.surroundings import need

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

NETWORK = [road.name for road in ROADS.values() if road.networked]


@pytest.fixture(scope="module")
def told() -> list[tuple[int, int, str]]:
    return []


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, told: list[tuple[int, int, str]]) -> Results:
    """All of it, measured once."""
    need("haproxy", "nginx")
    path = tmp_path_factory.mktemp("results") / FILE
    return measure(path, on_progress=lambda *step: told.append(step))


def of(
    results: Results, probe: str, name: str, roads: list[str] | None = None
) -> dict[str, object]:
    found = {}
    for road in roads or list(ROADS):
        one = results.get(probe, road)
        assert one is not None
        assert one.ran, one
        found[road] = one[name]
    return found


def everywhere(value: object, roads: list[str], **other: object) -> dict[str, object]:
    special = {name.replace("_", "-"): word for name, word in other.items()}
    return {road: special.get(road, value) for road in roads}


def test_every_probe_runs_on_every_road(measured: Results) -> None:
    assert [one for one in measured if not one.ran] == []
    assert len(measured) == 17 * 7
    assert list(PROBES)[:17] == [f"P{number}" for number in range(1, 18)]
    assert all(one.evidence and one.at for one in measured)


def test_every_cell_of_the_articles_is_filled(measured: Results) -> None:
    counts = judged(measured).counts

    assert sum(counts.values()) == 90
    assert counts["not measured"] == 0
    assert counts["not measurable"] == 1


def test_progress_is_told_to_the_end(measured: Results, told: list[tuple[int, int, str]]) -> None:
    assert told[0][:2] == (0, 119)
    assert told[-1] == (119, 119, "")
    assert "P12 latency: stdio" in [what for _, _, what in told]


def test_who_reaches_the_server(measured: Results) -> None:
    every = list(ROADS)
    assert of(measured, "P1", "answered") == everywhere(True, every)
    assert of(measured, "P2", "reached") == everywhere(True, every, memory=False, stdio=False)
    assert of(measured, "P3", "processes") == everywhere(1, every, stdio=2)


def test_who_may_speak(measured: Results) -> None:
    assert of(measured, "P4", "count") == {**everywhere(4, list(ROADS)), "http-json": 0}
    assert of(measured, "P5", "answered") == everywhere(True, list(ROADS))
    assert of(measured, "P5", "same_channel") == {road: not ROADS[road].http for road in ROADS}
    assert of(measured, "P6", "subscribed") == everywhere(True, list(ROADS))
    unasked = of(measured, "P6", "unasked")
    assert {road for road, came in unasked.items() if came} == {"sse", "http-2025"}


def test_where_a_credential_has_its_place(measured: Results) -> None:
    how = of(measured, "P7", "how")
    assert how == everywhere("built in", list(ROADS), memory="none", stdio="by environment")
    assert of(measured, "P16", "seen") == everywhere(True, list(ROADS))


def test_turns_between_two_workers(measured: Results) -> None:
    errors = of(measured, "P8", "errors", NETWORK)
    assert errors == {
        "http-json": 0,
        "sse": 10,
        "http-2025": 10,
        "http-2026": 0,
        "websocket": 0,
    }
    assert of(measured, "P8", "errors_sticky", ["sse", "http-2025"]) == {"sse": 0, "http-2025": 0}
    assert of(measured, "P14", "lost", NETWORK) == everywhere(0, NETWORK)
    moves = of(measured, "P14", "moves", NETWORK)
    assert {road for road, yes in moves.items() if yes} == {"http-json", "http-2026"}


def test_a_process_for_each_request(measured: Results) -> None:
    share = of(measured, "P9", "share", NETWORK)
    assert {road for road, one in share.items() if one == 1} == {"http-json", "http-2026"}
    assert of(measured, "P9", "share_held", ["websocket"]) == {"websocket": 1}
    assert of(measured, "P9", "processes", ["http-2026"]) == {"http-2026": 4}


def test_proxies_on_the_way(measured: Results) -> None:
    plain = of(measured, "P10", "plain", NETWORK)
    assert plain == {**everywhere(True, NETWORK), "websocket": False}
    assert of(measured, "P10", "tunnel", NETWORK) == everywhere(True, NETWORK)
    assert of(measured, "P11", "proxy_lines", ["websocket", "http-json"]) == {
        "websocket": 3,
        "http-json": 0,
    }


def test_what_surrounds_a_call_is_counted_in_bytes(measured: Results) -> None:
    bytes_around = of(measured, "P17", "envelope")
    assert bytes_around["stdio"] == 2
    assert bytes_around["websocket"] == 12
    least = bytes_around["http-2026"]
    assert isinstance(least, int)
    assert least > 100


def test_the_second_time_only_what_is_missing_is_measured(measured: Results) -> None:
    assert measured.path is not None
    steps: list[str] = []
    before = list(measured)

    again = measure(measured.path, on_progress=lambda _d, _t, what: steps.append(what))

    assert steps == []
    assert list(again) == before


def test_nothing_is_left_running(measured: Results) -> None:
    del measured
    left = [
        " ".join(child.cmdline())
        for child in psutil.Process(os.getpid()).children(recursive=True)
        if "mcp_notebook.bench" in " ".join(child.cmdline())
    ]
    assert left == []


def test_again_measures_what_was_asked_for_alone(tmp_path: Path) -> None:
    path = tmp_path / FILE
    old = Reading(probe="P1", road="memory", value={"answered": False}, at="2020-01-01T00:00:00Z")
    kept = Reading(probe="P1", road="stdio", value={"answered": False}, at="2020-01-01T00:00:00Z")
    results = Results.read(path)
    results.put(old)
    results.put(kept)

    measure(results, probes=["P1"], roads=["memory"], again=True)

    again = Results.read(path)
    new = again.get("P1", "memory")
    assert new is not None
    assert new["answered"] is True
    assert again.get("P1", "stdio") == kept


def test_a_missing_program_is_a_reading_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise MissingProgram("haproxy is not here.", hint="apt install haproxy")

    monkeypatch.setattr("mcp_notebook.bench.probes.balancing.haproxy", missing)

    results = measure(probes=["P8"], roads=["stdio", "http-2026"])

    found = results.get("P8", "http-2026")
    assert found is not None
    assert not found.ran
    assert "haproxy is not here" in found.why_not
    assert results.get("P8", "stdio")


def test_a_probe_of_ones_own_is_measured_and_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_notebook.bench.probes.registry.PROBES", dict(PROBES))

    @probe("P99", "a word", "letters", shown="{letters}")
    def letters(stage: Stage, road: Road) -> Reading:
        """How long its name is."""
        assert stage.roads == (road,)
        return reading({"letters": len(road.name)}, f"{road.name} has so many")

    @probe("P98", "nothing")
    def nothing(stage: Stage, road: Road) -> Reading:
        """Nothing."""
        del stage, road
        return not_here("no such machine")

    results = measure(probes=["P99", "P98"], roads=["stdio"])

    found = results.get("P99", "stdio")
    assert found is not None
    assert (found["letters"], found.number("letters")) == (5, 5.0)
    assert Evidence(results, "stdio", judged(results).thresholds).number("P99", "letters") == 5
    assert results.missing(["P98", "P99"], ["stdio"]) == [("P98", "stdio")]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"probes": ["P77"]}, "There is: P1, P2"),
        ({"roads": ["htp-2026"]}, "Did you mean http-2026"),
    ],
)
def test_unknown_names_are_readable_errors(given: dict[str, list[str]], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        measure(**given)  # type: ignore[arg-type]


def test_where_no_second_network_can_be_made_the_stranger_asks_by_loopback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mcp_notebook.bench.probes.reach.COMMAND", ("no-such-program",))

    found = measure(probes=["P2"], roads=["websocket"]).get("P2", "websocket")

    assert found is not None
    assert (found["reached"], found["apart"]) == (True, False)
    assert "loopback" in found.evidence


def test_a_stranger_in_another_network_is_answered(measured: Results) -> None:
    if apart() is None:
        pytest.skip("this system makes no second network")
    assert of(measured, "P2", "apart", NETWORK) == everywhere(True, NETWORK)
