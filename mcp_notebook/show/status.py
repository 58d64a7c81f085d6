"""What runs in this kernel: servers, endpoints, connections, tools under way."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .markup import Bundle, Html, bundle, code, columns, faint, line, strong, table
from .places import where
from .text import clean, count_text, steady

if TYPE_CHECKING:
    from mcp_notebook.runtime.workbench import Workbench

_NAMES = 8
"""How many tools of a server are named."""


def status(workbench: Workbench, *, stable: bool = False) -> Bundle:
    """Everything that runs, in one table a kind."""
    tables = [
        ("servers", ("name", "has", "tools"), server_rows(workbench)),
        (
            "endpoints",
            ("name", "transport", "standing", "address", "links"),
            _endpoints(workbench, stable),
        ),
        (
            "connections",
            ("name", "", "target", "transport", "revision", "status"),
            _connections(workbench, stable),
        ),
        ("taps", ("name", "target", "transport", "address", "links"), _taps(workbench, stable)),
        ("running tools", ("tool", "where", "for"), [] if stable else running_rows(workbench)),
    ]
    return _tables(tables, "Nothing runs yet. Define a tool with %%mcp tool, then %mcp serve.")


def stoppable(workbench: Workbench, *, stable: bool = False) -> Bundle:
    """What ``%mcp stop`` could stop; ``stable`` leaves out what changes from run to run."""
    rows = [
        (
            clean(n, 60),
            "connection",
            steady(clean(c.target, 120)) if stable else clean(c.target, 120),
        )
        for n, c in workbench.connections.items()
    ]
    rows += [
        (clean(n, 60), "endpoint", where(e, stable=stable)) for n, e in workbench.endpoints.items()
    ]
    rows += [(clean(n, 60), "tap", clean(tap.target, 120)) for n, tap in workbench.taps.items()]
    if not rows:
        return bundle("Nothing runs that could be stopped.")
    return _tables([("%mcp stop NAME, or --all", ("name", "", "where"), rows)], "")


def server_rows(workbench: Workbench) -> list[Sequence[str]]:
    """Name, parts and tools of each server."""
    rows: list[Sequence[str]] = []
    for name, server in list(workbench.servers.items()):
        counts = [count_text(n, kind) for kind, n in server.counts().items() if n]
        tools = server.tool_names()
        more = ", …" if len(tools) > _NAMES else ""
        named = ", ".join(clean(tool, 40) for tool in tools[:_NAMES]) + more
        rows.append((clean(name, 60), ", ".join(counts) or "nothing yet", named))
    return rows


def _endpoints(workbench: Workbench, stable: bool) -> list[Sequence[str]]:
    return [
        (
            clean(name, 60),
            clean(endpoint.transport, 40),
            clean(endpoint.standing, 40),
            where(endpoint, stable=stable),
            "" if stable else count_text(endpoint.links, "link"),  # over HTTP chance decides
        )
        for name, endpoint in workbench.endpoints.items()
    ]


def _taps(workbench: Workbench, stable: bool) -> list[Sequence[str]]:
    """What stands between hosts and servers elsewhere."""
    rows: list[Sequence[str]] = []
    for name, tap in workbench.taps.items():
        address = clean(tap.address, 300)
        if stable:  # a command names folders of this machine
            address = steady(address) if tap.url else f"python -m mcp_notebook.shim {name}"
        links = "" if stable else count_text(tap.links, "link")
        rows.append((clean(name, 60), clean(tap.target, 120), tap.transport, address, links))
    return rows


def _connections(workbench: Workbench, stable: bool) -> list[Sequence[str]]:
    default = default_name(workbench)
    rows: list[Sequence[str]] = []
    for name, connection in workbench.connections.items():
        revision = "-"
        if connection.is_open:
            revision = f"{clean(connection.protocol_version, 20)} ({connection.era})"
        target, state = clean(connection.target, 120), clean(connection.status, 160)
        if stable:
            target, state = steady(target), steady(state)
        mark = "default" if name == default else ""
        rows.append(
            (clean(name, 60), mark, target, clean(connection.transport, 40), revision, state)
        )
    return rows


def default_name(workbench: Workbench) -> str:
    """The name of the default connection; nothing where there is none."""
    from mcp_notebook.errors import UsageError

    try:
        return workbench.connection().name
    except UsageError:
        return ""


def running_rows(workbench: Workbench) -> list[Sequence[str]]:
    """Each tool under way: where it runs, and for how long."""
    now = time.monotonic()
    return [
        (clean(call.tool, 60), clean(call.thread, 60), f"{now - call.since:.1f} s")
        for call in workbench.threads.running()
    ]


def _tables(
    tables: Sequence[tuple[str, Sequence[str], Sequence[Sequence[str]]]], empty: str
) -> Bundle:
    plain: list[str] = []
    parts: list[Html] = []
    for title, head, rows in tables:
        if not rows:
            continue
        plain += [title, columns(rows, indent="  ")]
        named = [(code(name), *rest) for name, *rest in rows]
        parts += [line(strong(title)), table(head, named)]
    return bundle("\n".join(plain), *parts) if plain else bundle(empty, line(faint(empty)))
