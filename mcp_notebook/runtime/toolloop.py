"""A loop for async tools, which may block it: then it takes no more calls until it is free."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from .loop import BackgroundLoop

BLOCKED_AFTER_S = 0.5
"""How long a tool loop with a tool in it may leave a new call lying before another takes it."""

IDLE_AFTER_S = 2.0
"""The same for a loop with nothing in it: a busy machine is slow to wake it, no tool blocks it."""


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
        ticket = [None]  # list.pop is atomic: who gets it decides

        async def visit() -> Any:
            try:
                ticket.pop()
            except IndexError:
                return None  # taken back
            return await call()

        patience = BLOCKED_AFTER_S if self._inside else IDLE_AFTER_S
        self._inside += 1
        outcome = asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(visit(), self.background.loop)
        )
        try:
            await asyncio.wait({outcome}, timeout=patience)
            if not outcome.done():
                try:
                    ticket.pop()
                except IndexError:
                    pass  # it runs, and takes its time
                else:
                    self.blocked = True
                    self.background.call_soon(self._heard)
                    return False, None
            return True, await outcome
        finally:
            self._inside -= 1
            outcome.cancel()

    def _heard(self) -> None:
        self.blocked = False
