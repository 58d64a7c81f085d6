"""One tool as a model sees it, and the ``%mcp call`` line of a call."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .fields import MASK, Field
from .markup import Bundle, Html, bundle, code, faint, line, pre, strong
from .text import clean, lines

_PLAIN_NAME = re.compile(r"[\w./][\w./-]*")


def tool_page(tool: Any, connection: str) -> Bundle:
    """Name, description, schemas and annotations of a tool, whole.

    Args:
        tool: the tool as the server listed it.
        connection: the name of the connection it was listed on.
    """
    from mcp_notebook.runtime.arguments import signature

    schema = tool.input_schema or {}
    spelled = clean(signature(tool.name, schema), 400)
    title = clean(tool.title, 120) if tool.title and tool.title != tool.name else ""
    about = lines((tool.description or "").strip()) or "no description: a model sees only the name"
    annotations = tool.annotations.model_dump(exclude_none=True) if tool.annotations else {}
    hints = ", ".join(f"{clean(k, 40)}: {clean(v, 80)}" for k, v in annotations.items())
    schemas = [("input schema", schema), ("output schema", tool.output_schema)]
    shown = [(name, _json(one)) for name, one in schemas if one]
    where = f"a tool of {clean(connection, 60)}"
    plain = [spelled, *([title] if title else []), f"  ({where})", _indented(about)]
    plain += [f"  {hints}"] if hints else []
    for name, text in shown:
        plain += [f"  {name}", _indented(text, 4)]
    parts: list[Html] = [line(strong(code(spelled)), faint(f" {where}"))]
    parts += [line(title)] if title else []
    parts += [pre(about)] if "\n" in about else [line(about)]
    parts += [line(faint(hints))] if hints else []
    parts += [_folded(name, text) for name, text in shown]
    return bundle("\n".join(plain), *parts)


def call_line(
    tool: str, arguments: Mapping[str, Any], fields: Sequence[Field] = (), on: str = ""
) -> str:
    """The line that makes the same call; for a secret it has a variable of the field's name.

    Args:
        tool: the tool's name.
        arguments: by name.
        fields: the fields they came from; tells which are secret.
        on: the name of the connection, where the line should name it.

    Returns:
        A line, a cell of several lines, or nothing where no line can spell the tool's name.
    """
    given = _without_secrets(fields, arguments)
    tail = f" --on {on}" if on else ""
    if _PLAIN_NAME.fullmatch(tool):
        named = [f"{k}={v!r}" for k, v in given.items() if _is_name(k)]
        rest = {k: v for k, v in given.items() if not _is_name(k)}
        named += [f"**{rest!r}"] if rest else []
        return f"%mcp call {tool}({', '.join(named)}){tail}"
    quote = "'" if "'" not in tool else '"'
    if quote in tool or not tool.isprintable():
        return ""
    body = json.dumps(_spelled_out(given), indent=2)
    return f"%%mcp call {quote}{tool}{quote}{tail}\n{body}"


class _Variable(str):
    """A Python variable in the place of a secret."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _without_secrets(fields: Sequence[Field], values: Mapping[str, Any]) -> dict[str, Any]:
    known = {field.name: field for field in fields}
    return {name: _hidden(known.get(name), value) for name, value in values.items()}


def _hidden(field: Field | None, value: Any) -> Any:
    if field is None or value is None:
        return value
    if field.secret:
        return _Variable(field.name if _is_name(field.name) else "secret")
    if field.kind == "object" and isinstance(value, dict):
        return _without_secrets(field.fields, value)
    if field.kind == "array" and isinstance(value, list):
        return [_hidden(field.item, one) for one in value]
    return value


def _spelled_out(value: Any) -> Any:
    """Values for JSON, which has no variables."""
    if isinstance(value, _Variable):
        return MASK
    if isinstance(value, dict):
        return {name: _spelled_out(one) for name, one in value.items()}
    return [_spelled_out(one) for one in value] if isinstance(value, list) else value


def _is_name(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text)


def _json(value: Any) -> str:
    try:
        return lines(json.dumps(value, indent=2, ensure_ascii=False))
    except (TypeError, ValueError, RecursionError):
        return clean(repr(value), 400)


def _indented(text: str, by: int = 2) -> str:
    return "\n".join((" " * by + part).rstrip() for part in text.split("\n"))


def _folded(name: str, text: str) -> Html:
    from .elements import folded

    return folded(name, pre(text))
