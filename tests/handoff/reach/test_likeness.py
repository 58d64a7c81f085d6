"""Two things that were made apart from each other are compared by what they hold."""

from __future__ import annotations

import functools
import random
import threading
import types
from typing import Annotated, Any

import numpy as np
import pytest

from mcp_notebook.handoff.reach.likeness import Likeness

OWN = "__likeness_of_tests__"
MADE = """
import dataclasses, enum
class Kind(enum.Enum):
    A = 1
class Desk:
    limit = 3
    def __init__(self, pens, lock=None):
        self.pens = pens
        self.lock = lock
@dataclasses.dataclass
class Book:
    title: str
class Slots:
    __slots__ = ("n",)
    def __init__(self, n):
        self.n = n
def make(n):
    def inner(x, seen=[]):
        return x + n
    return inner
"""


def made(name: str) -> Any:
    """The classes above, made once more in a module of their own."""
    module = types.ModuleType(name)
    import sys

    sys.modules[name] = module
    exec(MADE, module.__dict__)
    return module


@pytest.fixture(scope="module")
def both() -> tuple[Any, Any]:
    return made(OWN), made("__another__")


SAME = [
    "[1, 'a', {'k': (2.5, None)}]",
    "m.Kind.A",
    "m.Desk(3)",
    "m.Desk([m.Book('a')], threading.Lock())",
    "m.Slots(1)",
    "m.make(5)",
    "m.Desk",
    "functools.partial(m.make, 3)",
    "np.arange(3)",
    "random.Random(4)",
    "m.Desk(1).__init__",
    "list[m.Desk]",
    "Annotated[int, m.Book('x')]",
    "'{}!'.format",
    "{m.Kind.A: m.Book('a')}",
]
OTHER = [
    ("[1]", "[2]", "[0]"),
    ("{'a': [1, 2]}", "{'a': [1, 3]}", "['a'][1]"),
    ("m.Desk(3)", "m.Desk(4)", "pens"),
    ("m.Desk(m.Book('a'))", "m.Desk(m.Book('b'))", "pens.title"),
    ("m.Slots(1)", "m.Slots(2)", "n"),
    ("m.make(5)", "m.make(6)", ": what it encloses[0]"),
    ("functools.partial(m.make, 3)", "functools.partial(m.make, 4)", "[1][0]"),
    ("np.arange(3)", "np.arange(3.0)", "its value"),
    ("random.Random(4)", "random.Random(5)", "its value"),
    ("1", "True", "its value"),
    ("m.Desk(1)", "m.Book('a')", "its value"),
]


def value(expression: str, module: Any) -> Any:
    known = {"m": module, "functools": functools, "np": np, "random": random}
    return eval(expression, {**known, "threading": threading, "Annotated": Annotated})


@pytest.mark.parametrize("expression", SAME)
def test_what_is_made_twice_is_alike(both: tuple[Any, Any], expression: str) -> None:
    assert Likeness(OWN).alike(value(expression, both[0]), value(expression, both[1]))


@pytest.mark.parametrize(("one", "other", "where"), OTHER)
def test_a_difference_is_found_and_named(
    both: tuple[Any, Any], one: str, other: str, where: str
) -> None:
    likeness = Likeness(OWN)
    assert not likeness.alike(value(one, both[0]), value(other, both[1]))
    assert likeness.differs == where


def test_what_holds_itself_is_compared_to_its_end(both: tuple[Any, Any]) -> None:
    loops = []
    for module in both:
        desk = module.Desk([])
        desk.pens.append(desk)
        loops.append(desk)
    assert Likeness(OWN).alike(*loops)
