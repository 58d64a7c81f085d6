"""Redaction as a memory: what gives secrets away is found once, when an event comes.

Two passes. The first looks at the places that give a secret away, masks them and notes the
values; it is done while events come. The second masks every value, noted or handed over,
wherever and however it is spelled; it is done for the events that are wanted, and sees as much
of their streams as a value can reach. Events are immutable and only appended, so that feeding
them one by one finds what feeding them at once does.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from mcp_notebook.wire.spans import Span

from .events import Chunk, Direction, Event, LinkClosed
from .link_texts import LinkTexts
from .own_texts import OwnText, own_text, with_text
from .places import STAR, Hit, discoverable, find
from .spellings import spellings
from .streams import Sheet, Stream, Text, merged

_BETWEEN: Final = b"\x00\xff\x00"
"""Stands between two texts that are searched as one; no secret holds it."""

MAX_VALUES: Final = 20_000
"""So many values that were found are remembered; then the first found is forgotten."""

MAX_QUIET: Final = 256
"""So many links are remembered whose chunks all left."""

_MAX_JUDGED: Final = 512
_MAX_JUDGED_BYTES: Final = 8192

_LinkKey = tuple[str, str, str]


class Redactor:
    """All that is known of the secrets in a growing list of events.

    Args:
        before: one whose values are known from the beginning.

    Attributes:
        decoded: how many chunks were decoded so far.
    """

    def __init__(self, before: Redactor | None = None) -> None:
        self.decoded = 0
        self._links: dict[_LinkKey, list[LinkTexts]] = {}
        self._hits: dict[int, list[Hit]] = {}
        self._labels: dict[str, None] = {}
        self._values: dict[bytes, frozenset[bytes]] = dict(before._values) if before else {}
        self._judged: dict[tuple[bytes, bool, bool], list[Hit]] = {}

    # ---- the first pass --------------------------------------------------------------

    def feed(self, event: Event) -> None:
        """Take the next event."""
        own = None if type(event) is Chunk else own_text(event)
        if own is not None:
            hits = self.places(own.data, prose=own.prose)
            if hits:
                self._hits[event.seq] = hits
                self._note(hits)
        for label in (event.conn, event.link):
            if label not in self._labels:
                self._labels[label] = None
                self._note(self.places(OwnText.of(label).data))
        if isinstance(event, Chunk | LinkClosed):
            self._read(event)

    def _read(self, event: Chunk | LinkClosed) -> None:
        key = (event.conn, event.vantage, event.link)
        known = self._links.get(key)
        link = known[-1] if known else None
        if isinstance(event, Chunk):
            if link is not None and event.offset < link.stream(event.direction).end:
                # a name used again is another link
                for way in Direction:
                    texts, hits = self.mask_rest(link, way, link.stream(way).masked)
                    self._note(hits)
                    for text in texts:
                        link.stream(way).keep(text)
                link = None
            if link is None:
                link = LinkTexts(event.seq)
                self._links.setdefault(key, []).append(link)
            self.decoded += 1
        elif link is None:
            return
        for text in link.take(event):
            self._note(self._mask_places(text, text.stream.masked))

    def link(self, event: Event) -> LinkTexts | None:
        """The link an event belongs to."""
        found = self._links.get((event.conn, event.vantage, event.link))
        if not found:
            return None
        return next((one for one in reversed(found) if one.first_seq <= event.seq), None)

    def _note(self, hits: Iterable[Hit]) -> None:
        for hit in hits:
            for value in hit.values:
                if discoverable(value) and value not in self._values:
                    self._values[value] = spellings(value)
        while len(self._values) > MAX_VALUES:
            del self._values[next(iter(self._values))]

    def mask_rest(
        self, link: LinkTexts, way: Direction, sheet: Sheet
    ) -> tuple[list[Text], list[Hit]]:
        """Mask what is not complete as if nothing more came.

        Returns:
            The texts that reading the stream straight on does not read, and the places.
        """
        texts, unread = link.rest(way)
        link.stream(way).mask(unread, STAR, sheet)
        hits = [hit for text in texts for hit in self._mask_places(text, sheet)]
        return [text for text in texts if not text.raw], hits

    def _mask_places(self, text: Text, sheet: Sheet) -> list[Hit]:
        hits = self.places(text.data, head=text.head)
        for hit in hits:
            text.mask(hit.start, hit.end, hit.fill, sheet)
        return hits

    def places(self, data: bytes, *, head: bool = False, prose: bool = False) -> list[Hit]:
        """The places in a text that give a secret away.

        A message, the chunk that carried it, and both again at the other end: most texts come
        more than once, and soon after each other.
        """
        if len(data) > _MAX_JUDGED_BYTES:
            return list(find(data, head=head, prose=prose))
        key = (data, head, prose)
        hits = self._judged.get(key)
        if hits is None:
            if len(self._judged) >= _MAX_JUDGED:
                self._judged.clear()
            hits = self._judged[key] = list(find(data, head=head, prose=prose))
        return hits

    def shed(self, first_seq: int) -> None:
        """Forget the events with lower numbers. The values they gave away stay known."""
        for seq in list(self._hits):
            if seq >= first_seq:
                break
            del self._hits[seq]
        for key, found in list(self._links.items()):
            for link in found:
                for way in Direction:
                    link.stream(way).shed(first_seq)
            self._links[key] = [*(o for o in found[:-1] if not _quiet(o, first_seq)), found[-1]]
        # a link that is quiet may go on, and is then read on
        quiet = [key for key, found in self._links.items() if _quiet(found[-1], first_seq)]
        for key in quiet[:-MAX_QUIET]:
            del self._links[key]
        if len(self._labels) > MAX_VALUES:
            self._labels.clear()

    # ---- the second pass -------------------------------------------------------------

    @property
    def values(self) -> list[bytes]:
        """The values that were found."""
        return list(self._values)

    def forms(self, secrets: Iterable[str] = ()) -> set[bytes]:
        """Every spelling of the values found and of these."""
        known = {form for value in secrets if value for form in _known(value)}
        found = set().union(*self._values.values())
        return found.union(*(spellings(value) for value in known))

    def rest_forms(self) -> set[bytes]:
        """Every spelling of the values that what is not complete gives away."""
        return _spelled(_Job(self, []).mask_rests())

    def goes_on(self, link: LinkTexts, event: Event) -> bool:
        """Whether a link may get more chunks: none of its name came after it."""
        return self._links[event.conn, event.vantage, event.link][-1] is link

    def holders(self, events: list[Event], forms: set[bytes]) -> list[int]:
        """The numbers of the events in which one of these forms stands."""
        return _Job(self, events, places=False).holders(sorted(forms))

    def redact(self, wanted: list[Event], forms: set[bytes], *, rest: bool = True) -> list[Event]:
        """Some of the events that were fed, with every secret masked.

        Args:
            wanted: which.
            forms: what is masked wherever it stands.
            rest: whether what is not complete is judged as if nothing more came.
        """
        job = _Job(self, wanted)
        if rest:
            forms = forms | _spelled(job.mask_rests())
        job.mask_everywhere(sorted(forms))
        return [job.result(event) for event in wanted]


class _Job:
    """One second pass."""

    def __init__(self, redactor: Redactor, wanted: list[Event], *, places: bool = True) -> None:
        self._redactor = redactor
        self._wanted = wanted
        self._own: dict[int, OwnText] = {}
        self._labels = {label: OwnText.of(label) for e in wanted for label in (e.conn, e.link)}
        self._places: dict[int, tuple[Stream, list[Span]]] = {}
        self._of: dict[int, Stream] = {}
        self._texts: list[Text] = []
        self._sheet: Sheet = {}
        for event in wanted:
            own = None if type(event) is Chunk else own_text(event)
            if own is not None:
                self._own[event.seq] = own
                for hit in redactor._hits.get(event.seq, ()) if places else ():
                    own.mask(hit.start, hit.end, hit.fill, self._sheet)
            elif isinstance(event, Chunk):
                link = redactor.link(event)
                assert link is not None
                stream = self._of[event.seq] = link.stream(event.direction)
                _, spans = self._places.setdefault(id(stream), (stream, []))
                spans.append(Span(event.offset, event.offset + len(event.data)))
        for text in self._labels.values():
            for hit in redactor.places(text.data) if places else ():
                text.mask(hit.start, hit.end, hit.fill, self._sheet)

    def mask_rests(self) -> list[Hit]:
        """Mask what is not complete; the places in it that give a secret away."""
        hits: list[Hit] = []
        for found in self._redactor._links.values():
            for way in Direction:
                if found[-1].has_rest(way):
                    texts, more = self._redactor.mask_rest(found[-1], way, self._sheet)
                    hits += more
                    if id(found[-1].stream(way)) in self._places:
                        self._texts += texts
        return hits

    def mask_everywhere(self, forms: list[bytes]) -> None:
        """Mask each form in each text. One search over all texts costs a tenth of one in each."""
        reach = max(map(len, forms), default=1) - 1
        texts: list[Text | OwnText] = [
            *self._own.values(),
            *self._labels.values(),
            *self._texts,
        ]
        for stream, spans in self._places.values():
            for span in merged(spans):
                texts += stream.texts(span)
            wide = [Span(max(0, span.start - reach), span.end + reach) for span in spans]
            for span in merged(wide):
                texts += [Text(stream, (run,), raw=True) for run in stream.runs(span)]
        starts: list[int] = []
        parts: list[bytes] = []
        size = 0
        for text in texts:
            starts.append(size)
            parts.append(text.data)
            size += len(parts[-1]) + len(_BETWEEN)
        joined = _BETWEEN.join(parts)
        del parts
        for form in forms:
            at = joined.find(form)
            while at >= 0:
                index = bisect_right(starts, at) - 1
                start = at - starts[index]
                texts[index].mask(start, start + len(form), STAR, self._sheet)
                at = joined.find(form, at + 1)
        for own in self._own.values():
            if own.cut:
                own.mask_remnant(forms)

    def holders(self, forms: list[bytes]) -> list[int]:
        """The numbers of the events in which one of these forms stands."""
        self.mask_everywhere(forms)
        named = {label for label, text in self._labels.items() if text.masked is not None}
        return [
            event.seq
            for event in self._wanted
            if event.seq in self._sheet
            or (event.seq in self._own and self._own[event.seq].masked is not None)
            or event.conn in named
            or event.link in named
        ]

    def result(self, event: Event) -> Event:
        """What became of an event."""
        if isinstance(event, Chunk):
            changed: Event = self._of[event.seq].redacted(event, self._sheet)
        else:
            own = self._own.get(event.seq)
            changed = event if own is None or own.masked is None else with_text(event, own)
        conn, link = self._labels[event.conn], self._labels[event.link]
        if conn.masked is None and link.masked is None:
            return changed
        return replace(changed, conn=conn.result_text, link=link.result_text)


def _quiet(link: LinkTexts, first_seq: int) -> bool:
    return all(link.stream(way).is_quiet(first_seq) for way in Direction)


def _spelled(hits: list[Hit]) -> set[bytes]:
    values = {value for hit in hits for value in hit.values if discoverable(value)}
    return {form for value in values for form in spellings(value)}


def _known(value: str) -> set[bytes]:
    """A value handed over, and what it was before the operating system gave it as text."""
    forms = {OwnText.of(value).data}
    with suppress(UnicodeEncodeError):
        forms.add(value.encode("utf-8", "surrogateescape"))
    return forms
