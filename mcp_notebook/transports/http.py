"""``http`` and ``http-json``: Streamable HTTP, with and without streamed answers.

Source: revision 2025-11-25 and 2026-07-28, Transports, Streamable HTTP.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar, cast

from mcp.client.streamable_http import streamable_http_client
from mcp.server.transport_security import TransportSecuritySettings

from .asgi import App, AsgiListener
from .base import (
    MAX_MESSAGE_BYTES,
    ConnectOptions,
    Listener,
    Served,
    ServeOptions,
    StreamPair,
    Transport,
)
from .guard import Policy
from .httpclient import RawPoster, http_client
from .leaving import EndsWithItsClient
from .ports import listening_socket
from .strict import StrictBodies
from .tap import Tap

# The gate in front of every app checks Host and Origin; twice would be two truths.
UNCHECKED = TransportSecuritySettings(enable_dns_rebinding_protection=False)


def url_path(options: ServeOptions, default: str) -> str:
    """The path asked for, with its leading slash."""
    return "/" + (options.path or default).strip("/")


class HttpTransport(Transport):
    """Streamable HTTP: one POST a message, the answer as JSON or as an event stream."""

    name = "http"
    aliases: ClassVar[tuple[str, ...]] = ("streamable-http",)
    standing = "standard"
    summary = "Streamable HTTP, answers streamed where there is something to stream"
    schemes: ClassVar[tuple[str, ...]] = ("http", "https")
    networked = True
    _json = False

    async def listen(self, served: Served, options: ServeOptions, tap: Tap) -> Listener:
        """Serve on a loopback port at ``/mcp``."""
        path = url_path(options, "/mcp")
        sock = await listening_socket(options)
        app = served.mcp.streamable_http_app(
            streamable_http_path=path,
            json_response=self._json,
            stateless_http=self._json,
            max_request_body_size=MAX_MESSAGE_BYTES,
            transport_security=UNCHECKED,
        )
        strict = StrictBodies(cast(App, app))
        whole = EndsWithItsClient(strict) if self._json else strict
        listener = AsgiListener(whole, sock, Policy.of(options), tap, path)
        await listener.start()
        return listener

    def connect(self, target: Listener | str, options: ConnectOptions, tap: Tap) -> StreamPair:
        """Speak to an endpoint URL."""
        return self._connect(target.url if isinstance(target, Listener) else target, options, tap)

    @asynccontextmanager
    async def _connect(
        self, url: str, options: ConnectOptions, tap: Tap
    ) -> AsyncIterator[tuple[Any, Any]]:
        client, transport = http_client(
            url,
            tap,
            headers=options.all_headers(),
            connect_timeout_s=options.connect_timeout_s,
        )
        async with (
            client,
            streamable_http_client(
                url, http_client=client, max_sse_event_size=MAX_MESSAGE_BYTES
            ) as (read, write),
        ):
            yield read, RawPoster(write, client, transport, url)


class HttpJsonTransport(HttpTransport):
    """Streamable HTTP whose answers are one JSON body each: stateless, nothing streamed."""

    name = "http-json"
    aliases = ()
    standing = "standard, restricted"
    summary = "the same endpoint answering each POST with one JSON body"
    schemes = ()
    _json = True
