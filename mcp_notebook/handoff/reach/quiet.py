"""Whether source does something to the world outside when it runs."""

from __future__ import annotations

import ast
import types
from collections.abc import Iterator
from typing import Any

from .codes import of_notebook
from .notebook import Notebook
from .pure import PLAIN, resolve

MODULES = frozenset(
    {
        "abc", "annotated_types", "argparse", "array", "ast", "asyncio", "attr", "base64",
        "binascii", "bisect", "builtins", "calendar", "cmath", "collections", "colorsys",
        "configparser", "contextlib", "contextvars", "copy", "csv", "dataclasses", "datetime",
        "decimal", "difflib", "enum", "fractions", "functools", "graphlib", "hashlib", "heapq",
        "hmac", "html", "inspect", "io", "ipaddress", "itertools", "jinja2", "json", "keyword",
        "logging", "math", "mcp", "mcp_types", "numbers", "numpy", "operator", "os", "pathlib",
        "posixpath", "ntpath", "pprint", "pydantic", "pydantic_core", "queue", "random", "re",
        "secrets", "statistics", "string", "struct", "sys", "textwrap", "threading", "time",
        "tomllib", "types", "typing", "typing_extensions", "unicodedata", "urllib", "uuid",
        "warnings", "weakref", "zlib", "zoneinfo", "thread", "genericpath", "pyexpat",
    }
)  # fmt: skip
"""Modules that touch nothing outside, but for the calls below."""

_FUNCTIONS = frozenset(
    {"open", "input", "exec", "eval", "compile", "__import__", "breakpoint", "exit", "quit"}
)
_OF_OS = ("os.path.", "os.environ", "os.getenv", "os.getcwd", "os.fspath", "os.cpu_count",
          "os.getpid", "os.sep")  # fmt: skip
_METHODS = frozenset(
    {
        "chmod", "commit", "connect", "execute", "exit", "hardlink_to", "kill", "mkdir", "open",
        "popen", "request", "rename", "rmdir", "run", "run_forever", "run_until_complete", "send",
        "sendall", "sleep", "start", "submit", "symlink_to", "system", "terminate", "touch",
        "unlink", "urlopen", "urlretrieve", "write_bytes", "write_text", "FileHandler",
        "basicConfig", "create_task", "NamedTemporaryFile", "mkdtemp",
    }
)  # fmt: skip
"""Methods and functions of such modules that do."""


def quiet_type(value: Any) -> bool:
    """Whether an object is of a kind that stays in its process."""
    if isinstance(value, PLAIN) or value is None:
        return True
    module = type(value).__module__
    return module == "__main__" or _top(module) in MODULES


def _top(module: str) -> str:
    return module.partition(".")[0].lstrip("_")


def loud(nodes: list[ast.AST], notebook: Notebook, *, bodies: bool) -> str:
    """What source would do to the world outside; empty where nothing.

    Args:
        nodes: the source.
        notebook: the notebook.
        bodies: whether the functions in it are called as well.
    """
    seen: set[str] = set()
    left: list[tuple[ast.AST, bool]] = [(node, bodies) for node in nodes]
    while left:
        node, whole = left.pop()
        for inner in _running(node, whole):
            if isinstance(inner, ast.Await | ast.AsyncFor | ast.AsyncWith) and not whole:
                return "await"
            if isinstance(inner, ast.Call):
                called = _called(inner, notebook)
                if called:
                    return called
            if isinstance(inner, ast.Name) and inner.id not in seen:
                seen.add(inner.id)
                found = _named(inner.id, notebook)
                if isinstance(found, str):
                    return found
                if found is not None:
                    left.append((found, True))
    return ""


def _named(name: str, notebook: Notebook) -> ast.AST | str | None:
    """The source behind a name that may be called; the name itself where it is loud."""
    value = notebook.names.get(name)
    if value is None:
        return None
    if of_notebook(value, notebook.names) or of_notebook(type(value), notebook.names):
        owner = name if of_notebook(value, notebook.names) else type(value).__name__
        made = notebook.history.newest(owner)
        return made.node if made is not None else None
    if isinstance(value, types.ModuleType | type) or callable(value):
        return None
    return None if quiet_type(value) else name


def _running(node: ast.AST, whole: bool) -> Iterator[ast.AST]:
    """What runs of a node: not the bodies of functions, unless they are called."""
    yield node
    if not whole and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        outer = [*getattr(node, "decorator_list", []), *node.args.defaults]
        outer += [d for d in node.args.kw_defaults if d is not None]
        for inner in outer:
            yield from _running(inner, whole)
        return
    for inner in ast.iter_child_nodes(node):
        yield from _running(inner, whole)


def _called(call: ast.Call, notebook: Notebook) -> str:
    func = call.func
    text = ast.unparse(func)
    if isinstance(func, ast.Name) and func.id in _FUNCTIONS:
        held = notebook.names.get(func.id)
        if held is None or not of_notebook(held, notebook.names):
            return func.id
    value = resolve(func, notebook.names)
    if value is None:
        if isinstance(func, ast.Attribute) and func.attr in _METHODS:
            return text
        return ""
    if of_notebook(value, notebook.names):
        return ""
    if text.startswith("os.") and not text.startswith(_OF_OS):
        return text
    if isinstance(func, ast.Attribute | ast.Name) and _last(func) in _METHODS:
        return text
    module = getattr(value, "__module__", None)
    if not isinstance(module, str):
        module = type(getattr(value, "__self__", value)).__module__
    return "" if _top(module) in MODULES else text


def _last(func: ast.Attribute | ast.Name) -> str:
    return func.attr if isinstance(func, ast.Attribute) else func.id
