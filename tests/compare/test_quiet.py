"""When a link owes an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

import pytest

from mcp_notebook.bench import quiet
from mcp_notebook.bench.quiet import LinkAnswers, Quiet
from mcp_notebook.trace.events import Chunk, Direction, Event, LinkClosed, Vantage

C2S, S2C = Direction.CLIENT_TO_SERVER, Direction.SERVER_TO_CLIENT

POST = (C2S, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
GET = (C2S, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
OK = (S2C, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
HALF = (S2C, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{")
STREAM = (S2C, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\r\n\r\n")
END = (S2C, b"0\r\n\r\n")
UPGRADE = (C2S, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
SWITCH = (
    S2C,
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
)


def link(*pieces: tuple[Direction, bytes], closed: bool = False) -> list[Event]:
    labels = {"time_ns": 0, "conn": "c", "vantage": Vantage.CLIENT, "link": "http#1"}
    events: list[Event] = [
        Chunk(seq=seq, direction=way, data=data, size=len(data), offset=0, **labels)  # type: ignore[arg-type]
        for seq, (way, data) in enumerate(pieces, 1)
    ]
    if closed:
        events.append(LinkClosed(seq=len(pieces) + 1, **labels))  # type: ignore[arg-type]
    return events


def owes(events: Iterable[Event]) -> bool:
    answers = LinkAnswers()
    for event in events:
        answers.take(event)
    return answers.owed


@pytest.mark.parametrize(
    "pieces",
    [(POST,), (POST, HALF), (POST, STREAM), (POST, OK, POST), (GET,), (POST, OK, GET)],
)
def test_a_request_without_the_whole_answer_is_owed_one(
    pieces: tuple[tuple[Direction, bytes], ...],
) -> None:
    assert owes(link(*pieces))
    assert not owes(link(*pieces, closed=True))


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        (POST, OK),
        (POST, STREAM, END),
        (GET, STREAM),
        (POST, OK, GET, STREAM),
        (UPGRADE, SWITCH),
        ((C2S, b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'),),
        ((C2S, b"\x81\x80\x00\x00\x00\x00"),),
    ],
)
def test_nothing_is_owed_by_what_is_answered_or_no_http(
    pieces: tuple[tuple[Direction, bytes], ...],
) -> None:
    assert not owes(link(*pieces))


def test_settling_ends_with_the_answer() -> None:
    events = link(POST, HALF, (S2C, b"}"), POST)
    looks: list[int] = []

    def since(last: int) -> list[Event]:
        looks.append(last)
        return [event for event in events if last < event.seq <= last + 1]

    asyncio.run(Quiet(since).settle())

    assert looks == [0, 1, 2]


def test_links_are_told_apart() -> None:
    owing = [replace(event, link="http#2") for event in link(POST)]
    done = [replace(event, seq=event.seq + 10) for event in link(POST, OK)]
    gone = replace(link(closed=True)[0], seq=20, link="http#2")
    batches = [[*owing, *done], [], [gone]]

    asyncio.run(Quiet(lambda _last: batches.pop(0)).settle())

    assert batches == []


def test_an_answer_that_stays_open_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quiet, "LOOKS", 3)
    events = link(POST, STREAM)

    asyncio.run(Quiet(lambda last: [e for e in events if e.seq > last]).settle())
