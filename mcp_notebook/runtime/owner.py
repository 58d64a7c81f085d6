"""One open client and the task that owns it, on the background loop.

The SDK's ``Client`` must be entered and left by the same task. Cells come and go, so a task of
its own holds it open until it is told to end, or until the peer is gone.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import mcp_types as types
from mcp.client import Client

from mcp_notebook.errors import ConnectionLost, McpError
from mcp_notebook.trace.foreign import foreign
from mcp_notebook.transports.base import ConnectOptions
from mcp_notebook.transports.tap import Tap

from . import explain, sdk
from .eras import mode_of
from .loop import BackgroundLoop
from .targets import Target

CLOSE_TIMEOUT_S = 8.0

OWN_WORDS = 1000
"""Characters of an error of ours that quotes a peer; ours are longer than a peer's words."""


class OwnedClient(ABC):
    """The SDK's client of one connection, opened, held, closed and opened again.

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
        self.child_pid: int | None = None
        self.left_out: dict[str, str] = {}
        self.write: Any = None
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
        self._closed = False
        self._returning = asyncio.Lock()

    @property
    def options(self) -> ConnectOptions:
        """How it is opened."""
        return self._options

    # ---- life --------------------------------------------------------------------------

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
                sdk.assume_complete(client.session)
                if self.mode not in ("auto", "legacy"):
                    await self._discover(client)
                await self._opened(client)
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
        """Close it; twice is no error."""
        self._closed = True
        self._end.set()
        if self._owner is not None and not self._owner.done():
            await asyncio.wait({self._owner}, timeout=CLOSE_TIMEOUT_S)
            await self._abandon()

    # ---- lost and found ------------------------------------------------------------------

    @property
    def returns(self) -> bool:
        """Whether a lost link may be opened again: it leads to an address outside this kernel.

        A child is not started again by itself: what it held in memory would be gone unsaid.
        """
        return isinstance(self.target.address, str) and not self._closed

    async def find_again(self) -> None:
        """Open the link again where it was lost and a server may have been restarted.

        Raises:
            ConnectionLost: in one line, why not; it stays lost.
        """
        if not (self.lost and self.returns):
            return
        async with self._returning:
            if not self.lost:
                return  # another call has done it
            await self._abandon()
            before, self.lost = self.lost, ""
            self._end = asyncio.Event()
            try:
                await self.open(self._options.connect_timeout_s)
            except McpError as error:
                self.lost = before
                raise ConnectionLost(
                    f"{self.name} is gone, and {error.message}",
                    hint="Is the server running? The next call tries again.",
                ) from None
            except BaseException:
                self.lost = before
                raise

    # ---- what a session makes of it --------------------------------------------------------

    @abstractmethod
    async def _opened(self, client: Client) -> None:
        """The handshake is done: read what is needed before the first call."""

    @abstractmethod
    async def _asked(self, context: Any, params: Any) -> Any:
        """The server asks something."""

    @abstractmethod
    async def _noticed(self, message: Any) -> None:
        """A notification of the server."""
