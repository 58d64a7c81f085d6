"""What something may leave behind in this process and beside it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import Counter
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from mcp_notebook.runtime.workbench import Workbench

_FDS: Final = Path("/proc/self/fd")


def held(bench: Workbench) -> Counter[str]:
    """What this process holds: threads, tasks of the loop, open files."""

    async def tasks() -> list[str]:
        return [getattr(t.get_coro(), "__qualname__", "?") for t in asyncio.all_tasks()]

    found = Counter(f"thread {t.name}" for t in threading.enumerate())
    found += Counter(f"task {name}" for name in bench.loop.run(tasks()))
    if _FDS.is_dir():
        found["open files"] = len(list(_FDS.iterdir()))
    return found


def answers(url: str) -> bool:
    """Whether somebody listens at the host and port of a URL."""
    parts = urlsplit(url)
    if not (parts.hostname and parts.port):
        return False
    try:
        socket.create_connection((parts.hostname, parts.port), timeout=1).close()
    except OSError:
        return False
    return True
