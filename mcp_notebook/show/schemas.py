"""Reads the fields of a form out of a JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import unquote

from .fields import Field
from .text import clean

MAX_FIELDS: Final = 200
"""A schema whose references unfold to more is filled in as JSON from there on."""
MAX_DEPTH: Final = 6


def fields_of(schema: Mapping[str, Any], *, arguments: bool = False) -> list[Field]:
    """The fields of an object schema, in its order.

    Args:
        schema: the schema; references into itself are followed.
        arguments: whether the fields are arguments of a tool. They are called by their names, as
            in a call, and a list of choices may hold one twice, unless the schema says no: a
            form that shows the choices at once cannot say that.
    """
    return list(_Reader(schema, arguments).fields(schema, (), 0))


class _Reader:
    """Reads fields out of a schema; follows its references, but not for ever.

    Args:
        root: the whole schema, which ``#/...`` leads into.
        arguments: as in :func:`fields_of`.
    """

    def __init__(self, root: Mapping[str, Any], arguments: bool) -> None:
        self._root = root
        self._arguments = arguments
        self._left = MAX_FIELDS

    def fields(self, schema: Any, trail: tuple[str, ...], depth: int) -> tuple[Field, ...]:
        """The fields of an object schema; ``trail`` has the references that led here."""
        spec, trail = self._resolved(schema, trail)
        properties, required = spec.get("properties"), spec.get("required")
        required = required if isinstance(required, list) else []
        if not isinstance(properties, Mapping):
            return ()
        return tuple(
            self.field(str(name), one, name in required, trail, depth)
            for name, one in properties.items()
        )

    def field(
        self, name: str, schema: Any, required: bool, trail: tuple[str, ...], depth: int
    ) -> Field:
        """The field of one property."""
        self._left -= 1
        found, trail = self._resolved(schema, trail)
        spec, nullable = _plain(found)
        spec, trail = self._resolved(spec, trail)
        given = spec.get("type")
        if isinstance(given, list):
            real = [one for one in given if one != "null"]
            nullable |= len(real) < len(given)
            given = real[0] if len(real) == 1 else None
        if self._arguments:
            spec = {key: value for key, value in spec.items() if key != "title"}
        made = Field(name=name, kind="json", schema=spec, required=required, nullable=nullable)
        options = _options(spec)
        if options:
            return replace(made, kind="choice", options=options)
        if given in ("string", "integer", "number", "boolean"):
            return replace(made, kind=str(given))
        if depth >= MAX_DEPTH or self._left < 0 or "$ref" in spec:
            return made
        if given == "array" and isinstance(spec.get("items"), Mapping):
            return self._array(made, trail, depth)
        if given in ("object", None) and spec.get("properties"):
            fields = self.fields(spec, trail, depth + 1)
            return replace(made, kind="object", fields=fields) if fields else made
        return made

    def _array(self, made: Field, trail: tuple[str, ...], depth: int) -> Field:
        item = self.field("item", made.schema["items"], True, trail, depth + 1)
        apart = not self._arguments or made.schema.get("uniqueItems") is True
        if item.kind == "choice" and apart:
            return replace(made, kind="choices", options=item.options)
        # without a choice a question's answer is short: JSON is as quick
        return replace(made, kind="array", item=item) if self._arguments else made

    def _resolved(
        self, schema: Any, trail: tuple[str, ...]
    ) -> tuple[Mapping[str, Any], tuple[str, ...]]:
        """A schema without its reference; one that leads back to itself keeps it."""
        spec: Mapping[str, Any] = schema if isinstance(schema, Mapping) else {}
        while True:
            alone = spec.get("allOf")
            if isinstance(alone, list) and len(alone) == 1 and isinstance(alone[0], Mapping):
                rest = {key: value for key, value in spec.items() if key != "allOf"}
                spec = {**alone[0], **rest}
                continue
            ref = spec.get("$ref")
            target = self._at(ref) if isinstance(ref, str) and ref not in trail else None
            if target is None:
                return spec, trail
            trail = (*trail, str(ref))
            spec = {**target, **{key: value for key, value in spec.items() if key != "$ref"}}

    def _at(self, ref: str) -> Mapping[str, Any] | None:
        """What a reference into this schema leads to."""
        if not ref.startswith("#"):
            return None
        place: Any = self._root
        for step in unquote(ref[1:]).split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            if isinstance(place, Mapping) and step in place:
                place = place[step]
            elif isinstance(place, list) and step.isdecimal() and int(step) < len(place):
                place = place[int(step)]
            else:
                return None
        return place if isinstance(place, Mapping) else None


def _plain(spec: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """A property's schema, and whether it may be null; of one that may, the other half."""
    for key in ("anyOf", "oneOf"):
        either = spec.get(key)
        if isinstance(either, list) and not any(
            isinstance(s, dict) and "const" in s for s in either
        ):
            real = [s for s in either if isinstance(s, Mapping) and s.get("type") != "null"]
            if len(real) == 1:
                rest = {name: value for name, value in spec.items() if name != key}
                return {**real[0], **rest}, len(real) < len(either)
    return spec, False


def _options(spec: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Label and value of each choice: ``enum`` with or without names, ``const`` with a title."""
    for key in ("oneOf", "anyOf"):
        choices = spec.get(key)
        if isinstance(choices, list) and choices:
            found = [c for c in choices if isinstance(c, Mapping) and "const" in c]
            if len(found) == len(choices):
                return tuple((clean(c.get("title", c["const"]), 80), c["const"]) for c in found)
    if "const" in spec:
        return ((_label(spec["const"]), spec["const"]),)
    values = spec.get("enum")
    if not isinstance(values, list):
        return ()
    names = spec.get("enumNames")
    if not isinstance(names, list) or len(names) != len(values):
        names = [_label(value) for value in values]
    return tuple((clean(n, 80), value) for n, value in zip(names, values, strict=True))


def _label(value: Any) -> str:
    """A choice without a name, as JSON has it; a text without its quotes."""
    return clean(value if isinstance(value, str) else json.dumps(value), 80)
