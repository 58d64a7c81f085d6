"""The browser rig itself: what other tests in JupyterLab stand on."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
import pytest

from tests.rigs.lab import LabPage

pytestmark = pytest.mark.browser


def notebook(*cells: str) -> nbformat.NotebookNode:
    """A notebook with these code cells."""
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in cells])


def test_run_all_shows_what_cells_print_and_return(page: LabPage, tmp_path: Path) -> None:
    page.open_notebook(notebook("x = 6 * 7", "print('x is', x)", "import sys; sys.executable"))

    page.run_all()

    assert page.output(0) == ""
    assert page.output(1) == "x is 42"
    assert page.output(2) == repr(sys.executable)
    assert page.outputs()[1][0].text == "x is 42\n"
    assert page.errors == []
    assert page.screenshot(tmp_path / "seen.png").stat().st_size > 10_000


def test_a_failing_cell_stops_run_all_and_shows_its_error(page: LabPage) -> None:
    page.open_notebook(notebook("1 / 0", "print('never')"))

    page.run_all()

    assert "ZeroDivisionError" in page.output(0)
    assert page.outputs()[1] == []


def test_restart_forgets_and_runs_again(page: LabPage) -> None:
    page.open_notebook(notebook("n = globals().get('n', 0) + 1; n", "import os; os.getpid()"))
    page.run_all()
    first = page.output(1)

    page.restart_and_run_all()

    assert page.output(0) == "1"
    assert page.output(1) != first


def test_a_script_that_complains_is_heard(page: LabPage) -> None:
    page.open_notebook(
        notebook("from IPython.display import Javascript\nJavascript('console.error(\"ouch\")')")
    )

    page.run_all()

    assert any("ouch" in error for error in page.errors)


def test_cells_far_down_are_reached(page: LabPage) -> None:
    page.open_notebook(notebook(*(f"print('line\\n' * 30, {i})" for i in range(30))))

    page.run_all()

    assert page.output(29).endswith("29")
    assert page.output(0).endswith("0")
