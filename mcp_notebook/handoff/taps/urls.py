"""A loopback URL in front of a server's: HTTP/1.1, event streams and WebSocket, byte for byte.

Each connection of a host gets one of its own to the server. The server's bytes pass untouched.
Of the host's bytes only the head of a request is read: its Host header names the server where it
named the tap, and so does an Origin that is the tap's own. Everything else is passed on as it
came, as soon as it came.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from mcp_notebook.errors import UsageError
from mcp_notebook.runtime.credentials import secret_values
from mcp_notebook.trace.events import Direction
from mcp_notebook.transports.base import ServeOptions
from mcp_notebook.transports.guard import Policy
from mcp_notebook.transports.ports import listening_socket, stop_listening, url_host
from mcp_notebook.transports.tap import LinkTap, Tap, link_address
from mcp_notebook.wire.http1 import Http1Decoder, HttpError, HttpEvent, HttpHead

from .changes import Changes
from .contents import Contents

READ = 1 << 16
MOST_HELD = 1 << 20
"""What a host may send behind an Upgrade before the server has answered."""
REACH_S = 15.0
"""How long a connection to the server may take."""

_UP, _DOWN = Direction.CLIENT_TO_SERVER, Direction.SERVER_TO_CLIENT
_HEADS = {400: "Bad Request", 403: "Forbidden", 421: "Misdirected Request", 502: "Bad Gateway"}


class _Refused(Exception):
    """A request is answered here and not by the server."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class _Passage:
    """One connection of a host, and the one to the server that belongs to it."""

    def __init__(self, listener: UrlListener, reader: Any, writer: Any) -> None:
        self._listener = listener
        self._reader: asyncio.StreamReader = reader
        self._writer: asyncio.StreamWriter = writer
        self._far: asyncio.StreamWriter | None = None
        self._link: LinkTap = listener.tap.link()
        self._contents = Contents(self._link)
        self._decoder = Http1Decoder()
        self._readable = True  # whether what the server says is HTTP that can be followed
        self._held = bytearray()  # what came from the host and was not passed on yet
        self._start = 0  # where it lies in the host's stream
        self._heads: list[HttpHead] = []

    async def run(self) -> None:
        """Carry until either side ends."""
        self._link.opened(link_address(self._writer, server=True))
        reason = ""
        try:
            async with asyncio.TaskGroup() as group:
                down = None
                while data := await self._reader.read(READ):
                    await self._take(data)
                    if self._far is not None and down is None:
                        down = group.create_task(self._carry_down())
                if self._far is not None and self._far.can_write_eof():
                    with contextlib.suppress(OSError):
                        self._far.write_eof()
                elif down is not None:
                    down.cancel()
        except* _Refused as refused:
            reason = await self._answer(refused.exceptions[0])
        except* OSError as broken:
            reason = str(broken.exceptions[0])
        finally:
            self.close()
            self._link.closed(reason)

    def close(self) -> None:
        """End both connections."""
        for writer in (self._writer, self._far):
            if writer is not None:
                writer.close()

    # ---- from the host to the server --------------------------------------------------------

    async def _take(self, data: bytes) -> None:
        self._link.chunk(_UP, data)
        self._held += data
        try:
            events = self._decoder.feed(True, data)
        except HttpError as error:
            raise _Refused(400, str(error)) from None
        self._found(events)
        if self._heads and self._far is None:
            await self._reach()
        await self._pass_on()
        if len(self._held) > MOST_HELD:
            raise _Refused(400, "too much was sent before the server agreed to switch protocols")

    def _found(self, events: list[HttpEvent]) -> None:
        """What the decoder has found, of either side.

        An answer of the server may release a request of the host's: one that followed an
        Upgrade which the server does not want.
        """
        for event in events:
            if isinstance(event, HttpHead) and event.from_client:
                self._judge(event)
                self._heads.append(event)
        self._contents.take(events)

    def _judge(self, head: HttpHead) -> None:
        pairs = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in head.headers]
        refusal = self._listener.policy.refusal(pairs)
        if refusal is not None:
            raise _Refused(refusal.status, refusal.text)
        for secret in secret_values(dict(pairs)):
            self._listener.hide(secret)

    async def _reach(self) -> None:
        far = self._listener
        try:
            async with asyncio.timeout(REACH_S):
                reader, self._far = await asyncio.open_connection(
                    far.host, far.port, ssl=far.tls, server_hostname=far.host if far.tls else None
                )
        except (OSError, TimeoutError) as error:
            why = str(error) or "no answer"
            self._link.fault(f"{far.netloc} cannot be reached: {why}")
            raise _Refused(502, f"the tap cannot reach {far.netloc}: {why}") from None
        self._far_reader = reader

    async def _pass_on(self) -> None:
        """Pass on what is no part of an unfinished head, its heads rewritten."""
        settled = self._decoder.pending(True).start
        if self._far is None or settled <= self._start:
            return
        while self._heads and self._heads[0].span.end <= settled:
            head = self._heads.pop(0)
            self._send(head.span.start)
            raw = self._cut(head.span.end)
            self._far.write(self._listener.rewritten(raw))
        self._send(settled)
        await self._far.drain()

    def _send(self, end: int) -> None:
        assert self._far is not None
        if data := self._cut(end):
            self._far.write(data)

    def _cut(self, end: int) -> bytes:
        size = end - self._start
        data = bytes(self._held[:size])
        del self._held[:size]
        self._start = end
        return data

    # ---- from the server to the host --------------------------------------------------------

    async def _carry_down(self) -> None:
        try:
            while data := await self._far_reader.read(READ):
                self._writer.write(data)
                self._link.chunk(_DOWN, data)
                self._follow(data)
                await self._writer.drain()
                await self._pass_on()  # the server's 101 lets go what waited for it
            self._follow(None)
        except ConnectionError as error:
            self._link.fault(f"the server broke the connection: {error}")
        self._writer.close()  # the host's side of the carrying ends with it

    def _follow(self, data: bytes | None) -> None:
        """Find the messages in what the server said; what it is has passed already."""
        if not self._readable:
            return
        try:
            events = self._decoder.feed(False, data)
        except HttpError as error:
            self._readable = False
            self._link.fault(f"what the server says cannot be read: {error}")
            events = list(error.events)
        self._found(events)

    async def _answer(self, refused: Any) -> str:
        """Tell the host why the tap does not pass its request on."""
        body = f"{refused}\n".encode()
        head = (
            f"HTTP/1.1 {refused.status} {_HEADS.get(refused.status, 'Refused')}\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        answer = head.encode() + body
        self._link.fault(f"refused: {refused}")
        self._link.chunk(_DOWN, answer)
        with contextlib.suppress(OSError):
            self._writer.write(answer)
            await self._writer.drain()
        return "refused"


async def _is_here(host: str) -> bool:
    """Whether a host is the address on which taps listen."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, family=socket.AF_INET)
    except OSError:
        return False
    return any(address[0] in ("127.0.0.1", "0.0.0.0") for *_, address in found)


class UrlListener:
    """Listens on loopback in front of a server.

    Args:
        target: the server's URL.
        tap: where the traffic is recorded.
        hide: called with secrets that must not be shown.

    Attributes:
        url: what hosts call.
        changes: the headers that were changed.
        own: address and port of the tap.
    """

    def __init__(self, target: str, tap: Tap, hide: Callable[[str], Any]) -> None:
        parts = urlsplit(target)
        secure = parts.scheme in ("https", "wss")
        self.tap = tap
        self.hide = hide
        self.host = parts.hostname or ""
        self.port = parts.port or (443 if secure else 80)
        self.netloc = parts.netloc.rpartition("@")[2]
        self.tls = ssl.create_default_context() if secure else None
        self.changes = Changes()
        self.policy = Policy.of(ServeOptions())
        self.url = ""
        self._scheme = parts.scheme
        self._path = f"{parts.path}{f'?{parts.query}' if parts.query else ''}"
        self.own = ""
        self._server: asyncio.Server | None = None
        self._passages: dict[asyncio.Task[Any], _Passage] = {}

    @property
    def links(self) -> int:
        """How many connections of hosts are open."""
        return len(self._passages)

    async def open(self, options: ServeOptions, others: Iterable[UrlListener] = ()) -> None:
        """Listen.

        Args:
            options: the port, or the name and folder that give one.
            others: what listens already; together they must not lead in a circle.

        Raises:
            UsageError: the port is taken, or is that of the server.
        """
        others = list(others)
        sock = await listening_socket(options)
        while await self._comes_back(port := sock.getsockname()[1], others):
            sock.close()
            if options.port:
                raise UsageError(
                    f"the tap cannot listen on port {port}: {self.netloc} leads there, and "
                    "what is sent would come back without end.",
                    hint="The server keeps its port. Leave --port out, and give hosts the URL "
                    "of the tap.",
                )
            options.warn(f"port {port}, the usual one of {options.name}, is that of its server")
            options = replace(options, port=0)
            sock = await listening_socket(options)
        host, port = sock.getsockname()[:2]
        self.own = f"{url_host(host)}:{port}"
        scheme = "ws" if self._scheme in ("ws", "wss") else "http"
        self.url = f"{scheme}://{self.own}{self._path}"
        self._server = await asyncio.start_server(self._serve, sock=sock)

    async def _comes_back(self, port: int, others: list[UrlListener]) -> bool:
        """Whether what is sent to a port of this machine would lead to it again."""
        by_port = {int(other.own.rpartition(":")[2]): other for other in others}
        at: UrlListener | None = self
        while at is not None:
            if at.port != port and at.port not in by_port:
                return False
            if not await _is_here(at.host):
                return False
            if at.port == port:
                return True
            at = by_port.pop(at.port, None)
        return False

    async def _serve(self, reader: Any, writer: Any) -> None:
        passage = _Passage(self, reader, writer)
        task = asyncio.current_task()
        assert task is not None
        self._passages[task] = passage
        try:
            await passage.run()
        finally:
            del self._passages[task]

    def rewritten(self, head: bytes) -> bytes:
        """The head of a request as the server gets it; all but Host and Origin stays."""
        lines = head.split(b"\n")
        for index, line in enumerate(lines[1:], 1):
            name, colon, value = line.partition(b":")
            text = value.strip().decode("latin-1")
            wanted = self._instead(name.strip().lower(), text)
            if not colon or wanted is None or wanted == text:
                continue
            self.changes.add(name.decode("latin-1"), text, wanted)
            end = b"\r" if line.endswith(b"\r") else b""
            lines[index] = name + b": " + wanted.encode("latin-1") + end
        return b"\n".join(lines)

    def _instead(self, name: bytes, text: str) -> str | None:
        """What a header says to the server."""
        if name == b"host":
            return self.netloc
        if name == b"origin" and text.partition("://")[2] == self.own:
            secure = self._scheme in ("https", "wss")
            return f"{'https' if secure else 'http'}://{self.netloc}"
        return None

    async def close(self) -> None:
        """Stop listening and cut what is open."""
        if self._server is not None:
            await stop_listening(self._server)
        for task, passage in list(self._passages.items()):
            passage.close()
            task.cancel()
        if self._passages:
            await asyncio.wait(list(self._passages), timeout=2)
