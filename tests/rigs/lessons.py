"""Runs a notebook as `make lessons` does, in a pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.rigs.kernel import COLOURS

ROOT = Path(__file__).resolve().parents[2]


def run_lesson(notebook: Path, *arguments: str, timeout: float = 120) -> tuple[int, str]:
    """The exit status of nbval's lax run of a notebook, and what it printed."""
    command = [
        *(sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--color=no"),
        *("-p", "tests.rigs.nbval_environment", "--nbval-lax", "--nbval-current-env"),
        *("--nbval-cell-timeout=60", *arguments, str(notebook)),
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command,
        cwd=notebook.parent,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )
    return done.returncode, COLOURS.sub("", done.stdout)
