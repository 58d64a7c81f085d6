"""The fields of a form: what each is called, takes and begins with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from .constraints import FORMATS, Problem, check, limits
from .text import clean

MASK: Final = "***"
_OFTEN_HARMLESS: Final = ("key", "keys")
"""Names that give a secret away in a header, and name a place in a store as an argument."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a form.

    Attributes:
        name: the property's name.
        kind: ``string``, ``integer``, ``number``, ``boolean``, ``choice`` (one of the options),
            ``choices`` (any of them), ``object`` (fields of its own), ``array`` (any number of
            one kind of field) or ``json`` (a schema that no form has a field for).
        schema: the property's schema.
        required: whether it must be there.
        options: of a choice, label and value.
        nullable: whether it may be null.
        fields: of an object, its fields.
        item: of an array, the field that each member is.
    """

    name: str
    kind: str
    schema: Mapping[str, Any]
    required: bool = False
    options: tuple[tuple[str, Any], ...] = ()
    nullable: bool = False
    fields: tuple[Field, ...] = ()
    item: Field | None = None

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
            return default if any(same(default, value) for _, value in self.options) else None
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
    def secret(self) -> bool:
        """Whether what stands in it should be seen by nobody."""
        from mcp_notebook.runtime.credentials import sounds_secret

        if self.schema.get("format") == "password" or self.schema.get("writeOnly") is True:
            return True
        name = self.name.lower()
        return self.kind == "string" and name not in _OFTEN_HARMLESS and sounds_secret(self.name)

    @property
    def hints(self) -> list[str]:
        """What a person must know to fill it in."""
        schema = self.schema
        hints = [clean(schema["description"], 300)] if schema.get("description") else []
        if str(schema.get("format")) in FORMATS:
            hints.append(FORMATS[str(schema["format"])])
        elif self.kind in ("integer", "number", "json"):
            hints.append({"integer": "a whole number", "number": "a number"}.get(self.kind, "JSON"))
        return hints + limits(schema)

    def named(self, name: str) -> Field:
        """The same field under another name."""
        return replace(self, name=name)

    def beginning_with(self, value: Any) -> Field:
        """The same field with another value to begin with."""
        return replace(self, schema={**self.schema, "default": value})

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
        if self.kind in ("json", "array", "object"):
            return self.checked(json_of(text))
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
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
        if self.kind == "array" and not isinstance(value, list):
            raise Problem('this must be a list, such as ["a", "b"]')
        if self.kind == "object" and not isinstance(value, dict):
            raise Problem('this must be an object, such as {"name": 1}')
        check(self.kind, value, self.schema)
        return value


def gathered(values: Mapping[str, Any]) -> dict[str, Any]:
    """The content of an answer: what was left out is not in it."""
    return {name: value for name, value in values.items() if value is not None}


def masked(fields: Sequence[Field], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as they may be shown: what is secret is masked."""
    known = {field.name: field for field in fields}
    return {name: _masked(known.get(name), value) for name, value in values.items()}


def _masked(field: Field | None, value: Any) -> Any:
    if field is None or value is None:
        return value
    if field.secret:
        return MASK
    if field.kind == "object" and isinstance(value, dict):
        return masked(field.fields, value)
    if field.kind == "array" and isinstance(value, list):
        return [_masked(field.item, one) for one in value]
    return value


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same in JSON, where ``true`` is not 1."""
    return type(one) is type(other) and bool(one == other)


def _boolean(text: str) -> bool:
    word = text.strip().casefold()
    if word in ("y", "yes", "true", "1"):
        return True
    if word in ("n", "no", "false", "0"):
        return False
    raise Problem("answer yes or no")


def json_of(text: str) -> Any:
    """The value that a JSON text stands for.

    Raises:
        Problem: it is none; says where.
    """
    try:
        return json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise Problem("this is nested too deep") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise Problem(f"this is no JSON: {error.msg}, {place}") from None


def _no_number(_: str) -> Any:
    raise Problem("JSON has no such number")
