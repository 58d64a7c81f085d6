"""`make lessons`: what fails a run, and what does not."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest

from tests.rigs.kernel import COLOURS
from tests.rigs.surroundings import IN_CI

from .notebook import LESSONS, ROOT, Lesson

pytestmark = [
    pytest.mark.lesson,
    pytest.mark.kernel,
    pytest.mark.slow,
    pytest.mark.timeout(180),
]

LOAD = "%load_ext mcp_notebook\n%config MCPMagics.stable = True"


def stored(path: Path, *cells: str, shown: str = "") -> Path:
    """A notebook with these cells; with `shown`, the last one's stored output, which is checked."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in cells])
    if shown:
        last = notebook.cells[-1]
        last.metadata["tags"] = ["nbval-check-output"]
        last.execution_count = len(cells)
        last.outputs = [nbformat.v4.new_output("stream", text=shown)]
    nbformat.write(notebook, path)
    return path


def made(*lessons: Path) -> tuple[int, str]:
    """The exit status of `make lessons` over these files, and what it printed."""
    if not IN_CI and shutil.which("make") is None:
        pytest.skip("no make here")
    # make must not install anew what these tests run with
    command = [
        "make",
        "lessons",
        f"LESSONS={' '.join(map(str, lessons))}",
        "-o",
        ".venv/.done/test",
    ]
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFL"))
    }
    kept.pop("PYTEST_CURRENT_TEST", None)
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=kept,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=150,
    )
    return done.returncode, COLOURS.sub("", done.stdout)


def test_a_line_that_fails_and_an_output_that_is_stale_fail_the_run(tmp_path: Path) -> None:
    failing = stored(tmp_path / "failing.ipynb", LOAD, "%mcp call nothing(1)")
    stale = stored(tmp_path / "stale.ipynb", LOAD, "print(6 * 7)", shown="41\n")

    status, shown = made(failing, stale)

    assert status != 0
    assert "failing.ipynb::Cell 1" in shown
    assert "stale.ipynb::Cell 1" in shown
    assert "mismatch 'stdout'" in shown
    assert "2 failed, 2 passed" in shown


def test_an_exercise_that_is_not_done_does_not_stop_the_run(tmp_path: Path) -> None:
    """Run All of somebody who did no exercise comes to the end."""
    lesson = Lesson(next(path for path in LESSONS if path.name.startswith("01")))
    (place, exercise) = next((c.place, c) for c in lesson.code if c.exercise)
    check = lesson.cells[place + 1].source
    last = f"assert not _.verdict.passed\nprint('{exercise.exercise} is open')"
    notebook = stored(
        tmp_path / "open.ipynb", LOAD, exercise.source, check, last, shown="01.1 is open\n"
    )

    status, shown = made(notebook)

    assert status == 0, shown
    assert "4 passed" in shown
