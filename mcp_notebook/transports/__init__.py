"""How bytes move. One file a transport, client side and server side together."""

from __future__ import annotations

from .base import register_transport, transports


def register_builtin() -> None:
    """Register the transports of this package, once. Imports the SDK."""
    if transports():
        return
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
        UnixTransport,
        TcpTransport,
        HttpTransport,
        HttpJsonTransport,
        SseTransport,
        WebSocketTransport,
    ):
        register_transport(made)
