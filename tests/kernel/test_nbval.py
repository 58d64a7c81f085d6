"""A run of nbval shows what a reader would see, and fails where a reader would stop."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from tests.rigs.lessons import run_lesson

pytestmark = [pytest.mark.kernel, pytest.mark.lesson, pytest.mark.slow]


def write_notebook(folder: Path, *cells: str) -> Path:
    """A notebook with these code cells and no stored outputs."""
    path = folder / "lesson.ipynb"
    nbformat.write(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in cells]), path
    )
    return path


def test_the_kernel_of_a_lesson_is_that_of_a_reader(tmp_path: Path) -> None:
    notebook = write_notebook(
        tmp_path,
        "import os, sys\nassert 'PYTEST_CURRENT_TEST' not in os.environ",
        "sys.stdout.fileno()",
        "import atexit\natexit.register(open('ended', 'w').close)",
    )

    status, shown = run_lesson(notebook)

    assert status == 0, shown
    assert "3 passed" in shown
    assert (tmp_path / "ended").exists(), "the kernel was killed and could not clean up"


def test_an_error_of_the_package_fails_a_lax_run(tmp_path: Path) -> None:
    """IPython's own UsageError would pass: it is only a line on stderr."""
    notebook = write_notebook(
        tmp_path,
        "from mcp_notebook.errors import UsageError\n"
        "raise UsageError('no such tool', hint='Type %mcp tools')",
    )

    status, shown = run_lesson(notebook)

    assert status == 1, shown
    assert "1 failed" in shown
    assert "UsageError: no such tool. Type %mcp tools" in shown
