"""Redaction: every secret becomes ``*``, byte for byte, in messages and in raw bytes alike.

Two passes. The first looks at the places that give a secret away and notes its value; the
second masks every value, noted or handed over, wherever and however it is spelled. Lengths are
kept, so spans, offsets and ``Content-Length`` stay true.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Final, Protocol

from .events import Event, Fault, LinkClosed, LinkOpened, Message, StderrLine
from .places import STAR, discoverable, find
from .spellings import spellings
from .streams import LinkTexts, links

_BETWEEN: Final = b"\x00\xff\x00"
"""Stands between two texts that are searched as one; no secret holds it."""

_MIN_REMNANT: Final = 3
"""How much of the beginning of a secret at the end of a cut message is masked."""


class _Text(Protocol):
    """Something that can be read and masked."""

    head: bool
    prose: bool

    @property
    def data(self) -> bytes: ...

    def mask(self, start: int, end: int, fill: int) -> None:
        """Replace a part of it."""


class _OwnText:
    """A text that an event holds itself."""

    def __init__(self, data: bytes, *, prose: bool, cut: bool = False) -> None:
        self.data = data
        self.head = False
        self.prose = prose
        self.cut = cut
        self.masked: bytearray | None = None

    def mask(self, start: int, end: int, fill: int) -> None:
        """Replace a part of it."""
        if self.masked is None:
            self.masked = bytearray(self.data)
        self.masked[start:end] = bytes((fill,)) * (end - start)

    @property
    def result(self) -> bytes:
        return self.data if self.masked is None else bytes(self.masked)

    @property
    def result_text(self) -> str:
        try:
            return self.result.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:  # a value ended inside a character
            return self.result.decode("utf-8", "replace")


class _Redaction:
    """All texts of a list of events, and what became of them."""

    def __init__(self, events: list[Event]) -> None:
        self._events = {event.seq: event for event in events}
        self._own: dict[int, _OwnText] = {}
        self._labels: dict[str, _OwnText] = {}
        self._links: list[LinkTexts] = [LinkTexts(group) for group in links(events)]
        self._texts: list[_Text] = [text for link in self._links for text in link.texts]
        for event in events:
            own = _own(event)
            if own is not None:
                self._own[event.seq] = own
                self._texts.append(own)
            for label in (event.conn, event.link):
                if label and label not in self._labels:
                    self._labels[label] = _OwnText(_bytes(label), prose=False)
        self._texts += self._labels.values()

    def mask(self, known: Iterable[str]) -> None:
        """Mask what the places give away, then these values and those that were found."""
        values = {form for value in known if value for form in _known(value)}
        for text in self._texts:
            for hit in find(text.data, head=text.head, prose=text.prose):
                text.mask(hit.start, hit.end, hit.fill)
                values.update(value for value in hit.values if discoverable(value))
        spelled = sorted({form for value in values for form in spellings(value)})
        _mask_everywhere(self._texts, spelled)
        for own in self._own.values():
            if own.cut:
                _mask_remnant(own, spelled)

    def result(self, seq: int) -> Event:
        """What became of an event."""
        return self._changed.get(seq) or self._events[seq]

    def finish(self) -> None:
        """Make the events anew where something of them was masked."""
        self._changed: dict[int, Event] = {}
        for link in self._links:
            for stream in link.streams.values():
                self._changed.update((chunk.seq, chunk) for chunk in stream.result())
        for seq, own in self._own.items():
            if own.masked is not None:
                self._changed[seq] = _with(self._events[seq], own)
        renamed = {label: text.result_text for label, text in self._labels.items() if text.masked}
        if renamed:
            for seq in self._events:
                event = self.result(seq)
                if event.conn in renamed or event.link in renamed:
                    self._changed[seq] = replace(
                        event,
                        conn=renamed.get(event.conn, event.conn),
                        link=renamed.get(event.link, event.link),
                    )


def redact(
    events: Iterable[Event], secrets: Iterable[str] = (), context: Iterable[Event] | None = None
) -> list[Event]:
    """The same events with every secret masked.

    Args:
        events: what is wanted.
        secrets: values that are secret wherever they stand.
        context: all events of the Trace. A secret split over two chunks is only seen where
            both are, and one that a header gives away may stand in a message elsewhere; so
            it is the whole that is judged, also where a part is wanted.
    """
    wanted = list(events)
    whole = {event.seq: event for event in (*(context or ()), *wanted)}
    redaction = _Redaction([whole[seq] for seq in sorted(whole)])
    redaction.mask(secrets)
    redaction.finish()
    return [redaction.result(event.seq) for event in wanted]


def _own(event: Event) -> _OwnText | None:
    if isinstance(event, Message):
        return _OwnText(event.raw, prose=False, cut=event.cut)
    if isinstance(event, StderrLine | Fault):
        return _OwnText(_bytes(event.text), prose=True)
    if isinstance(event, LinkOpened):
        return _OwnText(_bytes(event.address), prose=True)
    if isinstance(event, LinkClosed):
        return _OwnText(_bytes(event.reason), prose=True)
    return None


def _with(event: Event, own: _OwnText) -> Event:
    if isinstance(event, Message):
        return replace(event, raw=own.result)
    if isinstance(event, StderrLine | Fault):
        return replace(event, text=own.result_text)
    if isinstance(event, LinkOpened):
        return replace(event, address=own.result_text)
    assert isinstance(event, LinkClosed)
    return replace(event, reason=own.result_text)


def _mask_everywhere(texts: list[_Text], forms: list[bytes]) -> None:
    """Mask each form in each text. One search over all texts costs a tenth of one in each."""
    starts: list[int] = []
    size = 0
    for text in texts:
        starts.append(size)
        size += len(text.data) + len(_BETWEEN)
    joined = _BETWEEN.join(text.data for text in texts)
    for form in forms:
        at = joined.find(form)
        while at >= 0:
            index = bisect_right(starts, at) - 1
            start = at - starts[index]
            texts[index].mask(start, start + len(form), STAR)
            at = joined.find(form, at + 1)


def _mask_remnant(own: _OwnText, spelled: list[bytes]) -> None:
    """Mask the beginning of a secret whose rest was cut off with the message's end."""
    for form in spelled:
        for size in range(min(len(form), len(own.data)), _MIN_REMNANT - 1, -1):
            if own.data.endswith(form[:size]):
                own.mask(len(own.data) - size, len(own.data), STAR)
                break


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _known(value: str) -> set[bytes]:
    """A value handed over, and what it was before the operating system gave it as text."""
    forms = {_bytes(value)}
    with suppress(UnicodeEncodeError):
        forms.add(value.encode("utf-8", "surrogateescape"))
    return forms
