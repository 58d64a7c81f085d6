"""What pages are given of a Trace: all of it, once, in order, redacted, and never in the way."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mcp_notebook.show import outbox as module
from mcp_notebook.show.outbox import Outbox
from mcp_notebook.show.widget import SNAPSHOT_BYTES, SNAPSHOT_EVENTS, snapshot
from mcp_notebook.trace.events import Direction, Vantage
from mcp_notebook.trace.store import Trace
from mcp_notebook.transports.tap import LinkTap, Tap
from mcp_notebook.wire.spans import Span

C2S = Direction.CLIENT_TO_SERVER


class Page:
    """Takes batches as the page does: `rows` is what it holds."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.rows: dict[int, dict[str, Any]] = {}
        self.next = 1
        self.batches: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
        self.other: list[dict[str, Any]] = []
        self.gaps = 0
        self.deaf = False
        self.outbox = Outbox(trace, self.hear)

    def hear(self, message: dict[str, Any], buffers: list[bytes]) -> None:
        if self.deaf:
            return
        if message["type"] == "answer":
            self.other.append(message)
            return
        items = json.loads(buffers[0])
        self.batches.append((message, items))
        if message["type"] == "snapshot":
            self.rows.clear()
            self.next = message["from"]
        if message["from"] > self.next:
            self.gaps += 1
            return
        self.rows.update({item["seq"]: item for item in items})
        self.next = max(self.next, message["to"] + 1)

    def has(self, seq: int) -> None:
        """Wait until the page holds everything up to a number."""
        until(lambda: self.next > seq)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.005)


@pytest.fixture
def trace() -> Trace:
    return Trace()


@pytest.fixture
def page(trace: Trace) -> Iterator[Page]:
    page = Page(trace)
    yield page
    page.outbox.close()
    assert page.outbox.failures == 0


def link(trace: Trace) -> LinkTap:
    tap = Tap(trace, "c", Vantage.CLIENT, "pipe").link()
    tap.opened("two pipes")
    return tap


def send(tap: LinkTap, number: int, secret: str = "") -> None:
    """A message as a line transport records it: the bytes, then the message."""
    params = {"name": "add", "arguments": {"a": number, "note": secret}}
    message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
    raw = json.dumps(message).encode()
    start = tap.chunk(C2S, raw + b"\n")
    tap.message(C2S, raw, span=Span(start, start + len(raw)))


def test_a_page_that_asks_gets_what_was_and_then_what_comes(trace: Trace, page: Page) -> None:
    tap = link(trace)
    for number in range(30):
        send(tap, number)

    page.outbox.ask("", 0)
    page.has(trace.last_seq)
    for number in range(30, 60):
        send(tap, number)
    page.has(trace.last_seq)

    assert sorted(page.rows) == list(range(1, trace.last_seq + 1))
    assert page.gaps == 0


def test_a_page_is_told_unasked_where_it_cannot_ask(trace: Trace, page: Page) -> None:
    send(link(trace), 1)

    page.outbox.start()
    page.has(trace.last_seq)

    assert sorted(page.rows) == [1, 2, 3]


def test_a_batch_that_was_lost_can_be_asked_for(trace: Trace, page: Page) -> None:
    tap = link(trace)
    page.outbox.ask("", 0)
    page.has(trace.last_seq)
    page.deaf = True
    send(tap, 1)
    until(lambda: page.outbox._sent == trace.last_seq)
    page.deaf = False
    send(tap, 2)
    until(lambda: page.gaps > 0)

    page.outbox.ask(page.outbox.epoch, page.next - 1)
    page.has(trace.last_seq)

    assert sorted(page.rows) == list(range(1, trace.last_seq + 1))


def test_heartbeats_show_that_the_last_batch_was_lost(trace: Trace, page: Page) -> None:
    tap = link(trace)
    page.outbox.ask("", 0)
    page.has(trace.last_seq)
    page.deaf = True
    send(tap, 1)
    until(lambda: page.outbox._sent == trace.last_seq)
    page.deaf = False

    until(lambda: page.gaps > 0)

    message, items = page.batches[-1]
    assert (message["from"], message["to"], items) == (trace.last_seq + 1, trace.last_seq, [])


def test_a_page_of_another_trace_forgets_it(trace: Trace, page: Page) -> None:
    send(link(trace), 1)

    page.outbox.ask("1234.5", 4000)
    until(lambda: page.batches != [] and page.next > trace.last_seq)

    assert page.batches[0][0]["type"] == "snapshot"
    assert sorted(page.rows) == [1, 2, 3]


def test_clearing_the_trace_clears_the_pages(trace: Trace, page: Page) -> None:
    tap = link(trace)
    send(tap, 1)
    page.outbox.ask("", 0)
    page.has(trace.last_seq)

    trace.clear()
    send(tap, 2)
    page.has(trace.last_seq)

    assert sorted(page.rows) == [4, 5]


def test_what_left_the_trace_is_counted(page: Page) -> None:
    trace = page.trace
    trace.max_events = 10
    tap = link(trace)
    for number in range(20):
        send(tap, number)

    page.outbox.ask("", 0)
    page.has(trace.last_seq)

    assert sorted(page.rows) == list(range(trace.first_seq, trace.last_seq + 1))
    assert page.batches[-1][0]["dropped"] == trace.dropped > 0


def test_a_secret_never_reaches_a_page(trace: Trace, page: Page) -> None:
    trace.secrets.add("hunter2-hunter2")
    page.outbox.ask("", 0)
    tap = link(trace)
    send(tap, 1, secret="hunter2-hunter2")
    half = b'{"note": "hunter2'
    tap.chunk(C2S, half)
    tap.chunk(C2S, b'-hunter2"}\n')
    page.has(trace.last_seq)

    assert "hunter2" not in json.dumps(page.batches, default=str)


def test_what_was_given_before_its_secret_was_known_is_given_again(
    trace: Trace, page: Page
) -> None:
    page.outbox.ask("", 0)
    tap = link(trace)
    send(tap, 1, secret="correct-horse")
    page.has(trace.last_seq)
    assert "correct-horse" in json.dumps(page.rows)

    trace.secrets.add("correct-horse")
    send(tap, 2)
    page.has(trace.last_seq)
    until(lambda: "correct-horse" not in json.dumps(page.rows))

    assert sorted(page.rows) == list(range(1, trace.last_seq + 1))


def test_half_a_line_is_shown_in_the_end(trace: Trace, page: Page) -> None:
    page.outbox.ask("", 0)
    tap = link(trace)
    tap.chunk(C2S, b'{"half')
    page.has(trace.last_seq)

    assert page.rows[2]["size"] == 6


def test_the_body_of_one_event_is_bounded(
    trace: Trace, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BODY_BYTES", 1000)
    tap = link(trace)
    tap.message(C2S, b'"' + b"x" * 5000 + b'"')

    page.outbox.ask("", 0)
    page.has(trace.last_seq)

    assert len(page.rows[2]["raw"]) == 1000
    assert page.rows[2]["size"] == 5002


def test_a_long_trace_comes_in_pieces(trace: Trace, page: Page) -> None:
    tap = link(trace)
    for number in range(2500):
        send(tap, number)

    page.outbox.ask("", 0)
    page.has(trace.last_seq)

    assert len(page.rows) == trace.last_seq
    assert max(len(items) for _, items in page.batches) <= module.MAX_ITEMS


def test_answers_come_after_what_they_caused(trace: Trace, page: Page) -> None:
    page.outbox.ask("", 0)
    send(link(trace), 1)

    page.outbox.post({"type": "answer", "request": 1, "ok": True})
    until(lambda: page.other != [])

    assert page.next == trace.last_seq + 1


def test_a_page_that_is_gone_does_not_end_the_rest(trace: Trace) -> None:
    told: list[str] = []

    def refuse(message: dict[str, Any], _buffers: list[bytes]) -> None:
        told.append(message["type"])
        raise OSError("no front end")

    outbox = Outbox(trace, refuse)
    outbox.ask("", 0)
    until(lambda: len(told) == 1)
    send(link(trace), 1)
    until(lambda: len(told) > 1)
    outbox.close()


def test_with_nothing_to_do_the_trace_is_left_alone(trace: Trace, page: Page) -> None:
    page.outbox.ask("", 0)
    page.has(0)
    until(lambda: len(trace._subscribers.now) == 1)  # it sleeps until something is recorded

    send(link(trace), 1)
    page.has(trace.last_seq)

    assert trace._subscribers.now == ()  # while there is traffic no event pays for the view


def test_a_closed_outbox_leaves_no_thread(trace: Trace) -> None:
    page = Page(trace)
    page.outbox.ask("", 0)
    thread = page.outbox._thread
    assert thread is not None

    page.outbox.close()

    assert not thread.is_alive()


def test_a_snapshot_is_a_trace_that_can_be_read_again(trace: Trace, tmp_path: Any) -> None:
    trace.secrets.add("hunter2-hunter2")
    tap = link(trace)
    for number in range(3):
        send(tap, number, secret="hunter2-hunter2")
    file = tmp_path / "saved.jsonl"
    file.write_text(snapshot(trace), encoding="utf-8")

    again = Trace.load(file)

    assert [event.seq for event in again] == [event.seq for event in trace]
    assert "hunter2" not in file.read_text(encoding="utf-8")


def test_a_snapshot_is_bounded_and_says_what_is_missing(trace: Trace) -> None:
    tap = link(trace)
    for number in range(SNAPSHOT_EVENTS):
        send(tap, number)

    header, *lines = snapshot(trace).splitlines()

    assert len(lines) <= SNAPSHOT_EVENTS
    assert sum(map(len, lines)) <= SNAPSHOT_BYTES
    assert json.loads(header)["dropped"] == len(trace) - len(lines)
    assert json.loads(lines[-1])["seq"] == trace.last_seq
