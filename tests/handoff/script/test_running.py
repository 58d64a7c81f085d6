"""The written file as a process of its own: stdio, HTTP, WebSocket, several workers."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

import httpx
import pytest

from mcp_notebook.bench.programs import running
from mcp_notebook.handoff.selection import Shipped, Variable
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.transports.ports import free_port
from tests.handoff.deploy.farm import LEGACY, MODERN, answer, request
from tests.handoff.script.made import Notebook, written
from tests.handoff.script.test_parts import INITIALIZE

pytestmark = pytest.mark.slow

MODULE = "print('a module speaks')\n\ndef shout(text):\n    return text.upper()\n"
FROM_VOICES = "from voices import shout"
sys.modules["voices"] = voices = ModuleType("voices")
exec(MODULE.partition("\n")[2], vars(voices))  # what the notebook has beside it

LOUD = (
    Notebook(
        "OUT = sys.stdout\nprint('a cell speaks', 'x' * 10_000, flush=True)",
        "SECRET = os.environ.get('SECRET_WORD', '')",
        """
def speak(words: str = "") -> str:
    print("line")
    print("no line end", end="")
    sys.stdout.write(words)
    os.write(1, b"bytes")
    subprocess.run(["echo", "child"], check=True)
    print(input.__name__, file=OUT)
    return shout(open("notes.txt").read().strip())
""",
        "def block() -> str:\n    time.sleep(1.5)\n    return 'late'",
        "def leave() -> int:\n    print('last words', end='')\n    return len(SECRET)",
        imports=["import os", "import subprocess", "import sys", "import time", FROM_VOICES],
    )
    .part("speak")
    .part("block")
    .part("leave")
)
"""Its cells and tools write to standard output in every way."""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    selection = LOUD.selection(
        "loud",
        files=(
            Shipped(path=PurePosixPath("notes.txt"), content=b"hello\n", reason="speak opens it"),
            Shipped(path=PurePosixPath("voices.py"), content=MODULE.encode(), reason="imported"),
        ),
        variables=(Variable(name="SECRET_WORD", stands_for="SECRET"),),
    )
    return written(selection, tmp_path_factory.mktemp("loud"), extras=frozenset({"websocket"}))


def call(number: int, tool: str, **arguments: Any) -> dict[str, Any]:
    params = {"name": tool, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


def test_nothing_but_messages_leaves_by_stdout_and_a_slow_tool_holds_nobody_up(file: Path) -> None:
    """Started as a host does, from another folder."""
    asked = [
        INITIALIZE,
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        call(2, "block"),
        call(3, "speak", words="words"),
        call(4, "leave"),
    ]
    process = subprocess.Popen(
        [sys.executable, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd="/",
        env=os.environ | {"SECRET_WORD": "open"},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    answers = []
    with process:
        process.stdin.write(b"".join(json.dumps(one).encode() + b"\n" for one in asked))
        process.stdin.flush()
        answers += [json.loads(process.stdout.readline()) for _ in range(4)]
        rest, errors = process.communicate(timeout=30)

    assert rest == b""
    assert process.returncode == 0
    by_id = {one["id"]: one["result"] for one in answers}
    assert by_id[3]["structuredContent"] == {"result": "HELLO"}
    assert by_id[4]["structuredContent"] == {"result": 4}
    assert answers[-1]["id"] == 2
    for words in (b"a cell speaks", b"a module speaks", b"line\nno line endwords", b"bytes",
                  b"child", b"input", b"last words"):  # fmt: skip
        assert words in errors, words


def test_a_variable_that_is_missing_is_named(file: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "SECRET_WORD"}
    ended = subprocess.run(
        [sys.executable, str(file)],
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=30,
    )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == (
        "Set these in the environment, then start again: SECRET_WORD"
    )


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_needs_no_variable(file: Path, word: str) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "SECRET_WORD"}
    ended = subprocess.run(
        [sys.executable, str(file), word],
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=30,
    )
    assert ended.returncode == 0, ended.stderr
    assert "{stdio,http,sse,websocket}" in ended.stdout
    assert "MCP_ALLOWED_HOSTS" in ended.stdout


@contextmanager
def serving(file: Path, *argv: str, **environment: str) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, str(file), "--port", str(port), *argv]
    with running(command, port=port, env={"SECRET_WORD": "open", **environment}, cwd="/") as child:
        yield f"127.0.0.1:{port}"
        os.kill(child.pid, signal.SIGTERM)


@pytest.mark.parametrize("transport", ["http", "sse", "websocket"])
def test_both_eras_reach_it_over_every_transport(file: Path, transport: str) -> None:
    scheme = "ws" if transport == "websocket" else "http"
    path = "/elsewhere" if transport != "sse" else "/sse"
    with (
        serving(file, "--path", path, MCP_TRANSPORT=transport) as address,
        Workbench() as bench,
    ):
        for era in ("modern", "legacy"):
            connection = bench.connect(f"{scheme}://{address}{path}", era=era)
            assert connection.call("speak", words="").value == "HELLO"
            assert connection.call("leave").value == 4
            connection.close()


def test_uvicorn_serves_the_app_with_several_workers(file: Path) -> None:
    port = free_port()
    argv = [sys.executable, "-m", "uvicorn", "server:app", "--app-dir", str(file.parent)]
    argv += ["--workers", "2", "--port", str(port)]
    environment = {"SECRET_WORD": "open", "MCP_STATE_KEY": "k" * 32}
    with (
        running(argv, port=port, env=environment, cwd="/") as child,
        httpx.Client(trust_env=False, timeout=30) as client,
    ):
        for era in (MODERN, LEGACY) * 4:
            response = client.post(f"{child.url}/mcp", **request(era, 1, "leave", {}))
            assert answer(response) == 4
        assert client.get(f"{child.url}/mcp", headers={"Host": "evil"}).status_code == 421


def test_the_file_needs_neither_jupyter_nor_this_package(file: Path) -> None:
    names = set(re.findall(r"^(?:from|import) (\w+)", file.read_text(), re.MULTILINE))
    foreign = names - sys.stdlib_module_names - {"voices"}
    assert foreign == {"anyio", "mcp", "mcp_types", "sse_starlette", "starlette", "uvicorn"}
