"""Where and how each part is registered: above its function, or in a statement of its own."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from mcp_notebook.errors import UsageError
from mcp_notebook.handoff.selection import Definition, Registration

from .literals import Unwritable, call, literal
from .renaming import renamed

UNINDENTED: Final = "unindented"
ON_MAIN_THREAD: Final = "on_main_thread"

LATER: Final = "# here and not above its function: clients see the order of the notebook"


@dataclass(frozen=True, kw_only=True)
class Placed:
    """How one part is registered.

    Attributes:
        after: the index of the definition behind or above which it stands; -1 for none.
        decorator: whether it stands above the function.
        lines: the decorators from top to bottom, or the statements.
        helpers: the functions of ``parts/placing.py`` that the lines use.
        imports: import statements that the lines need.
    """

    after: int
    decorator: bool
    lines: tuple[str, ...]
    helpers: frozenset[str]
    imports: frozenset[str]


def placed(
    registrations: Sequence[Registration],
    definitions: Sequence[Definition],
    moves: Mapping[str, str],
    ours: Mapping[str, str] = MappingProxyType({}),
) -> list[Placed]:
    """A place for each registration, so that lists keep the order of the notebook.

    Args:
        registrations: the parts, in the notebook's order.
        definitions: in the order of the file, with the names that they have there.
        moves: the notebook's names in the file by those in the notebook, where they differ.
        ours: what the SDK's classes and our helpers are called in the file, where that differs.
    """
    trees = [ast.parse(definition.source) for definition in definitions]
    binders = {name: i for i, each in enumerate(definitions) for name in each.binds}
    changes = {name: i for i, tree in enumerate(trees) for name in _changed(tree)}
    last: dict[str, int] = {}
    decorated: set[int] = set()
    found = []
    for one in registrations:
        expression = renamed(one.expression, moves)
        own = binders.get(expression, -1)
        plain = own >= 0 and _plain_function(trees[own], expression) and own not in decorated
        needed = _needed(expression, trees, binders, changes)
        after = max(last.get(one.part.kind, -1), needed)
        last[one.part.kind] = after
        # a decorator would change what the notebook's other code calls
        elsewhere = _moves(one)
        above = plain and after == own and expression == one.expression and not elsewhere
        if above:
            decorated.add(own)
        written = _written(one, expression, after=after, above=above, ours=ours)
        if plain and own <= needed < after and not elsewhere:
            written = replace(written, lines=(LATER, *written.lines))
        found.append(written)
    return found


def _moves(one: Registration) -> bool:
    """Whether a function has to run on the main thread: a plain one that asked for the kernel's."""
    return one.part.kernel and not inspect.iscoroutinefunction(one.part.function)


def _plain_function(tree: ast.Module, name: str) -> bool:
    """Whether a definition is one ``def`` of this name."""
    return (
        len(tree.body) == 1
        and isinstance(tree.body[0], ast.FunctionDef | ast.AsyncFunctionDef)
        and tree.body[0].name == name
    )


def _needed(
    expression: str,
    trees: Sequence[ast.Module],
    binders: Mapping[str, int],
    changes: Mapping[str, int],
) -> int:
    """The last definition that must stand when a part is registered.

    Registering reads the annotations, so that what they name in strings must stand as well; and
    what changes a thing must have done so.
    """
    seen: set[int] = set()
    queue = _names([ast.parse(expression, mode="eval")])
    while queue:
        name = queue.pop()
        for index in (binders.get(name, -1), changes.get(name, -1)):
            if index >= 0 and index not in seen:
                seen.add(index)
                queue |= _names_read(trees[index])
    return max(seen, default=-1)


def _changed(tree: ast.Module) -> set[str]:
    """The names whose things a definition may change: ``f.x = 1``, ``register(f)``."""
    found: set[str] = set()
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for node in ast.walk(statement):
            stored = isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(
                node.ctx, ast.Load
            )
            if stored or (isinstance(statement, ast.Expr) and isinstance(node, ast.Call)):
                found |= {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return found


def _names_read(tree: ast.Module) -> set[str]:
    """The names that reading the annotations of a definition may look up."""
    nodes: list[ast.AST] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            nodes += [each for each in ast.walk(node.args) if isinstance(each, ast.arg)]
            nodes += [node.returns] if node.returns else []
        else:
            nodes.append(node)
    return _names(nodes)


def _names(nodes: Sequence[ast.AST]) -> set[str]:
    """Names in expressions, those in strings that are expressions included."""
    found: set[str] = set()
    for node in nodes:
        for each in ast.walk(node):
            if isinstance(each, ast.Name):
                found.add(each.id)
            elif isinstance(each, ast.Constant) and isinstance(each.value, str):
                try:
                    inner = ast.parse(each.value, mode="eval")
                except (SyntaxError, ValueError):
                    continue
                found |= {n.id for n in ast.walk(inner) if isinstance(n, ast.Name)}
    return found


def _written(
    one: Registration, expression: str, *, after: int, above: bool, ours: Mapping[str, str]
) -> Placed:
    part = one.part
    function = part.function
    imports: set[str] = set()
    helpers: set[str] = set()
    own_name = getattr(function, "__name__", "")
    options: dict[str, Any] = dict(part.options)
    arguments = []
    if part.kind == "resource":
        arguments.append(literal(part.name, imports))
        if not above and expression != one.expression:
            options.setdefault("name", own_name)
    elif part.name != own_name or not above:
        options = {"name": part.name, **options}
    shown = getattr(function, "__doc__", None) or ""
    cleaned = inspect.getdoc(function) or ""
    # what is spread over lines may be indented anew when the file is formatted
    indented = not options.get("description") and (cleaned != shown or "\n" in shown)
    if indented and not above:
        options["description"] = cleaned
    elif indented:
        helpers.add(UNINDENTED)
    if _moves(one):
        helpers.add(ON_MAIN_THREAD)
    column = 1 if above else 0
    for name, value in options.items():
        try:
            arguments.append(f"{name}={literal(value, imports, column + 4)}")
        except Unwritable as error:
            raise UsageError(
                f"the {part.kind} {part.name} was registered with {name}, which cannot be written "
                f"as source: {error.message}",
                hint=error.hint,
            ) from None
    wrapped = expression
    for name in sorted(helpers):
        wrapped = f"{ours.get(name, name)}({wrapped})"
    behind = 0 if above else len(wrapped) + 2
    register = renamed(call(f"mcp.{part.kind}", arguments, column, behind=behind), ours)
    if above:
        lines = [f"@{register}", *(f"@{ours.get(name, name)}" for name in sorted(helpers))]
    else:
        lines = [f"{register}({wrapped})"]
    return Placed(
        after=after,
        decorator=above,
        lines=tuple(lines),
        helpers=frozenset(helpers),
        imports=frozenset(imports),
    )
