"""Which names of a piece of source belong to the module, and which to something inside it."""

from __future__ import annotations

import ast
import builtins
import functools
from dataclasses import dataclass
from typing import Any, Final

Function = ast.FunctionDef | ast.AsyncFunctionDef
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp

_BUILTIN: Final = frozenset(dir(builtins))


@dataclass(frozen=True)
class Inner:
    """What a scope says of names: its own, and those it takes from the module."""

    own: frozenset[str]
    from_module: frozenset[str]
    is_class: bool = False


@functools.lru_cache(maxsize=256)
def bound_names(source: str) -> frozenset[str]:
    """The names that a piece of a module binds in the module, inside functions by ``global``."""
    tree = ast.parse(source)
    declared = {
        name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names
    }
    return frozenset(declared | _bound(tree.body))


@functools.lru_cache(maxsize=256)
def used_builtins(source: str) -> frozenset[str]:
    """The names of built-in functions that a piece of a module mentions."""
    names = (node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name))
    return frozenset(name for name in names if name in _BUILTIN)


def definitions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """The functions and classes that a piece of a module defines at its top."""
    return [node for node in tree.body if isinstance(node, Function | ast.ClassDef)]


def inner_of(node: ast.AST, body: list[Any]) -> Inner:
    """What a function or a class binds itself."""
    own = _bound(body)
    outer: set[str] = set()
    module: set[str] = set()
    queue = list(body)
    while queue:
        each = queue.pop()
        if isinstance(each, ast.Global):
            module.update(each.names)
        elif isinstance(each, ast.Nonlocal):
            outer.update(each.names)
        if not isinstance(each, Function | ast.ClassDef | ast.Lambda):
            queue += ast.iter_child_nodes(each)
    if isinstance(node, Function | ast.Lambda):
        own |= {each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg)}
    own -= module | outer
    return Inner(frozenset(own), frozenset(module), isinstance(node, ast.ClassDef))


def _bound(body: list[Any]) -> set[str]:
    """The names that statements bind in their own scope."""
    names: set[str] = set()
    queue = list(body)
    while queue:
        node = queue.pop()
        if isinstance(node, Function | ast.ClassDef):
            names.add(node.name)
            inside = [*node.decorator_list, *getattr(node, "bases", [])]
            inside += [node.args] if isinstance(node, Function) else node.keywords
            names |= _walrus(inside)
            continue
        if isinstance(node, Comprehension | ast.Lambda):
            names |= _walrus([node]) if isinstance(node, Comprehension) else set()
            continue
        if isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            names.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            names.add(node.rest)
        queue += ast.iter_child_nodes(node)
    return names


def _walrus(nodes: list[Any]) -> set[str]:
    found = (each for node in nodes for each in ast.walk(node) if isinstance(each, ast.NamedExpr))
    return {each.target.id for each in found if isinstance(each.target, ast.Name)}


def is_global(name: str, scopes: list[Inner]) -> bool:
    """Whether a name means that of the module."""
    for number, scope in enumerate(reversed(scopes)):
        if scope.is_class and number:
            continue  # functions do not see the names of the class around them
        if name in scope.from_module:
            return True
        if name in scope.own:
            return False
    return True
