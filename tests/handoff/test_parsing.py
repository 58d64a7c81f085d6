"""A parser that another thread disturbs is asked again."""

from __future__ import annotations

import pytest

from mcp_notebook.handoff.parsing import TRIES, undisturbed

DISTURBED = "AST constructor recursion depth mismatch (before=120, after=142)"


def failing(times: int, told: str) -> tuple[list[int], object]:
    """Work that fails so often, and the list that grows with each try."""
    begun: list[int] = []

    def work() -> str:
        begun.append(1)
        if len(begun) <= times:
            raise SystemError(told)
        return "read"

    return begun, work


def test_what_was_disturbed_is_done_anew() -> None:
    begun, work = failing(2, DISTURBED)

    assert undisturbed(work) == "read"  # type: ignore[arg-type]
    assert len(begun) == 3


@pytest.mark.parametrize(("told", "tries"), [(DISTURBED, TRIES), ("something else", 1)])
def test_it_ends_where_it_goes_on_failing(told: str, tries: int) -> None:
    begun, work = failing(99, told)

    with pytest.raises(SystemError, match=told[:10]):
        undisturbed(work)  # type: ignore[arg-type]
    assert len(begun) == tries
