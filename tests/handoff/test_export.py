"""``wb.export`` without a notebook: from a script, and what it refuses before it does anything."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from types import ModuleType

import pytest

from mcp_notebook.errors import UsageError
from mcp_notebook.handoff import export as exporting
from mcp_notebook.handoff.catalogue import Catalogue
from mcp_notebook.handoff.folder import Folder
from mcp_notebook.handoff.layout import lay_out
from mcp_notebook.handoff.proof.environment import Unmade
from mcp_notebook.handoff.proof.plan import plan_calls
from mcp_notebook.handoff.reach import Cells
from mcp_notebook.handoff.selection import Selection, Shipped, Variable
from mcp_notebook.handoff.since import since_export
from mcp_notebook.runtime.workbench import Workbench

SCRIPT = '''\
import math
from mcp_notebook import Workbench

# used by the tool
FACTOR = 2
KEY = "sk-live-0123456789abcdefghij"

def scaled(x):
    return FACTOR * x

wb = Workbench()

@wb.tool
def area(r: float) -> float:
    """Area."""
    return scaled(math.pi * r * r)

@wb.tool(name="key-length")
def key_length() -> int:
    """Length."""
    return len(KEY)
'''


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A module that defines tools on a workbench of its own."""
    path = tmp_path / "a_script.py"
    path.write_text(SCRIPT)
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location("a_script", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "a_script", module)
    spec.loader.exec_module(module)
    yield module
    module.wb.close()


def test_a_script_exports_its_own_tools(script: ModuleType, tmp_path: Path) -> None:
    export = script.wb.export(check=False)

    assert export.ok
    assert export.path == tmp_path / "notebook/server.py"
    text = export.path.read_text()
    assert "# used by the tool\nFACTOR = 2" in text
    assert "sk-live" not in text
    assert "mcp_notebook" not in text
    assert since_export(script.wb).changes == ()


def test_an_export_that_loses_a_tool_says_so_and_keeps_what_was_there(
    script: ModuleType, tmp_path: Path
) -> None:
    first = script.wb.export(check=False)
    before = first.path.read_bytes()
    contract = (tmp_path / "notebook/server.contract.json").read_bytes()
    assert "breaking" not in repr(first)

    script.wb.servers["notebook"].remove("key-length")
    second = script.wb.export(check=False)

    told = "notebook: 1 part exported, not proven; 1 breaking change since the last export"
    assert second.report.summary() == told
    assert "since the last export: 1 breaking; gone: key-length" in repr(second)
    copies = "server.py.bak, test_server.py.bak, server.contract.json.bak"
    assert f"kept a copy of what was there: {copies}" in repr(second)
    assert (tmp_path / "notebook/server.py.bak").read_bytes() == before
    assert (tmp_path / "notebook/server.contract.json.bak").read_bytes() == contract

    assert "breaking" not in repr(script.wb.export(check=False)), "told once"
    assert len(list(tmp_path.rglob("*.bak*"))) == 3


def test_files_of_an_earlier_export_that_no_longer_fit_are_named(
    script: ModuleType, tmp_path: Path
) -> None:
    script.wb.export(check=False, package=True, docker=True, extras=["redis"])
    plain = script.wb.export(check=False)

    (told,) = [line for line in plain.report.notes if line.startswith("of an earlier export")]
    assert "Dockerfile" in told
    assert "%mcp export --package --docker --with redis writes them anew" in told
    (tmp_path / "notebook/Dockerfile").unlink()
    again = script.wb.export(check=False, path="notebook")
    assert "%mcp export -o notebook --package --with redis writes them anew" in repr(again)
    assert "Dockerfile" not in repr(again)

    both = script.wb.export(check=False, package=True, docker=True, extras=["redis"])
    assert [line for line in both.report.notes if "Dockerfile" in line] == []


def test_a_file_of_a_project_is_compared_by_the_contract_of_the_project(
    script: ModuleType, tmp_path: Path
) -> None:
    made = script.wb.export(check=False, package=True)
    assert made.path == tmp_path / "notebook/src/notebook_server/server.py"
    path = "notebook/src/notebook_server/server.py"
    assert since_export(script.wb, path=path).changes == ()
    script.wb.servers["notebook"].remove("key-length")
    made.path.write_text("raise SystemExit('it was run')")
    found = since_export(script.wb, path=path)
    assert [one.says for one in found] == ["is gone"]
    assert found.remarks == (f"{path.partition('/')[2]} was changed since its export; --start asks "
                             "the file itself",)  # fmt: skip


def test_a_file_is_run_only_where_that_is_said(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = script.wb.export(check=False).path
    assert path is not None
    alone = tmp_path / "alone.py"
    alone.write_bytes(path.read_bytes())
    with pytest.raises(UsageError, match=r"no contract is kept beside alone\.py.*--start runs"):
        since_export(script.wb, path="alone.py")
    monkeypatch.setenv("KEY", "of the kernel")
    found = since_export(script.wb, path="alone.py", start=True)
    assert found.changes == ()
    assert found.remarks == ("alone.py was started and asked",)


def test_an_export_says_what_lives_in_one_process(tmp_path: Path) -> None:
    source = "cart = []\ndef add(x: int) -> int:\n    cart.append(x)\n    return len(cart)\n"
    names: dict[str, object] = {"__name__": "shop"}
    exec(source, names)
    with Workbench(folder=str(tmp_path)) as workbench:
        workbench.tool(names["add"])
        found = workbench.export(check=False, names=names, cells=Cells.of(["", source]))
    assert "cart lives in the memory of each process: start one only" in found.report.notes


@pytest.mark.slow
def test_a_value_that_nobody_has_is_asked_for_before_the_proof(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "_values", lambda _variables: ({}, ["KEY"]))
    export = script.wb.export()

    assert export.report.proof.why_not == "KEY is not set; set it: %env KEY=..."
    assert not export.ok
    assert export.path.exists()


def test_an_environment_that_cannot_be_made_is_the_reason(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unmade(*_: object, **__: object) -> None:
        raise Unmade("the clean environment could not be filled: no such thing.")

    monkeypatch.setattr(exporting, "environment", unmade)
    export = script.wb.export()

    assert "no such thing. %mcp export --no-check does without." in export.report.summary()
    assert not export.ok


def test_a_proof_that_is_stopped_says_what_is_written(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(exporting, "_prove", stopped)
    with pytest.raises(KeyboardInterrupt, match=r"notebook/server.py is written, and not proven"):
        script.wb.export()
    with pytest.raises(UsageError, match="no name of a module"):
        script.wb.export(path="class.py")


def test_what_was_called_before_it_was_defined_anew_is_known(script: ModuleType) -> None:
    wb: Workbench = script.wb
    with wb.connect(wb.serve(transport="memory")) as connection:
        connection.call("area", r=1)
        script.wb.tool(script.area)
        connection.call("area", r=2)
    server = wb.servers["notebook"]
    expected = exporting.offered(wb, server)
    plan = plan_calls(wb, server, expected=expected, replay=["area"])

    assert [(call.arguments, call.older) for call in plan.calls] == [
        ({"r": 1}, True),
        ({"r": 2}, False),
    ]
    assert plan.unrecorded == ("key-length",)


@pytest.mark.parametrize(
    ("content", "description", "said"),
    [
        ("sk-live-0123456789abcdefghij", "", r"the value of KEY stands in table\.json, line 2"),
        ("a-token-of-the-workbench", "", r"a secret stands in table\.json, line 2"),
        ("", "with sk-live-0123456789abcdefghij", "the value of KEY stands in the contract"),
        ("short", "short", ""),
    ],
)
def test_a_secret_that_came_in_by_any_door_stops_the_export(
    content: str, description: str, said: str
) -> None:
    selection = Selection(
        server="s",
        variables=(
            Variable(name="KEY", stands_for="KEY", value="sk-live-0123456789abcdefghij"),
            Variable(name="S", stands_for="S", value="short"),
        ),
    )
    files = {PurePosixPath("table.json"): f"\n{content}".encode()}
    catalogue = Catalogue(tools={"t": {"name": "t", "description": description}})
    with Workbench() as workbench:
        workbench.trace.secrets.add("a-token-of-the-workbench")
        if not said:
            exporting._check_secrets(workbench, selection, files, catalogue)
            return
        with pytest.raises(UsageError, match=f"{said}.*nothing was written"):
            exporting._check_secrets(workbench, selection, files, catalogue)


@pytest.mark.parametrize("name", ["test_server.py", "server.contract.json"])
def test_a_file_of_the_user_is_not_taken_for_one_of_the_export(tmp_path: Path, name: str) -> None:
    shipped = Shipped(path=PurePosixPath(name), content=b"mine", reason="a tool opens it")
    selection = Selection(server="s", files=(shipped,))

    with pytest.raises(UsageError, match="which the export writes itself"):
        lay_out(selection, Folder(tmp_path / "server.py"), frozenset(), package=False, docker=False)


def test_tools_of_nowhere_are_said(tmp_path: Path) -> None:
    names: dict[str, object] = {"__name__": "nowhere"}
    exec("def f() -> int:\n    return 1\n", names)
    with Workbench(folder=str(tmp_path)) as workbench:
        workbench.tool(names["f"])
        with pytest.raises(UsageError, match="cannot be found"):
            workbench.export(check=False)


def test_an_empty_server_and_an_unknown_extra_are_said(tmp_path: Path) -> None:
    with Workbench(folder=str(tmp_path)) as workbench:
        with pytest.raises(UsageError, match="has nothing to export"):
            workbench.export()
        with pytest.raises(UsageError, match="there is no extra 'grpc'"):
            workbench.export(extras=["grpc"])
    assert list(tmp_path.iterdir()) == []


def test_a_server_of_a_file_is_no_notebooks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_server_file.py").write_text(
        "from mcp.server import MCPServer\nmcp = MCPServer('x')\n"
        "@mcp.tool()\ndef f() -> int:\n    return 1\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    said = pytest.raises(UsageError, match=r"%mcp import a_server_file\.py makes cells")
    with Workbench(folder=str(tmp_path)) as workbench, said:
        workbench.export("a_server_file:mcp")
    sys.modules.pop("a_server_file")
