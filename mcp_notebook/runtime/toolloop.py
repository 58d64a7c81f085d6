"""A loop for async tools, which may block it: then it takes no more calls until it is free."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any, Final

from .loop import BackgroundLoop
from .mainthread import Departure

BLOCKED_AFTER_S = 0.5
"""How long a tool loop with a tool in it may leave a new call lying before another takes it."""

IDLE_AFTER_S = 2.0
"""The same for a loop with nothing in it: a busy machine is slow to wake it, no tool blocks it."""


_LEFT_LYING: Final = object()


class ToolLoop:
    """A loop for async tools, and whether it still takes calls.

    Args:
        name: of its thread.
    """

    def __init__(self, name: str) -> None:
        self.background = BackgroundLoop(name)
        self.blocked = False
        """It left a call lying, and has not been heard of since."""
        self._inside = 0

    async def run(self, call: Callable[[], Coroutine[Any, Any, Any]]) -> tuple[bool, Any]:
        """Whether this loop took the call, and the result if it did.

        A call is handed over at once and taken back if it lies: asking the loop first whether it
        answers would cost each call a way there and back.

        Raises:
            Exception: whatever the call raises.
        """
        visit = _Visit(call, self.background.loop)
        timer = visit.home.call_later(
            BLOCKED_AFTER_S if self._inside else IDLE_AFTER_S, self._look_after, visit
        )
        self._inside += 1
        try:
            visit.away.call_soon_threadsafe(visit.begin)
            result = await visit.outcome
        finally:
            timer.cancel()
            self._inside -= 1
            if visit.outcome.cancelled():
                visit.take_back()
                with contextlib.suppress(RuntimeError):  # the loop is closed, its tasks with it
                    visit.away.call_soon_threadsafe(visit.end)
        return (False, None) if result is _LEFT_LYING else (True, result)

    def _look_after(self, visit: _Visit) -> None:
        if visit.take_back():  # else it runs, and takes its time
            self.blocked = True
            self.background.call_soon(self._heard)
            visit.settle(_LEFT_LYING, None)

    def _heard(self) -> None:
        self.blocked = False


class _Visit:
    """One call on its way from its loop at home to the loop of the tools.

    What became of it is told by its own task: futures of threads, and tasks inside tasks, would
    cost each call six more turns of the two loops.

    Args:
        call: what runs there.
        away: the loop of the tools.

    Attributes:
        outcome: what became of it, at home.
    """

    def __init__(
        self, call: Callable[[], Coroutine[Any, Any, Any]], away: asyncio.AbstractEventLoop
    ) -> None:
        self._call = call
        self.away = away
        self.home = asyncio.get_running_loop()
        self.outcome: asyncio.Future[Any] = self.home.create_future()
        self._ticket = [None]  # list.pop is atomic: who gets it decides
        self._task: asyncio.Task[None] | None = None

    def take_back(self) -> bool:
        """Whether it has not begun; then it never will."""
        try:
            self._ticket.pop()
        except IndexError:
            return False
        return True

    def begin(self) -> None:
        """Begin, on the loop of the tools."""
        # without the caller's context variables: what a tool prints belongs to no old cell
        self._task = self.away.create_task(self._run(), context=contextvars.Context())

    def end(self) -> None:
        """Cancel it, on the loop of the tools."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        # asked here, not in `begin`: the task of a call that came at once may block before it
        if not self.take_back():
            return
        result: Any = None
        error: BaseException | None = None
        try:
            result = await self._call()
        except GeneratorExit as leaving:
            error = Departure(leaving)
        except BaseException as problem:  # noqa: BLE001 - because it is raised again, at home
            error = problem
        with contextlib.suppress(RuntimeError):  # the loop at home is closed
            self.home.call_soon_threadsafe(self.settle, result, error)

    def settle(self, result: Any, error: BaseException | None) -> None:
        """Say what became of it, on the loop at home."""
        if self.outcome.done():
            return
        if isinstance(error, asyncio.CancelledError):
            self.outcome.cancel()
        elif error is not None:
            self.outcome.set_exception(error)
        else:
            self.outcome.set_result(result)
