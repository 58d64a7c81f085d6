"""A folder of sockets for one test, and hosts that look there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.rigs.bridge import Host, short_folder


@pytest.fixture
def runtime() -> Iterator[Path]:
    """What XDG_RUNTIME_DIR names in this test."""
    with short_folder() as folder:
        yield folder


@pytest.fixture
def host(runtime: Path) -> Iterator[Callable[..., Host]]:
    """Starts bridges that look in the test's folder."""
    with ExitStack() as stack:

        def start(*words: str) -> Host:
            folder = runtime / f"mcp-notebook-{os.getuid()}"
            return stack.enter_context(Host("--folder", str(folder), *words))

        yield start
