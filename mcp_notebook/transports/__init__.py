"""How bytes move. One file a transport, client side and server side together."""

from __future__ import annotations

from functools import cache

from .base import register_transport, transports


@cache
def register_builtin() -> None:
    """Register the transports of this package, once. Imports the SDK.

    A name that the user has given to a transport before stays the user's.
    """
    taken = {transport.name for transport in transports()}
    from .bridge import BridgeTransport
    from .http import HttpJsonTransport, HttpTransport
    from .memory import MemoryTransport
    from .pipe import PipeTransport
    from .sockets import TcpTransport, UnixTransport
    from .sse import SseTransport
    from .stdio import StdioTransport
    from .websocket import WebSocketTransport

    for made in (
        MemoryTransport,
        PipeTransport,
        StdioTransport,
        BridgeTransport,
        UnixTransport,
        TcpTransport,
        HttpTransport,
        HttpJsonTransport,
        SseTransport,
        WebSocketTransport,
    ):
        if made.name not in taken:
            register_transport(made)
