"""What an expression of the notebook gives today, where finding out does nothing else.

An expression of plain values, operators and a few well-known functions may be worked out
again; one that calls anything else may not.
"""

from __future__ import annotations

import ast
import builtins
import collections
import copy
import datetime
import decimal
import enum
import fractions
import json
import math
import os
import pathlib
import re
import statistics
import types
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from .codes import same_code
from .limits import TooLongError, limited
from .names import CHANGING

MAX_STEPS = 20_000
"""So many rounds of loops are worked out again."""

_FUNCTIONS: tuple[Any, ...] = (
    abs, all, any, bin, bool, bytes, chr, complex, dict, divmod, enumerate, float, frozenset, hex,
    int, len, list, max, min, oct, ord, pow, range, repr, reversed, round, set, sorted, str, sum,
    tuple, zip, collections.Counter, collections.OrderedDict, collections.defaultdict,
    collections.deque, datetime.date, datetime.datetime, datetime.time, datetime.timedelta,
    datetime.timezone, decimal.Decimal, fractions.Fraction, pathlib.Path, pathlib.PurePath,
    pathlib.PurePosixPath, re.compile, re.escape, statistics.fmean, statistics.mean,
    statistics.median, uuid.UUID, os.getcwd, os.path.join, os.path.abspath, os.path.basename,
    os.path.dirname, json.loads, copy.copy, copy.deepcopy,
)  # fmt: skip
_OF_ELEMENTS = frozenset(
    {
        "capitalize", "casefold", "count", "decode", "encode", "endswith", "find", "format", "get",
        "index", "isalpha", "isdigit", "items", "join", "keys", "lower", "lstrip", "partition",
        "removeprefix", "removesuffix", "rpartition", "rsplit", "rstrip", "split", "splitlines",
        "startswith", "strip", "title", "upper", "values", "zfill",
    }
)  # fmt: skip
"""Methods that only texts and containers have, and that change nothing."""

_MODULES = (math,)
"""All their functions give the same again."""

PLAIN: tuple[type, ...] = (
    str, bytes, int, float, complex, bool, type(None), list, tuple, dict, set, frozenset, range,
    decimal.Decimal, fractions.Fraction, datetime.date, datetime.datetime, datetime.time,
    datetime.timedelta, datetime.timezone, pathlib.PurePath, re.Pattern, uuid.UUID,
    collections.Counter, collections.OrderedDict, collections.deque, collections.defaultdict,
    enum.Enum,
)  # fmt: skip
"""Values that are what they show."""

_NODES = (
    ast.Constant, ast.JoinedStr, ast.FormattedValue, ast.Tuple, ast.List, ast.Set, ast.Dict,
    ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Subscript, ast.Slice,
    ast.Starred, ast.Name, ast.Attribute, ast.Call, ast.keyword, ast.ListComp, ast.SetComp,
    ast.DictComp, ast.GeneratorExp, ast.comprehension, ast.expr_context, ast.operator,
    ast.unaryop, ast.boolop, ast.cmpop, ast.Lambda,
)  # fmt: skip


class UnsureError(Exception):
    """It cannot be worked out without doing what the notebook did."""


def evaluate(node: ast.expr, names: dict[str, Any]) -> Any:
    """The value of an expression.

    Raises:
        UnsureError: it cannot be told.
    """
    bound = {
        n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    _check(node, names, bound)
    used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    known = {name: names[name] for name in used if name in names}
    try:
        with limited():
            return eval(compile(ast.Expression(node), "<again>", "eval"), known)
    except (Exception, TooLongError) as error:  # whatever the user's expression raises today
        raise UnsureError(str(error)) from error


def _worked_out(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of an expression without the bodies of functions in it: they do not run."""
    yield node
    if isinstance(node, ast.Lambda):
        for default in node.args.defaults:
            yield from _worked_out(default)
        return
    for inner in ast.iter_child_nodes(node):
        yield from _worked_out(inner)


def _check(node: ast.AST, names: dict[str, Any], bound: set[str]) -> None:
    for inner in _worked_out(node):
        if not isinstance(inner, _NODES):
            raise UnsureError(type(inner).__name__)
        if isinstance(inner, ast.Call):
            _check_call(inner, names, bound)
        if isinstance(inner, ast.Name) and inner.id not in bound:
            value = names.get(inner.id, getattr(builtins, inner.id, None))
            if not (isinstance(value, PLAIN) or _well_known(value) or _holder(value)):
                raise UnsureError(inner.id)
        if isinstance(inner, ast.Attribute) and inner.attr.startswith("__"):
            raise UnsureError(inner.attr)


def _check_call(call: ast.Call, names: dict[str, Any], bound: set[str]) -> None:
    value = resolve(call.func, names)
    if value is not None and _well_known(value):
        return
    if isinstance(call.func, ast.Attribute):
        method, target = call.func.attr, call.func.value
        inner = {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
        if inner & bound:  # an element of what is gone through: of a type that is not known
            if method in _OF_ELEMENTS:
                return
        elif _method(evaluate(target, names), method):
            return
    raise UnsureError(ast.unparse(call.func))


_OF_PATHS = {"read_text", "read_bytes", "resolve", "absolute", "exists", "is_file", "is_dir"}


def _method(value: Any, method: str) -> bool:
    """Whether a method only tells something of a value."""
    if isinstance(value, pathlib.PurePath):
        return hasattr(pathlib.PurePath, method) or method in _OF_PATHS
    if value in (pathlib.Path, pathlib.PosixPath) and method in {"cwd", "home"}:
        return True
    return isinstance(value, PLAIN) and method not in CHANGING and not method.startswith("_")


def resolve(node: ast.expr, names: dict[str, Any]) -> Any:
    """What ``a`` or ``a.b.c`` names, modules and classes on the way; None for anything else."""
    if isinstance(node, ast.Name):
        return names.get(node.id, getattr(builtins, node.id, None))
    if isinstance(node, ast.Attribute):
        held = resolve(node.value, names)
        if isinstance(held, types.ModuleType | type):
            return getattr(held, node.attr, None)
        if isinstance(held, enum.Enum) and node.attr in {"value", "name"}:
            return getattr(held, node.attr)
    return None


def _well_known(value: Any) -> bool:
    if any(value is function for function in _FUNCTIONS):
        return True
    return any(
        getattr(value, "__module__", None) == module.__name__
        and getattr(module, getattr(value, "__name__", ""), None) is value
        for module in _MODULES
    )


def _holder(value: Any) -> bool:
    """Whether a name may be read, though not called: a module, a class, a function."""
    return isinstance(
        value, types.ModuleType | type | types.FunctionType | types.BuiltinFunctionType
    )


# ---- statements --------------------------------------------------------------------------------


def replay(steps: Iterable[ast.stmt], name: str, names: dict[str, Any]) -> Any:
    """The value a name has after some statements that bind and change it.

    Raises:
        UnsureError: it cannot be told.
    """
    steps = list(steps)
    used = {n.id for s in steps for n in ast.walk(s) if isinstance(n, ast.Name)}
    scratch = {n: _copied(names[n]) for n in used - {name} if n in names}
    left = [MAX_STEPS]
    for step in steps:
        _step(step, name, scratch, left)
    if name not in scratch:
        raise UnsureError(name)
    return scratch[name]


def _copied(value: Any) -> Any:
    """A value that may be changed without changing the notebook's own."""
    if not isinstance(value, list | dict | set | tuple | collections.deque | bytearray):
        return value
    try:
        return copy.deepcopy(value)
    except Exception as error:  # an object in it that cannot be copied
        raise UnsureError(str(error)) from error


def _step(step: ast.stmt, name: str, scratch: dict[str, Any], left: list[int]) -> None:
    left[0] -= 1
    if left[0] < 0:
        raise UnsureError("too many rounds")
    match step:
        case ast.Assign(value=value):
            _check_targets(step.targets, name)
            _run(step, value, name, scratch)
        case ast.AnnAssign(value=ast.expr() as value, target=ast.Name()):
            plain = ast.Assign(targets=[step.target], value=value)
            _run(ast.fix_missing_locations(ast.copy_location(plain, step)), value, name, scratch)
        case ast.AugAssign(value=value):
            _check_targets([step.target], name)
            _run(step, value, name, scratch)
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=target))) as call):
            _change(call, target, name, scratch)
            _run(step, None, name, scratch)
        case ast.Delete(targets=[ast.Subscript(value=ast.Name(id=target))]) if target == name:
            _run(step, None, name, scratch)
        case ast.For() | ast.If():
            _branches(step, name, scratch, left)
        case ast.Pass():
            pass
        case _:
            raise UnsureError(type(step).__name__)


def _branches(step: ast.For | ast.If, name: str, scratch: dict[str, Any], left: list[int]) -> None:
    if isinstance(step, ast.If):
        for inner in step.body if evaluate(step.test, scratch) else step.orelse:
            _step(inner, name, scratch, left)
        return
    if step.orelse:
        raise UnsureError("for ... else")
    for value in _rounds(step, scratch):
        _assign(step.target, value, scratch)
        for inner in step.body:
            _step(inner, name, scratch, left)


def _change(call: ast.Call, target: str, name: str, scratch: dict[str, Any]) -> None:
    """``items.append(x)``: changes a copy of what the notebook has."""
    if target != name or not isinstance(scratch.get(name), PLAIN):
        raise UnsureError(target)
    for argument in [*call.args, *(k.value for k in call.keywords)]:
        evaluate(argument, scratch)


def _rounds(step: ast.For, scratch: dict[str, Any]) -> Iterator[Any]:
    try:
        yield from iter(evaluate(step.iter, scratch))
    except TypeError as error:
        raise UnsureError(str(error)) from error


def _assign(target: ast.expr, value: Any, scratch: dict[str, Any]) -> None:
    step = ast.Assign(targets=[target], value=ast.Name("__value__", ast.Load()))
    scratch["__value__"] = value
    module = ast.fix_missing_locations(ast.Module(body=[step], type_ignores=[]))
    try:
        exec(compile(module, "<again>", "exec"), scratch)
    except Exception as error:
        raise UnsureError(str(error)) from error


def _check_targets(targets: list[ast.expr], name: str) -> None:
    for target in targets:
        for inner in ast.walk(target):
            if isinstance(inner, ast.Subscript | ast.Attribute) and (
                isinstance(inner, ast.Attribute)
                or not isinstance(inner.value, ast.Name)
                or inner.value.id != name
            ):
                raise UnsureError(ast.unparse(target))


def _run(step: ast.stmt, value: ast.expr | None, name: str, scratch: dict[str, Any]) -> None:
    if value is not None:
        evaluate(value, scratch)
    module = ast.Module(body=[step], type_ignores=[])
    try:
        with limited():
            exec(compile(module, "<again>", "exec"), scratch)
    except (Exception, TooLongError) as error:
        raise UnsureError(str(error)) from error


def same(one: Any, other: Any) -> bool:
    """Whether two plain values are alike, their types and order included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return repr(one) == repr(other)
    if isinstance(one, list | tuple | collections.deque):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict):
        return len(one) == len(other) and all(
            same(a, b) and same(one[a], other[b]) for a, b in zip(one, other, strict=True)
        )
    if isinstance(one, types.FunctionType):
        return same_code(one.__code__, other.__code__)
    try:
        return bool(one == other)
    except Exception:  # noqa: BLE001 - the user's own comparison
        return False
