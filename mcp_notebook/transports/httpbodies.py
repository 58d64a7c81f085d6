"""Bodies of HTTP answers on their way to the SDK's client: unpacked, bounded, recorded."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import httpx2

from mcp_notebook.wire import jsonrpc

from .asgi import Body
from .base import MAX_MESSAGE_BYTES

_PACKED: Final[Mapping[str, int]] = {"gzip": 31, "x-gzip": 31, "deflate": 47}
"""By content coding (RFC 9110 section 8.4.1): the window bits by which zlib knows it."""

_STEP: Final = 1 << 20
"""So much is unpacked at a time: a few bytes may hold a thousand times as many."""

_ASKED: Final = re.compile(rb'\{"jsonrpc":"2\.0",("id":(?:-?\d+|"[^"\\]*")),')
"""How the SDK's client begins a request."""

_BOM: Final = b"\xef\xbb\xbf"


class AnswerBody(httpx2.AsyncByteStream):
    """A response body whose messages are recorded as they arrive.

    What comes packed is unpacked here, so that the Trace has its messages too, and so that a body
    without end is given up in time. A byte order mark before events is left out, as the standard
    has it (HTML Living Standard, 9.2.6) and the SDK's reader has not.

    Args:
        inner: the body as the socket brings it.
        body: records the messages.
        coding: the response's ``Content-Encoding``.
        events: whether it is an event stream; that has no end, so it has no bound as a whole.
    """

    def __init__(
        self, inner: httpx2.AsyncByteStream, body: Body, *, coding: str = "", events: bool = False
    ) -> None:
        self._inner = inner
        self._body = body
        self._bits = _PACKED.get(coding.strip().lower(), 0)
        self._events = events
        self._size = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts = self._unpacked() if self._bits else self._inner.__aiter__()
        head: bytes | None = b"" if self._events else None
        async for part in parts:
            self._bound(len(part))
            self._body.feed(part)
            if head is not None:
                head += part
                if len(head) < len(_BOM) and _BOM.startswith(head):
                    continue
                part, head = head.removeprefix(_BOM), None
            yield part
        if head:
            yield head
        self._body.end()

    def _bound(self, size: int) -> None:
        self._size += size
        if self._size > MAX_MESSAGE_BYTES and not self._events:
            raise httpx2.RemoteProtocolError(f"an answer longer than {MAX_MESSAGE_BYTES} bytes")

    async def _unpacked(self) -> AsyncIterator[bytes]:
        unpack = zlib.decompressobj(self._bits)
        try:
            async for part in self._inner:
                rest = part
                while rest and not unpack.eof:
                    yield unpack.decompress(rest, _STEP)
                    rest = unpack.unconsumed_tail
        except zlib.error as error:
            raise httpx2.RemoteProtocolError(f"the answer is packed wrongly: {error}") from None
        if not unpack.eof:
            raise httpx2.RemoteProtocolError("the packed answer breaks off")

    async def aclose(self) -> None:
        """Read no more."""
        await self._inner.aclose()


def fields(headers: httpx2.Headers) -> dict[str, str]:
    """The header fields by name in lower case; those of one name are joined by commas.

    A look into httpx2's own headers goes through all of them, and a call looks a dozen times.
    """
    found: dict[str, str] = {}
    for raw_name, raw_value in headers.raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def answer_body(response: httpx2.Response, body: Body, told: Mapping[str, str]) -> None:
    """Let a response be read through an :class:`AnswerBody`.

    Args:
        response: the response.
        body: records the messages.
        told: its header fields.
    """
    kind = told.get("content-type", "").partition(";")[0].strip().lower()
    coding = told.get("content-encoding", "")
    stream: Any = response.stream
    made = AnswerBody(stream, body, coding=coding, events=kind == "text/event-stream")
    if coding.strip().lower() in _PACKED:
        del response.headers["content-encoding"]  # nobody need unpack it again
    response.stream = made


def instead(body: bytes, asked: bytes) -> bytes | None:
    """The error line for a request whose answer is a message, and none to it.

    The SDK's client would wait for another one, and over a body that is whole none can come.
    """
    begins = _ASKED.match(asked)
    if begins is not None and begins[1] in body and b'"method"' not in body:
        return None  # almost always, and cheaper than reading both once more
    try:
        identifier = json.loads(asked)["id"]
        envelope = jsonrpc.parse(body)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None  # no request, or no message: the SDK's client says so itself
    if envelope.method is None and envelope.id in (identifier, None):
        return None
    return jsonrpc.error_line(
        jsonrpc.INTERNAL_ERROR, "the answer is no response to this request", identifier
    )
