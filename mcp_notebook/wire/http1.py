"""HTTP/1.1 on one TCP connection, both directions, each event with its byte range.

``h11`` judges every head and every trailer; it does not say where things lie, so the cutting
is done here. Quotations are from RFC 9112 unless another is named.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import Final

from .http1_events import (
    HttpBody,
    HttpEnd,
    HttpError,
    HttpEvent,
    HttpHead,
    HttpTail,
    HttpUpgraded,
)
from .http1_head import parse_head, parse_trailers
from .spans import Span

__all__ = [
    "Http1Decoder",
    "HttpBody",
    "HttpEnd",
    "HttpError",
    "HttpEvent",
    "HttpHead",
    "HttpTail",
    "HttpUpgraded",
]

DEFAULT_MAX_HEAD_BYTES: Final = 64 << 10

_BLANK_LINE: Final = re.compile(rb"\n\r?\n")
_CHUNK_HEADER: Final = re.compile(rb"([0-9A-Fa-f]{1,20})(;.*)?[ \t]*\r\n")
_MAX_CHUNK_HEADER_BYTES: Final = 16 << 10


class Http1Decoder:
    """Reads both directions of one connection.

    Feed the directions in the order the bytes moved: a response is read in the light of the
    request before it (HEAD, CONNECT, Upgrade). A response whose request was not seen is read
    as the answer to a GET.

    Bodies and tails are handed over as they arrive, so that a stream can be followed live;
    the pieces follow the split of the bytes. Joined where they touch, they are the same in
    every split, as are all other events.

    Args:
        max_head_bytes: the longest head or trailer section.
    """

    def __init__(self, *, max_head_bytes: int = DEFAULT_MAX_HEAD_BYTES) -> None:
        self._requests: deque[tuple[bytes, bool]] = deque()  # unanswered: method, to switch?
        self._client = _Side(self, from_client=True, max_head_bytes=max_head_bytes)
        self._server = _Side(self, from_client=False, max_head_bytes=max_head_bytes)

    def feed(self, from_client: bool, data: bytes | None) -> list[HttpEvent]:
        """Take the next bytes of one direction, or ``None`` at its end.

        Returns:
            The events completed by these bytes. The server's 101 may release bytes of the
            client that waited for it: those events say ``from_client=True``.

        Raises:
            HttpError: these bytes are not HTTP, or the direction ended inside a message. It
                carries the events before that point. The direction is then finished, the
                other goes on.
        """
        events: list[HttpEvent] = []
        side = self._client if from_client else self._server
        try:
            side.feed(data, events)
        except HttpError as exc:
            exc.events = tuple(events)
            raise
        return events

    def pending(self, from_client: bool) -> Span:
        """The bytes of a direction that are held back because their event is not complete."""
        return (self._client if from_client else self._server).pending

    def resync(self, from_client: bool, offset: int) -> None:
        """Start a direction again: the byte at ``offset`` is the first of a head.

        For streams with bytes missing. What was pending in that direction is forgotten, and
        which request a response belongs to is unknown until the next request.
        """
        (self._client if from_client else self._server).restart(offset)
        self._requests.clear()
        self._client.release()

    # ---- what one direction must know of the other ---------------------------------------

    def _asked(self, method: bytes, to_switch: bool) -> None:
        self._requests.append((method, to_switch))

    def _answered(self) -> tuple[bytes, bool]:
        return self._requests.popleft() if self._requests else (b"GET", False)

    def _awaits_switch(self) -> bool:
        return bool(self._requests) and self._requests[-1][1]

    def _switched(self, protocol: bytes, events: list[HttpEvent]) -> None:
        self._server.switch(protocol, events)
        self._client.switch(protocol, events)

    def _refused(self, events: list[HttpEvent]) -> None:
        self._client.unhold(events)


class _Side:
    """One direction: a buffer and the state that reads from it."""

    def __init__(self, decoder: Http1Decoder, *, from_client: bool, max_head_bytes: int) -> None:
        self._decoder = decoder
        self._from_client = from_client
        self._max_head = max_head_bytes
        self.restart(0)

    def restart(self, offset: int) -> None:
        self._buffer = bytearray()
        self._offset = offset  # of the first byte in the buffer
        self._searched = 0
        self._left = 0  # of a body or an HTTP chunk
        self._mark = 0  # where the last chunk began
        self._failed = False
        self._step: Callable[[list[HttpEvent]], bool] = self._head

    @property
    def pending(self) -> Span:
        return Span(self._offset, self._offset + len(self._buffer))

    def feed(self, data: bytes | None, events: list[HttpEvent]) -> None:
        if self._failed:
            raise self._error("this direction already failed")
        if data:
            self._buffer += data
        try:
            self._run(events)
            if data is None:
                self._eof(events)
        except HttpError:
            self._failed = True
            raise

    def switch(self, protocol: bytes, events: list[HttpEvent]) -> None:
        """From here on the bytes belong to another protocol."""
        if self._failed or self._step == self._tail:
            return
        at = self._offset
        events.append(HttpUpgraded(self._from_client, protocol, Span(at, at)))
        self._step = self._tail
        self._run(events)

    def release(self) -> None:
        """The answer that was waited for will not be known."""
        if self._step == self._held:
            self._step = self._head

    def unhold(self, events: list[HttpEvent]) -> None:
        """The server refused to switch: what the client sent since is HTTP after all."""
        if self._step == self._held and not self._failed:
            self.release()
            try:
                self._run(events)
            except HttpError:
                # told when this direction is fed again; the server's bytes are in order
                self._failed = True

    # ---- states: each takes one event off the buffer, or says that it needs more ---------

    def _run(self, events: list[HttpEvent]) -> None:
        while self._step(events):
            pass

    def _head(self, events: list[HttpEvent]) -> bool:
        size = self._section_size("head")
        if not size:
            return False
        span, raw = self._take(size)
        head = parse_head(raw, from_client=self._from_client, span=span)
        events.append(head)
        if self._from_client:
            to_switch = head.header(b"upgrade") is not None or head.method == b"CONNECT"
            self._decoder._asked(head.method, to_switch)
        elif head.status < 200:
            if head.status == 101:
                self._decoder._switched((head.header(b"upgrade") or b"").lower(), events)
                return False  # switch() took what was in the buffer
            return True  # RFC 9110 15.2: an interim response, the final one follows
        self._begin_body(head, events)
        return True

    def _begin_body(self, head: HttpHead, events: list[HttpEvent]) -> None:
        """Choose how the body ends. Section 6.3 gives the rules in this order."""
        length = head.header(b"content-length")
        if not self._from_client:
            method, to_switch = self._decoder._answered()
            if method == b"CONNECT" and head.status < 300:
                # "Any 2xx (Successful) response to a CONNECT request implies that the
                # connection will become a tunnel immediately after the empty line"
                self._decoder._switched(b"", events)
                return
            if to_switch:
                self._decoder._refused(events)
            if method == b"HEAD" or head.status in (204, 304):
                self._left = 0
                self._step = self._counted
                return
        if head.header(b"transfer-encoding") is not None:
            self._step = self._chunk_header
        elif length is not None:
            # h11 found it to be digits, or the same digits repeated
            self._left = int(length.split(b",")[0])
            self._step = self._counted
        elif self._from_client:
            self._left = 0
            self._step = self._counted
        else:
            self._step = self._until_eof

    def _counted(self, events: list[HttpEvent]) -> bool:
        if self._left:
            return self._body(events)
        self._finish(Span(self._offset, self._offset), (), events)
        return True

    def _until_eof(self, events: list[HttpEvent]) -> bool:
        self._left = len(self._buffer)
        return self._body(events)

    def _chunk_header(self, events: list[HttpEvent]) -> bool:
        line_end = self._buffer.find(b"\r\n", max(0, self._searched - 1))
        size = line_end + 2 if line_end >= 0 else len(self._buffer)
        if size > _MAX_CHUNK_HEADER_BYTES:
            raise self._error("a chunk header is too long")
        if line_end < 0:
            self._searched = len(self._buffer)
            return False
        match = _CHUNK_HEADER.fullmatch(self._buffer, 0, size)
        if match is None:
            raise self._error("a chunk header is malformed")
        self._left = int(match[1], 16)
        self._mark = self._offset
        self._take(size)
        self._step = self._chunk_data if self._left else self._trailers
        return True

    def _chunk_data(self, events: list[HttpEvent]) -> bool:
        if self._left:
            return self._body(events)
        if not b"\r\n".startswith(self._buffer[:2]):
            raise self._error("a chunk does not end where its header says")
        if len(self._buffer) < 2:
            return False
        self._take(2)
        self._step = self._chunk_header
        return True

    def _trailers(self, events: list[HttpEvent]) -> bool:
        if self._buffer == b"\r":
            return False  # half of the blank line
        size = next((n for n in (1, 2) if self._buffer[:n] == b"\r\n"[2 - n :]), 0)
        size = size or self._section_size("trailer section")
        if not size:
            return False
        span, raw = self._take(size)
        self._finish(
            Span(self._mark, span.end),
            parse_trailers(raw, span, from_client=self._from_client),
            events,
        )
        return True

    def _held(self, events: list[HttpEvent]) -> bool:
        """After a request to switch protocols nothing can be read until it is answered."""
        return False

    def _tail(self, events: list[HttpEvent]) -> bool:
        if self._buffer:
            span, raw = self._take(len(self._buffer))
            events.append(HttpTail(self._from_client, raw, span))
        return False

    # ---- parts of the states -------------------------------------------------------------

    def _body(self, events: list[HttpEvent]) -> bool:
        size = min(self._left, len(self._buffer))
        if not size:
            return False
        self._left -= size
        span, raw = self._take(size)
        events.append(HttpBody(self._from_client, raw, span))
        return True

    def _finish(
        self, span: Span, trailers: tuple[tuple[bytes, bytes], ...], events: list[HttpEvent]
    ) -> None:
        events.append(HttpEnd(self._from_client, trailers, span))
        awaits = self._from_client and self._decoder._awaits_switch()
        self._step = self._held if awaits else self._head

    def _section_size(self, what: str) -> int:
        """How long the lines up to and including the first blank one are; 0 for not there."""
        if not self._buffer:
            return 0
        if self._buffer[0] < 0x21:
            # h11 stops here too: no token, and neither TLS nor a stray line end is a head
            raise self._error(f"no {what} starts with byte 0x{self._buffer[0]:02x}")
        match = _BLANK_LINE.search(self._buffer, max(0, self._searched - 2))
        if (match.end() if match else len(self._buffer)) > self._max_head:
            raise self._error(f"a {what} is longer than {self._max_head} bytes")
        if match is None:
            self._searched = len(self._buffer)
            return 0
        return match.end()

    def _take(self, size: int) -> tuple[Span, bytes]:
        raw = bytes(self._buffer[:size])
        del self._buffer[:size]
        span = Span(self._offset, self._offset + size)
        self._offset += size
        self._searched = 0
        return span, raw

    def _eof(self, events: list[HttpEvent]) -> None:
        if self._step == self._until_eof:
            self._finish(Span(self._offset, self._offset), (), events)
        elif self._step == self._held:
            # no answer came; if the client went on in HTTP, that can be read
            self.release()
            self._run(events)
            self._eof(events)
        elif self._step not in (self._head, self._tail) or self._buffer:
            raise self._error("the connection ended inside a message")

    def _error(self, text: str) -> HttpError:
        return HttpError(text, from_client=self._from_client, offset=self._offset)
