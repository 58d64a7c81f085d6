"""The client of HTTP+SSE: one event stream down, one POST a message up.

Source: revision 2024-11-05, Transports, HTTP with SSE; the format: HTML Living Standard, 9.2.6.
It reads what the SDK's client gives up on (a message of more than 1 MiB), and where the SDK's
would wait for ever (no endpoint event, one of another origin, an answer lost in a failed POST)
it says what is wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import anyio
import httpx2
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCRequest

from mcp_notebook.errors import ConnectError
from mcp_notebook.trace.events import Direction
from mcp_notebook.trace.foreign import foreign
from mcp_notebook.wire import jsonrpc
from mcp_notebook.wire.sse import SseDecoder, SseEvent

from .asgi import Body
from .base import MAX_MESSAGE_BYTES, ConnectOptions
from .duplex import MessageDuplex, encode
from .httpclient import BODY, READS, RawPoster, http_client
from .tap import Tap

REDIRECTS: Final = 5
"""Redirects that are followed, all of them within the origin."""

NAMING: Final = 0.8
"""The part of the time for connecting after which a missing endpoint event is told."""

QUOTED: Final = 200
"""Characters of an answer that an error quotes."""


class SseDuplex(MessageDuplex):
    """HTTP+SSE as the SDK's read and write stream.

    Args:
        client: carries the POSTs.
        response: the event stream, its head read.
        url: the address of the stream.
        secrets: what no error may quote.
    """

    def __init__(
        self,
        client: httpx2.AsyncClient,
        response: httpx2.Response,
        url: str,
        secrets: Any,
    ) -> None:
        super().__init__(receives=Direction.SERVER_TO_CLIENT, tap=None)
        loop = asyncio.get_running_loop()
        self.endpoint: asyncio.Future[str] = loop.create_future()
        self._client = client
        self._response = response
        self._body: Body | None = response.extensions.get(BODY)
        self._url = url
        self._secrets = secrets
        self._reader = loop.create_task(self._read(), context=contextvars.Context())

    # ---- down --------------------------------------------------------------------------

    async def _read(self) -> None:
        decoder = SseDecoder()
        pending = 0
        reason = "the server ended the event stream"
        try:
            async for part in self._response.aiter_bytes():
                if (only := decoder.whole(part)) is not None:
                    pending = 0
                    self._take_message(only)
                    continue
                pending += len(part)
                for event in decoder.feed(part):
                    pending = 0
                    if isinstance(event, SseEvent):
                        self._take_event(event)
                if pending > MAX_MESSAGE_BYTES:
                    reason = f"an event longer than {MAX_MESSAGE_BYTES} bytes arrived"
                    break
        except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
            reason = foreign(error, self._secrets(), QUOTED) or type(error).__name__
        if not self.endpoint.done():
            self.endpoint.set_exception(
                ConnectError(
                    f"{reason} before it named an endpoint.",
                    hint="Is it an HTTP+SSE server? For Streamable HTTP leave sse+ out.",
                )
            )
        self.end(reason)

    def _take_event(self, event: SseEvent) -> None:
        raw = event.data.encode()
        if event.dispatched and event.event == "message":
            self._take_message(raw)
            return
        if self._body is not None:
            self._body.event(raw)
        if event.dispatched and event.event == "endpoint" and not self.endpoint.done():
            self._endpoint_named(event.data)

    def _take_message(self, raw: bytes) -> None:
        if self._body is not None:
            self._body.event(raw)
        self.take(raw)

    def _endpoint_named(self, named: str) -> None:
        url = _within(self._url, self._url, named)
        if url is not None:
            self.endpoint.set_result(url)
            return
        shown = foreign(_joined(self._url, named), self._secrets(), QUOTED)
        self.endpoint.set_exception(
            ConnectError(
                f"the server named an endpoint of another origin: {shown}.",
                hint="Messages would go to somebody else; the server must name one of its own.",
            )
        )

    # ---- up ----------------------------------------------------------------------------

    async def send(self, item: SessionMessage) -> None:
        """POST one message.

        A POST that is refused fails its own request: the answer it would have had is an error
        with the server's words, and the connection lives on.

        Raises:
            anyio.BrokenResourceError: the event stream has ended, or nobody answers any more.
        """
        if self._ended:
            raise anyio.BrokenResourceError
        try:
            response = await self._post(encode(item))
        except (httpx2.TransportError, OSError) as error:
            self.end(foreign(error, self._secrets(), QUOTED) or type(error).__name__)
            raise anyio.BrokenResourceError from None
        if response.is_success:
            return
        if isinstance(item.message, JSONRPCRequest):
            said = foreign(response.text[:10_000].strip(), self._secrets(), QUOTED)
            text = f"HTTP status {response.status_code}{': ' + said if said else ''}"
            line = jsonrpc.error_line(jsonrpc.INTERNAL_ERROR, text, item.message.id)
            self.take(line.rstrip(b"\n"))

    async def _post(self, data: bytes) -> httpx2.Response:
        url = self.endpoint.result()
        headers = {"content-type": "application/json"}
        for _ in range(REDIRECTS):
            response = await self._client.post(url, content=data, headers=headers)
            if response.status_code not in (307, 308):
                break
            onward = _within(self._url, url, response.headers.get("location", ""))
            if onward is None:
                break
            url = onward
        return response

    async def aclose(self) -> None:
        """Close the event stream."""
        self.abort()
        with contextlib.suppress(Exception):
            await self._response.aclose()

    def abort(self) -> None:
        """Stop reading at once."""
        self._reader.cancel()
        if self.endpoint.done() and not self.endpoint.cancelled():
            self.endpoint.exception()  # read here, in case nobody waits any more
        self.end()


@asynccontextmanager
async def sse_streams(
    url: str, options: ConnectOptions, tap: Tap
) -> AsyncIterator[tuple[SseDuplex, RawPoster]]:
    """Open the event stream at a URL; yields the read and the write stream.

    Args:
        url: of the event stream.
        options: how to connect.
        tap: where traffic is recorded.

    Raises:
        ConnectError: what answers is no HTTP+SSE server, or names a foreign endpoint.
        httpx2.HTTPError: nothing answers, or with an error status.
    """
    client, transport = http_client(
        url, tap, headers=options.all_headers(), connect_timeout_s=options.connect_timeout_s
    )

    def secrets() -> Any:
        return tap.trace.secrets.values()

    async with client:
        response = await _open(client, url)
        duplex = SseDuplex(client, response, str(response.request.url), secrets)
        try:
            endpoint = await _named(duplex, NAMING * options.connect_timeout_s)
            duplex.on_closed = options.on_closed
            yield duplex, RawPoster(duplex, client, transport, endpoint)
        finally:
            await duplex.aclose()


async def _open(client: httpx2.AsyncClient, url: str) -> httpx2.Response:
    """The event stream, its head read; redirects are followed within the origin."""
    onward = url
    headers = {"accept": "text/event-stream", "cache-control": "no-store"}
    for _ in range(REDIRECTS):
        request = client.build_request("GET", onward, headers=headers, extensions={READS: True})
        response = await client.send(request, stream=True, follow_redirects=False)
        further = _within(url, onward, response.headers.get("location", ""))
        if not response.has_redirect_location or further is None:
            break
        await response.aclose()
        onward = further
    try:
        response.raise_for_status()
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "text/event-stream":
            raise ConnectError(
                f"the answer is {foreign(kind, (), 60) or 'of no type'}, no event stream.",
                hint="Is it an HTTP+SSE server? For Streamable HTTP leave sse+ out.",
            )
    except BaseException:
        await response.aclose()
        raise
    return response


async def _named(duplex: SseDuplex, timeout_s: float) -> str:
    """The endpoint that the server names."""
    try:
        return await asyncio.wait_for(asyncio.shield(duplex.endpoint), timeout_s)
    except TimeoutError:
        raise ConnectError(
            f"the server named no endpoint in {timeout_s:g} s.",
            hint="Is it an HTTP+SSE server? For Streamable HTTP leave sse+ out.",
        ) from None


def _joined(base: str, place: str) -> str:
    try:
        return urljoin(base, place)
    except ValueError:
        return place


def _within(home: str, base: str, place: str) -> str | None:
    """The URL that a place leads to from a base; ``None`` where it is none of the same origin."""
    try:
        url = str(httpx2.URL(_joined(base, place)))  # it takes no control characters
        return url if same_origin(home, url) else None
    except (ValueError, httpx2.InvalidURL):
        return None


def same_origin(one: str, other: str) -> bool:
    """Whether two URLs have scheme, host and port in common (RFC 6454).

    Raises:
        ValueError: one of them has no valid port.
    """

    def origin(url: str) -> tuple[str, str | None, int | None]:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
        return parts.scheme, parts.hostname, port

    return origin(one) == origin(other)
