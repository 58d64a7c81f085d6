"""Values as source: the name, title, description and hints that a part is registered with."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import BaseModel

from mcp_notebook.errors import UsageError

WIDTH: Final = 100
"""Columns of a line of the written file."""

_PLAIN = (str, bytes, int, float, bool, type(None))


class Unwritable(UsageError):
    """A value has no source that a reader would recognise."""


def literal(value: Any, imports: set[str], column: int = 0) -> str:
    """The source of a value.

    Args:
        value: of plain types, containers of them, enum members and models of the SDK.
        imports: gets the import statements that the source needs.
        column: where its first line starts; following lines are indented for it.

    Raises:
        Unwritable: the value is none of these.
    """
    if isinstance(value, enum.Enum):
        imports.add(f"from {type(value).__module__} import {type(value).__name__}")
        return f"{type(value).__name__}.{value.name}"
    if type(value) is str:
        return _text(value, column)
    if type(value) in _PLAIN:
        return repr(value)
    if isinstance(value, BaseModel) and type(value).__module__.startswith("mcp"):
        return _model(value, imports, column)
    if isinstance(value, Mapping):
        pairs = [
            f"{literal(key, imports)}: {literal(each, imports, column + 4)}"
            for key, each in value.items()
        ]
        return bracketed("{", pairs, "}", column)
    if type(value) in (list, tuple):
        opening, closing = "[]" if type(value) is list else "()"
        items = [literal(each, imports, column + 4) for each in value]
        if len(items) == 1 and type(value) is tuple:
            return f"({items[0]},)"
        return bracketed(opening, items, closing, column)
    raise Unwritable(f"{value!r} cannot be written as source.", hint="Use plain values.")


def call(function: str, arguments: Iterable[str], column: int = 0, *, behind: int = 0) -> str:
    """A call, on one line where it fits with what stands behind it."""
    return bracketed(f"{function}(", list(arguments), ")", column, behind)


def bracketed(opening: str, items: list[str], closing: str, column: int, behind: int = 0) -> str:
    """Items between brackets: on one line where they fit, else one a line."""
    line = opening + ", ".join(items) + closing
    if "\n" not in line and column + len(line) + behind <= WIDTH:
        return line
    indent = " " * (column // 4 * 4)
    inner = "".join(f"{indent}    {item},\n" for item in items)
    return f"{opening}\n{inner}{indent}{closing}"


def quoted(text: str) -> str:
    """A string literal on one line, in double quotes where that needs no more escapes."""
    shown = repr(text)
    if shown[0] == "'" and '"' not in shown:
        shown = f'"{shown[1:-1]}"'
    return shown.replace("\\'", "'") if shown[0] == '"' else shown


def _text(text: str, column: int) -> str:
    """A string, in several pieces where it has lines or is long."""
    if len(quoted(text)) + column + 24 <= WIDTH:
        return quoted(text)
    room = max(WIDTH - column - 12, 40)
    pieces = [piece for line in text.splitlines(keepends=True) for piece in _broken(line, room)]
    if len(pieces) == 1:
        return quoted(text)
    indent = " " * (column // 4 * 4)
    inner = "".join(f"{indent}    {quoted(piece)}\n" for piece in pieces)
    return f"(\n{inner}{indent})"


def _broken(line: str, room: int) -> list[str]:
    """A line in pieces that end at spaces."""
    pieces = []
    while len(line) > room and (cut := line.rfind(" ", 0, room) + 1):
        pieces.append(line[:cut])
        line = line[cut:]
    return [*pieces, line]


def _model(value: BaseModel, imports: set[str], column: int) -> str:
    """A model of the SDK with what it was given."""
    kind = type(value)
    module = "mcp_types" if kind.__module__.startswith("mcp_types") else kind.__module__
    imports.add(f"from {module} import {kind.__name__}")
    given = [name for name in kind.model_fields if name in value.model_fields_set]
    arguments = [f"{name}={literal(getattr(value, name), imports, column + 4)}" for name in given]
    arguments += [
        f"{name}={literal(each, imports, column + 4)}"
        for name, each in (value.model_extra or {}).items()
    ]
    return call(kind.__name__, arguments, column)
