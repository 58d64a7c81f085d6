"""``claim``, ``guess``, ``progress``, ``check``, ``hint``."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_notebook.errors import MissingProgram, UsageError
from mcp_notebook.magics.cell import CellSyntaxError, value_of_body
from mcp_notebook.magics.command import Command, Parser
from mcp_notebook.magics.context import Shown

if TYPE_CHECKING:
    from mcp_notebook.learn.claims import Claim
    from mcp_notebook.learn.exercise import Exercise
    from mcp_notebook.learn.progress import Progress
    from mcp_notebook.learn.verdict import Verdict
    from mcp_notebook.magics.context import Context
    from mcp_notebook.show.learning import ClaimRow, ExerciseRow


class Card(Shown):
    """A claim after its cell ran.

    Attributes:
        claim: the claim.
        measured: the value of the cell's last expression.
    """

    def __init__(self, shown: dict[str, Any], claim: Claim, measured: Any) -> None:
        super().__init__(shown["text/plain"], shown.get("text/html", ""))
        self.claim = claim
        self.measured = measured


class Checked(Shown):
    """What a check said.

    Attributes:
        verdict: the verdict.
        passed: whether the answer is right.
        hint: names the likely mistake.
    """

    def __init__(self, shown: dict[str, Any], verdict: Verdict) -> None:
        super().__init__(shown["text/plain"], shown.get("text/html", ""))
        self.verdict = verdict
        self.passed = verdict.passed
        self.hint = verdict.hint

    def __bool__(self) -> bool:
        return self.passed


class Table(Shown):
    """The reader's progress.

    Attributes:
        claims: a row for each claim.
        exercises: a row for each exercise.
    """

    def __init__(
        self, shown: dict[str, Any], claims: list[ClaimRow], exercises: list[ExerciseRow]
    ) -> None:
        super().__init__(shown["text/plain"], shown.get("text/html", ""))
        self.claims = claims
        self.exercises = exercises


# ---- claims --------------------------------------------------------------------------------


def run_claim(context: Context, options: argparse.Namespace, body: str | None) -> Card:
    """``%%mcp claim S17``."""
    __tracebackhide__ = True
    from mcp_notebook.show.learning import claim_card

    lessons = context.lessons
    claim = lessons.book.find(options.claim)
    if not (body or "").strip():
        raise UsageError("the cell asserts nothing.", hint="Write what shows the claim, below.")
    try:
        measured = value_of_body(context, body or "")
    except CellSyntaxError:
        raise  # nothing ran, so nothing was measured
    except MissingProgram as missing:  # the lesson goes on without it
        return _not_here(context, claim, missing)
    except Exception as error:
        words = " ".join(str(error).split())
        name = type(error).__name__
        _note(context, claim.id, "failed", f"{name}: {words}" if words else name)
        raise
    progress = _note(context, claim.id, "held", "" if measured is None else str(measured))
    return Card(claim_card(_row(claim, progress)), claim, measured)


def run_guess(context: Context, options: argparse.Namespace, _body: str | None) -> Shown:
    """``%mcp guess S17 yes``."""
    from mcp_notebook.learn.claims import GUESSES
    from mcp_notebook.show.learning import guess_line

    claim = context.lessons.book.find(options.claim)
    progress = context.lessons.progress
    if options.guess is not None:
        guess = {"y": "yes", "n": "no", "true": "yes", "false": "no"}.get(
            options.guess.lower(), options.guess.lower()
        )
        if guess not in GUESSES:
            raise UsageError(
                f"{options.guess!r} is no guess.",
                hint=f"%mcp guess {claim.id} with one of {', '.join(GUESSES)}.",
            )
        progress.guess(claim.id, guess)
        progress.write()
    return _shown(guess_line(_row(claim, progress), GUESSES))


def run_progress(context: Context, options: argparse.Namespace, _body: str | None) -> Table:
    """``%mcp progress [NN] [--html [FILE]]``."""
    from mcp_notebook.show import learning
    from mcp_notebook.trace.wholefile import write_whole

    book, progress = context.lessons.book, context.lessons.progress
    number = None if options.lesson is None else options.lesson.zfill(2)
    if number is None:
        claims = [c for c in book.claims.values() if c.id in progress.claims]
    else:
        claims = book.of_lesson(number)
    rows = [_row(claim, progress) for claim in claims]
    exercises = _exercises(progress, number)
    note = progress.trouble
    if options.html is not None:
        tested = [row for row in rows if row.outcome in ("held", "failed")]
        path = Path(str(context.value(options.html))).expanduser()
        try:
            write_whole(path, learning.progress_page(tested, [e for e in exercises if e.tries]))
        except OSError as error:
            raise UsageError(
                f"{str(path)!r} cannot be written: {error.strerror or error}.",
                hint="Choose another path: %mcp progress --html progress.html",
            ) from None
        note = f"written to {path}"
    return Table(learning.progress(rows, exercises, note, stable=context.stable), rows, exercises)


def _not_here(context: Context, claim: Claim, missing: MissingProgram) -> Card:
    """The card of a claim whose program is missing; what was measured elsewhere stays noted."""
    from mcp_notebook.show.learning import claim_card

    progress = context.lessons.progress
    if claim.id not in progress.claims or not progress.claims[claim.id].outcome:
        _note(context, claim.id, "missing", str(missing))
    row = replace(_row(claim, progress), outcome="missing", measured=str(missing), because="")
    return Card(claim_card(row), claim, None)


def _note(context: Context, claim: str, outcome: str, measured: str) -> Progress:
    """Write down what was measured, without any secret in it."""
    if context.magics.existing is not None:
        for secret in context.workbench.trace.secrets.values():
            measured = measured.replace(secret, "*" * len(secret))
    progress = context.lessons.progress
    progress.measure(claim, outcome, measured)
    progress.write()
    return progress


def _row(claim: Claim, progress: Progress) -> ClaimRow:
    from mcp_notebook.learn.progress import ClaimRecord
    from mcp_notebook.show.learning import ClaimRow

    record = progress.claims.get(claim.id, ClaimRecord())
    return ClaimRow(
        id=claim.id,
        lesson=claim.lesson,
        claim=claim.claim,
        sources=claim.sources,
        guess=record.guess,
        mark=claim.judged(record.guess),
        outcome=record.outcome,
        measured=record.measured,
        verdict=claim.verdict,
        because=claim.because,
        reference=claim.reference,
        threshold=claim.threshold,
    )


# ---- exercises -----------------------------------------------------------------------------


def run_check(context: Context, options: argparse.Namespace, _body: str | None) -> Checked:
    """``%mcp check 01.3``."""
    from mcp_notebook.learn.attempt import Attempt
    from mcp_notebook.learn.exercise import find_exercise
    from mcp_notebook.show import learning

    exercise = find_exercise(options.exercise)
    cell = context.lessons.cells.get(exercise.id)
    attempt = Attempt(
        context.names,
        context.workbench.trace,
        since=cell.since if cell else 0,
        source=cell.source if cell else "",
        awaiter=awaited,
        workbench=context.workbench,
    )
    verdict = exercise.judge(attempt)
    progress = context.lessons.progress
    progress.check(exercise.id, verdict.passed)
    progress.write()
    shown = learning.verdict(
        exercise.id,
        exercise.title,
        passed=verdict.passed,
        seen=verdict.seen,
        hint=verdict.hint,
    )
    return Checked(shown, verdict)


def run_hint(context: Context, options: argparse.Namespace, _body: str | None) -> Shown:
    """``%mcp hint 01.3 [--solution]``."""
    from mcp_notebook.learn.exercise import find_exercise, read_solutions
    from mcp_notebook.show import learning
    from mcp_notebook.show.markup import bundle, pre

    exercise = find_exercise(options.exercise)
    if options.solution:
        solutions = read_solutions(context.lessons.folder, exercise.id.partition(".")[0])
        if exercise.id not in solutions:
            raise UsageError(
                f"the solution of {exercise.id} is not here.",
                hint=f"It may be locked away. Type %mcp hint {exercise.id}",
            )
        cell = solutions[exercise.id].cell
        return _shown(bundle(cell, pre(cell)))
    number = min(context.lessons.hinted.get(exercise.id, 0) + 1, len(exercise.hints))
    context.lessons.hinted[exercise.id] = number
    told = exercise.hints[number - 1]
    return _shown(learning.hint(exercise.id, number, len(exercise.hints), told))


def awaited(coroutine: Coroutine[Any, Any, Any], timeout_s: float) -> Any:
    """The value of a coroutine, on an event loop of its own.

    Raises:
        TimeUp: it took too long, and was cancelled.
    """
    from mcp_notebook.learn.attempt import TimeUp

    limit: list[asyncio.Timeout] = []

    async def watched() -> Any:
        async with asyncio.timeout(timeout_s) as one:
            limit.append(one)
            return await coroutine

    try:
        return asyncio.run(watched())
    except TimeoutError:
        if limit and limit[0].expired():
            raise TimeUp from None
        raise


def _exercises(progress: Progress, number: str | None) -> list[ExerciseRow]:
    from mcp_notebook.learn.exercise import EXERCISE_ID, exercises_of
    from mcp_notebook.learn.progress import ExerciseRecord
    from mcp_notebook.show.learning import ExerciseRow

    lessons = {i.partition(".")[0] for i in progress.exercises if EXERCISE_ID.fullmatch(i)}
    known: dict[str, Exercise] = {}
    for lesson in [number] if number is not None else sorted(lessons):
        known |= exercises_of(lesson)
    rows = []
    for id, exercise in known.items():
        record = progress.exercises.get(id, ExerciseRecord())
        if number is not None or record.tries:
            rows.append(
                ExerciseRow(id=id, title=exercise.title, passed=record.passed, tries=record.tries)
            )
    return rows


def _shown(bundle: dict[str, Any]) -> Shown:
    return Shown(bundle["text/plain"], bundle.get("text/html", ""))


# ---- lines ---------------------------------------------------------------------------------


def _claim_arguments(parser: Parser) -> None:
    parser.add_argument("claim", metavar="SNN", help="the claim, for example S17")


def _guess_arguments(parser: Parser) -> None:
    _claim_arguments(parser)
    parser.add_argument(
        "guess", nargs="?", metavar="GUESS", help="yes, no, depends, unsure; without it: asks"
    )


def _progress_arguments(parser: Parser) -> None:
    parser.add_argument(
        "lesson", nargs="?", metavar="NN", help="one lesson, with what is not measured yet"
    )
    parser.add_argument(
        "--html",
        nargs="?",
        const="progress.html",
        metavar="FILE",
        help="write the claims you tested as one page; without a name progress.html",
    )


def _check_arguments(parser: Parser) -> None:
    parser.add_argument("exercise", metavar="NN.K", help="the exercise, for example 01.1")


def _hint_arguments(parser: Parser) -> None:
    _check_arguments(parser)
    parser.add_argument("--solution", action="store_true", help="the whole cell, solved")


COMMANDS = [
    Command(
        name="claim",
        summary="prove a claim: the cell asserts, its last expression is what was measured",
        run=run_claim,
        build=_claim_arguments,
        cell="only",
        examples=("%%mcp claim S17",),
    ),
    Command(
        name="guess",
        summary="guess whether a claim holds, before it is measured",
        run=run_guess,
        build=_guess_arguments,
        examples=("%mcp guess S17 yes", "%mcp guess S17 depends"),
    ),
    Command(
        name="progress",
        summary="what the articles say, what you guessed, what you measured",
        run=run_progress,
        build=_progress_arguments,
        examples=("%mcp progress", "%mcp progress 01", "%mcp progress --html progress.html"),
    ),
    Command(
        name="check",
        summary="judge your answer to an exercise",
        run=run_check,
        build=_check_arguments,
        examples=("%mcp check 01.1",),
    ),
    Command(
        name="hint",
        summary="the next hint for an exercise, or its solution",
        run=run_hint,
        build=_hint_arguments,
        examples=("%mcp hint 01.1", "%mcp hint 01.1 --solution"),
    ),
]
