"""A stage whose module is ``__main__`` while a test runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_notebook.runtime.workbench import Workbench
from tests.handoff.reach.stage import Stage, main_is


@pytest.fixture(scope="module")
def shared_bench() -> Iterator[Workbench]:
    with Workbench() as bench:
        yield bench


@pytest.fixture
def stage(shared_bench: Workbench, tmp_path: Path) -> Iterator[Stage]:
    shared_bench.servers.clear()
    made = Stage(shared_bench, tmp_path)
    with main_is(made.module):
        yield made
