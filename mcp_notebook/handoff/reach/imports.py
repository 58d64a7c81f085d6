"""Names that come from modules: the import that gives exactly the value that is there."""

from __future__ import annotations

import ast
import builtins
import sys
import types
from typing import Any

from .cells import Statement
from .history import History
from .node import Node, Trouble

NOTEBOOK_ONLY = {
    "IPython": "IPython",
    "ipykernel": "the kernel",
    "ipywidgets": "widgets of the notebook",
    "anywidget": "widgets of the notebook",
    "mcp_notebook": "mcp_notebook",
    "__main__": "the notebook itself",
}
"""Modules that are there in a notebook and not in a server, and what they stand for."""


OF_MODULES = frozenset({"__name__", "__doc__", "__builtins__", "__debug__", "__annotations__"})
"""Names that every module has of its own."""


def import_of(name: str, value: Any, history: History) -> Node | None:
    """The import that binds a name to its value; None where no import does."""
    for statement in history.bindings(name):
        node = statement.node
        if isinstance(node, ast.Import):
            found = _import(name, value, node, history)
        elif isinstance(node, ast.ImportFrom):
            found = _import_from(name, value, node)
        else:
            found = None
        if found is not None:
            return found
        if statement.whole:
            break
    for statement in history.star(name):
        assert isinstance(statement.node, ast.ImportFrom)
        found = _from(statement.node.module or "", name, name, value)
        if found is not None:
            return found
    if isinstance(value, types.ModuleType):
        return _whole(value, name)
    return None


def by_identity(name: str, value: Any) -> Node | None:
    """The import of something that says itself where it is from."""
    module = getattr(value, "__module__", None)
    qualname = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if isinstance(module, str) and isinstance(qualname, str) and module != "__main__":
        return _from(module, qualname, name, value)
    return None


def conditional(statement: Statement) -> bool:
    """Whether a statement imports in one of its branches: ``try: import x``."""
    return isinstance(statement.node, ast.Try | ast.If) and any(
        isinstance(inner, ast.Import | ast.ImportFrom) for inner in ast.walk(statement.node)
    )


def _import(name: str, value: Any, node: ast.Import, history: History) -> Node | None:
    for alias in node.names:
        if alias.asname == name and _module(alias.name) is value:
            return _node((f"import {alias.name} as {name}",), (alias.name,))
        if alias.asname is None and alias.name.partition(".")[0] == name:
            if _module(name) is not value:
                continue
            below = _below(name, history)
            return _node(tuple(f"import {m}" for m in below), below)
    return None


def _below(name: str, history: History) -> tuple[str, ...]:
    """The modules ``a.b`` that are imported under the name ``a``."""
    found: dict[str, None] = {}
    for statement in history.bindings(name):
        if isinstance(statement.node, ast.Import):
            for alias in statement.node.names:
                if alias.asname is None and alias.name.partition(".")[0] == name:
                    found[alias.name] = None
    loaded = [module for module in found if module in sys.modules]
    longer = {m for m in loaded if any(o.startswith(m + ".") for o in loaded)}
    return tuple(m for m in sorted(loaded) if m not in longer) or (name,)


def _import_from(name: str, value: Any, node: ast.ImportFrom) -> Node | None:
    for alias in node.names:
        if (alias.asname or alias.name) == name:
            return _from(node.module or "", alias.name, name, value)
    return None


def _from(module: str, attribute: str, name: str, value: Any) -> Node | None:
    held = _module(module)
    missing = object()
    found = getattr(held, attribute, missing) if held is not None else missing
    if found is missing:
        found = sys.modules.get(f"{module}.{attribute}", missing)
    if found is not value and not _alike(found, value):
        return None
    tail = "" if attribute == name else f" as {name}"
    modules = [module]
    if isinstance(value, types.ModuleType):
        modules.append(value.__name__)
    return _node((f"from {module} import {attribute}{tail}",), tuple(modules))


def _alike(one: Any, other: Any) -> bool:
    return type(one) is type(other) and isinstance(one, int | float | str | bytes) and one == other


def _whole(module: types.ModuleType, name: str) -> Node | None:
    if _module(module.__name__) is not module:
        return None
    tail = "" if module.__name__ == name else f" as {name}"
    return _node((f"import {module.__name__}{tail}",), (module.__name__,))


def _module(name: str) -> types.ModuleType | None:
    return sys.modules.get(name)


def _node(imports: tuple[str, ...], modules: tuple[str, ...]) -> Node:
    return Node(imports=imports, modules=modules, trouble=_only_here(modules))


def _only_here(modules: tuple[str, ...]) -> Trouble | None:
    for module in modules:
        top = module.partition(".")[0]
        if top in NOTEBOOK_ONLY:
            return Trouble(
                reason=f"it uses {NOTEBOOK_ONLY[top]}, which a server does not have",
                ways=("return the value instead of showing it, then run the cell again",),
            )
    return None


def _pythons_own(name: str, value: Any) -> bool:
    if isinstance(value, types.BuiltinFunctionType | type):
        return value.__module__ in ("builtins", "_io", "io")
    return value in (None, True, False, Ellipsis, NotImplemented) or type(value).__module__ in (
        "_sitebuiltins",
        "IPython.core.autocall",
    )


def builtin(name: str) -> Node | None:
    """What a name comes to that the notebook does not bind.

    Returns:
        A node with trouble for names that only a notebook has; None for Python's own.
    """
    if name in {"get_ipython", "display", "__IPYTHON__"}:
        return Node(
            trouble=Trouble(
                reason=f"{name} is there in a notebook only",
                ways=("return the value instead of showing it, then run the cell again",),
            )
        )
    held = getattr(builtins, name, None)
    if name in OF_MODULES or (hasattr(builtins, name) and _pythons_own(name, held)):
        return None
    if hasattr(builtins, name):
        return Node(
            trouble=Trouble(
                reason=f"something put {name} among Python's own names (builtins), where no file"
                " has it",
                ways=(f"give it a name in a cell: {name} = ...",),
            )
        )
    return Node(
        trouble=Trouble(
            reason=f"{name} is not defined in the notebook, so that the tool fails there too",
            ways=(f"define {name}, or take it out, and run the cell again",),
        )
    )
