"""The notebook as this room sees it: its names, its history, what the user asked for."""

from __future__ import annotations

import ast
import builtins
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import MCPServer

from .environment import Environment
from .history import History
from .names import root
from .pure import resolve

SHARED = (list, dict, set, bytearray)
"""Values that two names may share and change."""


@dataclass(eq=False, kw_only=True)
class Notebook:
    """What is known while names are followed.

    Attributes:
        names: the notebook's namespace itself, not a copy.
        history: what ran.
        folder: where the notebook is.
        freeze: names whose values go into files.
        replace: names whose values come from other expressions.
        env: names whose values come from the environment.
        reached: the names that the parts use, as far as the source tells.
        methods: by name, the methods of its value that are parts.
        secrets: the secrets it holds, with the name of each.
        environment: the variables that the server takes.
    """

    names: dict[str, Any]
    history: History
    folder: Path
    freeze: Mapping[str, str] = field(default_factory=dict)
    replace: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    reached: set[str] = field(default_factory=set)
    methods: dict[str, set[str]] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    environment: Environment = field(default_factory=Environment)

    def __post_init__(self) -> None:
        self.environment.os_name = self.module("os")

    def follow(self, roots: set[str]) -> None:
        """Find the names that some names use, by the newest source of each."""
        left = list(roots)
        while left:
            name = left.pop()
            if name in self.reached:
                continue
            self.reached.add(name)
            statement = self.history.newest(name)
            if statement is not None:
                left += statement.reads.all & self.names.keys()

    def known(self, value: Any, besides: str = "") -> str | None:
        """The notebook's name of a function, a class, or a value that names share."""
        direct = getattr(value, "__name__", None)
        if isinstance(direct, str):
            if self.names.get(direct) is value and direct != besides:
                return direct
            if getattr(builtins, direct, None) is value and direct not in self.names:
                return direct
            for name, module in self.names.items():
                member = isinstance(module, types.ModuleType) and not name.startswith("_")
                if member and vars(module).get(direct) is value:
                    return f"{name}.{direct}"
        if callable(value) or isinstance(value, type):
            candidates = [n for n, v in self.names.items() if v is value and not n.startswith("_")]
        elif isinstance(value, SHARED) or hasattr(value, "__dict__"):
            candidates = sorted(n for n in self.reached if self.names.get(n) is value)
        else:
            candidates = []
        return next((n for n in candidates if n != besides and n.isidentifier()), None)

    def calls_into(self, module: str) -> bool:
        """Whether a statement at the top of a cell calls something of a module."""
        for statement in self.history.statements:
            if isinstance(statement.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            for inner in ast.walk(statement.node):
                if isinstance(inner, ast.Call):
                    value = resolve(inner.func, self.names)
                    if getattr(value, "__module__", None) == module:
                        return True
        return False

    def asks_for_heirs(self, name: str) -> bool:
        """Whether what the parts use asks for ``NAME.__subclasses__()``."""
        return any(
            isinstance(inner, ast.Attribute) and inner.attr == "__subclasses__"
            for one in self.reached
            if (statement := self.history.newest(one)) is not None
            and name in statement.reads.all | {one}
            for inner in ast.walk(statement.node)
        )

    def module(self, name: str) -> str:
        """The name under which a module can be used beside the notebook's own names."""
        held = self.names.get(name)
        taken = name in self.names and not (
            isinstance(held, types.ModuleType) and held.__name__ == name
        )
        return f"_{name}" if taken else name

    def import_line(self, name: str) -> str:
        """The statement that imports it so."""
        alias = self.module(name)
        return f"import {name}" + (f" as {alias}" if alias != name else "")

    def registers(self, decorator: ast.expr) -> bool:
        """Whether a decorator only makes a function a part of a server."""
        call = decorator.func if isinstance(decorator, ast.Call) else decorator
        held = self.names.get(root(call))
        if isinstance(call, ast.Name):
            module = getattr(held, "__module__", "") or ""
            return module.startswith("mcp_notebook.") and call.id in self.names
        if not isinstance(call, ast.Attribute) or call.attr not in {"tool", "resource", "prompt"}:
            return False
        return (
            isinstance(held, MCPServer)
            or type(held).__module__.startswith("mcp_notebook")
            or getattr(held, "__name__", "") == "mcp_notebook"
        )
