"""A kernel in the folder of the sample lesson."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rigs.kernel import KernelRig

SAMPLE = Path(__file__).resolve().parents[1] / "lessons" / "sample"


@pytest.fixture(scope="module")
def sample_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelRig]:
    """A kernel that works in a copy of the sample lesson's folder."""
    home = tmp_path_factory.mktemp("sample")
    shutil.copytree(SAMPLE, home / "work")
    rig = KernelRig(home)
    try:
        rig.run("%load_ext mcp_notebook\nimport checks98").check()
        yield rig
    finally:
        rig.stop()


@pytest.fixture
def lesson(sample_kernel: KernelRig) -> KernelRig:
    """The same with no progress and a new workbench."""
    for path in sample_kernel.cwd.glob(".mcp_progress.json*"):
        path.unlink()
    sample_kernel.run("%reload_ext mcp_notebook").check()
    return sample_kernel
