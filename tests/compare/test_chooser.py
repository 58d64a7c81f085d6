"""The corrected flow, the articles' flows, and situations to choose for."""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path

import pytest

from mcp_notebook.bench.articles.chooser import (
    FLOWS,
    NEEDS,
    QUESTIONS,
    SCENARIOS,
    choose,
    chooser,
    meets,
)
from mcp_notebook.bench.probes import PROBES
from mcp_notebook.bench.readings import Results
from mcp_notebook.bench.roads import ROADS
from mcp_notebook.errors import UsageError
from tests.compare.measured import whole

KEYS = [question.key for question in QUESTIONS]


@pytest.mark.parametrize(
    ("answers", "road"),
    [
        ("", "stdio"),
        ("streaming server_events high_rate", "stdio"),
        ("same_process remote", "memory"),
        ("remote", "http-2026"),
        ("shared", "http-2026"),
        ("browser", "http-2026"),
        ("remote high_rate own_path", "websocket"),
        ("remote high_rate own_path strict_proxy", "http-2026"),
        ("remote high_rate own_path serverless", "http-2026"),
        ("remote high_rate", "http-2026"),
        ("remote old_clients", "http-2026"),
        ("old_clients", "http-2026"),
    ],
)
def test_the_corrected_flow(answers: str, road: str) -> None:
    assert choose(**dict.fromkeys(answers.split(), True)).road == road


def test_every_set_of_answers_leads_somewhere_with_a_reason() -> None:
    for yes in itertools.product((False, True), repeat=len(KEYS)):
        found = choose(**dict(zip(KEYS, yes, strict=True)))
        assert found.reasons
        assert ROADS[found.road].standing != "deprecated"


def test_every_flow_takes_every_answer() -> None:
    for flow in FLOWS.values():
        for key in KEYS:
            assert flow.pick(**{key: True}) in ROADS
        assert flow.pick() == "stdio"


@pytest.mark.parametrize("remote", [True, False])
def test_old_clients_are_served_beside_not_instead(remote: bool) -> None:
    found = choose(remote=remote, old_clients=True)

    assert (found.road, found.beside) == ("http-2026", ("sse",))
    assert any("deprecated" in text for text in found.warnings)


def test_what_is_custom_says_so() -> None:
    found = choose(remote=True, high_rate=True, own_path=True)

    assert found.standing == "custom"
    assert any("custom" in text for text in found.warnings)


def test_reasons_name_probes_that_exist_and_claims_by_number() -> None:
    for scenario in SCENARIOS:
        for why in choose(**scenario.answers).reasons:
            assert set(why.probes) <= set(PROBES)
            assert all(re.fullmatch(r"S\d+", claim) for claim in why.claims)


def test_an_unknown_question_is_a_readable_error() -> None:
    with pytest.raises(UsageError, match="Did you mean remote"):
        choose(remot=True)
    with pytest.raises(UsageError, match="There is: same_process"):
        FLOWS["004"].pick(xyz=True)


def test_the_scenarios_are_eight_and_twelve_and_twelve() -> None:
    groups = [scenario.group for scenario in SCENARIOS]

    assert {group: groups.count(group) for group in groups} == {
        "002": 8,
        "flow": 12,
        "hidden": 12,
    }
    assert len({scenario.key for scenario in SCENARIOS}) == 32
    assert all(set(scenario.answers) <= set(KEYS) for scenario in SCENARIOS)
    assert all(set(scenario.needs) <= set(NEEDS) for scenario in SCENARIOS)


def test_the_corrected_pick_meets_every_need_and_the_articles_does_not() -> None:
    results = whole()
    eight = [scenario for scenario in SCENARIOS if scenario.group == "002"]

    unmet = {}
    for one in eight:
        assert all(meets(results, choose(**one.answers).road, one.needs).values()), one.key
        found = [
            need
            for road in one.article_roads
            for need, met in meets(results, road, one.needs).items()
            if not met
        ]
        if found:
            unmet[one.key] = found
    assert set(unmet) == {"workflow", "collaboration", "assistant", "cluster"}


def test_flow_004_differs_from_the_corrected_one_in_some_scenarios() -> None:
    twelve = [scenario for scenario in SCENARIOS if scenario.group == "flow"]
    differ = [s.key for s in twelve if FLOWS["004"].pick(**s.answers) != choose(**s.answers).road]

    assert 0 < len(differ) < 12


def test_nothing_measured_is_not_the_same_as_not_met() -> None:
    found = meets(Results(), "stdio", ("streaming", "standard"))

    assert found == {"streaming": None, "standard": True}


def test_the_chooser_asks_every_question() -> None:
    assert [question.key for question in chooser().questions] == KEYS
    assert chooser().choose(remote=True).road == "http-2026"


def test_claims_that_are_written_as_data_and_named_here_are_the_same_ids() -> None:
    lessons = Path(__file__).resolve().parents[2] / "lessons"
    known = {
        claim
        for path in lessons.glob("claims.*.toml")
        for claim in tomllib.loads(path.read_text(encoding="utf-8"))
    }
    named = {c for s in SCENARIOS for why in choose(**s.answers).reasons for c in why.claims}
    assert known & named
