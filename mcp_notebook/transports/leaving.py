"""What becomes of a request whose client has left before the answer.

Source: revision 2026-07-28, Streamable HTTP, Cancellation: closing the connection cancels the
request. In 2025-11-25 it does not: there the client sends ``notifications/cancelled``.
"""

from __future__ import annotations

import asyncio

import anyio
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from .asgi import App, AsgiMessage, Receive, Scope, Send, header


class EndsWithItsClient:
    """An ASGI layer that cancels a modern request whose client has gone.

    The SDK watches for that only while it streams the answer. With answers of one JSON body the
    tool of a call that was cancelled would run to its end, and nobody would read what it gives.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on for as long as its client is there."""
        if not _is_modern_post(scope):
            await self._app(scope, receive, send)
            return
        whole = asyncio.Event()

        async def noted_receive() -> AsgiMessage:
            message = await receive()
            if message["type"] != "http.request" or not message.get("more_body"):
                whole.set()
            return message

        with anyio.CancelScope() as cancel:
            watch = asyncio.ensure_future(_gone(receive, whole))  # noqa: TID251 - ended below
            watch.add_done_callback(lambda done: None if done.cancelled() else cancel.cancel())
            try:
                await self._app(scope, noted_receive, send)
            finally:
                watch.cancel()


def _is_modern_post(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "POST":
        return False
    return header(scope["headers"], b"mcp-protocol-version") in MODERN_PROTOCOL_VERSIONS


async def _gone(receive: Receive, whole: asyncio.Event) -> None:
    """Wait for the client's end. Before the body is whole the app reads, and hears of it itself."""
    await whole.wait()
    while (await receive())["type"] != "http.disconnect":
        pass
