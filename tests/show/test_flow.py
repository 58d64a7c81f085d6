"""The flow of messages as text."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from typing import Any

import pytest

from mcp_notebook.errors import UsageError
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.show.book import Book
from mcp_notebook.show.flow import MAX_LINES, flow_text
from mcp_notebook.show.layers import layers_text
from mcp_notebook.show.sessions import sessions
from mcp_notebook.trace.events import Fault, LinkClosed, LinkOpened, StderrLine, Vantage
from mcp_notebook.trace.store import Trace
from tests.show.conftest import ROADS, equipped, talk
from tests.show.hostile import TEXT, assert_tame
from tests.trace.recording import C2S, S2C, Recording


def sample() -> Trace:
    """A conversation with everything in it."""
    r = Recording(conn="demo", transport="tcp")
    r.trace.record(
        LinkOpened, address="127.0.0.1:5000 > 127.0.0.1:8000", time_ns=r.trace.zero_ns, **r.labels
    )
    r.ask(
        0, "initialize", 1, protocolVersion="2025-11-25", clientInfo={"name": "c", "version": "1"}
    )
    r.answer(0, 3.1, protocolVersion="2025-11-25", serverInfo={"name": "s", "version": "2"})
    r.notify(C2S, "notifications/initialized", 4)
    r.ask(1, "tools/call", 5, name="add", arguments={"a": 2, "b": 3})
    r.notify(S2C, "notifications/progress", 6, progressToken=1, progress=1, total=3, message="step")
    r.answer(1, 7, content=[{"type": "text", "text": "5"}], structuredContent={"result": 5})
    r.ask(2, "tools/call", 8, name="bad", arguments={})
    r.answer(2, 9, content=[{"type": "text", "text": "it broke"}], isError=True)
    r.ask(3, "nope", 10)
    r.refuse(3, ms=11)
    r.say(S2C, b"garbage", 12)
    r.notify(C2S, "notifications/cancelled", 13, requestId=9, reason="enough")
    r.answer(4, 14, tools=[{"name": name} for name in "abcdef"])
    for make, fields in (
        (StderrLine, {"text": "Traceback: pid 77"}),
        (Fault, {"text": "closed: the first byte is not {"}),
        (LinkClosed, {"reason": "reset"}),
    ):
        r.trace.record(make, time_ns=r.trace.zero_ns + 20_000_000, **fields, **r.labels)
    return r.trace


def test_each_message_is_a_line_under_its_connection() -> None:
    assert (
        flow_text(sample())
        == """\
demo  tcp  2025-11-25
   #1  +  opened 127.0.0.1:5000 > 127.0.0.1:8000
   #2  →  initialize 2025-11-25 c 1            id 0          141 B
   #3  ←  result 2025-11-25 s 2                id 0  2.1 ms  117 B
   #4  →  notifications/initialized                           71 B
   #5  →  tools/call add {"a":2,"b":3}         id 1          109 B
   #6  ←  progress 1/3 "step"                                132 B
   #7  ←  result 5                             id 1  2.0 ms  119 B
   #8  →  tools/call bad {}                    id 2           95 B
   #9  ←  result, the tool failed: "it broke"  id 2  1.0 ms  107 B
  #10  →  nope                                 id 3           45 B
  #11  ←  error -32601 no                      id 3  1.0 ms   71 B
  #12  ←  not JSON-RPC: garbage                                7 B
  #13  →  cancelled request 9 "enough"                       103 B
  #14  ←  result 6 tools: a, b, c, d, …        id 4          140 B
  #15  ~  stderr: Traceback: pid 77
  #16  !  fault: closed: the first byte is not {
  #17  -  closed reset"""
    )


def test_the_stable_flow_has_no_numbers_ports_times_or_process_ids() -> None:
    shown = flow_text(sample(), stable=True)

    assert "+  opened\n" in shown
    assert "stderr: Traceback: pid PID" in shown
    assert "#" not in shown
    assert " ms" not in shown
    assert "8000" not in shown
    assert re.search(r"←  result 5 +id 1 +\d+ B", shown)


@pytest.mark.parametrize("road", ROADS)
def test_the_stable_flow_is_the_same_in_every_run(road: str) -> None:
    shown = []
    for _ in range(2):
        with equipped() as workbench:
            for era in ("legacy", "modern"):
                talk(workbench, road, era)
            shown.append(flow_text(workbench.trace, stable=True))

    assert shown[0] == shown[1]
    assert f"{road}-legacy  {road}  2025-11-25" in shown[0]
    assert f"{road}-modern  {road}  2026-07-28" in shown[0]
    assert shown[0].count('result "done"') == 2  # each message once
    assert "server saw" not in shown[0]


def test_the_servers_sight_is_shown_on_request(spoken: Workbench) -> None:
    shown = flow_text(spoken.trace, vantage="server", stable=True)

    assert "notebook-http  http  2026-07-28  as the server saw it" in shown
    assert "http-modern" not in shown
    assert flow_text(spoken.trace, vantage=Vantage.CLIENT).count("as the server") == 0


def test_an_unknown_vantage_is_an_error_that_names_them() -> None:
    with pytest.raises(UsageError, match="client, server, relay"):
        flow_text(Trace(), vantage="middle")


def test_a_client_that_is_not_ours_is_seen_by_the_server_beside_our_own() -> None:
    trace = Trace()
    ours = Recording(trace, conn="mine", transport="tcp", link="tcp#1")
    twin = Recording(trace, conn="ep", vantage=Vantage.SERVER, transport="tcp", link="tcp#2")
    foreign = Recording(trace, conn="ep", vantage=Vantage.SERVER, transport="tcp", link="tcp#3")
    for r, address in ((ours, "a:1 > b:2"), (twin, "a:1 > b:2"), (foreign, "c:3 > b:2")):
        trace.record(LinkOpened, address=address, **r.labels)
    for r, method in ((ours, "mine"), (twin, "mine"), (foreign, "theirs")):
        r.ask(1, method, 5)

    shown = flow_text(trace)

    assert shown.count("→  mine") == 1
    assert "ep  tcp  as the server saw it" in shown
    assert shown.count("→  theirs") == 1


def test_a_name_that_is_used_again_begins_a_new_conversation() -> None:
    r = Recording()
    for ms, version in ((10, "2025-11-25"), (20, "2025-06-18")):
        at = r.trace.zero_ns + ms * 1_000_000
        r.trace.record(LinkOpened, time_ns=at, address=version, **r.labels)
        r.chunk(C2S, b"...", ms)
        r.ask(0, "server/discover", ms + 1)
        r.refuse(0, ms=ms + 2)
        r.ask(1, "initialize", ms + 3, protocolVersion=version)
        r.ask(2, "ping", ms + 4)

    shown = flow_text(r.trace)

    first, second = shown.split("\n\n")
    assert first.startswith("demo  tcp  2025-11-25\n")
    assert second.startswith("demo  tcp  2025-06-18\n")
    for part, version in ((first, "2025-11-25"), (second, "2025-06-18")):
        # a probe, and a link that was opened for it, stay with what followed
        assert f"+  opened {version}" in part
        assert part.count("server/discover") == 1


def test_the_newest_lines_are_kept_and_the_rest_is_counted() -> None:
    shown = flow_text(sample(), last=2)

    assert shown.splitlines()[0] == "(15 earlier lines not shown.)"
    assert [line.split()[0] for line in shown.splitlines()[2:]] == ["#16", "#17"]


def many(count: int) -> Recording:
    r = Recording()
    for id in range(count):
        r.ask(id)
    return r


def test_a_cell_is_not_flooded_unless_asked_for() -> None:
    trace = many(MAX_LINES + 50).trace

    assert flow_text(trace).splitlines()[0] == "(50 earlier lines not shown.)"
    assert len(flow_text(trace).splitlines()) == MAX_LINES + 2
    assert len(flow_text(trace, last=0).splitlines()) == MAX_LINES + 51
    assert len(flow_text(trace, last=MAX_LINES + 10).splitlines()) == MAX_LINES + 12
    part = trace.select("dir:c2s")
    assert flow_text(part).splitlines()[0] == "(50 earlier lines not shown.)"


def test_silent_events_are_not_counted_as_lines() -> None:
    r = Recording(transport="http", link="http#1")
    for id in range(5):
        r.ask(id)
        r.trace.record(LinkOpened, address="a:1 > b:2", **r.labels)

    assert flow_text(r.trace, last=3, stable=True).splitlines()[0] == (
        "(2 earlier lines not shown.)"
    )
    assert flow_text(r.trace, last=3).splitlines()[0] == "(7 earlier lines not shown.)"


def test_the_parts_of_a_batch_that_are_too_many_are_counted() -> None:
    r = Recording()
    r.say(C2S, [{"jsonrpc": "2.0", "id": i, "method": f"m{i}"} for i in range(4)])

    shown = flow_text(r.trace, last=3).splitlines()

    assert shown[0] == "(1 earlier line not shown.)"
    assert [line.split()[2] for line in shown[2:]] == ["m1", "m2", "m3"]


def test_a_second_look_decodes_nothing_again(spoken: Workbench) -> None:
    trace = spoken.trace
    flow_text(trace)
    book = trace.recall(Book)
    messages, chunks = book.read, trace.memory.redactor.decoded
    assert messages == len(trace.messages())
    assert chunks == sum(event.kind == "chunk" for event in trace)

    flow_text(trace)
    flow_text(trace.select("tool:add"), vantage="server", stable=True)
    layers_text(trace, trace.messages()[-1].seq)

    assert (book.read, trace.memory.redactor.decoded) == (messages, chunks)


@pytest.mark.parametrize("vantage", [None, "client", "server"])
@pytest.mark.parametrize("seed", range(6))
def test_looking_in_between_changes_nothing(
    spoken: Workbench, vantage: str | None, seed: int
) -> None:
    """Also where an event comes with an earlier time than the one before."""
    chance = random.Random(seed)
    whole = [
        replace(event, time_ns=event.time_ns + (chance.random() < 0.1) * -chance.randrange(10**9))
        for event in spoken.trace
    ]
    looked, fresh = Trace(), Trace()
    for at in range(0, len(whole), 211):
        looked._adopt(whole[at : at + 211], dropped=0)
        flow_text(looked, vantage=vantage)
    fresh._adopt(whole, dropped=0)

    assert flow_text(looked, last=0, vantage=vantage) == flow_text(fresh, last=0, vantage=vantage)
    chosen = None if vantage is None else Vantage(vantage)
    kept = {e.seq for s in sessions(whole, chosen) for e in s.events if e.kind == "message"}
    heads = [session for session in sessions(whole, chosen) if session.events]
    shown = flow_text(looked, last=0, vantage=vantage)
    numbers = {int(number) for number in re.findall(r"^ +#(\d+)  [→←]", shown, re.MULTILINE)}
    assert numbers == kept
    assert shown.count("\n\n") + 1 == sum(
        any(event.kind != "chunk" for event in session.events) for session in heads
    )


def test_what_left_is_in_no_line_and_not_counted() -> None:
    r = Recording(Trace(max_events=10))
    for id in range(40):
        r.ask(id, "ping")
        r.answer(id)
        shown = flow_text(r.trace, last=0)
    # by time, and all answers are from a later millisecond
    numbers = [*range(71, 81, 2), *range(72, 81, 2)]
    assert [line.split()[0] for line in shown.splitlines()[2:]] == [f"#{n}" for n in numbers]
    assert flow_text(r.trace, last=4).splitlines()[1] == "(6 earlier lines not shown.)"

    r.trace.clear()

    assert flow_text(r.trace).splitlines() == ["(70 older events dropped.)", "No messages yet."]
    r.ask(99, "ping")
    assert flow_text(r.trace).splitlines()[-1].split()[0] == "#81"


def test_dropped_events_are_counted() -> None:
    r = Recording(Trace(max_events=2))
    for id in range(5):
        r.ask(id)

    assert flow_text(r.trace).splitlines()[0] == "(3 older events dropped.)"


def test_a_part_keeps_the_heading_and_the_time_of_the_whole() -> None:
    shown = flow_text(sample().select("kind:response tool:add"))

    assert shown.splitlines()[0] == "demo  tcp  2025-11-25"
    assert "#7  ←  result 5  id 1  2.0 ms" in shown
    assert len(shown.splitlines()) == 2


def test_chunks_are_shown_where_nothing_else_was_selected(spoken: Workbench) -> None:
    assert "POST /mcp" not in flow_text(spoken.trace)
    assert "→  POST /mcp HTTP/1.1⏎" in flow_text(spoken.trace.select("kind:chunk conn:http-modern"))


def test_an_empty_trace_says_so() -> None:
    assert flow_text(Trace()) == "No messages yet."


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        ({"method": "prompts/get", "params": {"name": "p", "arguments": {"x": 1}}}, 'p {"x":1}'),
        ({"method": "resources/read", "params": {"uri": "file:///a"}}, "resources/read file:///a"),
        ({"method": "logging/setLevel", "params": {"level": "info"}}, '{"level":"info"}'),
        ({"method": "notifications/message", "params": {"level": "info", "data": 1}}, "log info"),
        ({"method": "notifications/progress", "params": {"progress": 0.5}}, "progress 0.5"),
        ({"method": "elicitation/create", "params": {"message": "who?"}}, 'create "who?"'),
        ({"result": {"supportedVersions": ["2026-07-28"]}}, "speaks 2026-07-28"),
        ({"result": {"content": [{"type": "image", "data": ""}]}}, "content: image"),
        ({"result": {"content": []}}, "result empty"),
        ({"result": {"resources": []}}, "result 0 resources"),
        ({"result": {"resultType": "input_required", "inputRequests": {
            "a": {"method": "elicitation/create", "params": {"message": "sure?"}}}}},
         'input required: "sure?"'),
        ({"result": 5}, "result 5"),
        ({"error": {"code": -1, "message": "x"}}, "error -1 x"),
        ({"error": 5}, "error"),
        ({"nothing": 1}, "not JSON-RPC"),
        ({"method": "notifications/progress", "params": [1]}, "progress"),
        ({"result": {"content": "text", "tools": 1}}, 'result "text"'),
        ({"result": {"resultType": "input_required", "inputRequests": {"a": None}}}, "required"),
    ],
)  # fmt: skip
def test_what_messages_say(obj: dict[str, Any], expected: str) -> None:
    r = Recording()
    r.say(S2C, {"jsonrpc": "2.0", "id": 1, **obj})

    assert expected in flow_text(r.trace)


def test_a_batch_is_a_line_for_each_of_its_messages() -> None:
    r = Recording()
    r.say(C2S, [{"jsonrpc": "2.0", "id": i, "method": f"m{i}"} for i in (1, 2)])

    shown = flow_text(r.trace)

    assert [line.split()[2] for line in shown.splitlines()[1:]] == ["m1", "m2"]


def test_a_message_that_was_cut_says_how_much_of_it_was_kept() -> None:
    r = Recording(Trace(max_event_bytes=20))
    raw = json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"x": "y" * 50}}).encode()
    from mcp_notebook.trace.events import Message

    r.trace.record(Message, direction=S2C, raw=raw[:45], size=len(raw), **r.labels)

    assert f"result, 45 of {len(raw)} bytes kept" in flow_text(r.trace)


def test_hostile_text_is_visible_and_harmless() -> None:
    r = Recording(conn=TEXT, transport="tcp")
    r.ask(TEXT, TEXT, name=TEXT)
    r.answer(TEXT, content=[{"type": "text", "text": TEXT}])
    r.say(S2C, TEXT.encode())
    for make, field in ((StderrLine, "text"), (Fault, "text"), (LinkClosed, "reason")):
        r.trace.record(make, **{field: TEXT}, **r.labels)

    assert_tame({"text/plain": flow_text(r.trace)})


def test_a_message_nested_beyond_reason_is_shown_all_the_same() -> None:
    r = Recording()
    deep = "[" * 900 + "]" * 900
    r.say(S2C, f'{{"jsonrpc":"2.0","id":1,"result":{{"x":{deep}}}}}'.encode())

    assert "←  result" in flow_text(r.trace)


def test_a_secret_is_in_no_line() -> None:
    r = Recording()
    r.trace.secrets.add("hush-hush")
    r.ask(1, "tools/call", name="login", arguments={"with": "hush-hush", "password": "other"})
    r.answer(1, content=[{"type": "text", "text": "hush-hush"}])
    r.trace.record(StderrLine, text="read hush-hush", **r.labels)

    shown = flow_text(r.trace)

    assert 'login {"with":"*********","password":"*****"}' in shown
    assert 'result "*********"' in shown
    assert "stderr: read *********" in shown
    assert flow_text(r.trace.select("login")).count("*********") == 1
