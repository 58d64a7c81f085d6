"""``sse``: HTTP+SSE, two endpoints. Deprecated since revision 2025-03-26.

Source: revision 2024-11-05, Transports, HTTP with SSE.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx2
from mcp.client.sse import sse_client

from .asgi import App, AsgiListener
from .base import ConnectOptions, Listener, Served, ServeOptions, StreamPair, Transport
from .guard import Policy
from .http import UNCHECKED, url_path
from .httpclient import RawPoster, TappedHttp, http_client
from .ports import listening_socket
from .tap import Tap


class SseTransport(Transport):
    """One event stream down, one POST endpoint up."""

    name = "sse"
    standing = "deprecated"
    summary = "HTTP+SSE of 2024-11-05: one event stream down, one POST endpoint up"
    schemes = ("sse+http", "sse+https")
    networked = True

    async def listen(self, served: Served, options: ServeOptions, tap: Tap) -> Listener:
        """Serve on a loopback port at ``/sse`` and ``/messages/``."""
        path = url_path(options, "/sse")
        sock = await listening_socket(options)
        app = served.mcp.sse_app(sse_path=path, transport_security=UNCHECKED)
        listener = AsgiListener(cast(App, app), sock, Policy.of(options), tap, path)
        await listener.start()
        return listener

    def connect(self, target: Listener | str, options: ConnectOptions, tap: Tap) -> StreamPair:
        """Open the event stream at a URL; the server names the other endpoint."""
        url = target.url if isinstance(target, Listener) else target.removeprefix("sse+")
        return self._connect(url, options, tap)

    @asynccontextmanager
    async def _connect(
        self, url: str, options: ConnectOptions, tap: Tap
    ) -> AsyncIterator[tuple[Any, Any]]:
        made: list[tuple[httpx2.AsyncClient, TappedHttp]] = []

        def make(
            headers: dict[str, str] | None = None,
            timeout: httpx2.Timeout | None = None,
            auth: httpx2.Auth | None = None,
        ) -> httpx2.AsyncClient:
            del timeout, auth  # ours has its own limits; no authorization flow here
            made.append(
                http_client(
                    url, tap, headers=headers or {}, connect_timeout_s=options.connect_timeout_s
                )
            )
            return made[-1][0]

        headers = options.all_headers()
        async with sse_client(url, headers, httpx_client_factory=make) as (read, write):
            client, transport = made[-1]
            yield read, RawPoster(write, client, transport, url)
