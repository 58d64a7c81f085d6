import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sse_starlette import ServerSentEvent

from mcp_notebook.wire.spans import Span
from mcp_notebook.wire.sse import (
    SseComment,
    SseDecoder,
    SseEvent,
    SseIncomplete,
    SseRetry,
    SseStreamEvent,
    encode_event,
)

from .splits import cut, points, run

PARTS = [
    b"data", b"data:", b"data: ", b"event: ", b"id:", b"id: 7", b"retry: 10", b":", b": c", b"x",
    b"\n", b"\r", b"\r\n", b"\n\n", b"\xc3\xa9", b"\xc3", b"\xff", b"\xef\xbb\xbf", b"\0", b" ",
]  # fmt: skip
STREAMS = st.lists(st.sampled_from(PARTS)).map(b"".join)


def read(stream: bytes) -> list[SseStreamEvent]:
    return SseDecoder().feed(stream)


def events(stream: bytes) -> list[SseEvent]:
    return [event for event in read(stream) if isinstance(event, SseEvent)]


def test_the_first_example_of_the_standard() -> None:
    stream = b"data: YHOO\ndata: +2\ndata: 10\n\n"
    (event,) = events(stream)
    assert (event.event, event.data, event.id) == ("message", "YHOO\n+2\n10", None)
    assert event.span == Span(0, 28)
    assert [stream[s.start : s.end] for s in event.data_spans] == [b"YHOO", b"+2", b"10"]


def test_the_second_example_of_the_standard() -> None:
    first, second, third, left = run(
        SseDecoder().feed,
        [b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event"
         b"\n"],
    )  # fmt: skip
    assert first == SseComment("test stream", Span(0, 13))
    assert (second.data, second.id, second.last_event_id) == ("first event", "1", "1")
    assert (third.data, third.id, third.last_event_id) == ("second event", "", "")
    assert isinstance(left, SseIncomplete)


def test_the_third_example_of_the_standard() -> None:
    first, second = events(b"data\n\ndata\ndata\n\ndata:")
    assert (first.data, first.dispatched, second.data) == ("", True, "\n")


def test_the_fourth_example_of_the_standard() -> None:
    first, second = events(b"data:test\n\ndata: test\n\n")
    assert first.data == second.data == "test"


def test_only_one_leading_space_is_removed() -> None:
    assert events(b"data:  a \n\n")[0].data == " a "


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_every_line_end_ends_a_line(end: bytes) -> None:
    stream = end.join([b"event: e", b"data: a", b"data: b", b"", b"data: c", b"", b""])
    first, second = events(stream)
    assert (first.event, first.data) == ("e", "a\nb")
    assert (second.event, second.data) == ("message", "c")


def test_line_ends_may_be_mixed() -> None:
    assert [e.data for e in events(b"data: a\rdata: b\r\ndata: c\n\r\ndata: d\r\r")] == [
        "a\nb\nc",
        "d",
    ]


def test_an_event_ended_by_a_carriage_return_is_told_at_once() -> None:
    decoder = SseDecoder()
    (event,) = decoder.feed(b"data: a\r\r")
    assert decoder.feed(b"\ndata: b\n\n")[0].span == Span(10, 17)
    assert event.span == Span(0, 7)


def test_a_byte_order_mark_counts_only_at_the_start() -> None:
    stream = b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n"
    (event,) = events(stream)
    assert (event.data, event.span) == ("a", Span(3, 10))


def test_comments_are_given_and_do_not_end_an_event() -> None:
    stream = b"data: a\n: ping\ndata: b\n:\n\n"
    comment, other, event = read(stream)
    assert (comment, other) == (SseComment("ping", Span(8, 14)), SseComment("", Span(23, 24)))
    assert isinstance(event, SseEvent)
    assert event.data == "a\nb"


@pytest.mark.parametrize(
    ("line", "ms"),
    [
        (b"retry: 3000", 3000),
        (b"retry:0", 0),
        (b"retry: 1 ", None),
        (b"retry: -1", None),
        (b"retry: 1.5", None),
        (b"retry:", None),
        ("retry: ٣".encode(), None),
        (b"retry: " + b"9" * 5000, None),
    ],
)
def test_retry_is_digits_or_ignored(line: bytes, ms: int | None) -> None:
    expected = [] if ms is None else [SseRetry(ms, Span(0, len(line)))]
    assert read(line + b"\n\n") == expected
    event = read(line + b"\ndata: a\n\n")[-1]
    assert isinstance(event, SseEvent)
    assert event.retry == ms


def test_an_id_with_null_is_ignored() -> None:
    first, second = events(b"id: 1\ndata: a\n\nid: 2\x003\ndata: b\n\n")
    assert (second.id, second.last_event_id) == (None, "1")
    assert first.last_event_id == "1"


def test_an_event_without_data_is_seen_but_not_dispatched() -> None:
    first, second = events(b"id: 9\n\nevent: e\n\n")
    assert (first.data, first.id, first.dispatched, first.data_spans) == ("", "9", False, ())
    assert (second.event, second.dispatched, second.last_event_id) == ("e", False, "9")


def test_a_priming_event_has_an_id_and_an_empty_data_field() -> None:
    (event,) = events(b"id: 0\ndata: \n\n")
    assert (event.data, event.id, event.dispatched) == ("", "0", True)
    assert event.data_spans == (Span(12, 12),)


def test_unknown_fields_are_ignored() -> None:
    assert read(b"foo: bar\nDATA: x\n data: y\n\n") == []


def test_broken_utf8_becomes_the_replacement_character() -> None:
    assert events(b"data: a\xffb\xc3\ndata: \xe2\x82\xac\n\n")[0].data == "a\ufffdb\ufffd\n€"


def test_utf8_may_be_split_anywhere() -> None:
    stream = "data: é€😀\n\n".encode()
    (event,) = run(SseDecoder().feed, [stream[n : n + 1] for n in range(len(stream))])
    assert event.data == "é€😀"


@pytest.mark.parametrize("stream", [b"data: a\n", b"data: a", b"id: 1\n: c\n", b": half a comm"])
def test_what_the_stream_ends_in_the_middle_of_is_thrown_away_and_told(stream: bytes) -> None:
    assert run(SseDecoder().feed, [stream])[-1] == SseIncomplete(Span(0, len(stream)))


def test_nothing_is_told_at_the_end_of_a_whole_stream() -> None:
    assert SseDecoder().feed(None) == []
    assert len(run(SseDecoder().feed, [b"data: a\n\n: c\n"])) == 2


@given(STREAMS | st.binary(), points)
def test_every_split_gives_the_same_events_and_spans(stream: bytes, at: list[int]) -> None:
    assert run(SseDecoder().feed, cut(stream, at)) == run(SseDecoder().feed, [stream])


WHOLE = [b"event: message\r\ndata: {}\r\n\r\n", b"data: 1\n\n", b"event: message\ndata:  a\n\r\n"]


@pytest.mark.parametrize("event", WHOLE)
def test_a_message_of_one_line_is_taken_whole(event: bytes) -> None:
    decoder = SseDecoder()
    (told,) = events(event)
    assert decoder.whole(event) == told.data.encode()
    assert decoder.feed(event) == SseDecoder(start=len(event)).feed(event)


@pytest.mark.parametrize(
    "other",
    [
        b"", b"data: 1\n", b"data: \n\n", b"data: 1\ndata: 2\n\n", b"id: 7\ndata: 1\n\n",
        b"event: other\ndata: 1\n\n", b"data: 1\r\r", b"data: 1\n\ndata: 2\n\n", b": c\n\n",
        b"\xef\xbb\xbfdata: 1\n\n", b"data: \xc3\xa9\n\n", b"data: \xff\n\n", b"data: a\rid: 7\n\n",
    ],
)  # fmt: skip
def test_what_is_anything_else_is_left_to_be_fed(other: bytes) -> None:
    decoder = SseDecoder()
    assert decoder.whole(other) is None
    assert decoder.feed(other) == read(other)


@given(st.lists(STREAMS | st.sampled_from(WHOLE)))
def test_what_is_taken_whole_is_what_would_be_fed(pieces: list[bytes]) -> None:
    fed, taken = SseDecoder(), SseDecoder()
    for piece in pieces:
        told = fed.feed(piece)
        if (only := taken.whole(piece)) is None:
            assert taken.feed(piece) == told
        else:
            (event,) = told
            assert isinstance(event, SseEvent)
            assert (event.event, event.data.encode(), event.id) == ("message", only, None)
    assert taken.feed(None) == fed.feed(None)


@given(STREAMS)
def test_spans_lie_on_their_bytes_and_do_not_meet(stream: bytes) -> None:
    end = 0
    for event in run(SseDecoder(start=50).feed, [stream]):
        if isinstance(event, SseEvent):
            values = [stream[s.start - 50 : s.end - 50] for s in event.data_spans]
            assert b"\n".join(values).decode("utf-8", "replace") == event.data
            assert event.span.start - 50 >= end
            end = event.span.end - 50
        elif isinstance(event, SseComment):
            there = stream[event.span.start - 50 : event.span.end - 50]
            assert there.startswith(b":")


# httpx2 leaves the standard at the edges, which are kept away: it does not strip a byte order
# mark at the start, and where a stream ends in a CR it dispatches what should be thrown away.
@given(STREAMS.map(lambda s: b":\n" + s.replace(b"\0", b"") + b"\n\n"))
def test_the_client_of_the_sdk_reads_the_same_events(stream: bytes) -> None:
    response = httpx2.Response(
        200,
        headers={"content-type": "text/event-stream"},
        content=stream,
        request=httpx2.Request("GET", "http://x"),
    )
    theirs = [(e.event, e.data) for e in httpx2.EventSource(response) if e.data]
    ours = [(e.event, e.data) for e in run(SseDecoder().feed, [stream]) if isinstance(e, SseEvent)]
    assert [pair for pair in ours if pair[1]] == theirs


LINE = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"))


@given(st.text(), LINE, LINE, st.integers(0, 10**6), st.sampled_from(["\n", "\r\n", "\r"]))
def test_what_sse_starlette_writes_is_read(
    data: str, event: str, id: str, retry: int, sep: str
) -> None:
    written = ServerSentEvent(data=data, event=event, id=id, retry=retry, sep=sep).encode()
    (read_back,) = events(b": first line, where a byte order mark would count\n\n" + written)
    assert read_back.data == data.replace("\r\n", "\n").replace("\r", "\n")
    assert (read_back.event, read_back.id, read_back.retry) == (event or "message", id, retry)


@given(st.text(), LINE, LINE, st.integers(0, 10**6), st.text())
def test_what_is_written_is_read_back(
    data: str, event: str, id: str, retry: int, comment: str
) -> None:
    written = encode_event(data, event=event, id=id, retry=retry, comment=comment)
    (read_back,) = events(written)
    assert read_back.data == data.replace("\r\n", "\n").replace("\r", "\n")
    assert (read_back.event, read_back.id, read_back.retry) == (event or "message", id, retry)


def test_an_event_is_written_field_by_field() -> None:
    assert encode_event("a\nb", event="message", id="3", retry=5) == (
        b"event: message\nid: 3\nretry: 5\ndata: a\ndata: b\n\n"
    )
    assert encode_event(comment="ping") == b": ping\n\n"


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b"])
def test_a_line_end_cannot_be_smuggled_into_a_field(value: str) -> None:
    with pytest.raises(ValueError, match="event"):
        encode_event("x", event=value)
    with pytest.raises(ValueError, match="id"):
        encode_event("x", id=value)
