"""The clients of the legacy era that are connected: whom to tell of what, how much log they want.

In that era notices come unasked, a resource is subscribed to by ``resources/subscribe``, and
``logging/setLevel`` says which lines of the log are wanted. The SDK's ``MCPServer`` answers
neither of the two requests. In the modern era ``subscriptions/listen`` and the request's own
``_meta`` do the same, and the SDK sees to both.

Source: revision 2025-11-25, Resources, Subscriptions; Logging, Setting Log Level.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Iterable
from typing import Any

import mcp_types as types
from mcp.server.mcpserver import MCPServer
from mcp.server.subscriptions import ResourceUpdated

from . import sdk
from .loop import BackgroundLoop

NOTICE_TIMEOUT_S = 5.0
"""How long a client may take to read a notice."""

MAX_SUBSCRIPTIONS = 1000
"""Resources that one client may be subscribed to."""


class Clients:
    """The clients of one server that shook hands.

    Args:
        server: the server; what it answers by itself stays as it is.
        loop: the background loop they are served on.
    """

    def __init__(self, server: MCPServer[Any], loop: BackgroundLoop) -> None:
        self._known: weakref.WeakSet[Any] = weakref.WeakSet()
        self._watched: weakref.WeakKeyDictionary[Any, set[str]] = weakref.WeakKeyDictionary()
        self._levels: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
        self._loop = loop
        server.middleware.append(self._seen)
        answered = sdk.answer_where_nobody_does(
            server,
            {
                "resources/subscribe": (types.SubscribeRequestParams, self._subscribe),
                "resources/unsubscribe": (types.UnsubscribeRequestParams, self._unsubscribe),
                "logging/setLevel": (types.SetLevelRequestParams, self._set_level),
            },
        )
        if "logging/setLevel" in answered:
            sdk.keep_log_to_legacy(server)
        # a tool says ctx.notify_resource_updated(uri) in either era
        sdk.subscription_bus(server).subscribe(self._published)

    async def tell(self, notices: Iterable[str]) -> None:
        """Send notices to everyone connected; one that does not read holds up no other.

        Args:
            notices: names of the methods that send them.
        """
        methods = list(notices)
        await asyncio.gather(
            *(_told(client, methods) for client in list(self._known)),
            return_exceptions=True,  # a client that is gone raises its transport's error
        )

    async def _seen(self, ctx: Any, call_next: Any) -> Any:
        client = sdk.client_behind(ctx.session)
        if ctx.method == "notifications/initialized":
            self._known.add(client)
        elif (level := self._levels.get(client)) is not None:
            sdk.limit_log(ctx.session, level)
        return await call_next(ctx)

    async def _subscribe(self, ctx: Any, params: types.SubscribeRequestParams) -> types.EmptyResult:
        watched = self._watched.setdefault(sdk.client_behind(ctx.session), set())
        if len(watched) < MAX_SUBSCRIPTIONS:
            watched.add(str(params.uri))
        return types.EmptyResult()

    async def _unsubscribe(
        self, ctx: Any, params: types.UnsubscribeRequestParams
    ) -> types.EmptyResult:
        self._watched.get(sdk.client_behind(ctx.session), set()).discard(str(params.uri))
        return types.EmptyResult()

    async def _set_level(self, ctx: Any, params: types.SetLevelRequestParams) -> types.EmptyResult:
        self._levels[sdk.client_behind(ctx.session)] = params.level
        return types.EmptyResult()

    def _published(self, event: Any) -> None:
        """Pass on that a resource has changed; the bus does not wait for listeners."""
        if isinstance(event, ResourceUpdated) and self._loop.running:
            self._loop.call_soon(lambda: self._loop.spawn(self._updated(event.uri)))

    async def _updated(self, uri: str) -> None:
        clients = [client for client, uris in list(self._watched.items()) if uri in uris]
        await asyncio.gather(
            *(_told(client, ["send_resource_updated"], uri) for client in clients),
            return_exceptions=True,
        )


async def _told(client: Any, methods: list[str], *arguments: str) -> None:
    async with asyncio.timeout(NOTICE_TIMEOUT_S):
        for method in methods:
            await getattr(client, method)(*arguments)
