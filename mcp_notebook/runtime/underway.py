"""A call under way: its answers, its clock, what went wrong with a question of it."""

from __future__ import annotations

import asyncio

from mcp_notebook.errors import McpError

from .questions import Answers


class CallUnderWay:
    """One call that waits for its answer. Its clock stands still while a question is open.

    Args:
        answers: who answers its questions.
        spent_s: seconds of its limit that are over already.

    Attributes:
        open: how many of its questions wait for an answer.
        problem: done where a question could not be answered.
    """

    def __init__(self, answers: Answers, spent_s: float) -> None:
        self.answers = answers
        self.open = 0
        self._loop = asyncio.get_running_loop()
        self.problem: asyncio.Future[McpError] = self._loop.create_future()
        self._turn: asyncio.Future[None] = self._loop.create_future()
        self._spent = spent_s
        self._since = self._loop.time()

    def opens(self) -> None:
        """A question was asked."""
        self._spent = self.spent()
        self.open += 1

    def closes(self) -> None:
        """A question was answered, or will not be."""
        self.open -= 1
        self._since = self._loop.time()
        if not self._turn.done():
            self._turn.set_result(None)

    def spent(self) -> float:
        """Seconds without an open question."""
        return self._spent if self.open else self._spent + self._loop.time() - self._since

    def turn(self) -> asyncio.Future[None]:
        """Done when the next question is settled."""
        if self._turn.done():
            self._turn = self._loop.create_future()
        return self._turn
