"""Source whose names are decided when it runs: what it uses cannot be followed."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping
from typing import Any

from .cells import parse
from .node import Trouble


def dynamic(source: str, names: Mapping[str, Any]) -> Trouble | None:
    """Why the names that a text uses cannot be known; None where they can."""
    for node in ast.walk(parse(source)):
        if isinstance(node, ast.Call):
            found = _call(node, names)
            if found is not None:
                return found
        elif isinstance(node, ast.Attribute) and node.attr in {"f_globals", "__globals__"}:
            return _hidden(node.attr)
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("sys.modules"):
            if isinstance(node.slice, ast.Constant) and node.slice.value != "__main__":
                continue
            return _hidden(ast.unparse(node))
        elif isinstance(node, ast.Import) and any(a.name == "__main__" for a in node.names):
            return _hidden("__main__")
    return None


def _call(node: ast.Call, names: Mapping[str, Any]) -> Trouble | None:
    if not isinstance(node.func, ast.Name):
        text = ast.unparse(node.func)
        if text in {"importlib.import_module"} and node.args:
            first = node.args[0]
            if not isinstance(first, ast.Constant) or first.value == "__main__":
                return Trouble(
                    reason=f"{ast.unparse(node)} imports what is decided when it runs, so that it"
                    " is not known what has to be installed",
                    ways=("import the modules by name, and run the cell again",),
                )
        return None
    called = node.func.id
    held = names.get(called, getattr(builtins, called, None))
    if held is not getattr(builtins, called, None):
        return None
    if called in {"globals", "vars", "locals"} and not node.args:
        return _hidden(f"{called}()") if called == "globals" else None
    if called in {"eval", "exec"} and len(node.args) + len(node.keywords) < 2:
        return Trouble(
            name=called,
            reason=f"{called} sees every name of the notebook, so that it is not known which of"
            " them it uses",
            ways=(
                f"say which names it may use: {called}(text, {{'sqrt': math.sqrt}}), and run the"
                " cell again",
            ),
        )
    if called == "__import__" and not (node.args and isinstance(node.args[0], ast.Constant)):
        return _hidden("__import__")
    return None


def _hidden(what: str) -> Trouble:
    return Trouble(
        name=what.partition("(")[0],
        reason=f"it looks names up when it runs ({what}), so that it is not known which it uses",
        ways=("name what it uses: a dict {'a': task_a}, and run the cell again",),
    )
