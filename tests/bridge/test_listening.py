"""Who listens in the modern era goes on to listen when the notebook comes back."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mcp_notebook import Workbench
from tests.rigs.bridge import FakeNotebook, Host, notice, request

Start = Callable[..., Host]

SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
WANTED = {"toolsListChanged": True, "promptsListChanged": True}


def acknowledged(identifier: Any, **granted: bool) -> dict[str, Any]:
    told = {"_meta": {SUBSCRIPTION: identifier}, "notifications": granted}
    return notice("notifications/subscriptions/acknowledged", **told)


@pytest.mark.parametrize("identifier", ["listen-1", 7])
def test_a_listening_is_asked_for_again(runtime: Path, host: Start, identifier: Any) -> None:
    asked = request("subscriptions/listen", identifier, notifications=WANTED)
    child = host("--wait", "100")
    with FakeNotebook(runtime) as notebook:
        notebook.accept()
        child.send(asked, request("tools/call", 2, name="add"))
        assert notebook.receive() == asked
        assert notebook.receive()["id"] == 2
        notebook.send(acknowledged(identifier, **WANTED))
        assert child.receive() == acknowledged(identifier, **WANTED)
        notebook.leave()
        assert "It may have run" in child.answer(2)["error"]["message"]  # and only this one

    with FakeNotebook(runtime, "bridge-2-bb") as notebook:
        notebook.accept()
        assert notebook.receive() == asked
        notebook.send(acknowledged(identifier, toolsListChanged=True))
        told = notice("notifications/tools/list_changed", _meta={SUBSCRIPTION: identifier})
        assert child.receive() == told  # in the place of the second acknowledgement
        notebook.send(told)
        assert child.receive() == told
        notebook.reply(identifier, resultType="complete")
        assert child.answer(identifier)["result"] == {"resultType": "complete"}
        notebook.leave()

    with FakeNotebook(runtime, "bridge-3-cc") as notebook:
        notebook.accept()
        child.send(request("tools/list", 3))
        assert notebook.receive()["method"] == "tools/list"  # it was over


def test_a_listening_that_the_host_has_ended_is_over(runtime: Path, host: Start) -> None:
    child = host("--wait", "100")
    with FakeNotebook(runtime) as notebook:
        notebook.accept()
        child.send(request("subscriptions/listen", 1, notifications=WANTED))
        child.send(notice("notifications/cancelled", requestId=1))
        assert [notebook.receive()["method"] for _ in range(2)] == [
            "subscriptions/listen", "notifications/cancelled"
        ]  # fmt: skip
        notebook.leave()
        child.hear("went away")
    with FakeNotebook(runtime, "bridge-2-bb") as notebook:
        notebook.accept()
        child.send(request("tools/list", 3))
        assert notebook.receive()["method"] == "tools/list"


def test_a_real_client_goes_on_to_hear_of_changed_cells(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    folder = str(runtime / f"mcp-notebook-{os.getuid()}")
    command = ["python", "-m", "mcp_notebook.bridge", "--wait", "100", "--folder", folder]

    def add(a: int) -> int:
        """Add."""
        return a + 1

    with Workbench(folder=str(tmp_path)) as near:
        with Workbench(folder=str(tmp_path)) as far:
            far.tool(add)
            far.serve(transport="bridge")
            connection = near.connect(command)
            assert connection.era == "modern"
            notices = connection.listen()
            far.tool(add, name="sum")
            assert "notifications/tools/list_changed" in notices.wait(1, timeout=30)
            before = len(notices)
        with Workbench(folder=str(tmp_path)) as again:
            again.tool(add)
            again.serve(transport="bridge")
            assert len(notices.wait(before + 1, timeout=30)) > before
            assert connection.call("add", a=1).value == 2
            before = len(notices)
            again.tool(add, name="plus")
            assert len(notices.wait(before + 1, timeout=30)) > before
