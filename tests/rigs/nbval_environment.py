"""A pytest plugin for runs of nbval: its kernels see what a reader's kernel sees.

Used as `pytest -p tests.rigs.nbval_environment --nbval-lax ...`.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from tests.rigs.surroundings import jupyter_environment


def pytest_sessionstart(session: pytest.Session) -> None:
    """Sends every Jupyter folder to a temporary one for the whole run."""
    home = tempfile.TemporaryDirectory(prefix="mcp-nbval-", ignore_cleanup_errors=True)
    session.config.add_cleanup(home.cleanup)
    os.environ.update(jupyter_environment(Path(home.name)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """nbval starts its kernel in a set-up: the kernel must not inherit pytest's variable."""
    os.environ.pop("PYTEST_CURRENT_TEST", None)
