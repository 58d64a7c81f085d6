"""A tool call under way, and how its result is found."""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import mcp_types as types

from mcp_notebook.trace.exchange import Exchange, pair

from .questions import Answers
from .results import CallResult, Failure

if TYPE_CHECKING:
    from .connection import Connection


class PendingCall:
    """A call that was started; ``.result()`` waits for it.

    Attributes:
        future: done when the answer is there.
        answers: the questions asked so far, and who answers them.
        sent: the numbers of the messages sent for it.
    """

    def __init__(self, connection: Connection, tool: str, answers: Answers) -> None:
        self.connection = connection
        self.tool = tool
        self.answers = answers
        self.note = ""
        self._workbench = connection.workbench
        self.sent: list[int] = []
        self.since_seq = self._workbench.trace.last_seq
        self._started_ns = time.perf_counter_ns()
        self.future: concurrent.futures.Future[types.CallToolResult] = concurrent.futures.Future()

    def begin(self, coro: Coroutine[Any, Any, types.CallToolResult]) -> None:
        """Start it on the background loop."""
        self._workbench.loop.submit(coro, self.future)

    def cancel(self) -> None:
        """Cancel it on the wire."""
        self.future.cancel()

    def result(self, timeout: float | None = None) -> CallResult:
        """Wait for the answer. Ctrl-C cancels the call, and the connection lives on.

        Raises:
            TimeoutError: not within ``timeout`` seconds; the call goes on.
        """
        try:
            self._workbench.loop.wait(self.future, timeout)
        except TimeoutError:
            raise
        except BaseException as error:
            self.cancel()
            self._workbench.remember(error, self)
            raise
        return self.outcome()

    def outcome(self) -> CallResult:
        """The result as it stands: settled, or pending while a question is open."""
        result = CallResult(
            tool=self.tool,
            connection=self.connection.name,
            note=self.note,
            _future=self.future,
            _find_failure=self.failure,
            _find_exchange=self.exchange,
            _wait=self._workbench.loop.wait,
        )
        if result.is_error:
            self._workbench.remember(None, self)
        return result

    def failure(self) -> Failure | None:
        """The exception the tool raised, where it runs in this kernel."""
        endpoint = self.connection.endpoint
        if endpoint is None or self.connection.transport == "stdio":
            return None
        return self._workbench.threads.last_failure(self.tool, self._started_ns)

    def exchange(self) -> Exchange | None:
        """Its request and answer in the Trace; the last round of one with questions."""
        name = self.connection.name
        events = [e for e in self._workbench.trace.since(self.since_seq) if e.conn == name]
        mine = [
            exchange
            for exchange in pair(events)
            if exchange.method == "tools/call" and exchange.seq in self.sent
        ]
        return mine[-1] if mine else None
