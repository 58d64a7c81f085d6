"""What each decoder owes for any bytes: a target takes them and fails where it is not kept.

The same targets run under hypothesis and under atheris. The first two bytes of an input say how
the rest is cut into pieces.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any
from unittest import mock

from mcp_types import jsonrpc_message_adapter
from pydantic import ValidationError

from mcp_notebook.bridge import lines as bridge_lines
from mcp_notebook.transports import reading
from mcp_notebook.wire import jsonrpc
from mcp_notebook.wire.http1 import (
    Http1Decoder,
    HttpBody,
    HttpError,
    HttpEvent,
    HttpHead,
    HttpTail,
)
from mcp_notebook.wire.lines import Line, LineDecoder, Oversize
from mcp_notebook.wire.sse import SseDecoder, SseEvent, SseIncomplete, encode_event
from mcp_notebook.wire.websocket import (
    FrameDecoder,
    MessageAssembler,
    Opcode,
    WsError,
    WsFrame,
    WsMessage,
    close_reason,
    mask,
    parse_close,
)
from tests.wire.splits import joined

from .ends import ENDS
from .splitting import BETWEEN, parted, same_in_every_split, splits

BOUND = 40
"""A small limit, so that what lies beyond it is tried as well."""


def lines(data: bytes) -> None:
    """Lines tile the stream; nothing is lost, and only what is too long is not kept."""
    for bound in (BOUND, 1 << 20):

        def read(pieces: list[bytes], bound: int = bound) -> list[Any]:
            decoder = LineDecoder(max_bytes=bound)
            return [event for piece in (*pieces, None) for event in decoder.feed(piece)]

        stream, events = same_in_every_split(data, read)
        at = 0
        for event in events:
            assert event.span.start == at
            at = event.span.end
            there = stream[event.span.start : event.span.end]
            if isinstance(event, Line):
                assert there == event.data + there[len(event.data) :]
                assert there[len(event.data) :] in (
                    (b"\n", b"\r\n") if event.terminated else (b"",)
                )
                assert len(event.data) <= bound
            else:
                assert isinstance(event, Oversize)
                assert event.size > bound
        assert at == len(stream)


def sse(data: bytes) -> None:
    """Events lie in their stream in order; what is read can be written and read again."""

    def read(pieces: list[bytes]) -> list[Any]:
        decoder = SseDecoder()
        return [event for piece in (*pieces, None) for event in decoder.feed(piece)]

    stream, events = same_in_every_split(data, read)
    for event in events:
        assert 0 <= event.span.start <= event.span.end <= len(stream)
        if isinstance(event, SseIncomplete):
            assert event.span.end == len(stream)
        if not isinstance(event, SseEvent) or not event.dispatched or "\0" in event.event:
            continue
        for line, span in zip(event.data.split("\n"), event.data_spans, strict=True):
            assert stream[span.start : span.end].decode("utf-8", "replace") == line
        written = encode_event(event.data, event=event.event, id=event.id)
        (again,) = SseDecoder().feed(written)
        assert isinstance(again, SseEvent)
        assert (again.event, again.data, again.id) == (event.event, event.data, event.id)


Steps = list[tuple[bool, bytes | None]]


def http1(data: bytes) -> None:
    """Both directions of a connection: events, or one typed error a direction."""
    seed, stream = parted(data)
    blocks = stream.split(BETWEEN)  # the client's, the server's, and so on in turns
    told = [_conversation(steps) for steps in _steps(blocks, seed)]
    assert told[1:] == told[:-1], told
    for from_client, (events, _) in zip((True, False), told[0], strict=True):
        mine = b"".join(blocks[0 if from_client else 1 :: 2])
        for event in events:
            there = mine[event.span.start : event.span.end]
            if isinstance(event, HttpBody | HttpTail):
                assert there == event.data
            elif isinstance(event, HttpHead):
                assert there.endswith((b"\n\n", b"\n\r\n"))
                for (_, value), span in zip(event.headers, event.header_spans, strict=True):
                    assert value.split() == mine[span.start : span.end].split()


def _steps(blocks: list[bytes], seed: int) -> Iterable[Steps]:
    """Each block as a whole, in pieces, byte by byte; their order stays."""
    for ways in zip(*(splits(block, seed) for block in blocks), strict=False):
        yield [
            (number % 2 == 0, piece) for number, pieces in enumerate(ways) for piece in pieces
        ] + [(True, None), (False, None)]


def _conversation(steps: Steps) -> list[tuple[list[HttpEvent], str]]:
    """By direction: its events, and its error."""
    decoder = Http1Decoder(max_head_bytes=300)
    events: list[HttpEvent] = []
    errors: dict[bool, str] = {}
    for from_client, piece in steps:
        error = None
        try:
            got: Iterable[HttpEvent] = decoder.feed(from_client, piece)
        except HttpError as caught:
            got, error = caught.events, caught
        events += got
        assert from_client not in errors or (error and not got), "what failed goes on"
        if error is not None:
            assert error.from_client is from_client
            errors.setdefault(from_client, str(error))
    return [
        (joined([one for one in events if one.from_client is way]), errors.get(way, ""))
        for way in (True, False)
    ]


def websocket(data: bytes) -> None:
    """Frames and messages, or one typed error with the close code that is due."""

    def read(pieces: list[bytes]) -> list[Any]:
        decoder, assembler = FrameDecoder(max_bytes=300), MessageAssembler(max_bytes=400)
        told: list[Any] = []
        for piece in (*pieces, None):
            error = None
            try:
                frames: Iterable[WsFrame] = decoder.feed(piece)
            except WsError as caught:
                frames, error = caught.frames, caught
            for frame in frames:
                told.append(frame)
                try:
                    told.append(assembler.add(frame))
                    if frame.opcode is Opcode.CLOSE:
                        code, reason = parse_close(frame.payload)
                        told.append((code, reason, close_reason(code or 1005)))
                except WsError as caught:
                    told.append((str(caught), caught.code, caught.offset))
            if error is not None:
                told.append((str(error), error.code, error.offset))
                return told
        return told

    stream, told = same_in_every_split(data, read)
    for one in told:
        if isinstance(one, WsFrame):
            there = stream[one.payload_span.start : one.payload_span.end]
            assert one.payload == (mask(there, one.mask) if one.mask else there)
        elif isinstance(one, WsMessage):
            assert len(one.data) <= 400
            assert one.opcode is not Opcode.TEXT or one.compressed or isinstance(one.text, str)


def _problem(read: Callable[[bytes], Any], data: bytes) -> jsonrpc.MessageError | None:
    try:
        read(data)
    except jsonrpc.MessageError as caught:
        return caught
    return None


def message(data: bytes) -> None:
    """A text is one message, which the SDK reads the same, or a typed error fit to be sent."""
    problem = _problem(jsonrpc.parse, data)
    if problem is not None:
        quick = _problem(reading.quickly, data)
        assert quick is None or (quick.code, quick.id) == (problem.code, problem.id)
        assert quick is not None or reading.quickly(data) is None
        assert problem.code in (jsonrpc.PARSE_ERROR, jsonrpc.INVALID_REQUEST)
        line = problem.line()
        assert line.endswith(b"\n")
        assert b"\n" not in line[:-1]
        answer = jsonrpc.parse(line)
        assert (answer.kind, answer.id) == (jsonrpc.MessageKind.ERROR, problem.id)
        return
    envelope = jsonrpc.parse(data)
    assert jsonrpc.parse(jsonrpc.encode(envelope.obj)) == envelope
    assert reading.quickly(data) in (None, envelope)
    theirs = _as_the_sdk_reads(data)
    if theirs is not None:
        assert getattr(theirs, "method", None) == envelope.method
        assert getattr(theirs, "id", None) == envelope.id
        assert getattr(theirs, "params", None) == envelope.params


NARROWER = {("dict_type", "params"), ("dict_type", "result"), ("missing", "id")}
"""What MCP wants and JSON-RPC does not: objects, and an id in every error."""


def _as_the_sdk_reads(data: bytes) -> Any:
    """A message of the SDK; ``None`` where its model is narrower, or less deep."""
    try:
        return jsonrpc_message_adapter.validate_json(data, by_name=False)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        wrong = {(each["type"], str((*each["loc"], "")[1])) for each in problems}
        if wrong & NARROWER or any("recursion" in each["msg"] for each in problems):
            return None
        raise


def bridge(data: bytes) -> None:
    """A bridge loses no byte; a line within the limit is whole in every split."""

    def read(pieces: list[bytes]) -> tuple[bytes, list[bytes]]:
        cutter = bridge_lines.Lines()
        told = [each for piece in pieces for each in cutter.feed(piece)]
        passed = b"".join(line for line, _ in told) + cutter.rest()
        return passed, [line for line, whole in told if whole]

    with mock.patch.object(bridge_lines, "LONGEST", BOUND):
        stream, (passed, whole) = same_in_every_split(data, read)
    assert passed == stream
    *ended, _ = stream.split(b"\n")
    assert whole == [line + b"\n" for line in ended if len(line) <= BOUND]
    for line in whole:
        for found in bridge_lines.messages(line) or []:
            assert isinstance(found, dict)
            assert isinstance(
                json.loads(bridge_lines.key(found.get("id"))), int | str | float | None
            )


TARGETS: dict[str, Callable[[bytes], None]] = {
    "lines": lines,
    "sse": sse,
    "http1": http1,
    "websocket": websocket,
    "message": message,
    "bridge": bridge,
    **ENDS,
}
"""By name: all of them."""
