"""A workbench whose private sockets are in a short folder of the test's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_notebook import Workbench
from tests.rigs.bridge import short_folder


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where taps put their sockets."""
    with short_folder() as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
        yield folder / f"mcp-notebook-{os.getuid()}"


@pytest.fixture
def bench(sockets: Path, tmp_path: Path) -> Iterator[Workbench]:
    """A workbench."""
    with Workbench(folder=str(tmp_path)) as made:
        yield made
