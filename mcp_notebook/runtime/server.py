"""A named server whose tools, resources and prompts come from cells."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from mcp.server.mcpserver import MCPServer
from mcp.server.subscriptions import (
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
    ToolsListChanged,
)

from mcp_notebook.errors import UsageError

from . import sdk
from .clients import Clients
from .loop import BackgroundLoop
from .quiet import root_left_alone
from .toolthreads import ToolThreads

if TYPE_CHECKING:
    from mcp_notebook.transports.base import ChildCommand

Kind = Literal["tool", "resource", "prompt"]

_LEGACY_NOTICE = {
    "tool": "send_tool_list_changed",
    "resource": "send_resource_list_changed",
    "prompt": "send_prompt_list_changed",
}
_MODERN_NOTICE: dict[str, Callable[[], Any]] = {
    "tool": ToolsListChanged,
    "resource": ResourcesListChanged,
    "prompt": PromptsListChanged,
}


@dataclass(frozen=True, kw_only=True)
class Part:
    """A tool, resource or prompt as the notebook defined it.

    Attributes:
        kind: which of the three.
        name: the tool's or prompt's name, the resource's URI.
        function: the user's own function.
        kernel: whether it runs on the kernel's main thread or loop.
        cell: the id of the cell that defined it; empty where none is known.
        options: what else it was registered with (title, description, annotations ...).
        since_ns: when it was defined, as ``time.perf_counter_ns``, the clock of the Trace.
    """

    kind: Kind
    name: str
    function: Callable[..., Any]
    kernel: bool = False
    cell: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    since_ns: int = field(default_factory=time.perf_counter_ns, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Change:
    """What defining or removing did.

    Attributes:
        part: the tool, resource or prompt.
        what: ``new``, ``replaced``, ``unchanged`` or ``removed``.
    """

    part: Part
    what: str


class NotebookServer:
    """One server and what it is made of.

    Args:
        name: how magics and endpoints call it.
        loop: the background loop it is served on.
        threads: where its functions run.
        mcp: an existing ``MCPServer`` to take over; a new one otherwise.
        source: ``module:attribute`` where it came from, if a child can import it.
    """

    def __init__(
        self,
        name: str,
        *,
        loop: BackgroundLoop,
        threads: ToolThreads,
        mcp: MCPServer[Any] | None = None,
        source: str = "",
    ) -> None:
        self.name = name
        self.source = source
        self.own = mcp is None
        self.revision = 0
        self._loop = loop
        self._threads = threads
        self._parts: dict[tuple[Kind, str], Part] = {}
        if mcp is None:
            with root_left_alone():
                mcp = MCPServer(name, log_level="ERROR", warn_on_duplicate_tools=False)
        self.mcp = mcp
        sdk.announce_changes(mcp)
        sdk.spans_where_watched(mcp)
        sdk.place_tools(mcp, lambda name, fn: threads.wrap(fn, name=name, kernel=False))
        self._clients = Clients(mcp, loop)

    def __repr__(self) -> str:
        counts = [f"{n} {word}{'' if n == 1 else 's'}" for word, n in self.counts().items() if n]
        return f"<server {self.name}: {', '.join(counts) or 'nothing yet'}>"

    # ---- Served (what transports need) ---------------------------------------------------

    async def serve_streams(self, read: Any, write: Any) -> None:
        """Serve one connection over a pair of message streams."""
        await sdk.serve_streams(self.mcp, read, write)

    def child_command(self) -> ChildCommand:
        """A command that runs a snapshot of this server as a child."""
        from .snapshot import child_command

        return child_command(self)

    # ---- what it is made of --------------------------------------------------------------

    @property
    def version(self) -> str:
        """What it tells clients of its version; empty, as in the SDK, until somebody sets it.

        Not this package's: whoever wrote the tools knows which version they are.
        """
        return self.mcp.version

    @version.setter
    def version(self, version: str) -> None:
        if not self.own:
            raise UsageError(
                f"{self.name} was made elsewhere.", hint="Set it there: MCPServer(version=...)"
            )
        sdk.set_version(self.mcp, version)

    def counts(self) -> dict[str, int]:
        """How many tools, resources and prompts it has."""
        resources, templates = sdk.resources_of(self.mcp)
        return {
            "tool": len(sdk.tools_of(self.mcp)),
            "resource": len(resources) + len(templates),
            "prompt": len(sdk.prompts_of(self.mcp)),
        }

    def parts(self, kind: Kind | None = None) -> list[Part]:
        """What the notebook defined, in order."""
        return [p for p in self._parts.values() if kind is None or p.kind == kind]

    def part(self, kind: Kind, name: str) -> Part | None:
        """One of them."""
        return self._parts.get((kind, name))

    def tool_names(self) -> list[str]:
        """The names of all tools, the ones of an adopted server included."""
        return list(sdk.tools_of(self.mcp))

    def define(self, parts: Iterable[Part], *, cell: str = "") -> list[Change]:
        """Add tools, resources and prompts, replacing those of the same name.

        Args:
            parts: what to define.
            cell: the cell that defines them. What the same cell defined before and does not
                define now is removed; with no id nothing is removed.

        Raises:
            UsageError: a function cannot become what it should (its signature says why).
        """
        parts = list(parts)
        for part in parts:
            self._check(part)  # all of them before the first: a bad one changes nothing
        changes = []
        for part in parts:
            before = self._parts.get((part.kind, part.name))
            self._register(part)
            self._parts[part.kind, part.name] = part
            changes.append(Change(part=part, what="replaced" if before else "new"))
        if cell:
            kinds = {p.kind for p in parts} or {"tool", "resource", "prompt"}
            now = {(p.kind, p.name) for p in parts}
            for key, old in list(self._parts.items()):
                if old.cell == cell and old.kind in kinds and key not in now:
                    changes.append(self._remove(old))
        self._tell(changes)
        return changes

    def remove(self, *names: str) -> list[Change]:
        """Remove tools, resources or prompts by name.

        Raises:
            UsageError: there is none of that name; then nothing is removed.
        """
        found = []
        for name in names:
            here = [p for p in self._parts.values() if p.name == name]
            if not here and name in sdk.tools_of(self.mcp):
                tool = sdk.tools_of(self.mcp)[name]
                here = [Part(kind="tool", name=name, function=tool.fn)]
            if not here:
                known = ", ".join(dict.fromkeys([p.name for p in self.parts()] + self.tool_names()))
                raise UsageError(
                    f"{self.name} has no {name!r}.", hint=f"It has: {known or 'nothing'}."
                )
            found += here
        changes = [self._remove(part) for part in found]
        self._tell(changes)
        return changes

    def _remove(self, part: Part) -> Change:
        self._parts.pop((part.kind, part.name), None)
        resources, templates = sdk.resources_of(self.mcp)
        for table in {
            "tool": (sdk.tools_of(self.mcp),),
            "prompt": (sdk.prompts_of(self.mcp),),
            "resource": (resources, templates),
        }[part.kind]:
            table.pop(part.name, None)
        return Change(part=part, what="removed")

    def _check(self, part: Part) -> None:
        """Say whether a function can become a tool, before anything is changed."""
        if part.kind == "tool":
            try:
                sdk.make_tool(part.function, name=part.name, **part.options)
            except Exception as error:
                raise _cannot_become(part, error) from error

    def _register(self, part: Part) -> None:
        function = self._threads.wrap(part.function, name=part.name, kernel=part.kernel)
        options = dict(part.options)
        options.setdefault("description", inspect.getdoc(part.function) or "")
        try:
            if part.kind == "tool":
                sdk.put_tool(self.mcp, function, name=part.name, **options)
            elif part.kind == "prompt":
                sdk.put_prompt(self.mcp, function, name=part.name, **options)
            else:
                options.setdefault("name", part.function.__name__)
                sdk.put_resource(self.mcp, function, uri=part.name, **options)
        except Exception as error:  # the SDK raises many kinds for a bad signature
            raise _cannot_become(part, error) from error

    # ---- telling those who are connected ---------------------------------------------------

    def _tell(self, changes: list[Change]) -> None:
        """Send the list-changed notices of both eras to everyone connected."""
        if not changes:
            return
        self.revision += 1
        if self._loop.running:
            self._loop.call_soon(lambda: self._loop.spawn(self._notify(changes)))

    async def _notify(self, changes: list[Change]) -> None:
        bus = sdk.subscription_bus(self.mcp)
        kinds = list(dict.fromkeys(change.part.kind for change in changes))
        for kind in kinds:
            await bus.publish(_MODERN_NOTICE[kind]())
        for change in changes:
            if change.part.kind == "resource" and change.what == "replaced":
                await bus.publish(ResourceUpdated(uri=change.part.name))
        await self._clients.tell(_LEGACY_NOTICE[kind] for kind in kinds)


def _cannot_become(part: Part, error: Exception) -> UsageError:
    """The SDK's many reasons in one line, without pydantic's advertising."""
    text = str(error).partition("For further information")[0].strip()
    return UsageError(
        f"{part.function.__name__} cannot become a {part.kind}: {text}",
        hint="Check its parameters and type hints, then run the cell again.",
    )
