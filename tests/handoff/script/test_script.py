"""``server.py``: it has what the notebook has, in its order, under its names."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer
from mcp_types import Annotations, Icon, ToolAnnotations

from mcp_notebook.runtime.workbench import Workbench
from tests.handoff.script.made import Notebook, loaded, written

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
        "def main(app: int = 1) -> int:\n    'The main tool.'\n    return helper(app)",
        "def helper(x: int) -> int:\n    return x + serve",
        "serve = 1",
        "def options(list: int) -> int:\n    return list",
        "str, print, sorted = 1, 2, 3",
        "class Door:\n    pass",
        "def ToolAnnotations() -> None: ...",
    )
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
