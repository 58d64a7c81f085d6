"""Live values as Python: what can be written down so that it is the same again."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import math
import pathlib
import pprint
import re
import types
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_SIZE = 50_000
"""Longer texts are data, not source."""

_WIDTH = 88


class NotWritableError(Exception):
    """A value cannot be written as source; the message says why."""


@dataclass
class Written:
    """A value as source.

    Attributes:
        text: an expression.
        names: the names of the notebook it uses.
        imports: the modules it uses.
    """

    text: str
    names: set[str] = field(default_factory=set)
    imports: set[str] = field(default_factory=set)


def written(
    value: Any,
    known: Callable[[Any], str | None],
    *,
    module: Callable[[str], str] = lambda name: name,
) -> Written:
    """A value as an expression.

    Args:
        value: the value.
        known: gives the notebook's name of a function, a class or a shared value.
        module: gives the name under which a module is imported.

    Raises:
        NotWritableError: it cannot be written.
    """
    found = Written("")
    writer = _Writer(known, found, module)
    shared = isinstance(value, list | dict | set) and (name := known(value)) is not None
    if shared:
        assert name is not None
        found.names.add(name)
        found.text = name
    elif _literal(value, set()) and not _holds_known(value, known):
        found.text = pprint.pformat(value, width=_WIDTH, sort_dicts=False)
    else:
        found.text = writer.write(value, set(), top=True)
    if len(found.text) > MAX_SIZE:
        raise NotWritableError(f"it would be {len(found.text):,} characters of source")
    return found


def numpy_number(value: Any) -> bool:
    """Whether it is a number of numpy, which is not quite one of Python."""
    return type(value).__module__ == "numpy" and type(value).__name__.startswith(
        ("int", "uint", "float", "bool", "complex")
    )


def literal(value: Any) -> bool:
    """Whether a value is made of nothing but literals."""
    return _literal(value, set())


def _literal(value: Any, above: set[int]) -> bool:
    if value is None or type(value) in (bool, int, str, bytes):
        return True
    if type(value) is float:
        return math.isfinite(value)
    if id(value) in above:
        return False
    within = above | {id(value)}
    if type(value) in (list, tuple):
        return all(_literal(v, within) for v in value)
    if type(value) is set:
        return bool(value) and all(_literal(v, within) for v in value)
    if type(value) is dict:
        return all(_literal(k, within) and _literal(v, within) for k, v in value.items())
    return False


def _holds_known(value: Any, known: Callable[[Any], str | None]) -> bool:
    """Whether a list or dict in it has a name of its own, under which others change it."""
    inside = value.values() if isinstance(value, dict) else value
    if not isinstance(value, list | tuple | dict):
        return False
    return any(
        isinstance(v, list | dict | set | tuple)
        and ((not isinstance(v, tuple) and known(v) is not None) or _holds_known(v, known))
        for v in inside
    )


class _Writer:
    def __init__(
        self,
        known: Callable[[Any], str | None],
        found: Written,
        module: Callable[[str], str],
    ) -> None:
        self._known = known
        self._found = found
        self._module = module

    def write(self, value: Any, above: set[int], *, top: bool = False) -> str:
        if not top and (name := self._known(value)) is not None:
            self._found.names.add(name.partition(".")[0])
            return name
        if id(value) in above:
            raise NotWritableError("it holds itself")
        above = above | {id(value)}
        kind = type(value)
        if value is None or kind in (bool, int, str, bytes):
            return repr(value)
        if isinstance(value, enum.Enum):
            return self._enum(value)
        for one, write in _KINDS.items():
            if kind is one or (one is pathlib.PurePath and isinstance(value, one)):
                return write(self, value, above)
        if numpy_number(value):
            inner = self.write(value.item(), above)
            return f"{self.module('numpy')}.{kind.__name__}({inner})"
        if dataclasses.is_dataclass(kind):
            return self._fields(value, [f.name for f in dataclasses.fields(kind) if f.init], above)
        if isinstance(value, tuple) and hasattr(kind, "_fields"):
            return self._fields(value, list(kind._fields), above)
        if hasattr(kind, "model_fields") and hasattr(kind, "model_validate"):
            return self._fields(value, list(kind.model_fields), above)
        raise NotWritableError(f"a {_type_name(kind)} cannot be written as source")

    def all(self, values: Any, above: set[int]) -> str:
        return ", ".join(self.write(v, above) for v in values)

    def pairs(self, value: Mapping[Any, Any], above: set[int]) -> str:
        pairs = (f"{self.write(k, above)}: {self.write(v, above)}" for k, v in value.items())
        return "{" + ", ".join(pairs) + "}"

    def module(self, name: str) -> str:
        self._found.imports.add(name)
        return self._module(name)

    def _class(self, kind: type) -> str:
        name = self._known(kind)
        if name is None:
            raise NotWritableError(f"its class {kind.__name__} has no name in the notebook")
        self._found.names.add(name.partition(".")[0])
        return name

    def _enum(self, value: enum.Enum) -> str:
        name = self._class(type(value))
        if isinstance(value, enum.Flag):
            return f"{name}({value.value!r})"
        return f"{name}.{value.name}"

    def _fields(self, value: Any, fields: list[str], above: set[int]) -> str:
        name = self._class(type(value))
        given = [f"{key}={self.write(getattr(value, key), above)}" for key in fields]
        return f"{name}({', '.join(given)})"


def _float(writer: _Writer, value: float, _above: set[int]) -> str:
    return repr(value) if math.isfinite(value) else f'float("{value}")'


def _tuple(writer: _Writer, value: tuple[Any, ...], above: set[int]) -> str:
    return f"({writer.all(value, above)}{',' if len(value) == 1 else ''})"


def _set(writer: _Writer, value: set[Any], above: set[int]) -> str:
    return "{" + writer.all(value, above) + "}" if value else "set()"


def _path(writer: _Writer, value: pathlib.PurePath, _above: set[int]) -> str:
    kind = "Path" if isinstance(value, pathlib.Path) else "PurePosixPath"
    if isinstance(value, pathlib.PureWindowsPath) and kind == "PurePosixPath":
        kind = "PureWindowsPath"
    return f"{writer.module('pathlib')}.{kind}({str(value)!r})"


def _pattern(writer: _Writer, value: re.Pattern[Any], _above: set[int]) -> str:
    plain = re.compile(value.pattern).flags
    flags = f", {value.flags}" if value.flags != plain else ""
    return f"{writer.module('re')}.compile({value.pattern!r}{flags})"


def _of_datetime(writer: _Writer, value: Any, _above: set[int]) -> str:
    if getattr(value, "tzinfo", None) not in (None, datetime.UTC):
        raise NotWritableError("its time zone cannot be written as source")
    return repr(value).replace("datetime.", writer.module("datetime") + ".")


def _deque(writer: _Writer, value: collections.deque[Any], above: set[int]) -> str:
    limit = f", maxlen={value.maxlen}" if value.maxlen is not None else ""
    return f"{writer.module('collections')}.deque([{writer.all(value, above)}]{limit})"


def _defaultdict(writer: _Writer, value: Any, above: set[int]) -> str:
    factory = value.default_factory
    made = "None" if factory is None else getattr(factory, "__name__", "")
    if factory is not None and (
        made not in ("list", "dict", "set", "int", "str", "float", "tuple", "bool")
        or factory.__module__ != "builtins"
    ):
        made = writer.write(factory, above)
    pairs = writer.pairs(value, above)
    return f"{writer.module('collections')}.defaultdict({made}, {pairs})"


def _module(writer: _Writer, value: types.ModuleType, _above: set[int]) -> str:
    return writer.module(value.__name__)


_KINDS: dict[type, Callable[[_Writer, Any, set[int]], str]] = {
    float: _float,
    complex: lambda _w, v, _a: repr(v),
    tuple: _tuple,
    list: lambda w, v, a: f"[{w.all(v, a)}]",
    dict: lambda w, v, a: w.pairs(v, a),
    set: _set,
    frozenset: lambda w, v, a: f"frozenset({_set(w, set(v), a) if v else ''})",
    bytearray: lambda _w, v, _a: repr(v),
    range: lambda _w, v, _a: repr(v),
    pathlib.PurePath: _path,
    re.Pattern: _pattern,
    decimal.Decimal: lambda w, v, _a: f"{w.module('decimal')}.{v!r}",
    fractions.Fraction: lambda w, v, _a: f"{w.module('fractions')}.{v!r}",
    uuid.UUID: lambda w, v, _a: f"{w.module('uuid')}.{v!r}",
    datetime.date: _of_datetime,
    datetime.datetime: _of_datetime,
    datetime.time: _of_datetime,
    datetime.timedelta: _of_datetime,
    datetime.timezone: _of_datetime,
    collections.Counter: lambda w, v, a: f"{w.module('collections')}.Counter({w.pairs(v, a)})",
    collections.OrderedDict: lambda w, v, a: (
        f"{w.module('collections')}.OrderedDict({w.pairs(v, a)})"
    ),
    collections.deque: _deque,
    collections.defaultdict: _defaultdict,
    types.ModuleType: _module,
}


def _type_name(kind: type) -> str:
    module = kind.__module__.partition(".")[0]
    return kind.__qualname__ if module in ("builtins", "__main__") else f"{module} {kind.__name__}"
