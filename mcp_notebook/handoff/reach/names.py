"""Which names a statement binds, reads at once, reads later, and changes."""

from __future__ import annotations

import ast
import symtable
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

CHANGING = frozenset(
    [
        "add",
        "append",
        "appendleft",
        "clear",
        "discard",
        "extend",
        "extendleft",
        "insert",
        "pop",
        "popitem",
        "popleft",
        "register",
        "remove",
        "reverse",
        "setdefault",
        "sort",
        "update",
        "subtract",
        "rotate",
        "move_to_end",
        "put",
        "put_nowait",
        "__setitem__",
        "intersection_update",
        "difference_update",
        "symmetric_difference_update",
    ]
)
"""Methods that change what they are called on."""


@dataclass(frozen=True, kw_only=True)
class Reads:
    """The global names a statement uses.

    Attributes:
        eager: read when the statement runs.
        lazy: read by functions in it, when they are called.
        soft: read where annotations are text.
    """

    eager: frozenset[str]
    lazy: frozenset[str]
    soft: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """All of them."""
        return self.eager | self.lazy | self.soft


def reads(node: ast.stmt, *, deferred: bool = False) -> Reads:
    """The global names a statement uses.

    Args:
        node: the statement.
        deferred: whether annotations are text.
    """
    future = "from __future__ import annotations\n" if deferred else ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = symtable.symtable(future + _without_await(node), "<cell>", "exec")
    eager: set[str] = set()
    lazy: set[str] = set(rebinds(node))
    _collect(table, eager, lazy, later=False)
    soft = {name for hint in _hints(node) for name in _names_of_hint(hint)}
    eager |= {
        inner.target.id
        for inner in _here(node)
        if isinstance(inner, ast.AugAssign) and isinstance(inner.target, ast.Name)
    }
    return Reads(
        eager=frozenset(eager), lazy=frozenset(lazy - eager), soft=frozenset(soft - eager - lazy)
    )


def _without_await(node: ast.stmt) -> str:
    """The text of a statement; a cell may await at its top, which ``symtable`` does not know."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return ast.unparse(node)
    text = ast.unparse(node)
    try:
        compile(text, "<cell>", "exec", dont_inherit=True)
    except SyntaxError:
        return ast.unparse(_Plain().visit(ast.parse(text)))
    return text


class _Plain(ast.NodeTransformer):
    """The same names, without what only runs in a coroutine."""

    def visit_Await(self, node: ast.Await) -> Any:
        return self.visit(node.value)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST:
        return self.generic_visit(
            ast.For(
                target=node.target, iter=node.iter, body=node.body, orelse=node.orelse, lineno=1
            )
        )

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        return self.generic_visit(ast.With(items=node.items, body=node.body, lineno=1))

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        node.is_async = 0
        return self.generic_visit(node)


_COMPREHENSIONS = {"listcomp", "setcomp", "dictcomp", "genexpr"}


def _collect(table: symtable.SymbolTable, eager: set[str], lazy: set[str], *, later: bool) -> None:
    kind = str(table.get_type()).rpartition(".")[2].lower()
    is_function = kind.endswith("function") and table.get_name() not in _COMPREHENSIONS
    later = later or is_function
    top = kind.endswith("module")
    for symbol in table.get_symbols():
        if not symbol.is_referenced():
            continue
        if top or symbol.is_global():
            (lazy if later else eager).add(symbol.get_name())
    for child in table.get_children():
        _collect(child, eager, lazy, later=later)


def _hints(node: ast.AST) -> Iterator[ast.expr]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.arg) and inner.annotation:
            yield inner.annotation
        elif isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) and inner.returns:
            yield inner.returns
        elif isinstance(inner, ast.AnnAssign):
            yield inner.annotation


def _names_of_hint(hint: ast.expr) -> Iterator[str]:
    """The names in an annotation, in the texts of it as well, but for those of ``Literal``."""
    if isinstance(hint, ast.Constant) and isinstance(hint.value, str):
        try:
            inner = ast.parse(hint.value, mode="eval").body
        except SyntaxError:
            return
        if not isinstance(inner, ast.Constant):
            yield from _names_of_hint(inner)
    elif isinstance(hint, ast.Subscript) and _last(hint.value) == "Literal":
        yield from _names_of_hint(hint.value)
    elif isinstance(hint, ast.Subscript) and _last(hint.value) == "Annotated":
        yield from _names_of_hint(hint.value)
        inner = hint.slice
        if isinstance(inner, ast.Tuple) and inner.elts:
            yield from _names_of_hint(inner.elts[0])
            for part in inner.elts[1:]:  # no types: texts in them are texts
                yield from (n.id for n in ast.walk(part) if isinstance(n, ast.Name))
        else:
            yield from _names_of_hint(inner)
    elif isinstance(hint, ast.Name):
        yield hint.id
    else:
        for child in ast.iter_child_nodes(hint):
            if isinstance(child, ast.expr):
                yield from _names_of_hint(child)


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


# ---- what a statement binds and changes ------------------------------------------------------


def binds(node: ast.stmt) -> frozenset[str]:
    """The names a statement may bind at the top of a cell; ``*`` for a star import."""
    found: set[str] = set()
    for inner in _here(node):
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(inner.name)
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            found.add(inner.id)
        elif isinstance(inner, ast.Import):
            found |= {a.asname or a.name.partition(".")[0] for a in inner.names}
        elif isinstance(inner, ast.ImportFrom):
            found |= {a.asname or a.name for a in inner.names}
        elif (isinstance(inner, ast.ExceptHandler) and inner.name) or (
            isinstance(inner, ast.MatchAs | ast.MatchStar) and inner.name
        ):
            found.add(inner.name)
        elif type(inner).__name__ == "TypeAlias":  # `type X = ...`, Python 3.12
            found.add(inner.name.id)  # type: ignore[attr-defined]
    return frozenset(found)


def deletes(node: ast.stmt) -> frozenset[str]:
    """The names a statement may unbind."""
    return frozenset(
        inner.id
        for inner in _here(node)
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Del)
    )


def _here(node: ast.AST) -> Iterator[ast.AST]:
    """A statement and what is in it, without what runs in a scope of its own."""
    yield node
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
        outer = [*getattr(node, "decorator_list", []), *getattr(node, "bases", [])]
        for inner in outer:
            yield from _here(inner)
        return
    if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        for inner in ast.walk(node):
            if isinstance(inner, ast.NamedExpr):  # binds outside of the comprehension
                yield inner.target
        return
    for inner in ast.iter_child_nodes(node):
        yield from _here(inner)


def changes(node: ast.AST) -> frozenset[str]:
    """The names whose values are changed in place: ``N[k] = v``, ``N.x = v``, ``N.append(v)``.

    Looks into functions as well. Which of the names are global is for the caller to know.
    """
    found: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Subscript | ast.Attribute) and isinstance(
            inner.ctx, ast.Store | ast.Del
        ):
            found.add(root(inner))
        elif isinstance(inner, ast.AugAssign):
            found.add(root(inner.target))
        elif (
            isinstance(inner, ast.Call)
            and isinstance(inner.func, ast.Attribute)
            and inner.func.attr in CHANGING
        ):
            found.add(root(inner.func))
    return frozenset(found - {""})


def handed_over(node: ast.AST) -> set[str]:
    """The names that are called, or handed over to what is called."""
    found: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call):
            found.add(root(inner.func))
            given = [*inner.args, *(keyword.value for keyword in inner.keywords)]
            found |= {one.id for one in given if isinstance(one, ast.Name)}
        elif isinstance(inner, ast.Await):
            found.add(root(inner.value))
    return found - {""}


def rebinds(node: ast.AST) -> frozenset[str]:
    """The names that functions in it bind with ``global``."""
    return frozenset(
        name for inner in ast.walk(node) if isinstance(inner, ast.Global) for name in inner.names
    )


def root(node: ast.AST) -> str:
    """The name at the left end of ``a.b[c].d``; empty where there is none."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Starred):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""
