"""What an exported server holds in its memory and changes while it works: each process has its own.

It is read from the source that leaves, as those who read the file see it: a cart in a list, a
counter, an object of the notebook's own class. A connection or a file is not looked into.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .reach.names import binds, changes, reads, rebinds, root
from .selection import Selection

_Function = ast.FunctionDef | ast.AsyncFunctionDef

NAMED = 4
"""So many names are told; of more it is said that there are more."""


def state_of(selection: Selection) -> tuple[str, ...]:
    """The names whose values the parts of a selection change, in the order of the file."""
    found = _changed(
        _Source.of([one.source for one in selection.definitions]),
        [one.expression for one in selection.registrations],
    )
    for one in selection.files:
        if one.path.suffix == ".py" and not one.reason.startswith("opened"):
            text = one.content.decode("utf-8", "replace")
            found += [f"{one.path.stem}.{name}" for name in _changed(_Source.of([text]), [])]
    return tuple(dict.fromkeys(found))


def state_text(state: Sequence[str]) -> str:
    """The names in a sentence, as its subject with its verb: ``cart and total live``."""
    shown = [*state[:NAMED], *(["more"] if len(state) > NAMED else [])]
    several = len(shown) > 1
    listed = f"{', '.join(shown[:-1])} and {shown[-1]}" if several else shown[0]
    return f"{listed} {'live' if several else 'lives'}"


@dataclass(frozen=True)
class _Source:
    """Statements of a module, and the names that they bind."""

    statements: tuple[ast.stmt, ...]
    bound: frozenset[str]

    @classmethod
    def of(cls, texts: Sequence[str]) -> _Source:
        statements: list[ast.stmt] = []
        for text in texts:
            try:
                statements += ast.parse(text).body
            except (SyntaxError, ValueError):
                continue
        bound = frozenset(name for one in statements for name in binds(one))
        return cls(tuple(statements), bound | {n for one in statements for n in rebinds(one)})


def _changed(source: _Source, expressions: Sequence[str]) -> list[str]:
    """The names of a module whose values its functions change, each before those made later."""
    changing = _changing_methods(source)
    objects = {
        name: methods
        for one in source.statements
        for name, methods in _objects(one, changing).items()
    }
    found: set[str] = set()
    for statement in source.statements:
        later = list(_later(statement))
        if later:
            used = reads(statement).all & source.bound
            found |= used & {name for node in later for name in _changed_in(node, objects)}
        if isinstance(statement, ast.ClassDef) and _changes_its_class(statement):
            found.add(statement.name)
        if isinstance(statement, _Function) and _changes_its_defaults(statement):
            found.add(statement.name)
    for expression in expressions:
        found |= _called(ast.parse(expression, mode="eval"), objects)
    order = {name: i for i, one in enumerate(source.statements) for name in sorted(binds(one))}
    return sorted(found, key=lambda name: (order.get(name, len(order)), name))


def _later(statement: ast.stmt) -> Iterator[ast.AST]:
    """What in a statement runs when it is called, not when the server starts."""
    if isinstance(statement, _Function | ast.ClassDef):
        yield from statement.body
        return
    yield from (node for node in ast.walk(statement) if isinstance(node, _Function | ast.Lambda))


def _changed_in(node: ast.AST, objects: dict[str, frozenset[str]]) -> set[str]:
    found = {*changes(node), *rebinds(node), *_called(node, objects)}
    for inner in ast.walk(node):
        if (
            isinstance(inner, ast.Call)
            and isinstance(inner.func, ast.Name)
            and inner.func.id in ("next", "setattr", "delattr")
            and inner.args
        ):
            found.add(root(inner.args[0]))
    return found


def _changes_its_class(node: ast.ClassDef) -> bool:
    """Whether a method writes into the class: ``cls.n += 1``, ``type(self).n += 1``."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store):
            owner = ast.unparse(inner.value)
            if owner in ("cls", "type(self)", "self.__class__"):
                return True
    return False


def _changes_its_defaults(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function changes a list, a table or a set that is a default of its own."""
    last = [*node.args.posonlyargs, *node.args.args]
    given = [
        *zip(last[len(last) - len(node.args.defaults) :], node.args.defaults, strict=True),
        *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True),
    ]
    kept = {
        argument.arg
        for argument, value in given
        if isinstance(value, ast.List | ast.Dict | ast.Set | ast.Call)
    }
    return bool(kept & changes(node))


def _called(node: ast.AST, objects: dict[str, frozenset[str]]) -> set[str]:
    """The objects of which a method that changes them is named."""
    return {
        root(inner)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Attribute) and inner.attr in objects.get(root(inner), ())
    }


def _changing_methods(source: _Source) -> dict[str, frozenset[str]]:
    """By class, those of base classes included: the methods that change their object."""
    classes = {one.name: one for one in source.statements if isinstance(one, ast.ClassDef)}

    def of(name: str, seen: frozenset[str]) -> frozenset[str]:
        node = classes.get(name)
        if node is None or name in seen:
            return frozenset()
        own = {
            each.name
            for each in node.body
            if isinstance(each, _Function)
            and each.name not in ("__init__", "__post_init__", "__new__")
            and each.args.args
            and each.args.args[0].arg in changes(each)
        }
        return frozenset(own).union(*(of(root(base), seen | {name}) for base in node.bases))

    return {name: of(name, frozenset()) for name in classes}


def _objects(statement: ast.stmt, changing: dict[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """The names that a statement gives objects of these classes."""
    value = getattr(statement, "value", None)
    if not isinstance(statement, ast.Assign | ast.AnnAssign) or value is None:
        return {}
    called = {root(n.func) for n in ast.walk(value) if isinstance(n, ast.Call)}
    methods = frozenset[str]().union(*(changing.get(name, frozenset()) for name in called))
    return dict.fromkeys(binds(statement), methods) if methods else {}
