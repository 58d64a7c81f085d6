"""What the server takes from its environment: the variables, and the source that reads them."""

from __future__ import annotations

import ast
import base64
import os
import re
from typing import Any

from mcp_notebook.handoff.selection import Variable
from mcp_notebook.runtime.credentials import sounds_secret

from .cells import Statement, parse
from .node import Node, Piece, Trouble
from .secrecy import variable_name

_EVERYWHERE = {"HOME", "PATH", "USER", "TMPDIR", "TEMP", "TMP", "LANG", "SHELL", "PWD", "TZ"}
"""Variables that every machine has."""


class Environment:
    """The variables of one server.

    Args:
        os_name: the name under which ``os`` is imported.
    """

    def __init__(self, os_name: str = "os") -> None:
        self.os_name = os_name
        self.variables: dict[str, Variable] = {}
        self.imports: dict[str, None] = {}

    def variable(self, hint: str, value: str, stands_for: str, *, secret: bool = True) -> str:
        """The variable for a value: the one it has already, or a new one after a name."""
        for known in self.variables.values():
            if known.value == value and known.secret == secret and value:
                return known.name
        wanted = variable_name(hint)
        name, number = wanted, 2
        while name in self.variables:
            name, number = f"{wanted}_{number}", number + 1
        self.variables[name] = Variable(
            name=name, stands_for=stands_for, secret=secret, value=value
        )
        return name

    def name(self, variable: str, value: str, stands_for: str) -> None:
        """Note a secret variable that the notebook names itself, with what it falls back to."""
        held = os.environ.get(variable, value)
        self.variables[variable] = Variable(
            name=variable, stands_for=stands_for or variable, secret=True, value=held
        )

    def reading(self, value: Any, hint: str, stands_for: str) -> str:
        """The expression that gives a value from the environment."""
        if isinstance(value, bytes):
            try:
                text = value.decode("utf-8")
            except UnicodeDecodeError:
                name = self.variable(hint, base64.b64encode(value).decode(), stands_for)
                self.imports["import base64 as _base64"] = None
                return f"_base64.b64decode({self.read(name)})"
            return f"{self.read(self.variable(hint, text, stands_for))}.encode()"
        if isinstance(value, int):
            return f"int({self.read(self.variable(hint, str(value), stands_for))})"
        return self.read(self.variable(hint, str(value), stands_for))

    def read(self, variable: str) -> str:
        """The expression that reads a variable."""
        self.imports[import_os(self)] = None
        return f'{self.os_name}.environ["{variable}"]'

    def note(self, source: str, names: dict[str, Any]) -> None:
        """Note the variables that a text of the notebook reads itself."""
        for variable, stands_for, default in read_in(source):
            if variable in self.variables or variable in _EVERYWHERE:
                continue
            if default and variable not in os.environ:
                continue
            held = names.get(stands_for)
            value = os.environ.get(variable, held if isinstance(held, str) else "")
            self.variables[variable] = Variable(
                name=variable,
                stands_for=stands_for or variable,
                secret=sounds_secret(variable) or sounds_secret(stands_for),
                value=value,
            )


def read_in(source: str) -> list[tuple[str, str, bool]]:
    """The variables that a text reads: name, the name that gets it, whether there is a default."""
    found = []
    tree = parse(source)
    targets: dict[int, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            targets |= {id(inner): node.targets[0].id for inner in ast.walk(node.value)}
    for node in ast.walk(tree):
        key: ast.expr | None = None
        default = False
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            if ast.unparse(node.value).endswith("environ"):
                key = node.slice
        elif isinstance(node, ast.Call) and node.args:
            called = ast.unparse(node.func)
            if called.endswith(("environ.get", "getenv", "environ.pop")):
                key = node.args[0]
                default = True
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            found.append((key.value, targets.get(id(node), ""), default))
    return found


def from_variable(name: str, value: Any, variable: str, environment: Environment) -> Node:
    """A name whose value the user wants from the environment."""
    if not re.fullmatch(r"[A-Za-z_]\w*", variable):
        return Node(
            trouble=Trouble(
                reason=f"{variable} is no name of a variable", ways=(f"--env {name}=NAME",)
            )
        )
    wanted = environment.read(variable)
    held = ""
    if isinstance(value, bool):
        source, held = f'{name} = {wanted}.lower() in ("1", "true", "yes", "on")', str(value)
    elif isinstance(value, int | float):
        source, held = f"{name} = {type(value).__name__}({wanted})", repr(value)
    elif isinstance(value, str):
        source, held = f"{name} = {wanted}", value
    elif isinstance(value, bytes):
        source, held = f"{name} = {wanted}.encode()", value.decode("utf-8", "replace")
    else:
        return Node(
            trouble=Trouble(
                reason=f"{name} is a {type(value).__name__}, and a variable holds text",
                ways=(f"--replace {name}=EXPRESSION",),
            )
        )
    environment.variables[variable] = Variable(
        name=variable,
        stands_for=name,
        secret=sounds_secret(variable) or sounds_secret(name),
        value=held,
    )
    return Node(
        pieces=(Piece(binds=(name,), source=source),),
        remarks=(f"{name} comes from the environment variable {variable}.",),
    )


def import_os(environment: Environment) -> str:
    """The statement that imports ``os`` under the name it has there."""
    alias = environment.os_name
    return "import os" if alias == "os" else f"import os as {alias}"


def settings(statements: list[Statement]) -> dict[str, Statement]:
    """The variables that cells set: ``os.environ["X"] = "..."``, with the newest statement."""
    found: dict[str, Statement] = {}
    for statement in statements:
        node = statement.node
        key: ast.expr | None = None
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            target = node.targets[0]
            key = target.slice if ast.unparse(target.value).endswith("environ") else None
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            call = node.value
            if ast.unparse(call.func).endswith("environ.setdefault") and call.args:
                key = call.args[0]
        if isinstance(key, ast.Constant):
            found[str(key.value)] = statement
    return found
