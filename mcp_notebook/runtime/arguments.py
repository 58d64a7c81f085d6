"""Checks a call's arguments against the tool's schema before anything is sent."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from mcp_notebook.errors import UsageError


def check(tool: str, schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    """Say no to arguments that the schema does not take.

    Args:
        tool: the tool's name.
        schema: its input schema (JSON Schema 2020-12).
        arguments: what would be sent.

    Raises:
        UsageError: an argument is unknown, missing, or of the wrong type.
    """
    properties = schema.get("properties") or {}
    line = signature(tool, schema)
    if properties or schema.get("additionalProperties") is False:
        for name in arguments:
            if name not in properties and not schema.get("patternProperties"):
                if schema.get("additionalProperties") not in (None, False):
                    continue
                near = difflib.get_close_matches(name, properties, n=1)
                did = f"Did you mean {near[0]}? " if near else ""
                raise UsageError(f"{tool} has no argument {name!r}.", hint=f"{did}It is {line}")
    missing = [name for name in schema.get("required") or () if name not in arguments]
    if missing:
        raise UsageError(f"{tool} needs {', '.join(missing)}.", hint=f"It is {line}")
    try:
        json.dumps(arguments)
    except (TypeError, ValueError) as error:
        raise UsageError(f"an argument of {tool} cannot be written as JSON: {error}.") from None
    _types(tool, schema, arguments, line)


def _types(tool: str, schema: Mapping[str, Any], arguments: Mapping[str, Any], line: str) -> None:
    import jsonschema
    import referencing

    try:
        # an empty registry: otherwise a $ref with an address would be fetched
        validator = jsonschema.Draft202012Validator(schema, registry=referencing.Registry())
        problem = jsonschema.exceptions.best_match(validator.iter_errors(dict(arguments)))
    except jsonschema.exceptions.SchemaError:
        return  # a foreign server's broken schema is for the server to judge
    except Exception:  # noqa: BLE001 - because a foreign schema's $ref may lead anywhere
        return
    if problem is not None:
        place = ".".join(str(step) for step in problem.absolute_path) or "the arguments"
        text = problem.message
        text = text if len(text) < 160 else text[:157] + "..."
        raise UsageError(f"{tool}: {place}: {text}.", hint=f"It is {line}")


def signature(tool: str, schema: Mapping[str, Any]) -> str:
    """A tool as a person would call it: ``add(a: integer, b: integer = 3)``."""
    required = schema.get("required") or ()
    parts = []
    for name, spec in (schema.get("properties") or {}).items():
        text = f"{name}: {type_word(spec)}"
        if isinstance(spec, Mapping) and "default" in spec:
            text += f" = {json.dumps(spec['default'])}"
        elif name not in required:
            text += " = ..."
        parts.append(text)
    return f"{tool}({', '.join(parts)})"


def type_word(spec: Any) -> str:
    """A schema's type in a word or two: ``integer``, ``string or null``, ``array of number``."""
    if not isinstance(spec, Mapping):
        return "any"
    if "enum" in spec:
        return " | ".join(json.dumps(v) for v in spec["enum"])
    if "const" in spec:
        return json.dumps(spec["const"])
    for key in ("anyOf", "oneOf"):
        if isinstance(spec.get(key), Sequence):
            return " or ".join(dict.fromkeys(type_word(s) for s in spec[key]))
    kind = spec.get("type")
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind == "array" and isinstance(spec.get("items"), Mapping):
        return f"array of {type_word(spec['items'])}"
    if "$ref" in spec:
        return str(spec["$ref"]).rpartition("/")[2]
    return str(kind or "any")
