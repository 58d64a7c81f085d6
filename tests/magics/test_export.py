"""``%mcp export``, ``diff`` and ``import`` in a real kernel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rigs.census import assert_nothing_left, take_census
from tests.rigs.kernel import KernelRig
from tests.rigs.proving import cache_environment

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.timeout(240)]

SECRET = "sk-live-0123456789abcdefghij"

CELLS = [
    f"import math\nfrom dataclasses import dataclass\nAPI_KEY = '{SECRET}'\nFACTOR = 3\n",
    "# makes it bigger\ndef scaled(x: float) -> float:\n    return x * FACTOR\n",
    '%%mcp tool --read-only\ndef area(r: float) -> float:\n    "Area of a circle."\n'
    "    return scaled(math.pi * r * r)\n\n"
    'def greet(name: str = "you") -> str:\n    "Greet."\n    return f"hello {name}"\n',
    '%%mcp tool\ndef send(to: str) -> str:\n    "Send a mail."\n'
    '    return f"sent to {to} with {len(API_KEY)}"\n',
    '%%mcp resource data://{name}\ndef data(name: str) -> str:\n    "Data."\n'
    "    return name.upper()\n",
    '%%mcp prompt\ndef review(code: str) -> str:\n    "Review."\n    return "Review " + code\n',
    "%mcp serve -t memory",
    "%mcp connect",
    "%mcp call area(2)",
    "%mcp call greet()",
    "%mcp call send('ada')",
    "%mcp read data://x",
    "%mcp prompt review code=1",
]


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelRig]:
    """A kernel in which a notebook ran, whose server was exported once."""
    rig = KernelRig(tmp_path_factory.mktemp("kernel"), cache_environment())
    try:
        rig.run("%load_ext mcp_notebook", 60).check()
        for cell in CELLS:
            rig.run(cell, 60).check()
        rig.run("first = %mcp export", 200).check()
        yield rig
    finally:
        rig.stop()


def shown(notebook: KernelRig, code: str, timeout: float = 200) -> str:
    """The plain text of a cell's result, which must have HTML beside it."""
    result = notebook.run(code, timeout).check()
    assert result.stderr == ""
    assert result.result is not None
    assert "<table" in result.result["text/html"]
    return str(result.result["text/plain"])


def test_an_export_is_written_and_proven_and_shows_itself(notebook: KernelRig) -> None:
    text = shown(notebook, "first")

    assert "notebook: 5 parts exported, proven equal" in text, text
    assert "area           with FACTOR, scaled" in text
    assert "API_KEY  a secret" in text
    for road in ("stdio legacy", "stdio modern", "http legacy ", "http modern "):
        assert f"{road}  lists equal  calls: 4 equal" in text
    assert "send: compared by schema alone" in text
    assert notebook.value("[first.ok, str(first.path), len(first.report.taken)]") == [
        True,
        str(notebook.cwd / "notebook/server.py"),
        5,
    ]


def test_no_secret_is_in_any_file_or_output(notebook: KernelRig) -> None:
    folder = notebook.cwd / "notebook"
    names = sorted(path.name for path in folder.iterdir())

    assert names == ["server.contract.json", "server.py", "test_server.py"]
    assert all(SECRET not in (folder / name).read_text() for name in names)
    assert SECRET not in shown(notebook, "first")


def test_the_written_test_passes_beside_the_file_and_fails_where_it_should(
    notebook: KernelRig,
) -> None:
    folder = notebook.cwd / "notebook"
    text = (folder / "test_server.py").read_text()
    assert "mcp_notebook" not in text
    wrong = '{"method": "tools/call", "name": "greet", "answer": {"result": {}}}'
    (folder / "test_wrong.py").write_text(text.replace("CALLS: Any = [", f"CALLS: Any = [{wrong},"))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_wrong.py"],
            cwd=folder,
            env={**os.environ, "API_KEY": "another", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            text=True,
            timeout=120,
        )
    finally:
        (folder / "test_wrong.py").unlink()
    # four calls and the lists, in two eras; and the wrong one
    assert "2 failed, 10 passed" in done.stdout, done.stdout


def test_the_same_again_is_no_change(notebook: KernelRig) -> None:
    text = notebook.run("%mcp diff").check().text

    assert text == "notebook in this notebook: the same contract as notebook/server.py"
    notebook.run("e = %mcp export --no-check", 60).check()
    assert notebook.value("[e.ok, e.report.proof is None]") == [True, True]


def test_a_file_that_was_changed_is_not_overwritten(notebook: KernelRig) -> None:
    file = notebook.cwd / "notebook/server.py"
    before = file.read_text()
    file.write_text(before + "# mine\n")

    refused = notebook.run("%mcp export --no-check", 60)
    assert refused.ename == "UsageError"
    assert "server.py in notebook changed since the last export. --force" in refused.evalue
    assert "server.py was changed since its export" in notebook.run("%mcp diff").check().text

    text = notebook.run("%mcp export --no-check --force", 60).check().text
    assert "kept a copy of what was there: server.py.bak" in text
    assert (file.parent / "server.py.bak").read_text() == before + "# mine\n"
    assert file.read_text() == before
    (file.parent / "server.py.bak").unlink()


def test_what_cannot_leave_is_refused_with_ways_out(notebook: KernelRig) -> None:
    notebook.run(
        "import socket\ngate = socket.socket()\n"
        "def guarded() -> int:\n    return gate.fileno()\n"
        "%mcp add guarded --server locked\n"
    ).check()
    text = shown(notebook, "r = %mcp export locked\nr")

    assert "not exported; 1 part cannot leave" in text
    assert "guarded" in text
    assert "gate" in text
    assert notebook.value("[r.ok, r.path]") == [False, None]
    assert not (notebook.cwd / "locked").exists()


def test_a_changed_contract_is_told(notebook: KernelRig) -> None:
    notebook.run(
        '%%mcp tool --server other --read-only\ndef half(x: float) -> float:\n    "Half."\n'
        "    return x / 2\n"
    ).check()
    notebook.run("%mcp export other --no-check -o kept/half.py", 60).check()
    notebook.run(
        "%%mcp tool --server other\ndef half(x: int, by: int) -> float:\n    'Half.'\n"
        "    return x / by\n"
    ).check()
    text = shown(notebook, "d = %mcp diff other kept/half.py\nd", 60)

    assert "3 breaking" in text
    for change in (
        "argument x type: number -> integer",
        "argument by is new and required",
        "readOnlyHint: true -> none",
    ):
        assert change in text
    assert notebook.value("[d.ok, len(d.breaking)]") == [False, 3]
    started = shown(notebook, "%mcp diff other kept/half.py --start", 60)
    assert "half.py was started and asked" in started
    assert "3 breaking" in started


def test_an_import_writes_a_notebook_that_runs(notebook: KernelRig, tmp_path: Path) -> None:
    notebook.run("%mcp import notebook/server.py -o back.ipynb").check()
    cells = json.loads((notebook.cwd / "back.ipynb").read_text())["cells"]
    sources = ["".join(cell["source"]) for cell in cells]

    assert sources[0] == "%load_ext mcp_notebook"
    assert any(source.startswith("%%mcp tool area --read-only") for source in sources)
    refused = notebook.run("%mcp import notebook/server.py -o back.ipynb")
    assert "is there already. --force" in refused.evalue
    (notebook.cwd / "back.ipynb").write_text("{}")
    forced = notebook.run("%mcp import notebook/server.py -o back.ipynb --force").check()
    assert "kept a copy of what was there: back.ipynb.bak" in forced.text
    assert (notebook.cwd / "back.ipynb.bak").read_text() == "{}"


def test_an_interrupt_leaves_nothing_running_and_no_half_file(notebook: KernelRig) -> None:
    before = take_census(notebook)

    cell = notebook.start("%mcp export -o stopped")
    cell.wait_for_text("started", 120)
    notebook.interrupt()
    result = cell.wait(60)

    assert result.ename == "KeyboardInterrupt"
    assert "stopped/server.py is written, and not proven" in result.evalue
    assert_nothing_left(notebook, before, 30, ("children", "ports", "threads"))
    assert [p for p in (notebook.cwd / "stopped").iterdir() if p.suffix == ".part"] == []
    compile((notebook.cwd / "stopped/server.py").read_text(), "server.py", "exec")
    assert notebook.run("%mcp call area(2)").check().text


def test_an_answer_from_before_a_change_is_compared_with_what_the_notebook_says_now(
    notebook: KernelRig,
) -> None:
    cell = (
        "%%mcp tool --server newer --read-only --thread kernel\n"
        'def where() -> str:\n    "Where."\n    return "{}"\n'
    )
    notebook.run(cell.format("old"), 60).check()
    notebook.run("n = %mcp serve newer -t memory").check()
    notebook.run("%mcp connect newer-memory --as newer").check()
    notebook.run("%mcp call where() --on newer").check()
    notebook.run(cell.format("new"), 60).check()
    text = shown(notebook, "%mcp export newer")
    notebook.run("%mcp use notebook-memory").check()

    assert "newer: 1 part exported, proven equal" in text, text
    assert "where: equal to what the notebook answers now, which is not what was recorded" in text


def test_a_project_is_proven_as_it_is_started(notebook: KernelRig) -> None:
    text = shown(notebook, "e = %mcp export --package --docker -o project\ne")

    assert "notebook: 5 parts exported, proven equal" in text, text
    folder = notebook.cwd / "project"
    assert notebook.value("str(e.path)") == str(folder / "src/notebook_server/server.py")
    for name in ("pyproject.toml", "tests/test_server.py", "Dockerfile", "compose.yaml"):
        assert (folder / name).is_file()
    assert list(folder.rglob("__pycache__")) == []
    test = (folder / "tests/test_server.py").read_text()
    assert '/ "../src/notebook_server/server.py"' in test
    assert notebook.run("%mcp diff notebook project").check().text == (
        "notebook in this notebook: the same contract as project/server.py"
    )


def test_what_is_exported_in_python_is_the_same(notebook: KernelRig) -> None:
    notebook.run(
        "wb = %mcp workbench\np = wb.export(check=False, path='python', extras=['websocket'])", 60
    ).check()
    assert notebook.value("[p.ok, p.path.name]") == [True, "server.py"]
    assert "websocket" in (notebook.cwd / "python/server.py").read_text()


WRONG: list[tuple[str, tuple[str, ...]]] = [
    ("%mcp export nobody", ("there is no server 'nobody'", "notebook")),
    ("%mcp export --wth redis", ("there is no option --wth", "Did you mean --with?")),
    ("%mcp export --with carrier", ("there is no extra 'carrier'", "websocket, redis")),
    ("%mcp export --with websocket,", ("--with 'websocket,'", "For example")),
    ("%mcp export --freeze table", ("'table' is no NAME=FILE", "Write NAME=FILE")),
    ("%mcp export --replace 1=x", ("'1' is no name of a variable",)),
    ("%mcp export --env key=", ("'key=' is no NAME=VARIABLE",)),
    ("%mcp export --replay sned", ("has no tool 'sned'", "Did you mean send?")),
    ("%mcp export --unsteady nothing_like_it", ("has no tool", "It has: area, greet, send")),
    ("%mcp export server.py", ("is a file, no server", "%mcp export -o server.py")),
    ("%mcp export -o x.py --docker", ("more than x.py", "Give -o a folder")),
    ("%mcp export -o", ("expected one argument", "Usage: %mcp export")),
    ("%mcp export --server notebook", ("there is no option --server",)),
    ("%mcp diff nobody", ("there is no server 'nobody'",)),
    ("%mcp diff notebook missing.py", ("there is no export at missing.py", "%mcp export makes")),
    ("%mcp diff a.py b.py", ("more than a server and a file",)),
    ("%mcp import", ("FILE is missing", "Usage: %mcp import")),
    ("%mcp import missing.py", ("there is no file missing.py",)),
    ("%mcp import notebook/server.py -o x.py", ("x.py is no notebook", "-o NAME.ipynb")),
]


@pytest.mark.parametrize(("line", "words"), WRONG, ids=[line for line, _ in WRONG])
def test_a_wrong_line_is_answered_in_one(
    notebook: KernelRig, line: str, words: tuple[str, ...]
) -> None:
    result = notebook.run(line, 60)

    assert result.ename == "UsageError", result.text
    assert [word for word in words if word not in result.evalue] == [], result.evalue
    assert "\n" not in result.evalue


def test_an_empty_server_is_said(notebook: KernelRig) -> None:
    notebook.run("wb = %mcp workbench\nwb.server('empty')").check()
    result = notebook.run("%mcp export empty")
    assert "empty has nothing to export. %%mcp tool" in result.evalue


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("%mcp export ", "notebook"),
        ("%mcp export --with ", "websocket"),
        ("%mcp export --replay s", "send"),
        ("%mcp export --un", "--unsteady"),
        ("%mcp dif", "diff"),
    ],
)
def test_tab_completes(notebook: KernelRig, text: str, offered: str) -> None:
    assert offered in notebook.complete(text)["matches"]


def test_help_tells_every_option(notebook: KernelRig) -> None:
    text = notebook.run("%mcp export --help").check().text
    for option in ("--package", "--docker", "--with", "--freeze", "--no-check", "--replay"):
        assert option in text


# ---- the last: it defines the same names again ---------------------------------------------------


def test_an_export_comes_back_as_a_cell_and_leaves_with_the_same_contract(
    notebook: KernelRig,
) -> None:
    result = notebook.run("%mcp import notebook/server.py").check()
    (payload,) = result.payload
    assert payload["source"] == "set_next_input"
    assert not payload["replace"]

    kept = json.loads((notebook.cwd / "notebook/server.contract.json").read_text())
    notebook.run("%mcp remove area greet send data://{name} review").check()
    notebook.run(f"import os\nos.environ['API_KEY'] = '{SECRET}'").check()
    notebook.run(payload["text"]).check()
    again = notebook.run("%mcp export -o again --no-check", 60).check()

    assert "5 parts exported" in again.text
    renewed = json.loads((notebook.cwd / "again/server.contract.json").read_text())
    for key in ("server", "tools", "resources", "templates", "prompts"):
        assert renewed[key] == kept[key]
