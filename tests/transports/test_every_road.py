"""What must be the same on every transport and in both eras."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor

import pytest

from mcp_notebook.errors import CallTimeout, McpError, QuestionUnanswered, UsageError
from mcp_notebook.runtime.connection import Connection
from mcp_notebook.trace.events import Chunk, Direction, Message, Vantage
from mcp_notebook.trace.framing import Framing

from .conftest import ERAS, TRANSPORTS, Roads
from .tools import PNG, Bell

STREAMING = [t for t in TRANSPORTS if t != "http-json"]


@pytest.fixture(params=[f"{t}/{e}" for t in TRANSPORTS for e in ERAS])
def road(request: pytest.FixtureRequest, roads: Roads) -> Connection:
    transport, era = request.param.split("/")
    return roads.connection(transport, era)


@pytest.fixture(params=[f"{t}/{e}" for t in STREAMING for e in ERAS])
def stream(request: pytest.FixtureRequest, roads: Roads) -> Connection:
    """A road that can carry more than one message for a request."""
    transport, era = request.param.split("/")
    return roads.connection(transport, era)


@pytest.fixture(
    params=[f"{t}/{e}" for t in TRANSPORTS for e in ERAS if (t, e) != ("http-json", "legacy")]
)
def asking(request: pytest.FixtureRequest, roads: Roads) -> Connection:
    """A road on which a server can ask: a legacy one without a session cannot."""
    transport, era = request.param.split("/")
    return roads.connection(transport, era)


def test_the_connection_says_what_was_negotiated(road: Connection) -> None:
    era = road.name.rpartition("-")[2]
    assert road.era == era
    assert road.protocol_version == {"legacy": "2025-11-25", "modern": "2026-07-28"}[era]
    assert road.server_info is not None
    assert road.server_info.name == "notebook"
    assert road.status == "open"


def test_the_tools_are_listed_in_the_order_they_were_defined(road: Connection) -> None:
    names = road.tools().names
    assert names[:5] == ["add", "steps", "boom", "linger", "tall"]
    assert road.tools()[0].input_schema["properties"]["b"]["default"] == 2


def test_a_call_gives_the_value_of_the_tool(road: Connection) -> None:
    result = road.call("add", a=40)
    assert result.value == 42
    assert result.structured == {"result": 42}
    assert not result.is_error


def test_a_tool_without_a_result_gives_none(road: Connection) -> None:
    assert road.call("nothing").value in (None, "")


def test_a_failing_tool_is_an_answer_and_its_message_is_masked(road: Connection) -> None:
    result = road.call("boom")
    assert result.is_error
    assert "boom" in result.text
    assert "the inner secret" not in result.text


def test_the_failure_of_a_tool_of_this_kernel_is_kept_for_why(road: Connection) -> None:
    failure = road.call("boom").failure
    if road.transport == "stdio":  # it ran in another process
        assert failure is None
    else:
        assert failure is not None
        assert str(failure.error) == "the inner secret"


def test_a_wrong_argument_is_refused_before_anything_is_sent(road: Connection) -> None:
    road.call("add", a=1)
    before = road.workbench.trace.last_seq
    with pytest.raises(UsageError, match="has no argument 'aa'"):
        road.call("add", aa=1)
    sent = [e for e in road.workbench.trace.since(before) if e.conn == road.name]
    assert [e for e in sent if isinstance(e, Message)] == []


def test_progress_arrives_in_order(stream: Connection) -> None:
    seen: list[tuple[float, float | None, str | None]] = []
    call = stream.start("steps", {"count": 4}, on_progress=lambda *step: seen.append(step))
    assert call.result().value == "done"
    assert seen == [(n, 4, f"step {n}") for n in range(1, 5)]


@pytest.mark.parametrize("era", ERAS)
def test_one_json_body_has_no_room_for_progress(roads: Roads, era: str) -> None:
    seen: list[object] = []
    connection = roads.connection("http-json", era)
    call = connection.start("steps", {"count": 4}, on_progress=lambda *step: seen.append(step))
    assert call.result().value == "done"
    assert seen == []


def test_a_cancelled_call_reaches_the_tool_and_the_next_call_works(stream: Connection) -> None:
    with Bell() as bell:
        call = stream.start("linger", {"port": bell.port})
        assert bell.hear() == "started"
        call.cancel()
        assert bell.hear() == "cancelled"
    assert stream.call("add", a=1).value == 3


def test_a_modern_call_answered_by_one_body_is_cancelled_and_timed_out_too(roads: Roads) -> None:
    connection = roads.connection("http-json", "modern")
    with Bell() as bell:
        call = connection.start("linger", {"port": bell.port})
        assert bell.hear() == "started"
        call.cancel()
        assert bell.hear() == "cancelled"
        with pytest.raises(CallTimeout):
            connection.start("linger", {"port": bell.port}, timeout=0.2).result()
        assert [bell.hear(), bell.hear()] == ["started", "cancelled"]
    assert connection.call("add", a=1).value == 3


def test_a_time_out_names_its_limit_and_the_next_call_works(stream: Connection) -> None:
    with Bell() as bell:
        with pytest.raises(CallTimeout, match=r"linger .* in 0\.2 s") as caught:
            stream.start("linger", {"port": bell.port}, timeout=0.2).result()
        assert "--timeout" in str(caught.value)
        if stream.transport != "stdio":
            assert "it is still running on the loop of async tools" in str(caught.value)
        assert [bell.hear(), bell.hear()] == ["started", "cancelled"]
    assert stream.call("add", a=1).value == 3


def test_a_question_is_answered_in_advance(asking: Connection) -> None:
    answer = {"centimetres": 180}
    assert asking.start("tall", {}, answer=answer).result().value == "180 cm"


def test_a_question_with_one_field_takes_a_bare_value(asking: Connection) -> None:
    assert asking.start("tall", {}, answer=170).result().value == "170 cm"


def test_a_declined_question_is_a_failed_tool(asking: Connection) -> None:
    assert asking.start("tall", {}, answer="decline").result().is_error


def test_a_question_nobody_can_answer_fails_at_once_and_names_the_option(
    asking: Connection,
) -> None:
    with pytest.raises(QuestionUnanswered, match="How tall") as caught:
        asking.call("tall")
    assert "--answer '{\"centimetres\": ...}'" in str(caught.value)
    assert asking.call("add", a=1).value == 3


def test_a_legacy_server_without_a_session_cannot_ask(roads: Roads) -> None:
    with pytest.raises(McpError, match="-32600"):
        roads.connection("http-json", "legacy").start("tall", {}, answer=170).result()


@pytest.mark.parametrize("transport", STREAMING)
def test_a_legacy_server_asks_by_a_request_of_its_own(roads: Roads, transport: str) -> None:
    connection = roads.connection(transport, "legacy")
    result = connection.start("tall_pushed", {}, answer={"centimetres": 3}).result()
    assert result.value == "accept: centimetres=3"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_modern_server_cannot_ask_by_a_request_of_its_own(roads: Roads, transport: str) -> None:
    connection = roads.connection(transport, "modern")
    with pytest.raises(McpError, match="-32600"):
        connection.start("tall_pushed", {}, answer={"centimetres": 3}).result()


def test_twenty_calls_at_once_are_each_answered_right(road: Connection) -> None:
    calls = [road.start("add", {"a": n, "b": 1000}) for n in range(20)]
    assert [call.result().value for call in calls] == [n + 1000 for n in range(20)]


def test_a_connection_is_used_from_several_threads(road: Connection) -> None:
    with ThreadPoolExecutor(4) as pool:
        values = list(pool.map(lambda n: road.call("add", a=n).value, range(8)))
    assert values == [n + 2 for n in range(8)]


def test_a_picture_arrives_as_it_was(road: Connection) -> None:
    block = road.call("picture").content[0]
    assert (block.type, block.mime_type) == ("image", "image/png")
    assert base64.b64decode(block.data) == PNG


def test_a_long_result_arrives_whole(road: Connection) -> None:
    assert road.call("big", size=300_000).value == "x" * 300_000


def test_every_character_survives_the_road(road: Connection) -> None:
    text = (
        'line\nbreak \r\n tab\t null\x00 quote" back\\slash \u2028\u2029 \x85 é 漢 😀 data: event:'
    )
    assert road.call("echo", text=text).value == text


def test_resources_are_listed_and_read(road: Connection) -> None:
    assert road.resources().names == ["note://motto/fixed", "note://{name}"]
    assert road.read("note://motto/fixed").value == "plain words"
    assert road.read("note://today").value == "the note today"


def test_a_missing_resource_is_a_readable_error(road: Connection) -> None:
    with pytest.raises(McpError, match=r"nowhere://at-all"):
        road.read("nowhere://at-all")


def test_prompts_are_listed_and_filled_in(road: Connection) -> None:
    assert road.prompts().names == ["greet"]
    assert road.prompt("greet", whom="Ada").text == "user: Please greet Ada."


def call_seen(road: Connection, vantage: Vantage, text: str) -> list[Message]:
    """Request and answer of an `echo` call, as one vantage saw them."""
    conn = road.name if vantage is Vantage.CLIENT else f"notebook-{road.transport}"
    return [
        message
        for message in road.workbench.trace.messages()
        if message.vantage is vantage and message.conn == conn and text.encode() in message.raw
    ]


@pytest.mark.parametrize("vantage", [Vantage.CLIENT, Vantage.SERVER])
def test_request_and_answer_are_seen_once_at_each_end(road: Connection, vantage: Vantage) -> None:
    text = f"seen-{road.name}-{vantage.value}"
    road.call("echo", text=text)
    road.call("add", a=1)  # what a child reports comes on a pipe of its own: let it catch up
    seen = call_seen(road, vantage, text)
    assert [m.direction for m in seen] == [Direction.CLIENT_TO_SERVER, Direction.SERVER_TO_CLIENT]
    request, answer = (m.json() for m in seen)
    assert request["method"] == "tools/call"
    assert request["id"] == answer["id"]
    assert answer["result"]["structuredContent"] == {"result": text}
    assert not any(m.cut for m in seen)


@pytest.mark.parametrize("vantage", [Vantage.CLIENT, Vantage.SERVER])
def test_chunks_follow_each_other_without_a_gap(road: Connection, vantage: Vantage) -> None:
    road.call("echo", text="chunks")
    conn = road.name if vantage is Vantage.CLIENT else f"notebook-{road.transport}"
    places: dict[tuple[str, Direction], int] = {}
    for event in road.workbench.trace:
        if isinstance(event, Chunk) and event.vantage is vantage and event.conn == conn:
            key = event.link, event.direction
            assert event.offset == places.get(key, 0)
            assert event.size == len(event.data)
            places[key] = event.offset + event.size
    assert {direction for _, direction in places} == set(Direction)


@pytest.mark.parametrize("vantage", [Vantage.CLIENT, Vantage.SERVER])
def test_each_message_is_found_in_the_bytes(road: Connection, vantage: Vantage) -> None:
    text = f"bytes-{road.name}-{vantage.value}"
    road.call("echo", text=text)
    road.call("add", a=1)
    events = road.workbench.trace.events()
    framing = Framing(events)
    streams: dict[tuple[str, Direction], bytes] = {}
    seen = call_seen(road, vantage, text)
    assert len(seen) == 2
    for event in events:
        if isinstance(event, Chunk) and event.vantage is vantage and event.conn == seen[0].conn:
            key = event.link, event.direction
            streams[key] = streams.get(key, b"") + event.data
    for message in seen:
        found = framing.locate(message)
        assert found is not None
        stream = streams[found.link, found.direction]
        carried = b"".join(stream[span.start : span.end] for span in found.spans)
        if road.transport == "websocket" and message.direction is Direction.CLIENT_TO_SERVER:
            assert found.units, "masked frames carry it"  # the text itself is masked (RFC 6455 5.3)
        else:
            assert text.encode() in carried


def test_a_call_is_one_exchange(road: Connection) -> None:
    before = road.workbench.trace.last_seq
    result = road.call("echo", text="paired")
    exchange = result.exchange
    assert exchange is not None
    assert (exchange.tool, exchange.conn, exchange.vantage) == ("echo", road.name, Vantage.CLIENT)
    assert exchange.latency_ns is not None
    assert exchange.latency_ns > 0
    listed = [e for e in road.workbench.trace.exchanges() if e.seq > before and e.tool == "echo"]
    assert [e.seq for e in listed] == [exchange.seq]


def test_calls_at_once_each_know_their_own_exchange(road: Connection) -> None:
    calls = [road.start("add", {"a": n, "b": 0}) for n in range(5)]
    for n, call in enumerate(calls):
        exchange = call.result().exchange
        assert exchange is not None
        assert exchange.request.json()["params"]["arguments"]["a"] == n
