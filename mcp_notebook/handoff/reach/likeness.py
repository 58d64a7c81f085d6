"""Whether what the source makes again is like what the notebook holds."""

from __future__ import annotations

import builtins
import collections
import enum
import functools
import queue
import random
import re
import sys
import types
import typing
import weakref
from collections.abc import Callable, Iterable
from typing import Any

from .pure import same

REHEARSED = "__rehearsal__"
"""The name of the module in which source is tried."""

_SCALARS = (str, bytes, int, float, complex, bool, type(None), range, re.Pattern)


class Likeness:
    """Compares two things that were made apart from each other, attribute by attribute.

    Args:
        own: the name of the notebook's module.

    Attributes:
        differs: where they differ, as ``pens`` or ``items[2].price``; empty where nowhere.
    """

    def __init__(self, own: str = "__main__") -> None:
        self.differs = ""
        self._own = {own, REHEARSED}
        self._seen: set[tuple[int, int]] = set()

    def alike(self, one: Any, other: Any, where: str = "") -> bool:
        """Whether they are alike."""
        if one is other or (id(one), id(other)) in self._seen:
            return True
        module = getattr(one, "__globals__", {}).get("__name__", "")
        if other is builtins.open and module.startswith("IPython"):
            return True  # the same but for a warning
        self._seen.add((id(one), id(other)))
        found = self._alike(one, other, where)
        if not found and not self.differs:
            self.differs = where or "its value"
        return found

    def _alike(self, one: Any, other: Any, where: str) -> bool:
        if isinstance(one, type) and isinstance(other, type):
            return self._classes(one, other, where)
        if not self._same_type(type(one), type(other)):
            return False
        if isinstance(one, enum.Enum):
            return bool(one.name == other.name)
        if isinstance(one, _SCALARS):
            return same(one, other)
        if _is_hint(one):
            return typing.get_origin(one) is typing.get_origin(other) and self.alike(
                [*typing.get_args(one), *getattr(one, "__metadata__", ())],
                [*typing.get_args(other), *getattr(other, "__metadata__", ())],
                where,
            )
        for kinds, compare in _KINDS:
            if isinstance(one, kinds):
                return compare(self, one, other, where)
        return self._objects(one, other, where)

    def _lists(self, one: Any, other: Any, where: str) -> bool:
        return len(one) == len(other) and all(
            self.alike(a, b, f"{where}[{n}]")
            for n, (a, b) in enumerate(zip(one, other, strict=True))
        )

    def _partials(self, one: Any, other: Any, where: str) -> bool:
        mine, theirs = ((p.func, p.args, p.keywords) for p in (one, other))
        return self.alike(mine, theirs, where)

    def _methods(self, one: Any, other: Any, where: str) -> bool:
        mine, theirs = ((m.__func__, getattr(m, "__self__", None)) for m in (one, other))
        return self.alike(mine, theirs, where)

    def _library(self, kind: type) -> bool:
        return kind.__module__ not in self._own

    def _same_type(self, one: type, other: type) -> bool:
        return one is other or (
            one.__qualname__ == other.__qualname__
            and (one.__module__ != other.__module__ or not self._library(one))
        )

    def _classes(self, one: type, other: type, where: str) -> bool:
        if one.__qualname__ != other.__qualname__:
            return False
        if self._library(one) and self._library(other) and not _made_by_call(one, other):
            return False  # two classes of a library
        here = {n: v for n, v in vars(one).items() if not _dunder(n) and not callable(v)}
        there = {n: v for n, v in vars(other).items() if not _dunder(n) and not callable(v)}
        plain = {n for n, v in here.items() if isinstance(v, (*_SCALARS, list, dict, set, tuple))}
        return all(
            name in there and self.alike(here[name], there[name], f"{where}.{name}")
            for name in sorted(plain)
        )

    def _functions(self, one: Any, other: Any, where: str) -> bool:
        # the source was chosen by its code; a secret taken out of it makes another code
        if _signed(one.__code__) != _signed(other.__code__):
            return False
        return (
            self.alike(one.__defaults__, other.__defaults__, f"{where}: its defaults")
            and self.alike(one.__kwdefaults__, other.__kwdefaults__, f"{where}: its defaults")
            and self.alike(_closed(one), _closed(other), f"{where}: what it encloses")
            and self.alike(
                {n: v for n, v in vars(one).items() if not _dunder(n)},
                {n: v for n, v in vars(other).items() if not _dunder(n)},
                where,
            )
        )

    def _dicts(self, one: Any, other: Any, where: str) -> bool:
        if len(one) != len(other):
            return False
        for (key, value), (key2, value2) in zip(one.items(), other.items(), strict=True):
            if not self.alike(key, key2, where) or not self.alike(
                value, value2, f"{where}[{key!r}]" if isinstance(key, str | int) else where
            ):
                return False
        return True

    def _objects(self, one: Any, other: Any, where: str) -> bool:
        kind = type(one)
        if isinstance(one, set | frozenset) and not any(_holds_state(v) for v in one):
            return bool(one == other)
        if "__wrapped__" in getattr(one, "__dict__", {}):
            return self.alike(one.__wrapped__, other.__wrapped__, where)
        if self._library(kind):
            told = _equal(one, other)
            return self._by_attributes(one, other, where) if told is None else told
        return self._by_attributes(one, other, where)

    def _by_attributes(self, one: Any, other: Any, where: str) -> bool:
        """Attribute by attribute; of a library's object only where it has some."""
        mine, theirs = dict(_attributes(one)), dict(_attributes(other))
        if mine.keys() != theirs.keys():
            odd = sorted(mine.keys() ^ theirs.keys())
            self.differs = self.differs or f"{where}.{odd[0]}".lstrip(".")
            return False
        return all(
            self.alike(mine[name], theirs[name], f"{where}.{name}".lstrip(".")) for name in mine
        )


def _is_hint(value: Any) -> bool:
    """Whether it is a type with arguments: ``list[int]``, ``Annotated[int, ...]``, ``A | B``."""
    return typing.get_origin(value) is not None


def _made_by_call(one: type, other: type) -> bool:
    """Whether two classes may be one class made twice: ``make_dataclass``, ``type(...)``."""
    return one.__module__ == other.__module__ and getattr(
        sys.modules.get(one.__module__), one.__name__, None
    ) not in (one, other)


def _equal(one: Any, other: Any) -> bool | None:
    """Whether a library says that two things are equal; None where it says nothing of it."""
    try:
        if hasattr(one, "dtype") and hasattr(one, "tobytes"):  # an array
            return bool(
                one.dtype == other.dtype
                and one.shape == other.shape
                and one.tobytes() == other.tobytes()
            )
        if hasattr(one, "equals"):  # a frame
            return bool(one.equals(other))
        if bool(one == other):
            return True
    except Exception:  # noqa: BLE001 - the library's own comparison
        return False
    if hasattr(type(one), "__dataclass_fields__"):
        return None
    compares = any("__eq__" in vars(kind) for kind in type(one).__mro__[:-1])
    return False if compares and not getattr(one, "__dict__", None) else None


def _attributes(value: Any) -> Iterable[tuple[str, Any]]:
    for name, held in getattr(value, "__dict__", {}).items():
        if not name.startswith("__"):
            yield name, held
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, name) and not name.startswith("__"):
                yield name, getattr(value, name)


def _signed(code: types.CodeType) -> tuple[object, ...]:
    return code.co_name, code.co_argcount, code.co_kwonlyargcount, code.co_freevars


def _closed(function: Any) -> list[Any]:
    found = []
    for cell in function.__closure__ or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:  # not filled yet
            found.append(None)
    return found


def _holds_state(value: Any) -> bool:
    return hasattr(value, "__dict__") and not isinstance(value, type | types.FunctionType)


def _dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


_Compare = Callable[[Likeness, Any, Any, str], bool]
_KINDS: tuple[tuple[Any, _Compare], ...] = (
    (types.FunctionType, Likeness._functions),
    ((weakref.WeakKeyDictionary, weakref.WeakValueDictionary), lambda _l, _a, _b, _w: True),
    ((dict, types.MappingProxyType), Likeness._dicts),
    ((list, tuple, collections.deque), Likeness._lists),
    (functools.partial, Likeness._partials),
    (
        types.BuiltinMethodType,
        lambda like, a, b, where: (
            a.__name__ == b.__name__ and like.alike(a.__self__, b.__self__, where)
        ),
    ),
    ((types.MethodType, staticmethod, classmethod), Likeness._methods),
    (random.Random, lambda _l, a, b, _w: bool(a.getstate() == b.getstate())),
    (queue.Queue, lambda like, a, b, where: like.alike(list(a.queue), list(b.queue), where)),
    (
        (typing.TypeVar, typing.ParamSpec, typing.ForwardRef),
        lambda _l, a, b, _w: repr(a) == repr(b),
    ),
)
"""By kind: how two of it are compared."""
