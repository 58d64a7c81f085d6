"""Checks a call's arguments against the tool's schema before anything is sent."""

from __future__ import annotations

import difflib
import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mcp_notebook.errors import UsageError

MOST_KEPT = 64
"""Validators that are kept."""


def check(tool: str, schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    """Say no to arguments that the schema does not take.

    Args:
        tool: the tool's name.
        schema: its input schema (JSON Schema 2020-12).
        arguments: what would be sent.

    Raises:
        UsageError: an argument is unknown, missing, or of the wrong type.
    """
    known = _validators.get(id(schema))
    if known is not None and known.plainly_fits(arguments):
        return
    properties = schema.get("properties") or {}
    if properties or schema.get("additionalProperties") is False:
        for name in arguments:
            if name not in properties and not schema.get("patternProperties"):
                if schema.get("additionalProperties") not in (None, False):
                    continue
                near = difflib.get_close_matches(name, properties, n=1)
                did = f"Did you mean {near[0]}? " if near else ""
                raise UsageError(
                    f"{tool} has no argument {name!r}.",
                    hint=f"{did}It is {signature(tool, schema)}",
                )
    missing = [name for name in schema.get("required") or () if name not in arguments]
    if missing:
        raise UsageError(
            f"{tool} needs {', '.join(missing)}.", hint=f"It is {signature(tool, schema)}"
        )
    try:
        json.dumps(arguments)
    except (TypeError, ValueError) as error:
        raise UsageError(f"an argument of {tool} cannot be written as JSON: {error}.") from None
    _types(tool, schema, arguments)


_PLAIN: Final[dict[Any, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
_SAYS_NOTHING: Final = {"title", "description", "default", "examples"}
"""Words of a schema that forbid no value."""

_OF_AN_OBJECT: Final = {"type", "properties", "required", "additionalProperties", "$schema"}
"""Words that are looked at before the types."""


class _Validator:
    """What a schema takes, made once: a look at types where that says it all."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        import jsonschema
        import referencing

        self.schema = schema  # kept, so that no other schema can have its id
        # an empty registry: otherwise a $ref with an address would be fetched
        self._whole = jsonschema.Draft202012Validator(schema, registry=referencing.Registry())
        self._best = jsonschema.exceptions.best_match
        self._types = _plain_types(schema)
        self._required = schema.get("required") or ()

    def plainly_fits(self, arguments: Mapping[str, Any]) -> bool:
        """Whether a look at names and types is enough: most calls pass a text or a number."""
        types = self._types
        return all(type(value) in types.get(name, ()) for name, value in arguments.items()) and all(
            name in arguments for name in self._required
        )

    def problem(self, arguments: Mapping[str, Any]) -> Any:
        """What jsonschema says against the arguments; ``None`` where nothing."""
        types = self._types
        if all(type(value) in types.get(name, ()) for name, value in arguments.items()):
            return None
        return self._best(self._whole.iter_errors(dict(arguments)))


def _plain_types(schema: Mapping[str, Any]) -> dict[str, tuple[type, ...]]:
    """The types of the arguments that nothing but a type is asked of."""
    if set(schema) - _OF_AN_OBJECT - _SAYS_NOTHING or schema.get("type", "object") != "object":
        return {}
    return {
        name: _PLAIN[kind]
        for name, spec in (schema.get("properties") or {}).items()
        if isinstance(spec, Mapping) and not set(spec) - _SAYS_NOTHING - {"type"}
        if isinstance(kind := spec.get("type"), str) and kind in _PLAIN
    }


_validators: OrderedDict[int, _Validator] = OrderedDict()
"""By the identity of their schemas, the newest."""


def _validator(schema: Mapping[str, Any]) -> _Validator:
    known = _validators.get(id(schema))
    if known is None:
        known = _validators[id(schema)] = _Validator(schema)
        while len(_validators) > MOST_KEPT:
            _validators.popitem(last=False)
    return known


def _types(tool: str, schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    try:
        problem = _validator(schema).problem(arguments)
    except Exception:  # noqa: BLE001 - because a foreign schema may be broken, its $ref lead anywhere
        return  # it is for the server to judge
    if problem is not None:
        place = ".".join(str(step) for step in problem.absolute_path) or "the arguments"
        text = problem.message
        text = text if len(text) < 160 else text[:157] + "..."
        raise UsageError(f"{tool}: {place}: {text}.", hint=f"It is {signature(tool, schema)}")


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
