"""An httpx2 client whose sockets and messages are recorded.

The bytes are taken at httpcore2's network backend, below HTTP: what the trace shows is what
the socket carried (inside TLS, where there is TLS).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import urllib.request
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

import httpcore2
import httpx2
from httpcore2._backends.auto import AutoBackend
from mcp.shared.inbound import encode_header_value
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from mcp_notebook.trace.events import Direction
from mcp_notebook.wire import jsonrpc

from .asgi import Body
from .base import LOOPBACK_HOSTS
from .httpbodies import answer_body, fields, instead
from .tap import LinkTap, Tap

SESSION_HEADER = "mcp-session-id"
VERSION_HEADER = "mcp-protocol-version"

STREAM_TIMEOUT_S = 3.0
"""How long the answer to the GET of the notice stream is waited for."""

NO_ANSWER = -32000
"""The code of an error that stands for a failed request; the SDK uses it for a lost link too."""

UNANSWERED = "nobody answered: "
"""How its message begins."""

FAILED = "mcp_notebook_failed"
"""Where a response that stands for a failed request keeps the reason."""

READS = "mcp_notebook_reads"
"""Where a request says that who made it reads the events of its answer."""

BODY = "mcp_notebook_body"
"""Where the response to such a request has the :class:`Body` that is to be told the events."""

TURNED_AWAY = frozenset({401, 403, 421})
"""Statuses of a guard: token, Origin or scope, Host."""


class _Request:
    """One HTTP request under way: its message waits for the link that will carry it."""

    __slots__ = ("link", "waiting")

    def __init__(self, waiting: bytes) -> None:
        self.waiting = waiting
        self.link: LinkTap | None = None

    def carried_by(self, link: LinkTap) -> None:
        self.link = link
        if self.waiting:
            raw, self.waiting = self.waiting, b""
            if raw.lstrip()[:1] in (b"{", b"["):
                link.message(Direction.CLIENT_TO_SERVER, raw)


_request: ContextVar[_Request | None] = ContextVar("mcp_notebook_http_request", default=None)


class _TappedStream(httpcore2.AsyncNetworkStream):
    """A network stream that records what it reads and writes."""

    def __init__(self, inner: httpcore2.AsyncNetworkStream, tap: LinkTap) -> None:
        self._inner = inner
        self._tap = tap

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = await self._inner.read(max_bytes, timeout)
        if data:
            self._tap.chunk(Direction.SERVER_TO_CLIENT, data)
        else:
            self._tap.closed()
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        request = _request.get()
        if request is not None and request.link is None:
            request.carried_by(self._tap)
        self._tap.chunk(Direction.CLIENT_TO_SERVER, bytes(buffer))
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        self._tap.closed()
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        inner = await self._inner.start_tls(ssl_context, server_hostname, timeout)
        return _TappedStream(inner, self._tap)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _TappedBackend(httpcore2.AsyncNetworkBackend):
    """Opens TCP connections that are recorded."""

    def __init__(self, tap: Tap) -> None:
        self._inner = AutoBackend()
        self._tap = tap

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        inner = await self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        link = self._tap.link()
        here, there = inner.get_extra_info("client_addr"), inner.get_extra_info("server_addr")
        text = (
            f"{here[0]}:{here[1]} > {there[0]}:{there[1]}" if here and there else f"{host}:{port}"
        )
        link.opened(text)
        return _TappedStream(inner, link)

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class RawPoster:
    """A write stream of the SDK that can also POST exactly the bytes it is given.

    Args:
        inner: the SDK's write stream.
        client: the client whose connection, session and revision headers are used.
        http: its transport, which remembers them.
        url: where to POST if nothing was posted yet.
    """

    def __init__(self, inner: Any, client: httpx2.AsyncClient, http: TappedHttp, url: str) -> None:
        self._inner = inner
        self._client = client
        self._http = http
        self._url = url

    async def send_bytes(self, data: bytes) -> None:
        """POST the bytes as one body and read the answer to its end.

        Raises:
            httpx2.TransportError, OSError: nobody answered.
        """
        headers = {
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            **self._http.session_headers,
            **_mirrored(data, self._http.session_headers),
        }
        url = self._http.last_url or self._url
        response = await self._client.post(url, content=data, headers=headers)
        await response.aread()
        if (failed := response.extensions.get(FAILED)) is not None:
            raise failed

    @property
    def session_ended(self) -> bool:
        """Whether the server has answered that it does not know the session (any more)."""
        return self._http.session_ended

    async def hears_notices(self) -> None:
        """Wait until the stream that a server with sessions sends notices on is open."""
        if SESSION_HEADER in self._http.session_headers:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._http.stream_asked.wait(), STREAM_TIMEOUT_S)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def __aenter__(self) -> Any:
        return await self._inner.__aenter__()

    async def __aexit__(self, *exc: Any) -> Any:
        return await self._inner.__aexit__(*exc)


def _mirrored(data: bytes, session: dict[str, str]) -> dict[str, str]:
    """The headers that mirror the body (revision 2026-07-28, Streamable HTTP, Standard Headers)."""
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(message, dict) or not isinstance(message.get("method"), str):
        return {}
    if session.get(VERSION_HEADER, "") not in MODERN_PROTOCOL_VERSIONS:
        return {}
    headers = {"mcp-method": encode_header_value(message["method"])}
    params = message.get("params")
    if isinstance(params, dict):
        name = params.get("name", params.get("uri"))
        if isinstance(name, str):
            headers["mcp-name"] = encode_header_value(name)
    return headers


class TappedHttp(httpx2.AsyncHTTPTransport):
    """httpx2's transport over recorded sockets."""

    def __init__(self, tap: Tap, *, verify: ssl.SSLContext | bool, proxy: str | None) -> None:
        super().__init__(verify=verify, trust_env=False, proxy=proxy)
        # httpx2 has no argument for the network backend (pinned by a contract test).
        self._pool._network_backend = _TappedBackend(tap)
        self.session_headers: dict[str, str] = {}
        self.last_url = ""
        self.stream_asked = asyncio.Event()
        self.session_ended = False
        self._welcome = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and record its message and the messages of its answer.

        Raises:
            httpx2.HTTPStatusError: a guard turned the first request away. The SDK would make
                a nameless internal error of it and try the other era.
        """
        asked = fields(request.headers)
        is_json = asked.get("content-type", "").startswith("application/json")
        if request.method == "POST":
            self.last_url = str(request.url)
            for name in (SESSION_HEADER, VERSION_HEADER):
                if name in asked:
                    self.session_headers[name] = asked[name]
        under_way = _Request(await request.aread() if is_json else b"")
        token = _request.set(under_way)
        try:
            response = await super().handle_async_request(request)
        except (httpx2.TransportError, OSError) as error:
            if not (self._welcome and request.method == "POST" and is_json):
                raise
            return _no_answer(request, error)
        finally:
            _request.reset(token)
        if response.status_code == 404 and SESSION_HEADER in asked:
            # revision 2025-11-25, Streamable HTTP, Session Management: a new one must be begun
            self.session_ended = True
        told = fields(response.headers)
        kind = told.get("content-type", "")
        if under_way.link is not None:
            read_there = READS in request.extensions
            read = Body(
                under_way.link, Direction.SERVER_TO_CLIENT, content_type="" if read_there else kind
            )
            if read_there:
                response.extensions[BODY] = read
            answer_body(response, read, told)
        if request.method == "POST" and is_json and self._welcome and _is_json(kind):
            return await _read(response, request)
        if request.method == "GET":
            self.stream_asked.set()
        if not self._welcome and response.status_code in TURNED_AWAY:
            await response.aclose()
            text = f"HTTP status {response.status_code}"
            raise httpx2.HTTPStatusError(text, request=request, response=response)
        self._welcome = self._welcome or response.is_success
        return response


def _is_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == "application/json"


async def _read(response: httpx2.Response, request: httpx2.Request) -> httpx2.Response:
    """Read a body of JSON here, where one that breaks off or answers nothing can still be told."""
    try:
        await response.aread()
    except (httpx2.TransportError, OSError) as error:
        await response.aclose()
        return _no_answer(request, error)
    if response.is_success and (due := instead(response.content, request.content)) is not None:
        headers = {"content-type": "application/json"}
        return httpx2.Response(200, headers=headers, content=due, request=request)
    return response


def _no_answer(request: httpx2.Request, error: Exception) -> httpx2.Response:
    """What stands for the answer of a request that failed.

    The SDK's client would end with the error, and with it every other call. So the request gets
    an error of its own, as from a gateway, and the connection lives on.
    """
    words = str(error) or type(error).__name__
    try:
        identifier = json.loads(request.content).get("id")
    except (ValueError, AttributeError, RecursionError):
        identifier = None
    line = jsonrpc.error_line(NO_ANSWER, f"{UNANSWERED}{words}", identifier)
    headers = {"content-type": "application/json"}
    extensions = {FAILED: error}
    return httpx2.Response(
        502, headers=headers, content=line, request=request, extensions=extensions
    )


def http_client(
    url: str, tap: Tap, *, headers: dict[str, str], connect_timeout_s: float
) -> tuple[httpx2.AsyncClient, TappedHttp]:
    """A recorded client for one MCP endpoint.

    Proxies of the environment are used for other machines, never for loopback. Reading waits
    without limit: calls have time limits of their own.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    # A TLS context costs 25 ms, and plain HTTP does not need one.
    verify: ssl.SSLContext | bool = (
        ssl.create_default_context() if parts.scheme == "https" else False
    )
    proxy = None
    if host not in LOOPBACK_HOSTS and not urllib.request.proxy_bypass(host):
        proxy = urllib.request.getproxies().get(parts.scheme)
    timeout = httpx2.Timeout(connect_timeout_s, read=None, write=60, pool=60)
    transport = TappedHttp(tap, verify=verify, proxy=proxy)
    client = httpx2.AsyncClient(
        transport=transport,
        headers=headers,
        timeout=timeout,
        trust_env=False,
    )
    return client, transport
