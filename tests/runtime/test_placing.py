"""Tools of adopted servers, and what a tool reaches through its context from another loop."""

from __future__ import annotations

import threading
import warnings

import mcp_types as types
import pytest
from mcp.server.mcpserver import Context, MCPServer
from mcp.shared.exceptions import MCPDeprecationWarning

from mcp_notebook.runtime import sdk
from mcp_notebook.runtime.workbench import Workbench

ROADS = ["memory", "pipe", "bridge", "unix", "tcp", "http", "sse", "websocket"]


def test_an_adopted_servers_tools_run_off_the_transport_loop_now_and_later() -> None:
    server = MCPServer("mine", log_level="ERROR")

    @server.tool()
    async def early() -> str:
        return threading.current_thread().name

    with Workbench() as bench:
        connection = bench.connect(bench.serve(server, "memory"))
        assert connection.call("early").value.startswith("mcp-tools")

        @server.tool()
        async def later() -> str:
            return threading.current_thread().name

        connection.tools()
        assert connection.call("later").value.startswith("mcp-tools")

        async def early_anew() -> str:
            return "anew"

        sdk.put_tool(server, early_anew, name="early")
        assert connection.call("early").value == "anew"


async def ask_a_model(ctx: Context) -> str:
    """Let the client's model write."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MCPDeprecationWarning)
        message = types.SamplingMessage(
            role="user", content=types.TextContent(type="text", text="Write a poem")
        )
        answer = await ctx.session.create_message([message], max_tokens=50)
    assert isinstance(answer.content, types.TextContent)
    return answer.content.text


async def log_and_report(ctx: Context) -> str:
    """Use a deprecated method, which does not look like a coroutine function."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MCPDeprecationWarning)
        await ctx.info("hello")
    await ctx.request_context.session.report_progress(1, 2, "half")
    return str(ctx.request_id)


@pytest.mark.parametrize("road", ROADS)
def test_sampling_from_a_tool_is_answered_on_every_road(road: str) -> None:
    with Workbench() as bench:
        bench.tool(ask_a_model)
        connection = bench.connect(bench.serve(transport=road), era="legacy", timeout=20)
        call = connection.start("ask_a_model", {}, answer="Roses are red")
        assert call.result().value == "Roses are red"


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_what_a_context_awaits_happens_at_home(era: str) -> None:
    steps: list[float] = []
    with Workbench() as bench:
        bench.tool(log_and_report)
        connection = bench.connect(bench.serve(transport="http"), era=era, timeout=20)
        call = connection.start(
            "log_and_report", {}, on_progress=lambda *step: steps.append(step[0])
        )
        assert not call.result().is_error
    assert steps == [1]
