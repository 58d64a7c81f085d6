import contextlib

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_notebook.wire.http1 import (
    Http1Decoder,
    HttpBody,
    HttpEnd,
    HttpError,
    HttpEvent,
    HttpHead,
    HttpTail,
    HttpUpgraded,
)
from mcp_notebook.wire.spans import Span

from .splits import cut, joined, points

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'5;name="a;b"\r\nhello\r\n06 \r\n world\r\n0;last\r\nX-Sum:  1 \r\nB: \r\n\r\n'
)
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: x\r\n\r\n"
)
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Step = tuple[bool, bytes | None]


def feed(steps: list[Step], decoder: Http1Decoder | None = None) -> list[HttpEvent]:
    """The events of each step in turn, the pieces of a body or tail joined where they touch."""
    decoder = decoder or Http1Decoder()
    events: list[HttpEvent] = []
    for from_client, data in steps:
        events += decoder.feed(from_client, data)
    return joined(events)


def shape(events: list[HttpEvent]) -> list[object]:
    short: list[object] = []
    for event in events:
        if isinstance(event, HttpHead):
            short.append(event.method or event.status)
        elif isinstance(event, HttpBody | HttpTail):
            short.append(event.data)
        else:
            short.append(type(event))
    return short


def test_a_request_with_a_length() -> None:
    head, body, end = feed([(True, POST)])
    assert isinstance(head, HttpHead)
    assert head.is_request
    assert (head.method, head.target, head.version) == (b"POST", b"/mcp", b"1.1")
    assert head.headers == ((b"host", b"a"), (b"content-length", b"5"))
    assert [POST[s.start : s.end] for s in head.header_spans] == [b"a", b"5"]
    assert head.header(b"host") == b"a"
    assert head.header(b"accept") is None
    size = len(POST)
    assert head.span == Span(0, size - 5)
    assert body == HttpBody(True, b"hello", Span(size - 5, size))
    assert end == HttpEnd(True, (), Span(size, size))


def test_a_chunked_response_with_extensions_and_trailers() -> None:
    events = feed([(True, GET), (False, CHUNKED)])
    head, one, two, end = events[2:]
    assert isinstance(head, HttpHead)
    assert (head.is_request, head.status, head.reason) == (False, 200, b"OK")
    assert isinstance(one, HttpBody)
    assert isinstance(two, HttpBody)
    assert isinstance(end, HttpEnd)
    assert (one.data, two.data) == (b"hello", b" world")
    assert CHUNKED[one.span.start : one.span.end] == b"hello"
    assert CHUNKED[two.span.start : two.span.end] == b" world"
    assert end.trailers == ((b"x-sum", b"1"), (b"b", b""))
    assert CHUNKED[end.span.start : end.span.end] == b"0;last\r\nX-Sum:  1 \r\nB: \r\n\r\n"


def test_a_chunked_request_with_no_trailers() -> None:
    request = (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    )
    assert shape(feed([(True, request + GET)])) == [b"POST", b"hi", HttpEnd, b"GET", HttpEnd]


def test_keep_alive_and_pipelining() -> None:
    events = feed([(True, GET + POST + GET), (False, OK + CHUNKED), (False, OK)])
    assert shape(events) == [
        *(b"GET", HttpEnd, b"POST", b"hello", HttpEnd, b"GET", HttpEnd),
        *(200, b"ok", HttpEnd, 200, b"hello", b" world", HttpEnd, 200, b"ok", HttpEnd),
    ]


def test_the_answer_to_head_has_no_body_whatever_its_headers_say() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
    events = feed([(True, HEAD + GET), (False, answer + OK)])
    assert shape(events)[4:] == [200, HttpEnd, 200, b"ok", HttpEnd]


@pytest.mark.parametrize("status", [204, 304])
def test_some_statuses_have_no_body(status: int) -> None:
    answer = b"HTTP/1.1 %d X\r\nContent-Length: 10\r\n\r\n" % status
    assert shape(feed([(True, GET + GET), (False, answer + OK)]))[4:] == [
        *(status, HttpEnd, 200, b"ok", HttpEnd),
    ]


def test_interim_responses_come_before_the_final_one() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    request = POST.replace(b"Host: a", b"Host: a\r\nExpect: 100-continue")
    events = feed([(True, request[:-5]), (False, interim), (True, b"hello"), (False, OK)])
    assert shape(events) == [b"POST", 100, 103, b"hello", HttpEnd, 200, b"ok", HttpEnd]


def test_a_body_without_framing_lasts_until_the_end_of_the_connection() -> None:
    answer = b"HTTP/1.0 200 OK\r\n\r\nall\r\nof it"
    events = feed([(True, GET), (False, answer), (False, b"!")])
    assert shape(events)[2:] == [200, b"all\r\nof it!"]
    decoder = Http1Decoder()
    feed([(True, GET), (False, answer)], decoder)
    assert decoder.feed(False, None) == [HttpEnd(False, (), Span(len(answer), len(answer)))]


def test_a_length_of_zero_is_no_body() -> None:
    answer = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
    assert shape(feed([(True, GET), (False, answer)]))[2:] == [202, HttpEnd]


def test_a_length_said_twice_the_same_is_taken() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\nContent-Length: 2\r\n\r\nok"
    assert shape(feed([(False, answer)])) == [200, b"ok", HttpEnd]


def test_after_a_websocket_upgrade_both_directions_are_raw() -> None:
    events = feed([(True, UPGRADE), (False, SWITCH + b"frames"), (True, b"masked")])
    assert shape(events) == [
        *(b"GET", HttpEnd, 101, HttpUpgraded, b"frames", HttpUpgraded, b"masked"),
    ]
    up, down = len(UPGRADE), len(SWITCH)
    assert events[3:] == [
        HttpUpgraded(False, b"websocket", Span(down, down)),
        HttpTail(False, b"frames", Span(down, down + 6)),
        HttpUpgraded(True, b"websocket", Span(up, up)),
        HttpTail(True, b"masked", Span(up, up + 6)),
    ]


def test_what_the_client_sends_before_the_switch_waits_for_it() -> None:
    decoder = Http1Decoder()
    assert shape(feed([(True, UPGRADE + b"GET looks like HTTP")], decoder)) == [b"GET", HttpEnd]
    assert decoder.pending(True) == Span(len(UPGRADE), len(UPGRADE) + 19)
    assert shape(feed([(False, SWITCH)], decoder))[-1] == b"GET looks like HTTP"
    assert decoder.feed(True, None) == decoder.feed(False, None) == []


def test_a_refused_upgrade_leaves_http() -> None:
    events = feed([(True, GET + UPGRADE + GET), (False, OK), (False, OK), (False, OK)])
    assert shape(events) == [
        *(b"GET", HttpEnd, b"GET", HttpEnd, 200, b"ok", HttpEnd),
        *(200, b"GET", HttpEnd, b"ok", HttpEnd, 200, b"ok", HttpEnd),
    ]


def test_an_upgrade_without_an_answer_is_read_as_http_at_the_end() -> None:
    assert shape(feed([(True, UPGRADE + GET), (True, None)])) == [b"GET", HttpEnd] * 2


def test_garbage_after_a_refused_upgrade_is_told_in_its_own_direction() -> None:
    decoder = Http1Decoder()
    feed([(True, UPGRADE + b"\x01\x02")], decoder)
    assert shape(feed([(False, OK)], decoder)) == [200, b"ok", HttpEnd]
    with pytest.raises(HttpError):
        decoder.feed(True, b"x")


def test_connect_opens_a_tunnel() -> None:
    request = b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"
    events = feed([(True, request), (False, b"HTTP/1.1 200 OK\r\n\r\n\x16"), (True, b"\x17")])
    assert shape(events) == [
        *(b"CONNECT", HttpEnd, 200, HttpUpgraded, b"\x16", HttpUpgraded, b"\x17"),
    ]
    refused = feed([(True, request), (False, OK)])
    assert shape(refused)[2:4] == [200, HttpUpgraded]
    no = b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"
    assert shape(feed([(True, request + GET), (False, no)]))[2:] == [403, b"GET", HttpEnd, HttpEnd]


@pytest.mark.parametrize("answer", [OK, CHUNKED, SWITCH + b"frames"])
def test_a_response_whose_request_was_not_seen_is_read(answer: bytes) -> None:
    events = feed([(False, answer)])
    assert isinstance(events[0], HttpHead)
    assert len(events) > 2


def test_a_folded_header_is_one_value_with_one_span() -> None:
    request = b"GET / HTTP/1.1\r\nHost: a\r\nX: one\r\n\ttwo \r\n three\r\nY:\r\n late\r\n\r\n"
    (head, _) = feed([(True, request)])
    assert isinstance(head, HttpHead)
    assert head.headers[1:] == ((b"x", b"one two  three"), (b"y", b"late"))
    assert [request[s.start : s.end] for s in head.header_spans[1:]] == [
        b"one\r\n\ttwo \r\n three",
        b"late",
    ]


def test_lines_may_end_in_a_line_feed_alone() -> None:
    assert shape(feed([(True, GET.replace(b"\r", b""))])) == [b"GET", HttpEnd]


@pytest.mark.parametrize(
    "bad",
    [
        b"\x16\x03\x01\x02\x00",
        b"\r\n" + GET,
        b'{"jsonrpc":"2.0"}\r\n\r\n',
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nbad\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 20_000,
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 70_000,
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
    ],
)
def test_garbage_is_an_http_error_in_every_split(bad: bytes) -> None:
    stream = POST + bad
    for size in (1, 7, len(stream)):
        decoder = Http1Decoder()
        events: list[HttpEvent] = []
        pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
        with pytest.raises(HttpError, match=r"not HTTP/1\.1 at byte") as caught:
            events.extend(event for piece in pieces for event in decoder.feed(True, piece))
        events += caught.value.events
        assert shape(joined(events))[:3] == [b"POST", b"hello", HttpEnd]
        assert caught.value.from_client
        assert caught.value.offset >= len(POST)
        with pytest.raises(HttpError):
            decoder.feed(True, GET)
        assert shape(feed([(False, OK)], decoder)) == [200, b"ok", HttpEnd]


@pytest.mark.parametrize("bad", [b"HTTP/1.1 20 OK\r\n\r\n", GET, b"HTTP/1.1 099 X\r\n\r\n"])
def test_a_response_that_is_none_is_an_http_error(bad: bytes) -> None:
    with pytest.raises(HttpError) as caught:
        Http1Decoder().feed(False, bad)
    assert not caught.value.from_client


@pytest.mark.parametrize("stream", [GET[:-1], POST[:-1], POST[:-5]])
def test_an_end_inside_a_message_is_an_http_error(stream: bytes) -> None:
    with pytest.raises(HttpError, match="ended inside"):
        feed([(True, stream), (True, None)])


def test_an_end_between_messages_is_fine() -> None:
    assert feed([(True, None), (False, None)]) == []


def test_white_space_in_a_header_costs_linear_time() -> None:
    padding = b" " * 60_000
    events = feed([(True, b"GET / HTTP/1.1\r\nHost: a\r\nX: a" + padding + b"b\r\n\r\n")])
    assert isinstance(events[0], HttpHead)
    assert events[0].headers[1] == (b"x", b"a" + padding + b"b")


def test_reading_starts_again_where_it_is_told_to() -> None:
    decoder = Http1Decoder()
    feed([(True, HEAD + UPGRADE + b"held"), (False, OK[:-1])], decoder)
    decoder.resync(False, 1000)
    (head, body, _) = feed([(False, OK)], decoder)
    assert head.span.start == 1000
    assert body.span.end == 1000 + len(OK)
    with pytest.raises(HttpError):  # what was held is no head, and is known to be none now
        decoder.feed(True, b"\r\n\r\n")
    decoder.resync(True, 2000)
    assert feed([(True, GET)], decoder)[0].span.start == 2000


# ---- any split, and the judge ------------------------------------------------------------------

CONVERSATIONS: list[tuple[bytes, bytes]] = [
    (GET + POST + HEAD, OK + CHUNKED + b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
    (POST, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\nX: y\r\n\r\nuntil the end"),
    (UPGRADE + b"\x81\x80abcd", SWITCH + b"\x81\x02hi"),
    (GET + UPGRADE + POST, OK + CHUNKED + OK),
    (CHUNKED.replace(b"HTTP/1.1 200 OK", b"POST / HTTP/1.1\r\nHost: a") + GET, OK + OK),
]


@given(st.sampled_from(CONVERSATIONS), points, points)
def test_every_split_gives_the_same_events_and_spans(
    conversation: tuple[bytes, bytes], up: list[int], down: list[int]
) -> None:
    client, server = conversation
    whole = feed([(True, client), (False, server), (True, None), (False, None)])
    steps: list[Step] = [(True, piece) for piece in cut(client, up)]
    steps += [(False, piece) for piece in cut(server, down)]
    events = feed([*steps, (True, None), (False, None)])
    for from_client in (True, False):  # the order between the directions follows the pieces
        mine, theirs = (
            [event for event in some if event.from_client is from_client]
            for some in (events, whole)
        )
        assert joined(mine) == joined(theirs)
    for event in events:
        stream = client if event.from_client else server
        there = stream[event.span.start : event.span.end]
        if isinstance(event, HttpBody | HttpTail):
            assert there == event.data
        elif isinstance(event, HttpHead):
            assert there.endswith(b"\r\n\r\n")
            for (_, value), span in zip(event.headers, event.header_spans, strict=True):
                assert stream[span.start : span.end] == value


ALPHABET = [
    *(b"GET ", b"POST ", b"/", b" HTTP/1.1", b"HTTP/1.1 200 OK", b"HTTP/1.1 101 X", b"\r\n", b"\n"),
    *(b"Host: a\r\n", b"Upgrade: websocket\r\n", b"Content-Length: 3\r\n", b": ", b"\t", b" "),
    *(
        b"Transfer-Encoding: chunked\r\n",
        b"\r\n\r\n",
        b"3\r\nabc\r\n",
        b"0\r\n",
        b"\r",
        b"\0",
        b"x",
    ),
    *(GET, POST, HEAD, OK, CHUNKED, UPGRADE, SWITCH),
]
STREAMS = st.lists(st.sampled_from(ALPHABET), max_size=12).map(b"".join) | st.binary()


@given(st.lists(st.tuples(st.booleans(), STREAMS | st.none()), max_size=6))
def test_random_bytes_raise_only_the_typed_error(steps: list[Step]) -> None:
    decoder = Http1Decoder(max_head_bytes=200)
    for from_client, data in steps:
        with contextlib.suppress(HttpError):
            decoder.feed(from_client, data)


def judged(client: bytes) -> tuple[list[object], bytes]:
    """What h11's server makes of requests: heads, body bytes and ends, until it gives up."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    connection.receive_data(client)
    seen: list[object] = []
    body = b""
    while True:
        try:
            event = connection.next_event()
        except h11.RemoteProtocolError:
            return [*seen, "error"], body
        if isinstance(event, h11.Request):
            seen.append((event.method, event.target, event.http_version))
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            seen.append([tuple(pair) for pair in event.headers])
            connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
            connection.send(h11.EndOfMessage())
            if connection.our_state is not h11.DONE:
                return seen, body  # the request said that it was the last
            connection.start_next_cycle()
        else:
            return seen, body


@given(st.lists(st.sampled_from(ALPHABET), max_size=12).map(b"".join))
def test_h11_makes_the_same_of_any_requests(client: bytes) -> None:
    theirs, their_body = judged(client)
    decoder = Http1Decoder()
    ours: list[object] = []
    body = b""
    try:
        events, failed = decoder.feed(True, client), False
    except HttpError as exc:
        events, failed = list(exc.events), True
    for event in events:
        if isinstance(event, HttpHead):
            ours.append((event.method, event.target, event.version))
        elif isinstance(event, HttpBody):
            body += event.data
        elif isinstance(event, HttpEnd):
            ours.append(list(event.trailers))
    if failed:
        ours.append("error")
    if b"upgrade" in client.lower() or b"HTTP/1.1" not in client:
        ours, theirs = ours[:1], theirs[:1]  # h11's server has answered; ours waits for it
    assert ours == theirs
    assert body == their_body or b"upgrade" in client.lower()


@given(st.lists(st.binary(), max_size=5), st.booleans(), st.booleans(), points)
def test_what_h11_writes_is_read(
    bodies: list[bytes], chunked: bool, head: bool, at: list[int]
) -> None:
    client, server = h11.Connection(h11.CLIENT), h11.Connection(h11.SERVER)
    method = "HEAD" if head else "POST"
    size = str(sum(map(len, bodies)))
    request = client.send(
        h11.Request(method=method, target="/x", headers=[("Host", "a"), ("Content-Length", size)])
    )
    request += b"".join(client.send(h11.Data(data=body)) or b"" for body in bodies)
    request += client.send(h11.EndOfMessage()) or b""
    server.receive_data(request)
    while server.next_event() not in (h11.NEED_DATA, h11.PAUSED):
        pass
    framing = [] if chunked else [("Content-Length", size)]
    response = server.send(h11.Response(status_code=200, headers=framing)) or b""
    if not head:
        response += b"".join(server.send(h11.Data(data=body)) or b"" for body in bodies)
    response += server.send(h11.EndOfMessage()) or b""
    steps: list[Step] = [(True, piece) for piece in cut(request, at)]
    steps += [(False, piece) for piece in cut(response, at)]
    events = feed(steps)
    sent = b"".join(e.data for e in events if isinstance(e, HttpBody) and e.from_client)
    received = b"".join(e.data for e in events if isinstance(e, HttpBody) and not e.from_client)
    assert sent == b"".join(bodies)
    assert received == (b"" if head else b"".join(bodies))
    assert [e.from_client for e in events if isinstance(e, HttpEnd)] == [True, False]
