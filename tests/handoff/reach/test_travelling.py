"""Modules and files that travel with the server; distributions that have to be installed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from importlib.metadata import version

import pytest

from mcp_notebook.handoff.reach import taken_names
from tests.handoff.reach.stage import Stage

READ = "%%mcp tool\ndef t(name: str = 'a') -> str:\n    return {}"


@pytest.fixture
def beside(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """The notebook's folder is where modules and files are found."""
    monkeypatch.chdir(stage.folder)
    monkeypatch.syspath_prepend(str(stage.folder))
    before = set(sys.modules)
    yield stage
    for name in set(sys.modules) - before:
        del sys.modules[name]
    importlib.invalidate_caches()


def write(stage: Stage, **files: str) -> None:
    for name, text in files.items():
        path = stage.folder / name.replace("__", "/").replace("_py", ".py").replace("_txt", ".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def paths(stage: Stage) -> list[str]:
    selection = stage.gather()
    assert not selection.obstacles
    return [str(f.path) for f in selection.files]


def test_a_module_next_to_the_notebook_travels_with_what_it_imports_and_opens(
    beside: Stage,
) -> None:
    write(
        beside,
        reach_first_py="import reach_second\nimport numpy\ndef f():\n"
        "    return open('greeting.txt').read()",
        reach_second_py="X = 1",
        greeting_txt="hello",
    )
    beside.run("from reach_first import f", READ.format("f()"))
    assert paths(beside) == ["greeting.txt", "reach_first.py", "reach_second.py"]
    assert [r.distribution for r in beside.gather().requirements] == ["numpy"]


def test_a_package_travels_whole(beside: Stage) -> None:
    write(
        beside,
        reach_shop____init___py="from .prices import price",
        reach_shop__prices_py="def price():\n    return 1",
        reach_shop__table_txt="data",
        reach_shop__unused_py="",
    )
    path = beside.folder / "reach_shop"
    (path / "__init__.py").write_text("from .prices import price")
    beside.run("import reach_shop", READ.format("str(reach_shop.price())"))
    assert {"reach_shop/__init__.py", "reach_shop/prices.py", "reach_shop/table.txt"} <= set(
        paths(beside)
    )


@pytest.mark.parametrize(
    "source", ["def f():\n    return {}", "class A:\n    def f(self):\n        return {}", "X = {}"]
)
def test_a_module_that_was_edited_since_is_refused(beside: Stage, source: str) -> None:
    write(beside, reach_edited_py=source.format(1))
    beside.run("import reach_edited", READ.format("str(reach_edited)"))
    write(beside, reach_edited_py=source.format(2))
    (obstacle,) = beside.gather().obstacles
    assert "reach_edited.py was changed after" in obstacle.reason
    assert "restart the kernel" in obstacle.ways[0]


BOOK = "ENTRIES = []\ndef add(n):\n    ENTRIES.append(n)\n    return len(ENTRIES)"


def test_a_module_that_cells_have_filled_is_refused(beside: Stage) -> None:
    write(beside, reach_book_py=BOOK)
    beside.run("import reach_book\nreach_book.add(3)", READ.format("str(reach_book.ENTRIES)"))
    (obstacle,) = beside.gather().obstacles
    assert "reach_book.ENTRIES is not what reach_book.py gives it any more" in obstacle.reason


def test_a_module_that_tools_have_filled_begins_anew_and_that_is_said(beside: Stage) -> None:
    write(beside, reach_ledger_py=BOOK)
    beside.run("import reach_ledger", READ.format("str(reach_ledger.add(1))"))
    beside.names["t"]()
    selection = beside.gather()
    assert not selection.obstacles
    assert any("reach_ledger.ENTRIES was changed" in remark for remark in selection.remarks)


def test_a_module_with_a_secret_is_refused(beside: Stage) -> None:
    write(beside, reach_hidden_py="API_KEY = 'hunter2hunter2'")
    beside.run("import reach_hidden", READ.format("reach_hidden.API_KEY"))
    (obstacle,) = beside.gather().obstacles
    assert "reach_hidden.py holds what looks like a secret" in obstacle.reason
    assert "hunter2" not in repr(obstacle)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("open('a.txt').read()", ["a.txt"]),
        ("open(FILE).read()", ["a.txt"]),
        ("(FOLDER / 'b.txt').read_text()", ["data/b.txt", "data/c.txt"]),
        ("open(f'data/{name}.txt').read()", ["data/b.txt", "data/c.txt"]),
        ("str(sorted(Path('data').glob('*.txt')))", ["data/b.txt", "data/c.txt"]),
        ("open('a.txt', 'w').write('x') and ''", []),
        ("open('missing.txt').read()", []),
        ("'a' + str(len('data'))", []),
    ],
)
def test_files_that_are_opened_by_relative_path_travel(
    beside: Stage, body: str, expected: list[str]
) -> None:
    write(beside, a_txt="A", data__b_txt="B", data__c_txt="C")
    beside.run(
        "from pathlib import Path\nFILE = 'a.txt'\nFOLDER = Path('data')",
        READ.format(body),
    )
    assert paths(beside) == expected


def test_what_has_to_be_installed_with_the_version_that_is_here(stage: Stage) -> None:
    stage.run(
        "import json\nimport numpy as np\nfrom pydantic import BaseModel\nimport pandas",
        "class Item(BaseModel):\n    n: int",
        "%%mcp tool\ndef t() -> Item:\n    import httpx\n    return Item(n=int(np.int64(1)))",
    )
    found = {r.distribution: (r.version, r.modules) for r in stage.gather().requirements}
    assert found == {
        "httpx": (version("httpx"), ("httpx",)),
        "numpy": (version("numpy"), ("numpy",)),
        "pydantic": (version("pydantic"), ("pydantic",)),
    }


def test_the_names_that_are_taken(stage: Stage) -> None:
    stage.run(
        "import os as app\nfrom math import pi\nmain = 3",
        "%%mcp tool\ndef mcp() -> str:\n    return app.sep * main + str(pi)",
    )
    assert taken_names(stage.gather()) == {"app", "pi", "main", "mcp"}


def test_the_settings_of_a_module_come_along_where_it_is_used(stage: Stage) -> None:
    stage.run(
        "import random\nimport textwrap\nrandom.seed(3)\ntextwrap.__doc__ = 'changed'",
        "%%mcp tool\ndef t() -> float:\n    return random.random()",
    )
    sources = [d.source for d in stage.gather().definitions]
    assert "random.seed(3)" in sources
    assert not any("textwrap" in source for source in sources)
