"""One message in four layers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from mcp_notebook.errors import UsageError
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.show.flow import flow_text
from mcp_notebook.show.hexdump import hexdump
from mcp_notebook.show.layers import layers_text
from mcp_notebook.trace.events import (
    Chunk,
    Fault,
    LinkClosed,
    LinkOpened,
    Message,
    StderrLine,
)
from mcp_notebook.trace.exchange import Exchange
from mcp_notebook.trace.store import Trace
from mcp_notebook.wire.spans import Span
from tests.show.conftest import ERAS, ROADS, equipped
from tests.show.hostile import TEXT, assert_tame
from tests.trace.recording import C2S, S2C, Recording

LAYERS = re.compile(
    r"(?P<title>.+)\n\n1  Python\n(?P<python>.+)\n2  JSON-RPC, .+? k?B\n(?P<json>.+)\n3  framing\n"
    r"(?P<framing>.+)\n4  bytes \((?P<note>.+?)\)\n(?P<bytes>.+)",
    re.DOTALL,
)


def layers(trace: Trace, seq: int, **options: Any) -> dict[str, str]:
    """The layers by name."""
    match = LAYERS.fullmatch(layers_text(trace, seq, **options))
    assert match is not None
    return match.groupdict()


def call(workbench: Workbench, road: str, era: str, tool: str) -> Exchange:
    """The call of a tool over a road."""
    return next(
        one
        for one in workbench.trace.exchanges()
        if one.conn == f"{road}-{era}" and one.tool == tool
    )


def marked(dump: str) -> bytes:
    """The bytes between the brackets of a dump."""
    rows = [line.strip()[9 : 9 + 51] for line in dump.splitlines() if "|" in line]
    inside = re.findall(r"\[([^\]]*)", " ".join(rows))
    return bytes.fromhex("".join(inside).replace(" ", ""))


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("road", ROADS)
def test_a_call_is_taken_apart_down_to_its_bytes(spoken: Workbench, road: str, era: str) -> None:
    exchange = call(spoken, road, era, "add")
    assert exchange.answer is not None

    asked = layers(spoken.trace, exchange.request.seq)
    came = layers(spoken.trace, exchange.answer.seq)

    assert asked["python"].strip() == 'conn.call("add", a=1)'
    assert came["python"].strip() == 'conn.call("add", a=1).value  # 3'
    assert json.loads(asked["json"])["params"]["arguments"] == {"a": 1}
    assert json.loads(came["json"])["result"]["structuredContent"] == {"result": 3}
    assert f"{road}-{era} over {road}, seen by the client" in asked["title"]
    assert f"after request #{exchange.request.seq}" in came["title"]
    assert marked(came["bytes"]) == exchange.answer.raw
    if road != "websocket":
        assert marked(asked["bytes"]) == exchange.request.raw


def test_a_line_is_ended_by_a_line_feed(spoken: Workbench) -> None:
    found = layers(spoken.trace, call(spoken, "memory", "modern", "add").seq)

    assert "a line of JSON, bytes " in found["framing"]
    assert "ended by a line feed, 0a" in found["framing"]
    assert found["bytes"].rstrip().endswith("}.|")


def test_over_http_the_heads_are_shown(spoken: Workbench) -> None:
    exchange = call(spoken, "http-json", "modern", "add")
    assert exchange.answer is not None
    asked = layers(spoken.trace, exchange.seq)["framing"]
    came = layers(spoken.trace, exchange.answer.seq)["framing"]

    assert "POST /mcp HTTP/1.1\n" in asked
    assert "mcp-method: tools/call" in asked.lower()
    assert "under the head of the response:\n     HTTP/1.1 200 OK" in came


def test_a_streamed_answer_is_an_event_with_its_fields_and_its_arrival(spoken: Workbench) -> None:
    exchange = call(spoken, "http", "modern", "count")
    step, answer = exchange.progress[0], exchange.answer
    assert answer is not None
    first, last = layers(spoken.trace, step.seq), layers(spoken.trace, answer.seq)

    assert first["python"].strip() == 'await ctx.report_progress(1, 2, "step 0")  # in the tool'
    assert last["python"].strip() == 'conn.call("count", n=2).value  # "done"'
    assert "a server-sent event" in first["framing"]
    assert f"event: message\n   data: {step.size} bytes" in first["framing"]
    assert "content-type: text/event-stream" in last["framing"]
    assert re.search(r"\d (µs|ms|s) after request", first["title"])
    assert "data: [" in first["bytes"] or "|data: {" in first["bytes"]


def test_a_frame_is_shown_bit_by_bit_and_its_mask_is_named(spoken: Workbench) -> None:
    exchange = call(spoken, "websocket", "modern", "add")
    asked = layers(spoken.trace, exchange.seq)
    assert exchange.answer is not None
    came = layers(spoken.trace, exchange.answer.seq)

    assert re.search(
        rf"opcode 0x1 \(text\)  fin 1  rsv 0  length {exchange.request.size}  "
        r"mask [0-9a-f ]{11}$",
        asked["framing"],
    )
    assert f"length {exchange.answer.size}  mask none" in came["framing"]
    assert "masked, so it cannot be read here" in asked["note"]
    mask = bytes.fromhex(asked["framing"].rpartition("mask ")[2])
    unmasked = bytes(b ^ mask[i % 4] for i, b in enumerate(marked(asked["bytes"])))
    assert unmasked == exchange.request.raw


@pytest.mark.parametrize("road", ROADS)
def test_the_stable_layers_are_the_same_in_every_run(spoken: Workbench, road: str) -> None:
    from tests.show.conftest import talk

    with equipped() as again:
        talk(again, road, "modern")
        for tool in ("add", "count"):
            pairs = [call(wb, road, "modern", tool) for wb in (spoken, again)]
            for one, other in zip(*(pair.messages for pair in pairs), strict=True):
                first = layers_text(spoken.trace, one.seq, stable=True)
                assert first == layers_text(again.trace, other.seq, stable=True)
                assert "#" not in first.splitlines()[0]


def test_the_calls_that_messages_come_from() -> None:
    r = Recording()
    said = [
        ({"method": "initialize"}, C2S, 'workbench.connect(..., era="legacy")'),
        ({"method": "tools/list"}, C2S, "conn.tools()"),
        ({"method": "resources/read", "params": {"uri": "a://b"}}, C2S, 'conn.read("a://b")'),
        ({"method": "tools/call", "params": {"name": "f", "arguments": {"a b": 1}}}, C2S,
         "conn.start(\"f\", {'a b': 1}).result()"),
        ({"method": "prompts/get", "params": {"name": "p", "arguments": {"x": "y"}}}, C2S,
         'conn.prompt("p", x="y")'),
        ({"method": "completion/complete", "params": {
            "ref": {"type": "ref/prompt", "name": "p"}, "argument": {"name": "x", "value": "y"}}},
         C2S, 'conn.complete("p", "x", "y")'),
        ({"method": "subscriptions/listen", "params": {
            "notifications": {"resourceSubscriptions": ["a://b"]}}}, C2S, 'conn.listen("a://b")'),
        ({"method": "subscriptions/listen", "params": {}}, C2S, "conn.listen()"),
        ({"method": "made/up"}, C2S, "conn.send(...)  # made/up has no method of its own"),
        ({"method": "elicitation/create", "params": {"message": "who?"}}, S2C,
         'await ctx.elicit("who?", ...)'),
        ({"method": "notifications/tools/list_changed"}, S2C, "# the server's tools changed"),
        ({"method": "tools/call", "params": [1]}, C2S, "conn.call(None)"),
    ]  # fmt: skip
    for obj, direction, expected in said:
        message = r.say(direction, {"jsonrpc": "2.0", "id": 1, **obj})
        assert expected in layers(r.trace, message.seq)["python"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"error": {"code": -32601, "message": "no"}}, "# raises CallError -32601: no"),
        ({"result": {"content": [{"type": "text", "text": "x"}], "isError": True}},
         ".is_error  # True: x"),
        ({"result": {"resultType": "input_required"}}, "# the server asks; the call is sent again"),
        ({"result": 5}, 'conn.call("f")'),
    ],
)  # fmt: skip
def test_what_answers_come_to(answer: dict[str, Any], expected: str) -> None:
    r = Recording()
    r.ask(1, "tools/call", name="f", arguments={})
    message = r.say(S2C, {"jsonrpc": "2.0", "id": 1, **answer}, 2)

    assert expected in layers(r.trace, message.seq)["python"]


def test_an_answer_without_its_request_is_shown_too() -> None:
    r = Recording()
    message = r.answer(7, content=[])

    found = layers(r.trace, message.seq)

    assert found["python"].strip() == "the answer"
    assert "not in the Trace" in found["framing"]
    assert found["note"] == "the message alone"


def test_what_is_not_json_is_shown_as_it_came() -> None:
    r = Recording()
    message = r.say(S2C, b"Hello\x1b[2J, I log to stdout")

    found = layers(r.trace, message.seq)

    assert "(not JSON)" in found["json"]
    assert r"Hello\x1b[2J" in found["json"]


def test_long_messages_are_bounded_in_every_layer() -> None:
    r = Recording()
    message = r.ask(1, "tools/call", name="f", arguments={"x": ["y" * 300] * 200})
    r.chunk(C2S, message.raw + b"\n")

    found = layers(r.trace, message.seq, width=80)

    assert max(map(len, found["json"].splitlines())) <= 83
    assert "more lines" in found["json"]
    assert len(found["python"].strip()) <= 80
    assert found["bytes"].splitlines()[-1].strip() == f"... {message.size + 1 - 512} more bytes"


def test_a_chunk_shows_its_bytes_and_what_they_carry(spoken: Workbench) -> None:
    chunk = next(
        e
        for e in spoken.trace
        if isinstance(e, Chunk) and e.conn == "http-modern" and e.data.startswith(b"POST")
    )

    shown = layers_text(spoken.trace, chunk.seq)

    assert f"#{chunk.seq}  chunk from client to server, http-modern over http" in shown
    assert "HTTP head POST /mcp" in shown
    assert "|POST /mcp HTTP/1|" in shown


@pytest.mark.parametrize(
    ("make", "fields", "expected"),
    [
        (StderrLine, {"text": "oops"}, "the child wrote on its standard error: oops"),
        (Fault, {"text": "cut"}, "fault: cut"),
        (LinkOpened, {"address": "127.0.0.1:80"}, "a link opened: 127.0.0.1:80"),
        (LinkClosed, {}, "a link closed: an ordinary end"),
    ],
)
def test_every_other_event_says_what_it_is(
    make: Any, fields: dict[str, str], expected: str
) -> None:
    r = Recording()
    event = r.trace.record(make, **fields, **r.labels)

    assert expected in layers_text(r.trace, event.seq)


def test_an_unknown_number_names_the_range() -> None:
    r = Recording(Trace(max_events=2))
    for id in range(4):
        r.ask(id)

    with pytest.raises(UsageError, match="it holds 3 to 4; 2 older ones were dropped"):
        layers_text(r.trace, 99)
    with pytest.raises(UsageError, match="it is empty"):
        layers_text(Trace(), 1)


def test_a_message_of_a_part_is_found_with_its_bytes(spoken: Workbench) -> None:
    exchange = call(spoken, "http", "modern", "add")
    part = spoken.trace.select("tool:add")

    assert layers_text(part, exchange.seq) == layers_text(spoken.trace, exchange.seq)


def test_hostile_text_is_visible_and_harmless_in_every_layer() -> None:
    r = Recording(conn=TEXT)
    for message in (
        r.ask(TEXT, TEXT, name=TEXT),
        r.ask(1, "tools/call", name=TEXT, arguments={TEXT: TEXT}),
        r.answer(1, content=[{"type": "text", "text": TEXT}]),
        r.say(S2C, TEXT.encode()),
    ):
        r.chunk(C2S if b"method" in message.raw else S2C, message.raw + b"\n")
        assert_tame({"text/plain": layers_text(r.trace, message.seq)})


@pytest.mark.parametrize("road", ["http", "sse", "websocket"])
def test_a_token_is_in_no_view(road: str) -> None:
    token = "s3cr3t-value-of-the-token"
    with equipped() as workbench:
        endpoint = workbench.serve(transport=road, token=token)
        connection = workbench.connect(endpoint.url, token=token, era="legacy")
        connection.call("add", a=1)
        events = workbench.trace.events()
        raw = b"".join(e.data for e in events if isinstance(e, Chunk))
        assert token.encode() in raw  # it did travel

        shown = [flow_text(workbench.trace), flow_text(workbench.trace.select("kind:chunk"))]
        shown += [layers_text(workbench.trace, e.seq) for e in events]

    text = "\n".join(shown)
    assert "****" in text
    assert token not in text
    # nor in the column of a dump, where a row breaks it
    assert token not in re.sub(r"\|\n *[0-9a-f]{8}[^|]*\|", "", text)


def test_rows_of_sixteen_bytes_with_what_is_marked_in_brackets() -> None:
    assert hexdump(b"data: {}\n" + bytes(range(9)), [Span(6, 8), Span(15, 18)]) == [
        "00000000  64 61 74 61 3a 20[7b 7d] 0a 00 01 02 03 04 05[06  |data: {}........|",
        "00000010  07 08]                                            |..|",
    ]
    assert hexdump(b"abc", max_bytes=2)[-1] == "... 1 more bytes"
    assert hexdump(b"") == []


def test_a_saved_trace_can_be_drawn_without_the_runtime_and_the_sdk() -> None:
    code = (
        "import sys, mcp_notebook.show.flow, mcp_notebook.show.layers;"
        "print(sorted(m for m in sys.modules"
        " if m in ('mcp', 'pydantic', 'ipywidgets', 'IPython', 'asyncio')"
        " or m.startswith(('mcp_notebook.runtime', 'mcp_notebook.transports'))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.strip() == "[]"


def test_a_message_whose_rest_was_not_kept_says_so() -> None:
    r = Recording()
    raw = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"f"'
    message = r.trace.record(Message, direction=C2S, raw=raw, size=5000, **r.labels)

    assert "(cut: the rest was not kept)" in layers(r.trace, message.seq)["json"]
