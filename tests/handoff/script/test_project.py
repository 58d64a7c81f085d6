"""``--package``: a project that builds, installs nothing odd, and whose command serves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from mcp_notebook.handoff.script import package, server_path
from mcp_notebook.handoff.script.project import Files, command_name, module_name
from mcp_notebook.handoff.selection import Shipped, Variable
from tests.handoff.script.made import Notebook
from tests.handoff.script.test_parts import INITIALIZE

NOTEBOOK = Notebook(
    "print('a cell speaks')",
    "def read() -> str:\n    return open('notes.txt').read()",
    "async def page(name: str) -> str:\n    return name",
)
NOTEBOOK.part("read").part("page", kind="resource", name="page://{name}").part(
    "page", kind="prompt"
)


def project(**fields: object) -> Files:
    notes = Shipped(path=PurePosixPath("notes.txt"), content=b"shipped", reason="read opens it")
    secret = Variable(name="API_KEY", stands_for="KEY")
    selection = NOTEBOOK.selection("My Notes!", files=(notes,), variables=(secret,), **fields)
    return package(selection, extras=frozenset({"redis"}), test="def test_it() -> None: ...\n")


@pytest.mark.parametrize(
    ("server", "command", "module"),
    [
        ("weather", "weather", "weather"),
        ("My Notes!", "my-notes", "my_notes"),
        ("notebook", "notebook-server", "notebook_server"),
        ("json", "json-server", "json_server"),
        ("IPython", "ipython-server", "ipython_server"),
        ("2 fast", "mcp-2-fast", "mcp_2_fast"),
        ("日本", "mcp-server", "mcp_server"),
        ("class", "class", "class_"),
        ("a" * 60, "a" * 40, "a" * 40),
    ],
)
def test_the_server_gets_a_name_that_tools_take(server: str, command: str, module: str) -> None:
    assert (command_name(server), module_name(server)) == (command, module)


def test_its_files() -> None:
    files = project()
    assert sorted(map(str, files)) == [
        "README.md",
        "pyproject.toml",
        "src/my_notes/__init__.py",
        "src/my_notes/__main__.py",
        "src/my_notes/notes.txt",
        "src/my_notes/server.py",
        "tests/test_server.py",
    ]
    assert server_path(NOTEBOOK.selection("My Notes!")) in files
    told = tomllib.loads(files[PurePosixPath("pyproject.toml")].decode())["project"]
    assert told["scripts"] == {"my-notes": "my_notes.__main__:main"}
    assert told["version"] == "0.1.0"
    assert [line for line in told["dependencies"] if line.startswith(("mcp", "redis"))] == [
        "mcp>=2.3,<3",
        "redis>=5",
    ]
    readme = files[PurePosixPath("README.md")].decode()
    for words in ("Tools: `read`", "Resources: `page://{name}`", "`API_KEY`: secret", "uvx --from"):
        assert words in readme
    assert "# /// script" not in files[PurePosixPath("src/my_notes/server.py")].decode()


def test_a_version_is_taken_over_where_packages_may_have_it() -> None:
    for given, written in {"2.1": "2.1", "1.0rc1": "1.0rc1", "spring '26": "0.1.0"}.items():
        text = project(version=given)[PurePosixPath("pyproject.toml")].decode()
        assert tomllib.loads(text)["project"]["version"] == written


@pytest.mark.slow
def test_its_wheel_serves_and_its_own_prints_stay_off_stdout(tmp_path: Path) -> None:
    for path, content in project().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        entry = archive.read("my_notes-0.1.0.dist-info/entry_points.txt").decode()
        archive.extractall(installed)
    assert "my-notes = my_notes.__main__:main" in entry

    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "read"}}
    asked = "".join(json.dumps(one) + "\n" for one in (INITIALIZE, call))
    start = "from my_notes.__main__ import main; main()"  # as the console script does
    bare = {k: v for k, v in os.environ.items() if k != "API_KEY"} | {"PYTHONPATH": str(installed)}
    command = [sys.executable, "-c", start, "--help"]
    told = subprocess.run(command, env=bare, cwd="/", capture_output=True, text=True, timeout=30)
    assert told.returncode == 0, told.stderr
    assert "MCP_TRANSPORT" in told.stdout
    process = subprocess.Popen(
        [sys.executable, "-c", start],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
        env=os.environ | {"PYTHONPATH": str(installed), "API_KEY": "k"},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        process.stdin.write(asked)
        process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for _ in range(2)]
        rest, errors = process.communicate(timeout=30)
    assert answers[1]["result"]["structuredContent"] == {"result": "shipped"}
    assert rest == ""
    assert "a cell speaks" in errors
