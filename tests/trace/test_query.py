from __future__ import annotations

import pytest

from mcp_notebook.errors import UsageError
from mcp_notebook.trace.events import Fault, LinkClosed, LinkOpened, StderrLine, Vantage
from mcp_notebook.trace.query import completions, parse
from mcp_notebook.trace.store import Trace

from .recording import C2S, S2C, Recording


@pytest.fixture
def trace() -> Trace:
    recording = Recording()
    trace = recording.trace
    trace.record(LinkOpened, address="127.0.0.1:4711", **recording.labels)  # 1
    recording.ask(1, "tools/call", name="add", _meta={"progressToken": 1}, ms=0)  # 2
    recording.notify(S2C, "notifications/progress", progressToken=1, progress=1)  # 3
    recording.answer(1, ms=50, text="the sum")  # 4
    recording.ask(2, "tools/list", ms=0)  # 5
    recording.refuse(2, ms=200)  # 6
    recording.chunk(C2S, b"The Sum of bytes")  # 7
    trace.record(StderrLine, text="warning: slow", **recording.labels)  # 8
    trace.record(Fault, text="line too long", **recording.labels)  # 9
    trace.record(LinkClosed, reason="killed", **recording.labels)  # 10
    other = Recording(trace, conn="note book", vantage=Vantage.SERVER, transport="websocket")
    other.ask("x", "tools/call", name="my tool")  # 11
    return trace


def numbers(trace: Trace, query: str) -> list[int]:
    return [event.seq for event in trace.select(query)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", list(range(1, 12))),
        ("kind:request", [2, 5, 11]),
        ("kind:response", [4, 6]),
        ("kind:error", [6]),
        ("kind:notification", [3]),
        ("kind:message", [2, 3, 4, 5, 6, 11]),
        ("kind:stderr,fault", [8, 9]),
        ("kind:opened,closed", [1, 10]),
        ("kind:chunk", [7]),
        ("KIND:Error", [6]),
        ("dir:c2s", [2, 5, 7, 11]),
        ("dir:s2c -kind:error", [3, 4]),
        ("vantage:server", [11]),
        ("transport:ws", [11]),
        ("transport:web*", [11]),
        ("conn:demo kind:request", [2, 5]),
        ('conn:"note book"', [11]),
        ("conn:note*", [11]),
        ("tool:add", [2, 3, 4]),
        ("tool:ADD", [2, 3, 4]),
        ("tool:ad", []),
        ("tool:a*,m*", [2, 3, 4, 11]),
        ('tool:"my tool"', [11]),
        ("method:tools/list", [5, 6]),
        ("method:tools/*", [2, 3, 4, 5, 6, 11]),
        ("method:notifications/progress", [3]),
        ("method:tools/* kind:request -tool:add", [5, 11]),
        ("id:1", [2, 3, 4]),
        ("id:x", [11]),
        ("status:answered", [2, 3, 4]),
        ("status:error,unanswered", [5, 6, 11]),
        ("slow:>100ms", [5, 6]),
        ("slow:100", [5, 6]),
        ("slow:<=50ms", [2, 3, 4]),
        ("slow:>=0.2s", [5, 6]),
        ("slow:>50000us", [5, 6]),
        ("sum", [4, 7]),
        ('"the sum"', [4, 7]),
        ('-"the sum" kind:chunk', []),
        ("4711", [1]),
        ("killed", [10]),
        ("WARNING", [8]),
        ('"warning: slow"', [8]),
        ("http://nowhere", []),
        ("12:30", []),
    ],
)
def test_a_query_selects(trace: Trace, query: str, expected: list[int]) -> None:
    assert numbers(trace, query) == expected


def test_a_word_turned_round_selects_exactly_the_others(trace: Trace) -> None:
    for word in ("tool:add", "kind:error,chunk", "sum", "slow:>1ms", "status:error"):
        both = sorted(numbers(trace, word) + numbers(trace, f"-{word}"))
        assert both == list(range(1, 12))


def test_a_quote_inside_a_text_is_escaped() -> None:
    recording = Recording()
    recording.say(C2S, b'{"a": 1}')
    assert numbers(recording.trace, '"{\\"a\\""') == [1]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("tol:add", "Did you mean tool:?"),
        ("kind:requst", "Did you mean kind:request?"),
        ("status:bad", "It knows: answered, error"),
        ("dir:in", "c2s, s2c"),
        ("slow:soon", "slow:>100ms"),
        ("tool:", "lacks its value"),
        ("tool:,", "lacks its value"),
        ('"open', "double quotes"),
        ('a"b"', "double quotes"),
        ("nothing:7", "kind: dir: vantage: status: transport: conn: tool: method: id: cell: slow:"),
        ("nothing:7", '"nothing:7"'),
        ("kind:error -", '"-" alone'),
    ],
)
def test_a_bad_word_says_what_to_type(query: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(query)
    assert said in str(caught.value)


@pytest.mark.parametrize("word", ["cell:5", 'cell:"In [5]"', "cell:in*", "cell:4,5"])
def test_a_cell_selects_the_exchanges_it_caused(word: str) -> None:
    recording = Recording()
    recording.labels["cell"] = "In [5]"
    recording.ask(1, "tools/call", name="add")
    del recording.labels["cell"]
    recording.answer(1, text="5")
    recording.ask(2, "tools/list")

    assert numbers(recording.trace, word) == [1, 2]
    assert numbers(recording.trace, f"-{word}") == [3]
    assert "cell:5" in completions(recording.trace)


def test_completions_are_words_that_can_be_read(trace: Trace) -> None:
    words = completions(trace)
    assert {"kind:error", "conn:demo", 'conn:"note book"', "tool:add", 'tool:"my tool"'} <= {*words}
    for word in words:
        if not word.endswith(":"):
            assert parse(word).words
    assert "tool:" in completions()
