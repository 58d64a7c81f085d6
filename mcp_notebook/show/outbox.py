"""Gives the events of a Trace to the pages that draw it: redacted, in order, in batches."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

from mcp_notebook.trace.codec import encode
from mcp_notebook.trace.events import Chunk, Event, Message
from mcp_notebook.trace.live import LiveRedactor
from mcp_notebook.trace.store import Trace

TICK_S: Final = 0.1
"""While there is traffic, one batch in this time; the first one after a rest goes at once.

At half of it, a call on two cores takes a fifth longer while a page draws, since the kernel, the
server and the page share them (``python -m tests.bench.live``)."""

HOLD_S: Final = 0.2
"""How long half a text waits for its rest before it is given as it is."""

HEARTBEATS_S: Final = (0.5, 2.0)
"""After the last traffic: when to say how far the Trace is, for a batch that was lost."""

INTRODUCTION_S: Final = 0.5
"""A page that has not asked by then may be unable to while a cell runs: it is told unasked."""

MAX_ITEMS: Final = 2000
MAX_BATCH_BYTES: Final = 1 << 20
MAX_BODY_BYTES: Final = 1 << 20
"""A page is given this much of one event; the true length stands beside it."""


class Send(Protocol):
    """Puts one message on its way to the pages."""

    def __call__(self, message: dict[str, Any], buffers: list[bytes]) -> None:
        """Send; called by the outbox's thread only."""


class Outbox:
    """Feeds pages with a Trace from a thread of its own; recording never waits for it.

    What is said is described in ``widgets/src/protocol.ts``. The events of a batch travel as one
    buffer, a JSON list.

    Args:
        trace: the Trace.
        send: puts a message on its way.
    """

    def __init__(self, trace: Trace, send: Send) -> None:
        self._trace = trace
        self._send = send
        self._redactor = LiveRedactor(trace)
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._posts: deque[dict[str, Any]] = deque()
        self._asked: tuple[str, int] | None = None
        self._ready: list[Event] = []
        self._pulled = 0
        self._sent = 0
        self._cleared = trace.cleared_seq
        self._held_since = 0.0
        self._traffic_at = 0.0
        self._beats = 0
        self._introduce_at = 0.0
        self.failures = 0
        """How often something went wrong here that the traffic must not feel."""

    @property
    def epoch(self) -> str:
        """The name of this Trace among others that a page may have seen."""
        return repr(self._trace.zero_unix_s)

    def start(self) -> None:
        """Begin to send what is recorded; a second time is once."""
        with self._lock:
            if self._thread is None and not self._closed:
                # what was recorded before is sent to a page that asks; the redactor must see it
                self._sent = self._trace.last_seq
                self._introduce_at = time.monotonic() + INTRODUCTION_S
                self._thread = threading.Thread(target=self._turn, name="mcp-outbox", daemon=True)
                self._thread.start()

    def ask(self, epoch: str, after: int) -> None:
        """A page holds everything up to a number and wants the rest; from any thread."""
        self.start()
        with self._lock:
            if self._asked is not None and self._asked[0] == epoch:
                after = min(after, self._asked[1])
            elif self._asked is not None:
                epoch, after = "", 0  # pages that hold different things: all of it for both
            self._asked = (epoch, after)
            self._introduce_at = 0.0
        self._wake.set()

    def post(self, message: dict[str, Any]) -> None:
        """Send a message of another kind, after what is recorded so far; from any thread."""
        self._posts.append(message)
        self.start()
        self._wake.set()

    def close(self) -> None:
        """Send what is there and end the thread."""
        with self._lock:
            self._closed = True
            thread = self._thread
        self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(2)

    # ---- the thread --------------------------------------------------------------------------

    def _turn(self) -> None:
        while True:
            self._rest()
            closed = self._closed
            try:
                self._work()
            except Exception:  # noqa: BLE001 - a boundary: a view that fails must not end the rest
                self.failures += 1
            if closed:
                return

    def _rest(self) -> None:
        """Sleep until there is something to do; without traffic for long, deeply."""
        if self._closed:
            return
        busy = self._traffic_at and time.monotonic() - self._traffic_at < HEARTBEATS_S[-1] + TICK_S
        if busy or self._ready or self._redactor.held or self._introduce_at:
            # a request may come at once; events are looked for once in a tick
            self._wake.wait(TICK_S)
            self._wake.clear()
            return
        # only now is the Trace asked to call: while there is traffic that would cost each event
        undo = self._trace.subscribe(lambda _: self._wake.set())
        try:
            if self._trace.last_seq == self._pulled and not self._posts and self._asked is None:
                self._wake.wait()
            self._wake.clear()
        finally:
            undo()

    def _work(self) -> None:
        if self._trace.cleared_seq != self._cleared:
            self._cleared = self._trace.cleared_seq
            self._ready = [event for event in self._ready if event.seq > self._cleared]
            self._sent = max(self._sent, self._cleared)
            self._tell("snapshot", self._cleared + 1, self._cleared, [])
        with self._lock:
            if self._introduce_at and time.monotonic() > self._introduce_at:
                self._introduce_at = 0.0
                if self._sent <= MAX_ITEMS:
                    self._asked = self._asked or (self.epoch, 0)
            asked, self._asked = self._asked, None
        posts = len(self._posts)
        self._pull()
        if asked is not None:
            self._again(*asked)
        self._give()
        for _ in range(posts):
            self._send(self._posts.popleft(), [])

    def _pull(self) -> None:
        """Take what was recorded; give up waiting for halves that stay halves."""
        now = time.monotonic()
        events = self._trace.since(self._pulled)
        if events:
            self._pulled = events[-1].seq
            self._traffic_at, self._beats = now, 0
            self._ready += self._redactor.feed(events)
        if not self._redactor.held:
            self._held_since = 0.0
        elif not self._held_since:
            self._held_since = now
        elif now - self._held_since > HOLD_S or self._closed:
            self._ready += self._redactor.flush()
            self._held_since = 0.0

    def _give(self) -> None:
        """Send what nothing before it is held back, and what must be told anew."""
        limit = min(self._redactor.held, default=self._pulled + 1) - 1
        self._ready.sort(key=lambda event: event.seq)
        if limit > self._sent:
            due = [event for event in self._ready if self._sent < event.seq <= limit]
            self._batches(due, self._sent + 1, limit)
            self._sent = limit
        self._ready = [event for event in self._ready if event.seq > self._sent]
        if self._redactor.late:
            again = [event for event in self._redactor.retouched() if event.seq <= self._sent]
            for piece in self._pieces(again):
                self._tell("batch", self._sent + 1, self._sent, piece)
        quiet = time.monotonic() - self._traffic_at if self._traffic_at else 0.0
        while self._beats < len(HEARTBEATS_S) and quiet > HEARTBEATS_S[self._beats]:
            self._beats += 1
            self._tell("batch", self._sent + 1, self._sent, [])

    def _again(self, epoch: str, after: int) -> None:
        """Send what a page lacks of what was sent before."""
        known = epoch == self.epoch and after <= self._sent
        first = after + 1 if known else 1
        if epoch and not known:
            self._tell("snapshot", 1, 0, [])
        if first > self._sent:
            self._tell("batch", self._sent + 1, self._sent, [])
            return
        wanted = self._trace.between(first, self._sent)
        for start in range(0, len(wanted), MAX_ITEMS):
            piece = self._trace.redact(wanted[start : start + MAX_ITEMS])
            last = self._sent if start + MAX_ITEMS >= len(wanted) else piece[-1].seq
            self._batches(piece, first, last)
            first = last + 1
            time.sleep(0)  # others may run between the pieces of a long Trace
        if not wanted:
            self._tell("batch", first, self._sent, [])

    def _batches(self, events: Sequence[Event], first: int, last: int) -> None:
        pieces = list(self._pieces(events)) or [[]]
        for piece in pieces[:-1]:
            end = piece[-1][0]
            self._tell("batch", first, end, piece)
            first = end + 1
        self._tell("batch", first, last, pieces[-1])

    def _pieces(self, events: Sequence[Event]) -> Iterator[list[tuple[int, bytes]]]:
        """The events as JSON with their numbers, in pieces that one message can carry."""
        piece: list[tuple[int, bytes]] = []
        size = 0
        for event in events:
            try:
                text = line(event)
            except (TypeError, ValueError):  # it would stop all that come after it
                self.failures += 1
                continue
            if piece and (len(piece) == MAX_ITEMS or size + len(text) > MAX_BATCH_BYTES):
                yield piece
                piece, size = [], 0
            piece.append((event.seq, text))
            size += len(text)
        if piece:
            yield piece

    def _tell(self, kind: str, first: int, last: int, items: list[tuple[int, bytes]]) -> None:
        message = {
            "type": kind,
            "epoch": self.epoch,
            "from": first,
            "to": last,
            "dropped": self._trace.dropped,
            "zero_ns": self._trace.zero_ns,
        }
        body = b"[" + b",".join(text for _, text in items) + b"]"
        with contextlib.suppress(OSError):  # the front end is gone; the next one asks again
            self._send(message, [body])


def line(event: Event) -> bytes:
    """An event, already redacted, as one line of JSON without its end; long bodies are cut."""
    if isinstance(event, Message) and len(event.raw) > MAX_BODY_BYTES:
        event = replace(event, raw=event.raw[:MAX_BODY_BYTES])
    elif isinstance(event, Chunk) and len(event.data) > MAX_BODY_BYTES:
        event = replace(event, data=event.data[:MAX_BODY_BYTES])
    return json.dumps(encode(event), ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )
