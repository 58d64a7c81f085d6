"""Where tools run: never on the transport loop.

One async tool with ``time.sleep(3)`` in it would make every other connection wait. Sync tools
run on worker threads. Async ones share a loop of their own; a tool that blocks that loop is
noticed when the next one comes, which then gets a fresh loop.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import functools
import inspect
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import anyio.to_thread
from mcp.server.mcpserver import Context

from .mainthread import POLL_S, Departure, MainThread, standing_still
from .results import Failure
from .sayable import sayable
from .toolloop import ToolLoop

SLOW_AFTER_S = 1.0
"""How long a tool runs before ``why`` names it."""

MAX_WORKERS = 64
"""Worker threads for sync tools."""

PLACED = "__mcp_notebook_placed__"
"""Marks a function that already runs where it should."""

KEPT_FAILURES = 50
"""Exceptions of tools that are remembered for ``why``."""


@dataclass(frozen=True, slots=True)
class Running:
    """A tool call under way.

    Attributes:
        tool: the tool's name.
        thread: where it runs.
        since: ``time.monotonic()`` of its start, in seconds.
    """

    tool: str
    thread: str
    since: float


class RemoteContext(Context[Any, Any]):
    """A tool's ``Context`` whose awaitable calls hop back to the transport loop."""

    def __init__(self, inner: Context[Any, Any], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            request_context=inner._request_context,
            mcp_server=inner._mcp_server,
            input_params=inner._input_params,
            subscriptions=inner._subscriptions,
        )
        self._inner = inner
        self._home = loop

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("_"):
            return super().__getattribute__(name)
        return getattr(Hopping(self._inner, self._home), name)


class Hopping:
    """Something of the transport loop, for a tool on another: what it awaits happens at home.

    Args:
        inner: a context, a request context or a session of the SDK.
        home: the loop it belongs to.
    """

    def __init__(self, inner: Any, home: asyncio.AbstractEventLoop) -> None:
        self._inner = inner
        self._home = home

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if name in ("session", "request_context"):
            return Hopping(value, self._home)
        if not callable(value):
            return value

        @functools.wraps(value)
        def called(*args: Any, **kwargs: Any) -> Any:
            # the SDK's deprecated methods do not look like coroutine functions: the result tells
            result = value(*args, **kwargs)
            return self._at_home(result) if inspect.iscoroutine(result) else result

        return called

    async def _at_home(self, coro: Coroutine[Any, Any, Any]) -> Any:
        if asyncio.get_running_loop() is self._home:
            return await coro
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coro, self._home))


class ToolThreads:
    """Runs the functions of tools, resources and prompts.

    Args:
        main: the kernel's main thread, for functions that ask for it.
    """

    def __init__(self, main: MainThread) -> None:
        self._main = main
        self._loops: list[ToolLoop] = []
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._running: dict[int, Running] = {}
        self._limiter: anyio.CapacityLimiter | None = None
        self.failures: deque[Failure] = deque(maxlen=KEPT_FAILURES)

    def running(self) -> list[Running]:
        """The tool calls under way, oldest first."""
        return sorted(self._running.values(), key=lambda r: r.since)

    def blocked(self) -> list[Running]:
        """Those that have been running for more than a second."""
        now = time.monotonic()
        return [r for r in self.running() if now - r.since > SLOW_AFTER_S]

    def last_failure(self, tool: str, since_ns: int = 0) -> Failure | None:
        """The newest exception of a tool, if it is not older than ``since_ns``."""
        for failure in reversed(self.failures):
            if failure.tool == tool and failure.at_ns >= since_ns:
                return failure
        return None

    def stop(self) -> None:
        """End the tool loops."""
        with self._lock:
            loops, self._loops = self._loops, []
        with contextlib.ExitStack() as last:  # each, also where Ctrl-C strikes meanwhile
            for loop in loops:
                last.callback(loop.background.stop, timeout_s=1)

    # ---- wrapping ----------------------------------------------------------------------

    def wrap(self, function: Callable[..., Any], *, name: str, kernel: bool) -> Callable[..., Any]:
        """A coroutine function with the same signature that runs ``function`` in its place.

        Args:
            function: sync or async.
            name: what ``why`` calls it.
            kernel: whether it must run on the kernel's main thread or loop.
        """
        is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            getattr(function, "__call__", None)  # noqa: B004 - asks whether calling it awaits
        )
        run = {
            (False, False): self._on_worker,
            (True, False): self._on_tool_loop,
            (False, True): self._on_main_thread,
            (True, True): self._on_kernel_loop,
        }[is_async, kernel]

        if getattr(function, PLACED, False):
            return function

        @functools.wraps(function)
        async def placed(*args: Any, **kwargs: Any) -> Any:
            home = asyncio.get_running_loop()
            if is_async:
                args = tuple(_remote(value, home) for value in args)
                kwargs = {key: _remote(value, home) for key, value in kwargs.items()}
            number = next(self._numbers)
            self._running[number] = Running(
                name, run.__name__.removeprefix("_on_"), time.monotonic()
            )
            try:
                try:
                    return sayable(await run(functools.partial(function, *args, **kwargs)))
                except asyncio.CancelledError as leaving:
                    task = asyncio.current_task()
                    if task is None or task.cancelling():
                        raise
                    # nobody asked for it; let through, it would end the link
                    raise Departure(leaving) from leaving
            except Exception as error:
                self.failures.append(Failure(tool=name, error=error, at_ns=time.perf_counter_ns()))
                raise
            finally:
                self._running.pop(number, None)

        setattr(placed, PLACED, True)
        return placed

    async def _on_worker(self, call: Callable[[], Any]) -> Any:
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(MAX_WORKERS)
        # abandoned on cancel: a thread cannot be stopped, and nobody waits for its result
        contained = functools.partial(_contained, call)
        return await anyio.to_thread.run_sync(
            contained, abandon_on_cancel=True, limiter=self._limiter
        )

    async def _on_tool_loop(self, call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        inside = functools.partial(_contained_coroutine, call)
        while True:
            taken, result = await self._free_loop().run(inside)
            if taken:
                return result

    async def _on_main_thread(self, call: Callable[[], Any]) -> Any:
        if self._main.is_current():
            return _contained(call)
        return await _hop(self._main.call(call))

    async def _on_kernel_loop(self, call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        begun = threading.Event()

        async def visit() -> Any:
            begun.set()
            return await _contained_coroutine(call)

        outcome = asyncio.wrap_future(self._main.run_coroutine(visit()))
        try:
            while not (begun.is_set() or outcome.done()):
                await asyncio.wait({outcome}, timeout=POLL_S)
                # the magic may have begun to wait just after the coroutine was handed over
                if not begun.is_set() and self._main.stands_still:
                    raise standing_still()
            return await outcome
        finally:
            outcome.cancel()

    def _free_loop(self) -> ToolLoop:
        """The oldest tool loop that is not blocked; a fresh one where all are."""
        with self._lock:
            for loop in self._loops:
                if not loop.blocked:
                    return loop
            fresh = ToolLoop(f"mcp-tools-{len(self._loops) + 1}")
            self._loops.append(fresh)
            return fresh


def _remote(value: Any, home: asyncio.AbstractEventLoop) -> Any:
    if isinstance(value, Context) and not isinstance(value, RemoteContext):
        return RemoteContext(value, home)
    return value


def _contained(call: Callable[[], Any]) -> Any:
    """Run a function of the user's; what would end the process or the link becomes an error."""
    try:
        return call()
    except Exception:
        raise
    except BaseException as leaving:
        raise Departure(leaving) from leaving


async def _contained_coroutine(call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """The same for a coroutine function."""
    try:
        return await call()
    except (Exception, asyncio.CancelledError, GeneratorExit):
        raise
    except BaseException as leaving:
        raise Departure(leaving) from leaving


async def _hop(future: concurrent.futures.Future[Any]) -> Any:
    """Await a future of another thread; cancelling this cancels that."""
    return await asyncio.wrap_future(future)
