"""Measuring one call over several transports: an endpoint and a connection of its own each."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from mcp_notebook.errors import McpError, UsageError
from mcp_notebook.runtime import sdk
from mcp_notebook.runtime.arguments import check
from mcp_notebook.runtime.connection import Connection
from mcp_notebook.runtime.credentials import sounds_secret
from mcp_notebook.runtime.eras import mode_of
from mcp_notebook.runtime.masking import MASK, masked
from mcp_notebook.runtime.names import free_name, near
from mcp_notebook.runtime.server import NotebookServer
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.trace.comparison import Column, Comparison
from mcp_notebook.trace.cost import Traffic
from mcp_notebook.trace.events import Event, Message, Vantage
from mcp_notebook.trace.exchange import Exchange, Status, pair
from mcp_notebook.transports import register_builtin
from mcp_notebook.transports.base import Transport, find_transport, transports

from .quiet import Quiet

ROADS: Final = ("pipe", "stdio", "http", "http-json", "sse", "websocket")
"""What is compared where nothing else is said."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is called, and how.

    Attributes:
        server: whose tool.
        tool: its name.
        arguments: by name.
        answer: answers questions of the server in advance.
        timeout: seconds a call may take.
        repeat: how many calls are measured.
    """

    server: NotebookServer
    tool: str
    arguments: dict[str, Any]
    answer: Any = None
    timeout: float | None = None
    repeat: int = 1


def schema_of(server: NotebookServer, tool: str) -> dict[str, Any]:
    """The input schema of a tool.

    Raises:
        UsageError: the server has no such tool.
    """
    tools = sdk.tools_of(server.mcp)
    if tool not in tools:
        listed = f"It has: {', '.join(tools)}." if tools else "It has none; %%mcp tool defines one."
        raise UsageError(
            f"{server.name} has no tool {tool!r}.", hint=near(tool, tools).strip() or listed
        )
    return dict(tools[tool].parameters)


def roads_of(names: Sequence[str]) -> list[Transport]:
    """The transports of a list of names; of none those that are there and usually compared.

    Raises:
        UsageError: there is no such transport.
    """
    register_builtin()
    known = {word: each for each in transports() for word in (each.name, *each.aliases)}
    found = [known.get(name) or find_transport(name) for name in names or ROADS]
    return [each for each in dict.fromkeys(found) if names or not each.missing()]


def compare(
    workbench: Workbench,
    plan: Plan,
    *,
    over: Sequence[str] = (),
    eras: Sequence[str] = ("auto",),
    on_column: Callable[[int, int, str], None] = lambda _done, _all, _label: None,
) -> Comparison:
    """Make the same call over each transport and in each era, and measure it.

    Each column has an endpoint and a connection of its own, which are closed again whatever
    happens. The first call only warms up.

    Args:
        workbench: where it happens; its default connection stays what it was.
        plan: what is called.
        over: names of transports; the usual ones if there are none.
        eras: ``auto``, ``legacy``, ``modern`` or revisions.
        on_column: told before each column and at the end: how many are done, of how many, and
            the label of the next.

    Raises:
        UsageError: no such tool, transport or era, or the arguments do not fit.
    """
    check(plan.tool, schema_of(plan.server, plan.tool), plan.arguments)
    roads = roads_of(over)
    for era in eras:
        mode_of(era)
    wanted = [(road, era) for road in roads for era in dict.fromkeys(eras)]
    several = len(set(eras)) > 1
    columns: list[Column] = []
    for road, era in wanted:
        blank = Column(
            label=f"{road.name} {era}" if several else road.name,
            transport=road.name,
            era=era,
            standing=road.standing,
            networked=road.networked,
        )
        on_column(len(columns), len(wanted), blank.label)
        columns.append(_column(workbench, plan, blank))
    on_column(len(columns), len(wanted), "")
    secrets = workbench.trace.secrets.values()
    written = ", ".join(
        f"{name}={MASK if sounds_secret(name) else masked(repr(value), secrets)}"
        for name, value in plan.arguments.items()
    )
    return Comparison(
        tool=plan.tool, call=f"{plan.tool}({written})", columns=columns, repeat=plan.repeat
    )


def _column(workbench: Workbench, plan: Plan, blank: Column) -> Column:
    """One column; what refuses this transport or era is its reason, not an exception."""
    taken = {*workbench.endpoints, *workbench.connections}
    name = free_name(f"compare-{blank.label.replace(' ', '-')}", taken)
    try:
        if why := find_transport(blank.transport).missing():
            return replace(blank, why_not=why)
        with _served(workbench, plan.server, blank.transport, name):
            made, begin, since = _measured(workbench, plan, blank, name)
    except McpError as error:
        return replace(blank, why_not=str(error))
    traffic = Traffic(workbench.trace.since(begin), name)
    return replace(made, closing=traffic.cost(since + 1, workbench.trace.last_seq))


@contextmanager
def _served(
    workbench: Workbench, server: NotebookServer, transport: str, name: str
) -> Iterator[None]:
    """An endpoint for one column. Its connections end with it."""
    try:
        workbench.serve(server, transport, name=name)
        yield
    finally:
        if name in workbench.connections:
            workbench.connections[name].close()
        if name in workbench.endpoints:
            workbench.endpoints[name].stop()


def _measured(
    workbench: Workbench, plan: Plan, blank: Column, name: str
) -> tuple[Column, int, int]:
    """The calls of one column, and the numbers of the last events before and after them."""
    trace = workbench.trace

    def seen(after: int) -> list[Event]:
        return [e for e in trace.since(after) if e.conn == name and e.vantage is Vantage.CLIENT]

    def ends() -> int:
        workbench.loop.run(quiet.settle())
        return trace.last_seq

    begin = trace.last_seq
    quiet = Quiet(seen, begin)
    connection = workbench.connect(name, name=name, era=blank.era, timeout=plan.timeout)
    if plan.tool in connection.left_out:
        raise UsageError(f"{plan.tool} cannot travel to a child: {connection.left_out[plan.tool]}")
    if (opened := getattr(connection.session.write, "hears_notices", None)) is not None:
        workbench.loop.run(opened())  # a stream that is opened late is no part of the call
    marks = [ends()]
    for _ in range(1 + plan.repeat):
        _call(connection, plan)
        marks.append(ends())
    traffic = Traffic(seen(begin), name)
    games = [
        game
        for low, high in pairwise(marks[1:])
        if (game := _game(traffic.events, plan.tool, low, high))
    ]
    if len(games) < plan.repeat:
        raise UsageError("the Trace is too small to hold these calls.", hint="%mcp trace --clear")
    first, last = games[0][0], games[0][-1]
    first_bytes = [
        found
        for game, high in zip(games, marks[2:], strict=True)
        if (found := traffic.first_byte_ns(game[0].request, high)) is not None
    ]
    times = [answer.time_ns - g[0].request.time_ns for g in games if (answer := g[-1].answer)]
    request, answer = _shown(workbench, first), _shown(workbench, last, answer=True)
    column = replace(
        blank,
        revision=connection.protocol_version,
        seq=first.seq,
        status=last.status.value,
        request=_asked(request),
        result=_came_to(answer, last.status),
        request_bytes=first.request.size,
        answer_bytes=last.answer.size if last.answer else 0,
        opening=traffic.cost(begin + 1, marks[0]),
        warming=traffic.cost(marks[0] + 1, marks[1]),
        call=traffic.cost(marks[1] + 1, marks[2]),
        first_byte_ns=int(statistics.median(first_bytes)) if first_bytes else None,
        result_ns=int(statistics.median(times)) if times else None,
    )
    return column, begin, marks[-1]


def _call(connection: Connection, plan: Plan) -> None:
    connection.start(
        plan.tool, dict(plan.arguments), answer=plan.answer, timeout=plan.timeout, checked=False
    ).result()


def _game(events: Sequence[Event], tool: str, low: int, high: int) -> list[Exchange]:
    """The exchanges of one call: one, or more where the server asked and the client retried."""
    here = [event for event in events if low < event.seq <= high]
    return [exchange for exchange in pair(here) if exchange.tool == tool]


def _shown(workbench: Workbench, exchange: Exchange, *, answer: bool = False) -> Any:
    """A message as it may be shown: parsed, without its secrets."""
    message = exchange.answer if answer else exchange.request
    if message is None:
        return None
    masked = workbench.trace.redact([message])[0]
    return masked.json() if isinstance(masked, Message) else None


def _asked(request: Any) -> str:
    """Method and params, without ``_meta``: what every era and transport sends alike."""
    if not isinstance(request, dict):
        return ""
    params = {k: v for k, v in (request.get("params") or {}).items() if k != "_meta"}
    return f"{request.get('method')} {_compact(params)}"


def _came_to(answer: Any, status: Status) -> str:
    """What an answer came to, without what only the era adds."""
    if not isinstance(answer, dict):
        return str(status)
    if isinstance(answer.get("error"), dict):
        return f"error {answer['error'].get('code')}: {answer['error'].get('message')}"
    result = answer.get("result")
    if not isinstance(result, dict):
        return _compact(result)
    found = result.get("structuredContent")
    if isinstance(found, dict) and set(found) == {"result"}:
        found = found["result"]
    if found is None:
        found = [
            part.get("text", part.get("type")) if isinstance(part, dict) else part
            for part in result.get("content") or ()
        ]
        found = found[0] if len(found) == 1 else found
    text = found if isinstance(found, str) else _compact(found)
    return f"failed: {text}" if status is Status.TOOL_ERROR else text


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
