"""Server-sent events: ``text/event-stream`` as the WHATWG HTML standard reads it.

Quotations are from the HTML Living Standard, section 9.2.6, "Interpreting an event stream".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from .spans import Span

_LINE_END: Final = re.compile(rb"[\r\n]")
_NEWLINES: Final = re.compile(r"\r\n|\r|\n")
_BOM: Final = b"\xef\xbb\xbf"
# "If the field value consists of only ASCII digits"; more than these name no time
_RETRY: Final = re.compile(r"[0-9]{1,18}")
_ONE_MESSAGE: Final = re.compile(rb"(?:event: message\r?\n)?data: ([^\r\n]+)\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class SseEvent:
    """One event: the fields up to a blank line.

    Attributes:
        event: its type, ``message`` where none is named.
        data: the data lines, joined by LF.
        id: the id given in this event, or ``None``.
        retry: the reconnection time in milliseconds given in this event, or ``None``.
        span: from the first byte of the first field to the last byte of the last one; the
            line end after it and the blank line are left out, so that an event can be told
            at once where a CR may be half of a CRLF.
        data_spans: where the value of each data line lies.
        dispatched: whether a browser would fire it. Without a ``data`` field it would not
            ("If the data buffer is an empty string ... return"); the id counts all the same.
        last_event_id: what a client sends as ``Last-Event-ID`` from here on.
    """

    event: str
    data: str
    id: str | None
    retry: int | None
    span: Span
    data_spans: tuple[Span, ...]
    dispatched: bool = True
    last_event_id: str = ""


@dataclass(frozen=True, slots=True)
class SseComment:
    """A line that starts with a colon; servers send them to keep a connection open.

    Attributes:
        text: what follows the colon, one leading space removed.
        span: the line without its end.
    """

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class SseRetry:
    """A ``retry`` field, told as soon as its line ended: it counts without a blank line.

    Attributes:
        ms: the reconnection time.
        span: the line without its end.
    """

    ms: int
    span: Span


@dataclass(frozen=True, slots=True)
class SseIncomplete:
    """What the stream ended in the middle of.

    "If the file ends in the middle of an event, before the final empty line, the incomplete
    event is not dispatched."

    Attributes:
        span: the bytes that were thrown away.
    """

    span: Span


SseStreamEvent: TypeAlias = SseEvent | SseComment | SseRetry | SseIncomplete


@dataclass(slots=True)
class _Block:
    """The fields gathered since the last blank line."""

    start: int
    end: int = 0
    event: str = ""
    id: str | None = None
    retry: int | None = None
    data: list[str] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    visible: bool = False


class SseDecoder:
    """Reads an event stream.

    Args:
        start: the offset of the first byte, for the spans.
    """

    def __init__(self, *, start: int = 0) -> None:
        self._pieces: list[bytes] = []
        self._line_start = start
        self._end = start  # of what was fed
        self._after_cr = False
        self._first = True
        self._block: _Block | None = None
        self._last_event_id = ""

    def whole(self, data: bytes) -> bytes | None:
        """Take bytes that are just one ``message`` event of one line, and give its data.

        Most that servers write are, and need no looking at line by line.

        Returns:
            ``None``, and takes nothing, where they are anything else.
        """
        if self._block is not None or self._pieces or self._after_cr or not data.isascii():
            return None
        found = _ONE_MESSAGE.fullmatch(data)
        if found is None:
            return None
        self._first = False
        self._end += len(data)
        self._line_start = self._end
        return found[1]

    def feed(self, data: bytes | None) -> list[SseStreamEvent]:
        """Take the next bytes, or ``None`` at the end of the stream; never raises."""
        if data is None:
            return self._finish()
        events: list[SseStreamEvent] = []
        base = self._end
        self._end += len(data)
        at = 0
        if self._after_cr and data:
            # the CR already ended its line; this LF is the rest of the same line end
            self._after_cr = False
            if data[0] == 0x0A:
                at = 1
                self._line_start = base + 1
        while match := _LINE_END.search(data, at):
            stop = match.start()
            self._pieces.append(data[at:stop])
            line = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
            self._pieces.clear()
            self._line(line, events)
            at = stop + 1
            if data[stop] == 0x0D:
                if at == len(data):
                    self._after_cr = True
                elif data[at] == 0x0A:
                    at += 1
            self._line_start = base + at
        if at < len(data):
            self._pieces.append(bytes(data[at:]))
        return events

    def _finish(self) -> list[SseStreamEvent]:
        start = self._block.start if self._block else self._line_start
        pending = self._block is not None or bool(self._pieces)
        self._block = None
        self._pieces.clear()
        return [SseIncomplete(Span(start, self._end))] if pending else []

    def _line(self, line: bytes, events: list[SseStreamEvent]) -> None:
        start = self._line_start
        if self._first:
            self._first = False
            # "The UTF-8 decode algorithm strips one leading UTF-8 Byte Order Mark (BOM),
            # if any."
            if line.startswith(_BOM):
                line = line[3:]
                start += 3
        if not line:
            self._dispatch(events)
            return
        span = Span(start, start + len(line))
        name, colon, value = line.partition(b":")
        value_start = start + len(name) + len(colon)
        if value.startswith(b" "):
            value = value[1:]
            value_start += 1
        # Line ends are never part of a broken UTF-8 sequence, so that decoding line by line
        # gives the same U+FFFD as decoding the stream.
        text = value.decode("utf-8", "replace")
        if not name and colon:
            events.append(SseComment(text, span))
            return
        block = self._block
        if block is None:
            block = self._block = _Block(start)
        block.end = span.end
        self._field(block, name, text, Span(value_start, span.end), span, events)

    def _field(
        self,
        block: _Block,
        name: bytes,
        text: str,
        value: Span,
        line: Span,
        events: list[SseStreamEvent],
    ) -> None:
        if name == b"data":
            block.data.append(text)
            block.spans.append(value)
            block.visible = True
        elif name == b"event":
            block.event = text
            block.visible = True
        elif name == b"id":
            # "If the field value does not contain U+0000 NULL, then set the last event ID
            # buffer to the field value. Otherwise, ignore the field."
            if "\0" not in text:
                block.id = self._last_event_id = text
                block.visible = True
        elif name == b"retry" and _RETRY.fullmatch(text):
            block.retry = int(text)
            events.append(SseRetry(block.retry, line))

    def _dispatch(self, events: list[SseStreamEvent]) -> None:
        block, self._block = self._block, None
        if block is None or not block.visible:
            return
        events.append(
            SseEvent(
                event=block.event or "message",
                data="\n".join(block.data),
                id=block.id,
                retry=block.retry,
                span=Span(block.start, block.end),
                data_spans=tuple(block.spans),
                dispatched=bool(block.data),
                last_event_id=self._last_event_id,
            )
        )


def encode_event(
    data: str | None = None,
    *,
    event: str | None = None,
    id: str | None = None,
    retry: int | None = None,
    comment: str | None = None,
) -> bytes:
    """Write one event, or a comment where there is nothing but ``comment``.

    Raises:
        ValueError: ``event`` or ``id`` holds a line end, or ``id`` a NULL.
    """
    lines: list[str] = []
    if comment is not None:
        lines += [f": {line}" for line in _NEWLINES.split(comment)]
    for name, value in (("event", event), ("id", id)):
        if value is None:
            continue
        if _NEWLINES.search(value) or "\0" in value:
            raise ValueError(f"the {name} of an event is one line without NULL: {value!r}")
        lines.append(f"{name}: {value}")
    if retry is not None:
        lines.append(f"retry: {retry:d}")
    if data is not None:
        lines += [f"data: {line}" for line in _NEWLINES.split(data)]
    return ("\n".join(lines) + "\n\n").encode("utf-8")
