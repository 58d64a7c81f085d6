"""Bodies of HTTP answers: unpacked and bounded where they are read, and held to their request."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator

import httpx2
import pytest

from mcp_notebook.trace.events import Direction, Message, Vantage
from mcp_notebook.trace.store import Trace
from mcp_notebook.transports import httpbodies
from mcp_notebook.transports.asgi import Body
from mcp_notebook.transports.tap import Tap
from mcp_notebook.wire import jsonrpc

ANSWER = b'{"jsonrpc":"2.0","id":7,"result":{}}'
ASKED = b'{"jsonrpc":"2.0","id":7,"method":"ping"}'


class Pieces(httpx2.AsyncByteStream):
    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            self.taken += 1
            yield piece


def read(stream: Pieces, kind: str = "application/json", coding: str = "") -> tuple[bytes, Trace]:
    trace = Trace()
    tap = Tap(trace, "it", Vantage.CLIENT, "http").link()
    headers = {"content-type": kind, "content-encoding": coding}
    response = httpx2.Response(200, headers=headers, stream=stream)
    told = httpbodies.fields(response.headers)
    httpbodies.answer_body(response, Body(tap, Direction.SERVER_TO_CLIENT, kind), told)
    return asyncio.run(response.aread()), trace


def by_byte(data: bytes) -> Pieces:
    return Pieces(*(data[n : n + 1] for n in range(len(data))))


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("", ANSWER),
        ("identity", ANSWER),
        ("gzip", gzip.compress(ANSWER)),
        ("GZIP", gzip.compress(ANSWER)),
        ("deflate", zlib.compress(ANSWER)),
    ],
)
def test_a_packed_answer_is_read_and_its_message_recorded(coding: str, packed: bytes) -> None:
    for stream in (Pieces(packed), by_byte(packed)):
        found, trace = read(stream, coding=coding)
        assert found == ANSWER
        assert [event.raw for event in trace if isinstance(event, Message)] == [ANSWER]


@pytest.mark.parametrize("packed", [b"no gzip", gzip.compress(ANSWER)[:-9], b""])
def test_what_is_packed_wrongly_is_an_error_of_the_peer(packed: bytes) -> None:
    with pytest.raises(httpx2.RemoteProtocolError, match="packed"):
        read(Pieces(packed), coding="gzip")


def test_an_answer_beyond_the_bound_is_given_up_before_it_is_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(httpbodies, "MAX_MESSAGE_BYTES", 1000)
    stream = Pieces(*[b" " * 100] * 50)
    with pytest.raises(httpx2.RemoteProtocolError, match="longer than 1000 bytes"):
        read(stream)
    assert stream.taken == 11
    monkeypatch.setattr(httpbodies, "_STEP", 100)
    with pytest.raises(httpx2.RemoteProtocolError, match="longer than 1000 bytes"):
        read(Pieces(gzip.compress(b" " * 1_000_000)), coding="gzip")


def test_a_stream_of_events_has_no_bound_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httpbodies, "MAX_MESSAGE_BYTES", 1000)
    found, _ = read(Pieces(*[b": x\n\n"] * 500), "text/event-stream")
    assert len(found) == 2500


@pytest.mark.parametrize("kind", ["text/event-stream", "application/json"])
def test_a_byte_order_mark_is_left_out_before_events_alone(kind: str) -> None:
    events = b"data: x\n\n"
    for head in (b"", b"\xef\xbb\xbf", b"\xef\xbb", b"\xef"):
        for data in (head + events, head):
            expected = data.removeprefix(b"\xef\xbb\xbf") if kind == "text/event-stream" else data
            assert read(by_byte(data), kind)[0] == expected
            assert read(Pieces(data), kind)[0] == expected


@pytest.mark.parametrize(
    "body",
    [
        ANSWER,
        b' {"result": {"method": 5}, "id": 7, "jsonrpc": "2.0"}',
        b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"?"}}',
        b'{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"\\"method\\""}}',
        b"no JSON",
        b"[]",
    ],
)
def test_an_answer_is_left_as_it_is(body: bytes) -> None:
    assert httpbodies.instead(body, ASKED) is None
    assert httpbodies.instead(body, ASKED.replace(b":", b": ")) is None


@pytest.mark.parametrize(
    "body",
    [
        ANSWER.replace(b"7", b"8"),
        ANSWER.replace(b"7", b'"7"'),
        ASKED,
        b'{"jsonrpc":"2.0","method":"notifications/message","params":{}}',
    ],
)
def test_a_message_that_is_no_answer_becomes_an_error(body: bytes) -> None:
    line = httpbodies.instead(body, ASKED)
    assert line is not None
    envelope = jsonrpc.parse(line)
    assert (envelope.kind, envelope.id) == (jsonrpc.MessageKind.ERROR, 7)
    notice = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'
    assert httpbodies.instead(body, notice) is None
