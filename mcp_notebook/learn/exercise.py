"""Exercises: a check for each, registered by its number and found when it is asked for.

The checks of lesson 01 stand in ``mcp_notebook/learn/lesson01.py``, which is imported when one
of them is needed. Whoever writes lessons of his own registers checks in any module that the
notebook imports::

    from mcp_notebook.learn.exercise import exercise
    from mcp_notebook.learn.verdict import failed, passed

    @exercise("70.1", title="Double it", hints=("Think of addition.",))
    def doubled(attempt):
        ran = attempt.run(attempt.get("double", kind=callable), 21)
        return passed("42 came out.") if ran.value == 42 else failed("...", "...")
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mcp_notebook.errors import McpError, UsageError

from .verdict import NotYet, Verdict

if TYPE_CHECKING:
    from .attempt import Attempt

EXERCISE_ID: Final = re.compile(r"(\d\d)\.(\d{1,2})")
FIRST_LINE: Final = re.compile(r"\s*#\s*Exercise\s+(\d\d\.\d{1,2})\b")
"""How the cell of an exercise begins."""

_registered: dict[str, Exercise] = {}


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """One exercise.

    Attributes:
        id: ``01.3``: the lesson, and the number in it.
        title: what is asked for, in a few words.
        hints: what ``%mcp hint`` tells, one after the other.
        check: judges an attempt.
        start: the hint for a cell in which nothing was written yet.
    """

    id: str
    title: str
    hints: tuple[str, ...]
    check: Callable[[Attempt], Verdict]
    start: str = "Replace the ... in the cell above, run it, then run this check again."

    def judge(self, attempt: Attempt) -> Verdict:
        """The verdict on an attempt. A broken answer is a verdict, never an exception."""
        attempt.start = self.start
        hint = self.hints[0] if self.hints else ""
        try:
            verdict: Any = self.check(attempt)
        except NotYet as ended:
            verdict = ended.verdict
        except Exception as error:  # noqa: BLE001 - a boundary: a check never stops the notebook
            # also an answer whose ==, len() or repr raises
            what = f"{type(error).__name__}: {_words(error)}"
            return Verdict(False, f"The answer could not be judged: {what}", hint)
        if not isinstance(verdict, Verdict):
            return Verdict(False, "The check gave no verdict.", hint)
        return verdict


def exercise(
    id: str,
    *,
    title: str,
    hints: tuple[str, ...],
    start: str = Exercise.start,
) -> Callable[[Callable[[Attempt], Verdict]], Exercise]:
    """Register a check.

    Args:
        id: ``01.3``.
        title: what is asked for, in a few words.
        hints: what ``%mcp hint`` tells, the vaguest first.
        start: the hint for a cell in which nothing was written yet.

    Raises:
        ValueError: the id is none, or there is no hint.
    """
    if not EXERCISE_ID.fullmatch(id):
        raise ValueError(f"{id!r} is no number of an exercise; it is like '01.3'")
    if not hints or not all(len(hint) > 1 for hint in hints):  # a text is a tuple of letters
        raise ValueError(f"exercise {id} needs a tuple of hints")

    def register(check: Callable[[Attempt], Verdict]) -> Exercise:
        made = Exercise(id=id, title=title, hints=tuple(hints), check=check, start=start)
        _registered[id] = made
        return made

    return register


def find_exercise(id: str) -> Exercise:
    """The exercise of this number; the module of its lesson is imported where that is needed.

    Raises:
        UsageError: there is none.
    """
    match = EXERCISE_ID.fullmatch(id)
    if match is None:
        raise UsageError(f"{id!r} is no exercise.", hint="It is like 01.3: %mcp check 01.3")
    lesson = match[1]
    known = exercises_of(lesson)
    if id in known:
        return known[id]
    if known:
        near = difflib.get_close_matches(id, known, n=1, cutoff=0.9)
        told = f"Did you mean {near[0]}? " if near else ""
        raise UsageError(
            f"there is no exercise {id}.", hint=f"{told}Lesson {lesson} has {', '.join(known)}."
        )
    raise UsageError(
        f"there is no exercise {id}: lesson {lesson} has none.",
        hint="The number stands in the first line of the cell: # Exercise 01.1",
    )


def exercises_of(lesson: str) -> dict[str, Exercise]:
    """The exercises of a lesson, in the order of their numbers; empty where it has none."""
    module = f"{__package__}.lesson{lesson}"
    if importlib.util.find_spec(module) is not None:
        importlib.import_module(module)
    found = [e for e in _registered.values() if e.id.startswith(f"{lesson}.")]
    return {e.id: e for e in sorted(found, key=lambda e: int(e.id.partition(".")[2]))}


def registered() -> list[str]:
    """The numbers of the exercises whose modules are imported."""
    return list(_registered)


@dataclass(frozen=True)
class Solution:
    """What a teacher has of an exercise.

    Attributes:
        cell: the whole cell, solved.
        untouched: part of the hint that the untouched exercise gives.
        wrong: answers that are wrong, each with a part of the hint it gives.
    """

    cell: str
    untouched: str = ""
    wrong: tuple[tuple[str, str], ...] = ()


class SolutionsDamaged(McpError):
    """A file of solutions cannot be read."""


def read_solutions(folder: Path, lesson: str) -> dict[str, Solution]:
    """The solutions of a lesson by exercise; empty where the file was taken away.

    Raises:
        SolutionsDamaged: the file is no TOML, or an entry is not complete.
    """
    path = folder / "solutions" / f"{lesson}.toml"
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SolutionsDamaged(f"solutions/{path.name}: {error}", hint="Mend the file.") from None
    found = {}
    for id, table in tables.items():
        try:
            found[id] = Solution(
                cell=_filled(table["solution"]),
                untouched=_filled(table.get("untouched", "")),
                wrong=tuple(
                    (_filled(each["answer"]), _filled(each["hint"]))
                    for each in table.get("wrong", [])
                ),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise SolutionsDamaged(
                f'solutions/{path.name}: ["{id}"] is not complete: {error}.',
                hint="It has solution, untouched, and for each wrong answer, answer and hint.",
            ) from None
    return found


def _filled(text: Any) -> str:
    if not isinstance(text, str):
        raise TypeError(f"{type(text).__name__} is no text")
    return text.strip("\n")


def _words(error: BaseException) -> str:
    try:
        return " ".join(str(error).split())[:200]
    except Exception:  # noqa: BLE001 - the answer's own exception may be broken too
        return "(it cannot be shown)"
