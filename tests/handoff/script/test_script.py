"""``server.py``: it has what the notebook has, in its order, under its names."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer
from mcp_types import Annotations, Icon, ToolAnnotations

from mcp_notebook.errors import UsageError
from mcp_notebook.handoff.script import script, tidy
from mcp_notebook.handoff.script.text import EXTRAS, MCP, NEEDED_BY
from mcp_notebook.handoff.selection import Requirement, Shipped, Variable
from mcp_notebook.runtime.workbench import Workbench
from tests.handoff.script.made import Notebook, loaded, written
from tests.structure.house import ROOT

GREETING = '''
# how loud
LOUD = "!"

def greet(name: str, times: int = 1) -> str:
    """Say hello.

    Args:
        name: to whom
        times: how often
    """
    return f"Hello {name}{LOUD * times}"  # politely
'''


def catalogue(mcp: MCPServer[Any]) -> dict[str, list[dict[str, Any]]]:
    async def listed() -> dict[str, list[dict[str, Any]]]:
        return {
            name: [one.model_dump(mode="json") for one in await getattr(mcp, name)()]
            for name in ("list_tools", "list_resources", "list_resource_templates", "list_prompts")
        }

    return asyncio.run(listed())


def in_the_notebook(notebook: Notebook) -> dict[str, list[dict[str, Any]]]:
    """The catalogue that the notebook itself serves."""
    with Workbench() as bench:
        server = bench.servers.served()
        for one in notebook.registrations:
            server.define([one.part])
        return catalogue(server.mcp)


NOTEBOOKS = {
    "docstring over lines": Notebook(GREETING).part("greet"),
    "title, hints, icons, meta": Notebook(GREETING).part(
        "greet",
        title='A "title"',
        annotations=ToolAnnotations(read_only_hint=True, title="x"),
        icons=[Icon(src="data:image/png;base64,AA==", sizes=["16x16"])],
        meta={"a/b": [1, None, {"c": 2.5}]},
        structured_output=False,
    ),
    "a long description over lines": Notebook(GREETING).part(
        "greet", name="hello", description="A line that is long. " * 12 + "\n\n  * an item\n"
    ),
    "all kinds": Notebook(
        GREETING,
        "def page(name: str) -> str:\n    'A page.'\n    return name",
        "def start() -> str:\n    return LOUD",
    )
    .part("greet")
    .part("page", kind="resource", name="page://{name}", mime_type="text/html")
    .part("start", kind="resource", name="page://start", annotations=Annotations(priority=0.5))
    .part("greet", kind="prompt", title="Greeting")
    .part("page", kind="prompt", name="other"),
    "another order than that of the cells": Notebook(
        "def first() -> int:\n    return 1",
        "def second() -> int:\n    return 2",
        "def third() -> int:\n    return 3",
    )
    .part("second")
    .part("first")
    .part("third"),
    "methods and instances": Notebook(
        "class Counter:\n"
        "    def __init__(self) -> None:\n        self.n = 0\n"
        "    def count(self, by: int = 1) -> int:\n"
        '        """Count on.\n\n        By one, mostly.\n        """\n'
        "        self.n += by\n        return self.n\n",
        "counter = Counter()",
        "double = lambda x: 2 * x",
    )
    .part("counter.count")
    .part("double", name="double", description="Twice."),
    "hints in strings that are defined later": Notebook(
        "def area(shape: 'Shape') -> 'Area':\n    return Area(value=shape.side ** 2)",
        "class Shape(BaseModel):\n    side: float\n    inner: 'list[Area]' = []",
        "class Area(BaseModel):\n    value: float",
        imports=["from pydantic import BaseModel"],
    ).part("area"),
    "methods of what has a name of the server's": Notebook(
        "class Desk:\n    def look(self) -> int:\n        return 1",
        "app = Desk()\nmcp = [app]",
    )
    .part("app.look")
    .part("mcp[0].look", name="again"),
    "imported as what has a name of the server's": Notebook(
        "def tool(n: float) -> float:\n    return main(n) + app.sqrt(n)",
        imports=["from math import sqrt as main", "import math as app", "import mcp.types"],
    )
    .part("tool")
    .part("main", name="root", description="Root."),
    "changed after they were defined": Notebook(
        "def ask(n: int) -> int:\n    'Old.'\n    return n",
        "ask.__doc__ = 'New.'\nask.__annotations__['n'] = str",
        "def hello(n: int) -> int:\n    'Hello.'\n    return n",
        "def loud(f):\n    def louder(n: str) -> str:\n        return f(n)\n    return louder",
        "hello = loud(hello)",
    )
    .part("ask")
    .part("hello", name="hello"),
    "called like what the file needs": Notebook(
        "import os as re",
        "SEEN = []\ndef seen(f):\n    SEEN.append(f.__name__)\n    return f",
        "@seen\ndef main(app: int = 1) -> int:\n    'Main.'\n    return helper(app) + mcp()",
        "class app(BaseModel):\n    n: int = 1",
        "def mcp() -> int:\n    return app().n",
        "def shows() -> app:\n    return app(n=mcp())",
        "def helper(x: int) -> int:\n    return x + serve",
        "serve = 1",
        "def options(list: int) -> int:\n    return list",
        "str, print, sorted = 1, 2, 3",
        "class Door:\n    pass",
        "def ToolAnnotations() -> None: ...",
        imports=["from pydantic import BaseModel"],
    )
    .part("shows")
    .part("mcp")
    .part("main")
    .part("helper", annotations=ToolAnnotations(read_only_hint=True))
    .part("options")
    .part("main", kind="prompt"),
}


@pytest.mark.parametrize("case", NOTEBOOKS)
def test_the_file_lists_what_the_notebook_lists(case: str, tmp_path: Path) -> None:
    notebook = NOTEBOOKS[case]
    path = written(notebook.selection(), tmp_path)
    assert catalogue(loaded(path)["mcp"]) == in_the_notebook(notebook)


def test_what_is_registered_away_from_its_function_says_why() -> None:
    moved = script(NOTEBOOKS["another order than that of the cells"].selection())
    why = "# here and not above its function: clients see the order of the notebook"
    assert f'{why}\nmcp.tool(name="first")(first)' in moved
    assert moved.count(why) == 1
    assert why not in script(NOTEBOOKS["all kinds"].selection())


def ruff(*argv: str, source: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ruff", *argv, "--isolated", "--stdin-filename=server.py", "-"]
    return subprocess.run(command, input=source, capture_output=True, text=True, check=False)


FULL = Notebook(
    GREETING,
    "def shown(name: str) -> str:\n    return name + Path('page.html').read_text() + voice()",
    imports=["from pathlib import Path"],
)
FULL.names["voice"] = str
FULL.part("greet", kind="prompt").part("shown", annotations=ToolAnnotations(read_only_hint=True))


def full(**fields: Any) -> Any:
    selection = FULL.selection(
        "A server \\ with \"odd\" 'names' and `marks`",
        instructions="Greet first.\nThen show. " + "Go on. " * 30,
        version="1.2",
        files=(
            Shipped(path=PurePosixPath("page.html"), content=b"<p>", reason="shown opens it"),
            Shipped(path=PurePosixPath("voices.py"), content=b"voice = str\n", reason="imported"),
        ),
        variables=(Variable(name="KEY", stands_for="KEY"),),
        requirements=(
            Requirement(distribution="Pillow", version="11.0.0"),
            Requirement(distribution="torch", version="2.3.0+cu121"),
            Requirement(distribution="odd_one", version=""),
        ),
    )
    return replace(selection, imports=(*selection.imports, "from voices import voice"), **fields)


@pytest.mark.parametrize("extras", [frozenset(), frozenset({"redis"}), frozenset(EXTRAS)])
def test_the_file_is_formatted_and_clean(extras: frozenset[str]) -> None:
    text = script(full(), extras=extras)
    assert ruff("check", source=text).stdout.strip() == "All checks passed!"
    assert ruff("format", "--line-length=100", source=text).stdout == text
    compile(text, "server.py", "exec", dont_inherit=True)


def test_where_there_is_no_formatter_it_is_tidy_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    formatted = script(full(), extras=frozenset(EXTRAS))
    monkeypatch.setattr(tidy, "_ruff", lambda: None)
    plain = script(full(), extras=frozenset(EXTRAS))
    assert ruff("check", source=plain).stdout.strip() == "All checks passed!"
    assert ruff("format", "--line-length=100", source=plain).stdout == formatted
    assert max(map(len, plain.splitlines())) <= 100


def test_a_formatter_that_changes_the_program_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bad = tmp_path / "ruff"
    bad.write_text("#!/bin/sh\necho 'x = 2'\n")
    bad.chmod(0o755)
    monkeypatch.setattr(tidy, "_ruff", lambda: str(bad))
    assert tidy.tidy("x  =  1\n") == "x  =  1\n"
    assert tidy.tidy("x  =  2\n") == "x = 2\n"
    monkeypatch.setattr(tidy, "_ruff", lambda: str(tmp_path / "gone"))
    assert tidy.tidy("x  =  2\n") == "x  =  2\n"


def test_a_docstring_is_formatted_without_what_clients_see_of_it(tmp_path: Path) -> None:
    """Ruff takes blanks off the ends of its lines: then the file stays as it is."""
    notebook = Notebook("def f( ) :\n    'Ends in blanks.  '\n    return  1").part("f")
    assert catalogue(loaded(written(notebook.selection(), tmp_path))["mcp"]) == in_the_notebook(
        notebook
    )


def test_uv_finds_what_to_install() -> None:
    text = script(full(), extras=frozenset({"websocket"}))
    block = re.match(r"# /// script\n((?:#.*\n)+?)# ///\n", text)
    assert block is not None
    told = tomllib.loads(re.sub(r"^# ?", "", block[1], flags=re.MULTILINE))
    assert told == {
        "requires-python": f">=3.{sys.version_info.minor}",
        "dependencies": [MCP, "odd_one", "Pillow>=11.0.0", "torch>=2.3.0", NEEDED_BY["websocket"]],
    }


def test_the_sdk_is_that_of_this_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert MCP in project["dependencies"]
    assert set(NEEDED_BY) == set(EXTRAS)
    assert NEEDED_BY["websocket"] in project["dependencies"]
    assert NEEDED_BY["redis"] in project["optional-dependencies"]["test"]


def test_comments_of_the_cells_survive(tmp_path: Path) -> None:
    text = script(Notebook(GREETING).part("greet").selection())
    assert '# how loud\nLOUD = "!"' in text
    assert "  # politely" in text


def test_the_name_of_a_function_stays_that_of_the_notebook(tmp_path: Path) -> None:
    names = loaded(written(NOTEBOOKS["called like what the file needs"].selection(), tmp_path))
    assert names["main_"].__name__ == names["mcp_"].__name__.replace("mcp", "main") == "main"
    assert names["SEEN"] == ["main"]
    assert names["main"].__doc__ == "Serve as the command line and the environment say."
    assert callable(names["app"])


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("class mcp: ...", "mcp is a class"),
        ("def main(): return globals()['main']", "main stands in a text that is looked up"),
    ],
)
def test_a_name_that_cannot_be_changed_is_refused(cell: str, why: str) -> None:
    notebook = Notebook(cell, "def tool() -> int:\n    return 1").part("tool")
    with pytest.raises(UsageError, match=why) as refused:
        script(notebook.selection())
    assert "Rename" in str(refused.value)
    assert "cell 1" in str(refused.value)


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no extra 'web'.*redis, websocket"):
        script(full(), extras=frozenset({"web"}))
    notebook = Notebook("def f() -> int:\n    return 1").part("f", meta={"x": object()})
    with pytest.raises(UsageError, match=r"the tool f .*meta.* cannot be written"):
        script(notebook.selection())
    taken = (Shipped(path=PurePosixPath("server.py"), content=b"", reason="imported"),)
    with pytest.raises(UsageError, match=r"a file named server\.py"):
        script(full(files=taken))


@pytest.mark.parametrize(
    ("path", "reason", "moves", "imports"),
    [
        ("voices.py", "import voices", False, True),
        ("jobs/count.py", "opened as jobs/count.py", True, False),
        ("page.html", "opened as page.html", True, False),
    ],
)
def test_files_beside_the_server_are_found_from_any_folder(
    path: str, reason: str, moves: bool, imports: bool
) -> None:
    shipped = Shipped(path=PurePosixPath(path), content=b"", reason=reason)
    text = script(Notebook(GREETING).part("greet").selection(files=(shipped,)))
    assert ("os.chdir(" in text, "sys.path.insert(" in text) == (moves, imports)


def test_a_file_of_another_name_says_how_it_is_started() -> None:
    text = script(Notebook(GREETING).part("greet").selection(), name="greeting.py")
    assert "uv run greeting.py" in text
    assert "uvicorn greeting:app" in text
    assert "server.py" not in text
