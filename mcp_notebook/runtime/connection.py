"""One open client, as cells use it: plain calls, and awaitable twins under ``.aio``."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import mcp_types as types

from mcp_notebook.trace.events import Message

from .aio import RAW_WAIT_S, AioConnection
from .calls import PendingCall
from .listening import Listening
from .questions import Answers, Asker
from .results import CallResult, Listing, PromptResult, ReadResult
from .session import ProgressCallback, Session

if TYPE_CHECKING:
    from .endpoint import Endpoint
    from .workbench import Workbench

T = TypeVar("T")


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
