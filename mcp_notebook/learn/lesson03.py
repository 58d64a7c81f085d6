"""The checks of lesson 03, SSE streaming."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from .attempt import Attempt, Ran, brief
from .exercise import exercise
from .verdict import Verdict, failed, passed

# ---- 03.1 ------------------------------------------------------------------------------------

Event = tuple[str, str, str]


@dataclass(frozen=True)
class Vector:
    """A stream, the events in it, and what to tell somebody who reads it otherwise."""

    what: str
    stream: bytes
    events: list[Event]
    hint: str


VECTORS: Final = (
    Vector(
        "one event",
        b"data: hello\n\n",
        [("message", "hello", "")],
        "Yield (event, data, id) at the blank line.",
    ),
    Vector(
        "a type",
        b"event: tick\ndata: 1\n\ndata: 2\n\n",
        [("tick", "1", ""), ("message", "2", "")],
        "event: names the type of this event only; the next one is a message again.",
    ),
    Vector(
        "data over two lines",
        b"data: one\ndata: two\n\n",
        [("message", "one\ntwo", "")],
        "Several data lines belong to one event: join them by a line end.",
    ),
    Vector(
        "a comment",
        b": still here\n\ndata: 1\n: and here\n\n",
        [("message", "1", "")],
        "A line that begins with a colon is a comment. A blank line without data is no event.",
    ),
    Vector(
        "lines that end with CR LF",
        b"event: tick\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n",
        [("tick", "1", ""), ("message", "2", "")],
        "A line may end with CR LF, and that is one line end.",
    ),
    Vector(
        "lines that end with CR",
        b"data: 1\rdata: 2\r\rdata: 3\r\r",
        [("message", "1\n2", ""), ("message", "3", "")],
        "A line may also end with a CR alone.",
    ),
    Vector(
        "spaces after the colon",
        b"data:tight\n\ndata:  two\n\ndata\n\n",
        [("message", "tight", ""), ("message", " two", ""), ("message", "", "")],
        "The space after the colon may be missing, and only one is taken away. "
        "A line without a colon is a name with nothing in it.",
    ),
    Vector(
        "ids",
        b"id: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n",
        [("message", "a", "7"), ("message", "b", "7"), ("message", "c", "")],
        "The last id stays until another one comes, over the end of an event too.",
    ),
    Vector(
        "fields that say nothing to you",
        b"retry: 500\nfoo: bar\ndata: 1\n\n",
        [("message", "1", "")],
        "A field that is none of data, event and id changes nothing here.",
    ),
    Vector(
        "an event without data",
        b"event: tick\n\ndata: 1\n\n",
        [("message", "1", "")],
        "Without a data line there is no event, and its type is forgotten.",
    ),
    Vector(
        "an end in the middle of an event",
        b"data: 1\n\ndata: 2\n",
        [("message", "1", "")],
        "What is not complete when the stream ends is no event. (split leaves an empty piece "
        "after the last line end; that is no blank line.)",
    ),
    Vector(
        "text that is not plain ASCII",
        "data: crème 漢字\u2028 and more\n\n".encode(),
        [("message", "crème 漢字\u2028 and more", "")],
        "Only CR, LF and CR LF end a line: splitlines also cuts at other characters.",
    ),
    Vector(
        "a mark of the encoding at the start",
        b"\xef\xbb\xbfdata: 1\n\n",
        [("message", "1", "")],
        "UTF-8 may begin with the three bytes EF BB BF, which are no text. "
        "The codec utf-8-sig leaves them out.",
    ),
)
"""Twelve that follow from the table in the lesson, and one that hardly anybody thinks of."""


@exercise(
    "03.1",
    title="Finish the parser",
    hints=(
        "Collect data lines in a list; empty the list at a blank line.",
        "name, _, value = line.partition(':') takes every line apart, comments too.",
        "A chunk may end inside a character: codecs.getincrementaldecoder('utf-8-sig')() keeps "
        "what is left. It may also end between CR and LF: remember the last character.",
        "Go through the text character by character: it is the shortest way to get line ends "
        "right.",
    ),
    start="Extend read_events until all streams of the check are read.",
)
def parser(attempt: Attempt) -> Verdict:
    """A parser gives the same events however the bytes are cut."""
    read = attempt.get("read_events", kind=callable)
    for vector in VECTORS:
        ran = _read(attempt, read, [vector.stream])
        if (wrong := _misread(ran, vector, f"The stream has {vector.what}")) is not None:
            return wrong
    if not _is_lazy(attempt, read):
        return failed(
            "The first event came only after the next chunk was asked for.",
            "Yield an event at its blank line: the next one may come in an hour.",
        )
    for vector in VECTORS:
        pieces = [vector.stream[at : at + 1] for at in range(len(vector.stream))]
        ran = _read(attempt, read, pieces)
        if (wrong := _misread(ran, vector, f"Cut into single bytes, {vector.what}")) is not None:
            return _cut(wrong, ran, vector)
    return passed(f"{len(VECTORS)} streams were read right, whole and cut into single bytes.")


class _Nothing(Exception):
    """It returned None."""


def _read(attempt: Attempt, read: Any, chunks: list[bytes]) -> Ran:
    def read_events(pieces: list[bytes]) -> list[Any]:
        found = read(iter(pieces))
        if found is None:
            raise _Nothing
        return list(found)

    return attempt.run(read_events, chunks, catch=True)


def _misread(ran: Ran, vector: Vector, what: str) -> Verdict | None:
    if isinstance(ran.error, _Nothing):
        return failed("read_events gave None.", "Use yield, or return a generator.")
    if ran.timed_out:
        return failed(f"{what}: it did not end.", "The loop must end with the chunks.")
    if ran.error is not None:
        return failed(f"{what}: it raised {brief(ran.error)}.", vector.hint)
    if [tuple(e) if isinstance(e, tuple | list) else e for e in ran.value] == vector.events:
        return None
    return failed(f"{what}: {brief(vector.stream)} gave {brief(ran.value)}.", vector.hint)


def _cut(wrong: Verdict, ran: Ran, vector: Vector) -> Verdict:
    """The verdict on a stream that was read right when it came whole."""
    if isinstance(ran.error, UnicodeDecodeError) or not vector.stream.isascii():
        hint = "A chunk may end inside a character: an incremental decoder keeps what is left."
    elif b"\r\n" in vector.stream:
        hint = "A chunk may end between CR and LF, which together are one line end."
    else:
        hint = "A chunk is no line: keep the text after the last line end for the next chunk."
    return failed(wrong.seen, hint)


def _is_lazy(attempt: Attempt, read: Any) -> bool:
    asked: list[int] = []

    def chunks() -> Iterator[bytes]:
        for number in range(3):
            asked.append(number)
            yield b"data: %d\n\n" % number

    def first() -> int:
        next(iter(read(chunks())))
        return len(asked)

    return bool(attempt.run(first, catch=True).value == 1)


# ---- 03.2 ------------------------------------------------------------------------------------

ABOUT: Final = {
    "A blank line ends an event.": "format",
    "The first event names an address to POST to.": "transport",
    "A comment line keeps the connection open.": "format",
    "A POST is answered with 202, and its result comes elsewhere.": "transport",
    "Data may go over several lines.": "format",
    "It was deprecated in revision 2025-03-26.": "transport",
    "Stream and POST have to reach the same process.": "transport",
    "Answers of Streamable HTTP use it today.": "format",
}


@exercise(
    "03.2",
    title="Format or transport",
    hints=(
        "Would the sentence also be true of a news ticker that has nothing to do with MCP? "
        "Then it is about the format.",
        "Sentences about addresses, POST, processes and revisions of MCP are about the transport.",
    ),
    start='Replace each ... with "format" or "transport".',
)
def sorted_out(attempt: Attempt) -> Verdict:
    """Which sentences are about the format, which about the transport of 2024."""
    about = attempt.get("ABOUT", kind=dict)
    given = {text: about.get(text) for text in ABOUT}
    open_ones = [text for text, value in given.items() if value in (None, ...)]
    if len(open_ones) == len(ABOUT):
        attempt.untouched("No sentence is sorted yet.")
    if open_ones:
        return failed(
            f"{len(open_ones)} of {len(ABOUT)} have no answer: {brief(open_ones[0])}",
            "Keep the sentences as they are, and answer each.",
        )
    words = {text: str(value).strip().lower() for text, value in given.items()}
    if strange := sorted(set(words.values()) - {"format", "transport"}):
        return failed(f"One answer is {brief(strange[0])}.", 'Only "format" and "transport" count.')
    right = sum(words[text] == answer for text, answer in ABOUT.items())
    if right == len(ABOUT):
        return passed("All eight: the format lives, the transport is retired.")
    seen = f"{right} of {len(ABOUT)} are right."
    if len(set(words.values())) == 1:
        return failed(seen, "The two are mixed: four sentences are about each.")
    if words["Answers of Streamable HTTP use it today."] == "transport":
        return failed(seen, "One of the two is in use today: which can it be?")
    if words["A comment line keeps the connection open."] == "transport":
        return failed(seen, "What a line in the stream looks like is a matter of the format.")
    return failed(seen, "What needs an address, a POST or a process is about the transport.")


# ---- 03.3 ------------------------------------------------------------------------------------

_DRILLS: Final = {
    "none": "Without any fault the replies must come in the order of the requests.",
    "ends": "The stream ended before all replies were there: raise ConnectionError. "
    "next(events) raises StopIteration then; a for loop just ends.",
    "gone": "The POST gave 404: nobody will reply. Look at the status that post(...) returns, "
    "and raise ConnectionError.",
    "twice": "A reply came twice. Match replies to requests by their id, and keep one for each.",
    "swapped": "The replies came in another order: match them to the requests by their id.",
    "news": "A message without an id is news, not a reply: go on reading.",
    "asks": "A message with a method is a request of the server, whatever its id: no reply.",
}


@exercise(
    "03.3",
    title="A client that survives",
    hints=(
        "Five things to look at: the status of a POST, the end of the stream, the id of a "
        "message, whether it is a reply at all, and whether it is new.",
        "Collect the replies in a dict by id, and return when there is one for each request.",
        "for _, data in events: ... ; after the loop: raise ConnectionError('the stream ended')",
    ),
    start="Extend client until drills(client) says right five times.",
)
def survives(attempt: Attempt) -> Verdict:
    """A client of two channels gets the right replies, or says that they cannot come."""
    client = attempt.get("client", kind=callable)
    drills = attempt.get("drills", kind=callable)
    for faults, ids in (
        (["none", "ends", "gone", "twice", "swapped", "news"], ("a", "b")),
        (["none", "swapped", "twice", "asks"], (7, "7", 8)),
        (["none", "ends", "gone"], (1,)),
    ):
        outcome = attempt.run(drills, client, faults, ids, timeout_s=30).value
        for fault in faults:
            if (came := outcome.get(fault)) != "right":
                seen = f"Fault {fault!r}, requests {ids}: it {came}."
                if came == "waited in vain":
                    return failed(seen, f"It waits for what cannot come. {_DRILLS[fault]}")
                if fault == "swapped" and ids == (7, "7", 8):
                    return failed(seen, 'The ids 7 and "7" are two ids: keep their type.')
                return failed(seen, _DRILLS[fault])
    return passed("All five faults, three requests at once, and a server that asks back.")


# ---- 03.4 ------------------------------------------------------------------------------------


@exercise(
    "03.4",
    title="Repair the handlers",
    hints=(
        "Keep every transport in a Map under its sessionId when the stream opens.",
        "In the POST: const transport = transports.get(query.get('sessionId')), then "
        "transport.handlePostMessage(req, res, body).",
        "A session that is not there gets res.writeHead(404).end().",
    ),
    start="Nobody passes the message on. Call handlePostMessage of the right transport.",
)
def repaired(attempt: Attempt) -> Verdict:
    """Handlers in Node that give each client its own replies."""
    source = attempt.get("HANDLERS", kind=str)
    ask = attempt.get("ask_node", kind=callable)

    def asked(**how: Any) -> Any:
        return attempt.run(ask, source, timeout_s=30, **how).value

    alone = asked()
    if alone == "the POST is never answered":
        return failed(f"One client: {alone}.", repaired.start)
    if alone != "answered":
        return failed(
            f"One client: {alone}.",
            "handlePostMessage(req, res, body) answers the POST with 202 and writes the reply.",
        )
    if (among := asked(clients=3)) != "answered":
        return failed(
            f"Three clients: {among}.",
            "One variable holds the last transport only: keep one for each session.",
        )
    stranger = asked(session="unknown")
    if stranger != "the POST is answered with 404":
        return failed(
            f"A session that is not there: {brief(stranger)}.",
            "Answer 404, so that the client knows that it has to open a new stream.",
        )
    return passed("Each client gets its own replies, and an unknown session gets 404.")
