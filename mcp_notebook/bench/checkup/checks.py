"""The checks of a transport: the same for every one, through the same door that users have."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from mcp_notebook.bridge.notes import runs
from mcp_notebook.errors import CallError, CallTimeout, McpError
from mcp_notebook.runtime.connection import Connection
from mcp_notebook.runtime.endpoint import Endpoint
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.trace.events import Message, Vantage
from mcp_notebook.transports.base import Transport

from .checktools import CANCELLED, STARTED, TOOLS, Bell
from .remains import answers, held

MEGABYTES_5: Final = 5_000_000
AT_ONCE: Final = 50
WORD_S: Final = 10.0
"""How long one word of the peer may take, in seconds."""

LONG_S: Final = 60.0
"""How long 5 MB may take."""

NASTY: Final = (
    'line\nbreak \r\n tab\t null\x00 quote" back\\slash \u2028\u2029 \x85 \ufeff é 漢 😀 '
    "data: event:"
)
"""What framings like to stumble over."""


class Amiss(Exception):
    """What a check found wrong, in one sentence."""


@dataclass
class Stand:
    """One transport in one era: an endpoint and a connection, opened when they are first used.

    Attributes:
        bench: a workbench of its own, with the tools of the check-up.
        transport: what is checked.
        era: ``legacy`` or ``modern``.
    """

    bench: Workbench
    transport: Transport
    era: str
    _open: Connection | None = field(default=None, repr=False)

    def endpoint(self, name: str = "checked") -> Endpoint:
        """A listening endpoint of that name."""
        found = self.bench.endpoints.get(name)
        return found or self.bench.serve(transport=self.transport.name, name=name)

    def connect(self, endpoint: Endpoint, name: str) -> Connection:
        """A new connection."""
        return self.bench.connect(endpoint, era=self.era, name=name, timeout=3 * WORD_S)

    @property
    def connection(self) -> Connection:
        """The connection that most checks use; a lost one is opened again."""
        if self._open is None or not self._open.is_open:
            self._open = self.connect(self.endpoint(), f"checked-{self.era}")
        return self._open

    def close(self) -> None:
        """End the connection."""
        if self._open is not None:
            self._open.close()


def expect(fact: bool, words: str) -> None:
    """Say what is amiss where a fact is none."""
    if not fact:
        raise Amiss(words)


def until(fact: Callable[[], bool], limit_s: float = WORD_S) -> bool:
    """Wait for something that comes by itself."""
    deadline = time.monotonic() + limit_s
    while not fact():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that a transport should do.

    Attributes:
        id: one word.
        title: a few words.
        look: where to look when it fails.
        run: does it; raises ``Amiss``, or what the package itself raises.
    """

    id: str
    title: str
    look: str
    run: Callable[[Stand], None]


LOOK: Final = {
    "handshake": ("listen() must hand each link to the server; connect() must yield both streams"),
    "list": "each message must arrive whole, once, and be sent whole",
    "call": "each message must arrive whole, once, and be sent whole",
    "errors": "errors are answers like any other: nothing may end the link",
    "progress": ("the server sends more than one message for a request: let each through at once"),
    "cancel": (
        "legacy and streams: notifications/cancelled must reach the session of "
        "the call; HTTP of the modern era: the closed request must"
    ),
    "timeout": "a time-out is a cancellation that the client begins",
    "question": (
        "legacy: a request of the server in the middle of a call; modern: "
        "input_required and a second call"
    ),
    "notice": (
        "a message that belongs to no call: legacy by itself, modern on subscriptions/listen"
    ),
    "result": "a limit on the way back: lines, frames, events, bodies",
    "argument": "a limit on the way there: lines, frames, bodies",
    "concurrent": (
        "one link carries many requests at once: no request may wait for another's answer"
    ),
    "ids": ("answers may come in any order; each carries the id of its request, as it was sent"),
    "unicode": r"JSON is UTF-8; a line ends with \n alone, and not with \u2028 or \x85",
    "trace": "both sides take a tap: tap.link(), then opened, chunk, message, closed",
    "gone": "end the read stream when the link ends; for HTTP, fail the request",
    "closed": (
        "close() of the listener frees ports, files, tasks; leaving connect() "
        "ends threads and children"
    ),
}
"""By check: where to look when it fails."""

CHECKS: Final[list[Check]] = []
"""In the order in which they run; what comes later builds on what comes before."""


def check(id: str, title: str) -> Callable[[Callable[[Stand], None]], None]:
    """Add a check."""
    return lambda run: CHECKS.append(Check(id=id, title=title, look=LOOK[id], run=run))


@check("handshake", "handshake")
def _handshake(stand: Stand) -> None:
    road = stand.connection
    expect(road.era == stand.era, f"{stand.era} was asked for, {road.era} was negotiated")
    expect(road.server_info is not None, "the server did not say what it is")
    expect(road.capabilities.tools is not None, "the server says that it has no tools")


@check("list", "list")
def _list(stand: Stand) -> None:
    names = stand.connection.tools().names
    wanted = [tool.__name__ for tool in TOOLS]
    expect(names[: len(wanted)] == wanted, f"listed were {', '.join(names) or 'none'}")


@check("call", "call")
def _call(stand: Stand) -> None:
    result = stand.connection.call("add", a=40)
    expect(result.value == 42, f"40 + 2 gave {result.value!r}")


@check("errors", "errors of tools and arguments")
def _errors(stand: Stand) -> None:
    road = stand.connection
    expect(road.call("boom").is_error, "a tool that fails gave no error")
    with contextlib.suppress(CallError):  # either of both is an answer
        given = road.start("add", {"a": "no number"}, checked=False).result(WORD_S)
        expect(given.is_error, "an argument of the wrong type gave no error")
    with contextlib.suppress(CallError):
        road.read("nowhere://at-all")
        raise Amiss("a resource that is not there gave no error")
    expect(road.call("add", a=1).value == 3, "the call after them went wrong")


@check("progress", "progress")
def _progress(stand: Stand) -> None:
    seen: list[float] = []
    call = stand.connection.start("steps", {"count": 4}, on_progress=lambda n, *_: seen.append(n))
    expect(call.result(WORD_S).value == "done", "the call went wrong")
    expect(seen == [1, 2, 3, 4], f"of the steps 1 to 4 came {seen or 'none'}")


@check("cancel", "cancel reaches the tool")
def _cancel(stand: Stand) -> None:
    with Bell() as bell:
        call = stand.connection.start("linger", {"port": bell.port})
        expect(bell.hear(WORD_S) == STARTED, "the tool did not start")
        call.cancel()
        expect(bell.hear(WORD_S / 3) == CANCELLED, "the tool went on after its call was cancelled")
    expect(stand.connection.call("add", a=1).value == 3, "the call after it went wrong")


@check("timeout", "time-out reaches the tool")
def _timeout(stand: Stand) -> None:
    with Bell() as bell:
        try:
            stand.connection.start("linger", {"port": bell.port}, timeout=1).result(WORD_S)
        except CallTimeout:
            pass
        else:
            raise Amiss("a call without an answer did not time out")
        expect(bell.hear(WORD_S) == STARTED, "the tool did not start")
        expect(bell.hear(WORD_S / 3) == CANCELLED, "the tool went on after its call timed out")
    expect(stand.connection.call("add", a=1).value == 3, "the call after it went wrong")


@check("question", "question answered")
def _question(stand: Stand) -> None:
    call = stand.connection.start("tall", {}, answer={"centimetres": 180}, timeout=WORD_S)
    result = call.result(2 * WORD_S)
    expect(result.value == "180 cm", f"180 came back as {result.value!r}")


@check("notice", "change notice")
def _notice(stand: Stand) -> None:
    listening = stand.connection.listen()
    name = f"new_{stand.era}"
    try:
        stand.bench.tool(TOOLS[0], name=name)
        came = until(lambda: len(listening) > 0, WORD_S / 3)
        expect(came, "a tool was added and the client was not told")
        expect(name in stand.connection.tools().names, "the new tool is not listed")
    finally:
        listening.stop()
        stand.bench.servers["notebook"].remove(name)


@check("result", "5 MB result")
def _result(stand: Stand) -> None:
    text = stand.connection.start("big", {"size": MEGABYTES_5}, timeout=LONG_S).result(LONG_S).value
    expect(text == "x" * MEGABYTES_5, "5 MB came back changed")


@check("argument", "5 MB argument")
def _argument(stand: Stand) -> None:
    text = "é" * (MEGABYTES_5 // 2)
    came = stand.connection.start("length", {"text": text}, timeout=LONG_S).result(LONG_S).value
    expect(came == len(text), f"of {len(text)} characters came {came}")


@check("concurrent", "50 concurrent calls")
def _concurrent(stand: Stand) -> None:
    calls = [stand.connection.start("add", {"a": n, "b": 1000}) for n in range(AT_ONCE)]
    values = [call.result(3 * WORD_S).value for call in calls]
    wrong = [n for n, value in enumerate(values) if value != n + 1000]
    expect(not wrong, f"{len(wrong)} of {AT_ONCE} calls got a wrong answer")


@check("ids", "order and ids")
def _ids(stand: Stand) -> None:
    road, since = stand.connection, stand.bench.trace.last_seq
    calls = [road.start("late", {"number": n, "of": 20}) for n in range(20)]
    values = [call.result(3 * WORD_S).value for call in calls]
    expect(values == list(range(20)), "answers reached the wrong calls")
    asked: Counter[Any] = Counter()
    answered: Counter[Any] = Counter()
    for one in _seen(stand, road.name, since):
        content = one.json()
        if isinstance(content, dict) and "id" in content:
            (asked if "method" in content else answered)[content["id"]] += 1
    twice = [id for id, count in (asked + Counter()).items() if count > 1]
    expect(not twice, f"the id {twice and twice[0]} was used twice")
    expect(answered == asked, f"{asked.total()} requests, {answered.total()} answers in the Trace")


def _seen(stand: Stand, conn: str, since: int) -> list[Message]:
    return [
        event
        for event in stand.bench.trace.since(since)
        if isinstance(event, Message) and event.conn == conn
    ]


@check("unicode", "every character")
def _unicode(stand: Stand) -> None:
    text = stand.connection.call("echo", text=NASTY).value
    expect(text == NASTY, f"came back as {text!r}"[:200])


@check("trace", "seen in the Trace at both ends")
def _trace(stand: Stand) -> None:
    road, since = stand.connection, stand.bench.trace.last_seq
    road.call("echo", text="traced")
    for conn, vantage in (
        (road.name, Vantage.CLIENT),
        (stand.endpoint().name, Vantage.SERVER),
    ):
        here = f"at the {vantage.value}"

        def count(conn: str = conn, vantage: Vantage = vantage) -> int:
            messages = _seen(stand, conn, since)
            return sum(m.vantage is vantage and b"traced" in m.raw for m in messages)

        seen = until(lambda: count() >= 2, WORD_S / 3)
        expect(seen, f"{count()} of 2 messages were seen {here}")
        expect(count() == 2, f"2 messages were seen {count()} times {here}")


@check("gone", "a peer that is gone is noticed")
def _gone(stand: Stand) -> None:
    endpoint = stand.endpoint("going")
    with Bell() as bell, stand.connect(endpoint, f"left-{stand.era}") as road:
        call = road.start("linger", {"port": bell.port})
        expect(bell.hear(WORD_S) == STARTED, "the tool did not start")
        if road.pid is not None:
            os.kill(road.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        else:  # not by endpoint.stop(), which would tell the connection
            stand.bench.loop.run(endpoint.listener.close(), timeout_s=WORD_S)
        for what, waiting in (("the call under way", call), ("the next call", None)):
            try:
                waiting = waiting or road.start("add", {"a": 1}, timeout=WORD_S)
                waiting.result(WORD_S)
            except (CallTimeout, TimeoutError):
                raise Amiss(f"{what} waited in vain") from None
            except McpError:
                continue
            raise Amiss(f"{what} was answered by nobody knows whom")
    with contextlib.suppress(Exception):  # closing twice is not what is asked here
        endpoint.stop()


@check("closed", "closing leaves nothing")
def _closed(stand: Stand) -> None:
    before: Counter[str] = Counter()
    for round in range(3):
        endpoint = stand.bench.serve(transport=stand.transport.name, name="closing")
        road = stand.connect(endpoint, f"closing-{stand.era}")
        expect(road.call("add", a=1).value == 3, "the call went wrong")
        pid, url = road.pid, endpoint.url
        road.close()
        expect(until(lambda: endpoint.links == 0, WORD_S / 2), f"{endpoint.links} links stay open")  # noqa: B023 - called at once
        endpoint.stop()
        expect(pid is None or until(lambda: not runs(pid)), f"its child {pid} still runs")  # noqa: B023 - called at once
        expect(not answers(url), f"somebody still listens at {url}")
        if round == 0:  # pools and caches are filled by now
            time.sleep(0.2)
            before = held(stand.bench)
    if not until(lambda: not held(stand.bench) - before, WORD_S / 2):
        grown = held(stand.bench) - before
        told = ", ".join(f"{count} more of {name}" for name, count in grown.items())
        expect(not grown, f"after two rounds there is {told}")
