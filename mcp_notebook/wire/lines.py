"""Lines: how stdio and the socket transports tell one message from the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from .spans import Span

DEFAULT_MAX_BYTES: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class Line:
    """One line; blank ones are events too.

    Attributes:
        data: its bytes without the line end (LF or CRLF).
        span: where it lies, the line end included.
        terminated: whether there was a line end; only the last line of a stream may lack it.
    """

    data: bytes
    span: Span
    terminated: bool = True


@dataclass(frozen=True, slots=True)
class Oversize:
    """A line beyond the bound, told once, at its end. Its bytes were not kept.

    Attributes:
        size: how many bytes it had, without the line end.
        span: where it lies, the line end included.
    """

    size: int
    span: Span


LineEvent: TypeAlias = Line | Oversize


class LineDecoder:
    """Cuts a stream of bytes into lines.

    Args:
        max_bytes: the longest line that is kept, without its line end. A longer one is
            skipped in constant memory and decoding goes on with the next.
        start: the offset of the first byte, where the stream is not seen from its beginning.
    """

    def __init__(self, *, max_bytes: int = DEFAULT_MAX_BYTES, start: int = 0) -> None:
        self._max = max_bytes
        self._pieces: list[bytes] = []
        self._size = 0  # of the line so far, its bytes kept or not
        self._skipping = False
        self._ends_in_cr = False  # the last byte so far, for a line being skipped
        self._start = start  # of the line

    @property
    def pending(self) -> Span:
        """The bytes of the line that has not ended yet."""
        return Span(self._start, self._start + self._size)

    def whole(self, data: bytes) -> bool:
        """Take bytes that are just one line, its end (LF) included; else say no, and take none.

        Most reads are that, and nothing has to be looked for in them.
        """
        size = len(data) - 1
        if self._size or not 0 < size <= self._max or data.find(b"\n") != size or data[-2] == 13:
            return False
        self._start += size + 1
        return True

    def feed(self, data: bytes | None) -> list[LineEvent]:
        """Take the next bytes, or ``None`` at the end of the stream; never raises."""
        if data is None:
            return [self._end(b"", terminated=False)] if self._size else []
        events: list[LineEvent] = []
        at = 0
        while (newline := data.find(b"\n", at)) >= 0:
            piece = data[at:newline]
            # most lines come in one piece; \r, blank lines and the rest go the long way
            if not self._size and 0 < len(piece) <= self._max and piece[-1] != 13:
                end = self._start + len(piece) + 1
                events.append(Line(bytes(piece), Span(self._start, end)))
                self._start = end
            else:
                events.append(self._end(piece, terminated=True))
            at = newline + 1
        if at < len(data):
            self._keep(data[at:] if at else data)
        return events

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        self._ends_in_cr = piece.endswith(b"\r")
        # one byte more than the bound may still turn out to be the CR of a line end
        if self._skipping or self._size > self._max + 1:
            self._skipping = True
            self._pieces.clear()
        else:
            self._pieces.append(bytes(piece))

    def _end(self, piece: bytes, *, terminated: bool) -> LineEvent:
        if piece:
            self._keep(piece)
        size = self._size
        if terminated and size and self._ends_in_cr:
            size -= 1
        span = Span(self._start, self._start + self._size + terminated)
        event: LineEvent
        if self._skipping or size > self._max:
            event = Oversize(size, span)
        else:
            joined = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
            event = Line(joined[:size], span, terminated)
        self._start = span.end
        self._pieces.clear()
        self._size = 0
        self._skipping = self._ends_in_cr = False
        return event
