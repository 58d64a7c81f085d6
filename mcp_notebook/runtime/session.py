"""One open client and the task that owns it, on the background loop.

The SDK's ``Client`` must be entered and left by the same task. Cells come and go, so a task of
its own holds it open until it is told to end, or until the peer is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import mcp_types as types
from mcp.client import Client

from mcp_notebook.errors import CallTimeout, ConnectionLost, McpError
from mcp_notebook.trace.foreign import foreign
from mcp_notebook.transports.base import ConnectOptions
from mcp_notebook.transports.tap import Tap

from . import explain
from .eras import mode_of
from .loop import BackgroundLoop
from .questions import Answers, Question
from .targets import Target
from .underway import CallUnderWay

CLOSE_TIMEOUT_S = 8.0
MAX_PAGES = 100
"""Pages of a list that are read; a server whose list never ends does not hang a cell."""

OWN_WORDS = 1000
"""Characters of an error of ours that quotes a peer; ours are longer than a peer's words."""

ProgressCallback = Callable[[float, float | None, str | None], None]


class Session:
    """The client side of one connection.

    Args:
        name: the connection's name.
        target: where it leads.
        tap: where its traffic is recorded.
        options: how it is opened.
        era: ``auto``, ``legacy``, ``modern`` or a revision date.
        loop: the background loop.
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
        self.name = name
        self.target = target
        self.mode = mode_of(era)
        self.lost = ""
        self.tools: dict[str, types.Tool] = {}
        self.tools_changed = False
        self.child_pid: int | None = None
        self.left_out: dict[str, str] = {}
        self.notices: deque[Any] = deque(maxlen=1000)
        self.on_notice: list[Callable[[Any], None]] = []
        self.write: Any = None
        self.timeout_s: float | None = None
        """How long any request may take; set by the connection."""
        self._tap = tap
        self._loop = loop
        self._options = replace(
            options,
            on_closed=self._peer_gone,
            on_child=self._child_runs,
            on_left_out=self.left_out.update,
        )
        self._client: Client | None = None
        self._end = asyncio.Event()
        self._owner: asyncio.Task[None] | None = None
        self._calls: list[CallUnderWay] = []

    # ---- life --------------------------------------------------------------------------

    @property
    def asking(self) -> bool:
        """Whether a question of the server waits for its answer."""
        return any(call.open for call in self._calls)

    @property
    def client(self) -> Client:
        """The SDK's client.

        Raises:
            ConnectionLost: it is closed or its peer is gone.
        """
        if self._client is None or self.lost:
            why = self.lost or "it is closed"
            raise ConnectionLost(f"{self.name} is gone: {why}.", hint="Open it again: %mcp connect")
        return self._client

    async def open(self, timeout_s: float) -> None:
        """Open the link and shake hands.

        Raises:
            ConnectError: in one line, why not.
        """
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        since = self._tap.trace.last_seq
        self._owner = self._loop.spawn(self._own(ready))
        try:
            await asyncio.wait_for(asyncio.shield(ready), timeout_s)
        except asyncio.CancelledError:
            await self._abandon()
            raise
        except BaseException as error:  # noqa: BLE001 - because it is raised again, explained
            if not ready.done():
                ready.cancel()
            words = ""
            if self.target.transport.name == "stdio" and not isinstance(
                error, McpError | TimeoutError
            ):
                words = await self._last_words()
            await self._abandon()
            raise self._tidied(
                explain.connecting(
                    error,
                    self.target.shown,
                    epitaph=words,
                    echoes=explain.echoed(self._tap.trace.since(since), self.name),
                    clean=self.clean,
                )
            ) from None  # its context keeps what was raised

    def clean(self, text: object) -> str:
        """Words of the peer, fit to be quoted in an error: masked, escaped, cut."""
        return foreign(text, self._tap.trace.secrets.values())

    def _tidied(self, error: McpError) -> McpError:
        """An error of ours that may quote the peer, without its secrets and tricks."""
        error.message = foreign(error.message, self._tap.trace.secrets.values(), OWN_WORDS)
        return error

    async def _last_words(self) -> str:
        """Why a child ended, as soon as that is known."""
        for _ in range(60):
            if self.lost:
                return self.lost
            await asyncio.sleep(0.02)
        return ""

    async def _own(self, ready: asyncio.Future[None]) -> None:
        try:
            streams = self.target.transport.connect(self.target.address, self._options, self._tap)  # type: ignore[arg-type]
            client = Client(
                self._kept(streams),
                mode=self.mode,
                cache=None,
                elicitation_callback=self._asked,
                sampling_callback=self._asked,
                message_handler=self._noticed,
                client_info=types.Implementation(name="mcp_notebook", version="0.1.0"),
            )
            async with client:
                self._client = client
                if self.mode not in ("auto", "legacy"):
                    await self._discover(client)
                if client.server_capabilities.tools is not None:
                    await self.list_tools()
                if not ready.done():
                    ready.set_result(None)
                await self._end.wait()
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)
                ready.exception()  # read here, in case nobody waits any more
            elif not isinstance(error, asyncio.CancelledError):
                words = self.clean(explain.innermost(error))
                self.lost = self.lost or words or type(error).__name__
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
        finally:
            self._client = None

    async def _discover(self, client: Client) -> None:
        """Ask a server that must be modern what it is: the SDK's pinned mode takes it on trust."""
        raw = await client.session.send_discover(self.mode)
        client.session.adopt(types.DiscoverResult.model_validate(raw))

    @asynccontextmanager
    async def _kept(self, streams: Any) -> AsyncIterator[Any]:
        async with streams as pair:
            self.write = pair[1]
            yield pair

    def _peer_gone(self, reason: str) -> None:
        """The transport says that the link ended by itself."""
        if not self._end.is_set():
            self.lost = self.clean(reason) or "the server closed the connection"
            self._end.set()

    def give_up(self, reason: str) -> None:
        """End it because its endpoint has ended."""
        self._peer_gone(reason)

    def _child_runs(self, pid: int) -> None:
        self.child_pid = pid

    async def _abandon(self) -> None:
        owner = self._owner
        if owner is not None and not owner.done():
            owner.cancel()
            await asyncio.wait({owner}, timeout=CLOSE_TIMEOUT_S)

    async def close(self) -> None:
        """Close it; twice is no error. A question that is open is withdrawn."""
        self._end.set()
        for call in self._calls:
            if call.open and not call.problem.done():  # nothing else would end its waiting
                call.problem.set_result(ConnectionLost(f"{self.name} was closed."))
        if self._owner is not None and not self._owner.done():
            await asyncio.wait({self._owner}, timeout=CLOSE_TIMEOUT_S)
            await self._abandon()

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
        explained = explain.requesting(error, self.name, reason=self.lost, clean=self.clean)
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

        async def call() -> types.CallToolResult:
            return await self.client.call_tool(tool, arguments, progress_callback=on)

        state = CallUnderWay(answers, spent_s)
        self._calls.append(state)
        task = asyncio.get_running_loop().create_task(call())
        try:
            while not task.done():
                left = None
                if timeout_s is not None and not state.open:
                    left = max(0.0, timeout_s - state.spent())
                waits: set[asyncio.Future[Any]] = {task, state.problem, state.turn()}
                await asyncio.wait(waits, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                if state.problem.done():
                    raise state.problem.result()
                if task.done() or timeout_s is None:
                    continue
                if not state.open and state.spent() >= timeout_s:
                    why = why_slow()
                    raise CallTimeout(
                        f"{tool} on {self.name} gave no answer in {timeout_s:g} s and was cancelled"
                        f"{f' ({why})' if why else ''}.",
                        hint=f"Give it longer: --timeout {max(60, timeout_s * 4):g}",
                    )
            return task.result()
        except Exception as error:
            explained = await self._explained(error)
            if explained is error:
                raise
            raise explained from None  # its context keeps what was raised
        finally:
            self._calls.remove(state)
            if not task.done():
                task.cancel()  # the SDK sends notifications/cancelled
                await asyncio.wait({task}, timeout=1)

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
            if not state.problem.done():
                state.problem.set_result(problem)
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
