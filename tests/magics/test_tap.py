"""``%mcp tap`` in a real kernel, with hosts that are other processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.rigs.bridge import Host, initialize, notice
from tests.rigs.kernel import KernelRig
from tests.rigs.surroundings import need

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(120)]

SERVER = """\
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if "id" in asked:
        name = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                "serverInfo": {"name": "plain", "version": "1"}}
        result = name if asked["method"] == "initialize" else {"content": [], "asked": asked["id"]}
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
    print("heard", asked.get("method"), file=sys.stderr, flush=True)
"""


@contextmanager
def started(entry: dict[str, object], folder: Path) -> Iterator[Host]:
    """A host that starts an entry of its file, in another folder."""
    words = [str(entry["command"]), *(str(word) for word in entry["args"])]  # type: ignore[attr-defined]
    with Host(command=words, environment={"PATH": "/usr/bin:/bin"}, folder=folder) as host:
        yield host


def test_a_hosts_traffic_with_its_server_shows(cells: KernelRig, tmp_path: Path) -> None:
    home = Path(cells.value("__import__('os').getcwd()"))
    (home / "plain.py").write_text(SERVER)
    shown = cells.run("t = %mcp tap -- python plain.py\nt").check()
    assert shown.result is not None
    assert "plain-tap: a tap on python plain.py, listening" in shown.result["text/plain"]
    entry = cells.value(
        "get_ipython().run_line_magic('mcp', 'config cursor plain-tap --write').entry"
    )
    assert (
        entry == json.loads((home / ".cursor" / "mcp.json").read_text())["mcpServers"]["plain-tap"]
    )
    assert str(home / "plain.py") in entry["args"]
    with started(entry, tmp_path) as host:
        host.send(initialize())
        assert host.answer(0)["result"]["serverInfo"]["name"] == "plain"
        host.send(notice("notifications/initialized"))
        assert host.call("tools/call", 1, name="anything")["result"]["asked"] == 1
        host.hear("heard tools/call")
        cells.wait_until(
            lambda: "anything" in cells.run("%mcp flow --text conn:plain-tap").text, 30, "the call"
        )
        flow = cells.run("%mcp flow --text conn:plain-tap").check().text
        assert "plain-tap  stdio  2025-11-25  as the relay saw it" in flow
        for part in ("initialize", "tools/call anything", "heard tools/call"):
            assert part in flow
        # it is seen beside the notebook's own connections, too
        cells.run("%%mcp tool\ndef add(a: int) -> int:\n    return a").check()
        cells.run("%mcp call add(1)").check()
        assert "tools/call anything" in cells.run("%mcp flow --text").check().text
        assert "1 link" in cells.run("%mcp status").check().text

        # the notebook goes, the server stays, the notebook comes back
        cells.run("%reload_ext mcp_notebook").check()
        assert host.call("tools/call", 2, name="unseen")["result"]["asked"] == 2
        cells.run("%mcp tap -- python plain.py").check()
        assert host.call("tools/call", 3, name="seen")["result"]["asked"] == 3
        cells.wait_until(
            lambda: "tools/call seen" in cells.run("%mcp flow --text conn:plain-tap").text,
            30,
            "the next call",
        )
        assert "plain-tap" in cells.complete("%mcp stop pl")["matches"]
        assert "stopped: plain-tap" in cells.run("%mcp stop plain-tap").check().text
        assert host.call("tools/call", 4, name="alone")["result"]["asked"] == 4
        host.end_input()
        assert host.exit_code() == 0


def test_a_killed_kernel_does_not_disturb_a_tapped_server(
    make_kernel: object, tmp_path: Path
) -> None:
    kernel: KernelRig = make_kernel()  # type: ignore[operator]
    (Path(kernel.cwd) / "plain.py").write_text(SERVER)
    kernel.run("%load_ext mcp_notebook").check()
    kernel.run("t = %mcp tap -- python plain.py").check()
    command = kernel.value("list(t.command)")
    with Host(command=command, environment={"PATH": "/usr/bin:/bin"}, folder=tmp_path) as host:
        host.send(initialize())
        host.answer(0)
        kernel.kill()
        for number in range(1, 20):
            assert host.call("tools/call", number, name="x" * 9999)["result"]["asked"] == number
        host.end_input()
        assert host.exit_code() == 0
    assert host.stray == []


def test_curl_through_a_tapped_url(tools: KernelRig) -> None:
    need("curl")
    tools.run("ep = %mcp serve -t http").check()
    shown = tools.run("t = %mcp tap $ep\nt").check()
    assert shown.result is not None
    assert "a tap on http://127.0.0.1" in shown.result["text/plain"]
    again = tools.run("t = get_ipython().run_line_magic('mcp', f'tap {ep.url}')\nt").check()
    assert again.text == shown.text
    url = tools.value("t.url")
    assert tools.value("t.name") == "notebook-http-tap"
    body = json.dumps(initialize())
    head = [
        "-H",
        "Content-Type: application/json",
        "-H",
        "Accept: application/json, text/event-stream",
    ]
    auth = ["-H", "Authorization: Bearer hunter2-hunter2-hunter2"]
    direct, through = (
        subprocess.run(
            ["curl", "-sS", "-i", "-X", "POST", *head, *auth, "-d", body, there],
            capture_output=True, text=True, timeout=50, check=True,
        ).stdout
        for there in (tools.value("ep.url"), url)
    )  # fmt: skip
    assert '"serverInfo"' in through
    assert _comparable(direct) == _comparable(through)
    flow = tools.run("%mcp flow --text conn:notebook-http-tap").check().text
    assert "initialize" in flow
    assert "changed: Host:" in tools.run("t").check().text
    assert "hunter2" not in tools.value(
        "repr([e.data for e in get_ipython().run_line_magic('mcp', 'trace').redacted()"
        " if type(e).__name__ == 'Chunk'])"
    )


def _comparable(answer: str) -> list[str]:
    """An answer without its time and the id of its session."""
    varies = ("date:", "mcp-session-id:")
    return [line for line in answer.splitlines() if not line.lower().startswith(varies)]


def test_wrong_lines_and_help(cells: KernelRig) -> None:
    assert "stand between a host and its server" in cells.run("%mcp tap --help").check().text
    for line, why in (
        ("%mcp tap", "there is nothing to tap"),
        ("%mcp tap --", "there is no command after --"),
        ("%mcp tap python x.py", "a command comes after --"),
        ("%mcp tap 127.0.0.1:8000", "Did you mean http://127.0.0.1:8000/mcp?"),
        ("%mcp tap tcp://127.0.0.1:1", "cannot be tapped"),
        ("%mcp tap -- no-such-program", "there is no program"),
        ("%mcp tap --ass x http://127.0.0.1:9/", "there is no option --ass"),
    ):
        assert why in cells.run(line).traceback
    cells.run("%mcp tap http://127.0.0.1:9/mcp --as one").check()
    assert "one" in cells.complete("%mcp config cursor on")["matches"]
    assert sys.executable not in cells.run("%mcp status").check().text
