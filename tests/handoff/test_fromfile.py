"""A server file taken apart into cells: by its text alone, whatever its style."""

from __future__ import annotations

import ast
import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from mcp_notebook.errors import UsageError
from mcp_notebook.handoff.ascells import as_notebook
from mcp_notebook.handoff.catalogue import Catalogue, differences
from mcp_notebook.handoff.fromfile import Imported, take_apart
from mcp_notebook.handoff.proof.proof import offered
from mcp_notebook.runtime import current
from mcp_notebook.runtime.workbench import Workbench

SERVER = '''\
#!/usr/bin/env python
"""A server."""
from __future__ import annotations

import json, math
import os.path
import sys
from dataclasses import dataclass
from typing import Annotated

from mcp.server.mcpserver import Context, MCPServer
from mcp_types import ToolAnnotations
from pydantic import Field

raise_if_run = __import__("pathlib").Path("was-run").touch()

mcp = MCPServer("weather", instructions="Ask.")

# ---- data

# in degrees
OFFSET = 273.15
TABLE = {"a": 1}
TABLE["b"] = 2
UNUSED = sys.argv


@dataclass
class Place:
    name: str


# what is warm
def warm(t: float) -> bool:
    return t > OFFSET and math.isfinite(t)


@mcp.tool(annotations=ToolAnnotations(read_only_hint=True), title="Is it warm?")
# a comment between
def is_warm(t: Annotated[float, Field(ge=0)]) -> bool:
    """Say whether it is warm."""
    return warm(t)


@mcp.tool()
async def lookup(key: str, ctx: Context) -> int:
    """Look up."""
    return TABLE[key]


@mcp.tool(name="other-name", structured_output=False)
def oddly(x: int = 1) -> str:
    """Odd."""
    return json.dumps(x)


@mcp.resource("place://{name}", mime_type="application/json")
def place(name: str) -> str:
    """A place."""
    return json.dumps(Place(name).__dict__)


@mcp.resource("plain://x")
def plain() -> str:
    """Plain."""
    return os.path.join("a", "b")


@mcp.prompt()
def review(code: str) -> str:
    """Review."""
    return code


def later(a: int, b: int = 2) -> int:
    """Added later."""
    return a + b


mcp.add_tool(later, name="added")
mcp.tool(name="called")(later)


def main() -> None:
    mcp.run()


if __name__ == "__main__":
    main()
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "weather.py"
    path.write_text(SERVER)
    return path


@pytest.fixture
def found(file: Path) -> Imported:
    return take_apart(file)


def test_every_way_to_register_is_found(found: Imported) -> None:
    assert [(part.kind, part.function) for part in found.parts] == [
        ("tool", "is_warm"),
        ("tool", "lookup"),
        ("tool", "oddly"),
        ("resource", "place"),
        ("resource", "plain"),
        ("prompt", "review"),
        ("tool", "later"),
        ("tool", "later"),
    ]
    assert found.server == "weather"


def test_what_the_parts_need_comes_along_and_nothing_else(found: Imported) -> None:
    rest = "\n".join(found.rest)

    assert found.imports[0] == "from __future__ import annotations"
    assert "import json, math" in found.imports
    assert "from mcp.server.mcpserver import Context" in found.imports
    for wanted in ("# in degrees\nOFFSET", 'TABLE["b"] = 2', "# what is warm", "def later"):
        assert wanted in rest
    for left in ("UNUSED", "sys", "main", "MCPServer(", "raise_if_run", "# ----"):
        assert left not in rest + "\n".join(found.imports)


def test_the_file_is_not_run(file: Path, found: Imported) -> None:
    assert found.parts
    assert not (file.parent / "was-run").exists()


def test_a_part_is_a_magic_where_its_line_can_say_all_of_it(found: Imported) -> None:
    heads = [cell.partition("\n")[0] for cell in found.cells[2:]]

    assert heads == [
        "%%mcp tool is_warm --read-only --title 'Is it warm?' --server weather",
        "%%mcp tool lookup --server weather",
        "from mcp_notebook import tool",
        "from mcp_notebook import resource",
        "%%mcp resource plain://x --server weather",
        "%%mcp prompt --server weather",
        "from mcp_notebook import tool",
        "from mcp_notebook import tool",
    ]
    assert "@tool(name='other-name', structured_output=False, server='weather')" in found.cells[4]
    assert "tool(name='called', server='weather')(later)" in found.cells[-1]
    assert "# a comment between" in found.cells[2]


def run(source: str, name: str) -> dict[str, Any]:
    """Run a text as a module of its own; gives its names."""
    module = types.ModuleType(name)
    sys.modules[name] = module  # dataclasses look for their module there
    try:
        exec(compile(source, f"<{name}>", "exec", dont_inherit=True), vars(module))
    finally:
        del sys.modules[name]
    return vars(module)


def run_cell(source: str) -> Catalogue:
    """Run the one cell as a notebook does, and read what its server offers."""
    with Workbench() as workbench:
        current.offer(lambda: workbench)
        try:
            kept = run(source, "cell")
        finally:
            current.offer(None)
        assert kept
        (server,) = workbench.servers.values()
        return offered(workbench, server)


def served(path: Path) -> Catalogue:
    """What the file itself offers, once it is run."""
    names = run(path.read_text(), "imported")
    with Workbench() as workbench:
        return offered(workbench, workbench.add(names["mcp"]))


def test_the_one_cell_offers_what_the_file_does(
    file: Path, found: Imported, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    mine, theirs = run_cell(found.cell), served(file)

    unlike = [line for line in differences(theirs, mine) if not line.startswith("instructions")]
    assert unlike == []
    assert set(mine.tools) == {"is_warm", "lookup", "other-name", "added", "called"}


def test_names_of_the_file_do_not_clash_with_the_decorators(tmp_path: Path) -> None:
    path = tmp_path / "clash.py"
    path.write_text(
        "from mcp.server import MCPServer\nmcp = MCPServer('notebook')\n"
        "def tool(x: int) -> int:\n    return x\n"
        "@mcp.tool(name='n')\ndef f(x: int) -> int:\n    'F.'\n    return tool(x)\n"
    )
    found = take_apart(path)

    assert "@mcp_notebook.tool(name='n')" in found.cell
    assert "@mcp_notebook.tool(name='n')" in found.cells[-1]
    assert differences(served(path), run_cell(found.cell)) == []


def test_what_a_file_finds_beside_itself_is_found_by_a_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "beside.py").write_text("def one() -> int:\n    return 1\n")
    (folder / "table.txt").write_text("kept")
    (folder / "server.py").write_text(
        "import os\nfrom pathlib import Path\nfrom mcp.server import MCPServer\nimport beside\n"
        "os.chdir(Path(__file__).resolve().parent)\nmcp = MCPServer('notebook')\n"
        "TABLE = (Path(__file__).parent / 'table.txt').read_text()\n"
        "@mcp.tool()\ndef f() -> str:\n    'F.'\n    return TABLE * beside.one()\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    found = take_apart(Path("out/server.py"))

    assert run_cell(found.cell).tools
    assert sys.modules.pop("beside").__file__ == str(folder / "beside.py")
    assert "look for files in the notebook's folder" in found.remarks[0]


def test_tools_of_the_kernels_thread_come_back_as_such(tmp_path: Path) -> None:
    path = tmp_path / "bound.py"
    path.write_text(
        "from mcp.server import MCPServer\nmcp = MCPServer('notebook')\n"
        "def on_main_thread(f): return f\n"
        "def f() -> int:\n    return 1\n"
        "mcp.tool(name='f')(on_main_thread(f))\n"
        "def g() -> int:\n    return mcp.name\n"
        "mcp.add_tool(g)\n"
    )
    found = take_apart(path)

    assert found.cells[0] == "%%mcp tool f --thread kernel\ndef f() -> int:\n    return 1"
    assert found.cells[1] == "%%mcp tool g\ndef g() -> int:\n    return mcp.name"
    assert "on_main_thread" not in found.cell
    assert "mcp, the server itself, is used by a part" in found.remarks[0]


def test_a_file_in_the_style_of_fastmcp_is_taken_apart(tmp_path: Path) -> None:
    path = tmp_path / "fast.py"
    path.write_text(
        "from fastmcp import FastMCP\napp: FastMCP = FastMCP(name='notebook')\n"
        "@app.tool\ndef f(x: int) -> int:\n    return x\n"
        "@app.tool(**options)\ndef g() -> int:\n    return 1\n"
    )
    found = take_apart(path)

    assert [part.function for part in found.parts] == ["f", "g"]
    assert found.imports == ()
    assert found.remarks == ("line 6: **options was left out",)
    assert found.cells[0] == "%%mcp tool f\ndef f(x: int) -> int:\n    return x"


def test_a_notebook_of_the_cells_can_be_read(found: Imported) -> None:
    data = json.loads(as_notebook(found.cells))
    sources = ["".join(cell["source"]) for cell in data["cells"]]

    import nbformat

    nbformat.validate(nbformat.from_dict(data))
    assert sources == ["%load_ext mcp_notebook", *found.cells]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n", "makes no server"),
        ("from mcp.server import MCPServer\nmcp = MCPServer('x')\n", "registers no tool"),
        ("def f(:\n", "is no Python"),
        ("x = '\0'\n", "is no Python"),
    ],
)
def test_what_cannot_be_taken_apart_is_said(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "x.py"
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        take_apart(path)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file"):
        take_apart(tmp_path / "none.py")
    (tmp_path / "bytes.py").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="cannot be read"):
        take_apart(tmp_path / "bytes.py")


def test_the_cells_are_python(found: Imported) -> None:
    for cell in [*found.cells, found.cell]:
        ast.parse("\n".join(line for line in cell.splitlines() if not line.startswith("%%")))


KEYS = """\
import os
from mcp.server import MCPServer
from mcp_types import ToolAnnotations
mcp = MCPServer("notebook")
PRICES = {"tea": 2}
API_KEY = os.environ["API_KEY"]
cart = []
@mcp.tool(annotations=ToolAnnotations(read_only_hint=True))
def price(item: str) -> int:
    return PRICES[item] + len(cart)
@mcp.tool()
def order(item: str) -> str:
    return API_KEY + item + os.environ["SHOP_TOKEN"] + os.environ.get("REGION", "")
"""


def test_what_asks_the_environment_is_named_and_stands_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("API_KEY", "SHOP_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "shop.py"
    path.write_text(KEYS)
    found = take_apart(path)

    assert found.cells[:4] == [
        "import os",
        'PRICES = {"tea": 2}',
        'API_KEY = os.environ["API_KEY"]',
        "cart = []",
    ]
    assert found.remarks == (
        "not set, and asked for: API_KEY, SHOP_TOKEN; before the cells run: %env API_KEY=...",
    )
    assert "from mcp_types import ToolAnnotations" in found.cell  # one cell has decorators
    monkeypatch.setenv("API_KEY", "k")
    monkeypatch.setenv("SHOP_TOKEN", "t")
    assert take_apart(path).remarks == ()
