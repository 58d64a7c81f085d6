"""Objects: those that a plain constructor call makes again, and those that nothing does."""

from __future__ import annotations

import ast
import asyncio
import concurrent.futures
import contextvars
import importlib.util
import inspect
import shlex
import threading
import types
from collections.abc import Iterator
from typing import Any

from .cells import Statement
from .codes import functions_in, made_here, of_notebook
from .definitions import changes_it, stale_reads, without_registration
from .node import Node, Piece, Trouble, piece_of
from .notebook import Notebook
from .pure import PLAIN, UnsureError, evaluate, resolve, same
from .quiet import loud
from .secrecy import shown
from .written import NotWritableError, written

_REMADE = frozenset(
    {
        "abc", "annotated_types", "array", "ast", "asyncio.locks", "asyncio.queues", "collections",
        "contextvars", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools",
        "ipaddress", "logging", "operator", "pathlib", "pydantic", "pydantic_core", "re", "_random",
        "_thread", "_queue", "queue", "random", "string", "threading", "types", "typing",
        "typing_extensions", "uuid", "zoneinfo", "_operator", "_functools", "_contextvars",
        "jinja2", "configparser", "argparse", "json", "textwrap", "weakref", "attr", "builtins",
    }
)  # fmt: skip
"""Modules whose objects are as good when they are made again by the same call."""


def object_of(name: str, value: Any, notebook: Notebook) -> Node:
    """What makes an object, or why nothing does."""
    alive = _alive(name, value)
    if alive is not None:
        return Node(trouble=alive)
    statement = next(notebook.history.bindings(name), None)
    if statement is not None and not statement.whole:
        return Node(
            trouble=Trouble(
                reason=f"{statement.where} did not run to its end, so that it is not known"
                f" whether it made {name}",
                ways=(f"run {statement.where} again",),
            )
        )
    if statement is None:
        return Node(trouble=_nothing_makes(name, value))
    instance = _instance(name, value, statement, notebook)
    if instance is not None:
        return instance
    problem = _remade(name, value, statement, notebook)
    if problem is not None:
        return Node(trouble=problem)
    return _statements(name, statement, notebook)


def _statements(name: str, statement: Statement, notebook: Notebook) -> Node:
    if isinstance(notebook.names[name], contextvars.ContextVar):
        # what a cell sets holds on its own thread: no tool sees it
        return Node(pieces=(without_registration(statement, notebook),))
    pieces: list[Piece] = []
    for step in notebook.history.chain(name, statement):
        gives = name in step.binds and name in statement.reads.eager
        if step is statement or gives or changes_it(step, name, notebook) or _called_on(step, name):
            pieces.append(without_registration(step, notebook))
    value = notebook.names[name]
    own = of_notebook(type(value), notebook.names) or any(
        made_here(f, notebook.names) for f in functions_in(value)
    )
    return Node(pieces=tuple(pieces), unproven=own)


def _called_on(statement: Statement, name: str) -> bool:
    node = statement.node
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and isinstance(node.value.func.value, ast.Name)
        and node.value.func.value.id == name
    )


# ---- what is alive -------------------------------------------------------------------------------

_FROZEN = {
    ("pandas", "DataFrame"): "parquet",
    ("pandas", "Series"): "json",
    ("pandas", "Index"): "json",
    ("numpy", "ndarray"): "npy",
    ("polars", "DataFrame"): "parquet",
}
"""Data that has a file format of its own."""


def _alive(name: str, value: Any) -> Trouble | None:
    """What is refused whatever made it: data in memory, things that run."""
    kind = type(value)
    top = kind.__module__.partition(".")[0]
    suffix = next(
        (
            s
            for (m, k), s in _FROZEN.items()
            if m == top and any(c.__name__ == k for c in kind.__mro__)
        ),
        None,
    )
    if suffix == "parquet" and importlib.util.find_spec("pyarrow") is None:
        suffix = "csv"
    if suffix is not None:
        return Trouble(
            reason=f"{name} is a {top} {kind.__name__}, data that lives in the notebook's memory",
            ways=(
                f"--freeze {name}={name.lower()}.{suffix}",
                f"--replace {name}=EXPRESSION that makes it",
                "read it in the tool",
            ),
        )
    if inspect.isgenerator(value) or inspect.iscoroutine(value) or inspect.isasyncgen(value):
        what = "generator" if not inspect.iscoroutine(value) else "coroutine"
        return Trouble(
            reason=f"{name} is a {what} that has begun to run",
            ways=("make it in the tool instead of once for all: call its function there",),
        )
    if isinstance(
        value, threading.Thread | concurrent.futures.Executor | asyncio.AbstractEventLoop
    ):
        return Trouble(
            reason=f"{name} is a {kind.__name__}, which runs in the notebook's process",
            ways=("start it in the tool, or in the lifespan of the server",),
        )
    if isinstance(value, Iterator):
        return Trouble(
            reason=f"{name} is a {kind.__name__}, which is used up while it is read",
            ways=("make it in the tool",),
        )
    return None


def _nothing_makes(name: str, value: Any) -> Trouble:
    return Trouble(
        reason=f"{name} is a {_kind(value)}, and no statement in a cell makes it",
        ways=(f"make it in a cell: {name} = ...", f"--replace {name}=EXPRESSION"),
    )


def _kind(value: Any) -> str:
    kind = type(value)
    top = kind.__module__.partition(".")[0]
    return kind.__name__ if top in ("builtins", "__main__") else f"{top} {kind.__name__}"


def affine(made: ast.AST | None) -> bool:
    """Whether a call makes a SQLite connection that one thread alone may use: tools run on more."""
    return (
        isinstance(made, ast.Call)
        and ast.unparse(made.func) in ("sqlite3.connect", "sqlite3.Connection")
        and bool(made.args)
        and not any(keyword.arg in ("check_same_thread", None) for keyword in made.keywords)
    )


def _live(name: str, value: Any, why: str = "", made: ast.AST | None = None) -> Trouble:
    because = f" ({why})" if why else ""
    text = ast.unparse(made) if isinstance(made, ast.expr) else ""
    if affine(made):
        text = f"{text[:-1]}, check_same_thread=False)"
    if not text or len(text) > 80 or "await" in text:
        text = "EXPRESSION that makes it"
    elif any(c in text for c in " '\""):
        text = shlex.quote(text) if any(c in text for c in '"$\\') else f'"{text}"'
    return Trouble(
        reason=f"{name} is a {_kind(value)}, which cannot be written as source{because}",
        ways=(
            "make it in the tool instead of once for all",
            f"--replace {name}={text} to make it where the server starts",
        ),
    )


# ---- what can be made again ----------------------------------------------------------------------


def _instance(name: str, value: Any, statement: Statement, notebook: Notebook) -> Node | None:
    """An instance whose fields say all: a dataclass, a named tuple, a pydantic model."""
    if not of_notebook(type(value), notebook.names):
        return None
    fields = _fields_of(value)
    if fields is None:
        return None
    call = getattr(statement.node, "value", None)
    if (
        isinstance(call, ast.Call)
        and resolve(call.func, notebook.names) is type(value)
        and _given_as_is(call, value, fields, notebook)
        and not notebook.history.after(name, statement)
    ):
        return Node(pieces=(piece_of(statement),))
    changers = notebook.history.changers(name, notebook.reached)
    if changers:
        return None  # a state: as it was made
    try:
        found = written(value, lambda v: notebook.known(v, name), module=notebook.module)
    except NotWritableError:
        return None
    return Node(
        imports=tuple(sorted(notebook.import_line(m) for m in found.imports)),
        modules=tuple(sorted(found.imports)),
        pieces=(
            Piece(
                binds=(name,),
                source=f"{name} = {found.text}",
                place=statement.place,
                eager=frozenset(found.names),
            ),
        ),
        remarks=(
            f"{name} is not what {statement.where} gave it: it is written as the value it has now.",
        ),
    )


def _fields_of(value: Any) -> list[str] | None:
    kind = type(value)
    if hasattr(kind, "__dataclass_fields__"):
        return [f.name for f in kind.__dataclass_fields__.values() if f.init]
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return list(kind._fields)
    if hasattr(kind, "model_fields") and hasattr(kind, "model_validate"):
        return list(kind.model_fields)
    return None


def _given_as_is(call: ast.Call, value: Any, fields: list[str], notebook: Notebook) -> bool:
    """Whether the fields hold what the call gives them today."""
    given = dict(zip(fields, call.args, strict=False))
    if any(isinstance(a, ast.Starred) for a in call.args) or any(
        k.arg is None for k in call.keywords
    ):
        return False
    given |= {k.arg: k.value for k in call.keywords if k.arg}
    for field, expression in given.items():
        try:
            again = evaluate(expression, notebook.names)
        except UnsureError:
            return False
        if not same(again, getattr(value, field, None)):
            return False
    return True


def _remade(name: str, value: Any, statement: Statement, notebook: Notebook) -> Trouble | None:
    """Why the statement that made an object may not make it again; None where it may."""
    node = statement.node
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return _live(name, value, f"{statement.where} made it in passing")
    own = of_notebook(type(value), notebook.names)
    functions = any(made_here(f, notebook.names) for f in functions_in(value))
    module = type(value).__module__
    hint = isinstance(value, type | types.UnionType | types.GenericAlias)
    known = module in _REMADE or module.partition(".")[0] in _REMADE
    if not (own or functions or hint or known):
        return _live(name, value, made=node.value)
    stale = stale_reads(statement, notebook)
    if stale is not None:
        return stale
    called = loud([statement.node], notebook, bodies=False)
    if called:
        return _live(name, value, f"making it again would call {called}", node.value)
    if functions:
        return _closure(name, value, node.value, notebook)
    return None


def _closure(name: str, value: Any, made: ast.expr, notebook: Notebook) -> Trouble | None:
    """Whether a function that a call made holds what the call would give it today."""
    if not isinstance(made, ast.Call) or not isinstance(value, types.FunctionType):
        return None
    factory = resolve(made.func, notebook.names)
    if not isinstance(factory, types.FunctionType):
        return None
    try:
        bound = inspect.signature(factory).bind(
            *made.args, **{k.arg: k.value for k in made.keywords if k.arg}
        )
    except TypeError:
        return None
    held = inspect.getclosurevars(value).nonlocals
    for parameter, expression in bound.arguments.items():
        if parameter not in held or not isinstance(expression, ast.expr):
            continue
        try:
            again = evaluate(expression, notebook.names)
        except UnsureError:
            continue
        if isinstance(again, PLAIN) and not same(again, held[parameter]):
            return Trouble(
                reason=f"it was made with {parameter} = {shown(held[parameter], parameter)}, and"
                f" would get {shown(again, parameter)} today",
                ways=(f"make {name} again, then export",),
            )
    return None
