"""Functions and classes of the notebook: the statement that made exactly the one that is there."""

from __future__ import annotations

import ast
import types
from dataclasses import replace
from typing import Any

from .cells import Statement, parse
from .codes import functions_in, holds, made_here, of_notebook, own_functions, plain_function
from .names import root
from .node import Node, Piece, Trouble, is_definition, piece_of
from .notebook import Notebook
from .pure import UnsureError, evaluate, same
from .secrecy import shown

_MAGIC = Trouble(
    name="get_ipython",
    reason="a magic or a shell line stands in it, which only a notebook runs (get_ipython)",
    ways=("use subprocess or Python instead, and run the cell again",),
)
_AGAIN = "run the cell that defines it again, then export"


def definition_of(name: str, value: Any, notebook: Notebook) -> Node | None:
    """The source of a function or class of the notebook; None where it is neither.

    The value that is there decides: a statement is taken if it holds the code of it.
    """
    if isinstance(value, type):
        return _class(name, value, notebook)
    function = plain_function(value)
    if _made_by_call(name, notebook):
        return None
    statement = _statement(name, value, notebook)
    if statement is not None and "__magic__" in statement.reads.all:
        return Node(trouble=_MAGIC)
    if statement is None:
        return _unfound(name, function, notebook) if _is_ours(function, notebook) else None
    if not is_definition(statement):
        return _bound(name, statement, notebook)
    node = _with_changes(name, statement, notebook, _defaults(statement, function, notebook))
    info = getattr(value, "cache_info", None)
    if callable(info) and info().currsize:
        return replace(node, remarks=(f"The cache of {name} is empty where the server starts.",))
    return node


def _is_ours(function: types.FunctionType | None, notebook: Notebook) -> bool:
    return function is not None and (
        made_here(function, notebook.names) or function.__module__ == "__main__"
    )


def _made_by_call(name: str, notebook: Notebook) -> bool:
    """Whether a call gave a name its value: ``hello = loud(hello)``, ``twice = half``."""
    newest = notebook.history.newest(name)
    return newest is not None and not is_definition(newest) and not _holds_functions(newest)


def _statement(name: str, value: Any, notebook: Notebook) -> Statement | None:
    """The statement that binds a name to a function with this code."""
    inside = [f for f in functions_in(value) if _is_ours(f, notebook)]
    for statement in notebook.history.bindings(name):
        if not is_definition(statement) and not _holds_functions(statement):
            return None
        if isinstance(statement.node, ast.ClassDef):
            return None
        if any(holds(statement, function) for function in inside):
            return statement
        if is_definition(statement) and statement.whole and not inside:
            return statement if statement.node.decorator_list else None  # type: ignore[attr-defined]
        if statement.whole:
            return None
    return None


def _holds_functions(statement: Statement) -> bool:
    return any(
        isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for n in ast.walk(statement.node)
    )


def _bound(name: str, statement: Statement, notebook: Notebook) -> Node:
    """A lambda with a name, a function in a branch."""
    if isinstance(statement.node, ast.Assign | ast.AnnAssign | ast.If | ast.Try | ast.With):
        stale = stale_reads(statement, notebook)
        return _with_changes(name, statement, notebook, stale)
    return Node(
        trouble=Trouble(
            reason=f"it is defined in a loop ({statement.where})",
            ways=("define it at the top of a cell",),
        )
    )


def _unfound(name: str, function: types.FunctionType | None, notebook: Notebook) -> Node | None:
    assert function is not None
    maker = notebook.history.defining(function)
    if any("__magic__" in s.reads.all for s in notebook.history.bindings(name)):
        return Node(trouble=_MAGIC)
    if maker is not None:
        if function.__closure__ or function.__qualname__ != function.__name__:
            return None  # made by a function of the notebook: an object like others
        other = notebook.history.newest(name)
        where = f", and {other.where} has bound the name since" if other else ""
        return Node(
            trouble=Trouble(
                reason=f"it is the one of {maker.where}{where}",
                ways=(_AGAIN,),
            )
        )
    file = function.__code__.co_filename
    if not made_here(function, notebook.names) and file.endswith(".py"):
        return Node(
            trouble=Trouble(
                reason=f"%run brought it from {file.rpartition('/')[2]}",
                ways=(f"import it: from {file.rpartition('/')[2][:-3]} import {name}",),
            )
        )
    return Node(
        trouble=Trouble(
            reason="no cell that ran holds its source (exec, a restored session?)",
            ways=(f"write def {name}(...) in a cell and run it",),
        )
    )


def _class(name: str, value: type, notebook: Notebook) -> Node | None:
    if value.__module__ != notebook.names.get("__name__", "__main__"):
        return None
    statement = next(notebook.history.bindings(name), None)
    if statement is None:
        return _no_source(name)
    if not isinstance(statement.node, ast.ClassDef):
        inside = any(
            isinstance(n, ast.ClassDef) and n.name == name for n in ast.walk(statement.node)
        )
        return _bound(name, statement, notebook) if inside else None
    # a change in a cell that failed is not taken, so that it explains nothing
    later = [piece for piece in notebook.history.after(name, statement) if piece.whole]
    pieces = [statement, *later]
    for attribute, function in own_functions(value):
        if not made_here(function, notebook.names):
            continue
        if any(holds(piece, function) for piece in pieces):
            continue
        maker = notebook.history.defining(function)
        in_body = _body_defines(statement.node, attribute)
        if maker is None and not in_body:
            continue  # a generated method
        patched = [p for p in pieces if maker is not None and maker.binds & p.reads.eager]
        if not patched:
            return Node(
                trouble=Trouble(
                    reason=f"{name}.{attribute} is not the one of {statement.where}",
                    ways=(_AGAIN,),
                )
            )
    node = _with_changes(name, statement, notebook, stale_reads(statement, notebook))
    heirs = _heirs(value, notebook)
    told = [*node.pieces, *(without_registration(h, notebook) for h in heirs)]
    return Node(pieces=tuple(told), trouble=node.trouble)


def _heirs(value: type, notebook: Notebook) -> list[Statement]:
    """The subclasses that a class of the notebook is told of, or asks for, when they are made."""
    told = "__init_subclass__" in vars(value) or type(value).__module__ == "__main__"
    if not told and not notebook.asks_for_heirs(value.__name__):
        return []
    found = []
    left: list[type] = list(value.__subclasses__())
    while left:
        heir = left.pop()
        left += heir.__subclasses__()
        statement = notebook.history.newest(heir.__name__)
        if notebook.names.get(heir.__name__) is heir and statement is not None:
            found.append(statement)
    return sorted(dict.fromkeys(found), key=lambda s: s.place)


def _body_defines(node: ast.ClassDef, attribute: str) -> bool:
    return any(getattr(inner, "name", None) == attribute for inner in node.body)


def _no_source(name: str) -> Node:
    return Node(
        trouble=Trouble(
            reason="no cell that ran holds its source (exec, a restored session?)",
            ways=(f"write class {name} in a cell and run it",),
        )
    )


def _with_changes(
    name: str, statement: Statement, notebook: Notebook, trouble: Trouble | None
) -> Node:
    later = (
        one
        for one in notebook.history.after(name, statement)
        if one.whole and changes_it(one, name, notebook)
    )
    pieces = [without_registration(one, notebook) for one in (statement, *later)]
    return Node(pieces=tuple(pieces), trouble=trouble)


def changes_it(statement: Statement, name: str, notebook: Notebook) -> bool:
    """Whether a later statement sets something on a function or class, or registers with it."""
    node = statement.node
    if isinstance(node, ast.Expr):
        call = node.value
        if not isinstance(call, ast.Call):
            return False
        if isinstance(call.func, ast.Name):
            return call.func.id in {"setattr", "delattr"}
        return isinstance(call.func, ast.Attribute) and call.func.attr in {
            "register", "update", "append", "add", "model_rebuild", "update_forward_refs",
        }  # fmt: skip
    for decorator in getattr(node, "decorator_list", []):
        if root(decorator) == name and not notebook.registers(decorator):
            return True
    return name in statement.changes


# ---- the source of a definition --------------------------------------------------------------


def without_registration(statement: Statement, notebook: Notebook) -> Piece:
    """A definition without the decorators that made it a part of a server."""
    node = statement.alone
    decorators = getattr(node, "decorator_list", [])
    gone = [d for d in decorators if notebook.registers(d)]
    if not gone:
        return piece_of(statement)
    lines = statement.text.splitlines()
    dropped = {
        number
        for d in gone
        for number in range(_at(lines, d.lineno), (d.end_lineno or d.lineno) + 1)
    }
    text = "\n".join(line for n, line in enumerate(lines, 1) if n not in dropped)
    parse(text)
    return piece_of(statement, text=text)


def _at(lines: list[str], number: int) -> int:
    """The line of the ``@`` before a decorator."""
    while number > 1 and not lines[number - 1].lstrip().startswith("@"):
        number -= 1
    return number


# ---- what was read when it was defined ---------------------------------------------------------


def _defaults(
    statement: Statement, function: types.FunctionType | None, notebook: Notebook
) -> Trouble | None:
    """Whether the defaults that a function has are those that its source gives today."""
    node = statement.node
    if function is None or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return stale_reads(statement, notebook)
    if not holds(statement, function) or function.__name__ != node.name:
        return stale_reads(statement, notebook)
    given = [*zip(node.args.defaults, function.__defaults__ or (), strict=False)]
    keywords = function.__kwdefaults__ or {}
    for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        if default is not None and argument.arg in keywords:
            given.append((default, keywords[argument.arg]))
    for expression, live in given:
        try:
            again = evaluate(expression, notebook.names)
        except UnsureError:
            continue
        text = ast.unparse(expression)
        literal = isinstance(expression, ast.Constant | ast.List | ast.Dict | ast.Set)
        if not literal and not same(again, live):
            return Trouble(
                reason=f"the default {text} was {shown(live, text)} when {statement.where} ran and"
                f" is {shown(again, text)} now",
                ways=(_AGAIN,),
            )
    return stale_reads(statement, notebook, besides={n for e, _ in given for n in _in(e)})


def _in(expression: ast.expr) -> set[str]:
    return {n.id for n in ast.walk(expression) if isinstance(n, ast.Name)}


def stale_reads(
    statement: Statement, notebook: Notebook, *, besides: set[str] | None = None
) -> Trouble | None:
    """What a statement had read when it ran and would find changed today."""
    used = statement.reads.eager | statement.reads.soft
    for name in sorted(used - (besides or set()) - statement.binds):
        if name not in notebook.names:
            if name in statement.reads.eager and notebook.history.newest(name) is not None:
                return Trouble(
                    reason=f"{statement.where} used {name}, which is not there any more",
                    ways=(f"define {name} again and run the cell again",),
                )
            continue
        newer = notebook.history.rebound_since(name, statement)
        if newer is not None and name in statement.reads.soft:
            # text, resolved when the part was registered: after its cell
            newer = newer if newer.cell != statement.cell else None
        if newer is not None:
            return Trouble(
                reason=f"{statement.where} ran before {newer.where} made {name} anew, and would"
                " give something else today",
                ways=(_AGAIN,),
            )
    return None


def stale_below(statement: Statement, notebook: Notebook) -> Trouble | None:
    """What functions may have read while a statement ran, and would find changed today."""
    seen: set[str] = set()
    left = [n for n in statement.reads.eager if n in notebook.names]
    while left:
        name = left.pop()
        if name in seen or name in statement.binds:
            continue
        seen.add(name)
        newer = notebook.history.rebound_since(name, statement)
        if newer is not None:
            return Trouble(
                reason=f"{statement.where} ran before {newer.where} made {name} anew, and would"
                " give something else today",
                ways=(f"run {statement.where} again, then export",),
            )
        made = notebook.history.newest(name)
        if made is not None and of_notebook(notebook.names[name], notebook.names):
            left += [n for n in made.reads.all if n in notebook.names]
    return None
