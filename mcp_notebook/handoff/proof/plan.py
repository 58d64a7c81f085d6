"""Which recorded calls a proof makes again, and which it does not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from mcp_notebook.errors import UsageError
from mcp_notebook.handoff.catalogue import Catalogue
from mcp_notebook.runtime.names import near
from mcp_notebook.runtime.server import NotebookServer
from mcp_notebook.runtime.workbench import Workbench

from .recorded import Call, distinct, recorded

MOST_CALLS: Final = 200
"""So many calls are replayed on each road, the newest."""

MAY_CHANGE: Final = "a call may change something: neither read-only nor idempotent"
"""Why a tool is not called that says nothing of itself."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which calls are replayed, and which are not.

    Attributes:
        calls: what is replayed, in the order it was recorded.
        left_out: tools and why their calls are not replayed, in a few words.
        unrecorded: parts that were never called: compared by schema alone.
        safe: tools that may be called as often as one likes.
        unsteady: tools whose answers the user says are not the same twice.
    """

    calls: tuple[Call, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    unrecorded: tuple[str, ...] = ()
    safe: frozenset[str] = frozenset()
    unsteady: frozenset[str] = frozenset()


def plan_calls(
    workbench: Workbench,
    server: NotebookServer,
    *,
    expected: Catalogue,
    replay: Sequence[str] = (),
    unsteady: Sequence[str] = (),
) -> Plan:
    """Which recorded calls are replayed.

    A tool is called only where it says of itself that calling it is harmless, or where the user
    named it: a replayed ``send_email`` sends.

    Args:
        workbench: whose Trace is read.
        server: whose calls.
        expected: what it offers.
        replay: tools that are replayed all the same.
        unsteady: tools whose answers are not compared.

    Raises:
        UsageError: a tool is named that is not there.
    """
    for name in [*replay, *unsteady]:
        if name not in expected.tools and name not in _other_names(expected):
            raise UsageError(
                f"{server.name} has no tool {name!r}.",
                hint=near(name, expected.tools).strip() or f"It has: {', '.join(expected.tools)}.",
            )
    safe = frozenset(name for name, tool in expected.tools.items() if _harmless(tool))
    named = frozenset(replay)
    calls, left_out = [], dict[str, str]()
    called: set[tuple[str, str]] = set()
    for call in distinct(recorded(workbench, server), named - safe):
        if call.kind == "tool" and call.name not in expected.tools:
            continue  # it was removed since
        called.add((call.kind, call.name))
        if call.name in unsteady:
            continue
        if why := _why_not(call, safe | named):
            left_out.setdefault(call.name, why)
        else:
            calls.append(call)
    unrecorded = [name for name in expected.tools if ("tool", name) not in called]
    read = [name for kind, name in called if kind == "resource"]
    unrecorded += [uri for uri in expected.resources if uri not in read]
    unrecorded += [one for one in expected.templates if not any(_fits(one, uri) for uri in read)]
    unrecorded += [name for name in expected.prompts if ("prompt", name) not in called]
    return Plan(
        calls=tuple(calls[-MOST_CALLS:]),
        left_out=left_out,
        unrecorded=tuple(unrecorded),
        safe=safe,
        unsteady=frozenset(unsteady),
    )


def _fits(template: str, uri: str) -> bool:
    """Whether a URI may be one of a template's."""
    parts = [re.escape(part) for part in re.split(r"\{[^}]*\}", template)]
    return re.fullmatch(".*".join(parts), uri) is not None


def _other_names(expected: Catalogue) -> set[str]:
    return {*expected.resources, *expected.templates, *expected.prompts}


def _harmless(tool: Mapping[str, Any]) -> bool:
    told = tool.get("annotations") or {}
    return bool(told.get("readOnlyHint") or told.get("idempotentHint"))


def _why_not(call: Call, callable_tools: frozenset[str]) -> str:
    if call.kind == "tool" and call.name not in callable_tools:
        return MAY_CHANGE
    if call.reaches:
        return "a secret stands in what was asked"
    if call.tangled:
        return "several calls were under way when questions were asked"
    return ""
