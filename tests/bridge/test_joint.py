"""What a bridge carries, and what it says while the notebook is away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.rigs.bridge import LIMIT_S, FakeNotebook, Host, initialize, notice, request

Start = Callable[..., Host]

AWAY = -32000


def open_session(host: Host, notebook: FakeNotebook) -> None:
    """The legacy handshake, and what else belongs to the session."""
    host.send(initialize())
    assert notebook.receive()["method"] == "initialize"
    answer_initialize(notebook)
    assert host.answer(0)["result"]["protocolVersion"] == "2025-11-25"
    host.send(notice("notifications/initialized"))
    assert notebook.receive()["method"] == "notifications/initialized"


def answer_initialize(notebook: FakeNotebook, version: str = "2025-11-25") -> None:
    can = {"tools": {"listChanged": True}, "prompts": {}, "resources": {"listChanged": True}}
    notebook.reply(0, protocolVersion=version, capabilities=can, serverInfo={"name": "notebook"})


def test_lines_pass_both_ways_as_they_are(runtime: Path, host: Start) -> None:
    with FakeNotebook(runtime) as notebook:
        child = host()
        notebook.accept()
        raw = b'{"jsonrpc": "2.0",   "id": "a",\t"method": "x\\u00e9"}\r\n'
        child.send(raw, b"no JSON at all\n", b"\n", b"[]\n")
        assert [notebook.line() for _ in range(3)] == [raw, b"no JSON at all\n", b"[]\n"]
        answer = '{"id": "a",  "result": "漢😀", "jsonrpc": "2.0"}\n'.encode()
        notebook.send(answer, b"odd\n")
        assert [child.line(), child.line()] == [answer, b"odd\n"]


def test_the_token_is_in_the_greeting_and_nowhere_else(runtime: Path, host: Start) -> None:
    with FakeNotebook(runtime) as notebook:
        child = host("notebook-bridge")
        notebook.accept()
        assert notebook.greeting["token"] == notebook.token
        process = psutil.Process(child.process.pid)
        assert notebook.token not in " ".join(process.cmdline())
        assert notebook.token not in " ".join(process.environ().values())
        child.end_input()
        assert notebook.line() == b""
        notebook.hang_up()
        assert child.exit_code() == 0
        assert notebook.token not in child.last_words()


def test_the_end_of_input_is_passed_on_and_the_rest_of_the_answers_still_comes(
    runtime: Path, host: Start
) -> None:
    with FakeNotebook(runtime) as notebook:
        child = host()
        notebook.accept()
        child.send(notice("notifications/x"), b"half a line")
        child.end_input()
        assert [notebook.line(), notebook.line()] == [
            json.dumps(notice("notifications/x")).encode() + b"\n",
            b"half a line",
        ]
        assert notebook.line() == b""
        notebook.send(notice("notifications/last"))
        assert child.receive()["method"] == "notifications/last"
        notebook.hang_up()
        assert child.line() == b""
        assert child.exit_code() == 0
        assert child.last_words() == ""


def test_a_script_that_pipes_a_request_in_gets_its_answer(runtime: Path, host: Start) -> None:
    with FakeNotebook(runtime) as notebook:
        child = host()
        child.send(request("ping", 5))
        child.end_input()
        notebook.accept()
        assert notebook.receive()["id"] == 5
        notebook.reply(5)
        assert notebook.line() == b""
        assert child.answer(5)["result"] == {}


def test_a_notebook_that_ignores_the_end_does_not_hold_the_bridge(
    runtime: Path, host: Start
) -> None:
    with FakeNotebook(runtime) as notebook:
        child = host()
        notebook.accept()
        child.send(request("slow", 1))
        child.end_input()
        assert child.exit_code() == 0
        assert child.answer(1)["error"]["code"] == AWAY


def test_while_the_notebook_is_away_each_request_gets_an_error(host: Start) -> None:
    child = host("mine", "--wait", "0")
    for number in ("a", 2):
        error = child.call("tools/list", number)["error"]
        assert error["code"] == AWAY
        assert "away: none listens as mine" in error["message"]
        assert "%mcp serve -t bridge" in error["message"]
    child.send(notice("notifications/x"), b"{no\n", b"5\n")
    assert [child.receive()["error"]["code"] for _ in range(2)] == [-32700, -32600]
    child.end_input()
    assert child.exit_code() == 1
    assert child.last_words().count("the notebook is away") == 1


def test_what_waits_when_the_host_ends_is_answered(host: Start) -> None:
    child = host("--wait", "1000")
    child.send(request("initialize", 1), request("x", 2))
    child.end_input()
    assert [child.receive()["id"], child.receive()["id"]] == [1, 2]
    assert child.exit_code() == 1


def test_a_request_waits_for_the_notebook(runtime: Path, host: Start) -> None:
    child = host("--wait", "1000")
    child.hear("is away")
    child.send(request("first", 1), request("second", 2), request("third", 3))
    child.send(notice("notifications/cancelled", requestId=2))
    with FakeNotebook(runtime) as notebook:
        notebook.accept()
        assert [notebook.receive()["method"] for _ in range(3)] == [
            "first",
            "third",
            "notifications/cancelled",
        ]
        notebook.reply(1)
        assert child.answer(1)["result"] == {}


def test_what_is_under_way_when_the_notebook_goes_gets_an_error_and_is_not_sent_again(
    runtime: Path, host: Start
) -> None:
    with FakeNotebook(runtime) as notebook:
        child = host()
        notebook.accept()
        child.send(request("tools/call", 7), request("tools/call", 8), request("tools/call", "8"))
        for _ in range(3):
            notebook.receive()
        notebook.reply(8)
        assert child.answer(8)["result"] == {}
        child.send(notice("notifications/cancelled", requestId="8"))
        notebook.receive()
        notebook.die()
    error = child.answer(7)["error"]
    assert error["code"] == AWAY
    assert "went away" in error["message"]
    with FakeNotebook(runtime, "bridge-1-bb") as notebook:
        notebook.accept()
        child.hear("is back")
        child.send(request("tools/list", 9))  # modern: nothing to restore
        assert notebook.receive()["id"] == 9
        notebook.reply(9, tools=[])
        assert child.answer(9)["result"] == {"tools": []}


def test_a_legacy_session_goes_on_after_a_restart(runtime: Path, host: Start) -> None:
    with FakeNotebook(runtime) as notebook:
        child = host()
        notebook.accept()
        open_session(child, notebook)
        steps = [
            request("logging/setLevel", 1, level="debug"),
            request("resources/subscribe", 2, uri="note://kept"),
            request("resources/subscribe", 3, uri="note://dropped"),
            request("resources/unsubscribe", 4, uri="note://dropped"),
            request("resources/subscribe", 5, uri="note://refused"),
        ]
        for step in steps[:4]:
            child.send(step)
            assert notebook.receive() == step
            notebook.reply(step["id"])
            child.answer(step["id"])
        child.send(steps[4])
        notebook.receive()
        notebook.send({"jsonrpc": "2.0", "id": 5, "error": {"code": -32602, "message": "no"}})
        child.answer(5)
        notebook.die()
    child.hear("went away")
    with FakeNotebook(runtime, "bridge-1-bb") as notebook:
        notebook.accept()
        assert notebook.receive() == initialize()
        child.send(request("tools/list", 6))  # waits for the session
        answer_initialize(notebook)
        assert notebook.receive() == notice("notifications/initialized")
        assert [notebook.receive(), notebook.receive()] == steps[:2]
        assert notebook.receive()["id"] == 6
        notebook.reply(1)
        notebook.reply(2)
        notebook.reply(6, tools=[])
        told = [child.receive() for _ in range(3)]
        assert [m.get("method") for m in told[:2]] == [
            "notifications/tools/list_changed",
            "notifications/resources/list_changed",
        ]
        assert told[2]["result"] == {"tools": []}


def test_a_host_that_opens_a_new_session_itself_gets_its_own(runtime: Path, host: Start) -> None:
    with FakeNotebook(runtime) as notebook:
        child = host()
        notebook.accept()
        open_session(child, notebook)
        child.send(initialize("again"))
        assert notebook.receive()["id"] == "again"
        notebook.die()
        assert child.answer("again")["error"]["code"] == AWAY
    with FakeNotebook(runtime, "bridge-1-bb") as notebook:
        notebook.accept()
        child.send(initialize("third"))
        assert notebook.receive()["id"] == "third"


def test_a_notebook_that_comes_back_with_another_revision_ends_the_bridge(
    runtime: Path, host: Start
) -> None:
    with FakeNotebook(runtime) as notebook:
        child = host("--wait", "1000")
        notebook.accept()
        open_session(child, notebook)
        notebook.die()
    child.send(request("tools/list", 1))
    with FakeNotebook(runtime, "bridge-1-bb") as notebook:
        notebook.accept()
        notebook.receive()
        answer_initialize(notebook, "2024-11-05")
        assert "another revision" in child.answer(1)["error"]["message"]
        assert child.exit_code() == 1


def test_half_a_message_of_a_dying_notebook_is_not_passed_on(runtime: Path, host: Start) -> None:
    with FakeNotebook(runtime) as notebook:
        child = host()
        notebook.accept()
        child.send(request("x", 1))
        notebook.receive()
        notebook.send(b'{"jsonrpc": "2.0", "id": 1, "resu')
        notebook.die()
        assert child.answer(1)["error"]["code"] == AWAY
    with FakeNotebook(runtime, "bridge-1-bb") as notebook:
        notebook.accept()
        whole = b'{"jsonrpc": "2.0", "method": "notifications/x"}\n'
        notebook.send(whole)
        assert child.line() == whole


def test_a_question_of_a_kernel_that_is_gone_is_withdrawn_and_its_answer_dropped(
    runtime: Path, host: Start
) -> None:
    with FakeNotebook(runtime) as notebook:
        child = host()
        notebook.accept()
        notebook.send(*(request("elicitation/create", number) for number in (1, 2, 4)))
        assert [child.receive()["id"] for _ in range(3)] == [1, 2, 4]
        child.send({"jsonrpc": "2.0", "id": 2, "result": {}})
        assert notebook.receive()["id"] == 2
        notebook.die()
    withdrawn = [child.receive() for _ in range(2)]
    assert {m["method"] for m in withdrawn} == {"notifications/cancelled"}
    assert [m["params"]["requestId"] for m in withdrawn] == [1, 4]
    with FakeNotebook(runtime, "bridge-1-bb") as notebook:
        notebook.accept()
        child.hear("is back")
        child.send({"jsonrpc": "2.0", "id": 1, "result": {}}, request("tools/list", 3))
        assert notebook.receive()["id"] == 3
        notebook.send(request("elicitation/create", 1))
        assert child.receive()["id"] == 1
        child.send({"jsonrpc": "2.0", "id": 1, "result": {"new": True}})
        assert notebook.receive()["result"] == {"new": True}
        notebook.send(request("elicitation/create", 4))  # the old one was never answered
        assert child.receive()["id"] == 4
        child.send({"jsonrpc": "2.0", "id": 4, "result": {"newer": True}})
        assert notebook.receive()["result"] == {"newer": True}


def test_5_mb_pass_each_way_at_the_same_time(runtime: Path, host: Start) -> None:
    with FakeNotebook(runtime) as notebook:
        child = host()
        notebook.accept()
        text = "x" * 5_000_000
        asked = request("length", 1, text=text)
        child.send(asked)
        notebook.send(notice("notifications/big", text=text))
        assert notebook.receive() == asked
        assert child.receive()["params"]["text"] == text


def test_a_host_that_is_killed_takes_its_bridge_along(runtime: Path) -> None:
    with FakeNotebook(runtime) as notebook:
        script = (
            "import subprocess, sys, time\n"
            "child = subprocess.Popen([sys.executable, '-m', 'mcp_notebook.bridge', '--folder',"
            " sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
            "print(child.pid, flush=True)\n"
            'child.stdin.write(b\'{"jsonrpc": "2.0", "id": 1, "method": "x"}\\n\')\n'
            "child.stdin.flush()\n"
            "time.sleep(1000)\n"
        )
        killed = subprocess.Popen(
            [sys.executable, "-c", script, str(notebook.folder)], stdout=subprocess.PIPE, text=True
        )
        assert killed.stdout is not None
        bridge = psutil.Process(int(killed.stdout.readline()))
        notebook.accept()
        assert notebook.receive()["id"] == 1
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
        killed.stdout.close()
        assert notebook.line() == b""
        notebook.hang_up()
        deadline = time.monotonic() + LIMIT_S
        while bridge.is_running() and bridge.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_line_without_end_is_passed_on_in_pieces() -> None:
    from mcp_notebook.bridge.lines import LONGEST, Lines

    lines = Lines()
    piece = b"x" * (1 << 20)
    passed = 0
    for _ in range((LONGEST >> 20) + 2):
        for line, whole in lines.feed(piece):
            assert not whole
            passed += len(line)
    found = list(lines.feed(b"end\n{}\n"))
    assert [whole for _, whole in found] == [False, True]
    assert passed + len(found[0][0]) == LONGEST + (2 << 20) + 4
    assert found[1][0] == b"{}\n"
