"""One open client, as cells use it: plain calls, and awaitable twins under ``.aio``."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import mcp_types as types

from mcp_notebook.errors import CallError, UsageError
from mcp_notebook.trace.events import Message
from mcp_notebook.transports.tap import SENT

from .arguments import check
from .calls import PendingCall
from .listening import Listening, listen
from .questions import Answers, Asker
from .results import CallResult, Listing, PromptResult, ReadResult
from .session import ProgressCallback, Session

if TYPE_CHECKING:
    from .endpoint import Endpoint
    from .workbench import Workbench

T = TypeVar("T")

RAW_WAIT_S = 5.0
"""How long ``send`` waits for the answers of what it sent."""


class Connection:
    """One open client. Made by ``Workbench.connect``.

    Attributes:
        name: how magics call it.
        endpoint: the endpoint of this kernel it leads to, or ``None``.
        timeout: seconds a call may take where it says nothing else.
        asker: answers questions of the server that no ``--answer`` was given for.
        warnings: what the user should know about how it was opened.
        left_out: tools that could not travel to its child, with the reason.
        aio: the same methods, awaitable from any event loop.
    """

    def __init__(
        self, *, session: Session, workbench: Workbench, endpoint: Endpoint | None, timeout: float
    ) -> None:
        self.name = session.name
        self.endpoint = endpoint
        self.timeout = timeout
        self.asker: Asker | None = None
        self.warnings: list[str] = []
        self.left_out: dict[str, str] = dict(session.left_out)
        self.aio = AioConnection(self)
        self.session = session
        self.listenings: dict[tuple[str, ...], Listening] = {}
        session.timeout_s = timeout
        self.workbench = workbench
        self._revision = endpoint.server.revision if endpoint else 0

    # ---- what it is ----------------------------------------------------------------------

    @property
    def transport(self) -> str:
        """The transport's name."""
        return self.session.target.transport.name

    @property
    def target(self) -> str:
        """Where it leads, for people."""
        return self.session.target.shown

    @property
    def protocol_version(self) -> str:
        """The negotiated revision, for example ``2026-07-28``."""
        return self.session.client.protocol_version

    @property
    def era(self) -> str:
        """``modern`` or ``legacy``, by the negotiated revision."""
        from mcp_types.version import MODERN_PROTOCOL_VERSIONS

        return "modern" if self.protocol_version in MODERN_PROTOCOL_VERSIONS else "legacy"

    @property
    def server_info(self) -> types.Implementation | None:
        """Name and version the server gave of itself, where it did."""
        return self.session.client.server_info

    @property
    def capabilities(self) -> types.ServerCapabilities:
        """What the server says it can do."""
        return self.session.client.server_capabilities

    @property
    def instructions(self) -> str | None:
        """What the server says to the model that uses it."""
        return self.session.client.instructions

    @property
    def pid(self) -> int | None:
        """The process id of its child, where it has one."""
        return self.session.child_pid

    @property
    def status(self) -> str:
        """``open``, or why it is not."""
        if self.session.lost:
            return f"lost: {self.session.lost}"
        if self.workbench.connections.get(self.name) is not self:
            return "closed"
        return "open, but its tools are older than the notebook's" if self.stale else "open"

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return self.status.startswith("open")

    @property
    def stale(self) -> bool:
        """Whether its child runs a snapshot that is older than the notebook's tools."""
        return (
            self.endpoint is not None
            and self.transport == "stdio"
            and self.endpoint.server.revision != self._revision
        )

    def __repr__(self) -> str:
        if not self.is_open:
            return f"<connection {self.name}: {self.status}>"
        stale = ", stale" if self.stale else ""
        return f"<connection {self.name}: {self.transport}, {self.protocol_version}{stale}>"

    # ---- requests, waiting -----------------------------------------------------------------

    def _run(self, coro: Coroutine[Any, Any, T]) -> T:
        return self.workbench.loop.run(coro)

    def tools(self) -> Listing:
        """The server's tools, read anew."""
        return self._run(self.aio.tools())

    def resources(self) -> Listing:
        """The server's resources and resource templates."""
        return self._run(self.aio.resources())

    def prompts(self) -> Listing:
        """The server's prompts."""
        return self._run(self.aio.prompts())

    def call(self, tool: str, /, **arguments: Any) -> CallResult:
        """Call a tool with keyword arguments.

        Raises:
            UsageError: no such tool, or the arguments do not fit.
            CallTimeout, CallError, ConnectionLost: the call did not end with an answer.
        """
        call = self.pending(tool)
        try:
            self.begin(call, arguments)
            return call.result()
        except BaseException:  # Ctrl-C may strike before the result is waited for
            call.cancel()
            raise

    def start(
        self,
        tool: str,
        arguments: dict[str, Any],
        *,
        answer: Any = None,
        timeout: float | None = None,
        on_progress: ProgressCallback | None = None,
        checked: bool = True,
        asker: Asker | None = None,
    ) -> PendingCall:
        """Start a call and give the handle of it; ``.result()`` waits.

        Args:
            tool: the tool's name.
            arguments: by name.
            answer: answers to questions of the server, in advance.
            timeout: seconds; the connection's own where ``None``.
            on_progress: called with value, total and message, on the background loop.
            checked: whether the arguments are checked against the schema before sending.
            asker: answers questions of this call; the connection's own by default.
        """
        call = self.pending(tool, answer=answer, asker=asker)
        self.begin(call, arguments, timeout=timeout, on_progress=on_progress, checked=checked)
        return call

    def pending(self, tool: str, *, answer: Any = None, asker: Asker | None = None) -> PendingCall:
        """A call that is not started yet: who may be interrupted holds it before it starts.

        Args:
            tool: the tool's name.
            answer: answers to questions of the server, in advance.
            asker: answers questions of this call; the connection's own by default.
        """
        return PendingCall(self, tool, Answers(answer, asker or self.asker))

    def begin(
        self,
        call: PendingCall,
        arguments: dict[str, Any],
        *,
        timeout: float | None = None,
        on_progress: ProgressCallback | None = None,
        checked: bool = True,
    ) -> None:
        """Start a pending call; the arguments are those of ``start``."""
        call.begin(self.aio._call(call, arguments, timeout, on_progress, checked))

    def read(self, uri: str) -> ReadResult:
        """Read a resource."""
        return self._run(self.aio.read(uri))

    def prompt(self, name: str, /, **arguments: str) -> PromptResult:
        """Get a prompt."""
        return self._run(self.aio.prompt(name, **arguments))

    def complete(self, ref: str, argument: str, value: str = "") -> list[str]:
        """Ask the server to complete an argument of a prompt or a resource template."""
        return self._run(self.aio.complete(ref, argument, value))

    def listen(self, *uris: str) -> Listening:
        """Listen for notices: changed lists, and changed resources of these URIs."""
        return self._run(self.aio.listen(*uris))

    def send(self, data: bytes | str, *, timeout: float = RAW_WAIT_S) -> list[Message]:
        """Send exactly these bytes. On a line transport a message ends with its newline.

        Returns:
            The messages that came back while waiting for the answers, as recorded.
        """
        return self._run(self.aio.send(data, timeout=timeout))

    def close(self) -> None:
        """Close it. Twice is no error."""
        self.workbench.connections.stop(self)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def _hint(text: str) -> Iterator[None]:
    """Say what to type next where the server answers with an error."""
    try:
        yield
    except CallError as error:
        error.hint = text
        raise


class AioConnection:
    """The awaitable twins of a connection's methods, for any event loop."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def _reach(self, coro: Coroutine[Any, Any, T]) -> T:
        return await self._connection.workbench.loop.reach(coro)

    async def tools(self) -> Listing:
        """The server's tools, read anew."""
        found = await self._reach(self._connection.session.list_tools())
        self._remember_revision()
        return Listing(found, kind="tool", connection=self._connection.name)

    def _remember_revision(self) -> None:
        connection = self._connection
        if connection.endpoint is not None and connection.transport != "stdio":
            connection._revision = connection.endpoint.server.revision

    async def resources(self) -> Listing:
        """The server's resources and resource templates."""
        session = self._connection.session
        found = await self._reach(session.list_all("resources"))
        found += await self._reach(session.list_all("resource_templates"))
        return Listing(found, kind="resource", connection=self._connection.name)

    async def prompts(self) -> Listing:
        """The server's prompts."""
        found = await self._reach(self._connection.session.list_all("prompts"))
        return Listing(found, kind="prompt", connection=self._connection.name)

    async def call(self, tool: str, /, **arguments: Any) -> CallResult:
        """Call a tool with keyword arguments."""
        call = self._connection.start(tool, arguments)
        try:
            await asyncio.wrap_future(call.future)
        except asyncio.CancelledError:
            call.cancel()
            raise
        return call.outcome()

    async def _call(
        self,
        pending: PendingCall,
        arguments: dict[str, Any],
        timeout: float | None,
        on_progress: ProgressCallback | None,
        checked: bool,
    ) -> types.CallToolResult:
        connection = self._connection
        tool = pending.tool

        limit = connection.timeout if timeout is None else timeout

        async def call() -> types.CallToolResult:
            started = asyncio.get_running_loop().time()
            known = await self._known_tool(tool, limit)
            if checked:
                check(tool, known.input_schema, arguments)
            SENT.set(pending.sent)
            return await connection.session.call_tool(
                tool,
                arguments,
                timeout_s=limit,
                answers=pending.answers,
                on_progress=on_progress,
                why_slow=lambda: connection.workbench.why_slow(tool, connection),
                spent_s=asyncio.get_running_loop().time() - started,
            )

        return await self._reach(call())

    async def _known_tool(self, name: str, timeout_s: float | None = None) -> types.Tool:
        """The tool as listed; lists again where it may have changed."""
        connection = self._connection
        session = connection.session
        changed = connection.endpoint is not None and (
            connection.endpoint.server.revision != connection._revision and not connection.stale
        )
        if changed or session.tools_changed or name not in session.tools:
            await session.list_tools(timeout_s=timeout_s)
            self._remember_revision()
        if name not in session.tools:
            near = difflib.get_close_matches(name, session.tools, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"It has: {', '.join(session.tools)}."
            if not session.tools:
                hint = "It has none; %%mcp tool defines one." if connection.endpoint else ""
            raise UsageError(f"{connection.name} has no tool {name!r}.", hint=hint)
        return session.tools[name]

    async def read(self, uri: str) -> ReadResult:
        """Read a resource."""
        session = self._connection.session
        with _hint("%mcp resources lists what there is."):
            result = await self._reach(session.request(lambda client: client.read_resource(uri)))
        return ReadResult(uri, list(result.contents))

    async def prompt(self, name: str, /, **arguments: str) -> PromptResult:
        """Get a prompt."""
        session = self._connection.session
        with _hint("%mcp prompts lists what there is."):
            result = await self._reach(
                session.request(lambda client: client.get_prompt(name, arguments))
            )
        return PromptResult(name, result.description or "", list(result.messages))

    async def complete(self, ref: str, argument: str, value: str = "") -> list[str]:
        """Ask the server to complete an argument of a prompt or a resource template."""
        reference: Any
        if "://" in ref or "{" in ref:
            reference = types.ResourceTemplateReference(type="ref/resource", uri=ref)
        else:
            reference = types.PromptReference(type="ref/prompt", name=ref)
        given = {"name": argument, "value": value}
        session = self._connection.session
        with _hint("Perhaps this server completes nothing, or has no such prompt or resource."):
            result = await self._reach(
                session.request(lambda client: client.complete(reference, given))
            )
        return list(result.completion.values)

    async def listen(self, *uris: str) -> Listening:
        """Listen for notices: changed lists, and changed resources of these URIs."""
        return await self._reach(listen(self._connection, uris))

    async def send(self, data: bytes | str, *, timeout: float = RAW_WAIT_S) -> list[Message]:
        """Send exactly these bytes and collect what comes back."""
        from .raw import send_raw

        raw = data.encode() if isinstance(data, str) else data
        return await self._reach(send_raw(self._connection, raw, timeout))

    async def close(self) -> None:
        """Close it."""
        await self._connection.workbench.connections.end(self._connection)
