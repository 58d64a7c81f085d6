"""A pytest plugin for runs of nbval: its kernels see what a reader's kernel sees.

Used as `pytest -p tests.rigs.nbval_environment --nbval-lax ...`.
"""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.rigs.surroundings import jupyter_environment


def pytest_configure(config: pytest.Config) -> None:
    """Sends every Jupyter folder to a temporary one for the whole run."""
    importlib.import_module("nbval.kernel").RunningKernel.execute_cell_input = _with_history
    home = tempfile.TemporaryDirectory(prefix="mcp-nbval-", ignore_cleanup_errors=True)
    config.add_cleanup(home.cleanup)
    os.environ.update(jupyter_environment(Path(home.name)))
    # not that of whoever works through the lessons in this checkout
    os.environ["MCP_NOTEBOOK_PROGRESS"] = str(Path(home.name) / "progress.json")
    os.environ["MCP_NOTEBOOK_RESULTS"] = str(Path(home.name) / "results.json")


def _with_history(kernel: Any, source: str, allow_stdin: bool | None = None) -> str:
    """Executes a cell as a front end does: the kernel's history has it, which an export reads."""
    said: str = kernel.kc.execute(source, allow_stdin=allow_stdin, stop_on_error=False)
    return said


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Wraps the set-up and the teardown of each notebook."""
    for notebook in {item.parent for item in items if item.parent is not None}:
        notebook.setup = _unmarked(notebook.setup)  # type: ignore[method-assign]
        notebook.teardown = _asked_first(notebook, notebook.teardown)  # type: ignore[method-assign]


def _unmarked(setup: Callable[[], None]) -> Callable[[], None]:
    """The same set-up, without the variable by which ipykernel knows pytest."""

    def wrapped() -> None:
        # pytest sets it again for the next phase
        os.environ.pop("PYTEST_CURRENT_TEST", None)
        setup()

    return wrapped


def _asked_first(notebook: Any, teardown: Callable[[], None]) -> Callable[[], None]:
    """The same teardown, before which the kernel is asked to end, as a front end asks.

    nbval kills: then nothing is cleaned up, and what coverage measured is lost.
    """

    def wrapped() -> None:
        if notebook.kernel is not None and notebook.kernel.is_alive():
            notebook.kernel.km.shutdown_kernel(now=False)
        teardown()

    return wrapped
