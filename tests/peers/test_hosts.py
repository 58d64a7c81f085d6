"""What ``%mcp config`` writes, read by the hosts' own parsers and followed by their clients."""

from __future__ import annotations

import json
import shlex
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mcp_notebook.transports.ports import free_port
from tests.peers.conftest import CLIENTS, Peers, listening, run
from tests.peers.test_tools import INSPECTOR, LAUNCHER
from tests.rigs.kernel import KernelRig

pytestmark = [pytest.mark.peers, pytest.mark.kernel, pytest.mark.timeout(120)]

TOOLS = {"climb", "negative", "greet"}
SERVED = "https://h.example/mcp --as far --header Authorization=$token"


def written(desk: KernelRig, host: str, file: Path, words: str = "--live") -> Any:
    """Lets the notebook write a host's file; gives the entry."""
    desk.run(f"c = %mcp config {host} --write --file {file} {words}").check()
    return desk.value("c.entry")


def parsed(peers: Peers, environment: str, host: str, file: Path, home: Path) -> Any:
    """What a host's own code finds in a file."""
    command = [peers.python(environment), "-P", str(CLIENTS / "parsers.py"), host, str(file)]
    return json.loads(run(command, HOME=str(home)).stdout)


def test_the_parser_of_jupyter_ai(desk: KernelRig, peers: Peers, tmp_path: Path) -> None:
    file = tmp_path / ".jupyter" / "mcp_settings.json"
    desk.run("token = 'not-to-be-written'").check()
    live = written(desk, "jupyter-ai", file)
    far = written(desk, "jupyter-ai", file, SERVED)
    keyed = written(desk, "jupyter-ai", file, "--env API_KEY --as keyed -- python server.py")

    found = parsed(peers, "jupyterai", "jupyter-ai", file, tmp_path)

    assert found == [{"env": [], **live}, far, keyed]
    assert "not-to-be-written" not in file.read_text()


@pytest.mark.parametrize("host", ["mcp-json", "claude-code", "cursor", "claude-desktop"])
def test_fastmcp_reads_the_file_and_calls_the_notebook(
    desk: KernelRig, peers: Peers, tmp_path: Path, host: str
) -> None:
    file = tmp_path / "mcp.json"
    written(desk, host, file)

    found = parsed(peers, "fastmcp", "fastmcp", file, tmp_path)

    assert found["kinds"] == {"notebook": "StdioMCPServer"}
    assert set(found["tools"]) >= TOOLS


@pytest.mark.parametrize("words", ["--live", "desk-http"])
def test_the_inspector_reads_the_file_and_calls_the_notebook(
    desk: KernelRig, peers: Peers, tmp_path: Path, words: str
) -> None:
    file = tmp_path / "mcp.json"
    desk.run("ep = %mcp serve -t http --as desk-http").check()
    written(desk, "mcp-json", file, f"{words} --as mine")
    command = [*peers.script(INSPECTOR, LAUNCHER), "--cli", "--config", str(file)]
    command += ["--server", "mine", "--method"]

    listed = json.loads(run([*command, "tools/list"], HOME=str(tmp_path)).stdout)
    called = (*command, "tools/call", "--tool-name", "climb", "--tool-arg", "steps=3")

    assert {tool["name"] for tool in listed["tools"]} >= TOOLS
    assert json.loads(run(called, HOME=str(tmp_path)).stdout)["content"][0]["text"] == "3 steps up"


def test_this_package_reads_what_it_wrote(desk: KernelRig, tmp_path: Path) -> None:
    file = tmp_path / "mcp.json"
    written(desk, "vscode", file)
    desk.run(f"back = %mcp connect {file}#notebook").check()
    assert set(desk.value("[t.name for t in back.tools()]")) >= TOOLS
    desk.run("back.close()").check()


ROADS = {"stdio": "", "streamableHttp": "/mcp", "sse": "/sse"}


@pytest.mark.parametrize("road", ROADS)
def test_the_inspector_and_the_reference_server_do_not_notice_a_tap(
    desk: KernelRig, peers: Peers, tmp_path: Path, road: str
) -> None:
    """What the Inspector shows is the same with a tap between them; the notebook sees it all."""
    with ExitStack() as stack:
        straight: Any = {"command": peers.node, "args": peers.everything(road)[1:]}
        words = shlex.join(["--", *peers.everything(road)])
        if road != "stdio":
            port = free_port()
            stack.enter_context(listening(peers.everything(road), port, tmp_path / "log"))
            url = f"http://127.0.0.1:{port}{ROADS[road]}"
            words, straight = url, {"type": "sse" if road == "sse" else "http", "url": url}
        desk.run(f"tapped = %mcp tap --as far-{road} {words}").check()
        tapped = written(desk, "mcp-json", tmp_path / "tapped.json", f"far-{road}")
        told = {}
        for name, entry in (("straight", straight), ("tapped", tapped)):
            file = tmp_path / f"{name}.json"
            file.write_text(json.dumps({"mcpServers": {"one": entry}}))
            command = [*peers.script(INSPECTOR, LAUNCHER), "--cli", "--config", str(file)]
            command += ["--server", "one", "--method"]
            call = ("tools/call", "--tool-name", "get-sum", "--tool-arg", "a=7", "b=8")
            told[name] = [
                json.loads(run([*command, *more], HOME=str(tmp_path)).stdout)
                for more in (("tools/list",), call, ("resources/list",))
            ]
        assert told["tapped"] == told["straight"]
        assert "15" in told["tapped"][1]["content"][0]["text"]
        flow = desk.run(f"%mcp flow --text conn:far-{road}").check().text
        assert "as the relay saw it" in flow
        for part in ("initialize", "tools/list", "tools/call get-sum", "resources/list"):
            assert part in flow
        desk.run("tapped.stop()").check()
