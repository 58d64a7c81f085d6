"""The fields of a question's form, read from its JSON Schema, and what may stand in them."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .text import clean

_FORMATS: Final = {
    "email": "an e-mail address",
    "uri": "an address with its scheme, such as https://",
    "date": "a date, such as 2026-07-28",
    "date-time": "a date with its time, such as 2026-07-28T12:00:00Z",
}
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")


class Problem(ValueError):
    """What is wrong with a value, for the one who typed it."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a form.

    Attributes:
        name: the property's name.
        kind: ``string``, ``integer``, ``number``, ``boolean``, ``choice`` (one of the options),
            ``choices`` (any of them) or ``json`` (a schema that no form has a field for).
        schema: the property's schema.
        required: whether it must be there.
        options: of a choice, label and value.
    """

    name: str
    kind: str
    schema: Mapping[str, Any]
    required: bool = False
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def title(self) -> str:
        """What the field is called."""
        return clean(self.schema.get("title") or self.name, 80)

    @property
    def has_default(self) -> bool:
        """Whether the schema gives a value to begin with."""
        return self.schema.get("default") is not None

    @property
    def default(self) -> Any:
        """The value to begin with, ``None`` where there is none that can be chosen."""
        default = self.schema.get("default")
        if self.kind == "choice":
            return default if any(default == value for _, value in self.options) else None
        if self.kind == "choices":
            given = default if isinstance(default, list) else []
            return [value for _, value in self.options if value in given]
        return default

    @property
    def default_text(self) -> str:
        """The value to begin with, as it would be typed."""
        default = self.default
        if default is None:
            return ""
        text = default if isinstance(default, str) else json.dumps(default, ensure_ascii=False)
        return text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate cannot travel

    @property
    def hints(self) -> list[str]:
        """What a person must know to fill it in."""
        schema = self.schema
        hints = [clean(schema["description"], 300)] if schema.get("description") else []
        if str(schema.get("format")) in _FORMATS:
            hints.append(_FORMATS[str(schema["format"])])
        elif self.kind in ("integer", "number", "json"):
            hints.append({"integer": "a whole number", "number": "a number"}.get(self.kind, "JSON"))
        for least, most, noun in _BOUNDS:
            low, high = schema.get(least), schema.get(most)
            if low is not None and high is not None:
                hints.append(f"{clean(low, 30)} to {clean(high, 30)}{noun}")
            elif low is not None:
                hints.append(f"at least {clean(low, 30)}{noun}")
            elif high is not None:
                hints.append(f"at most {clean(high, 30)}{noun}")
        if schema.get("pattern"):
            # shown, not run: a hostile pattern can take for ever
            hints.append(f"must match {clean(schema['pattern'], 80)}")
        return hints

    def typed(self, text: str) -> Any:
        """The value that a typed text stands for; ``None`` for nothing.

        Raises:
            Problem: it stands for none that fits.
        """
        if not text.strip():
            return self.checked(None)
        if self.kind == "string":
            return self.checked(text)
        if self.kind == "boolean":
            return self.checked(_boolean(text))
        if self.kind == "choice":
            return self.checked(self._option(text))
        if self.kind == "choices":
            return self.checked([self._option(part) for part in text.split(",") if part.strip()])
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        if self.kind == "integer" and isinstance(value, float) and value.is_integer():
            value = int(value)
        return self.checked(value)

    def _option(self, text: str) -> Any:
        text = text.strip()
        for label, value in self.options:
            if text in (label, str(value)):
                return value
        if text.isdecimal() and 1 <= int(text) <= len(self.options):
            return self.options[int(text) - 1][1]
        raise Problem(f"choose one of {', '.join(label for label, _ in self.options)}")

    def checked(self, value: Any) -> Any:
        """The value itself, if it may stand here.

        Raises:
            Problem: it may not.
        """
        if value is None:
            if self.required:
                raise Problem("this is required")
            return None
        _CHECKS.get(self.kind, _any)(value, self.schema)
        return value


_BOUNDS: Final = (
    ("minimum", "maximum", ""),
    ("minLength", "maxLength", " characters"),
    ("minItems", "maxItems", " of them"),
)


def fields_of(schema: Mapping[str, Any]) -> list[Field]:
    """The fields of an object schema, in its order."""
    properties = schema.get("properties")
    required = schema.get("required")
    required = required if isinstance(required, list) else []
    return [
        _field(str(name), _plain(spec), name in required)
        for name, spec in (properties.items() if isinstance(properties, Mapping) else ())
    ]


def gathered(values: Mapping[str, Any]) -> dict[str, Any]:
    """The content of an answer: what was left out is not in it."""
    return {name: value for name, value in values.items() if value is not None}


def _plain(spec: Any) -> Mapping[str, Any]:
    """A property's schema; of one that may be null, the other half."""
    if not isinstance(spec, Mapping):
        return {}
    either = spec.get("anyOf")
    if isinstance(either, list) and not any(isinstance(s, dict) and "const" in s for s in either):
        real = [s for s in either if isinstance(s, Mapping) and s.get("type") != "null"]
        if len(real) == 1:
            return {**spec, **real[0]}
    return spec


def _field(name: str, spec: Mapping[str, Any], required: bool) -> Field:
    given = spec.get("type")
    if isinstance(given, list) and len(real := [one for one in given if one != "null"]) == 1:
        given = real[0]
    kind = str(given)
    options = _options(spec)
    if options:
        kind = "choice"
    elif kind == "array" and isinstance(spec.get("items"), Mapping):
        options = _options(spec["items"])
        kind = "choices" if options else "json"
    elif kind not in ("string", "integer", "number", "boolean"):
        kind = "json"
    return Field(name=name, kind=kind, schema=spec, required=required, options=options)


def _options(spec: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Label and value of each choice: ``enum`` with or without names, ``const`` with a title."""
    for key in ("oneOf", "anyOf"):
        choices = spec.get(key)
        if isinstance(choices, list) and choices:
            found = [c for c in choices if isinstance(c, Mapping) and "const" in c]
            if len(found) == len(choices):
                return tuple((clean(c.get("title", c["const"]), 80), c["const"]) for c in found)
    values = spec.get("enum")
    if not isinstance(values, list):
        return ()
    names = spec.get("enumNames")
    if not isinstance(names, list) or len(names) != len(values):
        names = values
    return tuple((clean(n, 80), value) for n, value in zip(names, values, strict=True))


def _boolean(text: str) -> bool:
    word = text.strip().casefold()
    if word in ("y", "yes", "true", "1"):
        return True
    if word in ("n", "no", "false", "0"):
        return False
    raise Problem("answer yes or no")


def _any(_value: Any, _schema: Mapping[str, Any]) -> None:
    """Nothing is known of it: the server judges."""


def _string(value: Any, schema: Mapping[str, Any]) -> None:
    if not isinstance(value, str):
        raise Problem("this must be a text")
    _bounded(len(value), schema, "minLength", "maxLength", " characters")
    _formatted(value, str(schema.get("format")))


def _formatted(value: str, format: str) -> None:
    fits = True
    if format == "email":
        fits = _EMAIL.fullmatch(value) is not None
    elif format == "uri":
        fits = _URI.fullmatch(value) is not None
    elif format in ("date", "date-time"):
        read = datetime.date if format == "date" else datetime.datetime
        try:
            read.fromisoformat(value)
        except ValueError:
            fits = False
    if not fits:
        raise Problem(f"this must be {_FORMATS[format]}")


def _number(value: Any, schema: Mapping[str, Any]) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Problem("this must be a number")
    if value != value or value in (float("inf"), float("-inf")):
        raise Problem("JSON has no such number")
    _bounded(value, schema, "minimum", "maximum", "")


def _integer(value: Any, schema: Mapping[str, Any]) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Problem("this must be a whole number")
    _bounded(value, schema, "minimum", "maximum", "")


def _many(value: Sequence[Any], schema: Mapping[str, Any]) -> None:
    _bounded(len(value), schema, "minItems", "maxItems", " of them")


def _bounded(n: float, schema: Mapping[str, Any], least: str, most: str, noun: str) -> None:
    low, high = schema.get(least), schema.get(most)
    if isinstance(low, int | float) and n < low:
        raise Problem(f"at least {low}{noun}")
    if isinstance(high, int | float) and n > high:
        raise Problem(f"at most {high}{noun}")


_CHECKS: Final = {"string": _string, "integer": _integer, "number": _number, "choices": _many}
