"""What people start servers with: the real ``npx`` and ``uv run``, and nothing that survives them.

Shells, forks and supervisors are in tests/runtime/test_guardian_shapes.py.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.peers import install
from tests.peers.conftest import Peers
from tests.rigs.census import marked
from tests.rigs.kernel import KernelRig
from tests.rigs.launched import ENDINGS, assert_nobody_survives, connect_all, end
from tests.rigs.surroundings import need

pytestmark = [
    pytest.mark.peers,
    pytest.mark.kernel,
    pytest.mark.timeout(120),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a subreaper is Linux only"),
]

STUBBORN = """#!/usr/bin/env node
// A server that ends only when it is killed, with a process below it that does neither.
const { spawn } = require("node:child_process");
const deaf = (program) => `process.on("SIGTERM", () => {}); setInterval(() => {}, 1e6); ${program}`;
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => {});
spawn(process.execPath, ["-e", deaf("")], { detached: true, stdio: "ignore" });
setInterval(() => {}, 1e6);
const info = { name: "stubborn", version: "1" };
const results = {
  initialize: { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: info },
  "tools/list": { tools: [{ name: "wait", inputSchema: { type: "object" } }] },
};
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method } = JSON.parse(line);
  if (id === undefined) return;
  const error = { code: -32601, message: "no such method" };
  const answer = results[method] ? { result: results[method] } : { error };
  console.log(JSON.stringify({ jsonrpc: "2.0", id, ...answer }));
});
"""

SCRIPT = """# /// script
# requires-python = ">=3.11"
# dependencies = []
# ///
import runpy, signal, threading
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
runpy.run_path({bare!r}, run_name="__main__")
threading.Event().wait()
"""

ROOT = Path(__file__).parents[2]


def local_package(folder: Path) -> Path:
    """A package of npm that is only here."""
    folder.mkdir()
    facts = {"name": "stubborn", "version": "1.0.0", "bin": {"stubborn": "server.js"}}
    (folder / "package.json").write_text(json.dumps(facts))
    server = folder / "server.js"
    server.write_text(STUBBORN)
    server.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def launchers(
    peers: Peers, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, tuple[str, list[str]]], dict[str, str]]:
    """Command lines with their folders, and the variables they get."""
    need("npx")
    folder = tmp_path_factory.mktemp("launchers")
    uv = str(Path(sys.executable).with_name("uv"))
    script = folder / "script.py"
    script.write_text(SCRIPT.format(bare=str(ROOT / "lessons" / "servers" / "bare_stdio.py")))
    clock = ["-m", "mcp_server_time", "--local-timezone", "UTC"]
    python = [uv, "run", "--no-project", "--offline", "--python"]
    assert peers.modules  # the package that npx runs is one of them
    found = {
        "npx of a package that is installed": (
            str(install.STORE / "node"),
            ["npx", "--no-install", "mcp-server-everything"],
        ),
        "npx of a folder": (
            str(folder),
            ["npx", "--yes", "--offline", str(local_package(folder / "stubborn"))],
        ),
        "uv run of a module": (str(folder), [*python, peers.python("sdk1"), "python", *clock]),
        "uv run of a script": (str(folder), [*python, sys.executable, "--script", str(script)]),
    }
    home = {"HOME": str(folder), "UV_CACHE_DIR": str(folder / "uv")}
    return found, {**home, "npm_config_update_notifier": "false"}


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_survives_a_launcher(
    shared_kernel: KernelRig,
    launchers: tuple[dict[str, tuple[str, list[str]]], dict[str, str]],
    ending: str,
) -> None:
    commands, variables = launchers
    mark, tools = connect_all(shared_kernel, commands, **variables)
    assert tools["npx of a package that is installed"] > 5
    assert tools["npx of a folder"] == 1
    assert tools["uv run of a module"] == 2
    assert tools["uv run of a script"] == 1
    running = [" ".join(process.cmdline()) for process in marked(mark)]
    # each has a guardian, a launcher and a server
    assert len(running) >= 3 * len(commands)
    assert any(line.startswith("npm exec") for line in running), running
    end(shared_kernel, ending)
    assert_nobody_survives(mark, len(running))
