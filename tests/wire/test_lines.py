import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_notebook.wire.lines import Line, LineDecoder, Oversize
from mcp_notebook.wire.spans import Span

from .splits import cut, points, run

STREAMS = st.lists(st.sampled_from([b"a", b"bc", b"\r", b"\n", b"\r\n", b"{}", b""])).map(b"".join)


def test_a_line_is_given_without_its_end_and_its_span_with_it() -> None:
    assert LineDecoder().feed(b"ab\ncd\r\n") == [
        Line(b"ab", Span(0, 3)),
        Line(b"cd", Span(3, 7)),
    ]


def test_blank_lines_are_events_too() -> None:
    assert LineDecoder().feed(b"\n\r\n") == [Line(b"", Span(0, 1)), Line(b"", Span(1, 3))]


def test_a_carriage_return_inside_a_line_belongs_to_it() -> None:
    assert LineDecoder().feed(b"a\rb\r\r\n") == [Line(b"a\rb\r", Span(0, 6))]


def test_the_last_line_may_lack_its_end() -> None:
    decoder = LineDecoder()
    assert decoder.feed(b"a\nbc\r") == [Line(b"a", Span(0, 2))]
    assert decoder.pending == Span(2, 5)
    assert decoder.feed(None) == [Line(b"bc\r", Span(2, 5), terminated=False)]
    assert decoder.feed(None) == []


def test_spans_count_from_where_the_stream_was_joined() -> None:
    assert LineDecoder(start=100).feed(b"a\n") == [Line(b"a", Span(100, 102))]


def test_a_line_of_just_the_bound_is_kept_and_the_next_byte_is_too_much() -> None:
    decoder = LineDecoder(max_bytes=3)
    assert decoder.feed(b"abc\r\nabc\nabcd\nx\n") == [
        Line(b"abc", Span(0, 5)),
        Line(b"abc", Span(5, 9)),
        Oversize(4, Span(9, 14)),
        Line(b"x", Span(14, 16)),
    ]


def test_a_line_too_long_is_told_once_and_not_kept() -> None:
    decoder = LineDecoder(max_bytes=10)
    for _ in range(1000):
        assert decoder.feed(b"x" * 1000) == []
    assert decoder._pieces == []
    assert decoder.feed(b"\r\nok\n") == [
        Oversize(1_000_000, Span(0, 1_000_002)),
        Line(b"ok", Span(1_000_002, 1_000_005)),
    ]


def test_a_line_too_long_at_the_end_of_the_stream_is_told() -> None:
    decoder = LineDecoder(max_bytes=2)
    decoder.feed(b"abcd")
    assert decoder.feed(None) == [Oversize(4, Span(0, 4))]


def test_a_long_line_in_pieces_is_looked_at_once() -> None:
    class Counted(bytes):
        looked = 0

        def find(self, *args: object) -> int:  # type: ignore[override]
            Counted.looked += len(self)
            return super().find(*args)  # type: ignore[arg-type]

    decoder = LineDecoder()
    piece = Counted(b"x" * 65_536)
    for _ in range(80):
        decoder.feed(piece)
    (line,) = decoder.feed(b"\n")
    assert isinstance(line, Line)
    assert len(line.data) == 80 * 65_536
    assert Counted.looked == 80 * 65_536


@given(STREAMS | st.binary(), points, st.sampled_from([0, 1, 3, 1000]))
def test_every_split_gives_the_same_lines(stream: bytes, at: list[int], bound: int) -> None:
    whole = run(LineDecoder(max_bytes=bound).feed, [stream])
    assert run(LineDecoder(max_bytes=bound).feed, cut(stream, at)) == whole


@given(STREAMS | st.binary(), points, st.sampled_from([0, 1, 3, 1000]))
def test_bytes_taken_as_a_whole_line_are_that_line(
    stream: bytes, at: list[int], bound: int
) -> None:
    told, quick = LineDecoder(max_bytes=bound), LineDecoder(max_bytes=bound)
    for piece in cut(stream, at):
        lines, start = told.feed(piece), quick.pending.end
        if quick.whole(piece):
            assert lines == [Line(piece[:-1], Span(start, start + len(piece)))]
        else:
            assert quick.feed(piece) == lines
        assert quick.pending == told.pending
    assert quick.feed(None) == told.feed(None)


def test_most_reads_are_whole_lines() -> None:
    decoder = LineDecoder()
    assert decoder.whole(b'{"id":1}\n')
    assert not decoder.whole(b'{"id":2}\r\n'), "its end is longer"
    assert not decoder.whole(b"\n"), "a blank line is none"
    assert decoder.feed(b"{") == []
    assert not decoder.whole(b"}\n"), "it began before"


@given(STREAMS | st.binary())
def test_the_lines_are_those_of_python_and_lie_where_their_spans_say(stream: bytes) -> None:
    lines = run(LineDecoder().feed, [stream])
    raw = [stream[line.span.start : line.span.end] for line in lines]
    assert raw == io.BytesIO(stream).readlines()
    for line, bytes_there in zip(lines, raw, strict=True):
        end = (b"\r\n" if bytes_there.endswith(b"\r\n") else b"\n") if line.terminated else b""
        assert line.data + end == bytes_there


@pytest.mark.parametrize("bound", [0, 1])
def test_the_smallest_bounds_hold(bound: int) -> None:
    kept = run(LineDecoder(max_bytes=bound).feed, [b"\nx\nxy\n"])
    assert [type(event) for event in kept] == [Line, Line if bound else Oversize, Oversize]
