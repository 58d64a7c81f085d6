"""A server's loop and the loop of its async tools on one thread, while no tool holds it up.

Handing a call to another thread and the result back wakes two sleeping threads: a sixth of a
call over a pipe. So the thread that serves leaves its loop for one step of a tool. Most tools
end with it. Where one does not, or holds the thread up, each loop gets a thread of its own from
then on: a tool is never moved, the server is.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final

HELD_UP_S: Final = 0.25
"""How long a tool may hold the thread before another goes on with the server."""

LOOK_S: Final = 0.1
"""How often that is looked at."""

END_S: Final = 1.0
"""How long what still runs at the end may take to be cancelled."""


class Turns:
    """Two loops that take turns on one thread, or have a thread each.

    Args:
        leave: called at the end where a tool still holds the main thread: ends the process.

    Attributes:
        loop: the loop of the tools.
    """

    def __init__(self, leave: Callable[[], object]) -> None:
        self._leave = leave
        self._back = threading.Event()
        self.loop: asyncio.AbstractEventLoop = asyncio.new_event_loop()
        self.loop.set_task_factory(self._made)
        self.loop.call_at = self._timed(self.loop.call_at)  # type: ignore[method-assign]
        self._timers = False
        self._tasks: list[asyncio.Task[Any]] = []
        self._home = asyncio.new_event_loop()
        self._main: asyncio.Task[None] | None = None
        self._over = threading.Event()
        self._driver: threading.Thread | None = None
        self._steps: list[Callable[[], object]] = []
        self._lock = threading.Lock()  # for the two below
        self._away_since: float | None = None
        self._apart = False

    @property
    def apart(self) -> bool:
        """Whether each loop has a thread of its own by now."""
        return self._apart

    def call_soon(self, call: Callable[[], object]) -> None:
        """Call a function on the tools' loop, soon; to be called on the server's."""
        if self._apart:
            self.loop.call_soon_threadsafe(call)
        else:
            self._steps.append(call)
            self._home.stop()  # once what is ready there has been done

    def answer(self, call: Callable[..., object], *args: Any) -> None:
        """Call a function for the server; to be called on the tools' loop."""
        with self._lock:  # nobody takes the server over meanwhile
            if self._away_since is not None:
                call(*args)
                return
        self._home.call_soon_threadsafe(call, *args)

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        """Run a server to its end, from the process's main thread.

        Raises:
            Exception: whatever it raises.
        """
        self._main = self._home.create_task(self._whole(main))
        self._main.add_done_callback(lambda _: self._home.stop())
        threading.Thread(target=self._watch, name="mcp-turns", daemon=True).start()
        self._serve()
        self._back.set()
        self._over.wait()
        self._home.close()
        if self._driver is not None:
            self._driver.join(END_S)
        if not self.loop.is_running():  # else a tool still holds its thread
            self.loop.close()
        self._main.result()

    def stop(self, *, timeout_s: float = 0.0) -> None:
        """Nothing: it ends with the process, as `run` does."""

    async def _whole(self, main: Coroutine[Any, Any, None]) -> None:
        try:
            await main
        finally:
            left = asyncio.all_tasks() - {asyncio.current_task()}
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left, timeout=END_S)

    def _serve(self) -> None:
        """Drive the server's loop on this thread, and the tools' in between."""
        assert self._main is not None
        while True:
            self._home.run_forever()
            if self._main.done():
                self._over.set()
                with contextlib.suppress(RuntimeError):  # it never ran, or is closed
                    self.loop.call_soon_threadsafe(self.loop.stop)
                return
            if self._steps and not self._step_aside():
                return

    def _step_aside(self) -> bool:
        """Drive the tools' loop for one step; whether this thread is still the server's."""
        steps, self._steps = self._steps, []
        with self._lock:
            self._away_since = time.monotonic()
        for step in steps:
            step()
        self.loop.stop()  # after one turn
        self.loop.run_forever()
        self._tasks = [task for task in self._tasks if not task.done()]
        with self._lock:
            taken, self._away_since = self._away_since is None, None
            self._apart = self._apart or self._timers or bool(self._tasks)
        if taken:
            self.loop.run_forever()
        elif self._apart:
            self._driver = threading.Thread(
                target=self.loop.run_forever, name="mcp-tools", daemon=True
            )
            self._driver.start()
        return not taken

    def _made(
        self, loop: asyncio.AbstractEventLoop, coro: Any, **options: Any
    ) -> asyncio.Task[Any]:
        """Make a task of the tools' loop; what a tool starts there keeps the loop busy too."""
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, **options)
        if not self._apart:
            self._tasks.append(task)
        return task

    def _timed(self, call_at: Callable[..., asyncio.TimerHandle]) -> Any:
        """The same for what a tool puts off till later; `call_later` comes here too."""

        def noted(*args: Any, **options: Any) -> asyncio.TimerHandle:
            self._timers = True
            return call_at(*args, **options)

        return noted

    def _watch(self) -> None:
        """Take the server over from a thread that a tool holds up."""
        while not self._apart and not self._over.wait(LOOK_S):
            with self._lock:
                since = self._away_since
                held_up = since is not None and time.monotonic() - since > HELD_UP_S
                if held_up:
                    self._away_since, self._apart = None, True
            if held_up:
                self._serve()
                if not self._back.wait(END_S):
                    self._leave()
