"""What `connect` and `serve` can be pointed at."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from mcp_notebook.errors import ConnectError, UsageError
from mcp_notebook.runtime import targets
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.transports import register_builtin

SECRET = "s3cr3t-value"


@pytest.fixture(autouse=True)
def _transports() -> None:
    register_builtin()


@pytest.mark.parametrize(
    ("url", "transport", "name", "shown"),
    [
        ("http://127.0.0.1:8000/mcp", "http", "127.0.0.1", "http://127.0.0.1:8000/mcp"),
        ("https://mcp.example/mcp", "http", "mcp.example", "https://mcp.example/mcp"),
        ("HTTP://localhost/mcp", "http", "localhost", "http://localhost/mcp"),
        ("http://localhost:1/sse", "sse", "localhost", "http://localhost:1/sse"),
        ("http://localhost:1/sse/", "sse", "localhost", "http://localhost:1/sse/"),
        ("sse+http://localhost:1/x", "sse", "localhost", "sse+http://localhost:1/x"),
        ("ws://localhost:1/mcp", "websocket", "localhost", "ws://localhost:1/mcp"),
        ("wss://[::1]:1/mcp", "websocket", "1", "wss://[::1]:1/mcp"),
        ("tcp://localhost:99", "tcp", "localhost", "tcp://localhost:99"),
        ("unix:/run/my.sock", "unix", "my", "unix:/run/my.sock"),
        (f"http://u:{SECRET}@h/mcp?k={SECRET}", "http", "h", "http://h/mcp?…"),
    ],
)
def test_an_address_leads_to_its_transport(url: str, transport: str, name: str, shown: str) -> None:
    target = targets.from_url(url)
    assert (target.transport.name, target.name, target.shown) == (transport, name, shown)
    assert SECRET not in repr(target)


def test_a_password_in_an_address_is_a_secret() -> None:
    assert targets.from_url(f"http://u:{SECRET}@h/mcp").secrets == (SECRET,)


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["./weather"], "weather"),
        (["python", "servers/weather.py", "--fast"], "weather"),
        (["/usr/bin/python3.12", "-u", "weather.py"], "weather"),
        (["uvx", "mcp-server-time"], "mcp-server-time"),
        (["uv", "run", "weather"], "weather"),
        (["npx", "-y", "@scope/server-files@1.2", "/tmp"], "server-files"),
        (["node"], "node"),
        (["my server"], "my-server"),
    ],
)
def test_a_command_is_named_after_what_it_runs(argv: list[str], name: str) -> None:
    target = targets.from_command(argv)
    assert (target.name, target.transport.name) == (name, "stdio")
    assert target.shown == " ".join(argv)


def test_a_bare_python_is_the_kernels_own() -> None:
    assert targets.from_command(["python", "x.py"]).address == [sys.executable, "x.py"]
    assert targets.from_command(["/usr/bin/python3", "x"]).address == ["/usr/bin/python3", "x"]
    assert targets.from_command(["./weather", "-v"]).address == ["./weather", "-v"]


def written(folder: Path, content: Any, name: str = "mcp.json") -> str:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_a_python_file_is_run_by_this_python(tmp_path: Path) -> None:
    path = written(tmp_path, "pass", "weather.py")
    target = targets.from_file(path)
    assert target.address == [sys.executable, path]
    assert target.name == "weather"


def test_a_missing_file_is_guessed(tmp_path: Path) -> None:
    written(tmp_path, "pass", "weather.py")
    with pytest.raises(UsageError, match=r"there is no file .*wether\.py.*Did you mean .*weather"):
        targets.from_file(str(tmp_path / "wether.py"))
    with pytest.raises(UsageError, match="starts at the notebook's folder"):
        targets.from_file("/no/such/folder/at_all.py")


@pytest.mark.parametrize("member", ["mcpServers", "servers"])
def test_both_shapes_of_a_hosts_file_are_read(
    tmp_path: Path, member: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHERE", "/data")
    path = written(
        tmp_path,
        {
            member: {
                "files": {
                    "command": "files-server",
                    "args": [
                        "--root",
                        "${WHERE}",
                        "${env:WHERE}/x",
                        "${NOT_SET:-default}",
                        "${NOT_SET:-}",
                    ],
                    "env": {"ROOT": "${WHERE}"},
                    "cwd": str(tmp_path),
                },
                "remote": {"type": "http", "url": "https://mcp.example/mcp"},
                "old": {"type": "sse", "url": "http://localhost:1/events"},
                "other": {"serverUrl": "ws://localhost:1/mcp"},
            }
        },
    )
    files = targets.from_file(f"{path}#files")
    assert files.address == ["files-server", "--root", "/data", "/data/x", "default", ""]
    assert (files.name, files.env, files.cwd) == ("files", {"ROOT": "/data"}, str(tmp_path))
    assert targets.from_file(f"{path}#remote").transport.name == "http"
    assert targets.from_file(f"{path}#old").transport.name == "sse"
    assert targets.from_file(f"{path}#other").transport.name == "websocket"


def test_one_server_needs_no_name_and_several_do(tmp_path: Path) -> None:
    one = {"mcpServers": {"only": {"command": "x"}}}
    assert targets.from_file(written(tmp_path, one)).name == "only"
    several = {"mcpServers": {"a": {"command": "x"}, "b": {"command": "x"}}}
    with pytest.raises(UsageError, match=r"several servers.*mcp\.json#a or mcp\.json#b"):
        targets.from_file(written(tmp_path, several))
    with pytest.raises(UsageError, match=r"has no server 'c'.*mcp\.json#a"):
        targets.from_file(written(tmp_path, several) + "#c")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{nonsense", "no valid JSON"),
        ([], "has no servers"),
        ({"mcpServers": {}}, "has no servers"),
        ({"mcpServers": {"a": 3}}, "'a' of mcp.json is no object"),
        ({"mcpServers": {"a": {}}}, "neither command nor url"),
        ({"mcpServers": {"a": {"url": "gopher://x"}}}, "no transport for gopher"),
        ({"mcpServers": {"a": {"command": "${NOT_SET_AT_ALL}"}}}, "NOT_SET_AT_ALL is not set"),
    ],
)
def test_a_hosts_file_that_cannot_be_used_says_why(
    tmp_path: Path, content: Any, expected: str
) -> None:
    with pytest.raises(UsageError, match=expected.replace(".", r"\.")):
        targets.from_file(written(tmp_path, content))


def test_secrets_of_a_hosts_file_are_shown_nowhere(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEY", SECRET)
    code = "import os, sys; print(os.environ['API_KEY'], sys.argv[1], file=sys.stderr); sys.exit(2)"
    path = written(
        tmp_path,
        {
            "mcpServers": {
                "local": {
                    "command": sys.executable,
                    "args": ["-c", code, "--key=${API_KEY}"],
                    "env": {"API_KEY": "${API_KEY}"},
                },
                "remote": {
                    "url": "http://127.0.0.1:1/mcp?key=${API_KEY}",
                    "headers": {"Authorization": "Bearer ${API_KEY}", "X-Team": "blue"},
                },
            }
        },
    )
    local, remote = (targets.from_file(f"{path}#{name}") for name in ("local", "remote"))
    assert remote.headers == {"Authorization": f"Bearer {SECRET}", "X-Team": "blue"}
    assert local.address[-1] == f"--key={SECRET}"
    for target in (local, remote):
        assert SECRET in target.secrets
        assert SECRET not in repr(target)
        assert SECRET not in target.shown
    for name in ("local", "remote"):
        with pytest.raises(ConnectError) as caught:
            bench.connect(f"{path}#{name}", timeout=20)
        if name == "remote":  # what a child says about itself is its own affair
            assert SECRET not in str(caught.value)
    assert SECRET.encode() not in b"".join(repr(event).encode() for event in bench.trace.redacted())


def test_headers_that_are_no_credentials_stay_readable(bench: Workbench) -> None:
    bench.tool(lambda: "blue", name="colour")
    endpoint = bench.serve(transport="http")
    bench.connect(endpoint, headers={"X-Team": "blue", "X-Api-Key": SECRET}).call("colour")
    assert SECRET in bench.trace.secrets
    assert "blue" not in bench.trace.secrets
