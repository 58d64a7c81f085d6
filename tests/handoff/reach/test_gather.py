"""What is taken runs alone and does the same; what is not taken is not there."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest

from mcp_notebook.handoff.state import state_of
from tests.handoff.reach.stage import Stage, alone, called, source_of


@dataclass(frozen=True, kw_only=True)
class Taken:
    """Cells that leave.

    Attributes:
        cells: in the order they run.
        calls: whose results must be the same in the file.
        has: patterns the file must show.
        lacks: patterns it must not show.
        says: patterns of remarks.
    """

    cells: list[str]
    calls: list[str]
    has: list[str] = field(default_factory=list)
    lacks: list[str] = field(default_factory=list)
    says: list[str] = field(default_factory=list)


TAKEN = {
    "helper_in_another_cell": Taken(
        cells=[
            "import math\nBASE = 3  # the base\nUNUSED = 4",
            "# doubles\ndef twice(x):\n    # inside\n    return 2 * x * BASE",
            "%%mcp tool\ndef area(r: float) -> float:\n    return math.pi * twice(r)",
        ],
        calls=["area(2)"],
        has=["# doubles", "# inside", "# the base", "^import math$"],
        lacks=["UNUSED", "mcp_notebook"],
    ),
    "newest_wins": Taken(
        cells=[
            "def h():\n    return 'old'",
            "%%mcp tool\ndef t() -> str:\n    return h()",
            "def h():\n    return 'new'",
        ],
        calls=["t()"],
        lacks=["old"],
    ),
    "cell_that_failed_later": Taken(
        cells=[
            "def h():\n    return 'one'",
            "%%mcp tool\ndef t() -> str:\n    return h()",
            "1 / 0\ndef h():\n    return 'never'",
        ],
        calls=["t()"],
        lacks=["never"],
    ),
    "cell_that_failed_after_it": Taken(
        cells=[
            "def h():\n    return 'one'",
            "%%mcp tool\ndef t() -> str:\n    return h()",
            "def h():\n    return 'two'\n1 / 0",
        ],
        calls=["t()"],
        has=["two"],
    ),
    "constant_changed_in_place": Taken(
        cells=[
            "CFG = {'a': 1}\nITEMS = [1]",
            "CFG['b'] = 2\nITEMS.append(5)\nITEMS += [7]",
            "%%mcp tool\ndef t() -> int:\n    return CFG['b'] + sum(ITEMS)",
        ],
        calls=["t()"],
        has=[r"CFG\['b'\] = 2", r"ITEMS \+= "],
    ),
    "constant_of_another_time": Taken(
        cells=[
            "N = 2",
            "SQUARE = N * N",
            "N = 3",
            "%%mcp tool\ndef t() -> list[int]:\n    return [N, SQUARE]",
        ],
        calls=["t()"],
        has=["SQUARE = 4"],
        says=["SQUARE was worked out in cell 2"],
    ),
    "state_begins_anew": Taken(
        cells=[
            "counter = 10",
            "%%mcp tool\ndef count() -> int:\n    global counter\n    counter += 1\n"
            "    return counter",
            "count(); count()",
            "counter = 10",
        ],
        calls=["count()", "count()"],
        has=["counter = 10"],
    ),
    "closure": Taken(
        cells=[
            "def make(n):\n    def add(x):\n        return x + n\n    return add",
            "add5 = make(5)",
            "%%mcp tool\ndef t(x: int) -> int:\n    return add5(x)",
        ],
        calls=["t(1)"],
        has=[r"add5 = make\(5\)"],
    ),
    "decorator_that_wraps": Taken(
        cells=[
            "import functools\ndef loud(f):\n    @functools.wraps(f)\n"
            "    def inner(*a, **k):\n        return f(*a, **k) + '!'\n    return inner",
            "@wb.tool\n@loud\ndef hi(name: str) -> str:\n    return name",
        ],
        calls=["hi('x')"],
        has=["@loud\ndef hi"],
        lacks=["wb.tool"],
    ),
    "dataclass_enum_alias": Taken(
        cells=[
            "from dataclasses import dataclass\nfrom enum import Enum\nfrom typing import TypeVar",
            "class Kind(Enum):\n    A = 'a'\n    B = 'b'\nNames = list[str]\nT = TypeVar('T')\n"
            "DEFAULT = Kind.B",
            "@dataclass\nclass P:\n    kind: Kind\n    names: Names\n    up: 'P | None' = None",
            "def first(xs: list[T]) -> T:\n    return xs[0]",
            "%%mcp tool\ndef t(kind: Kind = DEFAULT) -> P:\n    return P(kind, [first(['x'])])",
        ],
        calls=["t().kind.name", "t().names"],
    ),
    "star_import": Taken(
        cells=[
            "from math import *",
            "%%mcp tool\ndef t(x: float) -> float:\n    return sqrt(x) + floor(pi)",
        ],
        calls=["t(4)"],
        has=["from math import sqrt"],
        lacks=[r"import \*"],
    ),
    "conditional_import": Taken(
        cells=[
            "try:\n    import ujson_not_there as json\nexcept ImportError:\n    import json",
            "%%mcp tool\ndef t() -> str:\n    return json.dumps({'a': 1})",
        ],
        calls=["t()"],
        has=["except ImportError"],
    ),
    "magics_in_the_cell": Taken(
        cells=[
            "%load_ext mcp_notebook\n!ls\nRATE = 2\n%time DOUBLE = RATE * 2\nRATE?",
            "%%mcp tool\ndef t() -> int:\n    return RATE + DOUBLE",
        ],
        calls=["t()"],
        lacks=["!ls", "load_ext", "get_ipython"],
    ),
    "mutual_recursion": Taken(
        cells=[
            "def even(n):\n    return n == 0 or odd(n - 1)",
            "def odd(n):\n    return n != 0 and even(n - 1)",
            "%%mcp tool\ndef t(n: int) -> bool:\n    return even(n)",
        ],
        calls=["t(10)"],
    ),
    "redefined_after_its_user": Taken(
        cells=[
            "class Base:\n    def f(self):\n        return 1",
            "def deco(f):\n    return f",
            "%%mcp tool\n@deco\ndef t() -> int:\n    return Child().f()",
            "class Child(Base):\n    pass",
            "def deco(f):\n    return f",
        ],
        calls=["t()"],
    ),
    "lambda_partial_lru": Taken(
        cells=[
            "from functools import lru_cache, partial\ndouble = lambda x: 2 * x",
            "@lru_cache\ndef fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)",
            "power = partial(pow, 2)",
            "%%mcp tool\ndef t(n: int) -> list[int]:\n    return [double(n), fib(n), power(n)]",
        ],
        calls=["t(5)"],
    ),
    "method_as_a_tool": Taken(
        cells=[
            "class Desk:\n    def __init__(self, name):\n        self.name = name\n"
            "    def look(self, n: int) -> str:\n        return f'{self.name}{n}'",
            "desk = Desk('d')",
            "wb.tool(desk.look)",
        ],
        calls=["desk.look(1)"],
    ),
    "unpacked": Taken(
        cells=["A, B = 1, 2", "B = 5", "%%mcp tool\ndef t() -> list[int]:\n    return [A, B]"],
        calls=["t()"],
    ),
    "table_that_decorators_fill": Taken(
        cells=[
            "HANDLERS = {}\ndef handler(kind):\n    def decorate(function):\n"
            "        HANDLERS[kind] = function\n        return function\n    return decorate",
            "@handler('up')\ndef upper(text):\n    return text.upper()",
            "@handler('back')\ndef back(text):\n    return mirrored(text)\n"
            "def mirrored(text):\n    return text[::-1]\ndef unused():\n    return 1",
            "%%mcp tool\ndef t(kind: str) -> str:\n    return HANDLERS[kind]('ab')",
        ],
        calls=["t('up')", "t('back')"],
        lacks=["unused"],
    ),
    "table_of_functions": Taken(
        cells=[
            "import operator\ndef add(a, b):\n    return a + b\n"
            "OPS = {'add': add, 'sub': lambda a, b: a - b, 'max': max}",
            "def mul(a, b):\n    return a * b\nOPS['mul'] = mul",
            "OPS.update(pow=operator.pow)",
            "%%mcp tool\ndef t(op: str) -> int:\n    return OPS[op](3, 2)",
        ],
        calls=[f"t({op!r})" for op in ("add", "sub", "max", "mul", "pow")],
    ),
    "subclasses_that_put_themselves_into_a_table": Taken(
        cells=[
            "class Loader:\n    known = {}\n    def __init_subclass__(cls, kind):\n"
            "        Loader.known[kind] = cls",
            "class Words(Loader, kind='words'):\n    def load(self, text):\n"
            "        return text.split()",
            "%%mcp tool\ndef t(kind: str) -> list[str]:\n"
            "    return Loader.known[kind]().load('a b')",
        ],
        calls=["t('words')"],
    ),
    "wrapped_in_place": Taken(
        cells=[
            "import functools\ndef loud(f):\n    @functools.wraps(f)\n"
            "    def inner(*a):\n        return f(*a).upper()\n    return inner",
            "def hello(name: str) -> str:\n    return name",
            "hello = loud(hello)\n%mcp add hello",
        ],
        calls=["hello('x')"],
        has=["^def hello", r"^hello = loud\(hello\)"],
    ),
    "patched": Taken(
        cells=[
            "class A:\n    def f(self):\n        return 1\n    limit = 1",
            "def two(self):\n    return 2\nA.f = two\nA.limit = 5\nsetattr(A, 'extra', 7)",
            "%%mcp tool\ndef t() -> list[int]:\n    return [A().f(), A.limit, A.extra]",
        ],
        calls=["t()"],
    ),
    "state_of_a_function": Taken(
        cells=[
            "def tick():\n    tick.count += 1\n    return tick.count\ntick.count = 10",
            "%%mcp tool\ndef t() -> int:\n    return tick()",
        ],
        calls=["t()", "t()"],
        has=["tick.count = 10"],
    ),
    "state_of_an_object": Taken(
        cells=[
            "class Store:\n    made = 0\n    def __init__(self):\n        self.items = {}\n"
            "        Store.made += 1\n    def put(self, name):\n"
            "        self.items[name] = self.items.get(name, 0) + 1\n        return self.items",
            "store = Store()",
            "%%mcp tool\ndef t() -> list:\n    return [store.put('pen'), Store.made]",
        ],
        calls=["t()", "t()"],
        has=[r"^store = Store\(\)"],
    ),
    "names_in_hints_alone": Taken(
        cells=[
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
            "    from collections.abc import Sequence",
            "def h(xs: 'Sequence[int]', n: 'Money | None' = None) -> 'Money':\n    return Money()",
            "class Money:\n    value = 3",
            "%%mcp tool\ndef t() -> int:\n    return h([]).value",
        ],
        calls=["t()"],
    ),
    "one_list_with_two_names": Taken(
        cells=[
            "queue = waiting = []\nother = queue",
            "%%mcp tool\ndef t(n: int) -> list:\n    queue.append(n)\n    return [waiting, other]",
        ],
        calls=["t(1)", "t(2)"],
    ),
    "class_of_a_branch": Taken(
        cells=[
            "import sys\nif sys.platform:\n    class Holder:\n        x = 1\n"
            "    def f():\n        return 2\nelse:\n    Holder = f = None",
            "%%mcp tool\ndef t() -> int:\n    return Holder.x + f()",
        ],
        calls=["t()"],
    ),
    "shadowed_builtins": Taken(
        cells=[
            "def sum(xs):\n    return 'mine'\nmax = 3",
            "%%mcp tool\ndef t() -> str:\n    return sum([1]) + str(max) + str(min(1, 2))",
        ],
        calls=["t()"],
    ),
    "objects_of_the_library": Taken(
        cells=[
            "import asyncio, logging, queue, re, threading\nfrom contextvars import ContextVar\n"
            "from decimal import Decimal\nfrom pathlib import Path",
            "lock = threading.RLock()\ngate = asyncio.Semaphore(2)\nuser = ContextVar('user')\n"
            "waiting = queue.Queue()\nlog = logging.getLogger('shop')\n"
            "word = re.compile('[a-z]+', re.I)\nprice = Decimal('1.10')\nroot = Path('data')",
            "%%mcp tool\ndef t() -> str:\n    with lock:\n        waiting.put(1)\n"
            "        return f'{waiting.qsize()} {word.findall(\"aB 1\")} {price} {root} {log.name}'"
            " + user.name + str(gate._value)",
        ],
        calls=["t()"],
    ),
    "values_that_no_statement_gives": Taken(
        cells=[
            "import datetime, uuid\nfrom collections import Counter, deque\nfrom enum import Enum\n"
            "class K(Enum):\n    A = 1\nfrom dataclasses import dataclass\n@dataclass\nclass P:\n"
            "    x: int\n    k: K",
            "def made():\n    return {'when': datetime.date(2026, 1, 2), 'k': {K.A: P(1, K.A)},\n"
            "            'inf': float('inf'), 'c': Counter('aab'), 'd': deque([1], maxlen=2),\n"
            "            'u': uuid.UUID(int=1), 's': {(1,), (2,)}, 'f': frozenset()}",
            "TABLE = made()",
            "%%mcp tool\ndef t() -> str:\n    return repr(TABLE)",
        ],
        calls=["t()"],
        says=["TABLE was worked out in cell 3"],
    ),
    "main_guard": Taken(
        cells=[
            "if __name__ == '__main__':\n    LIMIT = 3",
            "%%mcp tool\ndef t() -> int:\n    return LIMIT",
        ],
        calls=["t()"],
        has=["^LIMIT = 3"],
        lacks=["__main__"],
    ),
}


STATES = {
    "number": ("n = 10", "global n; n += 1; return n"),
    "table": ("seen = {'a': 1}", "seen[len(seen)] = 1; return len(seen)"),
    "object": (
        "class Desk:\n    def __init__(self):\n        self.pens = 3\n"
        "    def take(self):\n        self.pens -= 1\n        return self.pens\ndesk = Desk()",
        "return desk.take()",
    ),
    "class": (
        "class Desk:\n    made = 0\n    def __init__(self):\n        type(self).made += 1",
        "Desk(); return Desk.made",
    ),
    "default": ("def grow(found=[]):\n    found.append(1)\n    return len(found)", "return grow()"),
    "attribute": ("def tick():\n    tick.n += 1\n    return tick.n\ntick.n = 0", "return tick()"),
}


@pytest.mark.parametrize("name", STATES)
def test_what_calls_of_tools_have_changed_begins_anew_and_is_said(stage: Stage, name: str) -> None:
    made, body = STATES[name]
    stage.run(made, f"%%mcp tool\ndef t() -> int:\n    {body}")
    first = stage.names["t"]()
    stage.names["t"]()
    selection = stage.gather()
    assert not selection.obstacles
    assert alone(selection)["t"]() == first
    assert len([told for told in selection.remarks if "is changed by" in told]) == 1
    assert any("the server starts with" in remark for remark in selection.remarks)
    assert state_of(selection), "each process of the server has its own"


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_taken_does_the_same_alone(stage: Stage, name: str) -> None:
    taken = TAKEN[name]
    stage.run(*taken.cells)
    selection = stage.gather()
    source = source_of(selection)
    assert not selection.obstacles
    assert selection.registrations
    for pattern in taken.has:
        assert re.search(pattern, source, re.MULTILINE), (pattern, source)
    for pattern in taken.lacks:
        assert not re.search(pattern, source, re.MULTILINE), (pattern, source)
    for pattern in taken.says:
        assert any(re.search(pattern, remark) for remark in selection.remarks), selection.remarks
    assert called(alone(selection), taken.calls) == called(stage.names, taken.calls)
