import itertools
import json
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from mcp_notebook.trace.events import (
    Chunk,
    Direction,
    Event,
    LinkClosed,
    LinkOpened,
    Message,
    Vantage,
)
from mcp_notebook.trace.framing import Framing, Unit, frames, locate
from mcp_notebook.wire.http1 import HttpHead
from mcp_notebook.wire.spans import Span
from mcp_notebook.wire.sse import SseComment, SseEvent

C2S, S2C = Direction.CLIENT_TO_SERVER, Direction.SERVER_TO_CLIENT

CALL = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add"}}'
ANSWER = b'{"jsonrpc":"2.0","id":1,"result":{"content":[]}}'
NOTE = b'{"jsonrpc":"2.0","method":"notifications/progress"}'


class Recording:
    """Chunks and messages of one connection, numbered as a Trace numbers them."""

    def __init__(self, transport: str) -> None:
        self.transport = transport
        self.events: list[Event] = []
        self.streams: dict[tuple[str, Direction], bytearray] = {}
        self._seq = itertools.count(1)

    def labels(self, link: str) -> dict[str, object]:
        seq = next(self._seq)
        return {
            "seq": seq,
            "time_ns": seq * 1000,
            "conn": "c",
            "vantage": Vantage.CLIENT,
            "link": link,
            "transport": self.transport,
        }

    def chunk(
        self, direction: Direction, data: bytes, *, keep: int | None = None, link: str = "l#1"
    ) -> Chunk:
        stream = self.streams.setdefault((link, direction), bytearray())
        chunk = Chunk(
            **self.labels(link),  # type: ignore[arg-type]
            direction=direction,
            data=data if keep is None else data[:keep],
            size=len(data),
            offset=len(stream),
        )
        stream += data
        self.events.append(chunk)
        return chunk

    def message(
        self, direction: Direction, raw: bytes, *, link: str = "l#1", span: Span | None = None,
        keep: int | None = None,
    ) -> Message:  # fmt: skip
        message = Message(
            **self.labels(link),  # type: ignore[arg-type]
            direction=direction,
            raw=raw if keep is None else raw[:keep],
            size=len(raw),
            span=span,
        )
        self.events.append(message)
        return message

    def closed(self, link: str = "l#1") -> None:
        self.events.append(LinkClosed(**self.labels(link)))  # type: ignore[arg-type]

    def at(self, unit: Unit, link: str = "l#1") -> bytes:
        stream = self.streams[link, unit.direction]
        return bytes(stream[unit.span.start : unit.span.end])

    def body_at(self, unit: Unit, link: str = "l#1") -> list[bytes]:
        stream = self.streams[link, unit.direction]
        return [bytes(stream[span.start : span.end]) for span in unit.body_spans]


def layers(units: Iterable[Unit]) -> list[str]:
    return [unit.layer for unit in units]


def post(body: bytes) -> bytes:
    return b"POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def ok(body: bytes, kind: bytes = b"application/json") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
    return head % (kind, len(body)) + body


SSE_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: x\r\n\r\n"
)
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def http_chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def text(data: bytes, *, mask: bool = False, fin: bool = True) -> bytes:
    return Frame(Opcode.TEXT, data, fin=fin).serialize(mask=mask)


# ---- lines -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "transport", ["memory", "pipe", "stdio", "bridge", "unix", "tcp", "my-own"]
)
def test_lines_are_units_with_the_chunks_they_came_in(transport: str) -> None:
    rec = Recording(transport)
    rec.chunk(C2S, CALL[:10])
    rec.chunk(S2C, NOTE + b"\n")
    rec.chunk(C2S, CALL[10:] + b"\r\n" + NOTE + b"\n")
    note, call, other = frames(rec.events)
    assert layers([note, call, other]) == ["line"] * 3
    assert (call.chunks, call.time_ns, note.chunks, other.chunks) == ((1, 3), 3000, (2,), (3,))
    assert call.body == CALL
    assert rec.at(call) == CALL + b"\r\n"
    assert rec.body_at(call) == [CALL]
    assert rec.body_at(other) == [NOTE]


def test_blank_lines_are_no_units() -> None:
    rec = Recording("stdio")
    rec.chunk(C2S, b"\n\r\n \n" + CALL + b"\n")
    assert [unit.body for unit in frames(rec.events)] == [CALL]


def test_an_unfinished_line_is_undecoded() -> None:
    rec = Recording("stdio")
    rec.chunk(C2S, CALL + b"\n" + NOTE)
    rec.closed()
    _, rest = frames(rec.events)
    assert (rest.layer, rest.body, rest.detail) == ("undecoded", None, None)
    assert rec.at(rest) == NOTE


def test_nothing_gives_nothing() -> None:
    rec = Recording("stdio")
    rec.closed()
    rec.chunk(C2S, b"")
    assert frames(rec.events) == frames([]) == []


def test_a_line_whose_beginning_is_gone_is_undecoded_up_to_its_end() -> None:
    rec = Recording("stdio")
    rec.chunk(S2C, CALL[:20])
    rec.chunk(S2C, CALL[20:40])
    rec.chunk(S2C, CALL[40:] + b"\n" + ANSWER + b"\n")
    lost, line = frames(rec.events[1:])
    assert (lost.layer, lost.chunks, lost.span) == ("undecoded", (2, 3), Span(20, len(CALL) + 1))
    assert (line.layer, line.body) == ("line", ANSWER)


def test_a_whole_message_at_the_start_of_what_is_left_is_a_line() -> None:
    rec = Recording("stdio")
    rec.chunk(S2C, NOTE + b"\n")
    rec.chunk(S2C, ANSWER + b"\n")
    (line,) = frames(rec.events[1:])
    assert (line.layer, line.body) == ("line", ANSWER)
    assert rec.at(line) == ANSWER + b"\n"


def test_a_gap_between_lines_costs_no_line() -> None:
    rec = Recording("stdio")
    for data in (CALL, NOTE, ANSWER):
        rec.chunk(S2C, data + b"\n")
    assert [u.body for u in frames([rec.events[0], rec.events[2]])] == [CALL, ANSWER]


def test_a_gap_inside_a_line_makes_one_undecoded_unit() -> None:
    rec = Recording("stdio")
    rec.chunk(S2C, NOTE + b"\n" + CALL[:10])
    rec.chunk(S2C, CALL[10:20])
    rec.chunk(S2C, CALL[20:] + b"\n")
    rec.chunk(S2C, ANSWER + b"\n")
    del rec.events[1]
    note, lost, answer = frames(rec.events)
    assert layers([note, lost, answer]) == ["line", "undecoded", "line"]
    assert rec.at(lost) == CALL + b"\n"
    assert lost.chunks == (1, 3)


@pytest.mark.parametrize("keep", [0, 10, len(CALL)])
def test_a_cut_chunk_loses_its_own_line_and_no_other(keep: int) -> None:
    rec = Recording("stdio")
    rec.chunk(S2C, NOTE + b"\n")
    rec.chunk(S2C, CALL + b"\n", keep=keep)
    rec.chunk(S2C, ANSWER + b"\n")
    units = frames(rec.events)
    assert [u.body for u in units if u.layer == "line"] == [NOTE, ANSWER]
    assert [rec.at(u) for u in units if u.layer == "undecoded"] == ([CALL[:keep]] if keep else [])


def test_a_stream_that_starts_again_under_its_name_is_read_anew() -> None:
    one, two = Recording("stdio"), Recording("stdio")
    one.chunk(C2S, CALL + b"\n" + NOTE[:5])
    two.chunk(C2S, ANSWER + b"\n")
    assert [(u.layer, u.body) for u in frames(one.events + two.events)] == [
        *(("line", CALL), ("undecoded", None), ("line", ANSWER)),
    ]


# ---- HTTP --------------------------------------------------------------------------------------


def test_requests_and_responses_are_heads_and_whole_bodies() -> None:
    rec = Recording("http-json")
    request, response = post(CALL), ok(ANSWER)
    rec.chunk(C2S, request[:70])
    rec.chunk(C2S, request[70:])
    rec.chunk(S2C, response)
    head, body, status, answer = frames(rec.events)
    assert layers([head, body, status, answer]) == ["http-head", "http-body"] * 2
    assert isinstance(head.detail, HttpHead)
    assert head.detail.method == b"POST"
    assert rec.at(head).endswith(b"\r\n\r\n")
    assert (body.body, body.detail, body.chunks) == (CALL, head.detail, (1, 2))
    assert rec.body_at(body) == [CALL]
    assert (answer.body, answer.detail, answer.chunks) == (ANSWER, status.detail, (3,))


def test_a_body_over_several_http_chunks_has_several_spans() -> None:
    rec = Recording("http")
    rec.chunk(C2S, post(CALL))
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    rec.chunk(S2C, head + http_chunk(ANSWER[:10]))
    piece = http_chunk(ANSWER[10:])
    rec.chunk(S2C, piece[:15])
    rec.chunk(S2C, piece[15:] + b"0\r\n\r\n")
    body = frames(rec.events)[-1]
    assert (body.layer, body.body, body.chunks) == ("http-body", ANSWER, (2, 3, 4))
    assert rec.body_at(body) == [ANSWER[:10], ANSWER[10:]]


def test_messages_without_a_body_have_no_body_unit() -> None:
    rec = Recording("http")
    rec.chunk(C2S, b"DELETE /mcp HTTP/1.1\r\nHost: a\r\n\r\n")
    rec.chunk(S2C, b"HTTP/1.1 204 No Content\r\n\r\n")
    assert layers(frames(rec.events)) == ["http-head", "http-head"]


def test_a_body_that_lasts_until_the_close_is_whole_after_it() -> None:
    rec = Recording("http")
    rec.chunk(S2C, b"HTTP/1.0 200 OK\r\n\r\n" + ANSWER)
    assert layers(frames(rec.events)) == ["http-head", "undecoded"]
    rec.closed()
    assert [u.body for u in frames(rec.events)] == [None, ANSWER]


def test_server_sent_events_are_units_as_they_come() -> None:
    rec = Recording("http")
    first = b"event: message\r\nid: 1\r\ndata: " + NOTE + b"\r\n\r\n"
    second = b": ping\n\ndata: " + ANSWER[:20] + b"\ndata: " + ANSWER[20:] + b"\n\n"
    rec.chunk(C2S, post(CALL))
    rec.chunk(S2C, SSE_HEAD + http_chunk(first[:40]) + http_chunk(first[40:]))
    rec.chunk(S2C, http_chunk(second) + http_chunk(b"id: 2\n\ndata: half"))
    note, ping, answer, primer, rest = frames(rec.events)[3:]
    assert layers([note, ping, answer, primer, rest]) == ["sse-event"] * 4 + ["undecoded"]
    assert isinstance(note.detail, SseEvent)
    assert (note.body, note.detail.id, note.chunks) == (NOTE, "1", (2,))
    assert b"".join(rec.body_at(note)) == NOTE
    assert len(note.body_spans) == 2  # the HTTP chunk ended inside the data
    assert isinstance(ping.detail, SseComment)
    assert (ping.body, rec.at(ping)) == (None, b": ping")
    assert answer.body == ANSWER[:20] + b"\n" + ANSWER[20:]
    assert rec.body_at(answer) == [ANSWER[:20], ANSWER[20:]]
    assert isinstance(primer.detail, SseEvent)
    assert (primer.body, primer.detail.dispatched) == (None, False)
    assert rec.at(rest) == b"data: half\r\n"


def test_an_event_without_its_blank_line_is_undecoded_at_the_end_of_the_body() -> None:
    rec = Recording("sse")
    rec.chunk(C2S, post(CALL))
    rec.chunk(S2C, SSE_HEAD + http_chunk(b"data: a\n\ndata: b\n") + b"0\r\n\r\n" + ok(ANSWER))
    units = frames(rec.events)[3:]
    assert layers(units) == ["sse-event", "undecoded", "http-head", "http-body"]
    assert rec.at(units[1]) == b"data: b\n"


def test_http_is_read_again_where_a_chunk_starts_with_a_head() -> None:
    rec = Recording("http")
    for body in (NOTE, CALL):
        rec.chunk(C2S, post(body)[:-5])
        rec.chunk(C2S, body[-5:])
    rec.chunk(S2C, ok(ANSWER)[:-5])
    rec.chunk(S2C, ANSWER[-5:])
    rec.chunk(S2C, ok(ANSWER))
    units = frames([e for e in rec.events if e.seq not in (1, 5)])
    assert [(u.direction, u.layer) for u in units] == [
        *((C2S, "undecoded"), (C2S, "http-head"), (C2S, "http-body")),
        *((S2C, "undecoded"), (S2C, "http-head"), (S2C, "http-body")),
    ]
    assert (rec.at(units[0]), units[2].body, units[5].body) == (NOTE[-5:], CALL, ANSWER)


@pytest.mark.parametrize("lost", [2, 3])
def test_a_gap_in_a_body_makes_one_undecoded_unit_from_the_first_byte_of_the_body(
    lost: int,
) -> None:
    rec = Recording("http")
    rec.chunk(C2S, post(CALL)[:-60])
    rec.chunk(C2S, CALL[-60:-40])
    rec.chunk(C2S, CALL[-40:-20])
    rec.chunk(C2S, CALL[-20:])
    rec.chunk(C2S, post(NOTE))
    units = frames([e for e in rec.events if e.seq != lost])
    assert layers(units) == ["http-head", "undecoded", "http-head", "http-body"]
    assert (rec.at(units[1]), units[3].body) == (CALL, NOTE)


def test_a_cut_body_is_undecoded_and_the_next_request_is_read() -> None:
    rec = Recording("http")
    rec.chunk(C2S, post(CALL), keep=80)
    rec.chunk(C2S, post(NOTE))
    units = frames(rec.events)
    assert layers(units) == ["http-head", "undecoded", "http-head", "http-body"]
    assert units[1].span.end == 80


def test_garbage_on_an_http_link_is_undecoded() -> None:
    rec = Recording("http")
    rec.chunk(C2S, b"\x16\x03\x01 this is TLS\r\n\r\n")
    rec.chunk(C2S, b"more of it")
    rec.chunk(S2C, b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    rec.closed()
    units = frames(rec.events)
    assert [(u.layer, u.chunks) for u in units] == [("undecoded", (1, 2)), ("http-head", (3,))]


def test_a_transport_of_the_users_own_that_speaks_http_is_read_as_http() -> None:
    rec = Recording("my-own")
    rec.chunk(C2S, post(CALL))
    assert layers(frames(rec.events)) == ["http-head", "http-body"]


def test_another_protocol_after_an_upgrade_is_a_tail() -> None:
    rec = Recording("http")
    rec.chunk(C2S, UPGRADE.replace(b"websocket", b"echo"))
    rec.chunk(S2C, SWITCH.replace(b"websocket", b"echo") + b"raw")
    assert [(u.layer, u.body) for u in frames(rec.events)][-1] == ("tail", b"raw")


# ---- WebSocket ---------------------------------------------------------------------------------


def opened(transport: str = "websocket") -> Recording:
    rec = Recording(transport)
    rec.chunk(C2S, UPGRADE)
    rec.chunk(S2C, SWITCH)
    return rec


def test_frames_follow_the_upgrade_and_carry_messages() -> None:
    rec = opened()
    call = text(CALL, mask=True)
    rec.chunk(C2S, call[:9])
    rec.chunk(C2S, call[9:])
    rec.chunk(S2C, text(ANSWER) + b"\x89\x01p")
    sent, answer, ping = frames(rec.events)[2:]
    assert layers([sent, answer, ping]) == ["ws-frame"] * 3
    assert (sent.body, sent.chunks, sent.direction) == (CALL, (3, 4), C2S)
    assert rec.at(sent) == call
    assert rec.body_at(sent)[0] != CALL  # masked on the wire
    assert rec.body_at(answer) == [ANSWER]
    assert ping.body is None


def test_a_fragmented_message_is_the_body_of_its_last_frame() -> None:
    rec = opened()
    rec.chunk(S2C, text(ANSWER[:9], fin=False))
    rec.chunk(S2C, b"\x89\x00")
    rec.chunk(S2C, Frame(Opcode.CONT, ANSWER[9:]).serialize(mask=False))
    first, ping, last = frames(rec.events)[2:]
    assert (first.body, ping.body, last.body) == (None, None, ANSWER)
    assert rec.body_at(last) == [ANSWER[:9], ANSWER[9:]]


@pytest.mark.parametrize("stream", [b"\xc1\x03zip", b"\x80\x01x", b"\x81\x01\xff"])
def test_frames_whose_message_cannot_be_read_have_no_body(stream: bytes) -> None:
    rec = opened()
    rec.chunk(S2C, stream + text(ANSWER))
    broken, answer = frames(rec.events)[2:]
    assert (broken.layer, broken.body, answer.body) == ("ws-frame", None, ANSWER)


def test_frames_of_the_client_before_the_switch_was_seen_are_read() -> None:
    rec = Recording("websocket")
    rec.chunk(C2S, UPGRADE)
    rec.chunk(C2S, text(CALL, mask=True))
    rec.chunk(S2C, SWITCH)
    assert CALL in [u.body for u in frames(rec.events)]


def test_what_is_not_a_frame_is_undecoded() -> None:
    rec = opened()
    rec.chunk(S2C, text(ANSWER) + b"\x83\x00")
    rec.chunk(S2C, b"junk")
    rec.chunk(S2C, text(NOTE))
    answer, lost, note = frames(rec.events)[2:]
    assert (answer.body, lost.layer, note.body) == (ANSWER, "undecoded", NOTE)
    assert rec.at(lost) == b"\x83\x00junk"


def test_an_unfinished_frame_is_undecoded() -> None:
    rec = opened()
    rec.chunk(S2C, text(ANSWER)[:-1])
    rec.closed()
    unit = frames(rec.events)[-1]
    assert (unit.layer, rec.at(unit)) == ("undecoded", text(ANSWER)[:-1])


def test_frames_are_read_though_the_upgrade_is_gone() -> None:
    rec = opened()
    call, answer = text(CALL, mask=True), text(ANSWER)
    rec.chunk(C2S, call[:20])
    rec.chunk(C2S, call[20:])
    rec.chunk(S2C, answer)
    rec.chunk(C2S, text(NOTE, mask=True) + b"\x8a\x80abcd")
    units = frames(rec.events[3:])
    assert [(u.layer, u.body) for u in units] == [
        *(("undecoded", None), ("ws-frame", ANSWER), ("ws-frame", NOTE), ("ws-frame", None)),
    ]
    assert rec.at(units[0]) == call[20:]


@pytest.mark.parametrize("chunk", [text(NOTE, mask=True), b"\x81\x01\xff", text(NOTE)[:-1], b"x"])
def test_what_only_resembles_frames_of_its_direction_is_not_read_as_such(chunk: bytes) -> None:
    rec = opened()
    rec.chunk(S2C, chunk)
    assert layers(frames(rec.events[2:])) == ["undecoded"]


# ---- any bytes, any split ----------------------------------------------------------------------

TALKS: list[tuple[str, bytes, bytes]] = [
    ("stdio", CALL + b"\n\n" + NOTE + b"\r\n" + CALL[:9], ANSWER + b"\n"),
    (
        "http",
        post(CALL) + post(NOTE),
        SSE_HEAD
        + http_chunk(b"data: " + NOTE + b"\r\n\r\n: p\n")
        + http_chunk(b"data: " + ANSWER + b"\n\n")
        + b"0\r\n\r\n"
        + ok(ANSWER),
    ),
    (
        "websocket",
        UPGRADE + text(CALL, mask=True) + text(NOTE, mask=True),
        SWITCH + text(ANSWER[:5], fin=False) + b"\x80\x01x" + text(ANSWER),
    ),
]


def pieces(data: bytes, points: list[int]) -> list[bytes]:
    edges = [0, *sorted(point % (len(data) + 1) for point in points), len(data)]
    return [data[low:high] for low, high in itertools.pairwise(edges)]


def meaning(units: Iterable[Unit], direction: Direction) -> list[tuple[object, ...]]:
    return [
        (unit.layer, unit.span, unit.detail, unit.body, unit.body_spans)
        for unit in units
        if unit.direction is direction
    ]


POINTS = st.lists(st.integers(0, 5000), max_size=8)


@given(st.sampled_from(TALKS), POINTS, POINTS)
def test_every_split_gives_the_same_units(
    talk: tuple[str, bytes, bytes], up: list[int], down: list[int]
) -> None:
    transport, client, server = talk
    whole, split = Recording(transport), Recording(transport)
    whole.chunk(C2S, client)
    whole.chunk(S2C, server)
    for data in pieces(client, up):
        split.chunk(C2S, data)
    for data in pieces(server, down):
        split.chunk(S2C, data)
    units = frames(split.events)
    for direction in Direction:
        assert meaning(units, direction) == meaning(frames(whole.events), direction)
    chunks = {e.seq: e for e in split.events if isinstance(e, Chunk)}
    for unit in units:
        if unit.body is not None and b"\n" not in unit.body and unit.layer != "ws-frame":
            assert b"".join(split.body_at(unit)) == unit.body
        covered = [
            at
            for seq in unit.chunks
            for at in range(chunks[seq].offset, chunks[seq].offset + chunks[seq].size)
        ]
        assert covered[0] <= unit.span.start
        assert unit.span.end <= covered[-1] + 1
        assert covered == list(range(covered[0], covered[-1] + 1))


@given(
    st.sampled_from(TALKS),
    POINTS,
    POINTS,
    st.lists(st.integers(0, 20), max_size=4),
    st.sampled_from(["stdio", "http", "websocket", "my-own"]),
    st.lists(st.tuples(st.sampled_from(Direction), st.binary(max_size=30)), max_size=3),
)
def test_nothing_is_raised_whatever_is_missing_or_wrong(
    talk: tuple[str, bytes, bytes],
    up: list[int],
    down: list[int],
    missing: list[int],
    transport: str,
    garbage: list[tuple[Direction, bytes]],
) -> None:
    rec = Recording(transport)
    for data in pieces(talk[1], up):
        rec.chunk(C2S, data)
    for direction, data in garbage:
        rec.chunk(direction, data)
    for data in pieces(talk[2], down):
        rec.chunk(S2C, data, keep=len(data) - 1 if len(missing) == 1 and data else None)
    rec.closed()
    kept = [e for e in rec.events if e.seq not in missing]
    units = frames(kept)
    data_of = {e.seq: e for e in kept if isinstance(e, Chunk)}
    for direction in Direction:
        end = 0
        mine = sorted((u for u in units if u.direction is direction), key=lambda u: u.span.start)
        for unit in mine:
            assert unit.span.start >= end, "units do not meet"
            end = unit.span.end
            assert all(data_of[seq].direction is direction for seq in unit.chunks)
            assert unit.chunks


# ---- finding a message -------------------------------------------------------------------------


def test_a_message_is_found_by_its_own_span() -> None:
    rec = Recording("stdio")
    rec.chunk(C2S, NOTE + b"\n" + NOTE + b"\n")
    size = len(NOTE) + 1
    message = rec.message(C2S, NOTE, span=Span(size, 2 * size))
    found = locate(message, rec.events)
    assert found is not None
    assert (found.link, found.direction, found.chunks) == ("l#1", C2S, (1,))
    assert found.spans == (Span(size, 2 * size - 1),)
    assert [unit.body for unit in found.units] == [NOTE]
    assert found.head is None


def test_equal_messages_are_found_in_their_order() -> None:
    rec = Recording("websocket")
    rec.chunk(C2S, UPGRADE)
    rec.chunk(S2C, SWITCH)
    places = []
    messages = []
    for _ in range(3):
        places.append(rec.chunk(S2C, text(NOTE)).seq)
        messages.append(rec.message(S2C, NOTE))
    framing = Framing(rec.events)
    found = [framing.locate(message) for message in messages]
    assert [f and f.chunks for f in found] == [(seq,) for seq in places]


def test_the_last_of_equal_messages_is_found_where_older_chunks_have_left() -> None:
    rec = Recording("stdio")
    for _ in range(3):
        chunk = rec.chunk(S2C, NOTE + b"\n")
        message = rec.message(S2C, NOTE)
    found = locate(message, rec.events[1:])
    assert found is not None
    assert found.chunks == (chunk.seq,)
    first = rec.events[1]
    assert isinstance(first, Message)
    assert locate(first, rec.events[1:]) is None


def test_a_message_over_http_is_found_on_whichever_link_carried_it() -> None:
    rec = Recording("http")
    request = rec.message(C2S, CALL, link="")
    rec.chunk(C2S, post(json.dumps(json.loads(CALL), indent=1).encode()), link="http#7")
    rec.chunk(S2C, SSE_HEAD + http_chunk(b"data: " + ANSWER[:9]), link="http#7")
    rec.chunk(S2C, http_chunk(ANSWER[9:] + b"\n\n"), link="http#7")
    answer = rec.message(S2C, ANSWER, link="")
    rec.chunk(C2S, post(NOTE), link="http#8")
    note = rec.message(C2S, NOTE, link="")
    framing = Framing(rec.events)
    found = [framing.locate(message) for message in (request, answer, note)]
    assert [f and f.link for f in found] == ["http#7", "http#7", "http#8"]
    assert [f and f.units[0].layer for f in found] == ["http-body", "sse-event", "http-body"]
    assert [f and len(f.spans) for f in found] == [1, 2, 1]
    for f in found:
        assert f is not None
        assert f.head is not None
        assert isinstance(f.head.detail, HttpHead)
        assert f.head.direction is f.direction


def test_a_fragmented_message_is_found_with_all_its_frames() -> None:
    rec = opened()
    rec.chunk(S2C, text(NOTE) + text(ANSWER[:9], fin=False) + b"\x89\x00")
    rec.chunk(S2C, Frame(Opcode.CONT, ANSWER[9:]).serialize(mask=False))
    found = locate(rec.message(S2C, ANSWER), rec.events)
    assert found is not None
    assert [len(unit.body_spans) for unit in found.units] == [0, 2]
    assert found.chunks == (3, 4)
    assert found.head is None


def test_a_message_cut_by_the_trace_is_found_by_its_beginning_and_size() -> None:
    rec = Recording("stdio")
    rec.chunk(S2C, NOTE + b"\n" + ANSWER[:30])
    rec.chunk(S2C, ANSWER[30:] + b"\n")
    found = locate(rec.message(S2C, ANSWER, keep=20), rec.events)
    assert found is not None
    assert found.units[0].body == ANSWER
    assert locate(rec.message(S2C, ANSWER + b" ", keep=20), rec.events) is None


def test_a_message_is_not_found_in_the_other_direction_or_connection_or_nowhere() -> None:
    rec = Recording("stdio")
    rec.events.append(LinkOpened(**rec.labels("l#1")))  # type: ignore[arg-type]
    rec.chunk(C2S, NOTE + b"\n")
    other = Recording("stdio")
    other.chunk(S2C, NOTE + b"\n")
    message = rec.message(S2C, NOTE, span=Span(500, 600))
    assert locate(message, rec.events) is None
    elsewhere = [
        Chunk(
            seq=9, time_ns=1, conn="d", vantage=Vantage.CLIENT, link="l#1", transport="stdio",
            direction=S2C, data=NOTE + b"\n", size=len(NOTE) + 1, offset=0,
        )
    ]  # fmt: skip
    assert locate(message, elsewhere) is None
    assert locate(message, []) is None


def test_a_message_that_is_not_json_is_found_by_its_bytes() -> None:
    rec = Recording("stdio")
    rec.chunk(C2S, b"not json\n")
    found = locate(rec.message(C2S, b"not json"), rec.events)
    assert found is not None
    assert found.spans == (Span(0, 8),)
