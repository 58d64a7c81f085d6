"""What is remembered from one redaction to the next changes no byte of what is said."""

from __future__ import annotations

import gc
import threading
import weakref

from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_notebook.trace.events import Chunk, Event, Message, Vantage
from mcp_notebook.trace.redact import redact
from mcp_notebook.trace.redactor import MAX_QUIET, MAX_VALUES, Redactor
from mcp_notebook.trace.store import Trace
from mcp_notebook.trace.streams import REMEMBERED_BYTES

from .recording import C2S, S2C, Recording
from .test_redact import CARRIERS, PLACES, POINTS, VALUES, carry
from .wiretap import HANDSHAKE, SWITCHED, leaks, request, ws_frames

KEY = request(b"{}", "X-Api-Key: hunter22")


@settings(max_examples=60, deadline=None)
@given(
    secret=VALUES,
    plan=st.lists(st.tuples(PLACES, CARRIERS, POINTS), min_size=1, max_size=3),
    looks=st.sets(st.integers(0, 40)),
)
def test_looking_in_between_changes_nothing(
    secret: str, plan: list[tuple[str, str, list[int]]], looks: set[int]
) -> None:
    whole = Trace()
    for number, (place, carrier, points) in enumerate(plan):
        transport = "websocket" if carrier.startswith("ws") else "http"
        transport = "tcp" if carrier == "tcp" else transport
        recording = Recording(whole, transport=transport, link=f"{transport}#{number}")
        carry(recording, carrier, place, secret, points)
    trace = Trace()
    for number, event in enumerate(whole):
        trace._adopt([event], dropped=0)
        if number in looks:
            assert trace.redacted().events() == redact(trace.events())

    assert trace.redacted().events() == redact(trace.events())
    for event in trace:
        assert trace.redact([event]) == redact([event], (), trace.events())


def test_no_chunk_is_decoded_twice() -> None:
    recording = Recording(transport="http")
    for _ in range(5):
        recording.chunk(C2S, KEY)
    trace = recording.trace
    trace.redacted()
    assert trace.memory.redactor.decoded == 5

    recording.chunk(C2S, KEY)
    trace.redacted()
    trace.select("kind:chunk").redacted()

    assert trace.memory.redactor.decoded == 6


def test_a_secret_stays_known_after_what_gave_it_away_left() -> None:
    recording = Recording(Trace(max_events=2), transport="http")
    recording.chunk(C2S, KEY)
    recording.trace.redacted()
    for _ in range(3):
        recording.say(S2C, {"echo": "hunter22"})

    assert leaks(recording.trace.redacted(), [], "hunter22") == []

    recording.trace.clear()
    recording.say(S2C, {"echo": "hunter22"})
    assert leaks(recording.trace.redacted(), [], "hunter22") == []


def test_a_selection_outlives_what_it_was_taken_from() -> None:
    recording = Recording(transport="http")
    recording.chunk(C2S, KEY[:60])
    recording.chunk(C2S, KEY[60:])
    recording.say(S2C, {"password": "hunter23", "echo": "hunter22"})
    part = recording.trace.select("kind:chunk,message")
    before = part.redacted().events()
    recording.trace.clear()

    assert part.redacted().events() == before
    assert leaks(part.redacted(), [], "hunter22") == leaks(part.redacted(), [], "hunter23") == []


def test_events_that_the_trace_never_held_are_judged_all_the_same() -> None:
    other = Recording(transport="http")
    other.chunk(C2S, KEY)
    other.say(S2C, {"password": "hunter23"})

    found = Trace().redact(other.trace.events())

    assert found == redact(other.trace.events())
    assert b"hunter22" not in found[0].data if isinstance(found[0], Chunk) else False


def test_a_link_that_lost_its_beginning_meanwhile_is_still_read_right() -> None:
    """The mask of a frame and the head before it are remembered while bytes of it are there."""
    recording = Recording(Trace(max_events=3), transport="websocket")
    trace = recording.trace
    recording.chunk(C2S, HANDSHAKE + b"\r\n")
    recording.chunk(S2C, SWITCHED)
    trace.redacted()
    frame = ws_frames([b'{"echo":"hunter22 and more"}'], b"abcd")
    recording.chunk(C2S, frame[:20])
    recording.chunk(C2S, frame[20:])
    trace.redacted()
    for _ in range(2):
        recording.say(S2C, {})
    trace.secrets.add("hunter22")

    (half, *_) = trace.redacted().events()
    assert isinstance(half, Chunk)
    plain = bytes(b ^ b"abcd"[(at + 20 - 6) % 4] for at, b in enumerate(half.data))
    assert plain == b'*** and more"}'


def test_a_little_is_remembered_of_a_long_link_whose_chunks_leave() -> None:
    recording = Recording(Trace(max_events=4))
    line = b'{"jsonrpc":"2.0","method":"' + b"x" * 3000 + b'"}\n'
    for _ in range(30):
        recording.chunk(C2S, line)
        recording.chunk(C2S, line * 5)
        recording.trace.redacted()
    recording.chunk(C2S, b'{"jsonrpc":"2.0","method":"hun')
    recording.chunk(C2S, b'ter22"}\n')
    recording.trace.redacted()
    for _ in range(3):
        recording.say(S2C, {})
    recording.trace.secrets.add("hunter22")
    link = recording.trace.memory.redactor.link(recording.trace.events()[0])
    assert link is not None

    kept = link.stream(C2S).chunks
    assert sum(len(chunk.data) for chunk in kept) <= REMEMBERED_BYTES + 20 * len(line)
    assert isinstance(first := recording.trace.redacted().events()[0], Chunk)
    assert first.data == b'*****"}\n'


def test_what_is_not_complete_is_judged_anew_each_time() -> None:
    recording = Recording(transport="http")
    first = recording.chunk(C2S, KEY[:-12])
    (half,) = recording.trace.redacted().events()
    assert isinstance(half, Chunk)
    assert half.data == b"*" * len(first.data)

    recording.chunk(C2S, KEY[-12:])

    one, _ = recording.trace.redacted().events()
    assert isinstance(one, Chunk)
    assert one.data.startswith(b"POST /mcp HTTP/1.1\r\n")


def test_many_threads_may_look_while_one_records() -> None:
    recording = Recording(Trace(max_events=50), transport="http")
    failures: list[BaseException] = []
    done = threading.Event()

    def look() -> None:
        try:
            while not done.is_set():
                assert leaks(recording.trace.redacted(), [], "hunter22") == []
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(200):
        recording.chunk(C2S, KEY)
        recording.say(S2C, {"echo": "hunter22"})
    done.set()
    for thread in threads:
        thread.join()

    assert failures == []


def test_the_memory_is_bounded_by_the_trace() -> None:
    trace = Trace(max_events=10)
    for number in range(MAX_QUIET + 40):
        recording = Recording(trace, transport="http", link=f"http#{number}")
        recording.chunk(C2S, KEY)
        recording.say(C2S, {"password": f"hunter-{number}"})
        trace.redacted()
    redactor = trace.memory.redactor

    chunks = [c for found in redactor._links.values() for c in found[-1].stream(C2S).chunks]
    assert sum(len(chunk.data) for chunk in chunks) <= REMEMBERED_BYTES * MAX_QUIET
    assert len(redactor._links) <= MAX_QUIET + 10
    assert len(redactor._hits) <= 10


def test_the_oldest_of_too_many_values_are_forgotten() -> None:
    redactor = Redactor()
    recording = Recording()
    for number in range(MAX_VALUES + 3):
        redactor.feed(recording.say(C2S, b'{"password":"value-%d"}' % number))

    assert len(redactor.values) == MAX_VALUES
    assert redactor.values[0] == b"value-3"


def test_a_trace_that_nobody_holds_is_gone_with_its_memory() -> None:
    recording = Recording()
    recording.say(C2S, {"password": "hunter22"})
    recording.trace.redacted()
    seen = weakref.ref(recording.trace)
    del recording
    gc.collect()

    assert seen() is None


def test_parts_of_a_trace_are_found_by_number() -> None:
    trace = Trace(max_events=5)
    for _ in range(8):
        trace.record(Message, conn="c", vantage=Vantage.CLIENT, direction=C2S, raw=b"{}", size=2)

    def numbers(events: list[Event]) -> list[int]:
        return [event.seq for event in events]

    assert trace.first_seq == 4
    assert numbers(trace.between(2, 5)) == [4, 5]
    assert numbers(trace.between(6, 99)) == [6, 7, 8]
    assert trace.between(9, 3) == []
    assert trace.event(3) is None
    assert trace.event(7) is trace.events()[3]
    part = Trace()
    part._adopt([trace.events()[0], trace.events()[3]], dropped=0)
    assert numbers(part.between(5, 8)) == [7]
    assert part.event(4) is trace.events()[0]
    trace.clear()
    assert trace.first_seq == 9
    assert trace.between(1, 9) == []
