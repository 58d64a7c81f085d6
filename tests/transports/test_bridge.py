"""The ``bridge`` transport: who is let in, what is written down, what is left."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import shlex
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError

from mcp_notebook.bridge.choice import WELCOME, greeting
from mcp_notebook.errors import ConnectError, ConnectionLost, UsageError
from mcp_notebook.runtime.endpoint import Endpoint
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.show import places
from mcp_notebook.show.sessions import sessions
from mcp_notebook.trace.events import Fault, LinkOpened, Message, Vantage
from mcp_notebook.transports import bridge as transport
from mcp_notebook.transports import privatesocket
from tests.rigs.bridge import LIMIT_S, FakeNotebook, Host, initialize, request, short_folder

from .tools import add, furnish

NOBODY = 65534
ROOT_ONLY = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of sockets of the test's own."""
    with short_folder() as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
        yield folder / f"mcp-notebook-{os.getuid()}"


@pytest.fixture
def endpoint(runtime: Path, bench: Workbench) -> Endpoint:
    bench.tool(add)
    return bench.serve(transport="bridge")


def note_of(endpoint: Endpoint) -> Any:
    """The note of an endpoint, with the path of its socket."""
    listener: Any = endpoint.listener
    return listener.socket.note


def host_of(endpoint: Endpoint) -> Host:
    """A host that was given the command that the endpoint shows."""
    words = shlex.split(endpoint.address)
    assert words[:3] == [sys.executable, "-m", "mcp_notebook.bridge"]
    return Host(*words[3:])


def dial(endpoint: Endpoint, first: bytes) -> socket.socket:
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(LIMIT_S)
    link.connect(note_of(endpoint).socket)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # turned away half-way
        link.sendall(first)
    return link


def faults(bench: Workbench) -> list[str]:
    return [event.text for event in bench.trace if isinstance(event, Fault)]


def test_a_host_with_the_shown_command_talks_to_the_notebook(
    endpoint: Endpoint, bench: Workbench
) -> None:
    with host_of(endpoint) as host:
        host.send(initialize())
        assert host.answer(0)["result"]["serverInfo"]["name"] == "notebook"
        answer = host.call("tools/call", 1, name="add", arguments={"a": 40})
        assert answer["result"]["structuredContent"] == {"result": 42}
        assert endpoint.links == 1

        @bench.tool(name="twice")
        def twice(a: int) -> int:
            return 2 * a

        answer = host.call("tools/call", 2, name="twice", arguments={"a": 40})
        assert answer["result"]["structuredContent"] == {"result": 80}
        opened = [e for e in bench.trace if isinstance(e, LinkOpened)]
        assert [e.vantage for e in opened] == [Vantage.SERVER]
        if sys.platform == "linux":
            assert opened[0].address == f"bridge process {host.process.pid}"
        host.end_input()
        assert host.exit_code() == 0
        assert host.last_words() == ""


def test_files_are_for_this_user_alone_and_go_with_the_endpoint(
    endpoint: Endpoint, runtime: Path, bench: Workbench
) -> None:
    assert stat.S_IMODE(runtime.stat().st_mode) == 0o700
    modes = {p.suffix: stat.S_IMODE(p.stat().st_mode) for p in runtime.iterdir()}
    assert modes == {".sock": 0o600, ".json": 0o600}
    old = note_of(endpoint)
    assert old.token not in repr(endpoint) + endpoint.address
    again = bench.serve(transport="bridge")
    assert again.address == endpoint.address
    assert note_of(again).token != old.token
    assert len(list(runtime.iterdir())) == 2
    again.stop()
    assert list(runtime.iterdir()) == []


@pytest.mark.parametrize(
    "first",
    [
        b"{}\n",
        b'{"mcp_notebook.bridge": 1, "token": ""}\n',
        b'{"mcp_notebook.bridge": 1, "token": 5}\n',
        b'{"mcp_notebook.bridge": 1, "token": "\\ud800"}\n',
        b"[]\n",
        b"5\n",
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
        b"POST / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"x" * 10_000,
        json.dumps(request("tools/list")).encode() + b"\n",
        greeting("a-guess") + json.dumps(initialize()).encode() + b"\n",
    ],
)
def test_who_does_not_show_the_token_is_turned_away(
    endpoint: Endpoint, bench: Workbench, first: bytes
) -> None:
    with dial(endpoint, first) as link, contextlib.suppress(ConnectionResetError):
        assert link.recv(100) == b""
    assert any("did not greet with the token" in text for text in faults(bench))
    assert not list(bench.trace.messages())
    with host_of(endpoint) as host:
        host.send(initialize())
        host.answer(0)


def test_a_greeting_may_come_in_pieces_and_with_what_follows(endpoint: Endpoint) -> None:
    line = greeting(note_of(endpoint).token)
    with dial(endpoint, line[:10]) as link:
        link.sendall(line[10:] + json.dumps(initialize()).encode() + b"\n")
        lines = link.makefile("rb")
        assert lines.readline() == WELCOME
        assert json.loads(lines.readline())["id"] == 0
        lines.close()


def test_the_greeting_is_not_recorded(endpoint: Endpoint, bench: Workbench) -> None:
    with bench.connect(endpoint) as connection:
        connection.call("add", a=1)
    token = note_of(endpoint).token.encode()
    recorded = b"".join(getattr(e, "data", b"") + getattr(e, "raw", b"") for e in bench.trace)
    assert recorded
    assert token not in recorded
    assert b"mcp_notebook.bridge" not in recorded


def test_who_only_knocks_leaves_nothing_in_the_trace(endpoint: Endpoint, bench: Workbench) -> None:
    dial(endpoint, b"").close()
    with host_of(endpoint) as host:
        host.send(initialize())
        host.answer(0)
    opened = [e for e in bench.trace if isinstance(e, LinkOpened)]
    assert len(opened) == 1
    assert faults(bench) == []


def test_who_does_not_greet_is_not_waited_for(
    endpoint: Endpoint, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "GREETING_S", 0.05)
    with dial(endpoint, b'{"mcp') as link:
        assert link.recv(100) == b""
    assert faults(bench) == ["closed: the peer did not greet"]


def test_a_peer_of_another_user_is_turned_away(
    endpoint: Endpoint, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "peer_is_me", lambda _transport: False)
    with dial(endpoint, b"") as link:
        assert link.recv(100) == b""
    assert faults(bench) == ["closed: the peer belongs to another user"]
    assert endpoint.links == 0


@ROOT_ONLY
def test_a_process_of_another_user_is_turned_away(
    endpoint: Endpoint, bench: Workbench, runtime: Path
) -> None:
    # even where the folder and the socket let it in, and with the right token
    runtime.parent.chmod(0o755)
    runtime.chmod(0o755)
    Path(note_of(endpoint).socket).chmod(0o666)
    script = (
        "import os, socket, sys\n"
        f"os.setuid({NOBODY})\n"
        "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
        "try:\n    s.sendall(sys.stdin.buffer.read()); print(s.recv(100))\n"
        "except OSError as e:\n    print('refused')\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", script, note_of(endpoint).socket],
        input=greeting(note_of(endpoint).token),
        capture_output=True,
        timeout=LIMIT_S,
        check=True,
    )
    assert shown.stdout.strip() in (b"b''", b"refused")
    assert faults(bench) == ["closed: the peer belongs to another user"]


def test_a_folder_that_is_not_this_users_alone_is_not_used(runtime: Path, bench: Workbench) -> None:
    runtime.mkdir(mode=0o755)
    runtime.chmod(0o755)
    with pytest.raises(UsageError, match=r"is open to others \(mode 0755\)"):
        bench.serve(transport="bridge")
    runtime.rmdir()
    runtime.symlink_to(runtime.parent)
    with pytest.raises(UsageError, match="is a symbolic link"):
        bench.serve(transport="bridge")


def test_a_session_folder_that_is_not_there_is_passed_over(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/nowhere/at/all")
    endpoint = bench.serve(transport="bridge")
    assert "--folder" not in endpoint.address
    with host_of(endpoint) as host:
        host.send(initialize())
        host.answer(0)


def test_a_path_that_no_system_takes_is_a_readable_error(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("x" * 90)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    with pytest.raises(UsageError, match="is too long"):
        bench.serve(transport="bridge")
    assert bench.endpoints == {}


def test_what_killed_kernels_left_is_removed_at_the_next_start(
    runtime: Path, bench: Workbench
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with (
        FakeNotebook(runtime.parent, pid=gone.pid) as dead,
        FakeNotebook(runtime.parent, "bridge-1-live", endpoint="other") as living,
    ):
        dead.die()
        bench.serve(transport="bridge")
        assert not dead.note.exists()
        assert not dead.path.exists()
        assert living.note.exists()


def test_what_a_kernel_left_that_was_killed_while_it_started_is_removed(
    endpoint: Endpoint, runtime: Path, bench: Workbench
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = [f"bridge-{gone.pid}-aa.sock", f"bridge-{gone.pid}-bb.json.draft"]
    kept = [f"bridge-{os.getpid()}-cc.sock", f"{gone.pid}-notebook-unix", "bridge-x-dd.sock"]
    for name in (*left, *kept):
        (runtime / name).touch()
    before = {p.name for p in runtime.iterdir()}
    bench.serve(transport="bridge", name="second")
    assert before - {p.name for p in runtime.iterdir()} == set(left)


def test_what_changes_from_machine_to_machine_is_left_out_where_asked(endpoint: Endpoint) -> None:
    shown = places.endpoint(endpoint)["text/plain"]
    assert endpoint.address in shown
    stable = places.endpoint(endpoint, stable=True)["text/plain"]
    assert stable.endswith("listening, python -m mcp_notebook.bridge notebook-bridge")


@pytest.mark.parametrize("option", [{"port": 8000}, {"path": "/x"}, {"token": "abc"}])
def test_options_it_does_not_have_are_refused(
    runtime: Path, bench: Workbench, option: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match=f"--{next(iter(option))} means nothing on bridge"):
        bench.serve(transport="bridge", **option)


def test_it_leads_to_endpoints_of_this_kernel(endpoint: Endpoint, bench: Workbench) -> None:
    from mcp_notebook.transports.base import ConnectOptions, find_transport
    from mcp_notebook.transports.tap import Tap

    tap = Tap(bench.trace, "x", Vantage.CLIENT, "bridge")
    with pytest.raises(UsageError, match=r"-- python -m mcp_notebook\.bridge"):
        find_transport("bridge").connect("somewhere", ConnectOptions(), tap)
    endpoint.stop()
    with pytest.raises(ConnectError, match="is stopped"):
        find_transport("bridge").connect(endpoint.listener, ConnectOptions(), tap)


def test_another_kernel_is_reached_by_the_command(endpoint: Endpoint, tmp_path: Path) -> None:
    with Workbench(folder=str(tmp_path)) as other:
        connection = other.connect(shlex.split(endpoint.address))
        assert connection.transport == "stdio"
        assert connection.call("add", a=1).value == 3


def test_our_child_is_one_link_and_a_host_beside_it_another(
    endpoint: Endpoint, bench: Workbench
) -> None:
    """The picture must not take a stranger's link for the other end of ours."""
    with host_of(endpoint) as host:
        host.send(initialize())
        host.answer(0)
        connection = bench.connect(endpoint)
        connection.call("add", a=1)
        host.call("tools/list", 5)
        drawn = sessions(bench.trace.events())
    assert {(s.conn, s.vantage) for s in drawn} == {
        ("notebook-bridge", Vantage.CLIENT),
        ("notebook-bridge", Vantage.SERVER),
    }
    strangers = [
        e
        for s in drawn
        if s.vantage is Vantage.SERVER
        for e in s.events
        if isinstance(e, Message) and b"tools/list" in e.raw
    ]
    assert len(strangers) == 1


def test_a_stopped_endpoint_is_said_to_the_host_and_found_again(
    runtime: Path, bench: Workbench
) -> None:
    endpoint = furnish(bench).serve(transport="bridge")
    with host_of(endpoint) as host:
        host.send(initialize())
        host.answer(0)
        host.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        connection = bench.connect(endpoint)
        endpoint.stop()
        with pytest.raises(ConnectionLost, match="its endpoint was stopped"):
            connection.tools()
        host.hear("went away")
        bench.serve(transport="bridge")
        host.hear("is back")
        answer = host.call("tools/call", 3, name="add", arguments={"a": 1})
        assert answer["result"]["structuredContent"] == {"result": 3}


def test_hosts_that_send_and_end_at_once_are_answered(
    endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    hurried = b"".join(
        json.dumps(message).encode() + b"\n" for message in (initialize(), request("tools/list"))
    )
    for _ in range(10):
        with dial(endpoint, greeting(note_of(endpoint).token) + hurried) as link:
            link.shutdown(socket.SHUT_WR)
            with link.makefile("rb") as lines:
                assert lines.readline() == WELCOME
                answers = [json.loads(line) for line in lines]
        assert [answer["id"] for answer in answers] == [0, 1]
        assert answers[0]["result"]["serverInfo"]["name"] == "notebook"
    gc.collect()
    assert "never retrieved" not in caplog.text


def test_windows_is_told_what_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_UNIX")
    assert "no Unix sockets on Windows" in transport.BridgeTransport().missing()


def names(monkeypatch: pytest.MonkeyPatch, argv: list[str], session: str) -> tuple[str, str]:
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    monkeypatch.setattr(sys, "argv", ["launcher.py", *argv])
    monkeypatch.setenv("JPY_SESSION_NAME", session)
    return privatesocket.kernel_names()


@pytest.mark.parametrize(
    ("argv", "session", "expected"),
    [
        (["-f", "/r/kernel-ab-12.json"], "/nb/one.ipynb", ("ab-12", "/nb/one.ipynb")),
        (["--f=/r/kernel-v3ab.json"], "", ("v3ab", "")),
        (["-f", "/r/own.json"], "console-1", ("own", "")),
        ([], "/nb/one.ipynb", (str(os.getpid()), "")),
    ],
)
def test_a_kernel_knows_its_id_and_its_notebook(
    monkeypatch: pytest.MonkeyPatch, argv: list[str], session: str, expected: tuple[str, str]
) -> None:
    assert names(monkeypatch, argv, session) == expected


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something holds that another process brings about."""
    import time

    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_killed_bridge_ends_its_link_and_the_tool_it_called(
    runtime: Path, bench: Workbench
) -> None:
    from .tools import Bell

    endpoint = furnish(bench).serve(transport="bridge")
    with Bell() as bell, host_of(endpoint) as host:
        host.send(initialize())
        host.answer(0)
        host.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        host.send(request("tools/call", 1, name="linger", arguments={"port": bell.port}))
        assert bell.hear() == "started"
        host.process.kill()
        assert bell.hear() == "cancelled"
        wait_for(lambda: endpoint.links == 0)


# ---- a host that is not ours --------------------------------------------------------------


async def sdk_host(command: list[str], mode: str) -> Any:
    """What the SDK's own stdio client gets, with the few variables it passes on."""
    how = StdioServerParameters(command=command[0], args=command[1:])
    async with Client(stdio_client(how), mode=mode) as client:
        answer = await client.call_tool("add", {"a": 40})
        return answer.structured_content


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_sdks_client_is_a_host_like_any_other(endpoint: Endpoint, mode: str) -> None:
    command = shlex.split(endpoint.address)
    assert asyncio.run(sdk_host(command, mode)) == {"result": 42}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_sdks_client_is_told_what_to_do_while_the_notebook_is_away(
    endpoint: Endpoint, mode: str
) -> None:
    endpoint.stop()
    command = [*shlex.split(endpoint.address), "--wait", "0"]
    told = ""
    try:
        asyncio.run(sdk_host(command, mode))
    except* MCPError as refused:
        told = str(refused.exceptions)
    assert "the notebook is away" in told
    assert "%mcp serve -t bridge" in told
