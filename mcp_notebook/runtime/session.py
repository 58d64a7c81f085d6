"""The client side of one connection: its requests, the server's questions and notices."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any

import mcp_types as types
from mcp.client import Client

from mcp_notebook.errors import CallTimeout, ConnectionLost, McpError
from mcp_notebook.transports.base import ConnectOptions
from mcp_notebook.transports.tap import Tap

from . import explain
from .loop import BackgroundLoop
from .owner import OwnedClient
from .questions import Answers, Question
from .targets import Target
from .underway import CallUnderWay

MAX_PAGES = 100
"""Pages of a list that are read; a server whose list never ends does not hang a cell."""

ProgressCallback = Callable[[float, float | None, str | None], None]


class Session(OwnedClient):
    """The client side of one connection.

    Args:
        name: the connection's name.
        target: where it leads.
        tap: where its traffic is recorded.
        options: how it is opened.
        era: ``auto``, ``legacy``, ``modern`` or a revision date.
        loop: the background loop.

    Attributes:
        tools: the server's tools as listed, by name.
        tools_changed: whether the server has said that they changed.
        timeout_s: how long any request may take; set by the connection.
        notices: the newest notifications.
        on_notice: told of each notification.
    """

    def __init__(
        self,
        *,
        name: str,
        target: Target,
        tap: Tap,
        options: ConnectOptions,
        era: str,
        loop: BackgroundLoop,
    ) -> None:
        super().__init__(name=name, target=target, tap=tap, options=options, era=era, loop=loop)
        self.tools: dict[str, types.Tool] = {}
        self.tools_changed = False
        self.timeout_s: float | None = None
        self.notices: deque[Any] = deque(maxlen=1000)
        self.on_notice: list[Callable[[Any], None]] = []
        self._calls: list[CallUnderWay] = []

    @property
    def asking(self) -> bool:
        """Whether a question of the server waits for its answer."""
        return any(call.open for call in self._calls)

    async def close(self) -> None:
        """Close it; twice is no error. A question that is open is withdrawn."""
        for call in self._calls:
            if call.open:  # nothing else would end its waiting
                call.fails(ConnectionLost(f"{self.name} was closed."))
        await super().close()

    async def _opened(self, client: Client) -> None:
        if client.server_capabilities.tools is not None:
            await self.list_tools()

    # ---- requests ------------------------------------------------------------------------

    async def request(
        self, call: Callable[[Client], Any], *, timeout_s: float | None = None
    ) -> Any:
        """Run one request and explain what goes wrong.

        Args:
            call: makes the request.
            timeout_s: seconds it may take; the connection's own limit where ``None``.

        Raises:
            CallTimeout: no answer in time; the request is cancelled.
            CallError, ConnectionLost: there is no answer.
        """
        limit = self.timeout_s if timeout_s is None else timeout_s
        try:
            async with asyncio.timeout(limit) as clock:
                return await call(self.client)
        except TimeoutError:
            waited = f" in {limit:g} s" if clock.expired() and limit is not None else " in time"
            raise CallTimeout(
                f"{self.name} gave no answer{waited}.", hint="Open it with a longer --timeout."
            ) from None
        except Exception as error:
            explained = await self._explained(error)
            if explained is error:
                raise
            raise explained from None  # its context keeps what was raised

    async def _explained(self, error: Exception) -> BaseException:
        """What went wrong, with a child's exit code and last words where it has ended."""
        if self.child_pid is not None and explain.closed(error):
            await self._last_words()
        if getattr(self.write, "session_ended", False):
            self.give_up("the server does not know its session any more")
            error = ConnectionLost(f"{self.name} is gone: {self.lost}.")
        explained = explain.requesting(error, self.name, reason=self.lost, clean=self.clean)
        if isinstance(explained, ConnectionLost) and self.returns:
            explained.hint = "Is the server running? The next call tries again."
        return self._tidied(explained) if isinstance(explained, McpError) else explained

    async def list_all(self, kind: str, *, timeout_s: float | None = None) -> list[Any]:
        """Every page of ``tools``, ``resources``, ``resource_templates`` or ``prompts``."""

        async def pages(client: Client) -> list[Any]:
            found: list[Any] = []
            cursor: str | None = None
            for _ in range(MAX_PAGES):
                page = await getattr(client, f"list_{kind}")(cursor=cursor)
                found += getattr(page, kind)
                cursor = page.next_cursor
                if not cursor:
                    break
            return found

        found: list[Any] = await self.request(pages, timeout_s=timeout_s)
        return found

    async def list_tools(self, *, timeout_s: float | None = None) -> list[types.Tool]:
        """The tools, read anew."""
        tools = await self.list_all("tools", timeout_s=timeout_s)
        self.tools = {tool.name: tool for tool in tools}
        self.tools_changed = False
        return tools

    async def call_tool(
        self,
        tool: str,
        arguments: dict[str, Any],
        *,
        timeout_s: float | None,
        answers: Answers,
        on_progress: ProgressCallback | None = None,
        why_slow: Callable[[], str] = lambda: "",
        spent_s: float = 0.0,
    ) -> types.CallToolResult:
        """Call a tool and answer its questions.

        Time does not count while a question is open.

        Args:
            tool: its name.
            arguments: by name.
            timeout_s: seconds the call may take; no limit where ``None``.
            answers: who answers questions of the server.
            on_progress: called with value, total and message.
            why_slow: says why, where the time is over.
            spent_s: seconds of the limit that are over already.

        Raises:
            CallTimeout: no answer in time; the call is cancelled.
            QuestionUnanswered: a question nobody can answer; the call is cancelled.
        """

        async def on(progress: float, total: float | None, message: str | None) -> None:
            if on_progress is not None:
                on_progress(progress, total, message)

        state = CallUnderWay(answers, spent_s, timeout_s)
        self._calls.append(state)
        try:
            async with state.clock:
                return await self.client.call_tool(tool, arguments, progress_callback=on)
        except Exception as error:
            ended: Exception = error
            if state.clock.expired() and isinstance(error, TimeoutError):
                ended = self._out_of_time(state, tool, timeout_s, why_slow)
            explained = await self._explained(ended)
            if explained is error:
                raise
            raise explained from None  # its context keeps what was raised
        finally:
            self._calls.remove(state)

    def _out_of_time(
        self, state: CallUnderWay, tool: str, timeout_s: float | None, why_slow: Callable[[], str]
    ) -> McpError:
        """Why the clock of a call has ended it."""
        if state.problem is not None:
            return state.problem
        why, limit = why_slow(), timeout_s or 0.0
        return CallTimeout(
            f"{tool} on {self.name} gave no answer in {limit:g} s and was cancelled"
            f"{f' ({why})' if why else ''}.",
            hint=f"Give it longer: --timeout {max(60, limit * 4):g}",
        )

    # ---- what the server starts ------------------------------------------------------------

    async def _asked(self, context: Any, params: Any) -> Any:
        """The server asks something, in either era."""
        question = Question.of(params)
        # the wire does not say which call a question belongs to (legacy era): the newest
        # call that brought answers, else the newest
        calls = self._calls
        newest = calls[-1] if calls else None
        state = next((c for c in reversed(calls) if c.answers.prepared), newest)
        if state is None:
            return types.ErrorData(code=-32600, message="no call is under way here")
        state.opens()
        try:
            return await state.answers.answer(question)
        except McpError as problem:
            state.fails(problem)
            return types.ErrorData(code=-32603, message="the user could not be asked")
        finally:
            state.closes()

    async def _noticed(self, message: Any) -> None:
        """A notification of the server."""
        if isinstance(message, Exception):
            return
        self.notices.append(message)
        if getattr(message, "method", "") == "notifications/tools/list_changed":
            self.tools_changed = True
        for tell in list(self.on_notice):
            with contextlib.suppress(Exception):  # a listener of ours must not end the session
                tell(message)
