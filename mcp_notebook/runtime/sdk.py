"""The places where the SDK is touched below its public surface, in one room.

Each function here is pinned by a contract test, so that a new SDK is noticed at once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, get_args

from mcp.server._otel import OpenTelemetryMiddleware
from mcp.server.lowlevel.server import NotificationOptions, Server
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.tools.base import Tool
from mcp_types import LoggingLevel
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from opentelemetry.trace import ProxyTracerProvider, get_tracer_provider

from .quiet import root_left_alone

LOG_LEVELS: tuple[str, ...] = get_args(LoggingLevel)
"""What the log of a server can say, least important first."""

ANNOUNCED = NotificationOptions(tools_changed=True, prompts_changed=True, resources_changed=True)


def lowlevel(server: MCPServer[Any]) -> Server[Any]:
    """The low-level server inside an ``MCPServer``; there is no public way to it."""
    return server._lowlevel_server


async def serve_streams(server: MCPServer[Any], read: Any, write: Any) -> None:
    """Serve one connection over two message streams, in the era its client chooses."""
    inner = lowlevel(server)
    await inner.run(read, write, inner.create_initialization_options(ANNOUNCED))


def announce_changes(server: MCPServer[Any]) -> None:
    """Make every transport say in the handshake that lists may change.

    The HTTP apps ask for the options without arguments and would deny the notices that they
    then deliver.
    """
    inner = lowlevel(server)
    made = type(inner).create_initialization_options

    @functools.wraps(made)
    def options(
        notification_options: NotificationOptions | None = None, *args: Any, **kw: Any
    ) -> Any:
        return made(inner, notification_options or ANNOUNCED, *args, **kw)

    inner.create_initialization_options = options  # type: ignore[method-assign]


def spans_where_watched(server: MCPServer[Any]) -> None:
    """Leave out the OpenTelemetry span of a message where nothing records spans.

    The SDK opens one for each message, for nobody: a tenth of what a server adds to a call.
    """
    server.middleware[:] = [
        _SpansWhereWatched(each) if isinstance(each, OpenTelemetryMiddleware) else each
        for each in server.middleware
    ]


class _SpansWhereWatched:
    """The SDK's spans, for those who set up OpenTelemetry or whose client sends its own span.

    Args:
        spans: the SDK's middleware.
    """

    def __init__(self, spans: OpenTelemetryMiddleware) -> None:
        self._spans = spans

    async def __call__(self, ctx: Any, call_next: Callable[[Any], Any]) -> Any:
        if isinstance(get_tracer_provider(), ProxyTracerProvider) and "traceparent" not in (
            ctx.meta or ()
        ):
            return await call_next(ctx)
        return await self._spans(ctx, call_next)


def subscription_bus(server: MCPServer[Any]) -> Any:
    """The bus that ``subscriptions/listen`` streams hang on."""
    return server._subscriptions


def answer_where_nobody_does(
    server: MCPServer[Any], handlers: Mapping[str, tuple[Any, Callable[..., Any]]]
) -> list[str]:
    """Answer requests that the server does not answer by itself.

    Args:
        server: the server.
        handlers: by method, the model of its parameters and what answers.

    Returns:
        The methods that are answered now and were not before.
    """
    inner = lowlevel(server)
    unanswered = [method for method in handlers if inner.get_request_handler(method) is None]
    for method in unanswered:
        inner.add_request_handler(method, *handlers[method])
    return unanswered


def keep_log_to_legacy(server: MCPServer[Any]) -> None:
    """Say nothing of the log in the modern era, which has no ``logging/setLevel``.

    The SDK derives the capability from there being an answer, whatever the era.
    """
    inner = lowlevel(server)
    found = inner.get_capabilities

    @functools.wraps(found)
    def capabilities(*args: Any, protocol_version: str | None = None, **kw: Any) -> Any:
        told = found(*args, protocol_version=protocol_version, **kw)
        if protocol_version in MODERN_PROTOCOL_VERSIONS:
            return told.model_copy(update={"logging": None})
        return told

    inner.get_capabilities = capabilities  # type: ignore[method-assign]


def assume_complete(session: Any) -> None:
    """Take a result that does not say what it is for a complete one.

    Revision 2026-07-28 tells clients to; the SDK's client refuses the result instead.
    """
    dispatcher = session._dispatcher
    send = dispatcher.send_raw_request

    @functools.wraps(send)
    async def sent(*args: Any, **kwargs: Any) -> Any:
        result = await send(*args, **kwargs)
        if "resultType" not in result and session.protocol_version in MODERN_PROTOCOL_VERSIONS:
            return {**result, "resultType": "complete"}
        return result

    dispatcher.send_raw_request = sent


def limit_log(session: Any, level: str) -> None:
    """Let a session send only lines of the log that are at least this important."""
    session._allowed_log_levels &= frozenset(LOG_LEVELS[LOG_LEVELS.index(level) :])


def make_tool(function: Callable[..., Any], *, name: str, **options: Any) -> Tool:
    """The SDK's tool of a function, not yet part of a server."""
    return Tool.from_function(function, name=name, **options)


def client_behind(session: Any) -> Any:
    """The SDK's connection to one client, which lives as long as the client is there.

    The session that handlers get is made anew for each message.
    """
    return session._connection


def put_tool(
    server: MCPServer[Any], function: Callable[..., Any], *, name: str, **options: Any
) -> Tool:
    """Add a tool or replace the one of the same name in its place.

    The public ``add_tool`` keeps the old one silently, and removing first would move it to the
    end of the list.
    """
    tool = make_tool(function, name=name, **options)
    server._tool_manager._tools[name] = tool
    return tool


def put_prompt(
    server: MCPServer[Any], function: Callable[..., Any], *, name: str, **options: Any
) -> None:
    """Add a prompt or replace the one of the same name in its place, in one step."""
    draft = _draft()
    draft.prompt(name=name, **options)(function)
    prompts_of(server)[name] = prompts_of(draft)[name]


def put_resource(
    server: MCPServer[Any], function: Callable[..., Any], *, uri: str, **options: Any
) -> None:
    """Add a resource or template or replace the one of the same URI in its place."""
    draft = _draft()
    draft.resource(uri, **options)(function)
    for mine, made in zip(resources_of(server), resources_of(draft), strict=True):
        if uri in made:
            mine[uri] = made[uri]


def set_version(server: MCPServer[Any], version: str) -> None:
    """Change what a server tells clients of its version; the public property is read-only.

    Results of the modern era bear a copy, which the SDK makes once.
    """
    inner = lowlevel(server)
    inner.version = version
    vars(inner).pop("_server_info_stamp_source", None)


def _draft() -> MCPServer[Any]:
    """A server that is never served: a part is made on it before it replaces one in use.

    The public decorators keep an old part of the same name, and taking that out first would
    leave a moment without it.
    """
    with root_left_alone():
        return MCPServer("draft", log_level="ERROR")


def own_routes(server: MCPServer[Any]) -> list[Any]:
    """The HTTP routes that a server has beside those of the protocol."""
    return server._custom_starlette_routes


def tools_of(server: MCPServer[Any]) -> dict[str, Tool]:
    """The registered tools by name."""
    return server._tool_manager._tools


def place_tools(
    server: MCPServer[Any], place: Callable[[str, Callable[..., Any]], Callable[..., Any]]
) -> None:
    """Run the functions of a server's tools elsewhere, those it gets later included.

    The tools themselves stay as they are: calls get a copy, made anew for another tool or function.
    """
    manager = server._tool_manager
    found = type(manager).get_tool
    made: dict[str, tuple[Tool, Callable[..., Any], Tool]] = {}

    def get_tool(name: str) -> Tool | None:
        tool = found(manager, name)
        if tool is None:
            return None
        known = made.get(name)
        if known is not None and known[0] is tool and known[1] is tool.fn:
            return known[2]
        function = place(name, tool.fn)
        if function is tool.fn:
            return tool
        placed = tool.model_copy(update={"fn": function, "is_async": True})
        made[name] = tool, tool.fn, placed
        return placed

    manager.get_tool = get_tool  # type: ignore[method-assign]


def prompts_of(server: MCPServer[Any]) -> dict[str, Any]:
    """The registered prompts by name."""
    return server._prompt_manager._prompts


def resources_of(server: MCPServer[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The registered resources by URI and the templates by URI template."""
    manager = server._resource_manager
    return manager._resources, manager._templates
