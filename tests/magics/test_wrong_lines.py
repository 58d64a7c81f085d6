"""Wrong lines: each stops Run All with one line that says what to type, and nothing of ours."""

from __future__ import annotations

from pathlib import Path

import nbclient
import nbformat
import pytest

from tests.rigs.kernel import KernelRig
from tests.rigs.lessons import run_lesson

pytestmark = pytest.mark.kernel

SCENE = """\
import os, socket, subprocess, sys
taken = socket.create_server(("127.0.0.1", 0))
port = taken.getsockname()[1]
free = socket.create_server(("127.0.0.1", 0))
dead = free.getsockname()[1]
free.close()
token, number, who = "a secret", 5, "nobody"
urls = {scheme: f"{scheme}://127.0.0.1:{dead}/mcp" for scheme in ("http", "ws")}
sse, http, ws = f"http://127.0.0.1:{dead}/sse", urls["http"], urls["ws"]
tcp, unix = f"tcp://127.0.0.1:{dead}", "unix:" + os.path.join(os.getcwd(), "nowhere.sock")
dies = "import sys; print('dying words', file=sys.stderr); sys.exit(3)"
legacy = "bare.py"
"""

LEGACY_SERVER = """\
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    if message["method"] == "initialize":
        result = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                  "serverInfo": {"name": "bare", "version": "1"}}
        answer = {"jsonrpc": "2.0", "id": message["id"], "result": result}
    else:
        error = {"code": -32601, "message": "no such method"}
        answer = {"jsonrpc": "2.0", "id": message["id"], "error": error}
    print(json.dumps(answer), flush=True)
"""

Words = tuple[str, ...]

WRONG_LINES: list[tuple[str, Words]] = [
    # commands and options
    ("%mcp conect", ("'conect'", "Did you mean connect?")),
    ("%mcp nonsense", ("'nonsense'", "%mcp help")),
    ("%mcp --version", ("'--version'", "%mcp help")),
    ("%mcp help nonsense", ("'nonsense'", "%mcp help")),
    ("%mcp serve --prot 8000", ("--prot", "Did you mean --port?", "Usage: %mcp serve")),
    ("%mcp serve --por 8000", ("there is no option --por.", "Did you mean --port?")),
    ("%mcp serve -t", ("--transport", "expected one argument", "Usage: %mcp serve")),
    ("%mcp serve --port many", ("--port", "'many'", "Usage: %mcp serve")),
    ("%mcp serve --port $token", ("--port", "'a secret'")),
    ("%mcp call add(1) --timeout soon", ("--timeout", "'soon'", "Usage: %mcp call")),
    ("%mcp status now", ("'now' is one too many", "Usage: %mcp status")),
    ("%mcp use", ("C is missing", "Usage: %mcp use")),
    ("%mcp read", ("URI is missing", "Usage: %mcp read")),
    ("%mcp call echo text='open", ("a quote is not closed",)),
    ("%mcp connect 'open", ("a quote is not closed",)),
    ("%mcp tool", ("is for whole cells", "%%mcp tool")),
    ("%mcp send", ("is for whole cells", "%%mcp send")),
    ("%%mcp serve\nx", ("is for one line", "%mcp serve")),
    ("%%mcp\nx = 1", ("%%mcp needs a command", "%%mcp tool")),
    ("%%mcp help\nx = 1", ("%%mcp needs a command", "%%mcp tool")),
    ("%mcp list", ("'list'", "Did you mean tools?")),
    ("%mcp nonsense  # a comment", ("'nonsense'. %mcp help",)),
    ("%mcp serve -p 8000", ("there is no option -p.", "Did you mean --port?")),
    ("%mcp serve websocket", ("is a transport", "%mcp serve -t websocket")),
    ("%mcp serve srv.py", ("is a file", "%mcp serve srv:mcp")),
    ("%mcp serve sub/srv.py", ("is a file", "%mcp serve sub.srv:mcp")),
    ("%mcp call add(1) --timeout 0", ("--timeout", "'0' is no time to wait", "more than 0")),
    ("%mcp connect --timeout -1", ("--timeout", "'-1' is no time to wait", "more than 0")),
    # transports, ports, hosts
    ("%mcp serve -t htp", ("unknown transport 'htp'", "Did you mean http?", "websocket")),
    ("%mcp serve --port $port", ("is taken", "--port")),
    ("%mcp serve -t websocket --port $port", ("is taken", "--port")),
    ("%mcp serve -t tcp --port $port", ("is taken", "--port")),
    ("%mcp serve -t sse --port $port", ("is taken", "--port")),
    ("%mcp serve --port 80000", ("there is no port 80000", "65535")),
    ("%mcp serve -t memory --port 5", ("--port means nothing on memory", "Leave it out")),
    ("%mcp serve --host 0.0.0.0", ("0.0.0.0", "--token $NAME")),
    ("%mcp serve --host 203.0.113.5 --token $token", ("203.0.113.5", "Leave --host out")),
    ("%mcp serve --token $nothing", ("$nothing is not defined", "nothing = ...")),
    ("%mcp serve --token env:NO_SUCH_NAME", ("NO_SUCH_NAME", "%env NO_SUCH_NAME=...")),
    # servers
    ("%mcp serve nobody", ("there is no server 'nobody'", "notebook")),
    ("%mcp serve no_such_module:mcp", ("no_such_module", "module:attribute")),
    ("%mcp serve json:nothing", ("json has no 'nothing'", "MCPServer")),
    ("%mcp serve json:loads", ("not an MCPServer",)),
    ("%mcp serve $number", ("int", "MCPServer")),
    # targets
    ("%mcp connect nowhere", ("'nowhere'", "A URL")),
    ("%mcp connect notebok", ("'notebok'", "Did you mean notebook")),
    ("%mcp connect $number", ("int", "%mcp connect --help")),
    ("%mcp connect $http", ("nothing answers at http://127.0.0.1:", "Is the server running?")),
    ("%mcp connect $sse", ("nothing answers at http://127.0.0.1:", "Is the server running?")),
    ("%mcp connect $ws", ("nothing answers at ws://127.0.0.1:", "%mcp status")),
    ("%mcp connect $tcp", ("nothing answers at tcp://127.0.0.1:", "%mcp status")),
    ("%mcp connect $unix", ("nothing answers at", "nowhere.sock", "%mcp status")),
    ("%mcp connect ftp://example.org", ("ftp:", "ws(s)://")),
    ("%mcp connect http://", ("names no host", "http://127.0.0.1:8000/mcp")),
    ("%mcp connect tcp://127.0.0.1", ("tcp://HOST:PORT",)),
    ("%mcp connect missing.py", ("there is no file missing.py", "notebook's folder")),
    ("%mcp connect mcp.json", ("there is no file mcp.json",)),
    ("%mcp connect -- no-such-program x", ("no program 'no-such-program'", "after --")),
    ("%mcp connect --token $token -- cat", ("--token means nothing here", "HTTP")),
    ("%mcp connect bare.py --header A=b", ("--header means nothing here", "HTTP")),
    ("%mcp connect notebook-memory --header A=b", ("--header means nothing here", "HTTP")),
    ("%mcp connect $http --env A=b", ("--env means nothing here", "child process")),
    ("%mcp connect --cwd /", ("--cwd means nothing here", "child process")),
    ("%mcp connect --", ("there is no command after --", "%mcp connect -- python server.py")),
    ("%mcp connect python srv.py", ("after --", "Write %mcp connect -- python srv.py")),
    ("%mcp connect python -m srv", ("after --", "Write %mcp connect -- python -m srv")),
    ("%mcp connect --era legacy python a.py", ("Write %mcp connect -- python a.py",)),
    ("%mcp connect notebook more", ("'more' is one too many", "%mcp connect -- COMMAND")),
    ("%mcp connect 127.0.0.1:8931", ("Did you mean http://127.0.0.1:8931/mcp?",)),
    ("%mcp connect localhost:8000/mcp", ("Did you mean http://localhost:8000/mcp?",)),
    ("%mcp connect notebook -- python x.py", ("Keep one",)),
    ("%mcp connect -- python -c $dies", ("exit code 3", "dying words", "%mcp why")),
    ("%mcp connect --timeout 0.3 -- sleep 600", ("did not answer", "--timeout 30")),
    ("%mcp connect --era medieval", ("'medieval'", "legacy", "2026-07-28")),
    ("%mcp connect --era modern $legacy", ("--era legacy",)),
    ("%mcp connect notebook --header nonsense", ("NAME=VALUE",)),
    ("%mcp connect notebook --env NO_SUCH_NAME", ("%env NO_SUCH_NAME=...",)),
    # calls
    ("%mcp call", ("which tool?", "%mcp call add(a=2, b=3)")),
    ("%mcp call ad(1)", ("has no tool 'ad'", "Did you mean add?")),
    ("%mcp call zzz(1)", ("has no tool 'zzz'", "It has: add, echo")),
    ("%mcp call add(c=1)", ("no argument 'c'", "add(a: integer, b: integer = 2)")),
    ("%mcp call add()", ("add needs a", "add(a: integer, b: integer = 2)")),
    ("%mcp call add(a='x')", ("'x' is not of type 'integer'", "add(a: integer")),
    ("%mcp call add a=x", ("'x' is no integer",)),
    ("%mcp call add 5", ("'5' has no name", "add a=... b=...")),
    ("%mcp call add(1) b=3", ("'b=3' is one too many", "the brackets of add")),
    ("%mcp call add(1, 2, 3)", ("takes 2 arguments, 3 were given", "add(a, b)")),
    ("%mcp call add(1, a=2)", ("a twice",)),
    ("%mcp call add(a=1", ("is no Python call", "add(a=2, b='text')")),
    ("%mcp call add(missing)", ("NameError", "'missing'")),
    ("%mcp call add($number, 2)", ("is no Python call", "write number without $")),
    ("%mcp call add(1).value", ("ends with its bracket", "r = %mcp call add(1), then r.value")),
    ("%mcp call add(1) + 3", ("r = %mcp call add(1), then r.value + 3",)),
    ("%mcp call echo text=Ada Lovelace", ("'Lovelace' has no name", "text='Ada Lovelace'")),
    ('%mcp call echo text=[{"a": 1}]', ("'1}]' has no name", "in single quotes")),
    ("%mcp call add a=$opn", ("$opn is not defined", "opn = ...")),
    ("%mcp call add a=$numbr", ("$numbr is not defined", "Did you mean $number?")),
    ("%mcp call add(number) --on nobody", ("no connection 'nobody'", "There is:")),
    ("%%mcp call add(1)\n{}", ("Keep one",)),
    ("%%mcp call add\n[1]", ("is a list, not an object", '{"a": 2, "b": 3}')),
    ("%%mcp call add\n{a b}", ("neither JSON nor a Python dict", '{"a": 2, "b": 3}')),
    # the rest
    ("%mcp use nobody", ("no connection 'nobody'", "There is:")),
    ("%mcp stop nobody", ("no endpoint or connection 'nobody'", "There is:")),
    ("%mcp remove nobody", ("has no 'nobody'", "It has: add, echo")),
    ("%mcp remove $who", ("has no 'nobody'", "It has: add, echo")),
    ("%mcp add nobody", ("no function nobody here", "def nobody(...)")),
    ("%mcp add print", ("no function print here", "def print(...)")),
    ("%mcp add number", ("number is of type int", "%mcp add FUNCTION")),
    ("%mcp read data://nothing", ("data://nothing", "%mcp resources")),
    ("%mcp prompt nothing", ("%mcp prompts",)),
    ("%mcp prompt", ("which prompt?", "%mcp prompts")),
    ("%mcp complete nothing a=b", ("completes nothing",)),
    ("%mcp flow nonsense:x", ("'nonsense'", "tool:")),
    ("%mcp flow 99999999", ("no event 99999999", "%mcp flow")),
    ("%mcp trace slow:soon", ("slow",)),
    ("%%mcp send", ("the cell is empty",)),
    ("%%mcp tool", ("the cell defines no function", "def")),
    ("%%mcp tool\nx = 1", ("the cell defines no function", "def")),
    ("%%mcp tool nothing\ndef x(): ...", ("no function nothing here", "def nothing(...)")),
    ("%%mcp tool\nawait x", ("cannot await", "a cell of its own")),
    ("%%mcp tool\ndef f(a: socket.socket) -> int: ...", ("f cannot become a tool", "type hints")),
    ("%%mcp resource nouri\ndef x(): ...", ("'nouri' is no URI", "data://{name}")),
]


@pytest.fixture(scope="module")
def scene(shared_kernel: KernelRig) -> KernelRig:
    """A kernel with a tool, a connection, a taken port and a dead one."""
    (shared_kernel.cwd / "bare.py").write_text(LEGACY_SERVER)
    shared_kernel.run("%load_ext mcp_notebook").check()
    shared_kernel.run(SCENE).check()
    shared_kernel.run(
        "%%mcp tool\ndef add(a: int, b: int = 2) -> int:\n    return a + b\n"
        "def echo(text: str) -> str:\n    return text\n"
    ).check()
    shared_kernel.run("%mcp serve -t memory").check()
    shared_kernel.run("%mcp connect").check()
    return shared_kernel


def assert_one_line(kernel: KernelRig, code: str, expected: Words) -> None:
    result = kernel.run(code, timeout=30)

    assert result.status == "error", f"{code}\n{result.text}"
    assert result.traceback == f"{result.ename}: {result.evalue}"
    assert "\n" not in result.evalue
    assert [word for word in expected if word not in result.evalue] == [], result.evalue
    assert (result.stdout, result.stderr, result.displays) == ("", "", [])


@pytest.mark.parametrize(("code", "expected"), WRONG_LINES, ids=[c for c, _ in WRONG_LINES])
def test_a_wrong_line_is_answered_in_one(scene: KernelRig, code: str, expected: Words) -> None:
    assert_one_line(scene, code, expected)


def test_after_all_that_the_connection_still_works(scene: KernelRig) -> None:
    assert scene.run("%mcp call add(2, b=3)").check().text == "5"


def test_a_wrong_line_of_serve_leaves_what_runs(scene: KernelRig) -> None:
    scene.run("kept = %mcp serve --as kept").check()
    scene.run("line = %mcp connect kept").check()

    assert scene.run("%mcp serve --as kept --port $port").status == "error"
    assert scene.run("%mcp serve --as kept --port 80000").status == "error"

    assert scene.value("[kept.status, line.status]") == ["listening", "open"]
    scene.run("%mcp stop kept").check()


@pytest.mark.parametrize("transport", ["http", "sse", "websocket", "tcp", "unix", "memory", "pipe"])
def test_an_endpoint_that_went_away_is_said_in_one_line(scene: KernelRig, transport: str) -> None:
    scene.run(f"%mcp serve -t {transport} --as gone").check()
    scene.run("%mcp connect gone --as line").check()
    scene.run("%mcp stop gone").check()

    assert_one_line(scene, "%mcp call add(1) --on line", ("line", "%mcp connect"))


def test_a_child_that_died_is_said_in_one_line(scene: KernelRig) -> None:
    scene.run("%mcp serve -t stdio --as child").check()
    scene.run("child = %mcp connect child").check()
    scene.run("os.kill(child.pid, 9)").check()

    assert_one_line(scene, "%mcp call add(1) --on child", ("child is gone", "%mcp connect"))
    assert_one_line(scene, "%mcp tools --on child", ("child", "%mcp connect"))


def test_a_closed_connection_says_how_to_go_on(scene: KernelRig) -> None:
    scene.run("%mcp serve -t memory --as short").check()
    scene.run("short = %mcp connect short").check()
    scene.run("short.close()").check()

    assert_one_line(scene, "%mcp tools --on short", ("no connection 'short'", "There is:"))
    assert_one_line(scene, "short.call('add', a=1)", ("short", "%mcp connect"))


def test_nothing_to_connect_to_is_said(kernel: KernelRig) -> None:
    kernel.run("%load_ext mcp_notebook").check()

    assert_one_line(kernel, "%mcp connect", ("nothing to connect to", "%mcp serve"))
    assert_one_line(kernel, "%mcp connect notebook", ("'notebook'",))
    assert_one_line(kernel, "%mcp call add(1)", ("has no tool 'add'", "%%mcp tool"))


# ---- runs of whole notebooks -----------------------------------------------------------------

CELLS = ["%load_ext mcp_notebook", "%mcp serve --prot 8000", "open('reached', 'w').close()"]


def wrong_notebook() -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in CELLS])


@pytest.mark.lesson
@pytest.mark.parametrize("wrong", [CELLS[1], "%%mcp tool"])
def test_a_lax_run_of_nbval_fails_at_a_wrong_line(tmp_path: Path, wrong: str) -> None:
    notebook = wrong_notebook()
    notebook.cells[1].source = wrong
    path = tmp_path / "wrong.ipynb"
    nbformat.write(notebook, path)

    status, shown = run_lesson(path)

    assert status == 1, shown
    assert "1 failed" in shown
    assert "UsageError: " in shown


@pytest.mark.lesson
def test_nbclient_stops_at_a_wrong_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    client = nbclient.NotebookClient(
        wrong_notebook(), timeout=60, resources={"metadata": {"path": str(tmp_path)}}
    )

    with pytest.raises(nbclient.exceptions.CellExecutionError, match="Did you mean --port"):
        client.execute()

    assert not (tmp_path / "reached").exists()
