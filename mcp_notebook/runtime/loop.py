"""The background loop: one thread with one asyncio loop hosts every client and endpoint.

A server on the kernel's own loop is deaf while a cell runs, and what fails there can take the
kernel down. Cells reach this loop by :meth:`BackgroundLoop.run`, which can be interrupted.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import functools
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from mcp_notebook.errors import UsageError

from .mainthread import MainThread

T = TypeVar("T")

START_TIMEOUT_S = 10.0

LAST_TURNS_S = 0.05
"""How long a loop that is stopped in the middle of its end still turns."""

CLOSED = "this workbench is closed."
CLOSED_HINT = "Make another: Workbench()"


class BackgroundLoop:
    """An asyncio loop in a daemon thread, started when it is first needed.

    Args:
        name: the thread's name.
        main: where work for the kernel's thread is done while a cell waits.
    """

    def __init__(self, name: str = "mcp-loop", main: MainThread | None = None) -> None:
        self.name = name
        self.main = main
        # reentrant: the garbage collector may run a finaliser that comes here while it is held
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stopped = False

    @property
    def running(self) -> bool:
        """Whether the thread is alive."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop; started by this if need be.

        Raises:
            UsageError: it was stopped. A thread that comes late must not start it anew, for
                nobody would stop it again.
        """
        with self._lock:
            return self._started()

    def _started(self) -> asyncio.AbstractEventLoop:
        """The loop, started if need be; the caller holds the lock."""
        if self._stopped:
            raise UsageError(CLOSED, hint=CLOSED_HINT)
        if self._loop is None or not self.running:
            self._start()
        assert self._loop is not None
        return self._loop

    def _start(self) -> None:
        ready = threading.Event()
        loop = asyncio.new_event_loop()

        def turn() -> None:
            asyncio.set_event_loop(loop)
            loop.call_soon(ready.set)
            loop.run_forever()
            loop.close()

        # an empty context, so that output of this thread belongs to no cell for ever
        thread = threading.Thread(
            target=contextvars.Context().run, args=(turn,), name=self.name, daemon=True
        )
        try:
            thread.start()
            if not ready.wait(START_TIMEOUT_S):
                raise RuntimeError("the background loop did not start")
            if not self.running:  # else a finaliser has started one meanwhile
                self._loop, self._thread = loop, thread
        finally:
            if self._loop is not loop:  # Ctrl-C has struck, for one: nobody else would end it
                loop.call_soon_threadsafe(loop.stop)

    def here(self) -> bool:
        """Whether the caller runs on this loop's thread."""
        return threading.current_thread() is self._thread

    def submit(
        self, coro: Coroutine[Any, Any, T], into: concurrent.futures.Future[T] | None = None
    ) -> concurrent.futures.Future[T]:
        """Start a coroutine on the loop; the future can be cancelled from any thread.

        Args:
            coro: the coroutine.
            into: the future to settle; a new one where ``None``. Whoever may be interrupted
                makes it before the block that cancels it: Ctrl-C can strike between the start
                and the return of this method, and a call that nobody holds runs for ever.

        Raises:
            UsageError: the loop was stopped.
        """
        future: concurrent.futures.Future[T] = into or concurrent.futures.Future()

        def begin() -> None:
            if future.cancelled():
                coro.close()
                return
            task = loop.create_task(_settling(future, coro))
            future.add_done_callback(functools.partial(_unwanted, loop, task))

        with self._lock:  # what is handed over before the loop is stopped is ended by that
            try:
                loop = self._started()
            except BaseException:
                coro.close()
                raise
            loop.call_soon_threadsafe(begin)
        return future

    def spawn(self, coro: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a task from the loop's own thread and keep it alive until it ends."""
        task = asyncio.get_running_loop().create_task(coro, context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def run(self, coro: Coroutine[Any, Any, T], *, timeout_s: float | None = None) -> T:
        """Run a coroutine on the loop and wait for it from another thread.

        Ctrl-C and the time limit cancel the coroutine.

        Raises:
            RuntimeError: called on the loop's own thread, which would wait for itself.
            UsageError: the loop was stopped.
            TimeoutError: the limit passed.
        """
        if self.here():
            coro.close()
            raise RuntimeError("called on the background loop itself: await the .aio twin instead")
        future: concurrent.futures.Future[T] = concurrent.futures.Future()
        try:
            self.submit(coro, future)
            return self.wait(future, timeout_s)
        except BaseException:
            future.cancel()
            raise

    def wait(self, future: concurrent.futures.Future[T], timeout_s: float | None = None) -> T:
        """Wait for a future of this loop from another thread; on the main thread, its jobs run.

        Raises:
            TimeoutError: the limit passed; the future goes on.
        """
        if self.main is not None and self.main.is_current():
            return self.main.wait(future, timeout_s)
        return future.result(timeout_s)

    async def reach(self, coro: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and await it from any other loop."""
        if self.here():
            return await coro
        return await asyncio.wrap_future(self.submit(coro))

    def call_soon(self, call: Callable[..., Any], *args: Any) -> None:
        """Call a function on the loop's thread, soon; never, once the loop was stopped."""
        with self._lock:
            if not self._stopped:
                self._started().call_soon_threadsafe(call, *args)

    def stop(self, *, timeout_s: float = 5.0) -> None:
        """Cancel what still runs, end the thread, close the loop; it does not start again."""
        with self._lock:
            self._stopped = True
            loop, thread = self._loop, self._thread
        if loop is None or thread is None or not thread.is_alive():
            return

        async def drain() -> None:
            await asyncio.sleep(0)  # what was just submitted has begun, and can hand on its end
            tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks, timeout=timeout_s / 2)
            await loop.shutdown_asyncgens()
            with contextlib.suppress(TimeoutError):  # a thread that hangs must not hold the rest
                await asyncio.wait_for(loop.shutdown_default_executor(), timeout_s / 4)

        future: concurrent.futures.Future[None] = concurrent.futures.Future()
        try:
            with contextlib.suppress(TimeoutError, concurrent.futures.CancelledError):
                future = asyncio.run_coroutine_threadsafe(drain(), loop)
                future.result(timeout_s)
        finally:  # also where Ctrl-C strikes meanwhile
            late = 0.0 if future.done() else LAST_TURNS_S
            future.cancel()
            with contextlib.suppress(RuntimeError):  # another has stopped it meanwhile
                loop.call_soon_threadsafe(loop.call_later, late, loop.stop)
            thread.join(timeout_s)


async def _settling(future: concurrent.futures.Future[T], coro: Coroutine[Any, Any, T]) -> None:
    """Run a coroutine and hand on how it ended, to a future that may be cancelled meanwhile.

    Told by the task itself and not by a callback of it: whoever waits in another thread wakes a
    turn of the loop earlier.
    """
    try:
        result = await coro
    except asyncio.CancelledError:
        future.cancel()
        future.set_running_or_notify_cancel()
        raise
    except BaseException as error:
        if future.set_running_or_notify_cancel():
            future.set_exception(error)
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
    else:
        if future.set_running_or_notify_cancel():
            future.set_result(result)


def _unwanted(
    loop: asyncio.AbstractEventLoop,
    task: asyncio.Task[Any],
    future: concurrent.futures.Future[Any],
) -> None:
    """Cancel the task of a future that was cancelled; it has begun, for it was created first."""
    if future.cancelled():
        with contextlib.suppress(RuntimeError):  # the loop is closed, and the task with it
            loop.call_soon_threadsafe(task.cancel)
