"""What tools change while they work: it begins anew in a server, and that is as it should be."""

from __future__ import annotations

import ast
import types
from typing import Any

from . import names as naming
from .codes import of_notebook
from .notebook import Notebook


def changed_by_tools(name: str, value: Any, notebook: Notebook) -> list[str]:
    """The functions that the parts use and that change the value of a name."""
    found = notebook.history.changers(name, notebook.reached)
    if isinstance(value, type):
        statement = notebook.history.newest(name)
        if statement is not None and name in naming.changes(statement.node):
            found.append(name)
        return found
    owner = value.__self__ if isinstance(value, types.MethodType) else value
    if of_notebook(type(owner), notebook.names):
        methods = _changing_methods(type(owner), notebook)
        if isinstance(value, types.MethodType) and value.__name__ in methods:
            return [*found, f"{type(owner).__name__}.{value.__name__}"]
        found += [f"{type(owner).__name__}.{m}" for m in _called_on(name, notebook) & methods]
    return sorted(found)


def changed_elsewhere(value: Any, name: str, notebook: Notebook) -> str:
    """Another name of the same object, under which a cell changed it; empty where there is none."""
    for other, held in list(notebook.names.items()):
        if held is not value or other == name or other.startswith("_"):
            continue
        statement = notebook.history.newest(other)
        if statement is not None and notebook.history.after(other, statement):
            return other
    return ""


def _changing_methods(kind: type, notebook: Notebook) -> set[str]:
    """The methods of a class of the notebook that change the object they are called on."""
    found: set[str] = set()
    for base in kind.__mro__:
        statement = notebook.history.newest(base.__name__)
        node = statement.node if statement is not None else None
        if not isinstance(node, ast.ClassDef):
            continue
        for method in node.body:
            if not isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            first = next(iter([*method.args.posonlyargs, *method.args.args]), None)
            if method.name != "__init__" and first and first.arg in naming.changes(method):
                found.add(method.name)
    return found


def _called_on(name: str, notebook: Notebook) -> set[str]:
    """The methods that reached functions call on a name, and those that parts are."""
    found: set[str] = set(notebook.methods.get(name, ()))
    for one in notebook.reached:
        statement = notebook.history.newest(one)
        if statement is None or one == name:
            continue
        for inner in ast.walk(statement.node):
            if isinstance(inner, ast.Attribute) and naming.root(inner) == name:
                found.add(inner.attr)
    return found
