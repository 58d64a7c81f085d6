"""What each name of the notebook comes to."""

from __future__ import annotations

import builtins
from typing import Any

from .cells import Statement
from .data import data_of
from .definitions import definition_of
from .environment import from_variable
from .given import frozen, replaced
from .imports import OF_MODULES, builtin, by_identity, conditional, import_of
from .node import Node, Piece, piece_of
from .notebook import Notebook
from .objects import object_of
from .secrecy import asks, hides


def node_of(name: str, notebook: Notebook) -> Node | None:
    """What a name comes to; None for Python's own."""
    names = notebook.names
    if name in notebook.replace:
        return replaced(name, notebook.replace[name], notebook)
    if name not in names or name in OF_MODULES or of_shell(name, notebook):
        return builtin(name)
    value = names[name]
    if name in notebook.freeze:
        return frozen(name, value, notebook.freeze[name], notebook)
    if name in notebook.env:
        return from_variable(name, value, notebook.env[name], notebook.environment)
    statement = notebook.history.newest(name)
    if statement is not None:
        secret = _secret(name, value, statement, notebook)
        if secret is not None:
            return secret
        if conditional(statement):
            return Node(pieces=(piece_of(statement),))
    return _made(name, value, notebook)


def of_shell(name: str, notebook: Notebook) -> bool:
    """Whether IPython put a name there: its own ``open``, ``exit``."""
    return name in dir(builtins) and next(notebook.history.bindings(name), None) is None


def _made(name: str, value: Any, notebook: Notebook) -> Node:
    """What gives a name its value, by what the value is."""
    found = import_of(name, value, notebook.history)
    for make in (definition_of, data_of):
        found = found or make(name, value, notebook)
    if found is None and notebook.history.newest(name) is None:
        found = by_identity(name, value)
    return found or object_of(name, value, notebook)


def _secret(name: str, value: Any, statement: Statement, notebook: Notebook) -> Node | None:
    if not isinstance(value, str):
        return None
    if asks(statement):
        return asked(name, value, notebook, "was typed in as a secret")
    if hides(name, value, statement, notebook.names):
        return asked(name, value, notebook, "is a secret")
    return None


def asked(name: str, value: str, notebook: Notebook, what: str) -> Node:
    """A secret that the notebook was told, or has worked out."""
    variable = notebook.environment.variable(name, value, name)
    return Node(
        pieces=(Piece(binds=(name,), source=f"{name} = {notebook.environment.read(variable)}"),),
        remarks=(f"{name} {what}: it comes from the environment variable {variable}.",),
    )
