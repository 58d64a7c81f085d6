"""``sse``: HTTP+SSE, two endpoints. Deprecated since revision 2025-03-26.

Source: revision 2024-11-05, Transports, HTTP with SSE.
"""

from __future__ import annotations

from typing import cast

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
from .http import UNCHECKED, url_path
from .ports import listening_socket
from .sseclient import sse_streams
from .strict import StrictBodies
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
        app = served.mcp.sse_app(
            sse_path=path,
            max_request_body_size=MAX_MESSAGE_BYTES,
            transport_security=UNCHECKED,
        )
        listener = AsgiListener(StrictBodies(cast(App, app)), sock, Policy.of(options), tap, path)
        await listener.start()
        return listener

    def connect(self, target: Listener | str, options: ConnectOptions, tap: Tap) -> StreamPair:
        """Open the event stream at a URL; the server names the other endpoint."""
        url = target.url if isinstance(target, Listener) else target.removeprefix("sse+")
        return sse_streams(url, options, tap)
