r"""The query language of the Trace: words as in the sniffers people know.

Grammar (small, so that the view in the browser can have the same)::

    query   =  *( space / word )            all words must hold
    word    =  ["-"] ( filter / text )      "-" turns a word round
    filter  =  KEY ":" values
    values  =  quoted / value *( "," value )    any of them may hold
    text    =  quoted / bare                the events in whose text or bytes it stands
    quoted  =  DQUOTE *( char / "\" char ) DQUOTE

A ``*`` in a value stands for any characters. Case does not matter. The keys:

============== ==================================================================================
``kind:``      ``message request response notification error stderr chunk opened closed fault``;
               an error is a response too
``dir:``       ``c2s`` (client to server), ``s2c``
``vantage:``   ``client server relay``
``transport:`` a transport's name
``conn:``      a connection's name (at the server's vantage the endpoint's)
``tool:``      the calls of a tool: request, progress, answer
``method:``    messages of that method, and the rest of the exchange if it is a request's
``id:``        likewise by the id of the request
``cell:``      messages of the exchanges that a notebook cell caused: ``cell:5`` for ``In [5]``
``status:``    whole exchanges: ``answered error tool-error input-required cancelled unanswered
               late duplicate``
``slow:``      whole exchanges by latency: ``>100ms``, ``>=1s``, ``<500us``; a bare number is
               milliseconds, a bare length means ``>``
============== ==================================================================================

A word with a colon whose key is unknown is an error; in double quotes it is text. A text with
``://`` in it is text.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from mcp_notebook.errors import UsageError

from .envelope import Envelope, read
from .events import (
    Chunk,
    Direction,
    Event,
    Fault,
    LinkClosed,
    LinkOpened,
    Message,
    StderrLine,
    Vantage,
)
from .exchange import Exchange, Status, pair

KINDS: Final = (
    "message",
    "request",
    "response",
    "notification",
    "error",
    "stderr",
    "chunk",
    "opened",
    "closed",
    "fault",
)
CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "kind": KINDS,
    "dir": tuple(Direction),
    "vantage": tuple(Vantage),
    "status": tuple(Status),
}
"""The keys that have a fixed set of values."""

KEYS: Final = (*CHOICES, "transport", "conn", "tool", "method", "id", "cell", "slow")

_ALIASES: Final = {"ws": "websocket", "streamable-http": "http"}
_WORD: Final = re.compile(
    r"""
    (?P<minus>-?)
    (?: (?P<key>[A-Za-z_][\w-]*) : (?!//) )?
    (?: "(?P<quoted>(?:[^"\\]|\\.)*)" (?=\s|$) | (?P<bare>[^\s"]*) (?=\s|$) )
    """,
    re.VERBOSE,
)
_SLOW: Final = re.compile(r"(>=|<=|>|<)?(\d+(?:\.\d+)?)(ns|us|µs|ms|s)?")
_NUMBER: Final = re.compile(r".*\[(.*)\]")
"""``In [5]``, as cells call themselves."""

_UNIT_NS: Final = {"ns": 1, "us": 1_000, "µs": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
_COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a query.

    Attributes:
        key: what it looks at; ``text`` for a text.
        values: one of these must hold.
        negated: whether it is turned round.
    """

    key: str
    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A query that was read: all of its words must hold.

    Attributes:
        words: the words, in order; none selects everything.
        text: how it was written.
    """

    words: tuple[Word, ...] = ()
    text: str = ""

    def select(
        self, events: Iterable[Event], context: Iterable[Event] | None = None
    ) -> list[Event]:
        """The events for which every word holds, in their order.

        Args:
            events: what is searched.
            context: where requests are paired with answers; the searched events if not given.
        """
        events = list(events)
        if not self.words:
            return events
        facts = _Facts(events if context is None else context)
        return [event for event in events if self._holds(event, facts)]

    def _holds(self, event: Event, facts: _Facts) -> bool:
        return all(
            any(_TESTS[word.key](event, value, facts) for value in word.values) is not word.negated
            for word in self.words
        )

    def __str__(self) -> str:
        return self.text


class _Facts:
    """What the tests know beyond the event itself, found out when it is first asked for."""

    def __init__(self, context: Iterable[Event]) -> None:
        self._context = context
        self._exchanges: dict[int, list[Exchange]] | None = None
        self._envelopes: tuple[int, tuple[Envelope, ...]] = (-1, ())
        self._patterns: dict[str, re.Pattern[str]] = {}

    def exchanges(self, event: Event) -> Sequence[Exchange]:
        """The exchanges an event belongs to."""
        if self._exchanges is None:
            self._exchanges = {}
            for exchange in pair(self._context):
                for message in exchange.messages:
                    self._exchanges.setdefault(message.seq, []).append(exchange)
        return self._exchanges.get(event.seq, ())

    def envelopes(self, event: Event) -> tuple[Envelope, ...]:
        """What a message says; nothing for another event."""
        if not isinstance(event, Message):
            return ()
        if self._envelopes[0] != event.seq:
            self._envelopes = (event.seq, read(event))
        return self._envelopes[1]

    def like(self, value: str, pattern: str) -> bool:
        """Whether a value is what a pattern with ``*`` says."""
        compiled = self._patterns.get(pattern)
        if compiled is None:
            parts = (re.escape(part) for part in pattern.split("*"))
            compiled = self._patterns[pattern] = re.compile(".*".join(parts), re.I | re.S)
        return compiled.fullmatch(value) is not None


def parse(text: str) -> Query:
    """Read a query.

    Raises:
        UsageError: a word cannot be read; it says which words there are.
    """
    words: list[Word] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        match = _WORD.match(text, at)
        if match is None or match.end() == at:
            raise UsageError(
                f"the query cannot be read from {text[at : at + 20]!r} on",
                hint='A text with spaces or quotes goes in double quotes: "two words", "a \\" b".',
            )
        words.append(_word(match))
        at = match.end()
    return Query(tuple(words), text.strip())


def completions(events: Iterable[Event] = ()) -> list[str]:
    """The words that can be typed, with the names that occur in some events."""
    events = list(events)
    words = [f"{key}:{value}" for key, values in CHOICES.items() for value in values]
    words += ["slow:>100ms", "id:"]
    words += sorted({f"transport:{event.transport}" for event in events if event.transport})
    words += sorted({f"conn:{_quote(event.conn)}" for event in events if event.conn})
    envelopes = [one for e in events if isinstance(e, Message) for one in read(e)]
    words += sorted({f"method:{_quote(one.method)}" for one in envelopes if one.method})
    words += sorted({f"tool:{_quote(one.tool)}" for one in envelopes if one.tool})
    cells = {_NUMBER.sub(r"\1", e.cell) for e in events if isinstance(e, Message) and e.cell}
    words += sorted(f"cell:{_quote(cell)}" for cell in cells)
    for key in ("transport", "conn", "method", "tool"):
        if not any(word.startswith(f"{key}:") for word in words):
            words.append(f"{key}:")
    return words


def _word(match: re.Match[str]) -> Word:
    negated = match["minus"] == "-"
    quoted, bare = match["quoted"], match["bare"]
    if match["key"] is None:
        if quoted is None and not bare:
            raise UsageError('"-" alone is no word', hint='Put it in quotes to search for it: "-".')
        value = bare if quoted is None else _unquote(quoted)
        return Word("text", (value.casefold(),), negated)
    key = match["key"].lower()
    if key not in KEYS:
        raise _unknown(match[0].removeprefix("-"), key)
    values = [_unquote(quoted)] if quoted is not None else [v for v in bare.split(",") if v]
    if not values:
        raise UsageError(f'"{key}:" lacks its value', hint=_example(key))
    return Word(key, tuple(_value(key, value) for value in values), negated)


def _value(key: str, value: str) -> str:
    if key in CHOICES:
        folded = value.casefold()
        if folded not in CHOICES[key]:
            close = difflib.get_close_matches(folded, CHOICES[key], 1)
            guess = f"Did you mean {key}:{close[0]}? " if close else ""
            raise UsageError(
                f'"{key}:" does not know {value!r}',
                hint=f"{guess}It knows: {', '.join(CHOICES[key])}.",
            )
        return folded
    if key == "transport":
        return _ALIASES.get(value.casefold(), value)
    if key == "slow" and _SLOW.fullmatch(value) is None:
        raise UsageError(f'"slow:" cannot read {value!r}', hint=_example(key))
    return value


def _unknown(word: str, key: str) -> UsageError:
    close = difflib.get_close_matches(key, KEYS, 1)
    guess = f"Did you mean {close[0]}:? " if close else ""
    known = " ".join(f"{known}:" for known in KEYS)
    return UsageError(
        f"no query word is called {key!r}",
        hint=f'{guess}There are: {known}; to search for the text, put it in quotes: "{word}".',
    )


def _example(key: str) -> str:
    examples = {
        "slow": "For example slow:>100ms or slow:<1s.",
        "tool": "For example tool:add.",
        "method": "For example method:tools/*.",
        "id": "For example id:7.",
        "cell": "For example cell:5.",
        "conn": "For example conn:notebook*.",
        "transport": "For example transport:http,websocket.",
    }
    return examples.get(key) or f"It knows: {', '.join(CHOICES[key])}."


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.S)


def _quote(name: str) -> str:
    if re.fullmatch(r'[^\s",]+', name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


# ---- the tests, one a key --------------------------------------------------------------------


def _kind(event: Event, value: str, facts: _Facts) -> bool:
    if event.kind == value:
        return True
    kinds = {one.kind for one in facts.envelopes(event)}
    return value in kinds or (value == "response" and "error" in kinds)


def _dir(event: Event, value: str, facts: _Facts) -> bool:
    return isinstance(event, Message | Chunk) and event.direction.value == value


def _vantage(event: Event, value: str, facts: _Facts) -> bool:
    return event.vantage.value == value


def _transport(event: Event, value: str, facts: _Facts) -> bool:
    return facts.like(event.transport, value)


def _conn(event: Event, value: str, facts: _Facts) -> bool:
    return facts.like(event.conn, value)


def _tool(event: Event, value: str, facts: _Facts) -> bool:
    return any(
        one.tool is not None and facts.like(one.tool, value) for one in facts.exchanges(event)
    )


def _method(event: Event, value: str, facts: _Facts) -> bool:
    methods = [one.method for one in facts.envelopes(event) if one.method is not None]
    methods += [one.method for one in facts.exchanges(event)]
    return any(facts.like(method, value) for method in methods)


def _id(event: Event, value: str, facts: _Facts) -> bool:
    ids = [one.id for one in facts.envelopes(event) if one.id is not None]
    ids += [one.id for one in facts.exchanges(event)]
    return any(facts.like(str(id), value) for id in ids)


def _cell(event: Event, value: str, facts: _Facts) -> bool:
    cells = [event.cell] if isinstance(event, Message) else []
    cells += [one.request.cell for one in facts.exchanges(event)]
    names = [*cells, *(_NUMBER.sub(r"\1", cell) for cell in cells)]
    return any(name and facts.like(name, value) for name in names)


def _status(event: Event, value: str, facts: _Facts) -> bool:
    return any(one.status.value == value for one in facts.exchanges(event))


def _slow(event: Event, value: str, facts: _Facts) -> bool:
    match = _SLOW.fullmatch(value)
    assert match is not None  # parse() saw to it
    bound = float(match[2]) * _UNIT_NS[match[3] or "ms"]
    holds = _COMPARE[match[1] or ">"]
    return any(
        one.latency_ns is not None and holds(one.latency_ns, bound)
        for one in facts.exchanges(event)
    )


def _text(event: Event, value: str, facts: _Facts) -> bool:
    return value in _words_of(event).casefold()


def _words_of(event: Event) -> str:
    if isinstance(event, Message):
        return event.raw.decode("utf-8", "replace")
    if isinstance(event, Chunk):
        return event.data.decode("utf-8", "replace")
    if isinstance(event, StderrLine | Fault):
        return event.text
    if isinstance(event, LinkOpened):
        return event.address
    return event.reason if isinstance(event, LinkClosed) else ""


_TESTS: Final[dict[str, Callable[[Event, str, _Facts], bool]]] = {
    "kind": _kind,
    "dir": _dir,
    "vantage": _vantage,
    "transport": _transport,
    "conn": _conn,
    "tool": _tool,
    "method": _method,
    "id": _id,
    "cell": _cell,
    "status": _status,
    "slow": _slow,
    "text": _text,
}
