"""Exercises: registered by number, judged whatever the answer does."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mcp_notebook.errors import UsageError
from mcp_notebook.learn import exercise as exercises
from mcp_notebook.learn.attempt import Attempt, TimeUp, brief
from mcp_notebook.learn.exercise import Exercise, SolutionsDamaged, find_exercise, read_solutions
from mcp_notebook.learn.verdict import NotYet, Verdict, failed, passed
from mcp_notebook.trace.events import Direction, Message, Vantage
from mcp_notebook.trace.store import Trace


@pytest.fixture(autouse=True)
def _own_exercises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exercises, "_registered", {})
    return


def an_exercise(check: Callable[[Attempt], Verdict]) -> Exercise:
    return exercises.exercise("98.1", title="Try", hints=("First.", "Second."), start="Begin.")(
        check
    )


def awaited(coroutine: Any, timeout_s: float) -> Any:
    async def one() -> Any:
        return await asyncio.wait_for(coroutine, timeout_s)

    try:
        return asyncio.run(one())
    except TimeoutError:
        raise TimeUp from None


def doubles(attempt: Attempt) -> Verdict:
    ran = attempt.run(attempt.get("double", kind=callable), 21, timeout_s=0.3)
    return passed("42 came.") if ran.value == 42 else failed(f"{ran.value} came.", "Add.")


def judged(double: Any, **names: Any) -> Verdict:
    attempt = Attempt({"double": double, **names}, Trace(), awaiter=awaited)
    return an_exercise(doubles).judge(attempt)


def test_the_right_answer_passes_and_a_wrong_one_has_its_hint() -> None:
    assert judged(lambda x: x * 2) == Verdict(True, "42 came.")
    assert judged(lambda x: x) == Verdict(False, "21 came.", "Add.")


def test_a_coroutine_function_is_run_too() -> None:
    async def double(x: int) -> int:
        await asyncio.sleep(0)
        return 2 * x

    assert judged(double).passed


def test_a_name_that_is_missing_is_a_verdict_that_says_what_was_meant() -> None:
    attempt = Attempt({"duoble": len}, Trace())
    verdict = an_exercise(doubles).judge(attempt)

    assert not verdict.passed
    assert "There is no double" in verdict.seen
    assert "duoble" in verdict.hint


def test_a_value_of_another_kind_is_named() -> None:
    verdict = judged(42)
    assert "42, of type int" in verdict.seen
    assert "a function" in verdict.hint


def nothing(x: int) -> int: ...


def not_written(x: int) -> int:
    """Doubles."""
    raise NotImplementedError


def begun(x: int) -> int:
    if x:
        raise NotImplementedError
    return 0


async def never_begun(x: int) -> None:
    pass


@pytest.mark.parametrize("double", [..., nothing, not_written, begun, never_begun])
def test_an_untouched_exercise_is_recognised(double: Any) -> None:
    verdict = judged(double)
    assert (verdict.untouched, verdict.hint) == (True, "Begin.")


def raises(x: int) -> int:
    return {}["id"]  # type: ignore[index]


def leaves(x: int) -> int:
    raise SystemExit(3)


def test_what_the_answer_raises_is_shown_with_its_own_line() -> None:
    verdict = judged(raises)
    assert "raises(21) raised KeyError: 'id'" in verdict.seen
    assert 'return {}["id"]' in verdict.hint
    assert "SystemExit" in judged(leaves).seen


def test_a_line_is_the_answers_own_also_where_others_call_it_and_it_calls_others() -> None:
    def reads(x: int) -> Any:
        return json.loads("no JSON")

    with pytest.raises(NotYet) as ended:
        Attempt({}, Trace()).run(sorted, [21], key=reads)
    assert 'return json.loads("no JSON")' in ended.value.verdict.hint


def test_an_answer_that_never_ends_is_ended() -> None:
    def for_ever(x: int) -> int:
        while True:
            try:
                time.sleep(0.001)
            except Exception:
                continue

    async def waits(x: int) -> int:
        await asyncio.sleep(3600)
        return x

    for double in (for_ever, waits):
        assert "did not end within 0.3 s" in judged(double).seen
    assert [t.name for t in threading.enumerate() if t.name == "mcp-check"] == []


def test_an_answer_that_cannot_be_looked_at_is_a_verdict() -> None:
    class Strange:
        def __eq__(self, other: object) -> bool:
            raise RuntimeError("no")

        __hash__ = None  # type: ignore[assignment]

        def __repr__(self) -> str:
            raise RuntimeError("no")

    verdict = judged(lambda x: Strange())
    assert not verdict.passed
    assert "RuntimeError: no" in verdict.seen
    assert verdict.hint == "First."
    assert brief(Strange()).startswith("<Strange instance")


def test_what_it_prints_is_captured(capsys: pytest.CaptureFixture[str]) -> None:
    def double(x: int) -> int:
        print("working")
        return 2 * x

    attempt = Attempt({}, Trace())
    ran = attempt.run(double, 21)

    assert (ran.value, ran.stdout) == (42, "working\n")
    assert capsys.readouterr().out == ""


def test_it_sees_what_went_over_the_wire_since_the_cell_and_during_a_run() -> None:
    trace = Trace()

    def send(id: int) -> None:
        trace.record(
            Message, conn="c", vantage=Vantage.CLIENT, direction=Direction.CLIENT_TO_SERVER,
            raw=b'{"jsonrpc":"2.0","id":%d,"method":"ping"}' % id, size=40,
        )  # fmt: skip

    send(1)
    since = trace.last_seq
    send(2)
    attempt = Attempt({}, trace, since=since)
    ran = attempt.run(send, 3)

    assert [e.request.json()["id"] for e in attempt.exchanges()] == [2, 3]
    assert [e.request.json()["id"] for e in ran.exchanges] == [3]
    assert [m.json()["id"] for m in ran.messages] == [3]


def test_caught_errors_are_for_the_check_to_judge() -> None:
    ran = Attempt({}, Trace()).run(raises, 1, catch=True)
    assert isinstance(ran.error, KeyError)
    assert Attempt({}, Trace()).run(time.sleep, 5, timeout_s=0.05, catch=True).timed_out


def test_an_exercise_is_found_by_its_number() -> None:
    an_exercise(doubles)

    assert find_exercise("98.1").title == "Try"
    with pytest.raises(UsageError, match=r"no exercise 98\.2\. .*Lesson 98 has 98\.1"):
        find_exercise("98.2")
    with pytest.raises(UsageError, match="'first' is no exercise"):
        find_exercise("first")
    with pytest.raises(UsageError, match="lesson 97 has none"):
        find_exercise("97.1")


def test_a_number_or_hints_of_another_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="no number"):
        exercises.exercise("one", title="", hints=("Hint.",))
    with pytest.raises(ValueError, match="tuple of hints"):
        exercises.exercise("98.1", title="", hints="Hint.")  # type: ignore[arg-type]


def test_solutions_are_read_and_what_is_wrong_with_them_is_said(tmp_path: Path) -> None:
    assert read_solutions(tmp_path, "98") == {}
    (tmp_path / "solutions").mkdir()
    path = tmp_path / "solutions" / "98.toml"
    path.write_text(
        "[\"98.1\"]\nsolution = '''\nx = 1\n'''\nuntouched = \"a\"\n"
        "[[\"98.1\".wrong]]\nanswer = 'x = 2'\nhint = 'b'\n",
        encoding="utf-8",
    )
    found = read_solutions(tmp_path, "98")["98.1"]
    assert (found.cell, found.untouched, found.wrong) == ("x = 1", "a", (("x = 2", "b"),))
    path.write_text('["98.1"]\nuntouched = "a"\n', encoding="utf-8")
    with pytest.raises(SolutionsDamaged, match=r"98\.toml: \[.98\.1.\] is not complete"):
        read_solutions(tmp_path, "98")
