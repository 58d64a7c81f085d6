"""What a server offers, as a model sees it: signatures, descriptions, and what is missing."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .markup import Bundle, Html, bundle, code, columns, faint, joined, line, strong, table
from .text import clean, count_text

if TYPE_CHECKING:
    from mcp_notebook.runtime.results import Listing
    from mcp_notebook.runtime.server import Change, Part

_TEXT = 200
"""How much of a description is shown."""


def listing(found: Listing, *, stable: bool = False) -> Bundle:
    """Tools, resources or prompts of a server."""
    where = clean(found.connection, 60)
    title = f"{count_text(len(found), found.kind)} of {where}"
    if not found:
        return bundle(f"no {found.kind}s on {where}")
    describe = {"tool": _tool, "resource": _resource, "prompt": _prompt}[found.kind]
    rows = [describe(item) for item in found]
    plain = [title]
    for spelled, about, missing in rows:
        plain.append(f"  {spelled}")
        plain += [f"      {part}" for part in (about, *missing) if part]
    shown = [
        (code(spelled), joined([line(about), *(line(faint(m)) for m in missing)]))
        for spelled, about, missing in rows
    ]
    return bundle("\n".join(plain), line(strong(title)), table((found.kind, "description"), shown))


def changes(found: Sequence[Change], *, stable: bool = False) -> Bundle:
    """What defining or removing did, each part as a model will see it."""
    if not found:
        return bundle("nothing changed")
    rows, plain = [], []
    for change in found:
        spelled, about, hints = _part(change.part)
        if change.what == "removed":
            about, hints = "", []
        rows.append((change.part.kind, change.what, spelled, about, hints))
    heads = columns([row[:3] for row in rows]).split("\n")
    for head, (*_, about, hints) in zip(heads, rows, strict=True):
        plain.append(head)
        plain += [f"    {part}" for part in (about, *hints) if part]
    shown = [
        (kind, what, code(spelled), _about(about, hints))
        for kind, what, spelled, about, hints in rows
    ]
    return bundle("\n".join(plain), table(("", "", "as a model sees it", ""), shown))


def _about(about: str, hints: Sequence[str]) -> Html:
    return joined([line(about) if about else "", *(line(faint(hint)) for hint in hints)])


def _tool(tool: Any) -> tuple[str, str, list[str]]:
    schema = tool.input_schema or {}
    missing = []
    if not (tool.description or "").strip():
        missing.append("no description")
    undescribed = _undescribed(schema)
    if undescribed:
        names = clean(", ".join(undescribed), 120)
        several = len(undescribed) > 1
        missing.append(
            f"argument{'s' * several} {names} {'have' if several else 'has'} no description"
        )
    return _spelled(tool.name, schema), _first_line(tool.description), missing


def _resource(resource: Any) -> tuple[str, str, list[str]]:
    uri = getattr(resource, "uri", None) or getattr(resource, "uri_template", "")
    kind = clean(resource.mime_type, 60) if resource.mime_type else ""
    about = _first_line(resource.description)
    missing = [] if about else ["no description"]
    return clean(uri, _TEXT), ", ".join(part for part in (about, kind) if part), missing


def _prompt(prompt: Any) -> tuple[str, str, list[str]]:
    given = [a.name if a.required else f"{a.name} = ..." for a in prompt.arguments or ()]
    about = _first_line(prompt.description)
    return (
        clean(f"{prompt.name}({', '.join(given)})", _TEXT),
        about,
        [] if about else ["no description"],
    )


def _part(part: Part) -> tuple[str, str, list[str]]:
    about = _first_line(part.options.get("description") or inspect.getdoc(part.function))
    hints = [] if about else ["no description: add a docstring"]
    if part.kind == "resource":
        return clean(part.name, _TEXT), about, hints
    if part.kind == "prompt":
        names = ", ".join(inspect.signature(part.function).parameters)
        return clean(f"{part.name}({names})", _TEXT), about, hints
    schema = _schema(part)
    hints += [
        f"argument {clean(name, 60)} has no description: "
        f"Annotated[{_annotation(part.function, name)}, Field(description=...)]"
        for name in _undescribed(schema)
    ]
    return _spelled(part.name, schema), about, hints


def _schema(part: Part) -> Mapping[str, Any]:
    """The input schema that the SDK makes of a function."""
    from mcp_notebook.runtime import sdk

    try:
        # a name of our own: the SDK has already said what it thinks of an odd one
        return sdk.make_tool(part.function, name="tool").parameters
    except Exception:  # noqa: BLE001 - because a removed tool of a foreign server may have no schema of its own
        return {}


def _annotation(function: Callable[..., Any], name: str) -> str:
    parameter = inspect.signature(function).parameters.get(name)
    if parameter is None or parameter.annotation is inspect.Parameter.empty:
        return "str"
    if isinstance(parameter.annotation, str):
        return clean(parameter.annotation, 60)
    return clean(inspect.formatannotation(parameter.annotation), 60)


def _spelled(name: str, schema: Mapping[str, Any]) -> str:
    from mcp_notebook.runtime.arguments import signature

    return clean(signature(name, schema), _TEXT)


def _undescribed(schema: Mapping[str, Any]) -> list[str]:
    properties = schema.get("properties") or {}
    return [
        str(name)
        for name, spec in properties.items()
        if not (isinstance(spec, Mapping) and spec.get("description"))
    ]


def _first_line(text: str | None) -> str:
    return clean((text or "").strip().partition("\n")[0], _TEXT)
