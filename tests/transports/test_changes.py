"""Changing tools while clients are connected: who is told, and what the next call does."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from mcp_notebook.errors import UsageError
from mcp_notebook.runtime.connection import Connection
from mcp_notebook.runtime.workbench import Workbench

from .conftest import ERAS, TRANSPORTS

TOLD = [
    (t, e) for t in TRANSPORTS for e in ERAS if t != "stdio" and (t, e) != ("http-json", "legacy")
]
CHANGED = "notifications/tools/list_changed"


def number() -> int:
    """One."""
    return 1


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    with Workbench(folder=str(tmp_path_factory.mktemp("changes"))) as bench:
        bench.tool(number)
        for transport in TRANSPORTS:
            bench.serve(transport=transport)
        yield bench


def open_road(shared: Workbench, transport: str, era: str) -> Connection:
    return shared.connect(f"notebook-{transport}", era=era, name=f"{transport}-{era}", timeout=30)


@pytest.mark.parametrize(("transport", "era"), TOLD)
def test_who_listens_hears_of_a_changed_list(shared: Workbench, transport: str, era: str) -> None:
    with open_road(shared, transport, era) as road:
        listening = road.listen()
        shared.tool(lambda: 2, name="second")
        assert listening.wait(1) == [CHANGED]
        shared.servers["notebook"].remove("second")
        assert listening.wait(2) == [CHANGED, CHANGED]
        listening.stop()
        shared.tool(number)
        road.tools()
        assert len(listening) == 2


@pytest.mark.parametrize(("transport", "era"), TOLD)
def test_resources_and_prompts_have_notices_of_their_own(
    shared: Workbench, transport: str, era: str
) -> None:
    with open_road(shared, transport, era) as road:
        listening = road.listen()
        shared.resource("note://now", name="now")(lambda: "now")
        assert listening.wait(1) == ["notifications/resources/list_changed"]
        shared.prompt(lambda: "Say so.", name="say")
        assert listening.wait(2)[1:] == ["notifications/prompts/list_changed"]
        listening.stop()
    shared.servers["notebook"].remove("note://now", "say")


def test_a_stateless_legacy_server_has_no_way_to_tell(shared: Workbench) -> None:
    with open_road(shared, "http-json", "legacy") as road:
        listening = road.listen()
        shared.tool(lambda: 2, name="second")
        assert road.call("second").value == "2"
        assert listening.notices == []
    shared.servers["notebook"].remove("second")


@pytest.mark.parametrize("era", ERAS)
def test_a_snapshot_is_not_told_and_says_that_it_is_stale(shared: Workbench, era: str) -> None:
    with open_road(shared, "stdio", era) as road:
        assert not road.stale
        listening = road.listen()
        shared.tool(lambda: 2, name="second")
        assert road.stale
        assert "older" in road.status
        assert "stale" in repr(road)
        assert road.tools().names == ["number"]
        with pytest.raises(UsageError, match="has no tool 'second'"):
            road.call("second")
        assert listening.notices == []
    with open_road(shared, "stdio", era) as again:
        assert not again.stale
        assert again.call("second").value == "2"
    shared.servers["notebook"].remove("second")


IN_KERNEL = [(t, e) for t in TRANSPORTS for e in ERAS if t != "stdio"]


@pytest.mark.parametrize(("transport", "era"), IN_KERNEL)
def test_a_replaced_tool_answers_the_next_call_whatever_its_result_is(
    shared: Workbench, transport: str, era: str
) -> None:
    with open_road(shared, transport, era) as road:
        assert road.call("number").value == 1

        def changed(word: str) -> dict[str, str]:
            return {"word": word}

        shared.tool(changed, name="number")
        assert road.call("number", word="new").value == {"word": "new"}
        shared.tool(number)
        assert road.call("number").value == 1


@pytest.mark.parametrize("era", ERAS)
def test_a_client_by_address_learns_of_a_changed_result_too(shared: Workbench, era: str) -> None:
    """It is not known to lead into this kernel: only the protocol can tell it."""
    url = shared.endpoints["notebook-websocket"].url
    with shared.connect(url, era=era) as road:
        assert road.endpoint is None
        listening = road.listen()
        assert road.call("number").value == 1
        shared.tool(lambda: {"word": "new"}, name="number")
        listening.wait(1)
        shared.tool(lambda: "text", name="number")
        listening.wait(2)
        assert road.call("number").value == "text"
        shared.tool(number)
        listening.wait(3)
        listening.stop()


@pytest.mark.parametrize("transport", ["memory", "http", "websocket"])
def test_a_call_under_way_ends_with_the_tool_it_began_with(
    shared: Workbench, transport: str
) -> None:
    begun, release = threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        release.wait(20)
        return "old"

    shared.tool(slow)
    with open_road(shared, transport, "modern") as road:
        call = road.start("slow", {})
        assert begun.wait(20)
        shared.tool(lambda: "new", name="slow")
        release.set()
        assert call.result().value == "old"
        assert road.call("slow").value == "new"
    shared.servers["notebook"].remove("slow")


def test_the_handshake_says_that_lists_may_change(shared: Workbench) -> None:
    for transport in TRANSPORTS:
        with open_road(shared, transport, "legacy") as road:
            assert road.capabilities.tools is not None
            assert road.capabilities.tools.list_changed, transport
            assert road.capabilities.resources is not None
            assert road.capabilities.resources.list_changed, transport
