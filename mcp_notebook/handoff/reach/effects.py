"""Statements that set up a module for all who use it: ``random.seed(1)``, ``pd.options.x = 5``."""

from __future__ import annotations

import ast
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .cells import Statement, parse
from .names import changes, rebinds, root
from .notebook import Notebook
from .pure import resolve

_SETTING = frozenset(
    {
        "random.seed", "numpy.random.seed", "pandas.set_option", "locale.setlocale",
        "matplotlib.use", "matplotlib.pyplot.style.use", "matplotlib.style.use",
        "matplotlib.pyplot.rcParams.update", "matplotlib.rcParams.update",
        "matplotlib.pyplot.switch_backend", "warnings.filterwarnings", "warnings.simplefilter",
        "logging.basicConfig", "logging.disable", "sys.setrecursionlimit",
        "socket.setdefaulttimeout", "torch.manual_seed", "mimetypes.add_type",
        "sys.set_int_max_str_digits", "seaborn.set_theme", "copyreg.pickle", "csv.field_size_limit",
        "atexit.register", "numpy.random.default_rng",
    }
)  # fmt: skip
"""Functions that are called for what they leave behind."""


def effect_of(statement: Statement, notebook: Notebook) -> str:
    """The module that a statement sets up, by the first part of its name; empty where none."""
    node, names = statement.node, notebook.names
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        called = _dotted(node.value.func, names)
        if called in _SETTING:
            return called.partition(".")[0]
        return _own_module(node.value.func, notebook)
    for decorator in getattr(node, "decorator_list", []):
        own = _own_module(decorator, notebook)
        if own:
            return own
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AugAssign):
        targets = [node.target]
    for target in targets:
        if not isinstance(target, ast.Attribute | ast.Subscript):
            continue
        text = ast.unparse(target)
        if "getcontext()" in text:  # of the thread of the cells alone: no tool sees it
            return ""
        if "environ" in text or text.startswith("sys.path"):
            return ""
        module = _module_of(names.get(root(target)))
        if module:
            return module.partition(".")[0]
    return ""


def _own_module(called: ast.expr, notebook: Notebook) -> str:
    """The module next to the notebook that a call of one of its functions changes."""
    function = called.func if isinstance(called, ast.Call) else called
    value = resolve(function, notebook.names)
    if not isinstance(value, types.FunctionType):
        return ""
    file = Path(value.__code__.co_filename)
    if not file.is_relative_to(notebook.folder.resolve()) or not file.is_file():
        return ""
    tree = parse(file.read_text(encoding="utf-8", errors="replace"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == value.__name__:
            changed = (changes(node) | rebinds(node)) - {a.arg for a in _parameters(node)}
            if changed & value.__globals__.keys():
                return value.__module__.partition(".")[0]
    return ""


def _parameters(node: ast.FunctionDef) -> list[ast.arg]:
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]


def _module_of(value: Any) -> str:
    """The module of a module, or of something that was imported from one."""
    if isinstance(value, types.ModuleType):
        return value.__name__
    if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType):
        module = value.__module__ or ""
        return "" if module in ("__main__", "builtins") else module.lstrip("_")
    return ""


def _dotted(node: ast.expr, names: Mapping[str, Any]) -> str:
    """What is called, by the names of the modules themselves: ``np.seterr`` -> numpy.seterr."""
    if isinstance(node, ast.Attribute):
        inner = _dotted(node.value, names)
        return f"{inner}.{node.attr}" if inner else ""
    if isinstance(node, ast.Name):
        value = names.get(node.id)
        if isinstance(value, types.ModuleType):
            return value.__name__
        module = _module_of(value)
        if module:
            return f"{module}.{getattr(value, '__name__', node.id)}"
        owner = getattr(value, "__self__", None)  # `from random import seed`
        if owner is not None and type(owner).__module__ != "builtins":
            return f"{type(owner).__module__}.{getattr(value, '__name__', '')}"
    return ""
