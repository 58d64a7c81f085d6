"""One call over every transport, on real endpoints."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from mcp_notebook.bench import measuring
from mcp_notebook.bench.measuring import ROADS, Plan, compare
from mcp_notebook.errors import UsageError
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.trace.comparison import Column, Comparison
from mcp_notebook.trace.cost import Cost, Kind
from mcp_notebook.trace.events import Chunk, Message, Vantage
from tests.transports.tools import furnish

TRANSPORTS = [
    "memory",
    "pipe",
    "stdio",
    "bridge",
    "unix",
    "tcp",
    "http",
    "http-json",
    "sse",
    "websocket",
]
ERAS = ["legacy", "modern"]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    with Workbench(folder=str(tmp_path_factory.mktemp("compare"))) as own:
        yield furnish(own)


def run(bench: Workbench, tool: str, arguments: dict[str, Any], **more: Any) -> Comparison:
    plan = {key: more.pop(key) for key in ("answer", "timeout", "repeat") if key in more}
    server = bench.servers.find(None)
    return compare(bench, Plan(server=server, tool=tool, arguments=arguments, **plan), **more)


@pytest.fixture(scope="module")
def added(bench: Workbench) -> Comparison:
    return run(bench, "add", {"a": 2, "b": 3}, over=TRANSPORTS, eras=ERAS)


COLUMNS = [f"{transport} {era}" for transport in TRANSPORTS for era in ERAS]


def costs(column: Column) -> list[Cost]:
    return [column.opening, column.warming, column.call, column.closing]


def test_there_is_a_column_for_each_transport_and_era(added: Comparison) -> None:
    assert [column.label for column in added.columns] == COLUMNS
    assert {column.why_not for column in added.columns} == {""}
    assert {column.revision for column in added.columns} == {"2025-11-25", "2026-07-28"}


@pytest.mark.parametrize("label", COLUMNS)
def test_framing_and_messages_are_all_bytes_that_travelled(
    bench: Workbench, added: Comparison, label: str
) -> None:
    column = added[label]
    name = f"compare-{label.replace(' ', '-')}"
    mine = [e for e in bench.trace if e.conn == name and e.vantage is Vantage.CLIENT]
    chunks = {e.seq: e for e in mine if isinstance(e, Chunk)}
    messages = [e for e in mine if isinstance(e, Message)]

    assert sum(cost.bytes for cost in costs(column)) == sum(c.size for c in chunks.values())
    assert sum(cost.body for cost in costs(column)) == sum(m.size for m in messages)
    assert [n for cost in costs(column) for n in cost.messages] == [m.seq for m in messages]
    for cost in costs(column):
        told = {seq for part in cost.parts.values() for seq in part.chunks}
        assert cost.bytes == sum(chunks[seq].size for seq in told)
        assert cost.framing == sum(p.bytes for k, p in cost.parts.items() if k is not Kind.MESSAGE)
        assert cost.bytes_of(Kind.UNREAD) == 0


@pytest.mark.parametrize("label", COLUMNS)
def test_the_call_is_the_measured_one_alone(
    bench: Workbench, added: Comparison, label: str
) -> None:
    column = added[label]
    request, answer = (bench.trace.event(seq) for seq in column.call.messages)
    assert isinstance(request, Message)
    assert isinstance(answer, Message)

    assert request.seq == column.seq
    assert request.json()["method"] == "tools/call"
    assert answer.json()["id"] == request.json()["id"]
    assert (column.request_bytes, column.answer_bytes) == (request.size, answer.size)
    assert column.call.body == request.size + answer.size == column.warming.body
    assert column.call.round_trips == 1
    assert column.status == "answered"
    assert column.first_byte_ns is not None
    assert column.result_ns == answer.time_ns - request.time_ns
    assert 0 < column.first_byte_ns <= column.result_ns


def test_what_is_equal_is_equal_over_every_transport(added: Comparison) -> None:
    assert {column.result for column in added.columns} == {"5"}
    assert {column.request for column in added.columns} == {
        'tools/call {"name":"add","arguments":{"a":2,"b":3}}'
    }
    for era in ERAS:
        mine = [column for column in added.columns if column.era == era]
        assert len({column.request_bytes for column in mine}) == 1
        assert len({column.answer_bytes for column in mine}) == 1


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("transport", ["memory", "pipe", "stdio", "unix", "tcp"])
def test_a_line_transport_adds_one_newline_a_message(
    added: Comparison, transport: str, era: str
) -> None:
    column = added[f"{transport} {era}"]

    for cost in costs(column):
        assert cost.framing == cost.bytes_of(Kind.LINE) == len(cost.messages)
        assert cost.requests == 0


@pytest.mark.parametrize("era", ERAS)
def test_a_websocket_adds_headers_and_a_mask(added: Comparison, era: str) -> None:
    column = added[f"websocket {era}"]
    header = sum(2 if size < 126 else 4 for size in (column.request_bytes, column.answer_bytes))

    assert column.call.framing == column.call.bytes_of(Kind.FRAME) == header + 4
    assert column.opening.requests == 1
    assert column.call.links == 0


@pytest.mark.parametrize("transport", ["http", "http-json", "sse"])
@pytest.mark.parametrize("era", ERAS)
def test_http_adds_the_heads_that_can_be_read_in_its_chunks(
    bench: Workbench, added: Comparison, transport: str, era: str
) -> None:
    column = added[f"{transport} {era}"]
    heads = 0
    for seq in column.call.parts[Kind.HEAD].chunks:
        chunk = bench.trace.event(seq)
        assert isinstance(chunk, Chunk)
        assert chunk.data.startswith((b"POST ", b"HTTP/1.1 "))
        heads += chunk.data.index(b"\r\n\r\n") + 4

    assert column.call.bytes_of(Kind.HEAD) == heads
    assert column.call.requests == 1


def test_a_session_over_http_opens_a_connection_for_each_call(added: Comparison) -> None:
    """The SDK's client leaves a streamed answer before its end, so the connection is lost."""
    assert added["http legacy"].call.links == 1
    assert added["http modern"].call.links == 0


def test_stdio_is_a_real_child(bench: Workbench, added: Comparison) -> None:
    seq = added["stdio modern"].call.parts[Kind.MESSAGE].chunks[0]
    opened = [e for e in bench.trace.select("kind:opened conn:compare-stdio-modern") if e.seq < seq]

    assert "python" in repr([getattr(event, "address", "") for event in opened])


def test_nothing_is_left_open(bench: Workbench, added: Comparison) -> None:
    del added
    me = psutil.Process()

    def open_here() -> list[object]:
        ports = [c.laddr.port for c in me.net_connections("inet") if c.status == "LISTEN"]
        return [dict(bench.endpoints), dict(bench.connections), ports, me.children()]

    before = open_here()
    run(bench, "add", {"a": 1})

    assert open_here() == before


def test_usually_six_transports_are_compared_in_one_era(bench: Workbench) -> None:
    found = run(bench, "add", {"a": 1})

    assert [column.label for column in found.columns] == list(ROADS)
    assert {column.revision for column in found.columns} == {"2026-07-28"}


def test_the_default_connection_stays_what_it_was(bench: Workbench) -> None:
    mine = bench.connect(bench.serve(transport="memory", name="mine"), name="mine")
    run(bench, "add", {"a": 1}, over=["pipe", "http"])

    assert bench.connection() is mine
    assert mine.call("add", a=1).value == 3
    bench.stop("mine")


def test_names_that_are_taken_are_left_alone(bench: Workbench) -> None:
    mine = bench.serve(transport="memory", name="compare-pipe")
    run(bench, "add", {"a": 1}, over=["pipe"])

    assert bench.endpoints["compare-pipe"] is mine
    bench.stop("compare-pipe")


def test_several_calls_are_measured_by_their_medians(bench: Workbench) -> None:
    found = run(bench, "add", {"a": 1}, over=["pipe"], repeat=3)
    column = found["pipe"]
    calls = [
        e
        for e in bench.trace.exchanges()
        if e.conn == "compare-pipe" and e.tool and e.seq >= column.seq
    ]

    assert found.repeat == 3
    assert len(calls) == 3
    assert column.result_ns == sorted(c.latency_ns or 0 for c in calls)[1]
    assert column.seq == calls[0].seq


def test_the_rounds_of_a_question_are_one_call(bench: Workbench) -> None:
    found = run(
        bench, "tall", {}, over=["stdio", "http-json"], eras=["modern"], answer={"centimetres": 180}
    )

    for column in found.columns:
        assert "180" in column.result
        assert column.call.round_trips == 2
        assert len(column.call.messages) == 4
        assert column.call.links == 0
    assert found["http-json"].call.requests == 2


def test_a_question_that_a_server_pushes_is_part_of_the_call(bench: Workbench) -> None:
    found = run(
        bench, "tall_pushed", {}, over=["pipe", "http"], eras=["legacy"],
        answer={"centimetres": 180},
    )  # fmt: skip

    assert [len(column.call.messages) for column in found.columns] == [4, 4]
    assert [column.call.round_trips for column in found.columns] == [2, 2]


def test_a_question_nobody_answers_is_the_reason_of_a_column(bench: Workbench) -> None:
    found = run(bench, "tall", {}, over=["pipe"])

    assert "--answer" in found["pipe"].why_not
    assert found.options() == {"compare": []}


def test_progress_is_messages_and_no_round_trip(bench: Workbench) -> None:
    found = run(bench, "steps", {"count": 3}, over=["pipe", "websocket"])

    assert [len(column.call.messages) for column in found.columns] == [5, 5]
    assert [column.call.round_trips for column in found.columns] == [1, 1]


def test_a_big_result_is_counted_to_the_byte(bench: Workbench) -> None:
    found = run(bench, "big", {"size": 300_000}, over=["pipe", "http", "sse", "websocket"])

    assert len({column.answer_bytes for column in found.columns}) == 1
    assert len({column.result for column in found.columns}) == 1
    for column in found.columns:
        assert column.call.body == column.request_bytes + column.answer_bytes
        assert 0 < column.call.framing < 1000


def test_a_tool_that_fails_is_an_answer(bench: Workbench) -> None:
    column = run(bench, "boom", {}, over=["pipe"])["pipe"]

    assert (column.status, column.why_not) == ("tool-error", "")
    assert column.result.startswith("failed: ")


def test_a_tool_that_cannot_travel_is_a_reason_of_the_child_alone(tmp_path: Path) -> None:
    with Workbench(folder=str(tmp_path)) as bench:
        lock = threading.Lock()

        @bench.tool
        def locked() -> bool:
            """Say whether it is locked."""
            return lock.locked()

        found = run(bench, "locked", {}, over=["stdio", "pipe"])
        furnish(bench)  # now there is something that can travel
        mixed = run(bench, "locked", {}, over=["stdio"])

    assert "cannot pickle '_thread.lock'" in found["stdio"].why_not
    assert "locked cannot travel to a child" in mixed["stdio"].why_not
    assert found["pipe"].result == "false"
    assert [one["label"] for one in found.options()["compare"]] == ["pipe"]


def test_a_transport_that_is_not_there_is_a_column_with_the_reason(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    unix = measuring.roads_of(["unix"])[0]
    monkeypatch.setattr(type(unix), "missing", lambda _self: "this system has none.")

    found = run(bench, "add", {"a": 1}, over=["unix", "pipe"])

    assert "this system has none" in found["unix"].why_not
    assert found["pipe"].measured


@pytest.mark.parametrize(
    ("tool", "arguments", "more", "said"),
    [
        ("ad", {}, {}, "Did you mean add?"),
        ("add", {"c": 1}, {}, "add has no argument 'c'"),
        ("add", {"a": "x"}, {}, "is not of type 'integer'"),
        ("add", {"a": 1}, {"over": ["pip"]}, "Did you mean pipe?"),
        ("add", {"a": 1}, {"eras": ["modrn"]}, "there is no era 'modrn'"),
    ],
)
def test_what_cannot_be_meant_is_said_before_anything_is_opened(
    bench: Workbench, tool: str, arguments: dict[str, Any], more: dict[str, Any], said: str
) -> None:
    before = bench.trace.last_seq

    with pytest.raises(UsageError, match=r"\w") as caught:
        run(bench, tool, arguments, **more)

    assert said in str(caught.value)
    assert bench.trace.last_seq == before


def test_an_interrupt_closes_what_is_open(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(measuring, "_call", interrupted)

    with pytest.raises(KeyboardInterrupt):
        run(bench, "add", {"a": 1}, over=["stdio"])

    assert "compare-stdio" not in {**bench.endpoints, **bench.connections}


def test_each_column_is_told_when_it_begins(bench: Workbench) -> None:
    told: list[tuple[int, int, str]] = []

    run(bench, "add", {"a": 1}, over=["pipe", "tcp"], on_column=lambda *a: told.append(a))

    assert told == [(0, 2, "pipe"), (1, 2, "tcp"), (2, 2, "")]


def test_a_secret_is_masked_in_what_is_shown(tmp_path: Path) -> None:
    with Workbench(folder=str(tmp_path)) as bench:
        furnish(bench)
        bench.trace.secrets.add("correct horse battery")
        column = run(bench, "echo", {"text": "correct horse battery"}, over=["pipe"])["pipe"]

    assert "horse" not in column.request + column.result
    assert "*" in column.request
    assert "*" in column.result


def test_a_row_a_column_for_pandas(added: Comparison) -> None:
    pytest.importorskip("pandas")
    frame = added.to_frame().set_index("label")

    assert list(frame.index) == COLUMNS
    assert frame.loc["stdio legacy", "framing_bytes"] == 2
    assert frame.loc["http legacy", "http_heads_bytes"] == added["http legacy"].call.bytes_of(
        Kind.HEAD
    )
    assert frame.loc["stdio legacy", "why_not"] is None


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match=r"there is no column 'x'. There is: pipe\."):
        Comparison(
            tool="t", call="t()", columns=[Column(label="pipe", transport="pipe", era="auto")]
        )["x"]


def test_a_secret_among_the_arguments_is_not_shown() -> None:
    with Workbench() as workbench:

        @workbench.tool
        def login(password: str, note: str) -> str:
            """Log in."""
            return "in"

        workbench.trace.secrets.add("hunter2-hunter2")
        plan = Plan(
            server=workbench.servers.served("notebook"),
            tool="login",
            arguments={"password": "swordfish-4711", "note": "hunter2-hunter2"},
        )
        found = compare(workbench, plan, over=["memory"])

    assert "swordfish" not in found.call
    assert "hunter2" not in found.call
