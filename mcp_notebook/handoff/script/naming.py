"""Names that would clash: ours step aside, except ``mcp``, ``app`` and ``main``."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from mcp_notebook.errors import UsageError

CONTRACT: Final[tuple[str, ...]] = ("mcp", "app", "main")
"""Names that a written server always has, and that hosts and ASGI servers ask for."""

_BY_TEXT: Final = ("eval", "exec", "globals", "vars")
"""Built-in functions that may look a name up by its text."""

_Defines = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

_KEYWORD: Final[dict[type[Any], str]] = {
    ast.FunctionDef: "def ",
    ast.AsyncFunctionDef: "async def ",
    ast.ClassDef: "class ",
}
"""What stands before the name of a definition."""

_BUILTIN: Final = frozenset(dir(builtins))


class Clash(UsageError):
    """A name of the notebook cannot be changed safely."""


def bound_names(source: str) -> set[str]:
    """The names that a piece of a module binds in the module, inside functions by ``global``."""
    tree = ast.parse(source)
    names = {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}
    queue: list[ast.AST] = list(tree.body)
    while queue:
        node = queue.pop()
        if isinstance(node, _Defines):
            names.add(node.name)
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            names.update((n.asname or n.name).partition(".")[0] for n in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            names.add(node.name)
        queue.extend(ast.iter_child_nodes(node))
    return names


def used_builtins(source: str) -> set[str]:
    """The names of built-in functions that a piece of a module mentions."""
    return {
        node.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Name) and node.id in _BUILTIN
    }


def free_name(name: str, taken: Collection[str]) -> str:
    """The name with as many underscores behind it as make it free."""
    while name in taken:
        name += "_"
    return name


def renamed(source: str, names: Mapping[str, str]) -> str:
    """A piece of a module with other names.

    Args:
        source: Python in which each of the names means that of the module, wherever it stands.
        names: new names, or expressions, by old ones.
    """
    if not names:
        return source
    edits: list[tuple[int, int, str, str]] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and node.id in names:
            edits.append((node.lineno, node.col_offset, node.id, names[node.id]))
        elif isinstance(node, _Defines) and node.name in names:
            start = node.col_offset + len(_KEYWORD[type(node)])
            edits.append((node.lineno, start, node.name, names[node.name]))
    lines = source.split("\n")
    for line, column, old, new in sorted(edits, reverse=True):
        text = lines[line - 1].encode()  # columns count bytes
        assert text[column:].startswith(old.encode()), (old, lines[line - 1])
        lines[line - 1] = (
            text[:column] + new.encode() + text[column + len(old.encode()) :]
        ).decode()
    return "\n".join(lines)


def moved(source: str, names: Mapping[str, str], *, what: str) -> str:
    """A definition of the notebook with other names for what clashes with the contract.

    Args:
        source: the definition.
        names: new names by old ones.
        what: what the definition is called in an error.

    Raises:
        Clash: a name may mean something else somewhere in it.
    """
    tree = ast.parse(source)
    for name in names:
        doubts = (why for node in ast.walk(tree) for why, holds in _DOUBTS if holds(node, name))
        where = next(doubts, "")
        if where:
            raise Clash(
                f"{what} uses the name {name} {where}, and the server needs that name itself.",
                hint=f"Rename {name} in the notebook, run the cells again, and export.",
            )
    return renamed(source, names)


def _parameter(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.arg) and node.arg == name


def _local(node: ast.AST, name: str) -> bool:
    body = node.body if isinstance(node, _Defines) else []
    return bool(body) and name in bound_names(ast.unparse(ast.Module(body, [])))


def _looked_up(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and _mentions(node.func, *_BY_TEXT) and _says(node, name)


def _annotation(node: ast.AST, name: str) -> bool:
    found = (getattr(node, "annotation", None), getattr(node, "returns", None))
    return any(_says(each, name) for each in found if isinstance(each, ast.AST))


_DOUBTS: Final[tuple[tuple[str, Callable[[ast.AST, str], bool]], ...]] = (
    ("as a parameter too", _parameter),
    ("inside a function or class too", _local),
    ("for a class", lambda node, name: isinstance(node, ast.ClassDef) and node.name == name),
    (
        "in a global statement",
        lambda node, name: isinstance(node, ast.Global | ast.Nonlocal) and name in node.names,
    ),
    (
        "in an f-string",
        lambda node, name: isinstance(node, ast.JoinedStr) and _mentions(node, name),
    ),
    (
        "in a pattern",
        lambda node, name: (
            isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name == name
        ),
    ),
    (
        "in an import",
        lambda node, name: (
            isinstance(node, ast.alias) and (node.asname or node.name).partition(".")[0] == name
        ),
    ),
    ("in a text that is looked up", _looked_up),
    ("in the text of an annotation", _annotation),
)
"""What makes it unsafe to rename a global: a word for the error, and how it is found."""


def _mentions(tree: ast.AST, *names: str) -> bool:
    return any(isinstance(each, ast.Name) and each.id in names for each in ast.walk(tree))


def _says(tree: ast.AST, name: str) -> bool:
    """Whether a text in there has the name as a word."""
    return any(
        isinstance(each, ast.Constant)
        and isinstance(each.value, str)
        and re.search(rf"\b{re.escape(name)}\b", each.value)
        for each in ast.walk(tree)
    )
