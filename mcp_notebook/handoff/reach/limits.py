"""Ends the user's code when it runs for too long while it is tried."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

MAX_LINES = 300_000
"""So many lines of the user's code are run again."""


class TooLongError(BaseException):
    """The code takes too long to be tried. No ``except Exception`` of the user's stops it."""


@contextlib.contextmanager
def limited(lines: int = MAX_LINES) -> Iterator[None]:
    """Let code run for so many lines; not counted where a debugger or a profiler counts.

    Raises:
        TooLongError: it takes longer.
    """
    before = sys.gettrace()
    if before is not None:
        yield
        return
    left = lines

    def line(_frame: Any, event: str, _argument: Any) -> Any:
        nonlocal left
        if event == "line":
            left -= 1
            if left < 0:
                raise TooLongError
        return line

    sys.settrace(line)
    try:
        yield
    finally:
        sys.settrace(None)
