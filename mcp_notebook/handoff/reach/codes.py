"""Whether a live function or class is the one that a statement defines."""

from __future__ import annotations
import __future__

import ast
import functools
import inspect
import types
import warnings
from collections.abc import Iterator
from typing import Any

from .cells import Statement, first_line

_FUTURES = 0
for _name in __future__.all_feature_names:
    _FUTURES |= getattr(__future__, _name).compiler_flag


def same_code(one: types.CodeType, other: types.CodeType) -> bool:
    """Whether two codes do the same, wherever they stand."""
    plain = ("co_name", "co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars",
             "co_argcount", "co_posonlyargcount", "co_kwonlyargcount")  # fmt: skip
    if any(getattr(one, name) != getattr(other, name) for name in plain):
        return False
    if (one.co_flags | _FUTURES) != (other.co_flags | _FUTURES):
        return False
    if len(one.co_consts) != len(other.co_consts):
        return False
    return all(_same(a, b) for a, b in zip(one.co_consts, other.co_consts, strict=True))


def _same(one: object, other: object) -> bool:
    if isinstance(one, types.CodeType) and isinstance(other, types.CodeType):
        return same_code(one, other)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(_same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, frozenset):
        return one == other
    return type(one) is type(other) and repr(one) == repr(other)


@functools.lru_cache(maxsize=4096)
def codes_of(statement: Statement) -> tuple[types.CodeType, ...]:
    """All codes of functions, lambdas and classes in a statement.

    Compiled alone, as IPython does it, and as a part of its cell, as ``%%mcp tool`` does it:
    a call ``json.dumps()`` differs where ``import json`` stands in the same unit.
    """
    first, last = first_line(statement.node), statement.node.end_lineno or 0
    alone = _compiled(ast.Module(body=[statement.node], type_ignores=[]), statement.deferred)
    within = [
        code
        for code in _unit(statement.unit, statement.deferred)
        if first <= code.co_firstlineno <= last
    ]
    return (*inner(alone), *within)


@functools.lru_cache(maxsize=512)
def _unit(unit: ast.Module, deferred: bool) -> tuple[types.CodeType, ...]:
    try:
        return tuple(inner(_compiled(unit, deferred)))
    except SyntaxError:
        return ()


def _compiled(module: ast.Module, deferred: bool) -> types.CodeType:
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    if deferred:
        flags |= __future__.annotations.compiler_flag
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code: types.CodeType = compile(module, "<cell>", "exec", flags, dont_inherit=True)
    return code


def inner(code: types.CodeType) -> Iterator[types.CodeType]:
    """The codes inside a code, at any depth."""
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield const
            yield from inner(const)


def holds(statement: Statement, function: types.FunctionType) -> bool:
    """Whether the code of a function stands in a statement."""
    return any(same_code(code, function.__code__) for code in codes_of(statement))


def plain_function(value: Any) -> types.FunctionType | None:
    """The function of a cell behind what decorators made of it, as far as they say it."""
    seen: set[int] = set()
    while id(value) not in seen:
        seen.add(id(value))
        if inspect.ismethod(value):
            value = value.__func__
        elif "__wrapped__" in getattr(value, "__dict__", {}):
            value = value.__wrapped__
        elif isinstance(value, staticmethod | classmethod):
            value = value.__func__
    return value if isinstance(value, types.FunctionType) else None


def functions_in(value: Any, depth: int = 3) -> Iterator[types.FunctionType]:
    """The functions that a wrapper keeps: its ``__wrapped__``, its closure, its members."""
    seen: set[int] = set()
    level = [value]
    for _ in range(depth + 1):
        following: list[Any] = []
        for one in level:
            if id(one) in seen:
                continue
            seen.add(id(one))
            if isinstance(one, types.FunctionType):
                yield one
            following += _kept_by(one)
        level = following


def _kept_by(value: Any) -> Iterator[Any]:
    """What a wrapper may call."""
    for cell in getattr(value, "__closure__", None) or ():
        try:
            yield cell.cell_contents
        except ValueError:  # empty
            continue
    if isinstance(value, functools.partial):
        yield value.func
    if isinstance(value, staticmethod | classmethod | types.MethodType):
        yield value.__func__
    if isinstance(value, property):
        yield from (value.fget, value.fset, value.fdel)
    members = getattr(value, "__dict__", None)
    if isinstance(members, dict):
        yield from (member for member in list(members.values()) if callable(member))


def own_functions(cls: type) -> Iterator[tuple[str, types.FunctionType]]:
    """The functions that a class has of its own, with their names."""
    for name, member in list(vars(cls).items()):
        getters = [member]
        if isinstance(member, property):
            getters = [member.fget, member.fset, member.fdel]
        elif isinstance(member, functools.cached_property):
            getters = [member.func]
        for getter in getters:
            function = plain_function(getter) if getter is not None else None
            if function is not None:
                yield name, function


def made_here(function: types.FunctionType, names: dict[str, Any]) -> bool:
    """Whether a function sees the notebook's variables."""
    return function.__globals__ is names


def of_notebook(value: Any, names: dict[str, Any]) -> bool:
    """Whether a function or class was written in the notebook."""
    if isinstance(value, type):
        return bool(value.__module__ == names.get("__name__", "__main__"))
    function = plain_function(value)
    return function is not None and made_here(function, names)
