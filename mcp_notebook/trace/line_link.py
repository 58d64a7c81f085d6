"""Links of newline-delimited JSON: chunks in, units out."""

from __future__ import annotations

from typing import Final

from mcp_notebook.wire.jsonrpc import MessageError, parse
from mcp_notebook.wire.lines import Line, LineDecoder
from mcp_notebook.wire.spans import Span

from .events import Chunk, Direction
from .unit import Flow, Unit, in_order

# what is kept of a chunk is already bounded by the Trace
_NO_BOUND: Final = 1 << 62


class LineLink:
    """Newline-delimited JSON in both directions."""

    def __init__(self) -> None:
        self._units: list[Unit] = []
        self._flows = {d: _LineFlow(d, self._units) for d in Direction}

    def take(self, chunk: Chunk) -> None:
        """Take the next chunk."""
        self._flows[chunk.direction].take(chunk)

    def close(self) -> None:
        """A line without its end stays incomplete when the link closes."""

    def finish(self) -> list[Unit]:
        """The units, once no chunk is left."""
        for flow in self._flows.values():
            flow.finish()
        return in_order(self._units)


class _LineFlow(Flow):
    def __init__(self, direction: Direction, units: list[Unit]) -> None:
        super().__init__(direction, units)
        self._decoder = LineDecoder(max_bytes=_NO_BOUND)
        self._fragment = False

    def take(self, chunk: Chunk) -> None:
        """Take the next chunk."""
        seen = self.next
        if chunk.offset != seen:
            pending = self._decoder.pending
            if pending:
                self.lose(pending.start)
            if chunk.offset < seen:
                self.found(seen)
            self._decoder = LineDecoder(max_bytes=_NO_BOUND, start=chunk.offset)
            self._fragment = chunk.offset > 0
        self.arrives(chunk)
        for event in self._decoder.feed(chunk.data):
            if isinstance(event, Line):
                self._line(event, seen)

    def _line(self, line: Line, seen: int) -> None:
        if self._fragment:
            # A chunk is most often a whole line, also where the chunk before it is missing.
            # The rest of a message is no message.
            self._fragment = False
            if not _is_message(line.data):
                self.lose(line.span.start)
                self.found(line.span.end)
                return
            self.found(min(seen, line.span.start))
        if line.data.strip():
            start = line.span.start
            body_span = Span(start, start + len(line.data))
            self.emit("line", line.span, line, line.data, (body_span,))

    def finish(self) -> None:
        pending = self._decoder.pending
        if pending:
            self.lose(pending.start)
        self.found(self.next)


def _is_message(text: bytes) -> bool:
    try:
        parse(text)
    except MessageError:
        return False
    return True
