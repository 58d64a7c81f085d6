"""Shims as hosts start them, and a wait for what a notebook has recorded."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

LIMIT_S = 50.0
"""How long anything is waited for; only a failure takes so long."""


@contextmanager
def shimmed(
    folder: Path, *command: str, name: str = "tap", words: Sequence[str] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """A command behind a shim that looks for its notebook in a folder."""
    own = [sys.executable, "-m", "mcp_notebook.shim", name, "--folder", str(folder), *words]
    process = subprocess.Popen(
        [*own, "--", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            assert stream is not None
            stream.close()


def eventually(condition: Callable[[], object], what: str) -> None:
    """Wait for something that happens by itself."""
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, f"waited for {what}"
        time.sleep(0.02)
