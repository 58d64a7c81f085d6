"""How one JSON Schema differs from an older one: what fits it no more, and what fits it now.

A schema that takes less than before breaks those who send; one that takes more breaks those who
receive. What is not understood counts as both.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Schema = Mapping[str, Any]

LESS: Final = "less"
MORE: Final = "more"
OTHER: Final = "other"
WORDS: Final = "words"

_DEPTH: Final = 12
"""Schemas that name themselves are not followed for ever."""

_LOWER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_PLAIN: Final = ("pattern", "format", "multipleOf", "uniqueItems", "const", "contentEncoding")
_TEXTS: Final = ("description", "title", "default", "examples")
_NUMBERS: Final = {"integer", "number"}


@dataclass(frozen=True, kw_only=True)
class Shift:
    """One place where a schema is another.

    Attributes:
        place: where, as one writes it: ``items[].size``; empty for the whole.
        says: what changed, in a few words.
        way: ``less`` fits than before, ``more`` does, ``other``: neither can be said, or
            ``words``: only what a model reads.
    """

    place: str
    says: str
    way: str


def shifts(old: Schema, new: Schema) -> list[Shift]:
    """Where a schema is another than before.

    Args:
        old: as it was.
        new: as it is.
    """
    return list(_compare(old, new, _Place(old, new)))


@dataclass(frozen=True)
class _Place:
    """Where in two schemas a comparison stands."""

    old_root: Schema
    new_root: Schema
    path: str = ""
    depth: int = 0

    def below(self, name: str) -> _Place:
        path = f"{self.path}.{name}" if self.path and name != "[]" else f"{self.path}{name}"
        return _Place(self.old_root, self.new_root, path, self.depth + 1)

    def shift(self, says: str, way: str) -> Shift:
        return Shift(place=self.path, says=says, way=way)


def _compare(old: Any, new: Any, at: _Place) -> Iterator[Shift]:
    old, new = _resolved(old, at.old_root), _resolved(new, at.new_root)
    if _same(old, new) and not _refers(old) and not _refers(new):
        return
    if at.depth > _DEPTH:
        return
    if isinstance(old, bool) or isinstance(new, bool):
        if old is not new:
            yield at.shift("anything goes" if new is True else "changed", _of_truth(old, new))
        return
    yield from _texts(old, new, at)
    if _choices(old) or _choices(new):
        yield from _compare_choices(old, new, at)
        return
    yield from _compare_types(old, new, at)
    yield from _compare_values(old, new, at)
    yield from _compare_limits(old, new, at)
    if "properties" in old or "properties" in new:
        yield from _compare_objects(old, new, at)
    for key in ("items", "additionalProperties"):
        if key in old or key in new:
            yield from _compare(old.get(key, True), new.get(key, True), at.below("[]"))


def _of_truth(old: Any, new: Any) -> str:
    if new is True:
        return MORE
    if new is False:
        return LESS
    return LESS if old is True else MORE


def _texts(old: Schema, new: Schema, at: _Place) -> Iterator[Shift]:
    for key in _TEXTS:
        if not _same(old.get(key), new.get(key)) and not (key == "title" and _generated(old, new)):
            yield at.shift(f"{key}: {_word(old, key)} -> {_word(new, key)}", WORDS)


def _generated(old: Schema, new: Schema) -> bool:
    """Whether nobody wrote these titles: they are made of names."""
    return "title" in old and "title" in new and "description" not in new


def _compare_types(old: Schema, new: Schema, at: _Place) -> Iterator[Shift]:
    before, now = _types(old), _types(new)
    if before == now:
        return
    says = f"type: {_listed(before) or 'any'} -> {_listed(now) or 'any'}"
    if _fits(before, now):
        yield at.shift(says, MORE)
    elif _fits(now, before):
        yield at.shift(says, LESS)
    else:
        yield at.shift(says, OTHER)


def _fits(narrow: set[str], wide: set[str]) -> bool:
    """Whether what has one of these types has one of those; an integer is a number."""
    if not wide:
        return True
    return bool(narrow) and all(
        one in wide or (one == "integer" and "number" in wide) for one in narrow
    )


def _compare_values(old: Schema, new: Schema, at: _Place) -> Iterator[Shift]:
    before, now = old.get("enum"), new.get("enum")
    if isinstance(before, list) and isinstance(now, list):
        gone = [one for one in before if one not in now]
        came = [one for one in now if one not in before]
        if gone:
            yield at.shift(f"no longer one of the values: {_listed(gone)}", LESS)
        if came:
            yield at.shift(f"new among the values: {_listed(came)}", MORE)
    elif isinstance(now, list):
        yield at.shift(f"only these values: {_listed(now)}", LESS)
    elif isinstance(before, list):
        yield at.shift("any value, not only those listed", MORE)


def _compare_limits(old: Schema, new: Schema, at: _Place) -> Iterator[Shift]:
    for keys, stricter in ((_LOWER, 1), (_UPPER, -1)):
        for key in keys:
            before, now = old.get(key), new.get(key)
            if before == now:
                continue
            if before is None or now is None:
                way = LESS if before is None else MORE
            else:
                way = LESS if (now - before) * stricter > 0 else MORE
            yield at.shift(f"{key}: {_word(old, key)} -> {_word(new, key)}", way)
    for key in _PLAIN:
        if not _same(old.get(key), new.get(key)):
            way = LESS if key not in old else MORE if key not in new else OTHER
            yield at.shift(f"{key}: {_word(old, key)} -> {_word(new, key)}", way)


def _compare_objects(old: Schema, new: Schema, at: _Place) -> Iterator[Shift]:
    before, now = old.get("properties") or {}, new.get("properties") or {}
    had, has = set(old.get("required") or ()), set(new.get("required") or ())
    for name in before:
        here = at.below(name)
        if name not in now:
            yield here.shift("is gone", OTHER)
            continue
        if name in has and name not in had:
            yield here.shift("is required now", LESS)
        if name in had and name not in has:
            yield here.shift("is optional now", MORE)
        yield from _compare(before[name], now[name], here)
    for name in now:
        if name not in before:
            required = name in has
            yield at.below(name).shift(
                "is new and required" if required else "is new", LESS if required else MORE
            )


def _compare_choices(old: Schema, new: Schema, at: _Place) -> Iterator[Shift]:
    """Unions: each member that was there must still fit somewhere, and the other way round."""
    before, now = _members(old), _members(new)
    gone = [one for one in before if not any(_accepts(two, one, at, turned=False) for two in now)]
    came = [one for one in now if not any(_accepts(two, one, at, turned=True) for two in before)]
    if gone:
        yield at.shift(f"no longer {_kinds(gone)}", LESS)
    if came:
        yield at.shift(f"also {_kinds(came)}", MORE)


def _accepts(wide: Any, narrow: Any, at: _Place, *, turned: bool) -> bool:
    """Whether whatever fits one schema fits another."""
    roots = (at.new_root, at.old_root) if turned else (at.old_root, at.new_root)
    place = _Place(*roots, depth=at.depth + 1)
    return all(one.way in (MORE, WORDS) for one in _compare(narrow, wide, place))


def _members(schema: Schema) -> list[Any]:
    found = _choices(schema)
    if found:
        return found
    kinds = _types(schema)
    return [{**schema, "type": one} for one in sorted(kinds)] if len(kinds) > 1 else [schema]


def _choices(schema: Schema) -> list[Any]:
    for key in ("anyOf", "oneOf"):
        found = schema.get(key)
        if isinstance(found, list) and found:
            return found
    return []


def _types(schema: Schema) -> set[str]:
    kind = schema.get("type")
    found = set(kind if isinstance(kind, list) else [kind] if kind else [])
    return found - {"integer"} if found >= _NUMBERS else found


def _resolved(schema: Any, root: Schema) -> Any:
    """What a reference into the schema's own definitions stands for."""
    for _ in range(_DEPTH):
        name = schema.get("$ref") if isinstance(schema, Mapping) else None
        if not isinstance(name, str) or not name.startswith("#/"):
            break
        found: Any = root
        for step in name[2:].split("/"):
            found = found.get(step) if isinstance(found, Mapping) else None
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**found, **rest} if isinstance(found, Mapping) else True
    return schema if isinstance(schema, Mapping | bool) else True


def _refers(schema: Any) -> bool:
    """Whether two equal texts may still mean different things: they name definitions."""
    return "$ref" in json.dumps(schema, default=str)


def _same(one: Any, other: Any) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _word(schema: Schema, key: str) -> str:
    return _short(json.dumps(schema[key], ensure_ascii=False)) if key in schema else "none"


def _listed(values: Any) -> str:
    found = sorted(values) if isinstance(values, set) else values
    return _short(", ".join(one if isinstance(one, str) else json.dumps(one) for one in found))


def _kinds(schemas: list[Any]) -> str:
    told = []
    for one in schemas:
        if not isinstance(one, Mapping):
            told.append("anything")
        elif "$ref" in one:
            told.append(str(one["$ref"]).rpartition("/")[2])
        elif "const" in one or "enum" in one:
            told.append(_listed(one.get("enum", [one.get("const")])))
        else:
            told.append(str(one.get("title") or _listed(_types(one)) or "anything"))
    return ", ".join(told)


def _short(text: str, limit: int = 70) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
