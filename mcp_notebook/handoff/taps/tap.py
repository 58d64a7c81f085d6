"""A tap, as cells have it: what to give to the host, and what passed so far."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from mcp_notebook.errors import UsageError
from mcp_notebook.runtime.credentials import secret_values, sounds_secret
from mcp_notebook.runtime.masking import argv_secrets, masked
from mcp_notebook.runtime.names import free_name
from mcp_notebook.runtime.targets import Target, from_command, from_url
from mcp_notebook.trace.events import Vantage
from mcp_notebook.transports.base import ServeOptions
from mcp_notebook.transports.tap import Tap

from .changes import Changes
from .shims import ShimListener
from .urls import UrlListener

if TYPE_CHECKING:
    from mcp_notebook.runtime.workbench import Workbench

BY_URL = ("http", "http-json", "sse", "websocket")
"""The transports whose URLs can be tapped."""


class _Listener(Protocol):
    @property
    def links(self) -> int: ...

    async def close(self) -> None: ...


class HostTap:
    """Stands between hosts and one server. Made by ``%mcp tap``.

    Attributes:
        name: how magics call it; in the Trace the connection of this name, vantage ``relay``.
        target: the server, as a person may see it.
        transport: what is spoken.
        command: what the host starts; empty where there is a URL.
        url: what the host calls; empty where there is a command.
        changes: the headers that are changed on the way.
        warnings: what the user should know.
        hidden: secrets in the command, which are not shown.
        stable: show no address, which changes from machine to machine.
    """

    stable = False

    def __init__(
        self,
        *,
        workbench: Workbench,
        name: str,
        target: Target,
        listener: _Listener,
        command: Sequence[str] = (),
        url: str = "",
        changes: Changes | None = None,
        warnings: Sequence[str] = (),
        hidden: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.target = target.shown
        self.transport = target.transport.name
        self.command = tuple(command)
        self.url = url
        self.changes = Changes() if changes is None else changes  # an empty one is false
        self.warnings = list(warnings)
        self.hidden = tuple(hidden)
        if hidden:
            self.warnings.append(
                "the command has a secret in it: .command holds it all. Better let the server "
                "take it from its environment"
            )
        self._workbench = workbench
        self._listener = listener
        self.stopped = False

    @property
    def address(self) -> str:
        """What the host is told: a URL, or a command line. Secrets in it are masked."""
        return self.url or masked(shlex.join(self.command), self.hidden)

    @property
    def links(self) -> int:
        """How many links of hosts are open."""
        return 0 if self.stopped else self._listener.links

    @property
    def status(self) -> str:
        """``listening`` or ``stopped``."""
        return "stopped" if self.stopped else "listening"

    def stop(self) -> None:
        """End it; servers that hosts have started through it go on."""
        if self._workbench.taps.get(self.name) is self:
            self._workbench.stop(self.name)

    close = stop

    async def end(self) -> None:
        """End it, from the background loop."""
        self.stopped = True
        await self._listener.close()

    def __repr__(self) -> str:
        what = "URL" if self.url else "command"
        address = f".{what.lower()}" if self.stable else self.address
        refused = self.transport == "websocket" or self.hidden  # no host speaks it; a secret
        written = f"or let %mcp config do it: %mcp config HOST {self.name} --write"
        return "\n".join(
            [
                f"{self.name}: a tap on {self.target}, {self.status}",
                f"Give the host this {what} in the place of its own: {address}",
                *([] if refused else [written]),
                f"Then its traffic shows here: %mcp flow conn:{self.name}",
                *(f"changed: {line}" for line in ([] if self.stable else self.changes.lines())),
                *(f"warning: {text}" for text in self.warnings),
            ]
        )


def tap(
    workbench: Workbench,
    target: str | Sequence[str],
    *,
    name: str | None = None,
    port: int | None = None,
    secrets: Sequence[str] = (),
) -> HostTap:
    """Stand between hosts and a server.

    Args:
        workbench: where it is recorded and stopped.
        target: the server's URL, or the command that starts it.
        name: what to call it; a tap of that name is replaced.
        port: of the URL that hosts are given; by default the same at each start.
        secrets: parts of the target that must not be shown or recorded.

    Raises:
        UsageError: it cannot be tapped, or a port is taken.
    """
    found = from_url(target) if isinstance(target, str) else _of_command(workbench, target)
    if isinstance(target, str) and found.transport.name not in BY_URL:
        raise UsageError(
            f"{found.transport.name} cannot be tapped.",
            hint="Give an http(s) or ws(s) URL, or -- COMMAND ARG",
        )
    if name and not re.fullmatch(r"\w[\w.-]*", name):
        raise UsageError(
            f"{name!r} is no name of a tap.", hint="Use letters, digits, - and _: --as NAME"
        )
    warnings: list[str] = []
    if isinstance(target, str):
        if found.secrets:
            raise UsageError(
                "the URL has a password in it, which the host would not send.",
                hint="Leave it out here and let the host send it as a header.",
            )
        target = _without_secret_query(target, warnings)
    elif port is not None:
        raise UsageError("--port is for a URL.", hint="Leave it out: a command has no port.")
    name = name or _free(workbench, found)
    if name in {**workbench.endpoints, **workbench.connections}:
        raise UsageError(f"{name} runs already and is no tap.", hint="Give another: --as NAME")
    argv = [] if isinstance(target, str) else list(target)
    hidden = [*secrets, *found.secrets, *argv_secrets(argv), *secret_values(found.env)]
    for secret in hidden:
        workbench.trace.secrets.add(secret)
    old = workbench.taps.get(name)
    if old is not None:
        workbench.stop(name)
    recorder = Tap(workbench.trace, name, Vantage.RELAY, found.transport.name)
    options = ServeOptions(name=name, folder=workbench.folder, port=port, warn=warnings.append)
    made: dict[str, Any] = {}
    listener: ShimListener | UrlListener
    if isinstance(target, str):
        listener = UrlListener(target, recorder, workbench.trace.secrets.add)
        standing = [one._listener for one in workbench.taps.values()]
        others = [one for one in standing if isinstance(one, UrlListener)]
        workbench.loop.run(listener.open(options, others))
        made = {"url": listener.url, "changes": listener.changes}
    else:
        listener = ShimListener(recorder, options, workbench.trace.secrets.add)
        workbench.loop.run(listener.open())
        made = {"command": [*listener.command, "--", *found.address]}  # type: ignore[misc]
    found = Target(
        name=found.name,
        transport=found.transport,
        address=found.address,
        shown=masked(found.shown, hidden),
    )
    made_tap = workbench.taps[name] = HostTap(
        workbench=workbench,
        name=name,
        target=found,
        listener=listener,
        warnings=warnings,
        hidden=hidden,
        **made,
    )
    return made_tap


def _without_secret_query(url: str, warnings: list[str]) -> str:
    """A URL that may be shown: the host adds a query with a secret in it by itself."""
    parts = urlsplit(url)
    if any(value and sounds_secret(name) for name, value in parse_qsl(parts.query)):
        warnings.append("the query of the URL holds a secret: the host must add it to the URL")
        return urlunsplit(parts._replace(query=""))
    return url


def _of_command(workbench: Workbench, command: Sequence[str]) -> Target:
    """The target of a command whose paths are absolute: a host starts it somewhere else."""
    from mcp_notebook.handoff.hosts.launch import absolute

    if not command:
        raise UsageError("there is no command.", hint="%mcp tap -- python server.py")
    told = from_command(command)
    return Target(
        name=told.name,
        transport=told.transport,
        address=absolute(command, workbench.folder),
        shown=told.shown,
        secrets=told.secrets,
    )


def _free(workbench: Workbench, target: Target) -> str:
    """The usual name of a tap; the same target again gets the same one and replaces it."""
    others = [name for name, one in workbench.taps.items() if one.target != target.shown]
    taken = {*workbench.endpoints, *workbench.connections, *others}
    return free_name(f"{target.name}-tap", taken)
