"""Merging an entry into the files of hosts."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mcp_notebook.errors import UsageError
from mcp_notebook.handoff.hosts import file as files
from mcp_notebook.handoff.hosts.config import HostConfig, configure
from mcp_notebook.handoff.hosts.host import find_host, hosts
from mcp_notebook.handoff.hosts.launch import Launch

STDIO = Launch(
    name="mine", command=("/bin/python", "/x/server.py"), secret_env={"API_KEY": "API_KEY"}
)


def written(host: str, folder: Path, launch: Launch = STDIO, **more: Any) -> HostConfig:
    return configure(find_host(host), launch, folder=str(folder), writes=True, **more)


@pytest.mark.parametrize("host", ["claude-code", "vscode", "cursor", "jupyter-ai", "mcp-json"])
def test_a_file_is_made_where_there_is_none_and_undone(host: str, tmp_path: Path) -> None:
    made = written(host, tmp_path)

    assert made.path.is_relative_to(tmp_path)
    assert json.loads(made.path.read_text()) == json.loads(made.text)
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert made.written is not None
    assert made.written.backup is None
    assert f"undo: _.undo(), or rm {made.path}" in repr(made)
    assert "removed" in made.undo()
    assert not made.path.exists()


def test_the_users_file_is_that_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("APPDATA", str(tmp_path / "Roaming"))
    found = {}
    for system in ("darwin", "win32", "linux"):
        monkeypatch.setattr("sys.platform", system)
        found[system] = [
            str(host.file("/p", user=True).relative_to(tmp_path))
            for host in hosts().values()
            if host.user
        ]
    assert found == {
        "darwin": [
            "Library/Application Support/Claude/claude_desktop_config.json",
            ".claude.json",
            "Library/Application Support/Code/User/mcp.json",
            ".cursor/mcp.json",
        ],
        "win32": [
            "Roaming/Claude/claude_desktop_config.json",
            ".claude.json",
            "Roaming/Code/User/mcp.json",
            ".cursor/mcp.json",
        ],
        "linux": [
            ".config/Claude/claude_desktop_config.json",
            ".claude.json",
            ".config/Code/User/mcp.json",
            ".cursor/mcp.json",
        ],
    }
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.delenv("APPDATA")
    with pytest.raises(UsageError, match="no APPDATA"):
        find_host("claude").file("/p")
    with pytest.raises(UsageError, match="no file of the user's"):
        find_host("jupyter-ai").file("/p", user=True)


def test_other_entries_order_layout_comments_and_line_ends_stay(tmp_path: Path) -> None:
    before = (
        '\ufeff// my servers\r\n{\r\n    "theme": 1, // dark\r\n    "servers": {\r\n'
        '        "b": {"command": "x"},\r\n        "a": {"url": "http://h/"} /* old */\r\n'
        "    }\r\n}\r\n"
    )
    path = tmp_path / ".vscode" / "mcp.json"
    path.parent.mkdir()
    path.write_bytes(before.encode())
    path.chmod(0o640)

    made = written("VS Code", tmp_path)

    after = path.read_bytes().decode()
    assert made.written is not None
    assert made.written.backup == path.with_name("mcp.json.bak")
    assert made.written.backup.read_bytes().decode() == before
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(made.written.backup.stat().st_mode)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert "\n" not in after.replace("\r\n", "")
    lines = iter(line.replace(",", "") for line in after.splitlines())
    for line in before.replace(",", "").splitlines():
        assert line in lines  # each in its order; what is new stands between them
    assert '"mine": {' in after
    assert '"id": "mine-api-key"' in after
    assert '"${input:mine-api-key}"' in after
    made.undo()
    assert path.read_bytes().decode() == before


def test_writing_again_changes_nothing_and_another_backup_keeps_the_first(tmp_path: Path) -> None:
    path = tmp_path / ".mcp.json"
    path.write_text('{"mcpServers": {"other": {"command": "o"}}}')
    first = written("claude-code", tmp_path)
    again = written("claude-code", tmp_path)
    other = written("claude-code", tmp_path, Launch(name="mine", url="http://127.0.0.1:1/mcp"))

    assert again.written is not None
    assert other.written is not None
    assert not again.written.changed
    assert "says so already" in repr(again)
    assert "was not changed" in again.undo()
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        ".mcp.json", ".mcp.json.bak", ".mcp.json.bak1"
    ]  # fmt: skip
    assert json.loads(path.read_text())["mcpServers"] == {
        "other": {"command": "o"},
        "mine": {"type": "http", "url": "http://127.0.0.1:1/mcp"},
    }
    with pytest.raises(UsageError, match="changed since"):
        first.undo()


def test_what_the_user_made_of_the_entry_stays(tmp_path: Path) -> None:
    path = tmp_path / "desktop.json"
    entry = {
        "disabled": True,
        "command": "uv",
        "args": ["run", "/x/server.py"],
        "env": {"DEBUG": "1", "API_KEY": "filled in by me"},
        "timeout": 5,
    }
    path.write_text(json.dumps({"mcpServers": {"mine": entry}}))
    made = written("claude-desktop", tmp_path, file=str(path))

    assert json.loads(path.read_text())["mcpServers"]["mine"] == {
        "disabled": True,
        "command": "/bin/python",
        "args": ["/x/server.py"],
        "env": {"DEBUG": "1", "API_KEY": "filled in by me"},
        "timeout": 5,
    }
    kept = "the entry keeps what was there: disabled, timeout, env DEBUG, API_KEY"
    assert kept in repr(made)
    again = repr(written("claude-desktop", tmp_path, file=str(path)))
    assert "says so already" in again
    assert kept in again  # it may be the reason why the host does not start it
    assert "filled in by me" not in repr(made) + again


LIVE = ["-P", "-m", "mcp_notebook.bridge", "notebook-bridge", "--kernel", "/a", "--standby"]
BRIDGE = Launch(name="mine", command=("/bin/python", *LIVE))
URL = Launch(name="mine", url="https://h.example/mcp")


@pytest.mark.parametrize(
    ("old", "launch", "told"),
    [
        ({"command": "uv", "args": ["run", "server.py"]}, BRIDGE, "ran: uv run server.py."),
        ({"command": "/bin/python", "args": [*LIVE[:5], "/b"]}, BRIDGE, "--kernel /b."),
        ({"command": "/bin/python", "args": [*LIVE[:5], f"/{'long/' * 200}a.ipynb", "--standby"]},
         BRIDGE, "/a.ipynb --standby."),
        ({"command": "srv", "args": ["--token", "hunter2-hunter2"]}, BRIDGE, "srv --token '***'."),
        ({"command": "docker", "args": ["run", "a"]},
         Launch(name="mine", command=("docker", "run", "b")), "ran: docker run a."),
        ({"command": "npx", "args": ["-y", "a\x1b[2J"]}, URL, "ran: npx -y 'a?[2J'."),
        ({"url": "https://u:hunter2@other.example/mcp?key=hunter2"}, URL,
         "called: https://other.example/mcp?…."),
        ({}, URL, "led nowhere."),
    ],
)  # fmt: skip
def test_what_was_said_of_another_server_is_not_taken_over(
    old: dict[str, Any], launch: Launch, told: str, tmp_path: Path
) -> None:
    own = {
        "env": {"API_KEY": "hunter2"},
        "headers": {"A": "1"},
        "disabled": True,
        "autoApprove": [],
    }
    before = json.dumps({"mcpServers": {"mine": old | own}})
    path = tmp_path / "mcp.json"
    path.write_text(before)
    made = written("cursor", tmp_path, launch, file=str(path))

    assert json.loads(path.read_text()) == json.loads(made.text)
    assert "It replaced another entry 'mine', which " in repr(made)
    assert told in repr(made)
    assert "disabled, autoApprove, env API_KEY, headers A went with it" in repr(made)
    assert "--as NAME" in repr(made)
    assert "hunter2" not in repr(made)
    made.undo()
    assert path.read_text() == before


@pytest.mark.parametrize(
    ("old", "launch"),
    [
        ({"command": "/old/python3.9", "args": ["-m", *LIVE[2:6]]}, BRIDGE),
        ({"command": "uv", "args": ["run", "/x/server.py", "--port", "1"]}, STDIO),
        ({"command": "srv", "args": ["-v"]}, Launch(name="mine", command=("srv", "-q"))),
        ({"type": "sse", "url": "https://h.example/mcp"}, URL),
    ],
)
def test_another_way_to_the_same_server_keeps_what_is_the_users(
    old: dict[str, Any], launch: Launch, tmp_path: Path
) -> None:
    path = tmp_path / "mcp.json"
    path.write_text(json.dumps({"mcpServers": {"mine": old | {"disabled": True}}}))
    made = written("cursor", tmp_path, launch, file=str(path))
    assert json.loads(path.read_text())["mcpServers"]["mine"]["disabled"] is True
    assert "replaced" not in repr(made)


def test_pairs_of_jupyter_ai_are_merged_by_name(tmp_path: Path) -> None:
    path = tmp_path / ".jupyter" / "mcp_settings.json"
    path.parent.mkdir()
    filled = [{"name": "A", "value": "1"}, {"name": "API_KEY", "value": "mine"}]
    first = {"name": "first", "command": "f", "args": []}
    mine = {"name": "mine", "command": "/old/python", "args": ["/x/server.py"], "env": filled}
    held = [first, mine]
    path.write_text(json.dumps({"mcp_servers": held}, indent=1))
    written("jupyter-ai", tmp_path)
    written("jupyter-ai", tmp_path, Launch(name="third", url="http://127.0.0.1:1/mcp"))

    assert json.loads(path.read_text())["mcp_servers"] == [
        first,
        {"name": "mine", "command": "/bin/python", "args": ["/x/server.py"], "env": filled},
        {"name": "third", "type": "http", "url": "http://127.0.0.1:1/mcp"},
    ]


SURROGATE = (
    b'{"mcpServers": {"mine": {"command": "python", "args": ["/x/server.py"], "x": "\\ud800"}}}'
)


@pytest.mark.parametrize(
    ("host", "content", "why"),
    [
        ("claude-code", b'{"mcpServers": {', "no valid JSON"),
        ("claude-code", b'{\n// mine\n"mcpServers": {}}', "line 2, column 1: a comment"),
        ("claude-code", b"[]", "holds no object"),
        ("claude-code", b'{"mcpServers": []}', "is no object"),
        ("claude-code", b'{"mcpServers": {}, "mcpServers": {}}', "stands there 2 times"),
        ("claude-code", SURROGATE, "no UTF-8"),
        ("claude-code", b"\xff\xfe{}", "no UTF-8"),
        ("vscode", b'{"inputs": {}, "servers": {}}', "'inputs' is no list"),
        ("vscode", b'{"servers": {"mine": {"command": "x" /* mine */}}}', "comments in what"),
        ("jupyter-ai", b'{"mcp_servers": {}}', "is no list"),
    ],
)
def test_a_file_that_is_not_understood_is_left_alone(
    host: str, content: bytes, why: str, tmp_path: Path
) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=why) as refused:
        written(host, tmp_path, file=str(path))

    assert "left alone" in str(refused.value)
    assert path.read_bytes() == content
    assert [p.name for p in tmp_path.iterdir()] == ["settings.json"]


@pytest.mark.parametrize("before", ["{}\n", None])
def test_a_link_stays_a_link(before: str | None, tmp_path: Path) -> None:
    real = tmp_path / "my dotfiles.json"
    if before is not None:
        real.write_text(before)
    link = tmp_path / ".mcp.json"
    link.symlink_to(real)
    for undo in ("call", "line"):
        made = written("mcp-json", tmp_path)
        assert link.is_symlink()
        assert "mine" in json.loads(real.read_text())["mcpServers"]
        if undo == "call":
            made.undo()
        else:
            line = next(line for line in repr(made).splitlines() if line.startswith("undo:"))
            subprocess.run(["sh", "-c", line.partition(", or ")[2]], check=True)
        assert link.is_symlink()
        assert (real.read_text() if real.exists() else None) == before


def test_what_the_system_refuses_is_said_of_the_users_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if Path("/proc/self").exists():
        with pytest.raises(UsageError, match=r"^/proc/x\.json cannot be written: .*--file PATH"):
            written("cursor", tmp_path, file="/proc/x.json")
    (tmp_path / "file").touch()
    for path in ("file/x.json", "file/a/x.json"):
        with pytest.raises(UsageError, match=rf"{path} cannot be .*--file PATH"):
            written("cursor", tmp_path, file=path)
    made = written("cursor", tmp_path, file="x.json")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), ".x.json.draft")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(UsageError, match=r"/x\.json cannot be written: No space left"):
        written("cursor", tmp_path, URL, file="x.json")
    assert json.loads((tmp_path / "x.json").read_text()) == json.loads(made.text)


def test_what_somebody_else_writes_meanwhile_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / ".mcp.json"
    path.write_text("{}")
    sync = os.fsync

    def meanwhile(descriptor: int) -> None:
        sync(descriptor)
        path.write_text('{"theirs": 1}')

    monkeypatch.setattr(files.os, "fsync", meanwhile)
    with pytest.raises(UsageError, match="somebody else"):
        written("mcp-json", tmp_path)

    assert path.read_text() == '{"theirs": 1}'
    assert sorted(p.name for p in tmp_path.iterdir()) == [".mcp.json", ".mcp.json.bak"]


def test_an_empty_file_is_as_none(tmp_path: Path) -> None:
    (tmp_path / ".mcp.json").write_text("\n")
    made = written("mcp-json", tmp_path)

    assert json.loads(made.path.read_text()) == json.loads(made.text)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / ".mcp.json").mkdir()
    with pytest.raises(UsageError, match="cannot be read"):
        written("mcp-json", tmp_path)
