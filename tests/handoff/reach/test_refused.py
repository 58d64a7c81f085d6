"""What cannot leave is said with the tool that reaches it, the way, a reason and a way out."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from tests.handoff.reach.stage import Stage, alone, called, source_of


@dataclass(frozen=True, kw_only=True)
class Refused:
    """Cells that do not leave.

    Attributes:
        cells: in the order they run.
        through: the names on the way, the last one cannot leave.
        reason: a pattern.
        way: a pattern that one of the ways out shows.
    """

    cells: list[str]
    through: tuple[str, ...]
    reason: str
    way: str = "."


def tool(body: str) -> str:
    return f"%%mcp tool\ndef t(n: int = 1) -> str:\n    return str({body})"


REFUSED = {
    "data_frame": Refused(
        cells=[
            "import pandas as pd\ndf = pd.DataFrame({'a': [1, 2]})",
            "def look():\n    return df.a.sum()",
            tool("look()"),
        ],
        through=("t", "look", "df"),
        reason="pandas DataFrame",
        way="--freeze df=df.(parquet|csv)",
    ),
    "proxy_that_answers_nothing": Refused(
        cells=[
            "class Proxy:\n    def __getattr__(self, name):\n"
            "        raise RuntimeError('no context')",
            "proxy = Proxy()",
            tool("type(proxy)"),
        ],
        through=("t", "proxy"),
        reason="proxy cannot be looked at .RuntimeError: no context",
    ),
    "array_in_an_object_changed_in_a_loop": Refused(
        cells=[
            "import numpy as np\nclass Model:\n    def __init__(self):\n"
            "        self.w = np.zeros(2)\n    def fit(self):\n        self.w = self.w + 1",
            "model = Model()",
            "for _ in range(2):\n    model.fit()",
            tool("model.w"),
        ],
        through=("t", "model"),
        reason=r"model is not what cell 2 makes any more \(w\)",
    ),
    "patched_by_a_cell_that_failed": Refused(
        cells=[
            "class Greeter:\n    def greet(self):\n        return 'old'",
            "Greeter.greet = lambda self: 'new'\n1 / 0",
            tool("Greeter().greet()"),
        ],
        through=("t", "Greeter"),
        reason="Greeter.greet is not the one of cell 1",
    ),
    "made_of_a_file_that_changed": Refused(
        cells=[
            "from pathlib import Path\nPath('rates.txt').write_text('1')",
            "class Table:\n    def __init__(self, text):\n        self.text = text",
            "RATES = Table(Path('rates.txt').read_text())",
            "_ = Path('rates.txt').write_text('1000')",
            tool("RATES.text"),
        ],
        through=("t", "RATES"),
        reason=r"RATES is not what cell 3 makes any more \(text\)",
    ),
    "array": Refused(
        cells=["import numpy as np\nxs = np.arange(3)", tool("xs.sum()")],
        through=("t", "xs"),
        reason="numpy ndarray",
        way="--freeze xs=xs.npy",
    ),
    "open_database": Refused(
        cells=["import sqlite3\ndb = sqlite3.connect(':memory:')", tool("db")],
        through=("t", "db"),
        reason="sqlite3 Connection",
        way="check_same_thread=False",
    ),
    "client": Refused(
        cells=["import httpx\nclient = httpx.Client()", tool("client.get('x')")],
        through=("t", "client"),
        reason="httpx Client",
        way="--replace client=",
    ),
    "generator": Refused(
        cells=["def count():\n    yield 1\nids = count()", tool("next(ids)")],
        through=("t", "ids"),
        reason="generator that has begun",
    ),
    "iterator": Refused(
        cells=["ids = iter([1, 2])", tool("next(ids)")],
        through=("t", "ids"),
        reason="used up while it is read",
    ),
    "thread": Refused(
        cells=["import threading\nworker = threading.Thread(target=print)", tool("worker")],
        through=("t", "worker"),
        reason="runs in the notebook's process",
    ),
    "undefined": Refused(
        cells=["def h():\n    return 1", tool("h()"), "del h"],
        through=("t", "h"),
        reason="h is not defined in the notebook",
    ),
    "made_by_exec": Refused(
        cells=["exec('def h():\\n    return 1')", tool("h()")],
        through=("t", "h"),
        reason="no cell that ran holds its source",
    ),
    "names_at_run_time": Refused(
        cells=["def task_a():\n    return 1", tool("globals()[f'task_{n}']()")],
        through=("t", "globals"),
        reason="looks names up when it runs",
    ),
    "eval_of_everything": Refused(
        cells=[tool("eval('1 + 1')")],
        through=("t", "eval"),
        reason="eval sees every name",
        way="say which names",
    ),
    "the_notebook_itself": Refused(
        cells=[tool("get_ipython()")],
        through=("t", "get_ipython"),
        reason="in a notebook only",
    ),
    "shown_in_the_notebook": Refused(
        cells=["from IPython.display import display", tool("display(1)")],
        through=("t", "display"),
        reason="uses IPython",
    ),
    "magic_inside": Refused(
        cells=["%%mcp tool\ndef t(n: int = 1) -> str:\n    found = !ls\n    return str(found)"],
        through=("t", "get_ipython"),
        reason="a magic or a shell line stands in it",
    ),
    "default_of_another_time": Refused(
        cells=["N = 2", "def h(n=N):\n    return n", "N = 3", tool("h()")],
        through=("t", "h"),
        reason="the default N was 2 when cell 2 ran and is 3 now",
        way="run the cell",
    ),
    "default_that_grew": Refused(
        cells=[
            "def h(x, seen=[]):\n    seen.append(x)\n    return len(seen)",
            "h(1)",
            tool("h(n)"),
        ],
        through=("t", "h"),
        reason=r"h is not what cell 1 makes any more \(: its defaults",
    ),
    "closure_of_another_time": Refused(
        cells=[
            "def make(n):\n    def add(x):\n        return x + n\n    return add",
            "K = 5",
            "add = make(K)",
            "K = 6",
            tool("add(n)"),
        ],
        through=("t", "add"),
        reason="cell 3 ran before cell 4 made K anew",
        way="run",
    ),
    "closure_with_a_state": Refused(
        cells=[
            "def make():\n    n = 0\n    def count():\n        nonlocal n\n        n += 1\n"
            "        return n\n    return count",
            "count = make()",
            "count()",
            tool("count()"),
        ],
        through=("t", "count"),
        reason="count is not what cell 2 makes any more",
    ),
    "chance": Refused(
        cells=[
            "import random\nclass Model:\n    def fit(self):\n        self.w = random.random()\n"
            "        return self",
            "model = Model().fit()",
            tool("model.w"),
        ],
        through=("t", "model"),
        reason=r"model is not what cell 2 makes any more \(w\)",
        way="--replace model=",
    ),
    "changed_under_another_name": Refused(
        cells=[
            "class Desk:\n    def __init__(self):\n        self.pens = 1\n"
            "    def take(self):\n        self.pens -= 1\n        return self.pens",
            "desk = Desk()",
            "drawer = desk\ndrawer.pens += 10",
            tool("desk.take()"),
        ],
        through=("t", "desk"),
        reason="drawer is the same object",
    ),
    "made_of_a_state": Refused(
        cells=[
            "n = 0\ndef count():\n    global n\n    n += 1\n    return n",
            "count(); count()",
            "TWICE = n * 2",
            tool("count() + TWICE"),
        ],
        through=("t", "TWICE"),
        reason="it was made of n, which begins anew in a server",
        way="--replace TWICE=",
    ),
    "class_made_with_another_constant": Refused(
        cells=[
            "TAG = 1\nclass Meta(type):\n    def __new__(m, n, b, d):\n        d['tag'] = TAG\n"
            "        return super().__new__(m, n, b, d)",
            "class A(metaclass=Meta):\n    pass",
            "TAG = 2",
            tool("A.tag"),
        ],
        through=("t", "A"),
        reason="cell 2 ran before cell 3 made TAG anew",
    ),
    "random_numbers_begun": Refused(
        cells=[
            "import random\ndice = random.Random(42)\nx = [dice.random()]",
            tool("dice.random()"),
        ],
        through=("t", "dice"),
        reason="dice is not what cell 1 makes any more",
    ),
    "made_by_what_reaches_out": Refused(
        cells=[
            "class Mailer:\n    def __init__(self):\n        open('/dev/null').close()",
            "mailer = Mailer()",
            tool("mailer"),
        ],
        through=("t", "mailer"),
        reason="making it again would call open",
    ),
    "put_into_builtins": Refused(
        cells=["import builtins\nbuiltins.MCP_TEST_RATE = 3", tool("MCP_TEST_RATE")],
        through=("t", "MCP_TEST_RATE"),
        reason="among Python's own names",
    ),
    "file_of_this_machine": Refused(
        cells=["import os\nHERE = os.path.realpath('.')", tool("HERE")],
        through=("t", "HERE"),
        reason="a folder of this machine",
    ),
    "failed_on_the_way": Refused(
        cells=["import threading\nlock = threading.Lock()\n1 / 0", tool("lock")],
        through=("t", "lock"),
        reason="cell 1 did not run to its end",
        way="run cell 1 again",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_leave_is_refused_with_the_way_to_it(
    stage: Stage, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = REFUSED[name]
    monkeypatch.chdir(stage.folder)
    stage.run(*refused.cells)
    selection = stage.gather()
    assert not selection.registrations
    assert not selection.definitions
    obstacle = next(o for o in selection.obstacles if o.through == refused.through)
    assert obstacle.part == "t"
    assert re.search(refused.reason, obstacle.reason), obstacle.reason
    assert any(re.search(refused.way, way) for way in obstacle.ways), obstacle.ways


def test_one_tool_that_cannot_leave_does_not_take_the_others_along(stage: Stage) -> None:
    stage.run(
        "ids = iter([1, 2])\ndef bad():\n    return next(ids)",
        "%%mcp tool\ndef first() -> int:\n    return bad()\ndef second() -> int:\n    return 2",
    )
    selection = stage.gather()
    assert [(o.part, o.through) for o in selection.obstacles] == [
        ("first", ("first", "bad", "ids"))
    ]
    assert [r.expression for r in selection.registrations] == ["second"]
    assert "ids" not in source_of(selection)
    assert called(alone(selection), ["second()"]) == ["2"]


def test_a_tool_whose_name_means_something_else_now(stage: Stage) -> None:
    stage.run("%%mcp tool\ndef t() -> int:\n    return 1", "def t():\n    return 2")
    (obstacle,) = stage.gather().obstacles
    assert "the notebook has no name for its function any more" in obstacle.reason


def test_trying_the_source_changes_nothing_in_the_notebook(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.run(
        "import random\nmade = []\nclass Counter:\n    def __init__(self):\n"
        "        made.append(1)\n        print('made')\n        self.n = random.random()",
        "counter = Counter()",
        tool("counter.n + len(made)"),
    )
    capsys.readouterr()
    state, before = random_state(), list(stage.names["made"])
    stage.gather()
    assert stage.names["made"] == before
    assert random_state() == state
    assert capsys.readouterr().out == ""


def random_state() -> object:
    import random

    return random.getstate()
