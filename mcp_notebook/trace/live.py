"""Redaction for views that show events as they come."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mcp_notebook.wire.spans import Span

from .events import Chunk, Direction, Event
from .link_texts import LinkTexts
from .store import Trace

_TIDY: Final = 1000


class LiveRedactor:
    """Gives the events of a Trace with every secret masked, as soon as that can be told.

    Half an HTTP head, a line without its end, half a WebSocket message is held back until the
    rest of it comes, or ``flush``. Other links are not kept waiting: what a call returns is in
    order of ``seq``, and so is each link, but a chunk that was held comes after younger events
    of other links.

    All that was given, put in order, is byte for byte what ``Trace.redacted`` says at the end,
    with one exception: a secret that is given away only later cannot be masked in what was
    already given. Those events are in ``late``, and ``retouched`` gives them again.

    Give it every event of the Trace once, in order. One thread at a time may use it.

    Args:
        trace: the Trace that the events belong to.
    """

    def __init__(self, trace: Trace) -> None:
        self._trace = trace.whole
        self._memory = trace.memory
        self._held: dict[int, Chunk] = {}
        self._unsure: dict[int, Chunk] = {}
        self._given: dict[int, Event] = {}
        self._late: dict[int, None] = {}
        self._forms: set[bytes] = set()
        self._at_rest = False

    @property
    def held(self) -> tuple[int, ...]:
        """The numbers of the events that are held back."""
        return tuple(self._held)

    @property
    def late(self) -> tuple[int, ...]:
        """The numbers of events that were given and would be given otherwise now."""
        return tuple(sorted(self._late))

    def feed(self, events: Iterable[Event]) -> list[Event]:
        """Take the next events; those that can be given."""
        ready: list[Event] = []
        for event in events:
            if isinstance(event, Chunk):
                self._held[event.seq] = event
            else:
                ready.append(event)
        with self._memory.lock:
            known = self._known()
            self._at_rest = False
            ready += self._release(self._held, known)
            for chunk in self._release(self._unsure, known):
                self._late[chunk.seq] = None
            return self._give(ready, known, rest=False)

    def flush(self) -> list[Event]:
        """Give what is held back, judged as if nothing more came.

        If more comes and tells better, it is in ``late``.
        """
        with self._memory.lock:
            known = self._known()
            known |= self._memory.redactor.rest_forms()
            self._at_rest = True
            ready: list[Event] = list(self._held.values())
            self._unsure |= self._held
            self._held.clear()
            return self._give(ready, known, rest=True)

    def retouched(self) -> list[Event]:
        """The events in ``late`` as they are given now; those that left the Trace are gone."""
        with self._memory.lock:
            known = self._known()
            first = self._trace.first_seq
            again = [self._given[seq] for seq in self.late if seq in self._given and seq >= first]
            rest = self._at_rest or any(event.seq in self._unsure for event in again)
            self._late.clear()
            return self._give(again, known, rest=rest)

    def _known(self) -> set[bytes]:
        self._memory.refresh()
        return self._memory.redactor.forms(self._trace.secrets.values())

    def _give(self, events: list[Event], known: set[bytes], *, rest: bool) -> list[Event]:
        events.sort(key=lambda event: event.seq)
        given = self._memory.redact(events, self._trace.secrets.values(), rest=rest)
        news = known - self._forms
        if news or len(self._given) > 2 * len(self._trace) + _TIDY:
            first = self._trace.first_seq
            self._given = {seq: event for seq, event in self._given.items() if seq >= first}
        if news:
            before = list(self._given.values())
            self._late |= dict.fromkeys(self._memory.redactor.holders(before, news))
            self._forms = known
        self._given |= {event.seq: event for event in events}
        return given

    def _release(self, chunks: dict[int, Chunk], known: set[bytes]) -> list[Event]:
        """Take out those of these chunks that can be judged."""
        if not chunks:
            return []
        several = [form for form in known if b"\n" in form]
        ends: dict[tuple[int, Direction], int] = {}
        released: list[Event] = []
        for chunk in list(chunks.values()):
            link = self._memory.redactor.link(chunk)
            if link is not None:
                place = (id(link), chunk.direction)
                if place not in ends:
                    ends[place] = self._end(link, chunk, several)
                if chunk.offset + len(chunk.data) > ends[place]:
                    continue
            # what left the Trace before its rest came will not get it
            released.append(chunks.pop(chunk.seq))
        return released

    def _end(self, link: LinkTexts, chunk: Chunk, several: list[bytes]) -> int:
        """Up to here the bytes of a direction can be judged."""
        stream = link.stream(chunk.direction)
        if not self._memory.redactor.goes_on(link, chunk):
            return stream.end
        end = link.readable(chunk.direction)
        # a secret of several lines may begin in one text and end in the next
        begun = 0
        for form in several:
            tail = stream.read(Span(max(0, end - len(form) + 1), end), raw=True)
            sizes = range(min(len(form) - 1, len(tail)), begun, -1)
            begun = next((size for size in sizes if tail.endswith(form[:size])), begun)
        return end - begun
