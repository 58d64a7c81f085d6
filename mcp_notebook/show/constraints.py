"""What may stand in a field: types, bounds and formats, checked with words for who typed it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeGuard

from .text import clean

FORMATS: Final = {
    "email": "an e-mail address",
    "uri": "an address with its scheme, such as https://",
    "date": "a date, such as 2026-07-28",
    "date-time": "a date with its time, such as 2026-07-28T12:00:00Z",
}
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_BOUNDS: Final = (
    ("minimum", "maximum", ""),
    ("minLength", "maxLength", " characters"),
    ("minItems", "maxItems", " of them"),
)
_BEYOND: Final = (("exclusiveMinimum", "more than"), ("exclusiveMaximum", "less than"))


class Problem(ValueError):
    """What is wrong with a value, for the one who typed it."""


def check(kind: str, value: Any, schema: Mapping[str, Any]) -> None:
    """Say no to a value that may not stand in a field.

    Args:
        kind: the field's kind.
        value: what would be sent.
        schema: the field's schema.

    Raises:
        Problem: it may not.
    """
    _CHECKS.get(kind, _any)(value, schema)


def limits(schema: Mapping[str, Any]) -> list[str]:
    """The bounds and the pattern of a schema in words."""
    said = []
    for least, most, noun in _BOUNDS:
        low, high = schema.get(least), schema.get(most)
        if low is not None and high is not None:
            said.append(f"{clean(low, 30)} to {clean(high, 30)}{noun}")
        elif low is not None:
            said.append(f"at least {clean(low, 30)}{noun}")
        elif high is not None:
            said.append(f"at most {clean(high, 30)}{noun}")
    said += [f"{word} {clean(schema[key], 30)}" for key, word in _BEYOND if key in schema]
    if schema.get("multipleOf") is not None:
        said.append(f"a multiple of {clean(schema['multipleOf'], 30)}")
    if schema.get("uniqueItems") is True:
        said.append("none twice")
    if schema.get("pattern"):
        # shown, not run: a hostile pattern can take for ever
        said.append(f"must match {clean(schema['pattern'], 80)}")
    return said


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
        raise Problem(f"this must be {FORMATS[format]}")


def _number(value: Any, schema: Mapping[str, Any]) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Problem("this must be a number")
    if value != value or value in (float("inf"), float("-inf")):
        raise Problem("JSON has no such number")
    _ranged(value, schema)


def _integer(value: Any, schema: Mapping[str, Any]) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Problem("this must be a whole number")
    _ranged(value, schema)


def _ranged(value: float, schema: Mapping[str, Any]) -> None:
    _bounded(value, schema, "minimum", "maximum", "")
    low, high = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if _is_number(low) and value <= low:
        raise Problem(f"more than {low}")
    if _is_number(high) and value >= high:
        raise Problem(f"less than {high}")


def _many(value: Sequence[Any], schema: Mapping[str, Any]) -> None:
    _bounded(len(value), schema, "minItems", "maxItems", " of them")
    if schema.get("uniqueItems") is True and any(one in value[:i] for i, one in enumerate(value)):
        raise Problem("one of them stands here twice")


def _bounded(n: float, schema: Mapping[str, Any], least: str, most: str, noun: str) -> None:
    low, high = schema.get(least), schema.get(most)
    if _is_number(low) and n < low:
        raise Problem(f"at least {low}{noun}")
    if _is_number(high) and n > high:
        raise Problem(f"at most {high}{noun}")


def _is_number(value: Any) -> TypeGuard[float]:
    """Whether a bound is one: in the first drafts of JSON Schema it could be ``true``."""
    return isinstance(value, int | float) and not isinstance(value, bool)


_CHECKS: Final = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "choices": _many,
    "array": _many,
}
