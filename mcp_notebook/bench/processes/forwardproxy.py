"""A forward proxy as companies have one: it passes plain requests on, or opens tunnels.

RFC 9110 section 7.6.1: ``Upgrade`` and ``Connection`` are for the next hop alone, so a proxy
that knows nothing of WebSocket drops them.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final
from urllib.parse import urlsplit

MOST_HEAD: Final = 65536
_FOR_THE_NEXT_HOP: Final = (b"connection:", b"upgrade:", b"proxy-", b"keep-alive:", b"te:")


class ForwardProxy:
    """A forward proxy on a loopback port; it lives on one event loop.

    Args:
        tunnels: whether it opens tunnels (``CONNECT``), or passes plain requests on.
    """

    def __init__(self, *, tunnels: bool) -> None:
        self._tunnels = tunnels
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> int:
        """Listen; the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=MOST_HEAD)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Stop listening and cut what is open."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            first, *fields = head[:-4].split(b"\r\n")
            method, target, _ = first.decode("latin-1").split(" ", 2)
            if method == "CONNECT" and self._tunnels:
                host, _, port = target.partition(":")
                await self._join(reader, writer, host, int(port), b"", opened=True)
            elif method != "CONNECT" and not self._tunnels:
                await self._pass_on(reader, writer, method, target, fields)
            else:
                writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever asked sees the connection end
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        method: str,
        target: str,
        fields: list[bytes],
    ) -> None:
        url = urlsplit(target)
        path = f"{url.path or '/'}{'?' + url.query if url.query else ''}"
        kept = [one for one in fields if not one.lower().startswith(_FOR_THE_NEXT_HOP)]
        head = b"\r\n".join([f"{method} {path} HTTP/1.1".encode(), *kept, b"Connection: close"])
        await self._join(reader, writer, url.hostname or "", url.port or 80, head + b"\r\n\r\n")

    async def _join(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        host: str,
        port: int,
        first: bytes,
        *,
        opened: bool = False,
    ) -> None:
        """Carry bytes both ways until the server's side ends."""
        far_reader, far_writer = await asyncio.open_connection(host, port)
        self._writers.add(far_writer)
        try:
            if opened:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            far_writer.write(first)
            async with asyncio.TaskGroup() as group:
                up = group.create_task(_carry(reader, far_writer))
                await _carry(far_reader, writer)
                up.cancel()
        finally:
            self._writers.discard(far_writer)
            far_writer.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(MOST_HEAD):
            writer.write(data)
            await writer.drain()
