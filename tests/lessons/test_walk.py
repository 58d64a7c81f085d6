"""A lesson that lies is found out: each way to cheat fails the walk through it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.rigs.lessons import run_lesson

from .agreement import problems
from .conftest import Broken
from .notebook import ROOT, SAMPLE, Lesson
from .walk import walk

pytestmark = [
    pytest.mark.lesson,
    pytest.mark.kernel,
    pytest.mark.slow,
    pytest.mark.timeout(180),
]

CLAIMS, SOLUTIONS = "claims.98.toml", "solutions/98.toml"


def baked(path: Path) -> tuple[int, str]:
    """The exit status of a bake, and what it printed."""
    command = [sys.executable, "-m", "tests.lessons.bake", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def test_the_sample_passes(tmp_path: Path) -> None:
    found = walk(Lesson(SAMPLE), tmp_path)

    assert found.problems == []
    assert (found.proven, found.refuted, found.solved) == (["S1"], ["S1"], ["98.1"])
    assert found.misled == 2


@pytest.mark.parametrize(
    ("old", "new", "file", "words"),
    [
        (r'came.count(b\"\\n\") == 0', "True", "", "S1 holds although the message"),
        ('with = "indent=1"', 'with = "indent = None"', CLAIMS, "S1 holds although"),
        ('with = "indent=1"', 'with = "indent="', CLAIMS, "control of S1 ends in CellSyntaxError"),
        (r'came.count(b\"\\n\") == 0', "False", "", "ended with error"),
        ('hint = "takes bytes"', 'hint = "other"', SOLUTIONS, "wrong answer 1 of 98.1"),
        ('untouched = "Write', 'untouched = "No', SOLUTIONS, "the untouched cell of 98.1"),
        ('encode() + b"\\n"', "encode()", SOLUTIONS, "solution of 98.1 does not pass"),
        ("    return json.dumps(message)\n", '    return b"x\\n"\n', SOLUTIONS, "1 of 98.1"),
        ('"%mcp stop --all"', '"pass"', "", "left behind"),
    ],
    ids=["assert True", "control without effect", "control that is no Python", "fails",
         "other hint", "other untouched hint", "solution that is wrong",
         "wrong answer that is right", "endpoint left open"],
)  # fmt: skip
def test_a_lesson_that_cheats_fails(
    broken: Broken, tmp_path: Path, old: str, new: str, file: str, words: str
) -> None:
    found = walk(broken(old, new, file=file or SAMPLE.name), tmp_path / "home", twice=False)
    assert any(words in problem for problem in found.problems), found.problems


def test_a_lesson_that_runs_only_once_fails(broken: Broken, tmp_path: Path) -> None:
    lesson = broken('"import checks98"', "\"import checks98\\nopen('once', 'x').close()\"")
    found = walk(lesson, tmp_path / "home")
    assert "(the second time in one kernel)" in found.problems[0]


def test_a_thread_that_stays_is_found(broken: Broken, tmp_path: Path) -> None:
    code = (
        "import threading, time\\n"
        "threading.Thread(target=time.sleep, args=(900,), daemon=True).start()"
    )
    lesson = broken('"import checks98"', f'"import checks98\\n{code}"')
    found = walk(lesson, tmp_path / "home")
    assert any("left behind" in problem for problem in found.problems)


def test_what_is_baked_passes_a_run_of_nbval_and_stays_the_same(broken: Broken) -> None:
    lesson = broken()
    ids = [cell.id for cell in lesson.cells]
    assert baked(lesson.path)[0] == 0
    first = lesson.path.read_bytes()
    assert baked(lesson.path)[0] == 0

    assert lesson.path.read_bytes() == first
    again = Lesson(lesson.path)
    assert [cell.id for cell in again.cells] == ids
    assert problems(again) == []
    assert not (lesson.folder / ".mcp_progress.json").exists()
    status, shown = run_lesson(lesson.path)
    assert status == 0, shown


def test_a_lesson_that_fails_is_not_stored(broken: Broken) -> None:
    lesson = broken('"import checks98"', '"1/0"')
    before = lesson.path.read_bytes()

    status, shown = baked(lesson.path)
    assert (status, "ZeroDivisionError" in shown) == (1, True)
    assert lesson.path.read_bytes() == before


@pytest.mark.parametrize("in_ci", [False, True])
def test_a_claim_whose_program_is_missing_is_left_out_but_not_in_ci(
    broken: Broken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_ci: bool
) -> None:
    monkeypatch.setattr("tests.lessons.walk.IN_CI", in_ci)
    look = "from mcp_notebook.bench.programs import find_program\\nfind_program('no-such-program')"
    lesson = broken("%%mcp claim S1\\n", f"%%mcp claim S1\\n{look}\\n")

    found = walk(lesson, tmp_path / "home", twice=False)

    assert (found.proven, found.unmeasured) == ([], ["S1"])
    assert bool(found.problems) is in_ci
