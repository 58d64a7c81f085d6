"""The checks of lesson 05: answers that look right, and what each is told."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_notebook.bench.articles.chooser import SCENARIOS, choose
from mcp_notebook.bench.articles.tables import Judged
from mcp_notebook.bench.articles.tables import judged as judge_tables
from mcp_notebook.bench.readings import Reading, Results
from mcp_notebook.learn.attempt import Attempt
from mcp_notebook.learn.lesson05 import corrected, grid, opened, predicted, ruled
from mcp_notebook.learn.verdict import Verdict
from mcp_notebook.trace.store import Trace


def judged(exercise: Any, **names: Any) -> Verdict:
    found: Verdict = exercise.judge(Attempt(names, Trace()))
    return found


# ---- 05.1 ------------------------------------------------------------------------------------


def right(data: bytes) -> bytes:
    if data.startswith(b"{"):
        return data.removesuffix(b"\n")
    if data.startswith(b"HTTP/"):
        return data.partition(b"\r\n\r\n")[2]
    if data[0] == 0x81:
        return data[{126: 4, 127: 10}.get(data[1], 2) :]
    found = [line[5:].removeprefix(b" ") for line in data.splitlines() if line[:5] == b"data:"]
    return b"\n".join(found)


def between_braces(data: bytes) -> bytes:
    return data[data.index(b"{") : data.rindex(b"}") + 1]


def looks_anywhere(data: bytes) -> bytes:
    if b"data:" in data:
        return data.partition(b"data: ")[2].rstrip()
    return right(data)


def knows_long_frames_only(data: bytes) -> bytes:
    return data[4:] if data[0] == 0x81 else right(data)


def one_data_line(data: bytes) -> bytes:
    found = right(data)
    return found.splitlines()[0] if data[0] not in b"H\x81{" else found


def strips_too_much(data: bytes) -> bytes:
    if data[0] in b"H\x81{":
        return right(data)
    return b"\n".join(line[5:].strip() for line in data.splitlines() if line[:5] == b"data:")


def test_an_opener_of_all_envelopes_passes() -> None:
    assert judged(opened, envelope=right).passed


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (between_braces, "length byte"),
        (looks_anywhere, "how the bytes begin"),
        (strips_too_much, "Only one space"),
        (knows_long_frames_only, "begins after its length"),
        (one_data_line, "join them"),
        (lambda data: None, "four ways to open"),
        (lambda data: right(data).decode(), "Give bytes"),
        (lambda data: {"jsonrpc": "2.0"}, "as bytes"),
        (lambda data: data, "belongs to the envelope"),
        (lambda data: 1 / 0, "line end"),
    ],
)
def test_an_envelope_opened_wrongly_is_told_why(answer: Any, hint: str) -> None:
    verdict = judged(opened, envelope=answer)

    assert not verdict.passed
    assert hint in verdict.hint


# ---- 05.2 ------------------------------------------------------------------------------------


def measured() -> set[str]:
    return {"count", "first_line", "token"}


def not_yet() -> set[str]:
    raise NameError("name 'ports' is not defined")


def test_a_check_before_the_cells_above_ran_says_so() -> None:
    for names in ({}, {"under_two_workers": not_yet}):
        verdict = judged(predicted, BREAK={"count"}, **names)
        assert not verdict.passed
        assert "Run the cells above" in verdict.hint


def test_the_measured_set_passes_in_any_order() -> None:
    assert judged(predicted, BREAK=["token", "first_line", "count"], under_two_workers=measured)


@pytest.mark.parametrize(
    ("guess", "hint"),
    [
        ({...}, "as texts"),
        (set(), "a counter of its own"),
        ({}, "a counter of its own"),
        ({"count", "first_line"}, "whoever started it"),
        ({"count", "token"}, "its own folder"),
        ({"count", "first_line", "token", "wait"}, "to the other"),
        ({"count", "first_line", "token", "announce"}, "harms nobody"),
        ({"shout", "count", "first_line", "token"}, "arguments alone"),
        ({"counter"}, "The six are"),
        ("count", "A set of names"),
    ],
)
def test_a_wrong_prediction_is_told_what_was_measured(guess: Any, hint: str) -> None:
    verdict = judged(predicted, BREAK=guess, under_two_workers=measured)

    assert not verdict.passed
    assert hint in verdict.hint


def test_a_measurement_that_fails_is_no_verdict_on_the_prediction() -> None:
    def missing() -> set[str]:
        raise RuntimeError("haproxy is not here.")

    verdict = judged(predicted, BREAK={"count"}, under_two_workers=missing)

    assert not verdict.passed
    assert "haproxy is not here" in verdict.seen


# ---- 05.3 ------------------------------------------------------------------------------------

RIGHT: dict[str, list[Any]] = {
    "stdio": ["standard"] * 5,
    "HTTP with SSE": ["standard", *["deprecated"] * 4],
    "Streamable HTTP": ["not there", *["standard"] * 4],
    "WebSocket": ["custom"] * 5,
}


def test_the_right_grid_passes() -> None:
    assert judged(grid, GRID=RIGHT).passed


@pytest.mark.parametrize(
    ("row", "words", "hint"),
    [
        ("stdio", [...] * 5, "One of"),
        ("stdio", ["standard"] * 4, "five words"),
        ("stdio", None, "five words"),
        ("stdio", ["standard"] * 4 + ["deprecated"], "all five"),
        ("HTTP with SSE", ["standard"] * 5, "replaced it"),
        ("Streamable HTTP", ["standard"] * 5, "second revision"),
        ("WebSocket", ["not there"] * 5, "Custom transports"),
        ("WebSocket", [["custom"]] * 5, "One of"),
    ],
)
def test_a_wrong_place_in_the_grid_is_named(row: str, words: Any, hint: str) -> None:
    verdict = judged(grid, GRID={**RIGHT, row: words})

    assert not verdict.passed
    assert row in verdict.seen
    assert hint in verdict.hint


def test_an_empty_grid_is_untouched() -> None:
    assert judged(grid, GRID={name: [...] * 5 for name in RIGHT}).untouched


# ---- 05.4 ------------------------------------------------------------------------------------


def reading(probe: str, road: str, **value: Any) -> Reading:
    return Reading(probe=probe, road=road, value=value, evidence="seen")


@pytest.fixture
def sheet() -> Judged:
    """The tables judged by a few readings."""
    readings = Results()
    for road in ("stdio", "http-json", "http-2025", "http-2026", "sse", "websocket"):
        readings.put(reading("P1", road, answered=True))
        count = 0 if road == "http-json" else 4
        readings.put(reading("P4", road, count=count, of=4, share=0.25 if count else None))
    return judge_tables(readings)


FIVE: dict[Any, Any] = {
    ("002a", "Local", "HTTP"): ("yes", "P1"),
    ("002a", "Local", "SSE"): ("yes", "P1"),
    ("002b", "Local development", "HTTP"): ["yes", "P1"],
    ("002b", "Local development", "SSE"): ("yes", "P1"),
    ("002b", "Streaming", "HTTP"): ("excellent", "P4"),
}


def test_five_corrections_with_their_evidence_pass(sheet: Judged) -> None:
    verdict = judged(corrected, CORRECTIONS=FIVE, sheet=sheet)

    assert verdict.passed, verdict


@pytest.mark.parametrize(
    ("place", "said", "hint"),
    [
        (("002a", "Local", "FTP"), ("yes", "P1"), "A place is"),
        ("Local", ("yes", "P1"), "A place is"),
        (("002a", "Local", "STDIO"), ("yes", "P1"), "says the same"),
        (("002a", "Enterprise", "STDIO"), ("limited", "P14"), "A guess is no correction"),
        (("002a", "Local", "HTTP"), ("maybe", "P1"), "Measured: yes"),
        (("002a", "Local", "HTTP"), ("yes", "P4"), "P1"),
        (("002a", "Local", "HTTP"), "yes", '("measured word", "probe")'),
        (("002b", "Streaming", "HTTP"), ("none", "P4"), "joins roads that differ"),
        (("002a", "Local", "HTTP"), ("yes", "P1"), "Find more"),
    ],
)
def test_a_correction_that_does_not_hold_is_told_why(
    sheet: Judged, place: Any, said: Any, hint: str
) -> None:
    verdict = judged(corrected, CORRECTIONS={place: said}, sheet=sheet)

    assert not verdict.passed
    assert hint in verdict.hint


# ---- 05.5 ------------------------------------------------------------------------------------


def by_the_rule(answers: dict[str, bool]) -> str:
    if answers["same_process"]:
        return "memory"
    if not any(answers[key] for key in ("remote", "shared", "browser", "serverless")):
        return "stdio"
    blocked = any(answers[key] for key in ("serverless", "strict_proxy", "browser"))
    own = answers["high_rate"] and answers["own_path"]
    return "websocket" if own and not blocked else "http-2026"


def a_socket_for_speed(answers: dict[str, bool]) -> str:
    return "websocket" if answers["high_rate"] else by_the_rule(answers)


def never_a_socket(answers: dict[str, bool]) -> str:
    found = by_the_rule(answers)
    return "http-2026" if found == "websocket" else found


def a_socket_in_a_function(answers: dict[str, bool]) -> str:
    return by_the_rule({**answers, "serverless": False})


def test_a_rule_that_is_the_corrected_flow_passes() -> None:
    verdict = judged(ruled, my_choice=by_the_rule, choose=choose, SCENARIOS=SCENARIOS)

    assert verdict.passed, verdict


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (a_socket_for_speed, "a path of your own"),
        (never_a_socket, "the case for WebSocket"),
        (a_socket_in_a_function, "stdio reaches nobody"),
        (lambda answers: "stdio", "ask that first"),
        (lambda answers: "sse", "One of memory"),
        (lambda answers: None, "asked for in order"),
    ],
)
def test_a_rule_that_decides_otherwise_is_told_where(answer: Any, hint: str) -> None:
    verdict = judged(ruled, my_choice=answer, choose=choose, SCENARIOS=SCENARIOS)

    assert not verdict.passed
    assert hint in verdict.hint


def test_a_rule_that_asks_the_chooser_is_no_rule() -> None:
    names = {"my_choice": by_the_rule, "choose": choose, "SCENARIOS": SCENARIOS}
    source = "def my_choice(answers):\n    return choose(**answers).road\n"
    verdict = ruled.judge(Attempt(names, Trace(), source=source))

    assert not verdict.passed
    assert "calls choose" in verdict.seen
