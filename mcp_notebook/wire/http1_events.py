"""What the HTTP/1.1 decoder gives: heads, bodies, ends, and what follows an upgrade."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from .spans import Span


@dataclass(frozen=True, slots=True)
class HttpHead:
    """A request line or status line with its headers.

    Attributes:
        from_client: which direction it came from; a request if true.
        method: of a request, else empty.
        target: of a request, else empty.
        status: of a response, else 0. Responses below 200 have no body and no ``HttpEnd``.
        reason: of a response, else empty.
        version: ``1.1`` or ``1.0``.
        headers: names in lower case, values as sent without the white space around them; a
            value folded over lines is joined by spaces.
        span: the whole head, the blank line included.
        header_spans: for each header where its value lies.
    """

    from_client: bool
    method: bytes
    target: bytes
    status: int
    reason: bytes
    version: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    span: Span
    header_spans: tuple[Span, ...]

    @property
    def is_request(self) -> bool:
        """Whether this is a request."""
        return self.from_client

    def header(self, name: bytes) -> bytes | None:
        """The value of the first header of that lower-case name, or ``None``."""
        for other, value in self.headers:
            if other == name:
                return value
        return None


@dataclass(frozen=True, slots=True)
class HttpBody:
    """Bytes of a body, as they came: one or more pieces a body, never across two HTTP chunks.

    Attributes:
        from_client: which direction it came from.
        data: the payload.
        span: exactly these bytes; the chunk framing is outside.
    """

    from_client: bool
    data: bytes
    span: Span


@dataclass(frozen=True, slots=True)
class HttpEnd:
    """The end of a request or response, whether it had a body or not.

    Attributes:
        from_client: which direction it came from.
        trailers: the trailer fields of a chunked body, names in lower case.
        span: the last chunk and the trailers, or an empty range where nothing marks the end.
    """

    from_client: bool
    trailers: tuple[tuple[bytes, bytes], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class HttpUpgraded:
    """From here on this direction speaks another protocol; told for each direction.

    Attributes:
        from_client: the direction.
        protocol: what the server agreed to, in lower case (``websocket``); empty after CONNECT.
        span: an empty range at the first byte of the other protocol.
    """

    from_client: bool
    protocol: bytes
    span: Span


@dataclass(frozen=True, slots=True)
class HttpTail:
    """Raw bytes of the other protocol, as they came.

    Attributes:
        from_client: which direction they came from.
        data: the bytes.
        span: where they lie.
    """

    from_client: bool
    data: bytes
    span: Span


HttpEvent: TypeAlias = HttpHead | HttpBody | HttpEnd | HttpUpgraded | HttpTail


class HttpError(ValueError):
    """Bytes that are not HTTP/1.1.

    Attributes:
        from_client: the direction in which they were found.
        offset: the first byte that could not be read.
        events: what was complete before that byte, in the call that raised.
    """

    def __init__(self, text: str, *, from_client: bool, offset: int) -> None:
        super().__init__(f"not HTTP/1.1 at byte {offset}: {text}")
        self.from_client = from_client
        self.offset = offset
        self.events: tuple[HttpEvent, ...] = ()
