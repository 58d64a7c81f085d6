"""The ends of links, fed with any bytes: what arrives, what is answered and what is recorded.

Targets as in ``targets``, for the parts of transports that read bytes.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, ClassVar, cast

import anyio
import httpx2

from mcp_notebook.errors import ConnectError
from mcp_notebook.trace.events import Chunk, Direction, Fault, LinkClosed, Message, Vantage
from mcp_notebook.trace.store import Trace
from mcp_notebook.transports.asgi import Body
from mcp_notebook.transports.httpclient import BODY
from mcp_notebook.transports.report import ReportReader
from mcp_notebook.transports.sseclient import SseDuplex
from mcp_notebook.transports.streams import LineDuplex
from mcp_notebook.transports.tap import LinkTap, Tap

from .splitting import same_in_every_split

LONGEST_LINE = 200
DUE = {-32700, -32600}
"""The codes of what is no message."""


class Wire:
    """An asyncio transport that keeps what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.written += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str) -> None:
        del name

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading


def _tap(trace: Trace) -> LinkTap:
    return Tap(trace, "it", Vantage.SERVER, "tcp").link()


async def _drained(duplex: Any) -> list[str]:
    """Every message that has arrived, once the link has ended."""
    found: list[str] = []
    try:
        while True:
            item = await asyncio.wait_for(duplex.receive(), 5)
            found.append(repr(item.message))  # as text: NaN is not even itself
    except anyio.EndOfStream:
        return found


def _line_end(receives: Direction, guarded: bool) -> Callable[[bytes], None]:
    async def fed(pieces: list[bytes]) -> dict[str, Any]:
        trace, wire = Trace(), Wire()
        duplex = LineDuplex(
            receives=receives, tap=_tap(trace), guarded=guarded, max_line_bytes=LONGEST_LINE
        )
        duplex.connection_made(cast(Any, wire))
        for piece in pieces:
            if piece and not wire.closed:
                duplex.data_received(piece)
        if not wire.closed:
            duplex.eof_received()
        duplex.connection_lost(None)
        events = [e for e in trace if not isinstance(e, Chunk | LinkClosed)]
        return {
            "arrived": await _drained(duplex),
            "written": wire.written,
            "messages": [(e.direction, e.raw, e.span) for e in events if isinstance(e, Message)],
            "faults": [e.text for e in events if isinstance(e, Fault)],
            "aborted": wire.closed,
        }

    def target(data: bytes) -> None:
        stream, told = same_in_every_split(data, lambda pieces: asyncio.run(fed(pieces)))
        answers = [json.loads(line) for line in told["written"].splitlines()]
        assert all(answer["error"]["code"] in DUE for answer in answers)
        assert len(answers) <= len(told["faults"])
        assert told["aborted"] == (guarded and bool(stream) and stream[:1] != b"{")
        if receives is Direction.SERVER_TO_CLIENT:
            assert answers == []  # a client owes nothing for what is no answer
        for direction, raw, span in told["messages"]:
            if direction is receives:
                assert stream[span.start : span.end].rstrip(b"\r\n") == raw.rstrip(b"\r")

    return target


def sse_client(data: bytes) -> None:
    """The reading end of HTTP+SSE: an endpoint of its own origin or a clear error, and messages."""
    url = "http://127.0.0.1:1/sse"

    async def fed(pieces: list[bytes]) -> dict[str, Any]:
        trace = Trace()

        class Stream:
            extensions: ClassVar[dict[str, Body]] = {
                BODY: Body(_tap(trace), Direction.SERVER_TO_CLIENT, content_type="")
            }

            async def aiter_bytes(self) -> AsyncIterator[bytes]:
                for piece in pieces:
                    yield piece

            async def aclose(self) -> None:
                pass

        duplex = SseDuplex(
            cast(httpx2.AsyncClient, None), cast(httpx2.Response, Stream()), url, lambda: []
        )
        arrived = await _drained(duplex)
        try:
            endpoint = await duplex.endpoint
        except ConnectError as error:
            endpoint = f"error: {error}"
        await duplex.aclose()
        recorded = [event.raw for event in trace if isinstance(event, Message)]
        return {"endpoint": endpoint, "arrived": arrived, "recorded": recorded}

    _, told = same_in_every_split(data, lambda pieces: asyncio.run(fed(pieces)))
    assert told["endpoint"].startswith(("http://127.0.0.1:1", "error: "))
    assert told["endpoint"].isprintable()


def body(data: bytes) -> None:
    """What is recorded of an HTTP body that carries JSON or events."""
    for kind in ("application/json", "text/event-stream; charset=utf-8", "text/html"):

        def read(pieces: list[bytes], kind: str = kind) -> list[bytes]:
            trace = Trace()
            found = Body(_tap(trace), Direction.SERVER_TO_CLIENT, kind)
            for piece in pieces:
                found.feed(piece)
            found.end()
            return [event.raw for event in trace if isinstance(event, Message)]

        stream, told = same_in_every_split(data, read)
        assert kind != "text/html" or told == []
        assert kind != "application/json" or told in ([], [stream])


def report(data: bytes) -> None:
    """The report of a child, which a tool of the child could have written."""

    def read(pieces: list[bytes]) -> list[Any]:
        trace = Trace()
        reader = ReportReader(_tap(trace))
        for piece in pieces:
            reader.feed(piece)
        return [(type(e), getattr(e, "data", None), str(e).split(" on ")[-1]) for e in trace]

    same_in_every_split(data, read)


ENDS: dict[str, Callable[[bytes], None]] = {
    "line-server": _line_end(Direction.CLIENT_TO_SERVER, False),
    "line-guarded": _line_end(Direction.CLIENT_TO_SERVER, True),
    "line-client": _line_end(Direction.SERVER_TO_CLIENT, False),
    "sse-client": sse_client,
    "body": body,
    "report": report,
}
"""By name: the targets that are ends of links."""
