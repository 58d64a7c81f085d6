"""``%mcp config`` in a real kernel; a host follows exactly what it wrote."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.rigs.bridge import Host, initialize, notice
from tests.rigs.kernel import KernelRig

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(120)]


@contextmanager
def started(entry: dict[str, object], folder: Path) -> Iterator[Host]:
    """A host that starts an entry as it stands, in a folder of its own, as hosts do."""
    env = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": os.environ.get("XDG_RUNTIME_DIR", "")}
    env |= dict(entry.get("env", {}))  # type: ignore[call-overload]
    command = [str(entry["command"]), *(str(word) for word in entry["args"])]  # type: ignore[attr-defined]
    with Host(command=command, environment=env, folder=folder) as host:
        yield host


def test_a_host_that_was_configured_has_the_tools_of_the_cells(
    tools: KernelRig, tmp_path: Path
) -> None:
    shown = tools.run("c = %mcp config mcp-json --live --write\nc").check()
    assert shown.result is not None
    assert '"mcp_notebook.bridge"' in shown.result["text/plain"]
    file = Path(tools.value("str(c.path)"))
    entry = json.loads(file.read_text())["mcpServers"]["notebook"]
    assert entry == tools.value("c.entry")
    # a folder whose modules have the names of Python's must not get in the way
    for name in ("json", "socket", "select"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken for Python's')")
    with started(entry, tmp_path) as host:
        host.send(initialize())
        assert host.answer(0)["result"]["serverInfo"]["name"] == "notebook"
        host.send(notice("notifications/initialized"))
        asked = {"name": "add", "arguments": {"a": 40}}
        assert host.call("tools/call", 1, **asked)["result"]["structuredContent"]["result"] == 42
        tools.run("%%mcp tool\ndef add(a: int) -> int:\n    return -a").check()
        assert host.receive()["method"] == "notifications/tools/list_changed"
        assert host.call("tools/call", 2, **asked)["result"]["structuredContent"]["result"] == -40
        # a tool that prints, and one whose child writes to descriptor 1: only MCP reaches a host
        tools.run(
            "%%mcp tool\ndef loud() -> str:\n    import os\n    print('noise')\n"
            "    os.system('echo noise')\n    return 'done'"
        ).check()
        assert host.receive()["method"] == "notifications/tools/list_changed"
        said = host.call("tools/call", 3, name="loud", arguments={})
        assert said["result"]["structuredContent"] == {"result": "done"}
        tools.restart()
        tools.run("%load_ext mcp_notebook").check()
        host.hear("the notebook went away; it is looked for")
        away = host.call("tools/call", 4, **asked)["error"]["message"]
        assert "the notebook is away" in away
        assert "%mcp serve -t bridge" in away
        tools.run("%%mcp tool\ndef add(a: int) -> int:\n    return a * 2").check()
        tools.run("%mcp serve -t bridge").check()
        host.hear("the notebook is back")
        assert "list_changed" in host.receive()["method"]
        assert host.call("tools/call", 5, **asked)["result"]["structuredContent"]["result"] == 80
        assert host.stray == []
    again = tools.run("c = %mcp config mcp-json --live --write\nc").check()
    assert "says so already" in again.text
    file.unlink()


def test_the_hosts_their_files_help_and_completion(cells: KernelRig) -> None:
    listed = cells.run("%mcp config").check().text
    assert listed.count("\n") == 7
    assert ".vscode/mcp.json" in listed
    assert "claude-desktop" in cells.complete("%mcp config cl")["matches"]
    assert "--live" in cells.complete("%mcp config cursor --l")["matches"]
    cells.run("%mcp serve -t http").check()
    assert "notebook-http" in cells.complete("%mcp config cursor note")["matches"]
    assert "the user's file" in cells.run("%mcp config --help").check().text
    for line, why in (
        ("%mcp config corsor", "Did you mean cursor?"),
        ("%mcp config cursor --alive", "Did you mean --live?"),
        ("%mcp config cursor", "there is no file"),
        ("%mcp config cursor a b", "A command comes after --"),
        ("%mcp config cursor a -- b", "Keep one"),
        ("%mcp config cursor --env", "--env needs a value: KEY[=V]."),
        ("%mcp config cursor --live --as", "--as needs a value: NAME."),
        ("%mcp config --live", "which host is meant? %mcp config HOST ...: claude-desktop,"),
        ("%mcp config -- python server.py", "which host is meant?"),
        ("%mcp config cursor --", "%mcp config cursor -- python server.py"),
        ("%mcp connect --", "%mcp connect -- python server.py"),
        ("%mcp config claude-desktop notebook-http", "Connectors"),
    ):
        assert why in cells.run(line).traceback


def test_a_stable_view_names_no_folder_of_the_machine(cells: KernelRig) -> None:
    cells.run("%config MCPMagics.stable = True").check()
    try:
        shown = [
            cells.run(line).check().text
            for line in (
                "%mcp config mcp.json --live --write --file out/host.json",
                "%mcp config claude-desktop --live",
                "%mcp config",
                "%mcp tap -- sh",
            )
        ]
    finally:
        cells.run("%config MCPMagics.stable = False").check()
    assert "a program that reads .mcp.json: out/host.json" in shown[0]
    assert '"command": "python"' in shown[0]
    assert '"--kernel",\n        "."' in shown[0]
    assert "undo: _.undo(), or rm out/host.json" in shown[0]
    folder = cells.value("__import__('os').getcwd()")
    for text in shown:
        assert folder not in text
        assert str(Path.home()) not in text
        assert sys.executable not in text


def test_no_secret_is_shown_or_written(cells: KernelRig) -> None:
    cells.run("token = 'hunter2-hunter2'\n%mcp serve -t http --token $token").check()
    shown = cells.run(
        "c = %mcp config vscode --write notebook-http --header X-Api-Key=$token --header A=1\nc"
    ).check()
    assert shown.result is not None
    text = shown.result["text/plain"] + Path(cells.value("str(c.path)")).read_text()
    assert "hunter2" not in text
    assert "${input:notebook-http-token}" in text
    assert cells.value("c.entry['headers']['A']") == "1"
    cells.run("c.undo()").check()
    shown = cells.run("%mcp config cursor --env MY_KEY=$token --env LEVEL=3 -- python -c pass")
    assert "hunter2" not in shown.text
    assert '"MY_KEY": "${env:MY_KEY}"' in shown.text
    assert '"LEVEL": "3"' in shown.text


def test_a_host_starts_the_server_that_was_exported(tools: KernelRig, tmp_path: Path) -> None:
    tools.run("x = %mcp export --no-check", 60).check()
    for words in ("", "notebook", "$x"):
        entry = tools.value(f"get_ipython().run_line_magic('mcp', 'config cursor {words}').entry")
        assert entry["args"][-1] == tools.value("str(x.path.resolve())")
    with started(entry, tmp_path) as host:
        host.send(initialize())
        assert host.answer(0)["result"]["serverInfo"]["name"] == "notebook"
        host.send(notice("notifications/initialized"))
        asked = {"name": "add", "arguments": {"a": 40}}
        assert host.call("tools/call", 1, **asked)["result"]["structuredContent"]["result"] == 42
        assert host.stray == []
