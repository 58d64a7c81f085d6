"""The articles' tables as data, and what readings and thresholds make of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mcp_notebook.bench.articles.matrices import MATRICES, all_cells
from mcp_notebook.bench.articles.ranking import merits, scores, undominated
from mcp_notebook.bench.articles.rules import COMPARED, RULES, THRESHOLDS, Evidence, Missing
from mcp_notebook.bench.articles.tables import VERDICTS, judged
from mcp_notebook.bench.probes import PROBES
from mcp_notebook.bench.readings import Reading, Results
from mcp_notebook.bench.roads import ROADS
from mcp_notebook.errors import UsageError
from tests.compare.measured import whole


def test_there_are_ninety_cells() -> None:
    assert {name: len(matrix.cells) for name, matrix in MATRICES.items()} == {
        "000": 21,
        "002a": 16,
        "002b": 32,
        "004": 21,
    }
    assert len({cell.name for cell in all_cells()}) == 90


def test_every_cell_can_be_decided_or_says_why_not() -> None:
    for cell in all_cells():
        assert cell.rule in RULES, cell.name
        assert set(cell.roads) <= set(ROADS), cell.name
        assert cell.probes, cell.name
        assert set(cell.probes) <= set(PROBES), cell.name
        assert bool(cell.means) != bool(cell.unmeasurable), cell.name


def test_with_all_readings_every_cell_has_a_verdict() -> None:
    sheet = judged(whole())

    assert len(sheet.cells) == 90
    assert {cell.verdict for cell in sheet.cells} <= set(VERDICTS)
    assert sheet.counts["not measured"] == 0
    assert sheet.counts["not measurable"] == 1
    assert [cell.id for cell in sheet.cells if not cell.evidence and not cell.missing] == []


def test_the_words_are_those_that_the_readings_say() -> None:
    sheet = judged(whole())

    assert sheet["000", "Latency", "Stdio"].measured == "lowest"
    assert sheet["000", "Latency", "WebSocket"].verdict == "agrees"
    assert sheet["002a", "Local", "HTTP"].verdict == "differs"
    assert sheet["002a", "Streaming", "STDIO"].measured == "excellent"
    mixed = sheet["002b", "Streaming", "HTTP"]
    assert mixed.verdict == "depends"
    assert mixed.measured == "http-json: none; http-2025, http-2026: excellent"
    assert sheet["002b", "Load balancing", "SSE"].measured == "with stickiness"
    assert sheet["002b", "Load balancing", "WebSockets"].verdict == "differs"
    assert sheet["004", "Serverless compatible", "WebSocket"].measured == "with a holder"
    assert sheet["004", "Serverless compatible", "HTTP/SSE"].verdict == "depends"
    assert sheet["004", "Firewall friendly", "WebSocket"].measured == "sometimes"
    assert sheet["000", "Best for", "Stdio"].measured == "development"
    assert sheet["002a", "Enterprise", "STDIO"].verdict == "not measurable"


def test_contradictions_among_the_articles_are_marked() -> None:
    sheet = judged(Results())

    def against(*place: str) -> str:
        return " ".join(sheet[place].contradicted_by)  # type: ignore[index]

    assert "004 / Setup complexity / WebSocket says medium" in against(
        "000", "Setup complexity", "WebSocket"
    )
    assert "002b / Streaming / HTTP says limited" in against("002a", "Streaming", "HTTP")
    assert "002a / Local / SSE says no" in against("004", "Locality", "HTTP/SSE")
    assert against("000", "Latency", "Stdio") == ""


def test_without_readings_nothing_is_claimed() -> None:
    sheet = judged(Results())

    assert sheet.counts["not measured"] == 89
    assert sheet["000", "Latency", "Stdio"].measured == "-"
    assert "was not run" in sheet["000", "Latency", "Stdio"].missing[0]


def test_a_missing_program_is_the_reason_of_its_cells() -> None:
    results = whole()
    results.put(Reading(probe="P8", road="sse", why_not="haproxy is not here."))

    cell = judged(results)["002b", "Load balancing", "SSE"]

    assert cell.verdict == "not measured"
    assert cell.missing == ("P8 on sse: haproxy is not here.",)


def test_a_moved_threshold_flips_the_cells_it_decides_and_no_others() -> None:
    results = whole()
    usual = judged(results)

    flips = usual.flips(judged(results, THRESHOLDS.with_(streaming_excellent=0.2)))

    assert {flip.cell.row for flip in flips.flips} == {"Streaming"}
    assert flips.moved == {"streaming_excellent": (0.4, 0.2)}
    assert not usual.flips(judged(results))


@pytest.mark.parametrize(
    ("moved", "place", "word"),
    [
        ({"latency_low": 2}, ("000", "Latency", "HTTP + SSE"), "medium"),
        ({"latency_very_low": 1.1}, ("004", "Latency", "WebSocket"), "low"),
        ({"latency_medium": 3, "latency_low": 2}, ("000", "Latency", "HTTP + SSE"), "high"),
        ({"setup_low": 10}, ("000", "Setup complexity", "WebSocket"), "low"),
        ({"setup_medium": 10}, ("000", "Setup complexity", "WebSocket"), "medium"),
        ({"streaming_good": 0.1, "streaming_excellent": 0.1}, ("002a", "Streaming", "SSE"), "limi"),
        ({"scale_excellent": 3}, ("002b", "Enterprise scaling", "HTTP"), "good"),
        ({"scale_good": 3, "scale_excellent": 3}, ("002a", "Enterprise", "SSE"), "limited"),
        ({"weight_reach": 0}, ("000", "Best for", "WebSocket"), "nothing alone"),
    ],
)
def test_each_threshold_moves_something(
    moved: dict[str, float], place: tuple[str, str, str], word: str
) -> None:
    assert word in judged(whole(), THRESHOLDS.with_(**moved))[place].measured


def test_lost_calls_cost_the_word_excellent() -> None:
    results = whole()
    found = results.get("P14", "http-2026")
    assert found is not None
    assert isinstance(found.value, dict)
    results.put(replace(found, value={**found.value, "lost": 1}))
    place = ("002b", "Enterprise scaling", "HTTP")

    assert judged(results)[place].words["http-2026"] == "good"
    allowed = judged(results, THRESHOLDS.with_(lost_calls=1))
    assert allowed[place].words["http-2026"] == "excellent"


def test_every_threshold_is_explained() -> None:
    assert set(THRESHOLDS.explained) == set(vars(THRESHOLDS))


@pytest.mark.parametrize(
    ("moved", "told"),
    [({"latncy_low": 2}, "Did you mean latency_low"), ({"latency_low": "2"}, "is a number")],
)
def test_a_wrong_threshold_is_a_readable_error(moved: dict[str, float], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        THRESHOLDS.with_(**moved)


def test_a_cell_or_table_that_is_not_there_is_a_readable_error() -> None:
    with pytest.raises(UsageError, match="There is: 000, 002a, 002b, 004"):
        judged(Results(), only=("001",))
    with pytest.raises(UsageError, match="Rows: Deployment target"):
        judged(Results())["000", "Latncy", "Stdio"]
    assert [t.matrix.id for t in judged(Results(), only=("004",)).tables] == ["004"]


def test_no_road_is_best_in_everything() -> None:
    evidence = Evidence(whole(), "stdio", THRESHOLDS)
    table = {road: merits(evidence.at(road)) for road in COMPARED}

    assert len(undominated(table)) > 1
    assert "stdio" in undominated(table)
    assert undominated(table, ["speed"]) == ["stdio"]


def test_weights_of_nothing_choose_nothing() -> None:
    with pytest.raises(Missing):
        scores(Evidence(whole(), "stdio", THRESHOLDS), {"speed": 0})
