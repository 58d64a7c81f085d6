"""What clients of the legacy era ask for once, and then hear of: resources, the log."""

from __future__ import annotations

import asyncio
from typing import Any

import mcp_types as types
import pytest
from mcp.client import Client
from mcp.server.mcpserver import Context, MCPServer

from mcp_notebook.runtime import sdk
from mcp_notebook.runtime.connection import Connection
from mcp_notebook.runtime.workbench import Workbench

URI = "note://today"
UPDATED = f"notifications/resources/updated {URI}"
CARRIED = ["memory", "tcp", "http", "sse", "websocket"]

pytestmark = pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")


def note(text: str) -> Any:
    def today() -> str:
        """The note of today."""
        return text

    return today


def requested(connection: Connection, ask: Any) -> Any:
    """What the SDK's client gives for a request our connection has no method for."""
    return connection.workbench.loop.run(connection.session.request(ask))


@pytest.mark.parametrize("era", ["legacy", "modern"])
@pytest.mark.parametrize("transport", CARRIED)
def test_who_subscribed_hears_of_a_resource_that_was_defined_again(
    bench: Workbench, transport: str, era: str
) -> None:
    bench.resource(URI)(note("one"))
    bench.resource("note://other")(note("other"))
    with bench.connect(bench.serve(transport=transport), era=era, timeout=30) as road:
        listening = road.listen(URI)
        bench.resource("note://other")(note("other still"))
        bench.resource(URI)(note("two"))
        while UPDATED not in listening.notices:
            listening.wait(len(listening) + 1)
        assert road.read(URI).value == "two"
        assert listening.notices.count(UPDATED) == 1
        assert "notifications/resources/updated note://other" not in listening.notices


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_a_tool_can_say_that_a_resource_has_changed(bench: Workbench, era: str) -> None:
    async def write(ctx: Context[Any, Any]) -> str:
        """Change the note."""
        await ctx.notify_resource_updated(URI)
        return "written"

    bench.tool(write)
    bench.resource(URI)(note("one"))
    with bench.connect(bench.serve(transport="tcp"), era=era, timeout=30) as road:
        listening = road.listen(URI)
        road.call("write")
        assert listening.wait(1) == [UPDATED]


def test_who_unsubscribed_hears_no_more(bench: Workbench) -> None:
    bench.resource(URI)(note("one"))
    with bench.connect(bench.serve(transport="tcp"), era="legacy", timeout=30) as road:
        listening = road.listen(URI)
        requested(road, lambda client: client.unsubscribe_resource(URI))
        bench.resource(URI)(note("two"))
        bench.tool(lambda: 1, name="last")
        listening.wait(2)
        assert UPDATED not in listening.notices


def test_each_client_hears_of_what_it_subscribed_to_alone(bench: Workbench) -> None:
    bench.resource(URI)(note("one"))
    endpoint = bench.serve(transport="tcp")
    with (
        bench.connect(endpoint, era="legacy", name="one", timeout=30) as one,
        bench.connect(endpoint, era="legacy", name="two", timeout=30) as two,
    ):
        heard, unheard = one.listen(URI), two.listen()
        bench.resource(URI)(note("two"))
        bench.tool(lambda: 1, name="last")
        heard.wait(3)
        unheard.wait(2)
        assert UPDATED in heard.notices
        assert all("updated" not in str(getattr(n, "method", "")) for n in two.session.notices)


def test_the_log_is_as_loud_as_a_client_wants_it(bench: Workbench) -> None:
    async def speak(ctx: Context[Any, Any]) -> str:
        """Say something at two levels."""
        await ctx.log("info", "a detail")
        await ctx.log("error", "a fault")
        return "said"

    bench.tool(speak)
    endpoint = bench.serve(transport="tcp")

    def said(road: Connection) -> list[Any]:
        road.session.notices.clear()
        road.call("speak")
        return [n.params.level for n in road.session.notices if n.method == "notifications/message"]

    with (
        bench.connect(endpoint, era="legacy", name="calm", timeout=30) as calm,
        bench.connect(endpoint, era="legacy", name="keen", timeout=30) as keen,
    ):
        assert said(calm) == ["info", "error"]
        requested(calm, lambda client: client.set_logging_level("warning"))
        assert said(calm) == ["error"]
        assert said(keen) == ["info", "error"]
        requested(calm, lambda client: client.set_logging_level("debug"))
        assert said(calm) == ["info", "error"]


def test_the_handshake_says_what_can_be_asked_for(bench: Workbench) -> None:
    with bench.connect(bench.serve(transport="tcp"), era="legacy", timeout=30) as road:
        assert road.capabilities.resources is not None
        assert road.capabilities.resources.subscribe
        assert road.capabilities.logging is not None


def test_the_modern_era_hears_nothing_of_a_log_level(bench: Workbench) -> None:
    with bench.connect(bench.serve(transport="tcp"), era="modern", timeout=30) as road:
        assert road.capabilities.logging is None
        assert road.capabilities.tools is not None


def test_what_an_adopted_server_answers_itself_stays_its_own(bench: Workbench) -> None:
    asked: list[str] = []

    async def subscribe(ctx: Any, params: types.SubscribeRequestParams) -> types.EmptyResult:
        asked.append(str(params.uri))
        return types.EmptyResult()

    own = MCPServer("own", log_level="ERROR")
    sdk.lowlevel(own).add_request_handler(
        "resources/subscribe", types.SubscribeRequestParams, subscribe
    )
    bench.add(own)
    with bench.connect(bench.serve("own", transport="tcp"), era="legacy", timeout=30) as road:
        road.listen(URI)
    assert asked == [URI]


def test_the_sdk_answers_neither_request_by_itself() -> None:
    """runtime/clients.py: why it is needed at all."""
    inner = sdk.lowlevel(MCPServer("bare", log_level="ERROR"))
    assert inner.get_request_handler("resources/subscribe") is None
    assert inner.get_request_handler("logging/setLevel") is None
    assert inner.get_request_handler("ping") is not None


def test_a_session_lets_every_line_of_the_log_pass_unless_limited() -> None:
    """runtime/sdk.py: where `limit_log` reaches for the levels."""
    server = MCPServer("bare", log_level="ERROR")
    levels: list[frozenset[str]] = []

    async def look(ctx: Any, call_next: Any) -> Any:
        before = ctx.session._allowed_log_levels
        sdk.limit_log(ctx.session, "error")
        levels[:] = [before, ctx.session._allowed_log_levels]
        return await call_next(ctx)

    server.middleware.append(look)

    async def work() -> None:
        async with Client(server, mode="legacy") as client:
            await client.list_tools()

    asyncio.run(work())
    assert levels == [
        frozenset(sdk.LOG_LEVELS),
        frozenset({"error", "critical", "alert", "emergency"}),
    ]
