"""The body of a ``%%mcp call`` cell as the arguments of a tool."""

from __future__ import annotations

import ast
import warnings
from typing import Any

from mcp_notebook.errors import UsageError

from . import grammar

_EXAMPLE = 'For example {"a": 2, "b": 3}'


def body_arguments(body: str, names: dict[str, Any], tool: str) -> dict[str, Any]:
    """The arguments in a body: JSON, a Python dict, or ``name = value`` line by line.

    Raises:
        UsageError: it is none of them.
    """
    if not body.strip():
        return {}
    found: Any
    try:
        found = grammar.from_json(body)
    except ValueError:
        try:
            found = _assigned(body, names)
            if found is None:
                found = eval(compile(body.strip(), "<cell>", "eval"), names)
        except Exception as error:
            raise UsageError(
                f"the body is neither JSON nor a Python dict: {type(error).__name__}: {error}",
                hint=_EXAMPLE,
            ) from error
    if not isinstance(found, dict):
        raise UsageError(
            f"the body of {tool} is a {type(found).__name__}, not an object.", hint=_EXAMPLE
        )
    return found


def _assigned(body: str, names: dict[str, Any]) -> dict[str, Any] | None:
    """What a body of nothing but assignments assigns; none of it reaches the notebook."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # evaluating a dict warns, once
            steps = ast.parse(body).body
    except SyntaxError:
        return None
    values: dict[str, ast.expr] = {}
    for step in steps:
        if not isinstance(step, ast.Assign) or len(step.targets) != 1:
            return None
        target = step.targets[0]
        if not isinstance(target, ast.Name):
            return None
        values[target.id] = step.value
    found: dict[str, Any] = {}
    for name, value in values.items():
        found[name] = eval(compile(ast.Expression(value), "<cell>", "eval"), {**names, **found})
    return found
