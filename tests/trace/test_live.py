"""What a view is given as events come, against what redaction says of all of them at the end."""

from __future__ import annotations

import base64
import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_notebook.trace.events import Chunk, Event, LinkClosed, Message, StderrLine
from mcp_notebook.trace.live import LiveRedactor
from mcp_notebook.trace.redact import redact
from mcp_notebook.trace.store import Trace

from .recording import C2S, S2C, Recording
from .test_redact import CARRIERS, PLACES, POINTS, VALUES, carry
from .wiretap import HANDSHAKE, SWITCHED, chunked, cut, request, ws_frames

HARMLESS = b'{"jsonrpc":"2.0","method":"x"}'


def live(trace: Trace, sizes: list[int]) -> tuple[list[Event], LiveRedactor]:
    """All that a view is given, in batches of these sizes, and then at the end."""
    view = LiveRedactor(trace)
    events, out = trace.events(), []
    for size in itertools.cycle(sizes):
        batch, events = events[:size], events[size:]
        found = view.feed(batch)
        assert [e.seq for e in found] == sorted(e.seq for e in found)
        out += found
        if not events:
            break
    return out + view.flush(), view


def as_they_come(recording: Recording, sizes: list[int]) -> list[Event]:
    """What a view holds at the end that was there from the beginning, late events sent again."""
    events = recording.trace.events()
    trace = Trace()
    trace.secrets = recording.trace.secrets
    view, shown = LiveRedactor(trace), {}
    at = 0
    for size in itertools.cycle(sizes):
        batch = events[at : at + size]
        at += size
        for event in batch:
            trace._adopt([event], dropped=0)
        given = view.feed(batch)
        assert not {event.seq for event in given} & set(shown)
        shown |= {event.seq: event for event in given}
        shown |= {event.seq: event for event in view.retouched()}
        if at >= len(events):
            break
    shown |= {event.seq: event for event in view.flush()}
    shown |= {event.seq: event for event in view.retouched()}
    assert view.held == view.late == ()
    return [shown[seq] for seq in sorted(shown)]


BATCHES = st.lists(st.integers(1, 5), min_size=1, max_size=4)
TRANSPORTS = st.sampled_from(["tcp", "http", "websocket"])


@settings(max_examples=120, deadline=None)
@given(
    secret=VALUES,
    plan=st.lists(st.tuples(PLACES, CARRIERS, POINTS), min_size=1, max_size=3),
    batches=BATCHES,
    known=st.booleans(),
)
def test_what_was_given_is_what_redaction_says_at_the_end(
    secret: str, plan: list[tuple[str, str, list[int]]], batches: list[int], known: bool
) -> None:
    trace = Trace()
    recording = Recording(trace)
    for number, (place, carrier, points) in enumerate(plan):
        transport = "websocket" if carrier.startswith("ws") else "http"
        transport = "tcp" if carrier == "tcp" else transport
        recording = Recording(trace, transport=transport, link=f"{transport}#{number}")
        carry(recording, carrier, place, secret, points)
    if known:
        trace.secrets.add(secret)

    assert as_they_come(recording, batches) == redact(trace.events(), trace.secrets)


PIECES = st.sampled_from(
    [
        b"\n",
        b"\r\n\r\n",
        HARMLESS + b"\n",
        b'{"password":"hunter22"}\n',
        b'"password":\n',
        b'"hunter23"\n',
        b"Cookie: a=hunter24\n",
        b"  hunter25\n",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n",
        b"-----END PRIVATE KEY-----\n",
        request(b"{}", "X-Api-Key: hunter26"),
        request(b'{"token":"hunter27"}'),
        HANDSHAKE + b"\r\n",
        SWITCHED,
        chunked([b'{"secret":"hun', b'ter28"}'], "application/json"),
        chunked([b"data: {}\n", b'\ndata: "hunter22"\n\n'], "text/event-stream"),
        ws_frames([b'{"secret":"', b'hunter29"}'], b"abcd"),
        ws_frames([b"[1]"], None),
        b"hunter22 two\nlines hunter29",
        b"\x00\xff",
    ]
)


@settings(max_examples=160, deadline=None)
@given(
    transport=TRANSPORTS,
    said=st.lists(st.tuples(st.sampled_from([C2S, S2C]), PIECES), min_size=1, max_size=8),
    points=POINTS,
    batches=BATCHES,
    closed=st.booleans(),
    missing=st.sets(st.integers(0, 20), max_size=2),
)
def test_garbage_gaps_and_ends_make_no_difference(
    transport: str,
    said: list[tuple[object, bytes]],
    points: list[int],
    batches: list[int],
    closed: bool,
    missing: set[int],
) -> None:
    recording = Recording(transport=transport)
    trace = recording.trace
    trace.secrets.add("two\nlines")
    for way, data in said:
        for piece in cut(data, points):
            recording.chunk(way, piece)  # type: ignore[arg-type]
    if closed:
        trace.record(LinkClosed, **recording.labels)
    trace.record(StderrLine, text="password hunter22, hunter29", **recording.labels)
    gappy = Recording(Trace())
    gappy.trace.secrets = trace.secrets
    gappy.trace._adopt([e for e in trace if e.seq not in missing], dropped=0)

    assert as_they_come(gappy, batches) == redact(gappy.trace.events(), trace.secrets)


def test_a_batch_that_is_fed_at_once_needs_nothing_again() -> None:
    recording = Recording(transport="http")
    recording.say(S2C, {"echo": "hunter22"})
    recording.chunk(C2S, request(b"{}", "X-Api-Key: hunter22"))

    out, view = live(recording.trace, [10])

    assert out == recording.trace.redacted().events()
    assert view.late == ()


@pytest.mark.parametrize(
    ("transport", "data"),
    [
        ("tcp", HARMLESS + b"\n"),
        ("http", request(HARMLESS)),
        ("websocket", HANDSHAKE + b"\r\n"),
    ],
)
def test_what_is_not_complete_is_held_back_until_its_rest_comes(
    transport: str, data: bytes
) -> None:
    recording = Recording(transport=transport)
    view = LiveRedactor(recording.trace)

    assert view.feed([recording.chunk(C2S, data[:-9])]) == []
    assert view.held == (1,)
    said = recording.say(C2S, HARMLESS)
    assert view.feed([said]) == [said]  # nobody waits for another link's rest
    rest = recording.chunk(C2S, data[-9:])
    assert [event.seq for event in view.feed([rest])] == [1, 3]
    assert view.held == ()


def test_half_a_websocket_message_is_held_back() -> None:
    recording = Recording(transport="websocket")
    view = LiveRedactor(recording.trace)
    view.feed([recording.chunk(C2S, HANDSHAKE + b"\r\n"), recording.chunk(S2C, SWITCHED)])
    first = ws_frames([b'{"password":"hun', b""], b"abcd")[:-6]
    rest = ws_frames([b"", b'ter22"}'], b"abcd")[6:]

    assert view.feed([recording.chunk(C2S, first)]) == []
    given = view.feed([recording.chunk(C2S, rest)])
    assert given == recording.trace.redacted().events()[2:]
    assert view.late == ()


def test_a_secret_given_away_later_is_reported_and_masked_again() -> None:
    recording = Recording(transport="http")
    view = LiveRedactor(recording.trace)
    echo = recording.say(S2C, {"echo": "hunter22"})
    other = recording.say(S2C, {"echo": "nothing"})
    assert view.feed([echo, other]) == [echo, other]

    view.feed([recording.chunk(C2S, request(b"{}", "X-Api-Key: hunter22"))])

    assert view.late == (echo.seq,)
    (again,) = view.retouched()
    assert isinstance(again, Message)
    assert again.json() == {"echo": "********"}
    assert view.late == ()
    assert view.retouched() == []


def test_a_value_handed_over_later_is_reported_too() -> None:
    recording = Recording()
    view = LiveRedactor(recording.trace)
    view.feed([recording.chunk(C2S, b'{"jsonrpc":"2.0","method":"hunter22"}\n')])
    recording.trace.secrets.add("hunter22")

    view.feed([])

    assert view.late == (1,)
    assert view.retouched() == recording.trace.redacted().events()


def test_a_secret_given_away_before_the_view_opened_is_masked_in_it() -> None:
    recording = Recording()
    recording.say(C2S, {"password": "hunter22"})
    view = LiveRedactor(recording.trace)
    said = recording.say(S2C, {"echo": base64.b64encode(b"hunter22").decode()})

    (given,) = view.feed([said])

    assert isinstance(given, Message)
    assert json.loads(given.raw)["echo"].startswith("**********")


def test_what_was_flushed_is_told_better_when_its_rest_comes() -> None:
    recording = Recording(transport="http")
    view = LiveRedactor(recording.trace)
    data = request(HARMLESS)
    view.feed([recording.chunk(C2S, data[:30])])

    (flushed,) = view.flush()
    assert isinstance(flushed, Chunk)
    assert flushed.data == b"*" * 30
    view.feed([recording.chunk(C2S, data[30:])])

    assert view.late == (1,)
    assert [event.data for event in view.retouched()] == [data[:30]]


def test_a_held_chunk_that_leaves_the_trace_is_masked() -> None:
    recording = Recording(Trace(max_events=1))
    view = LiveRedactor(recording.trace)
    view.feed([recording.chunk(C2S, b'{"password":"hunter2')])

    out = view.feed([recording.chunk(C2S, b'2"}\n')])

    data = b"".join(event.data for event in out if isinstance(event, Chunk))
    assert b"hun" not in data
    assert b'2"}' not in data
