"""Work that parses Python source while other threads may parse some too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

TRIES: Final = 5


def undisturbed(work: Callable[[], T]) -> T:
    """Do work that only reads, and begin it anew where another thread disturbed the parser.

    In CPython 3.11 before 3.11.8 all threads share one depth counter of ``ast.parse``, which
    then raises ``SystemError`` for sound source (CPython issue 106905).

    Raises:
        SystemError: it happened each time, or it is another one.
        Exception: whatever the work raises.
    """
    for left in reversed(range(TRIES)):
        try:
            return work()
        except SystemError as error:
            if not left or "recursion depth mismatch" not in str(error):
                raise
    raise AssertionError("not reached")
