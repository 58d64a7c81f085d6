"""Pins of what is touched below the SDK's public surface.

A failure here says that a new release of the SDK has changed something this package stands on;
the docstrings say which room must be looked at.
"""

from __future__ import annotations

import asyncio
import json
import logging
import weakref
from typing import Annotated, Any

import anyio
import mcp_types as types
import pytest
from mcp.client import Client
from mcp.client.subscriptions import ListenNotSupportedError
from mcp.server.lowlevel.server import NotificationOptions, Server
from mcp.server.mcpserver import Context, Elicit, MCPServer, Resolve
from mcp.shared.exceptions import MCPError
from mcp.shared.message import SessionMessage
from mcp_types.version import LATEST_MODERN_VERSION, MODERN_PROTOCOL_VERSIONS
from opentelemetry.trace import NoOpTracerProvider, get_current_span
from pydantic import BaseModel

from mcp_notebook.runtime import sdk

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def server() -> MCPServer[Any]:
    made = MCPServer("pinned", log_level="ERROR", warn_on_duplicate_tools=False)

    @made.tool()
    def first() -> int:
        return 1

    @made.tool()
    def second() -> int:
        return 2

    return made


class Ends:
    """Two pairs of streams that are joined, each with no more than the SDK is known to use."""

    def __init__(self, arrived: asyncio.Queue[Any], away: asyncio.Queue[Any]) -> None:
        self._arrived = arrived
        self._away = away
        self.used: set[str] = set()

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("_") and name != "used":
            object.__getattribute__(self, "used").add(name)
        return object.__getattribute__(self, name)

    async def receive(self) -> SessionMessage:
        message = await self._arrived.get()
        if message is None:
            raise anyio.EndOfStream
        return message

    async def send(self, item: SessionMessage) -> None:
        assert isinstance(item, SessionMessage)
        await self._away.put(item)

    async def aclose(self) -> None:
        await self._away.put(None)

    def __aiter__(self) -> Ends:
        return self

    async def __anext__(self) -> SessionMessage:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Ends:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


async def talk(server: MCPServer[Any], mode: str, work: Any, **options: Any) -> tuple[Any, Ends]:
    """Serve on plain stream objects and give a client of them to `work`."""
    up: asyncio.Queue[Any] = asyncio.Queue()
    down: asyncio.Queue[Any] = asyncio.Queue()
    ours, theirs = Ends(down, up), Ends(up, down)
    serving = asyncio.get_running_loop().create_task(sdk.serve_streams(server, theirs, theirs))

    class Streams:
        async def __aenter__(self) -> tuple[Ends, Ends]:
            return ours, ours

        async def __aexit__(self, *_: object) -> None:
            await up.put(None)

    async with asyncio.timeout(20):
        async with Client(Streams(), mode=mode, **options) as client:
            result = await work(client)
        await serving
    return result, theirs


@pytest.mark.parametrize("mode", ["legacy", LATEST_MODERN_VERSION, "auto"])
def test_the_low_level_server_serves_two_plain_objects_in_either_era(
    server: MCPServer[Any], mode: str
) -> None:
    """transports/streams.py: what a stream object must have, and that it is enough."""

    async def work(client: Client) -> Any:
        result = await client.call_tool("second")
        return client.protocol_version, result.structured_content

    (version, content), ends = asyncio.run(talk(server, mode, work))
    assert version == ("2025-11-25" if mode == "legacy" else LATEST_MODERN_VERSION)
    assert content == {"result": 2}
    assert ends.used <= {"receive", "send", "aclose", "last_context"}


def test_the_low_level_server_is_where_it_is_looked_for(server: MCPServer[Any]) -> None:
    inner = sdk.lowlevel(server)
    assert isinstance(inner, Server)
    server.streamable_http_app()
    assert server.session_manager.app is inner


def test_the_tables_of_tools_prompts_and_resources_are_plain_dicts(server: MCPServer[Any]) -> None:
    server.prompt(name="ask")(lambda: "ask")
    server.resource("note://one", name="one")(lambda: "one")
    server.resource("note://{name}", name="note")(lambda name: name)
    assert list(sdk.tools_of(server)) == ["first", "second"]
    assert list(sdk.prompts_of(server)) == ["ask"]
    resources, templates = sdk.resources_of(server)
    assert (list(resources), list(templates)) == (["note://one"], ["note://{name}"])
    tables = (sdk.tools_of(server), sdk.prompts_of(server), resources, templates)
    assert {type(table) for table in tables} == {dict}
    for table in tables:
        for entry in table.values():
            assert callable(entry.fn), "runtime/snapshot.py takes the function from there"


def test_the_public_way_to_add_keeps_the_old_tool(server: MCPServer[Any]) -> None:
    """runtime/sdk.py: why `put_tool` does not use it."""
    server.add_tool(lambda: 3, name="first")
    assert sdk.tools_of(server)["first"].fn() == 1


def test_a_tool_put_in_replaces_the_old_one_in_its_place(server: MCPServer[Any]) -> None:
    sdk.put_tool(server, lambda: 3, name="first", description="new")

    async def work(client: Client) -> Any:
        listed = await client.list_tools()
        called = await client.call_tool("first")
        return [t.name for t in listed.tools], listed.tools[0].description, called.content[0].text

    result, _ = asyncio.run(talk(server, "auto", work))
    assert result == (["first", "second"], "new", "3")


def test_the_bus_of_subscriptions_is_where_it_is_looked_for(server: MCPServer[Any]) -> None:
    bus = sdk.subscription_bus(server)
    assert callable(bus.publish)
    assert callable(bus.subscribe)


def test_the_options_of_the_handshake_deny_changes_unless_told(server: MCPServer[Any]) -> None:
    """runtime/sdk.py: why `announce_changes` is needed at all."""
    inner = sdk.lowlevel(server)
    assert not inner.create_initialization_options().capabilities.tools.list_changed
    sdk.announce_changes(server)
    assert inner.create_initialization_options().capabilities.tools.list_changed
    quiet = inner.create_initialization_options(NotificationOptions(tools_changed=False))
    assert not quiet.capabilities.tools.list_changed


def test_a_session_lives_for_one_message_and_its_connection_for_all(
    server: MCPServer[Any],
) -> None:
    """runtime/server.py remembers connections: sessions would be gone at once."""
    sessions: list[weakref.ref[Any]] = []
    clients: list[Any] = []

    async def remember(ctx: Any, call_next: Any) -> Any:
        sessions.append(weakref.ref(ctx.session))
        clients.append(sdk.client_behind(ctx.session))
        return await call_next(ctx)

    server.middleware.append(remember)

    async def work(client: Client) -> Any:
        await client.list_tools()
        await client.list_tools()
        return None

    asyncio.run(talk(server, "legacy", work))
    assert len(sessions) >= 4
    assert len({id(client) for client in clients}) == 1
    assert len({ref() for ref in sessions if ref() is not None}) <= 1
    for notice in ("tool", "resource", "prompt"):
        assert callable(getattr(clients[0], f"send_{notice}_list_changed"))


def test_a_context_is_made_of_what_a_remote_one_copies() -> None:
    """runtime/toolthreads.py: RemoteContext."""
    context: Context[Any, Any] = Context()
    for name in ("_request_context", "_mcp_server", "_input_params", "_subscriptions"):
        assert hasattr(context, name)


def test_a_legacy_client_cannot_listen(server: MCPServer[Any]) -> None:
    """runtime/listening.py: why there are two ways."""

    async def work(client: Client) -> Any:
        with pytest.raises(ListenNotSupportedError):
            async with client.listen(tools_list_changed=True):
                pass

    asyncio.run(talk(server, "legacy", work))


class Name(BaseModel):
    name: str


def ask_name() -> Elicit[Name]:
    return Elicit("Who?", Name)


def test_a_question_of_the_modern_era_is_an_answer_and_a_retry(server: MCPServer[Any]) -> None:
    """trace/exchange.py and runtime/questions.py: the shape on the wire."""
    lines: list[dict[str, Any]] = []

    @server.tool()
    async def greet(who: Annotated[Name, Resolve(ask_name)]) -> str:
        return f"Hello {who.name}"

    async def answer(_context: Any, params: Any) -> types.ElicitResult:
        assert isinstance(params, types.ElicitRequestFormParams)
        return types.ElicitResult(action="accept", content={"name": "Ada"})

    send = Ends.send

    async def recorded(self: Ends, item: SessionMessage) -> None:
        lines.append(json.loads(item.message.model_dump_json(by_alias=True, exclude_unset=True)))
        await send(self, item)

    async def work(client: Client) -> Any:
        return (await client.call_tool("greet")).content[0].text

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ends, "send", recorded)
        mode = LATEST_MODERN_VERSION
        text, _ = asyncio.run(talk(server, mode, work, elicitation_callback=answer))
    assert text == "Hello Ada"
    asked, question, retry, result = [
        m
        for m in lines
        if m.get("method") == "tools/call"
        or "content" in str(m.get("result"))
        or m.get("result", {}).get("resultType") == "input_required"
    ][:4]
    assert asked["params"]["name"] == retry["params"]["name"] == "greet"
    assert asked["id"] != retry["id"]
    assert question["result"]["resultType"] == "input_required"
    (key,) = question["result"]["inputRequests"]
    assert question["result"]["inputRequests"][key]["method"] == "elicitation/create"
    assert set(retry["params"]["inputResponses"]) == {key}
    assert retry["params"]["requestState"] == question["result"]["requestState"]
    assert result["id"] == retry["id"]


def test_a_modern_server_may_not_ask_by_itself(server: MCPServer[Any]) -> None:
    @server.tool()
    async def ask(ctx: Context[Any, Any]) -> str:
        return str(await ctx.elicit("Who?", Name))

    async def work(client: Client) -> Any:
        with pytest.raises(MCPError) as caught:
            await client.call_tool("ask")
        return caught.value.error.code

    code, _ = asyncio.run(talk(server, LATEST_MODERN_VERSION, work))
    assert code == -32600


def test_a_modern_request_carries_revision_and_capabilities_itself(
    server: MCPServer[Any],
) -> None:
    """magics: what `%%mcp send` has to put into `_meta`."""
    metas: list[Any] = []

    async def remember(ctx: Any, call_next: Any) -> Any:
        metas.append(ctx.meta)
        return await call_next(ctx)

    server.middleware.append(remember)
    asyncio.run(talk(server, LATEST_MODERN_VERSION, lambda client: client.list_tools()))
    assert metas
    prefix = "io.modelcontextprotocol/"
    assert metas[-1][f"{prefix}protocolVersion"] == LATEST_MODERN_VERSION
    assert f"{prefix}clientCapabilities" in metas[-1]
    assert LATEST_MODERN_VERSION in MODERN_PROTOCOL_VERSIONS


def test_a_server_configures_the_root_logger_unless_it_is_kept_from_it() -> None:
    """runtime/quiet.py: why `root_left_alone` is needed, and that it is enough."""
    from mcp_notebook.runtime.quiet import root_left_alone

    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    for handler in handlers:
        root.removeHandler(handler)
    try:
        with root_left_alone():
            MCPServer("quiet")
        assert root.handlers == []
        assert root.level == level
        MCPServer("loud")
        assert root.handlers != []
    finally:
        for handler in list(root.handlers):
            root.removeHandler(handler)
        for handler in handlers:
            root.addHandler(handler)
        root.setLevel(level)


def test_the_span_of_a_message_is_opened_by_the_first_middleware(server: MCPServer[Any]) -> None:
    """runtime/sdk.py leaves it out where nothing records spans."""
    assert type(server.middleware[0]).__name__ == "OpenTelemetryMiddleware"
    sdk.spans_where_watched(server)
    assert "OpenTelemetryMiddleware" not in {type(each).__name__ for each in server.middleware}


@pytest.mark.parametrize(("meta", "opened"), [({}, False), ({"traceparent": PARENT}, True)])
def test_a_span_is_opened_for_a_client_that_sends_its_own(
    server: MCPServer[Any], meta: dict[str, Any], opened: bool
) -> None:
    seen: list[bool] = []

    async def looks(ctx: Any, call_next: Any) -> Any:
        if ctx.method == "tools/call":
            seen.append(get_current_span().get_span_context().is_valid)
        return await call_next(ctx)

    sdk.spans_where_watched(server)
    server.middleware.append(looks)

    async def talk() -> None:
        async with Client(server) as client:
            await client.call_tool("first", {}, meta=meta)

    anyio.run(talk)
    assert seen == [opened]


def test_a_span_is_opened_where_spans_are_recorded(
    server: MCPServer[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sdk, "get_tracer_provider", NoOpTracerProvider)
    opened: list[str] = []

    async def span(self: Any, ctx: Any, call_next: Any) -> Any:
        opened.append(ctx.method)
        return await call_next(ctx)

    monkeypatch.setattr(sdk.OpenTelemetryMiddleware, "__call__", span)
    sdk.spans_where_watched(server)

    async def talk() -> None:
        async with Client(server) as client:
            await client.call_tool("first", {})

    anyio.run(talk)
    assert "tools/call" in opened
