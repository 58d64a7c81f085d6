"""Fixtures and order of the suite."""

from __future__ import annotations

import gc

import pytest
from mcp.client import stdio

pytest_plugins = ["tests.rigs.kernel", "tests.rigs.lab"]

BROWSER_TIMEOUT_S = 180

# A child gets a minimal environment. Where coverage is measured, it is measured in there too.
stdio.DEFAULT_INHERITED_ENV_VARS += ["COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Quick tests first, browser tests last.

    Playwright's synchronous interface keeps an event loop running on the main thread, where no
    test after it could use `asyncio.run`.
    """
    for item in items:
        if item.get_closest_marker("browser") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(BROWSER_TIMEOUT_S))
    items.sort(key=_heaviness)


def pytest_collection_finish() -> None:
    """Leave ten thousand collected tests out of every garbage collection to come."""
    gc.collect()
    gc.freeze()


def _heaviness(item: pytest.Item) -> int:
    weights = {"browser": 3, "lesson": 2, "kernel": 2, "slow": 1}
    return max(
        (weights[mark.name] for mark in item.iter_markers() if mark.name in weights), default=0
    )
