"""What hosts are told: the data of each, entries, and what a word means."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mcp_notebook import Workbench
from mcp_notebook.errors import UsageError
from mcp_notebook.handoff.hosts import launch as launches
from mcp_notebook.handoff.hosts.config import configure
from mcp_notebook.handoff.hosts.entry import entry_of
from mcp_notebook.handoff.hosts.host import find_host, hosts
from mcp_notebook.handoff.hosts.launch import Launch, of_file, of_url
from mcp_notebook.handoff.hosts.target import launch_of

SECRET = "hunter2-hunter2"
STDIO = Launch(
    name="mine", command=("/bin/x", "a b"), env={"PLAIN": "1"}, secret_env={"API_KEY": "API_KEY"}
)
HTTP = Launch(
    name="mine",
    url="http://127.0.0.1:1/mcp",
    secret_headers={"Authorization": ("MINE_T", "Bearer {}")},
)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    with Workbench(folder=str(tmp_path)) as made:

        @made.tool
        def add(a: int) -> int:
            """Add."""
            return a

        yield made


def test_each_host_says_where_its_facts_are_from_and_when() -> None:
    for host in hosts().values():
        assert re.fullmatch(r"202\d-\d\d-\d\d", host.date)
        assert host.source
        assert host.next.endswith(".")
        assert host.default in ("user", "project")
        assert host.project if host.default == "project" else host.user


@pytest.mark.parametrize(
    ("word", "name"),
    [("Claude Desktop", "claude-desktop"), ("claude_code", "claude-code"), ("VSCode", "vscode"),
     (".mcp.json", "mcp-json"), ("Jupyter AI", "jupyter-ai")],
)  # fmt: skip
def test_a_host_is_found_as_people_write_it(word: str, name: str) -> None:
    assert find_host(word).name == name


def test_an_unknown_host_gets_a_suggestion() -> None:
    with pytest.raises(UsageError, match=r"Did you mean cursor\? Hosts: claude-desktop, "):
        find_host("corsor")
    with pytest.raises(UsageError, match=r"'zzzz'\. Hosts:"):
        find_host("zzzz")


STDIO_ENTRIES: dict[str, dict[str, Any]] = {
    "claude-desktop": {"env": {"PLAIN": "1", "API_KEY": "<fill in API_KEY>"}},
    "claude-code": {"type": "stdio", "env": {"PLAIN": "1", "API_KEY": "${API_KEY}"}},
    "vscode": {"type": "stdio", "env": {"PLAIN": "1", "API_KEY": "${input:mine-api-key}"}},
    "cursor": {"type": "stdio", "env": {"PLAIN": "1", "API_KEY": "${env:API_KEY}"}},
    "jupyter-ai": {
        "name": "mine",
        "env": [
            {"name": "PLAIN", "value": "1"},
            {"name": "API_KEY", "value": "<fill in API_KEY>"},
        ],
    },
    "mcp-json": {"type": "stdio", "env": {"PLAIN": "1", "API_KEY": "${API_KEY}"}},
}
HTTP_HEADERS: dict[str, Any] = {
    "claude-code": ("http", {"Authorization": "Bearer ${MINE_T}"}),
    "vscode": ("http", {"Authorization": "Bearer ${input:mine-t}"}),
    "cursor": (None, {"Authorization": "Bearer ${env:MINE_T}"}),
    "jupyter-ai": ("http", [{"name": "Authorization", "value": "Bearer <fill in Authorization>"}]),
    "mcp-json": ("http", {"Authorization": "Bearer ${MINE_T}"}),
}


@pytest.mark.parametrize("name", STDIO_ENTRIES)
def test_an_entry_of_a_command(name: str) -> None:
    entry = entry_of(hosts()[name], STDIO, "F")

    command = {"command": "/bin/x", "args": ["a b"]}
    assert entry.value == {**STDIO_ENTRIES[name], **command}
    held = entry.document()[hosts()[name].container]
    assert held == ([entry.value] if name == "jupyter-ai" else {"mine": entry.value})


@pytest.mark.parametrize("name", HTTP_HEADERS)
def test_an_entry_of_a_url(name: str) -> None:
    kind, headers = HTTP_HEADERS[name]
    entry = entry_of(hosts()[name], HTTP, "F")

    assert entry.value.get("type") == kind
    assert entry.value["url"] == HTTP.url
    assert entry.value["headers"] == headers


def test_vscode_asks_for_secrets_and_the_others_are_told_where_they_come_from() -> None:
    declared = entry_of(hosts()["vscode"], HTTP, "F").document()["inputs"]
    assert declared == [
        {"type": "promptString", "id": "mine-t", "password": True,
         "description": "Authorization of the MCP server mine"}
    ]  # fmt: skip
    assert entry_of(hosts()["cursor"], STDIO, "F").steps[0].startswith("Set API_KEY in")
    assert entry_of(hosts()["jupyter-ai"], STDIO, "F").steps[0].startswith("Fill in API_KEY")
    assert entry_of(hosts()["mcp-json"], STDIO, "F").steps[-1].count("F#mine") == 1


def test_a_host_that_does_not_speak_it_says_so() -> None:
    with pytest.raises(UsageError, match="under Settings, Connectors"):
        entry_of(hosts()["claude-desktop"], HTTP, "F")
    with pytest.raises(UsageError, match=r"jupyter-ai does not speak HTTP\+SSE"):
        entry_of(hosts()["jupyter-ai"], of_url("http://127.0.0.1:1/sse"), "F")


# ---- what a word means ----------------------------------------------------------------------


def test_live_points_at_this_kernel_and_starts_what_it_needs(bench: Workbench) -> None:
    found = launch_of(bench, live=True)

    assert list(bench.endpoints) == ["notebook-bridge"]
    assert found.name == "notebook"
    assert found.command[:5] == (
        sys.executable, "-P", "-m", "mcp_notebook.bridge", "notebook-bridge"
    )  # fmt: skip
    assert launch_of(bench, "notebook", live=True).command == found.command
    assert launch_of(bench, "notebook-bridge", live=True).command == found.command
    assert launch_of(bench, "notebook-bridge").command == found.command
    assert list(bench.endpoints) == ["notebook-bridge"]
    bench.serve(name="mine", transport="bridge")
    assert "%mcp serve -t bridge --as mine;" in launch_of(bench, "mine", live=True).remarks[0]


def test_two_kernels_that_a_host_could_not_tell_apart_are_kept_apart(bench: Workbench) -> None:
    first = launch_of(bench, live=True)
    with Workbench(folder=bench.folder) as other:
        for _ in range(2):  # nothing stays that would be in the first one's way
            with pytest.raises(UsageError, match=r"another kernel .*notebook-bridge.*--as NAME"):
                launch_of(other, live=True)
            assert list(other.endpoints) == []
        for words in ({"name": "mine"}, {}, {"target": "mine"}):
            second = launch_of(other, live=True, **words)
            assert second.command[4:7] == ("mine", "--kernel", first.command[6])
        assert "%mcp serve -t bridge --as mine;" in second.remarks[0]
        assert list(other.endpoints) == ["mine"]
        assert launch_of(bench, live=True) == first
        # where both are served already, each says so
        warned = other.serve(transport="bridge").warnings
        assert f"process {os.getpid()} serves notebook-bridge for the same folder" in warned[0]
        assert "--as NAME" in launch_of(bench, "notebook-bridge").remarks[-1]
        with pytest.raises(UsageError, match="could not tell"):
            launch_of(bench, live=True)
    assert launch_of(bench, live=True) == first


def test_an_endpoint_is_its_url_and_its_token_is_not_written(bench: Workbench) -> None:
    endpoint = bench.serve(transport="http", token=SECRET)
    for found in (launch_of(bench, endpoint), launch_of(bench, "notebook-http")):
        assert found.url == endpoint.url
        assert found.secret_headers == {"Authorization": ("NOTEBOOK_HTTP_TOKEN", "Bearer {}")}
        assert SECRET not in repr(configure(hosts()["cursor"], found, folder=bench.folder))
    with pytest.raises(UsageError, match="Without --live a host is pointed at it"):
        launch_of(bench, endpoint, live=True)


def test_a_connection_is_what_it_leads_to(bench: Workbench) -> None:
    endpoint = bench.serve(transport="http")
    to_url = bench.connect(endpoint.url, headers={"X-Api-Key": SECRET, "X-Plain": "1"})
    found = launch_of(bench, to_url.name)
    assert (found.url, dict(found.headers)) == (endpoint.url, {"X-Plain": "1"})
    assert found.secret_headers["X-Api-Key"][1] == "{}"
    here = bench.connect(endpoint)
    assert launch_of(bench, here).url == endpoint.url


def test_a_connection_to_a_command(bench: Workbench) -> None:
    bridge = bench.serve(transport="bridge")
    command = bridge.listener.command  # type: ignore[attr-defined]
    child = bench.connect(command, env={"MY_TOKEN": SECRET, "A": "1"}, name="child")
    found = launch_of(bench, child)
    assert found.command == tuple(command)
    assert (found.env, found.secret_env) == ({"A": "1"}, {"MY_TOKEN": "MY_TOKEN"})


def test_a_command_gets_absolute_paths(bench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "run.py").touch()
    found = launch_of(bench, command=["python", "run.py", "--port", "1", "no/such.py"])
    assert found.command == (
        sys.executable, str(tmp_path / "run.py"), "--port", "1", "no/such.py"
    )  # fmt: skip
    assert found.name == "run"
    assert launch_of(bench, command=["sh", "-c", "x"], name="my server").name == "my-server"
    with pytest.raises(UsageError, match="no program nosuchprogram"):
        launch_of(bench, command=["nosuchprogram"])
    with pytest.raises(UsageError, match="has a secret in it"):
        launch_of(bench, command=["sh", "--api-key", SECRET])


def test_a_server_file_runs_with_uv_where_it_says_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "server.py"
    file.write_text(
        '# /// script\n# dependencies = ["mcp"]\n# ///\nimport os\n'
        'A = os.environ["API_KEY"]\nB = os.environ.get("OTHER")\nos.environ["SET"] = "x"\n'
    )
    which = dict.fromkeys(["uv"], "/opt/bin/uv")
    monkeypatch.setattr(launches.shutil, "which", which.get)
    found = of_file("server.py", str(tmp_path))
    assert found.command == ("/opt/bin/uv", "run", str(file))
    assert found.secret_env == {"API_KEY": "API_KEY"}
    assert found.name == launches.entry_name(tmp_path.name)
    which.clear()
    found = of_file("server.py", str(tmp_path))
    assert found.command == (sys.executable, str(file))
    assert "environment of this kernel" in found.remarks[0]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({}, "there is no file .*notebook/server.py.*%mcp export.*--live"),
        ({"target": "x.py"}, "there is no file x.py"),
        ({"target": "nothing"}, "nothing called 'nothing'"),
        ({"target": "notebook"}, "was not exported.*%mcp export notebook.*--live"),
        ({"target": "ws://127.0.0.1:1/"}, "hosts do not speak websocket"),
        ({"target": "http://u:pw@127.0.0.1/"}, "a password in it"),
        ({"target": 7}, "at a int"),
        ({"live": True, "target": "nothing"}, "nothing"),
        ({"live": True, "command": ["x"]}, "has a command of its own"),
        ({"live": True, "headers": {"A": "1"}}, "--header is for a URL"),
        ({"target": "http://127.0.0.1/mcp", "env": {"A": "1"}}, "--env is for a command"),
    ],
)
def test_what_cannot_be_meant_says_what_to_type(
    words: dict[str, Any], why: str, bench: Workbench
) -> None:
    with pytest.raises(UsageError, match=why):
        launch_of(bench, **words)


def test_an_exported_server_is_found_where_it_was_put(bench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text("")
    assert launch_of(bench).command[-1] == str(tmp_path / "server.py")
    for folder in ("notebook", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "server.py").write_text("import os as o\nK = o.environ['KEY']\n")
    exported = SimpleNamespace(path=tmp_path / "notebook" / "server.py")
    for target in (None, "notebook", "notebook/server.py", exported):
        found = launch_of(bench, target)
        assert found.command[-1] == str(exported.path)
        assert (found.name, found.secret_env) == ("notebook", {"KEY": "KEY"})
    assert launch_of(bench, "other").command[-1] == str(tmp_path / "other" / "server.py")


def test_memory_is_no_place_for_a_host(bench: Workbench) -> None:
    bench.serve(transport="memory")
    with pytest.raises(UsageError, match=r"no host reaches .* notebook --live"):
        launch_of(bench, "notebook-memory")


def test_variables_and_headers_are_added(bench: Workbench) -> None:
    found = launch_of(bench, live=True, env={"A": "1", "B": None, "MY_KEY": SECRET})
    assert found.env == {"A": "1"}
    assert found.secret_env == {"B": "B", "MY_KEY": "MY_KEY"}
    found = launch_of(
        bench, "https://h.example/mcp", headers={"Authorization": f"Bearer {SECRET}", "A": "1"}
    )
    assert found.headers == {"A": "1"}
    assert found.secret_headers == {"Authorization": ("H_EXAMPLE_AUTHORIZATION", "Bearer {}")}


TOKEN = "ghp_" + "a1B2" * 9


@pytest.mark.parametrize(
    "words",
    [
        {"command": ["cat", "postgresql://bob:hunter2-hunter2@h/db"]},
        {"command": ["cat", "--header", f"Authorization: Bearer {SECRET}"]},
        {"command": ["cat", TOKEN]},
        {"target": f"https://a.example/mcp?token={SECRET}"},
        {"target": f"https://a.example/mcp?a=1&api_key={SECRET}"},
        {"target": f"https://a.example/{TOKEN}/mcp"},
    ],
)
def test_a_secret_in_a_command_or_url_is_refused(words: dict[str, Any], bench: Workbench) -> None:
    with pytest.raises(UsageError, match="a secret in it, which would be written") as refused:
        launch_of(bench, **words)
    assert SECRET not in str(refused.value)
    assert TOKEN not in str(refused.value)


def test_a_secret_under_a_plain_name_is_told_by_its_shape(bench: Workbench) -> None:
    url = f"postgres://bob:{SECRET}@h/db"
    env = {"DATABASE_URL": url, "GH": TOKEN, "MODE": "x", "PLACE": "http://h/?mode=plain"}
    found = launch_of(bench, command=["cat"], env=env)
    assert found.env == {"MODE": "x", "PLACE": "http://h/?mode=plain"}
    assert found.secret_env == {"DATABASE_URL": "DATABASE_URL", "GH": "GH"}
    headers = {"X-Org": f"Bearer {TOKEN}", "X-Mode": "plain"}
    found = launch_of(bench, "https://h.example/mcp", headers=headers)
    assert found.headers == {"X-Mode": "plain"}
    assert found.secret_headers == {"X-Org": ("H_EXAMPLE_X_ORG", "Bearer {}")}
    child = bench.connect([sys.executable, "-m", "mcp_notebook.bridge", "--standby"], env=env)
    found = launch_of(bench, child)
    assert (set(found.env), set(found.secret_env)) == ({"MODE", "PLACE"}, {"DATABASE_URL", "GH"})


def test_what_a_host_fills_in_by_itself_is_no_secret(bench: Workbench) -> None:
    argv = ["cat", "--header", "Authorization: Bearer ${env:MY_TOKEN}", "--key", "${input:my-key}"]
    assert launch_of(bench, command=argv).command[1:] == tuple(argv[1:])
    url = "https://a.example/mcp?token=${env:MY_TOKEN}"
    assert launch_of(bench, url).url == url
