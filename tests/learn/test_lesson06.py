"""The checks of lesson 06: answers that look right, and what each is told."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mcp_notebook.errors import ConnectError, UsageError
from mcp_notebook.learn.attempt import Attempt
from mcp_notebook.learn.lesson06 import FREE, agreed, foreseen, left_the_notebook, named
from mcp_notebook.learn.verdict import Verdict
from mcp_notebook.trace.store import Trace

# ---- 06.1 ------------------------------------------------------------------------------------


class Hall:
    """A workbench whose export was refused, or answers like this."""

    def __init__(self, answers: dict[str, Any] | Exception, *refused: tuple[str, ...]) -> None:
        self.answers = answers
        self.refused = [SimpleNamespace(through=names, reason="it is live") for names in refused]
        self.open = 0

    def export(self, server: str, *, path: Path, check: bool) -> Any:
        assert (server, check) == ("hall", False)
        if isinstance(self.answers, UsageError):
            raise self.answers
        return SimpleNamespace(path=path, report=SimpleNamespace(refused=self.refused))

    def connect(self, target: str, **_options: Any) -> Any:
        if isinstance(self.answers, ConnectError):
            raise self.answers
        self.open += 1
        return self

    def call(self, tool: str, *, line: str) -> Any:
        assert tool == "free_seats"
        assert isinstance(self.answers, dict)
        answer = self.answers.get(line)
        return SimpleNamespace(value=answer, is_error=answer is None)

    def close(self) -> None:
        self.open -= 1


def exported(hall: Hall) -> Verdict:
    names = {"free_seats": lambda line: 0}
    found = left_the_notebook.judge(Attempt(names, Trace(), workbench=hall))
    assert hall.open == 0
    return found


def test_an_exported_hall_that_answers_as_the_notebook_did_passes() -> None:
    assert exported(Hall(dict(FREE))).passed


def test_the_open_database_is_the_untouched_exercise() -> None:
    verdict = exported(Hall({}, ("free_seats", "seats")))

    assert verdict.untouched
    assert "free_seats -> seats" in verdict.seen
    assert "written down" in verdict.hint


@pytest.mark.parametrize(
    ("hall", "hint"),
    [
        (Hall({}, ("free_seats", "database")), "Another name does not help"),
        (Hall({"A": 12}), "a new database is empty"),
        (Hall({"A": 12, "B": 12, "C": 12}), "A has 12 free seats, B has 7, C has 0"),
        (Hall(ConnectError("it ended at once")), "starts as it is made"),
        (Hall(UsageError("there is no server hall")), "Run the exercise's cell"),
    ],
)
def test_a_hall_that_does_not_leave_is_told_why(hall: Hall, hint: str) -> None:
    verdict = exported(hall)

    assert not verdict.passed
    assert hint in verdict.hint


# ---- 06.2 ------------------------------------------------------------------------------------


def written(source: str) -> Verdict:
    """The verdict on a cell that was run in the notebook."""
    names: dict[str, Any] = {}
    exec(source, names)
    return agreed.judge(Attempt(names, Trace(), source=source))


@pytest.mark.parametrize(
    "source",
    [
        "def put(basket, item):\n    return [*basket, item]",
        "def put(basket: list[str], item: str) -> list[str]:\n"
        "    basket.append(item)\n    return basket",
        "async def put(basket, item):\n    return basket + [item]",
    ],
)
def test_a_basket_that_the_caller_holds_passes(source: str) -> None:
    verdict = (
        agreed.judge(
            Attempt(
                {"put": print}, Trace(), source=source, awaiter=lambda coroutine, _s: run(coroutine)
            )
        )
        if source.startswith("async")
        else written(source)
    )

    assert verdict.passed, verdict


def run(coroutine: Any) -> Any:
    """What a coroutine that never waits gives."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waited")


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("kept = []\ndef put(basket, item):\n    kept.append(item)\n    return kept", "of its own"),
        ("def put(basket, item, all=[]):\n    all.append(item)\n    return all", "of its own"),
        ("def put(basket, item):\n    basket.append(item)", "give it back"),
        ("def put(basket, item):\n    return [item, *basket]", "of its own"),
        ("def put(basket, item):\n    return item", "at its end"),
        (
            "kept = []\ndef put(basket, item):\n"
            "    kept[:] = kept if len(kept) > len(basket) else basket\n"
            "    kept.append(item)\n    return kept[-len(basket) - 1 :] if basket else list(kept)",
            "all buyers share it",
        ),
    ],
)
def test_a_basket_that_two_processes_do_not_share_is_told_why(source: str, hint: str) -> None:
    verdict = written(source)

    assert not verdict.passed
    assert hint in verdict.hint


def test_the_basket_in_a_global_is_the_untouched_exercise() -> None:
    verdict = written("basket = []\ndef put(item):\n    basket.append(item)\n    return basket")

    assert verdict.untouched


def test_a_cell_that_needs_another_cell_is_told_so() -> None:
    names = {"put": lambda basket, item: [*basket, item]}
    source = "def put(basket, item=DEFAULT):\n    return [*basket, item]"
    verdict = agreed.judge(Attempt(names, Trace(), source=source))

    assert not verdict.passed
    assert "DEFAULT" in verdict.seen
    assert "one cell" in verdict.hint


# ---- 06.3 ------------------------------------------------------------------------------------

SITES = ("tickets.example", "tickets.example:8080", "evil.example")


def server(options: list[str]) -> tuple[dict[str, int], str]:
    """What the exported server would say, without starting it."""
    if "--allow" in options:
        raise ConnectError("python ended at once: unrecognized arguments: --allow.")
    allowed = options[1:]
    found = {}
    for site in SITES:
        known = {"*", site, site.partition(":")[0]} & set(allowed)
        found[site] = 400 if known else 421
    return found, "Host is not served here."


def with_options(options: Any, **names: Any) -> Verdict:
    found: Verdict = named.judge(Attempt({"OPTIONS": options, **names}, Trace()))
    return found


def test_the_public_name_and_no_other_passes() -> None:
    assert with_options(["--allowed-host", "tickets.example"], reached=server).passed


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (["--allowed-host", "*"], "any name is let in"),
        (["--allowed-host", "https://tickets.example"], "without https://"),
        (["--allowed-host", "tickets.example:8080"], "each of its ports"),
        (["--allow", "tickets.example"], "--help"),
        ([8080], "list of texts"),
        ([], "own answer"),
    ],
)
def test_options_that_do_not_name_the_host_are_told_why(options: Any, hint: str) -> None:
    verdict = with_options(options, reached=server)

    assert not verdict.passed
    assert hint in verdict.hint


def test_options_are_not_judged_before_the_cells_above_ran() -> None:
    assert "Run the cells above" in with_options(["--allowed-host", "x"]).hint


# ---- 06.4 ------------------------------------------------------------------------------------


def with_breaks(given: Any, **names: Any) -> Verdict:
    found: Verdict = foreseen.judge(Attempt({"BREAKS": given, **names}, Trace()))
    return found


def due() -> set[str]:
    return {"reserve", "free"}


def test_the_changes_that_break_pass_in_any_order() -> None:
    assert with_breaks(["free", "reserve"], breaking=due).passed


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({...}, "as texts"),
        ({}, "is refused now"),
        ({"reserve"}, "gets a text now"),
        ({"reserve", "free", "seat"}, "need not send it"),
        ({"reserve", "free", "price"}, "is a number too"),
        ({"reserve", "free", "cancel"}, "programs send"),
        ({"kiosk"}, "The five are"),
        ("free", "A set of names"),
    ],
)
def test_a_wrong_set_of_changes_is_told_why(given: Any, hint: str) -> None:
    verdict = with_breaks(given, breaking=due)

    assert not verdict.passed
    assert hint in verdict.hint


def test_changes_are_not_judged_before_the_cells_above_ran() -> None:
    assert "Run the cells above" in with_breaks({"free"}).hint
