"""The floors of the house: imports point down."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tests.structure.house import (
    FLOORS,
    LIGHT,
    PACKAGE,
    Import,
    forbidden,
    house_imports,
    imports_of,
    upward,
)


def test_a_room_imports_only_from_floors_below() -> None:
    assert [wrong for one in house_imports() if (wrong := upward(one))] == []


def test_no_room_imports_what_its_subject_has_no_use_for() -> None:
    assert [wrong for one in house_imports() if (wrong := forbidden(one))] == []


def test_every_room_has_a_floor() -> None:
    rooms = {
        path.stem
        for path in PACKAGE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    assert rooms - {"__init__", "__main__"} <= set(FLOORS)


@pytest.mark.parametrize("room", LIGHT)
def test_a_light_room_imports_the_standard_library_alone(room: str) -> None:
    foreign = {
        str(one)
        for one in house_imports()
        if one.room == room
        and one.target_room not in LIGHT
        and one.target.split(".")[0] not in sys.stdlib_module_names
    }
    assert foreign == set(), LIGHT[room]


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("mcp_notebook.wire.lines", "from mcp_notebook.trace import events", "floor 1 imports 2"),
        ("mcp_notebook.wire.lines", "from ..trace.events import Event", "floor 1 imports 2"),
        ("mcp_notebook.trace.store", "import mcp_notebook.magics.grammar", "floor 2 imports 6"),
        ("mcp_notebook.trace.store", "from mcp_notebook import runtime", "floor 2 imports 4"),
        ("mcp_notebook.show.text", "from mcp_notebook.learn import check", "floor 5 imports 5"),
        ("mcp_notebook.show.text", "from mcp_notebook.runtime import loop", "trace alone"),
        ("mcp_notebook.show.text", "def f():\n  import mcp_notebook.magics", "floor 5 imports 6"),
        ("mcp_notebook.runtime.loop", "import mcp_notebook", "front door"),
        ("mcp_notebook.cellar.wine", "from mcp_notebook import wire", "give the room a floor"),
    ],
)
def test_an_import_that_points_up_is_found(module: str, source: str, complaint: str) -> None:
    found = [wrong for one in imports_of(source, module) if (wrong := upward(one))]

    assert len(found) == 1
    assert complaint in found[0].replace("imports floor", "imports")


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("mcp_notebook.wire.lines", "import asyncio"),
        ("mcp_notebook.trace.store", "def f():\n    from mcp.server import MCPServer"),
        ("mcp_notebook.runtime.loop", "from IPython import get_ipython"),
        ("mcp_notebook.show.text", "from IPython.display import display"),
        ("mcp_notebook.show.text", "import urllib.request"),
    ],
)
def test_a_forbidden_import_is_found(module: str, source: str) -> None:
    assert [forbidden(one) is not None for one in imports_of(source, module)] == [True]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("mcp_notebook.trace.store", "from mcp_notebook.wire.spans import Span"),
        ("mcp_notebook.trace.store", "from .events import Event"),
        ("mcp_notebook.__init__", "def f():\n    from mcp_notebook.magics import extension"),
        ("mcp_notebook.magics.extension", "from IPython import get_ipython"),
        ("mcp_notebook.show.widget", "import anywidget"),
        ("mcp_notebook.show.text", "from urllib.parse import quote"),
        ("mcp_notebook.wire.lines", "import mcpx, socketserverless"),
    ],
)
def test_an_import_that_points_down_is_no_offence(module: str, source: str) -> None:
    found = list(imports_of(source, module))

    assert found != []
    assert [upward(one) or forbidden(one) for one in found] == [None] * len(found)


def test_relative_imports_are_resolved_from_modules_and_from_packages() -> None:
    source = "from . import a\nfrom ..b import c"

    assert [one.target for one in imports_of(source, "p.q.module")] == ["p.q.a", "p.b.c"]
    assert [one.target for one in imports_of(source, "p.q.r", is_package=True)] == [
        "p.q.r.a",
        "p.q.b.c",
    ]
    assert Import("p.q.module", "p.q.a", 1).room == "q"


@pytest.mark.slow
def test_import_mcp_notebook_is_light() -> None:
    """`%load_ext` must answer at once: the SDK alone takes more than a second to import."""
    code = "import sys, mcp_notebook; print([name for name in sys.modules])"
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(ast.literal_eval(shown.stdout))

    assert "mcp_notebook" in loaded
    heavy = {"mcp", "mcp_types", "IPython", "ipywidgets", "pydantic", "uvicorn", "httpx2", "pandas"}
    assert heavy & loaded == set()
