"""What the rehearsal of the taken source says: which names come out otherwise, and why."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any

from mcp.server.mcpserver.tools import Tool

from mcp_notebook.handoff.selection import Registration

from .definitions import stale_below
from .node import Node, Trouble
from .notebook import Notebook
from .rehearsal import Rehearsal
from .state import changed_by_tools, changed_elsewhere


class Judgement:
    """Tries the source of some names and judges what comes out.

    Args:
        notebook: the notebook.
        taken: what the names come to.
        registrations: the parts.
        told: what clients are told of the tools, by name.
        deferred: whether annotations are text in the file.

    Attributes:
        troubles: names that cannot leave as they are.
        schemas: tools that clients would be told otherwise of, by name.
        remarks: what begins anew.
    """

    def __init__(
        self,
        notebook: Notebook,
        taken: Mapping[str, Node],
        registrations: list[Registration],
        told: Mapping[str, Tool],
        *,
        deferred: bool,
    ) -> None:
        self._notebook = notebook
        self._told = told
        self._taken = taken
        self._registrations = registrations
        self._deferred = deferred
        self.remarks: dict[str, None] = {}
        rehearsal = self._rehearse()
        self.troubles: dict[str, Trouble] = dict(rehearsal.failed)
        self.schemas = rehearsal.schemas
        self._judge(rehearsal)
        for name, node in taken.items():
            if node.unproven and name not in self.troubles and not rehearsal.tried(name):
                self.troubles[name] = _untried(name, node)

    def _rehearse(self, *, by_chance: bool = False) -> Rehearsal:
        environment = self._notebook.environment
        return Rehearsal(
            self._taken,
            self._notebook,
            [*(line for n in self._taken.values() for line in n.imports), *environment.imports],
            list(environment.variables.values()),
            deferred=self._deferred,
            registrations=[] if by_chance else self._registrations,
            told=self._told,
            by_chance=by_chance,
        )

    def _judge(self, rehearsal: Rehearsal) -> None:
        notebook = self._notebook
        given = {*notebook.replace, *notebook.freeze, *notebook.env}
        differing = {
            name: where
            for name in self._taken
            if name not in given and (where := rehearsal.differs(name)) is not None
        }
        if not differing:
            return
        again = self._rehearse(by_chance=True)
        for name in self._in_order(differing):
            made_of = self._made_of(name, differing)
            if any(one in self.troubles for one in made_of):
                continue  # the trouble is with what it is made of
            steady = rehearsal.agrees(again, name)
            if any(id(piece) in rehearsal.opened for piece in self._taken[name].pieces):
                steady = steady and bool(changed_by_tools(name, notebook.names[name], notebook))
            trouble = self._another(name, differing[name], made_of, steady=steady)
            if trouble is not None:
                self.troubles[name] = trouble

    def _in_order(self, differing: Mapping[str, str]) -> list[str]:
        """The names, each after those it is made of."""
        found: list[str] = []
        left = list(differing)
        while left:
            ready = [n for n in left if not set(self._made_of(n, differing)) - {*found}] or left
            found += ready
            left = [n for n in left if n not in found]
        return found

    def _made_of(self, name: str, differing: Mapping[str, str]) -> list[str]:
        used = {n for piece in self._taken[name].pieces for n in piece.eager}
        return sorted(n for n in used - {name} if n in differing)

    def _another(
        self, name: str, where: str, made_of: list[str], *, steady: bool
    ) -> Trouble | None:
        """Why a name that comes out otherwise stands in the way; None where it is a state."""
        value = self._notebook.names[name]
        node = self._taken[name]
        cell = next((p.cell for p in node.pieces if p.cell), "its cell")
        made = self._notebook.history.newest(name)
        stale = stale_below(made, self._notebook) if made is not None else None
        if stale is not None:
            return stale
        if any(self._is_of(value, one) for one in made_of):
            return None
        other = changed_elsewhere(value, name, self._notebook)
        tools = changed_by_tools(name, value, self._notebook)
        touched = self._notebook.history.touched(name, (p.place for p in node.pieces))
        if not tools and steady and touched is None and not made_of:
            tools = ["the tools that use it"]
        if tools and steady and not other:
            changed = f"{name} is changed by "
            if not any(told.startswith(changed) for told in node.remarks):
                self.remarks[
                    f"{changed}{', '.join(tools)}: the server starts with what {cell}"
                    " makes, not with what it is now."
                ] = None
            return None
        what = f" ({where})" if where not in ("", "its value") else ""
        by = f": {other} is the same object, and was changed" if other else ""
        if made_of and not other:
            by = f": it was made of {made_of[0]}, which begins anew in a server"
        return Trouble(
            reason=f"{name} is not what {cell} makes any more{what}{by}",
            ways=(
                f"run {cell} and those after it again, then export",
                f"--replace {name}=EXPRESSION that makes what it is now",
            ),
        )

    def _is_of(self, value: Any, name: str) -> bool:
        """Whether a value is that of another name, or a method of it."""
        held = self._notebook.names.get(name)
        return value is held or (isinstance(value, types.MethodType) and value.__self__ is held)


def _untried(name: str, node: Node) -> Trouble:
    cell = next((p.cell for p in node.pieces if p.cell), "its cell")
    return Trouble(
        reason=f"making {name} again as {cell} does takes too long, or touches the world outside,"
        " so that it cannot be told whether it would come out the same",
        ways=(
            "make it in the tool instead of once for all",
            f"--replace {name}=EXPRESSION that makes it where the server starts",
        ),
    )
