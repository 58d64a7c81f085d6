"""A call under way: its answers, its clock, what went wrong with a question of it."""

from __future__ import annotations

import asyncio
import contextlib

from mcp_notebook.errors import McpError

from .questions import Answers


class CallUnderWay:
    """One call that waits for its answer. Its clock stands still while a question is open.

    Args:
        answers: who answers its questions.
        spent_s: seconds of its limit that are over already.

        limit_s: seconds it may take; no limit where ``None``.

    Attributes:
        open: how many of its questions wait for an answer.
        problem: why a question of it could not be answered; that ends the call.
        clock: ends it when its time is over. Not a task of its own beside the call: that would
            cost each call two more turns of the loop.
    """

    def __init__(self, answers: Answers, spent_s: float, limit_s: float | None) -> None:
        self.answers = answers
        self.open = 0
        self.problem: McpError | None = None
        self._loop = asyncio.get_running_loop()
        self._limit = limit_s
        self._spent = spent_s
        self._since = self._loop.time()
        self.clock = asyncio.timeout_at(self._end())

    def opens(self) -> None:
        """A question was asked."""
        self._spent = self.spent()
        self.open += 1
        self._until(None)

    def closes(self) -> None:
        """A question was answered, or will not be."""
        self.open -= 1
        self._since = self._loop.time()
        if not self.open:
            self._until(self._end())

    def fails(self, problem: McpError) -> None:
        """A question cannot be answered, or the connection was closed: the first one counts."""
        if self.problem is None:
            self.problem = problem
            self._until(self._loop.time())

    def spent(self) -> float:
        """Seconds without an open question."""
        return self._spent if self.open else self._spent + self._loop.time() - self._since

    def _end(self) -> float | None:
        """When its time is over."""
        return None if self._limit is None else self._since + self._limit - self._spent

    def _until(self, when: float | None) -> None:
        """Move the end, where there is no problem that ends it now."""
        if self.problem is not None:
            when = self._loop.time()
        with contextlib.suppress(RuntimeError):  # it has ended meanwhile
            self.clock.reschedule(when)
