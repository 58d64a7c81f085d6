"""Keeps the loggers of the libraries below from writing into cells, and undoes it.

``MCPServer(...)`` configures the root logger with a handler that emits display data into the
running cell; httpx logs a line a call. What matters of it is in the Trace and in ``why``.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import mcp.server.sse

NAMES = ("mcp", "httpx2", "httpcore2", "uvicorn", "uvicorn.error", "websockets", "sse_starlette")


_lock = threading.Lock()
_handler = logging.NullHandler()
_before: dict[str, tuple[bool, int]] = {}
_holders: set[QuietLogging] = set()
"""Who wants quiet; the last one to leave puts everything back."""


class QuietLogging:
    """Silences a fixed set of loggers until :meth:`restore`, and as long as another one does."""

    def apply(self) -> None:
        """Silence them; twice is once."""
        with _lock:
            if not _holders:
                self._silence()
            _holders.add(self)

    def _silence(self) -> None:
        for name in NAMES:
            logger = logging.getLogger(name)
            _before[name] = (logger.propagate, logger.level)
            logger.propagate = False
            logger.addHandler(_handler)
        # it calls logging.debug(), which gives the root logger a handler that writes into cells
        vars(mcp.server.sse)["logging"] = logging.getLogger("mcp.server.sse")

    def restore(self) -> None:
        """Put everything back, unless another one still wants quiet."""
        with _lock:
            if self not in _holders:
                return
            _holders.discard(self)
            if not _holders:
                self._put_back()

    def _put_back(self) -> None:
        for name, (propagate, level) in _before.items():
            logger = logging.getLogger(name)
            logger.propagate = propagate
            logger.setLevel(level)
            logger.removeHandler(_handler)
        _before.clear()
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
