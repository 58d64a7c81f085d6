"""The kernel's main thread as a place to run tools that cannot run elsewhere.

sqlite3 connections, plotting and objects bound to the kernel's own loop want ``--thread
kernel``. A sync tool runs on the main thread while that is idle (its loop turns) or while it
waits in ``%mcp`` (then the wait itself takes the jobs). An async tool runs on the kernel's loop.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import queue
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from mcp_notebook.errors import UsageError

T = TypeVar("T")

POLL_S = 0.1
"""How often a wait looks up, so that Ctrl-C is felt at once on every platform."""


class Departure(RuntimeError):
    """A function of the user's tried to end the process, or was interrupted.

    ``SystemExit`` and ``KeyboardInterrupt`` are turned into this: asyncio lets those two end
    the loop they pass through, and with it every connection of the kernel. Whatever else is no
    ``Exception`` would end the link of who called.
    """

    def __init__(self, cause: BaseException) -> None:
        if isinstance(cause, SystemExit):
            super().__init__(f"it tried to end the process: exit({cause.code!r})")
        elif isinstance(cause, KeyboardInterrupt):
            super().__init__("it was interrupted")
        else:
            super().__init__(f"it raised {type(cause).__name__}, which is no Exception")


class _Job:
    """A function that waits for the main thread; run at most once.

    Attributes:
        interrupted: whether Ctrl-C ended it.
    """

    def __init__(self, call: Callable[[], Any]) -> None:
        self.future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        self.interrupted = False
        self._call = call

    def __call__(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            self.future.set_result(self._call())
        except (SystemExit, KeyboardInterrupt) as leaving:
            self.interrupted = isinstance(leaving, KeyboardInterrupt)
            self.future.set_exception(Departure(leaving))
        except BaseException as error:  # noqa: BLE001 - a boundary: the error is the caller's
            self.future.set_exception(error)


class _LookUp:
    """Nothing to do: it only ends a wait for jobs."""

    interrupted = False

    def __call__(self) -> None:
        """Do nothing."""


_LOOK_UP = _LookUp()


def standing_still() -> UsageError:
    """What to say where a coroutine needs the loop that a magic stands on."""
    return UsageError(
        "an async tool with --thread kernel needs the kernel's loop, and this magic stands on it.",
        hint="Use: await conn.aio.call(...), or type %mcp nest once.",
    )


class MainThread:
    """The thread that made this object, and the loop that turns on it, if one does."""

    def __init__(self) -> None:
        self._thread = threading.current_thread()
        self._jobs: queue.SimpleQueue[_Job | _LookUp] = queue.SimpleQueue()
        self._waiting = 0
        self.loop: asyncio.AbstractEventLoop | None = None
        try:
            self.loop = asyncio.get_running_loop()
        except RuntimeError:
            self.loop = None

    def is_current(self) -> bool:
        """Whether the caller runs on this thread."""
        return threading.current_thread() is self._thread

    @property
    def nested(self) -> bool:
        """Whether ``%mcp nest`` has made the loop re-entrant."""
        return self.loop is not None and hasattr(self.loop, "_nest_patched")

    @property
    def stands_still(self) -> bool:
        """Whether a magic waits on this thread, so that its loop cannot turn."""
        return self._waiting > 0 and not self.nested

    # ---- from other threads ------------------------------------------------------------

    def call(self, function: Callable[[], T]) -> concurrent.futures.Future[T]:
        """Run a function on the main thread, as soon as that is idle or waits in ``%mcp``."""
        job = _Job(function)
        self._jobs.put(job)
        if self.loop is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._work)
        return job.future

    def run_coroutine(self, coro: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Run a coroutine on the kernel's loop.

        Raises:
            UsageError: no loop turns here, or it cannot turn because a magic waits on it.
        """
        if self.loop is None:
            coro.close()
            raise UsageError("no event loop runs on the main thread.", hint="Leave --thread out.")
        if self.stands_still:
            coro.close()
            raise standing_still()
        return asyncio.run_coroutine_threadsafe(coro, self.loop)

    # ---- on the main thread ------------------------------------------------------------

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return
            job()

    def wait(self, future: concurrent.futures.Future[T], timeout_s: float | None = None) -> T:
        """Wait for a future on the main thread, doing the jobs that come meanwhile.

        Raises:
            TimeoutError: the limit passed.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        self._waiting += 1
        try:
            if self.nested:
                return self._wait_turning(future, timeout_s)
            future.add_done_callback(self._look_up)
            while not future.done():
                limit = POLL_S
                if deadline is not None:
                    limit = min(limit, deadline - time.monotonic())
                    if limit <= 0:
                        raise TimeoutError
                try:
                    job = self._jobs.get(timeout=limit)
                except queue.Empty:
                    continue
                job()
                if job.interrupted:
                    raise KeyboardInterrupt  # it was meant for the cell as well
            return future.result()
        finally:
            self._waiting -= 1

    def _look_up(self, _done: concurrent.futures.Future[Any]) -> None:
        self._jobs.put(_LOOK_UP)

    def _wait_turning(self, future: concurrent.futures.Future[T], timeout_s: float | None) -> T:
        """Wait while the kernel's own loop turns (``%mcp nest`` has made that possible)."""
        assert self.loop is not None

        async def waited() -> T:
            return await asyncio.wait_for(asyncio.wrap_future(future), timeout_s)

        return self.loop.run_until_complete(waited())
