"""What a stretch of a connection cost, counted by hand and against the sum of its chunks."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from mcp_notebook.trace.cost import Cost, Kind, Traffic
from mcp_notebook.trace.events import Chunk, Direction, LinkOpened, Vantage
from tests.trace.recording import Recording

C2S, S2C = Direction.CLIENT_TO_SERVER, Direction.SERVER_TO_CLIENT

CALL = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add"}}'
ANSWER = b'{"jsonrpc":"2.0","id":1,"result":{"content":[]}}'
REQUEST_HEAD = b"POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 70\r\n\r\n"
SSE_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def cost_of(rec: Recording) -> Cost:
    events = rec.trace.events()
    return Traffic(events, "demo").cost(events[0].seq, events[-1].seq)


def sizes(cost: Cost) -> dict[Kind, int]:
    return {kind: part.bytes for kind, part in cost.parts.items()}


def carried(rec: Recording) -> int:
    return sum(event.size for event in rec.trace if isinstance(event, Chunk))


def test_the_call_is_as_long_as_its_head_says() -> None:
    assert len(CALL) == 70


def test_a_line_costs_its_message_and_one_newline() -> None:
    rec = Recording(transport="stdio")
    rec.chunk(C2S, CALL + b"\n")
    rec.say(C2S, CALL)
    rec.chunk(S2C, ANSWER + b"\n")
    rec.say(S2C, ANSWER)

    cost = cost_of(rec)

    assert sizes(cost) == {Kind.MESSAGE: len(CALL) + len(ANSWER), Kind.LINE: 2}
    assert (cost.body, cost.framing, cost.bytes) == (118, 2, 120)
    assert (cost.round_trips, cost.requests, cost.links) == (1, 0, 0)
    assert cost.parts[Kind.LINE].chunks == (1, 3)
    assert cost.messages == (2, 4)


def test_a_cr_before_the_newline_and_an_empty_line_are_framing_too() -> None:
    rec = Recording(transport="tcp")
    rec.chunk(C2S, CALL + b"\r\n\n\n")
    rec.say(C2S, CALL)

    assert sizes(cost_of(rec)) == {Kind.MESSAGE: len(CALL), Kind.LINE: 4}


def test_http_with_a_length_costs_two_heads() -> None:
    rec = Recording(transport="http-json", link="http-json#1")
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 48\r\n\r\n"
    rec.say(C2S, CALL)
    rec.chunk(C2S, REQUEST_HEAD)
    rec.chunk(C2S, CALL)
    rec.chunk(S2C, head + ANSWER)
    rec.say(S2C, ANSWER)

    cost = cost_of(rec)

    assert sizes(cost) == {Kind.MESSAGE: 118, Kind.HEAD: len(REQUEST_HEAD) + len(head)}
    assert (cost.round_trips, cost.requests) == (1, 1)
    assert cost.parts[Kind.MESSAGE].chunks == (3, 4)


def test_a_streamed_answer_costs_fields_and_chunk_sizes() -> None:
    rec = Recording(transport="http", link="http#1")
    event = b"event: message\r\ndata: " + ANSWER + b"\r\n\r\n"
    rec.say(C2S, CALL)
    rec.chunk(C2S, REQUEST_HEAD + CALL)
    rec.chunk(S2C, SSE_HEAD)
    rec.chunk(S2C, b"%x\r\n%b\r\n" % (len(event), event))
    rec.say(S2C, ANSWER)
    rec.chunk(S2C, b"0\r\n\r\n")

    assert sizes(cost_of(rec)) == {
        Kind.MESSAGE: 118,
        Kind.HEAD: len(REQUEST_HEAD) + len(SSE_HEAD),
        Kind.EVENT: len("event: message\r\ndata: \r\n\r\n"),
        Kind.PIECE: len("4a\r\n") + len("\r\n") + len("0\r\n\r\n"),
    }


def test_an_event_cut_by_http_chunks_has_their_sizes_inside() -> None:
    rec = Recording(transport="sse", link="sse#1")
    event = b"event: message\ndata: " + ANSWER + b"\n\n"
    one, two = event[:40], event[40:]
    rec.chunk(C2S, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    rec.chunk(S2C, SSE_HEAD + b"%x\r\n%b\r\n%x\r\n%b\r\n" % (len(one), one, len(two), two))
    rec.say(S2C, ANSWER)
    rec.chunk(S2C, b"8\r\n: ping\n\n\r\n")

    found = sizes(cost_of(rec))

    assert found[Kind.MESSAGE] == len(ANSWER)
    assert found[Kind.EVENT] == len("event: message\ndata: \n\n") + len(": ping\n\n")
    assert found[Kind.PIECE] == (4 + 2) + (4 + 2) + (3 + 2)


def test_a_message_in_several_http_chunks_has_their_sizes_between() -> None:
    rec = Recording(transport="http", link="http#1")
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    rec.say(C2S, CALL)
    rec.chunk(C2S, head + b"1e\r\n" + CALL[:30] + b"\r\n28\r\n" + CALL[30:] + b"\r\n0\r\n\r\n")

    found = sizes(cost_of(rec))

    assert found == {Kind.MESSAGE: 70, Kind.HEAD: len(head), Kind.PIECE: 4 + 2 + 4 + 2 + 5}


def test_a_body_that_is_no_message_is_framing() -> None:
    rec = Recording(transport="sse", link="sse#1")
    head = b"HTTP/1.1 202 Accepted\r\nContent-Length: 8\r\n\r\n"
    rec.say(C2S, CALL)
    rec.chunk(C2S, REQUEST_HEAD + CALL)
    rec.chunk(S2C, head + b"Accepted")

    cost = cost_of(rec)

    assert cost.bytes_of(Kind.OTHER_BODY) == 8
    assert cost.body == len(CALL)


@pytest.mark.parametrize(("length", "header"), [(125, 2), (126, 4), (65535, 4), (65536, 10)])
def test_a_websocket_frame_costs_its_header_and_the_clients_its_mask_as_well(
    length: int, header: int
) -> None:
    empty = b'{"jsonrpc":"2.0","method":"x","params":[""]}'
    text = empty.replace(b'""', b'"%b"' % (b"a" * (length - len(empty))))
    assert len(text) == length
    rec = Recording(transport="websocket", link="websocket#1")
    upgrade = (
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: x\r\n\r\n"
    )
    switch = (
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    )
    rec.chunk(C2S, upgrade)
    first = rec.chunk(S2C, switch).seq + 1
    for way in (C2S, S2C):
        rec.say(way, text)
        rec.chunk(way, Frame(Opcode.TEXT, text).serialize(mask=way is C2S))

    cost = Traffic(rec.trace.events(), "demo").cost(first, rec.trace.last_seq)

    assert sizes(cost) == {Kind.MESSAGE: 2 * length, Kind.FRAME: (header + 4) + header}


def test_the_stretches_of_a_connection_add_up_to_all_of_it() -> None:
    rec = Recording(transport="stdio")
    for _ in range(3):
        rec.chunk(C2S, CALL + b"\n")
        rec.say(C2S, CALL)
        rec.chunk(S2C, ANSWER + b"\n")
        rec.say(S2C, ANSWER)
    traffic = Traffic(rec.trace.events(), "demo")

    parts = [traffic.cost(low, low + 3) for low in (1, 5, 9)]

    assert [part.bytes for part in parts] == [120] * 3
    assert sum(part.bytes for part in parts) == traffic.cost(1, 12).bytes == carried(rec)


def test_a_turn_is_counted_on_its_own_link() -> None:
    rec = Recording(transport="sse", link="sse#1")
    head = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
    rec.say(C2S, CALL)
    rec.chunk(C2S, REQUEST_HEAD + CALL)
    other = Recording(rec.trace, transport="sse", link="sse#2")
    other.chunk(S2C, b"4a\r\n")  # the answer, on the stream that was open before
    rec.chunk(S2C, head)

    assert cost_of(rec).round_trips == 1


def test_a_progress_between_request_and_answer_is_no_turn() -> None:
    rec = Recording(transport="stdio")
    rec.chunk(C2S, CALL + b"\n")
    rec.chunk(S2C, ANSWER + b"\n")
    rec.chunk(S2C, ANSWER + b"\n")

    assert cost_of(rec).round_trips == 1


def test_empty_chunks_count_for_nothing() -> None:
    rec = Recording(transport="stdio")
    rec.chunk(C2S, b"")
    rec.chunk(S2C, b"")

    assert (cost_of(rec).parts, cost_of(rec).round_trips) == ({}, 0)


def test_links_are_counted_and_other_connections_are_not() -> None:
    rec = Recording(transport="http", link="http#1")
    rec.trace.record(LinkOpened, **rec.labels)
    rec.trace.record(LinkOpened, **{**rec.labels, "conn": "another"})
    rec.trace.record(LinkOpened, **{**rec.labels, "vantage": Vantage.SERVER})

    assert cost_of(rec).links == 1


def test_bytes_that_were_not_kept_are_counted_all_the_same() -> None:
    rec = Recording(transport="stdio")
    rec.trace.record(Chunk, direction=C2S, data=CALL[:20], size=71, offset=0, **rec.labels)

    cost = cost_of(rec)

    assert (cost.bytes, sizes(cost)) == (71, {Kind.UNREAD: 71})


def test_the_first_byte_is_the_first_that_came_back() -> None:
    rec = Recording(transport="stdio")
    rec.chunk(S2C, b"\n", ms=0.5)
    request = rec.say(C2S, CALL, ms=1)
    rec.chunk(C2S, CALL + b"\n", ms=1)
    rec.chunk(S2C, ANSWER + b"\n", ms=3)
    traffic = Traffic(rec.trace.events(), "demo")

    assert traffic.first_byte_ns(request, rec.trace.last_seq) == 2_000_000
    assert traffic.first_byte_ns(request, request.seq + 1) is None


STREAMS = {
    "http": REQUEST_HEAD + CALL + REQUEST_HEAD + CALL,
    "stdio": CALL + b"\n" + CALL + b"\r\n",
}


@given(st.sampled_from(sorted(STREAMS)), st.lists(st.integers(0, 300), max_size=6))
def test_however_the_bytes_are_split_each_is_counted_once(transport: str, cuts: list[int]) -> None:
    data = STREAMS[transport]
    rec = Recording(transport=transport, link=f"{transport}#1")
    rec.say(C2S, CALL)
    rec.say(C2S, CALL)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for low, high in pairwise(places):
        rec.chunk(C2S, data[low:high])

    cost = cost_of(rec)

    assert cost.bytes == len(data)
    assert cost.body == 2 * len(CALL)
