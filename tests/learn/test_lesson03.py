"""The checks of lesson 03: answers that look right, and what each is told."""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from mcp_notebook.learn.attempt import Attempt
from mcp_notebook.learn.lesson03 import ABOUT, VECTORS, parser, repaired, sorted_out, survives
from mcp_notebook.learn.verdict import Verdict
from mcp_notebook.trace.store import Trace
from mcp_notebook.wire.sse import SseDecoder, SseEvent


def judged(exercise: Any, **names: Any) -> Verdict:
    found: Verdict = exercise.judge(Attempt(names, Trace()))
    return found


Found = tuple[str, str, str]


def right(
    chunks: Iterable[bytes], codec: str = "utf-8-sig", *, keeps_id: bool = True
) -> Iterator[Found]:
    decoder = codecs.getincrementaldecoder(codec)("replace")
    line, last, event, id = "", "", "", ""
    data: list[str] = []
    for char in itertools.chain.from_iterable(map(decoder.decode, chunks)):
        before, last = last, char
        if char not in "\r\n":
            line += char
            continue
        if char == "\n" and before == "\r":
            continue
        if line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "data":
                data.append(value)
            elif name == "event":
                event = value
            elif name == "id":
                id = value
        else:
            if data:
                yield event or "message", "\n".join(data), id
            event, data = "", []
            id = id if keeps_id else ""
        line = ""


def chunkwise(chunks: Iterable[bytes]) -> Iterator[Found]:
    """Right while no chunk ends inside a character."""
    return right(chunk.decode().encode() for chunk in chunks)


def fresh_line_a_chunk(chunks: Iterable[bytes]) -> Iterator[Found]:
    """Right while no chunk ends inside a line."""
    for chunk in chunks:
        yield from right([chunk])


def two_ends(chunks: Iterable[bytes]) -> Iterator[Found]:
    """Takes CR and LF in two chunks for two line ends."""
    return right(c.replace(b"\r\n", b"\n").replace(b"\r", b"\n") for c in chunks)


def strips_all(chunks: Iterable[bytes]) -> Iterator[Found]:
    return ((event, data.strip(), id) for event, data, id in right(chunks))


def eager_at_the_end(chunks: Iterable[bytes]) -> Iterator[Found]:
    return right([*chunks, b"\n\n"])


def all_at_once(chunks: Iterable[bytes]) -> Iterator[Found]:
    return iter(list(right(chunks)))


def never_ends(chunks: Iterable[bytes]) -> Iterator[Found]:
    while chunks:
        pass
    yield from ()


def test_events_read_from_any_split_pass() -> None:
    assert judged(parser, read_events=right).passed
    assert judged(parser, read_events=lambda chunks: map(list, right(chunks))).passed


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (chunkwise, "inside a character"),
        (fresh_line_a_chunk, "A chunk is no line"),
        (two_ends, "between CR and LF"),
        (strips_all, "only one is taken away"),
        (eager_at_the_end, "no event"),
        (all_at_once, "may come in an hour"),
        (lambda chunks: right(chunks, "utf-8"), "EF BB BF"),
        (lambda chunks: right(chunks, keeps_id=False), "The last id stays"),
        (lambda chunks: None, "Use yield"),
        (lambda chunks: 7, "blank line"),
        (never_ends, "end with the chunks"),
    ],
)
def test_events_read_wrongly_are_told_why(answer: Any, hint: str) -> None:
    verdict = judged(parser, read_events=answer)

    assert not verdict.passed
    assert hint in verdict.hint


@pytest.mark.parametrize("vector", VECTORS, ids=[vector.what for vector in VECTORS])
def test_the_streams_are_read_so_by_the_reader_of_the_wire(vector: Any) -> None:
    decoder = SseDecoder()
    found = [each for each in decoder.feed(vector.stream) if isinstance(each, SseEvent)]
    events = [(e.event, e.data, e.last_event_id) for e in found if e.dispatched or "data" in e.data]

    assert [event for event in events if event] == vector.events


def test_the_sentences_sorted_right_pass() -> None:
    assert judged(sorted_out, ABOUT=ABOUT).passed
    assert judged(sorted_out, ABOUT={k: f" {v.upper()}" for k, v in ABOUT.items()}).passed


FIRST = next(iter(ABOUT))


@pytest.mark.parametrize(
    ("changed", "hint"),
    [
        ({FIRST: ...}, "answer each"),
        ({FIRST: "both"}, "Only"),
        ({FIRST: "transport"}, "an address, a POST"),
        (dict.fromkeys(ABOUT, "format"), "four sentences are about each"),
        (dict.fromkeys(ABOUT, ...), "Replace each"),
    ],
)
def test_sentences_sorted_wrongly_are_told_why(changed: dict[str, Any], hint: str) -> None:
    verdict = judged(sorted_out, ABOUT={**ABOUT, **changed})

    assert not verdict.passed
    assert hint in verdict.hint


def client(events: Any, post: Any, requests: Any) -> Any:
    """Stands for the learner's: the drills of these tests do not call it."""
    return [events, post, requests]


def drilled(**outcome: str) -> Any:
    """Drills in which all goes right but for some faults."""

    def drills(client: Any, faults: list[str], ids: tuple[Any, ...]) -> dict[str, str]:
        return {fault: outcome.get(f"{fault}{len(ids)}", "right") for fault in faults}

    return drills


def test_a_client_that_gets_all_drills_right_passes() -> None:
    assert judged(survives, client=client, drills=drilled()).passed


@pytest.mark.parametrize(
    ("outcome", "hint"),
    [
        ({"none2": "gave up"}, "Without any fault"),
        ({"ends2": "broke with StopIteration"}, "StopIteration"),
        ({"gone2": "waited in vain"}, "waits for what cannot come"),
        ({"twice2": "took ['a', 'a'] for the replies"}, "keep one for each"),
        ({"swapped2": "took ['b', 'a'] for the replies"}, "by their id"),
        ({"swapped3": "broke with KeyError"}, "keep their type"),
        ({"news2": "broke with KeyError"}, "news, not a reply"),
        ({"asks3": "broke with KeyError"}, "a request of the server"),
        ({"gone1": "broke with TypeError"}, "404"),
    ],
)
def test_a_fault_that_a_client_does_not_survive_is_named(
    outcome: dict[str, str], hint: str
) -> None:
    verdict = judged(survives, client=client, drills=drilled(**outcome))

    assert not verdict.passed
    assert hint in verdict.hint


def node(
    alone: str, among: str = "answered", stranger: str = "the POST is answered with 404"
) -> Any:
    """What the handlers do, as the notebook's function tells it."""

    def ask_node(source: str, clients: int = 1, session: str | None = None) -> str:
        return stranger if session else among if clients > 1 else alone

    return ask_node


def test_handlers_that_answer_each_client_pass() -> None:
    assert judged(repaired, HANDLERS="x", ask_node=node("answered")).passed


@pytest.mark.parametrize(
    ("ask_node", "hint"),
    [
        (node("the POST is never answered"), "Nobody passes the message on"),
        (node("no reply on the stream"), "writes the reply"),
        (node("answered", "another client got the reply"), "one for each session"),
        (node("answered", stranger="the server failed: TypeError"), "Answer 404"),
    ],
)
def test_handlers_with_a_fault_are_told_which(ask_node: Any, hint: str) -> None:
    verdict = judged(repaired, HANDLERS="x", ask_node=ask_node)

    assert not verdict.passed
    assert hint in verdict.hint
