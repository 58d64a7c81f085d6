"""Keeps the loggers of the libraries below from writing into cells, and undoes it.

``MCPServer(...)`` configures the root logger with a handler that emits display data into the
running cell; httpx logs a line a call. What matters of it is in the Trace and in ``why``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import mcp.server.sse

NAMES = ("mcp", "httpx2", "httpcore2", "uvicorn", "uvicorn.error", "websockets", "sse_starlette")


class QuietLogging:
    """Silences a fixed set of loggers until :meth:`restore`."""

    def __init__(self) -> None:
        self._handler = logging.NullHandler()
        self._before: dict[str, tuple[bool, int]] = {}

    def apply(self) -> None:
        """Silence them; twice is once."""
        for name in NAMES:
            if name not in self._before:
                logger = logging.getLogger(name)
                self._before[name] = (logger.propagate, logger.level)
                logger.propagate = False
                logger.addHandler(self._handler)
        # it calls logging.debug(), which gives the root logger a handler that writes into cells
        vars(mcp.server.sse)["logging"] = logging.getLogger("mcp.server.sse")

    def restore(self) -> None:
        """Put everything back."""
        for name, (propagate, level) in self._before.items():
            logger = logging.getLogger(name)
            logger.propagate = propagate
            logger.setLevel(level)
            logger.removeHandler(self._handler)
        self._before.clear()
        vars(mcp.server.sse)["logging"] = logging


@contextmanager
def root_left_alone() -> Iterator[None]:
    """Keep ``logging.basicConfig`` calls inside from adding a root handler."""
    root = logging.getLogger()
    level, guard = root.level, logging.NullHandler()
    root.addHandler(guard)
    try:
        yield
    finally:
        root.removeHandler(guard)
        root.setLevel(level)
