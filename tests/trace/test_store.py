from __future__ import annotations

import dataclasses
import inspect
import threading
import tracemalloc
from itertools import pairwise

import pytest

from mcp_notebook.trace.events import (
    Chunk,
    Event,
    Fault,
    LinkClosed,
    LinkOpened,
    Message,
    StderrLine,
    Vantage,
    quick_chunk,
    quick_message,
)
from mcp_notebook.trace.store import Trace
from mcp_notebook.transports.report import Reporter, ReportReader
from mcp_notebook.transports.tap import SENT, LinkTap, Tap
from mcp_notebook.wire.spans import Span

from .recording import C2S, S2C, Recording

QUICK = {Message: quick_message, Chunk: quick_chunk}
LABELED = ["conn", "vantage", "link", "transport"]
LABELS = {"conn": "demo", "vantage": Vantage.CLIENT}


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        (Message, {"direction": C2S, "raw": b"{}", "size": 2, "span": None}),
        (Message, {"direction": S2C, "raw": b"x" * 9, "size": 70_000}),
        (Chunk, {"direction": C2S, "data": b"{}", "size": 2, "offset": 7}),
    ],
)
def test_the_quick_way_makes_the_same_frozen_event(kind: type[Event], own: dict) -> None:
    plain = kind(seq=1, time_ns=2, **LABELS, link="l", transport="t", **own)
    fields = {field.name: getattr(plain, field.name) for field in dataclasses.fields(kind)}
    labels = tuple(fields.pop(name) for name in LABELED)
    quick = QUICK[kind](fields.pop("seq"), fields.pop("time_ns"), labels, *fields.values())
    assert type(quick) is kind
    assert quick == plain
    assert hash(quick) == hash(plain)
    assert repr(quick) == repr(plain)
    assert len(repr(quick)) < 80
    assert dataclasses.replace(quick, seq=9).seq == 9
    with pytest.raises(dataclasses.FrozenInstanceError):
        quick.seq = 3
    with pytest.raises(dataclasses.FrozenInstanceError):
        del quick.seq


@pytest.mark.parametrize("kind", [Message, Chunk])
def test_the_quick_way_takes_every_field_in_the_order_of_the_class(kind: type[Event]) -> None:
    taken = list(inspect.signature(QUICK[kind]).parameters)
    at = taken.index("labels")
    taken[at : at + 1] = LABELED
    assert taken == [field.name for field in dataclasses.fields(kind)]


def test_what_comes_by_the_quick_way_is_numbered_kept_and_told_as_the_rest() -> None:
    trace = Trace(max_bytes=10)
    told: list[Event] = []
    trace.subscribe(told.append)
    labels = ("demo", Vantage.CLIENT, "l", "t")

    assert trace.append(quick_message, (labels, C2S, b"{    }", 6, None, ""), 6) == 1
    assert trace.append(quick_chunk, (labels, C2S, b"{     }", 7, 0), 7, 1, 5) == 2

    first, second = told
    assert [(type(each), each.seq) for each in told] == [(Message, 1), (Chunk, 2)]
    assert first.time_ns >= trace.zero_ns
    assert second.time_ns == 5
    assert trace.events() == [second]
    assert trace.dropped == 1
    assert first.weight == 6


LINE = b'{"id":1}\n'


@pytest.mark.parametrize("time_ns", [0, 5])
@pytest.mark.parametrize("span", [None, Span(100, 109)])
def test_a_line_is_its_bytes_and_its_message(span: Span | None, time_ns: int) -> None:
    twice, once = Trace(), Trace()
    told: list[Event] = []
    once.subscribe(told.append)
    apart, whole = (Tap(each, "demo", Vantage.SERVER, "t").link() for each in (twice, once))
    for _ in range(2):
        start = apart.chunk(C2S, LINE, time_ns=time_ns)
        apart.message(C2S, LINE[:-1], span=span or Span(start, start + len(LINE)), time_ns=time_ns)
        whole.line(C2S, LINE, LINE[:-1], span=span, time_ns=time_ns)

    assert told == once.events()
    assert len(told) == len(twice) == 4
    for one, other in zip(told, twice, strict=True):
        same = dataclasses.replace(one, time_ns=0, link="")
        assert same == dataclasses.replace(other, time_ns=0, link="")
        assert one.time_ns == time_ns or not time_ns


def test_a_line_beyond_the_bound_of_one_event_is_cut() -> None:
    trace = Trace(max_event_bytes=4)
    Tap(trace, "demo", Vantage.SERVER, "t").link().line(S2C, LINE, LINE[:-1])
    chunk, message = trace.events()
    assert isinstance(chunk, Chunk)
    assert isinstance(message, Message)
    assert (chunk.data, chunk.size) == (LINE[:4], len(LINE))
    assert (message.raw, message.size, message.span) == (LINE[:4], len(LINE) - 1, Span(0, 9))


def test_a_line_counts_both_its_events_against_the_bound() -> None:
    trace = Trace(max_bytes=3 * len(LINE))
    link = Tap(trace, "demo", Vantage.SERVER, "t").link()
    for _ in range(3):
        link.line(C2S, LINE, LINE[:-1])
    kept = trace.events()
    assert sum(event.weight for event in kept) <= trace.max_bytes
    assert [event.seq for event in kept] == [4, 5, 6]


def test_a_line_notes_who_sent_it() -> None:
    trace = Trace()
    link = Tap(trace, "demo", Vantage.CLIENT, "t").link()
    noted: list[int] = []
    token = SENT.set(noted)
    try:
        link.line(C2S, LINE, LINE[:-1])
        link.line(S2C, LINE, LINE[:-1])
    finally:
        SENT.reset(token)
    assert noted == [2]


def test_a_line_of_a_childs_report_is_replayed_as_both() -> None:
    trace, report = Trace(), bytearray()
    reporter = Reporter(report.extend)
    for way in (C2S, S2C, C2S):
        reporter.line(way, LINE, LINE[:-1])
    reader = ReportReader(Tap(trace, "demo", Vantage.SERVER, "stdio").link())
    for place in range(0, len(report), 7):
        reader.feed(bytes(report[place : place + 7]))
    assert [type(event) for event in trace] == [Chunk, Message] * 3
    chunks = [event for event in trace if isinstance(event, Chunk)]
    assert [(each.direction, each.data, each.offset) for each in chunks] == [
        (C2S, LINE, 0),
        (S2C, LINE, 0),
        (C2S, LINE, len(LINE)),
    ]
    assert [message.span for message in trace.messages()] == [
        Span(0, 9),
        Span(0, 9),
        Span(9, 18),
    ]
    assert {message.raw for message in trace.messages()} == {LINE[:-1]}


def test_events_are_numbered_from_one_and_stamped() -> None:
    trace = Trace()
    first = trace.record(Fault, text="a", **LABELS)
    second = trace.record(Fault, text="b", **LABELS, time_ns=5)
    assert (first.seq, second.seq, trace.last_seq) == (1, 2, 2)
    assert first.time_ns >= trace.zero_ns
    assert second.time_ns == 5


def test_beyond_the_number_of_events_the_oldest_leave_and_are_counted() -> None:
    trace = Trace(max_events=3)
    for n in range(5):
        trace.record(Fault, text=str(n), **LABELS)
    assert [event.seq for event in trace] == [3, 4, 5]
    assert trace.dropped == 2
    assert repr(trace) == "Trace(3 faults, 2 dropped)"


def test_beyond_the_bytes_the_oldest_leave_and_are_counted() -> None:
    trace = Trace(max_bytes=10)
    recording = Recording(trace)
    for _ in range(4):
        recording.chunk(C2S, b"12345")
    assert (len(trace), trace.dropped) == (2, 2)
    trace.record(StderrLine, text="x" * 8, **LABELS)
    assert (len(trace), trace.dropped) == (1, 4)


def test_the_newest_event_stays_however_big_it_is() -> None:
    trace = Trace(max_bytes=10)
    Recording(trace).chunk(C2S, b"x" * 50)
    assert (len(trace), trace.dropped) == (1, 0)


def test_a_forgotten_event_is_not_a_dropped_one() -> None:
    trace = Trace(max_bytes=10)
    recording = Recording(trace)
    recording.chunk(C2S, b"12345678")
    trace.clear()
    recording.chunk(C2S, b"12345678")
    assert [event.seq for event in trace] == [2]
    assert trace.dropped == 0


def test_since_gives_what_is_newer() -> None:
    trace = Trace(max_events=3)
    for n in range(5):
        trace.record(Fault, text=str(n), **LABELS)
    assert [event.seq for event in trace.since(3)] == [4, 5]
    assert [event.seq for event in trace.since(0)] == [3, 4, 5]
    assert trace.since(5) == []


def test_a_subscriber_hears_each_event_in_order_until_it_leaves() -> None:
    trace = Trace()
    heard: list[int] = []
    leave = trace.subscribe(lambda event: heard.append(event.seq))
    for _ in range(3):
        trace.record(Fault, text="", **LABELS)
    leave()
    trace.record(Fault, text="", **LABELS)
    assert heard == [1, 2, 3]


def test_one_function_can_be_subscribed_twice_and_leave_once() -> None:
    trace = Trace()
    heard: list[Event] = []
    leave = trace.subscribe(heard.append)
    trace.subscribe(heard.append)
    leave()
    trace.record(Fault, text="", **LABELS)
    assert len(heard) == 1


def test_a_subscriber_that_raises_is_counted_and_the_others_hear() -> None:
    trace = Trace()
    heard: list[Event] = []

    def broken(event: Event) -> None:
        raise RuntimeError("a view broke")

    trace.subscribe(broken)
    trace.subscribe(heard.append)
    event = trace.record(Fault, text="", **LABELS)
    assert heard == [event]
    assert trace.subscriber_failures == 1


def test_a_subscriber_may_record_and_order_is_kept() -> None:
    trace = Trace()
    heard: list[int] = []

    def echo(event: Event) -> None:
        if event.seq == 1:
            trace.record(Fault, text="echo", **LABELS)

    trace.subscribe(echo)
    trace.subscribe(lambda event: heard.append(event.seq))
    trace.record(Fault, text="", **LABELS)
    assert heard == [1, 2]


def test_a_subscriber_that_is_stuck_stops_no_other_recorder() -> None:
    trace = Trace()
    stuck, go_on = threading.Event(), threading.Event()
    heard: list[int] = []

    def slow(event: Event) -> None:
        stuck.set()
        assert go_on.wait(10)
        heard.append(event.seq)

    trace.subscribe(slow)
    thread = threading.Thread(target=lambda: trace.record(Fault, text="a", **LABELS))
    thread.start()
    assert stuck.wait(10)
    trace.record(Fault, text="b", **LABELS)  # returns although the subscriber is stuck
    assert [event.seq for event in trace] == [1, 2]
    assert heard == []
    go_on.set()
    thread.join(10)
    assert heard == [1, 2]


def test_many_threads_lose_no_event_and_no_order() -> None:
    threads, each = 8, 400
    trace = Trace(max_events=1000)
    heard: list[int] = []
    trace.subscribe(lambda event: heard.append(event.seq))
    start = threading.Barrier(threads)

    def work(name: str) -> None:
        start.wait(10)
        for n in range(each):
            trace.record(Chunk, direction=C2S, data=b"x", size=1, offset=n, **LABELS, link=name)
            if n % 50 == 0:
                trace.events()
                trace.since(trace.last_seq - 10)

    workers = [threading.Thread(target=work, args=(f"l{n}",)) for n in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert heard == list(range(1, threads * each + 1))
    assert trace.dropped == threads * each - 1000
    kept = trace.events()
    assert [event.seq for event in kept] == list(range(threads * each - 999, threads * each + 1))
    assert all(a.time_ns <= b.time_ns for a, b in pairwise(kept))
    per_link: dict[str, list[int]] = {}
    for event in kept:
        assert isinstance(event, Chunk)
        per_link.setdefault(event.link, []).append(event.offset)
    assert all(offsets == sorted(offsets) for offsets in per_link.values())


def test_the_text_of_a_trace_counts_and_names_nothing_that_changes() -> None:
    recording = Recording()
    trace = recording.trace
    assert repr(trace) == "Trace(empty)"
    trace.record(LinkOpened, address="127.0.0.1:4711", **LABELS)
    recording.chunk(C2S, b"{}")
    recording.ask(1)
    recording.answer(1)
    trace.record(LinkClosed, **LABELS)
    assert repr(trace) == "Trace(2 messages, 1 chunk, 1 link opened, 1 link closed)"


def test_a_selection_is_a_trace_that_keeps_its_numbers_and_does_not_change() -> None:
    recording = Recording()
    recording.ask(1, "tools/list")
    part = recording.trace.select("kind:request")
    recording.ask(2, "tools/list")
    assert [event.seq for event in part] == [1]
    assert part.last_seq == 1
    assert part.zero_ns == recording.trace.zero_ns
    assert part.messages() == recording.trace.messages()[:1]


def test_a_selection_of_requests_still_knows_how_they_ended() -> None:
    recording = Recording()
    recording.ask(1, "tools/call", name="add")
    recording.refuse(1)
    recording.ask(2, "tools/call", name="add")
    requests = recording.trace.select("kind:request")
    assert [one.status for one in requests.exchanges()] == ["error", "unanswered"]
    assert [event.seq for event in requests.select("status:error")] == [1]


def test_a_request_seen_from_both_ends_is_one_exchange() -> None:
    trace = Trace()
    client = Recording(trace, conn="me", link="tcp#1")
    server = Recording(trace, conn="notebook-tcp", vantage=Vantage.SERVER, link="tcp#2")
    client.ask(1)
    server.ask(1)
    server.answer(1)
    client.answer(1)
    assert [one.conn for one in trace.exchanges()] == ["me"]
    assert [one.conn for one in trace.exchanges("server")] == ["notebook-tcp"]
    assert [one.conn for one in trace.select("vantage:server").exchanges()] == ["notebook-tcp"]


def test_ten_thousand_messages_of_300_bytes_with_their_chunks_fit_in_12_mb() -> None:
    recording = Recording()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(10_000):
            line = b"%0300d\n" % number
            recording.chunk(C2S, line)
            recording.say(C2S, line[:-1])
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(recording.trace) == 20_000
    assert after - before < 12_000_000


def test_one_event_beyond_its_own_bound_is_cut_and_keeps_its_true_length() -> None:
    trace = Trace(max_event_bytes=10)
    link = Tap(trace, conn="c", vantage=Vantage.CLIENT, transport="tcp").link()
    link.message(C2S, b"x" * 25)
    assert link.chunk(C2S, b"y" * 30) == 0
    assert link.chunk(C2S, b"z" * 10) == 30
    message, first, second = trace.events()
    assert (message.raw, message.size, message.cut) == (b"x" * 10, 25, True)
    assert (first.data, first.size, first.cut) == (b"y" * 10, 30, True)
    assert (second.cut, second.offset) == (False, 30)
    assert message.json() is None


def test_what_nobody_has_looked_at_is_counted_and_leaves_in_its_turn() -> None:
    trace = Trace(max_events=1000)
    link = Tap(trace, "demo", Vantage.SERVER, "t").link()
    for number in range(1500):
        link.line(C2S, LINE, LINE[:-1])
        assert len(trace) == min(2 * number + 2, 1000)
    link.fault("x")
    assert (len(trace), trace.dropped, trace.first_seq) == (1000, 2001, 2002)
    assert [event.seq for event in trace] == list(range(2002, 3002))
    assert isinstance(trace.events()[-1], Fault)


def test_what_leaves_before_anybody_looks_is_never_made() -> None:
    made: list[int] = []

    def counted(seq: int, time_ns: int, *fields: object) -> Chunk:
        made.append(seq)
        return quick_chunk(seq, time_ns, *fields)  # type: ignore[arg-type]

    trace = Trace(max_events=10)
    for _ in range(50):
        trace.append(counted, (("demo", Vantage.SERVER, "l", "t"), C2S, b"x", 1, 0), 1)
    assert (len(trace), trace.dropped, made) == (10, 40, [])
    assert [event.seq for event in trace] == made == list(range(41, 51))


@pytest.mark.parametrize("most", [1, 2, 3, 4, 5])
def test_half_a_line_may_leave_and_its_weight_with_it(most: int) -> None:
    trace = Trace(max_events=most)
    link = Tap(trace, "demo", Vantage.SERVER, "t").link()
    for _ in range(6):
        link.line(C2S, LINE, LINE[:-1])
    assert [event.seq for event in trace] == list(range(13 - most, 13))
    assert trace.dropped == 12 - most
    assert trace._bytes == sum(event.weight for event in trace)


def test_who_comes_later_is_told_nothing_of_what_was_not_looked_at() -> None:
    trace = Trace()
    link = Tap(trace, "demo", Vantage.SERVER, "t").link()
    link.line(C2S, LINE, LINE[:-1])
    told: list[Event] = []
    end = trace.subscribe(told.append)
    link.line(S2C, LINE, LINE[:-1])
    end()
    link.line(C2S, LINE, LINE[:-1])
    assert [event.seq for event in told] == [3, 4]
    assert [event.seq for event in trace] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("listens", [False, True])
def test_what_a_finaliser_records_while_events_are_made_stands_in_order(listens: bool) -> None:
    trace = Trace()
    link = Tap(trace, "demo", Vantage.SERVER, "t").link()
    told: list[Event] = []
    if listens:
        trace.subscribe(told.append)

    def makes(seq: int, *_: object) -> Chunk:
        """As when the garbage collector strikes just here."""
        link.fault("in between")
        trace.events()
        return quick_chunk(seq, 0, ("demo", Vantage.SERVER, "l", "t"), C2S, b"x", 1, 0)

    first = True

    def once(seq: int, *fields: object) -> Chunk:
        nonlocal first
        again, first = first, False
        make = makes if again else quick_chunk
        return make(seq, 0, ("demo", Vantage.SERVER, "l", "t"), C2S, b"x", 1, 0)

    link.line(C2S, LINE, LINE[:-1])
    trace.append(once, (), 1)
    link.line(S2C, LINE, LINE[:-1])

    trace.events()  # the look in which it records
    kinds = [Chunk, Message, Chunk, Fault, Chunk, Message]
    if not listens:  # made when somebody looks, so the fault comes last
        kinds = [Chunk, Message, Chunk, Chunk, Message, Fault]
    assert [type(event) for event in trace] == kinds
    assert [event.seq for event in trace] == [1, 2, 3, 4, 5, 6]
    assert told == (trace.events() if listens else [])


def test_recording_and_looking_at_once_loses_nothing() -> None:
    trace = Trace()
    taps = [Tap(trace, name, Vantage.SERVER, "t").link() for name in "abc"]
    told: list[int] = []
    trace.subscribe(lambda event: told.append(event.seq))

    def record(link: LinkTap) -> None:
        for _ in range(2000):
            link.line(C2S, LINE, LINE[:-1])

    threads = [threading.Thread(target=record, args=(link,)) for link in taps]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        seen = [event.seq for event in trace.events()]
        assert seen == list(range(1, len(seen) + 1))
    for thread in threads:
        thread.join()
    assert [event.seq for event in trace] == list(range(1, 12_001))
    assert sorted(told) == list(range(1, 12_001))
    assert told == sorted(told)


def test_ctrl_c_while_somebody_looks_loses_nothing() -> None:
    trace = Trace()
    link = Tap(trace, "demo", Vantage.SERVER, "t").link()
    struck: list[bool] = []

    def strikes(seq: int, time_ns: int, *fields: object) -> Chunk:
        if not struck:
            struck.append(True)
            raise KeyboardInterrupt
        return quick_chunk(seq, time_ns, *fields)  # type: ignore[arg-type]

    link.line(C2S, LINE, LINE[:-1])
    trace.append(strikes, (("demo", Vantage.SERVER, "l", "t"), C2S, b"x", 1, 0), 1)
    link.line(S2C, LINE, LINE[:-1])
    with pytest.raises(KeyboardInterrupt):
        trace.events()
    other = threading.Thread(target=link.fault, args=("recorded by another thread",), daemon=True)
    other.start()
    other.join(10)

    assert [type(event) for event in trace] == [Chunk, Message, Chunk, Chunk, Message, Fault]
    assert [event.seq for event in trace] == [1, 2, 3, 4, 5, 6]


def test_what_several_threads_record_is_in_the_order_of_time() -> None:
    trace = Trace()
    taps = [Tap(trace, name, Vantage.SERVER, "t").link() for name in "abcd"]

    def record(link: LinkTap) -> None:
        for _ in range(2000):
            link.message(C2S, LINE)

    threads = [threading.Thread(target=record, args=(link,)) for link in taps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times = [event.time_ns for event in trace]
    assert times == sorted(times)
