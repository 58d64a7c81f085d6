"""Names that would clash: ours step aside, except ``mcp``, ``app`` and ``main``."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final

from mcp_notebook.errors import UsageError
from mcp_notebook.handoff.selection import Definition

from .imports import STAR, Imported
from .literals import quoted
from .renaming import Doubt, renamed
from .scopes import bound_names, definitions, used_builtins

CONTRACT: Final[tuple[str, ...]] = ("mcp", "app", "main")
"""Names that a written server always has, and that hosts and ASGI servers ask for."""

BUILTINS: Final = "builtins"


class Clash(UsageError):
    """A name of the notebook cannot be changed safely."""


def free_name(name: str, taken: Collection[str]) -> str:
    """The name with as many underscores behind it as make it free."""
    while name in taken:
        name += "_"
    return name


def stepped_aside(one: Definition, moves: Mapping[str, str]) -> Definition:
    """A definition whose names leave ``mcp``, ``app`` and ``main`` to the server.

    Raises:
        Clash: one of them cannot be changed safely in it.
    """
    if not moves:
        return one
    # what is defined under its own name is seen by decorators, schemas and messages: it keeps it,
    # and another name means it from then on; `mcp` must stay the server all the time
    kept = set(moves) - {"mcp"}
    try:
        source = renamed(one.source, moves, strict=True, kept=kept)
    except Doubt as doubt:
        what = f"{', '.join(one.binds) or 'a statement'}{f' ({one.cell})' if one.cell else ''}"
        names = ", ".join(sorted(moves))
        raise Clash(
            f"{what} cannot leave the names {names} to the server: {doubt}.",
            hint=f"Rename {names} in the notebook, run its cells again, then export.",
        ) from None
    lines = source.split("\n")
    for node in reversed(definitions(ast.parse(one.source))):
        if new := moves.get(node.name, ""):
            name = quoted(node.name)
            also = f"{new} = {node.name}"
            lines[node.end_lineno : node.end_lineno] = [
                "",
                "",
                also if node.name in kept else f"{new}.__name__ = {new}.__qualname__ = {name}",
            ]
    source = "\n".join(lines)
    return replace(one, source=source, binds=tuple(moves.get(name, name) for name in one.binds))


def imports_aside(users: Iterable[Imported], moves: Mapping[str, str]) -> list[Imported]:
    """The notebook's imports, with other names where the server needs theirs."""
    found = []
    for one in users:
        new = moves.get(one.binds) if one.name != STAR else None
        if new is None:
            found.append(one)
        elif one.name or one.alias or "." not in one.module:
            found.append(one.called(new))
        else:  # import a.b binds a
            found.append(Imported(module=one.top, alias=new))
            found.append(Imported(module=one.module, alias=one.module.replace(".", "_") + "_"))
    return found


def own_names(
    texts: Collection[str],
    needs: Collection[Imported],
    *,
    users: Collection[Imported],
    defined: Collection[str],
    taken: Collection[str],
) -> dict[str, str]:
    """New names for what is ours and has the name of something of the notebook's.

    Args:
        texts: our pieces of the file.
        needs: what they import.
        users: what the notebook imports; the same import is no clash.
        defined: the names that its definitions bind.
        taken: all of its names.
    """
    mine = {name for text in texts for name in bound_names(text)} - set(CONTRACT)
    shared = {one.binds for one in needs if one in users} - set(defined)
    binds = {one.binds for one in needs} - shared
    free = {*taken, *mine, *binds}
    found = {name: free_name(name + "_", free) for name in (mine | binds) & set(taken)}
    module = free_name(BUILTINS, free)
    hidden = {name for text in texts for name in used_builtins(text)} & set(taken)
    return found | {name: f"{module}.{name}" for name in hidden - mine - binds}
