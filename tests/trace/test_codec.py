from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_notebook.errors import UsageError
from mcp_notebook.trace import codec
from mcp_notebook.trace.events import (
    Chunk,
    Direction,
    Event,
    Fault,
    LinkClosed,
    LinkOpened,
    Message,
    StderrLine,
    Vantage,
)
from mcp_notebook.trace.store import Trace
from mcp_notebook.wire.spans import Span

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
SIZES = st.integers(0, 1 << 40)
COMMON = {
    "seq": st.integers(1, 1 << 40),
    "time_ns": SIZES,
    "conn": TEXT,
    "vantage": st.sampled_from(Vantage),
    "link": TEXT,
    "transport": TEXT,
}
SPANS = st.none() | st.builds(Span, SIZES, SIZES)
WAY = st.sampled_from(Direction)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(Message, **COMMON, direction=WAY, raw=st.binary(), size=SIZES, span=SPANS, cell=TEXT),
    st.builds(Chunk, **COMMON, direction=WAY, data=st.binary(), size=SIZES, offset=SIZES),
    st.builds(StderrLine, **COMMON, text=TEXT),
    st.builds(Fault, **COMMON, text=TEXT),
    st.builds(LinkOpened, **COMMON, address=TEXT),
    st.builds(LinkClosed, **COMMON, reason=TEXT),
)


@given(EVENTS)
def test_every_event_survives_json(event: Event) -> None:
    assert codec.decode(json.loads(json.dumps(codec.encode(event)))) == event


def test_bytes_are_text_where_they_can_be() -> None:
    assert codec.encode_bytes("héllo".encode()) == "héllo"
    assert codec.encode_bytes(b"\xff") == {"base64": "/w=="}


@pytest.mark.parametrize("value", [None, 7, {}, {"base64": "?"}, {"base64": 7}, ["x"]])
def test_what_is_no_bytes_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"base64|text"):
        codec.decode_bytes(value)


GOOD = codec.encode(
    Message(
        seq=1,
        time_ns=1,
        conn="c",
        vantage=Vantage.CLIENT,
        direction=Direction.CLIENT_TO_SERVER,
        raw=b"{}",
        size=2,
        span=Span(0, 2),
    )
)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("kind", "dance"),
        ("seq", "1"),
        ("seq", True),
        ("time_ns", None),
        ("conn", 7),
        ("vantage", "moon"),
        ("direction", "up"),
        ("raw", None),
        ("span", [1]),
        ("span", ["a", "b"]),
        ("cell", 7),
    ],
)
def test_a_wrong_member_is_a_value_error(member: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"kind|number|text|valid|span"):
        codec.decode({**GOOD, member: value})


def test_an_event_of_no_known_kind_cannot_be_written() -> None:
    with pytest.raises(TypeError, match="Event"):
        codec.encode(Event(seq=1, time_ns=1, conn="", vantage=Vantage.CLIENT))


def test_the_header_carries_the_clock_and_what_was_dropped() -> None:
    trace = Trace(max_events=1)
    for _ in range(3):
        trace.record(Fault, text="", conn="", vantage=Vantage.CLIENT)
    header = json.loads(json.dumps(codec.encode_header(trace)))
    copy = Trace()
    assert codec.decode_header(header, copy) == 2
    assert (copy.zero_ns, copy.zero_unix_s) == (trace.zero_ns, trace.zero_unix_s)


def test_an_unknown_version_is_said() -> None:
    header = codec.encode_header(Trace()) | {"mcp_trace": 99}
    with pytest.raises(UsageError, match="version 99, and version 1"):
        codec.decode_header(header, Trace())


@pytest.mark.parametrize("change", [{"mcp_trace": "1"}, {"zero_ns": "x"}, {"zero_unix_s": True}])
def test_a_broken_header_is_a_value_error(change: dict) -> None:
    with pytest.raises(ValueError, match=r"header|number"):
        codec.decode_header(codec.encode_header(Trace()) | change, Trace())
