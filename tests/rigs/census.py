"""What a process holds: threads, descriptors, children, ports, tasks, log handlers, completers.

Taken before and after, in a kernel or in this process, it tells what something left behind.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from tests.rigs.kernel import KernelRig

CENSUS_CODE = """
def _take_census():
    import asyncio, gc, logging, os, re, sys, threading
    import psutil
    gc.collect()
    me = psutil.Process()
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        loop = None
    descriptors = []
    for number in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else ():
        try:
            target = os.readlink("/proc/self/fd/" + number)
        except OSError:
            continue  # the descriptor of this very listing
        if target.endswith("-journal"):
            continue  # IPython is writing its history
        descriptors.append(target if target.startswith("/") else target.partition(":")[0])
    root = logging.getLogger()
    frames = sys._current_frames()

    def spare(thread):
        # how many idle workers asyncio's pool has beside its first is a matter of chance
        at = frames.get(thread.ident)
        return (
            re.fullmatch("asyncio_[1-9][0-9]*", thread.name)
            and at is not None
            and at.f_globals.get("__name__") == "concurrent.futures.thread"
            and at.f_code.co_name == "_worker"
        )

    return {
        "threads": sorted(t.name for t in threading.enumerate() if not spare(t)),
        "descriptors": sorted(descriptors),
        "children": sorted(" ".join(child.cmdline()) for child in me.children(recursive=True)),
        "ports": sorted(c.laddr.port for c in me.net_connections("inet") if c.status == "LISTEN"),
        "tasks": sorted(t.get_coro().__qualname__ for t in asyncio.all_tasks(loop)) if loop else [],
        "logging": [logging.getLevelName(root.level), *(type(h).__name__ for h in root.handlers)],
    }
"""
"""Defines `_take_census()` wherever it is executed."""


@dataclass(frozen=True)
class Census:
    """What was held at one moment; descriptors by what they point to, `socket`, `pipe`, a path."""

    threads: list[str]
    descriptors: list[str]
    children: list[str]
    ports: list[int]
    tasks: list[str]
    logging: list[str]

    def grown(self, before: Census) -> dict[str, list[object]]:
        """By kind, what is here and was not there before. Empty: nothing was left behind."""
        growth: dict[str, list[object]] = {}
        for kind in (each.name for each in fields(self)):
            rest = list(getattr(self, kind))
            for one in getattr(before, kind):
                if one in rest:
                    rest.remove(one)
            if rest:
                growth[kind] = rest
        return growth


def take_census(kernel: KernelRig) -> Census:
    """A census of the kernel, taken inside it, on its main thread."""
    expression = "__import__('json').dumps(_take_census())"
    shown = kernel.run(f"{CENSUS_CODE}\nprint({expression})\ndel _take_census").check().stdout
    return Census(**json.loads(shown))


def assert_nothing_left(
    kernel: KernelRig, before: Census, timeout: float = 10, kinds: Sequence[str] = ()
) -> None:
    """Fails unless the kernel comes back to `before`; what is closing gets `timeout` seconds.

    Args:
        kernel: the kernel.
        before: what it held.
        timeout: seconds.
        kinds: which kinds are looked at; all of them without it.
    """
    deadline = time.monotonic() + timeout

    def growth_now() -> dict[str, list[object]]:
        growth = take_census(kernel).grown(before)
        return {kind: rest for kind, rest in growth.items() if not kinds or kind in kinds}

    while growth := growth_now():
        if time.monotonic() > deadline:
            pytest.fail(f"left behind after {timeout} s: {growth}")


def wait_until_gone(pids: list[int], timeout: float = 5) -> None:
    """Waits until none of the processes runs; the test fails when one does after `timeout`.

    A zombie counts as gone: in a container whose first process reaps nothing it stays for ever.
    """
    deadline = time.monotonic() + timeout
    while running := [pid for pid in pids if _runs(pid)]:
        if time.monotonic() > deadline:
            names = [f"{pid} ({psutil.Process(pid).name()})" for pid in running]
            pytest.fail(f"still running after {timeout} s: {', '.join(names)}")
        time.sleep(0.02)  # not our children: nothing announces their end


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def marked(name: str) -> list[psutil.Process]:
    """The processes whose environment has this variable, wherever they hang in the tree.

    What a process starts inherits it; only who tells its name can wipe it out.
    """
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if name in process.environ() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def wait_until_none_is_marked(name: str, timeout: float = 5) -> None:
    """Waits until no process has this variable; the test fails when one does after `timeout`."""
    deadline = time.monotonic() + timeout
    while rest := marked(name):
        if time.monotonic() > deadline:
            told = ", ".join(str(process) for process in rest)
            pytest.fail(f"still running after {timeout} s: {told}")
        time.sleep(0.05)  # not our children: nothing announces their end
