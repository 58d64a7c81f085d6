"""Statements that set up a module for all who use it: ``random.seed(1)``, ``pd.options.x = 5``."""

from __future__ import annotations

import ast
import types
from collections.abc import Mapping
from typing import Any

from .cells import Statement
from .names import root

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


def effect_of(statement: Statement, names: Mapping[str, Any]) -> str:
    """The module that a statement sets up, by the first part of its name; empty where none."""
    node = statement.node
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        called = _dotted(node.value.func, names)
        return called.partition(".")[0] if called in _SETTING else ""
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
