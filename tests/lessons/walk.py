"""Goes through a lesson in one kernel, as a reader does, and tries to make it lie.

The first walk runs every cell. After the last cell of a claim its negative control is put in: an
assertion must fail. At an exercise the untouched cell and the wrong answers must be told their
hints, and the solution must pass. The second walk runs every cell as it is stored; after it the
kernel holds what it held after the first one, and nothing runs.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.rigs.census import assert_nothing_left, take_census
from tests.rigs.kernel import KernelRig, Result
from tests.rigs.surroundings import IN_CI

from .notebook import Cell, Lesson

CELL_TIMEOUT_S = 60


@dataclass
class Walk:
    """What a walk found.

    Attributes:
        problems: what is wrong, a line each.
        proven: the claims whose cells held.
        refuted: the claims whose negative control failed, as it must.
        solved: the exercises whose solution passed.
        misled: how many wrong answers were told their hint.
        unmeasured: the claims whose program is not installed here.
    """

    problems: list[str] = field(default_factory=list)
    proven: list[str] = field(default_factory=list)
    refuted: list[str] = field(default_factory=list)
    solved: list[str] = field(default_factory=list)
    misled: int = 0
    unmeasured: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        left_out = f", not measured here: {', '.join(self.unmeasured)}" if self.unmeasured else ""
        return (
            f"{len(self.proven)} claims proven, {len(self.refuted)} of them refuted by their "
            f"negative control, {len(self.solved)} exercises solved, {self.misled} wrong answers "
            f"recognised{left_out}"
        )


def walk(lesson: Lesson, home: Path, *, twice: bool = True) -> Walk:
    """Walk through a lesson in a kernel of its own, in a copy of the lesson's folder.

    Args:
        lesson: the lesson.
        home: an empty folder.
        twice: whether to walk it a second time, and look what is left behind.
    """
    copied(lesson.folder, home / "work")
    kernel = KernelRig(home)
    try:
        return _Walker(lesson, kernel).through(twice=twice)
    finally:
        kernel.stop()


def copied(folder: Path, to: Path) -> None:
    """Copy the folder of a lesson, without what its readers left in it."""
    traces = shutil.ignore_patterns(
        ".ipynb_checkpoints", "__pycache__", ".mcp_progress.json*", ".mcp_results.json*"
    )
    shutil.copytree(folder, to, ignore=traces)


class _Walker:
    def __init__(self, lesson: Lesson, kernel: KernelRig) -> None:
        self.lesson = lesson
        self.kernel = kernel
        self.found = Walk()

    def through(self, *, twice: bool) -> Walk:
        before = take_census(self.kernel)
        for cell in self.lesson.code:
            if not self._run(cell):
                return self.found
            for claim in cell.claims:
                if cell is self.lesson.cells_of(claim)[-1]:
                    self._refute(claim)
            if cell.exercise:
                self._solve(cell)
        self._left(before, ("children", "ports"))
        if not twice or self.found.problems:
            return self.found
        after = take_census(self.kernel)
        for cell in self.lesson.code:
            if not self._run(cell):
                self.found.problems[-1] += " (the second time in one kernel)"
                return self.found
        self._left(after, ("children", "ports", "threads", "tasks", "logging"))
        return self.found

    def _run(self, cell: Cell) -> bool:
        result = self._execute(cell.source, cell)
        expected = "error" if "raises-exception" in cell.tags else "ok"
        if result.status != expected:
            self._problem(cell, f"ended with {result.status}", result)
        return result.status == expected

    def _execute(self, source: str, cell: Cell) -> Result:
        return self.kernel.start(source, cell_id=cell.id).wait(CELL_TIMEOUT_S)

    def _problem(self, cell: Cell, what: str, result: Result | None = None) -> None:
        shown = f"\n{result.text}" if result is not None else ""
        self.found.problems.append(f"{cell.name}: {what}{shown}")

    # ---- claims ------------------------------------------------------------------------

    def _refute(self, name: str) -> None:
        cells = self.lesson.cells_of(name)
        claim = self.lesson.claims[name]
        if (missing := self._missing(name)) is not None:
            self.found.unmeasured.append(name)
            if IN_CI:
                self._problem(cells[0], f"{name} is not measured: {missing}")
            return
        self.found.proven.append(name)
        if claim.timing or claim.negative is None:
            return
        control = claim.negative
        for cell in cells:
            result = self._execute(cell.source.replace(control.replace, control.by), cell)
            said = result.ename or result.status
            if result.status != "ok":
                break
        if said == "AssertionError":
            self.found.refuted.append(name)
        elif said == "ok":
            self._problem(cells[0], f"{name} holds although {control.what}", result)
        else:
            what = f"the negative control of {name} ends in {said}, not in an AssertionError"
            self._problem(cells[0], what, result)
        for cell in cells:
            if (result := self._execute(cell.source, cell)).status != "ok":
                self._problem(cell, f"{name} does not hold a second time", result)

    def _missing(self, name: str) -> str | None:
        """Which program the cells of a claim do not find."""
        kept = json.loads((self.kernel.cwd / ".mcp_progress.json").read_text(encoding="utf-8"))
        record = kept["claims"][name]
        return record["measured"] if record["outcome"] == "missing" else None

    # ---- exercises ---------------------------------------------------------------------

    def _solve(self, cell: Cell) -> None:
        name = cell.exercise
        solution = self.lesson.solutions.get(name)
        if solution is None:
            self._problem(cell, f"exercise {name} has no solution")
            return
        self._expect(cell, cell.source, solution.untouched, "the untouched cell")
        for number, (answer, hint) in enumerate(solution.wrong, 1):
            if self._expect(cell, answer, hint, f"wrong answer {number}"):
                self.found.misled += 1
        self._execute(solution.cell, cell)
        verdict = self._verdict(name)
        if verdict["passed"]:
            self.found.solved.append(name)
        else:
            self._problem(cell, f"the solution of {name} does not pass: {verdict}")

    def _expect(self, cell: Cell, source: str, hint: str, what: str) -> bool:
        ran = self._execute(source, cell)
        verdict = self._verdict(cell.exercise)
        if verdict["passed"]:
            self._problem(cell, f"{what} of {cell.exercise} passes")
        elif hint not in verdict["hint"]:
            self._problem(cell, f"{what} of {cell.exercise}: {hint!r} is not in {verdict}", ran)
        else:
            return True
        return False

    def _verdict(self, name: str) -> dict[str, Any]:
        """What the check says; the cell with the check itself runs after this, as any other."""
        ran = self.kernel.run(
            f"_verdict = get_ipython().run_line_magic('mcp', 'check {name}')", CELL_TIMEOUT_S
        )
        if ran.status != "ok":
            return {"passed": False, "hint": "", "error": ran.text}
        found: dict[str, Any] = self.kernel.value(
            "{k: getattr(_verdict.verdict, k) for k in ('passed', 'seen', 'hint')}"
        )
        return found

    # ---- what is left ------------------------------------------------------------------

    def _left(self, before: Any, kinds: tuple[str, ...]) -> None:
        """Something that is closing gets a moment; then it counts as left behind."""
        try:
            assert_nothing_left(self.kernel, before, kinds=kinds)
        except pytest.fail.Exception as failure:
            self.found.problems.append(f"the end of the lesson: {failure}")
