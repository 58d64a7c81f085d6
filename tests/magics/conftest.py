"""A kernel with the extension loaded afresh for each test."""

from __future__ import annotations

import pytest

from tests.rigs.kernel import KernelRig

TOOLS = '''\
%%mcp tool
def add(a: int, b: int = 2) -> int:
    """Add two numbers."""
    return a + b

def boom(x: int) -> float:
    """Divide."""
    return 1 / x
'''


@pytest.fixture
def cells(shared_kernel: KernelRig) -> KernelRig:
    """The kernel of the module with a new workbench; only variables stay."""
    shared_kernel.run("%reload_ext mcp_notebook").check()
    return shared_kernel


@pytest.fixture
def tools(cells: KernelRig) -> KernelRig:
    """The same with two tools, `add` and `boom`."""
    cells.run(TOOLS).check()
    return cells
