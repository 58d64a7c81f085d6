"""What lives in the memory of an exported server, told from its source."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from mcp_notebook.handoff.selection import Shipped
from mcp_notebook.handoff.state import state_of, state_text
from tests.handoff.script.made import Notebook

COUNTER = (
    "class Base:\n    n = 0\n    def up(self) -> int:\n        self.n += 1\n        return self.n",
    "class Counter(Base):\n    def read(self) -> int:\n        return self.n",
    "counter = Counter()",
)


@pytest.mark.parametrize(
    ("cells", "state"),
    [
        (["cart = []", "def tool() -> int:\n    cart.append(1)\n    return len(cart)"], ("cart",)),
        (["n = 0", "def tool() -> int:\n    global n\n    n += 1\n    return n"], ("n",)),
        (["d = {}", "def put(x):\n    d[x] = 1", "def tool() -> None:\n    put(1)"], ("d",)),
        (
            [
                "import itertools",
                "ids = itertools.count()",
                "def tool() -> int:\n    return next(ids)",
            ],
            ("ids",),
        ),
        ([*COUNTER, "def tool() -> int:\n    return counter.up()"], ("counter",)),
        ([*COUNTER, "def tool() -> int:\n    return counter.read()"], ()),
        (["d = {}", "put = lambda x: d.update(x=x)", "def tool() -> None:\n    put(1)"], ("d",)),
        # what is done once, where the server starts, is the same in each process
        (["t = {}", "t['a'] = 1", "def tool() -> int:\n    return t['a']"], ()),
        # a name of the function's own
        (["def tool() -> int:\n    rows = []\n    rows.append(1)\n    return len(rows)"], ()),
        (
            ["rows = (1,)", "def tool() -> int:\n    rows = []\n    rows.append(1)\n    return 1"],
            (),
        ),
    ],
)
def test_what_tools_change_is_state(cells: list[str], state: tuple[str, ...]) -> None:
    assert state_of(Notebook(*cells).part("tool").selection()) == state


def test_a_method_that_is_a_tool_changes_its_object() -> None:
    assert state_of(Notebook(*COUNTER).part("counter.up").selection()) == ("counter",)


def test_a_module_that_travels_along_may_hold_state() -> None:
    notebook = Notebook("def tool() -> int:\n    return 1").part("tool")
    module = Shipped(
        path=PurePosixPath("shop.py"),
        content=b"items = []\n\ndef add(x):\n    items.append(x)\n",
        reason="imported",
    )
    assert state_of(notebook.selection(files=(module,))) == ("shop.items",)


def test_many_names_are_not_all_told() -> None:
    assert state_text(["a"]) == "a lives"
    assert state_text(["a", "b"]) == "a and b live"
    assert state_text("abcdef") == "a, b, c, d and more live"
