"""The WebSocket transport of a written server: one JSON-RPC message a text frame."""

import argparse
from typing import Any

import anyio
from mcp.server.mcpserver import MCPServer
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from .serving import APPS, MAX_MESSAGE_BYTES, http_app, lowlevel

SUBPROTOCOL = "mcp"
NO_MESSAGE = '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}'


async def serve_websocket(inner: Any, socket: WebSocket) -> None:
    """Serve one client, until it or the server closes.

    WebSocket is not in the specification of MCP. As other implementations do, messages are text
    frames under the subprotocol ``mcp``; 1003 closes on a binary one, 1009 on one too large.
    """
    if SUBPROTOCOL not in socket.scope["subprotocols"]:
        await socket.send_denial_response(PlainTextResponse("Offer the subprotocol mcp.\n", 400))
        return
    await socket.accept(SUBPROTOCOL)
    arrived, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    write, leaving = anyio.create_memory_object_stream[SessionMessage](0)

    async def receive() -> None:
        async with arrived:
            while (frame := await socket.receive())["type"] == "websocket.receive":
                text = frame.get("text")
                if text is None:
                    await socket.close(1003, "MCP messages are text")
                    return
                if len(text.encode()) > MAX_MESSAGE_BYTES:
                    await socket.close(1009, "the message is too large")
                    return
                try:
                    message = jsonrpc_message_adapter.validate_json(text, by_name=False)
                except ValueError:
                    await socket.send_text(NO_MESSAGE)
                else:
                    await arrived.send(SessionMessage(message))

    async def send() -> None:
        async with leaving:
            async for item in leaving:
                text = item.message.model_dump_json(by_alias=True, exclude_unset=True)
                try:
                    await socket.send_text(text)
                except (RuntimeError, WebSocketDisconnect):  # the client has gone
                    return

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(receive)
        tasks.start_soon(send)
        await inner.run(read, write, inner.create_initialization_options())
        tasks.cancel_scope.cancel()


def websocket_route(server: MCPServer[Any], settings: argparse.Namespace) -> WebSocketRoute:
    """A WebSocket at the path of the endpoint."""
    inner = lowlevel(server)

    async def endpoint(socket: WebSocket) -> None:
        await serve_websocket(inner, socket)

    return WebSocketRoute(settings.path, endpoint)


def websocket_app(server: MCPServer[Any], settings: argparse.Namespace) -> Starlette:
    """WebSockets alone."""
    return Starlette(routes=[websocket_route(server, settings)])


def http_websocket_app(server: MCPServer[Any], settings: argparse.Namespace) -> Starlette:
    """Streamable HTTP, and WebSockets at the same path."""
    app = http_app(server, settings)
    app.router.routes.append(websocket_route(server, settings))
    return app


APPS |= {"http": http_websocket_app, "websocket": websocket_app}
