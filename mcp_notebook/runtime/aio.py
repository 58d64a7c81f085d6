"""The awaitable twins of a connection's methods."""

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
from .results import CallResult, Listing, PromptResult, ReadResult
from .session import ProgressCallback

if TYPE_CHECKING:
    from .connection import Connection

T = TypeVar("T")

RAW_WAIT_S = 5.0
"""How long ``send`` waits for the answers of what it sent."""


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
        """Run a request on the background loop; a lost link is opened again before."""
        session = self._connection.session
        if not session.lost:
            return await self._connection.workbench.loop.reach(coro)

        async def found_again() -> T:
            try:
                await session.find_again()
            except BaseException:
                coro.close()
                raise
            return await coro

        return await self._connection.workbench.loop.reach(found_again())

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
        """What a call does on the background loop."""
        connection, session = self._connection, self._connection.session
        if session.lost:
            await session.find_again()
        tool, loop = pending.tool, asyncio.get_running_loop()
        limit = connection.timeout if timeout is None else timeout
        started = loop.time()
        known = self._listed_tool(tool) or await self._known_tool(tool, limit)
        if checked:
            check(tool, known.input_schema, arguments)
        SENT.set(pending.sent)
        return await session.call_tool(
            tool,
            arguments,
            timeout_s=limit,
            answers=pending.answers,
            on_progress=on_progress,
            why_slow=lambda: connection.workbench.why_slow(tool, connection),
            spent_s=loop.time() - started,
        )

    def _listed_tool(self, name: str) -> types.Tool | None:
        """The tool as listed, unless it may have changed since."""
        connection = self._connection
        session, endpoint = connection.session, connection.endpoint
        changed = endpoint is not None and (
            endpoint.server.revision != connection._revision and not connection.stale
        )
        return None if changed or session.tools_changed else session.tools.get(name)

    async def _known_tool(self, name: str, timeout_s: float | None = None) -> types.Tool:
        """The tool as listed; lists again where it may have changed."""
        known = self._listed_tool(name)
        if known is not None:
            return known
        connection = self._connection
        session = connection.session
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
