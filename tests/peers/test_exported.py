"""Foreign clients at a server that was exported: they start it, or call it over HTTP."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.transports.ports import free_port
from tests.peers.conftest import CLIENTS, Peers, listening, run
from tests.peers.test_clients import script
from tests.peers.test_tools import INSPECTOR, LAUNCHER

pytestmark = [pytest.mark.peers, pytest.mark.timeout(120)]

FACTOR = 2


def times(number: int) -> int:
    """A function that the tool takes along."""
    return FACTOR * number


def double(number: int) -> int:
    """Double a number."""
    return times(number)


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """By transport: the command or the URL of the exported server."""
    folder = tmp_path_factory.mktemp("exported")
    with Workbench(folder=str(folder)) as bench:
        bench.tool(double)
        exported = bench.export(check=False)
    assert exported.path is not None, exported
    port = free_port()
    command = [sys.executable, str(exported.path)]
    served = [*command, "--transport", "http", "--port", str(port)]
    with listening(served, port, folder / "log"):
        yield {"stdio": json.dumps(command), "http": f"http://127.0.0.1:{port}/mcp"}


@pytest.mark.parametrize("way", ["stdio", "http"])
@pytest.mark.parametrize("sdk", ["python 1", "typescript 1", "typescript 2"])
def test_an_sdk_calls_it(peers: Peers, targets: dict[str, str], sdk: str, way: str) -> None:
    language, version = sdk.split()
    if language == "typescript":
        command = [peers.node, script("caller.mjs"), version]
    else:
        command = [peers.python("sdk1"), str(CLIENTS / "caller.py")]
    told = json.loads(run([*command, way, targets[way]]).stdout.splitlines()[-1])

    assert told == {"tools": ["double"], "called": {"result": 42}}


@pytest.mark.parametrize("way", ["stdio", "http"])
def test_the_inspector_calls_it(
    peers: Peers, targets: dict[str, str], way: str, tmp_path: Path
) -> None:
    target = json.loads(targets[way]) if way == "stdio" else [targets[way]]
    command = [*peers.script(INSPECTOR, LAUNCHER), "--cli", *target, "--method"]
    listed = json.loads(run([*command, "tools/list"], HOME=str(tmp_path)).stdout)
    asked = ("tools/call", "--tool-name", "double", "--tool-arg", "number=21")
    called = json.loads(run([*command, *asked], HOME=str(tmp_path)).stdout)

    assert [tool["name"] for tool in listed["tools"]] == ["double"]
    assert called["content"][0]["text"] == "42"
