"""A host that starts before its notebook."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mcp_notebook import Workbench
from tests.rigs.bridge import FakeNotebook, Host, initialize, notice, request

Start = Callable[..., Host]

LISTS = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}


def test_a_session_is_opened_and_goes_on_with_the_notebook(runtime: Path, host: Start) -> None:
    child = host("notebook-bridge", "--standby", "--wait", "0")
    child.send(initialize())
    opened = child.answer(0)["result"]
    assert opened["protocolVersion"] == "2025-11-25"
    assert "the notebook is away" in opened["instructions"]
    assert "%mcp serve -t bridge" in opened["instructions"]
    child.send(notice("notifications/initialized"))
    for number, (method, part) in enumerate(LISTS.items(), 1):
        assert child.call(method, number)["result"] == {part: []}
    assert child.call("ping", 9)["result"] == {}
    error = child.call("tools/call", 10, name="add")["error"]
    assert "the notebook is away: none listens as notebook-bridge" in error["message"]

    with FakeNotebook(runtime) as notebook:
        notebook.accept()
        assert notebook.receive() == initialize()
        can = {"tools": {"listChanged": True}, "prompts": {}, "resources": {}}
        notebook.reply(0, protocolVersion="2025-11-25", capabilities=can, serverInfo={})
        assert notebook.receive() == notice("notifications/initialized")
        assert child.receive()["method"] == "notifications/tools/list_changed"
        child.hear("the notebook is there")
        child.send(request("tools/list", 11))
        assert notebook.receive()["method"] == "tools/list"
        notebook.reply(11, tools=[{"name": "add"}])
        assert child.answer(11)["result"] == {"tools": [{"name": "add"}]}

        # from now on it is a notebook that was there: nothing is answered in its place
        notebook.leave()
        child.hear("went away")
        assert "away" in child.call("tools/list", 12)["error"]["message"]
        child.end_input()
        assert child.exit_code() == 0


def test_a_notebook_that_is_there_is_asked_itself(runtime: Path, host: Start) -> None:
    with FakeNotebook(runtime) as notebook:
        child = host("--standby")
        notebook.accept()
        child.send(initialize())
        assert notebook.receive() == initialize()


@pytest.mark.parametrize(
    "message",
    [
        request("server/discover", 1),
        {**initialize(1), "params": {"protocolVersion": "1999-01-01"}},
        {**initialize(1), "params": 7},
        request("resources/read", 1, uri="x:y"),
    ],
)
def test_what_only_a_notebook_can_answer_gets_an_error(host: Start, message: object) -> None:
    child = host("--standby", "--wait", "0")
    child.send(message)
    assert "the notebook is away" in child.answer(1)["error"]["message"]
    child.end_input()
    assert child.exit_code() == 1


def test_without_it_nothing_is_answered_in_its_place(host: Start) -> None:
    child = host("--wait", "0")
    assert "away" in child.call("initialize", 0, **initialize()["params"])["error"]["message"]


def test_a_real_client_finds_the_tools_once_they_are_there(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The client of the SDK asks for the modern era first, then opens a session."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    folder = runtime / f"mcp-notebook-{os.getuid()}"
    command = ["python", "-m", "mcp_notebook.bridge", "--standby", "--wait", "0", "--folder"]
    with Workbench(folder=str(tmp_path)) as near, Workbench(folder=str(tmp_path)) as far:
        connection = near.connect([*command, str(folder)])
        assert connection.protocol_version == "2025-11-25"
        assert list(connection.tools()) == []
        notices = connection.listen()

        @far.tool
        def add(a: int) -> int:
            """Add."""
            return a + 1

        far.serve(transport="bridge")
        assert "notifications/tools/list_changed" in notices.wait(1, timeout=30)
        assert connection.call("add", a=41).value == 42
