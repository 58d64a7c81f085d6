"""The comparison as a table: aligned, equal marked as equal, tame."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

from mcp_notebook.show.comparison import comparison
from mcp_notebook.trace.comparison import Column, Comparison
from mcp_notebook.trace.cost import Cost, Kind, Part
from tests.show.hostile import TEXT, assert_tame

CALL = Cost(
    messages=(12, 14),
    round_trips=1,
    parts={Kind.MESSAGE: Part(118, (11, 13)), Kind.LINE: Part(2, (11, 13))},
    ns=1_500_000,
)
PIPE = Column(
    label="pipe",
    transport="pipe",
    era="auto",
    standing="for lessons",
    revision="2026-07-28",
    seq=12,
    status="answered",
    request='tools/call {"name":"add"}',
    result="5",
    request_bytes=70,
    answer_bytes=48,
    opening=replace(CALL, ns=9_000_000),
    call=CALL,
    first_byte_ns=300_000,
    result_ns=1_200_000,
)
HTTP = replace(
    PIPE,
    label="http",
    transport="http",
    standing="standard",
    networked=True,
    seq=30,
    call=replace(
        CALL,
        requests=1,
        links=1,
        parts={Kind.MESSAGE: Part(118, (29, 31)), Kind.HEAD: Part(402, (29, 31))},
    ),
)


def of(*columns: Column, **more: int) -> Comparison:
    return Comparison(tool="add", call="add(a=2, b=3)", columns=columns, **more)


def row(text: str, name: str) -> list[str]:
    """The cells of the first line that has this name, its mark first."""
    for line in text.split("\n"):
        if re.match(rf"(=| )\s+{re.escape(name)}(\s|$)", line):
            return [line[0].strip(), *line[1:].strip().removeprefix(name).split()]
    raise AssertionError(f"no row {name!r} in\n{text}")


def test_columns_stand_beside_each_other() -> None:
    text = comparison(of(PIPE, HTTP))["text/plain"]

    assert text.startswith("add(a=2, b=3)\n")
    assert row(text, "framing bytes") == ["", "2", "402"]
    assert row(text, "bytes in all") == ["", "120", "520"]
    assert row(text, "HTTP heads") == ["", "-", "402"]
    assert row(text, "newlines") == ["", "2", "-"]
    assert row(text, "new TCP connections") == ["", "-", "1"]
    assert row(text, "%mcp flow") == ["", "12", "30"]
    starts = {line.index("402") for line in text.split("\n") if "402" in line}
    assert len(starts) == 1


def test_what_is_equal_is_marked() -> None:
    text = comparison(of(PIPE, HTTP))["text/plain"]

    assert row(text, "messages") == ["=", "2", "2"]
    assert row(text, "message bytes") == ["=", "118", "118"]
    assert '= request: tools/call {"name":"add"}' in text
    assert "=  the same in all" in text


def test_a_result_that_differs_is_not_marked() -> None:
    text = comparison(of(PIPE, replace(HTTP, result="6")))["text/plain"]

    assert row(text, "result") == ["", "5", "6"]


def test_one_column_is_equal_to_nothing() -> None:
    text = comparison(of(PIPE))["text/plain"]

    assert "=" not in text.replace("a=2, b=3", "")


def test_rows_that_say_nothing_are_left_out() -> None:
    text = comparison(of(PIPE))["text/plain"]

    for name in ("HTTP requests", "SSE fields", "WebSocket headers", "to close"):
        assert name not in text


def test_the_standing_of_what_is_no_standard_is_said() -> None:
    assert "pipe: for lessons" in comparison(of(PIPE, HTTP))["text/plain"]
    assert "http: standard" not in comparison(of(PIPE, HTTP))["text/plain"]


def test_what_changes_from_run_to_run_can_be_left_out() -> None:
    other = replace(PIPE, seq=99, first_byte_ns=5, result_ns=6, opening=replace(CALL, ns=7))

    stable = comparison(of(PIPE, HTTP), stable=True)

    assert stable == comparison(of(other, replace(HTTP, seq=7)), stable=True)
    assert " ms" not in stable["text/plain"]
    assert "1.2 ms" in comparison(of(PIPE, HTTP))["text/plain"]


def test_the_reason_why_a_column_has_no_call_is_below() -> None:
    refused = Column(label="stdio", transport="stdio", era="auto", why_not="it cannot: <no>.")
    bundle = comparison(of(PIPE, refused))

    assert "stdio: it cannot: <no>." in bundle["text/plain"].split("\n")
    assert "&lt;no&gt;" in bundle["text/html"]
    assert comparison(of(refused))["text/plain"] == "stdio: it cannot: <no>."


def test_how_many_calls_were_measured_is_said() -> None:
    assert "one measured call each" in comparison(of(PIPE))["text/plain"]
    assert "5 measured calls each" in comparison(of(PIPE, repeat=5))["text/plain"]


def test_more_columns_than_fit_stand_in_a_table_below() -> None:
    many = [replace(HTTP, label=f"transport-number-{n}") for n in range(9)]
    many[8] = replace(many[8], result="6")
    text = comparison(of(*many))["text/plain"]

    assert max(len(line) for line in text.split("\n")) <= 110
    assert all(column.label in text for column in many)
    assert text.count("framing bytes") > 2
    assert {line[0] for line in text.split("\n") if "   result" in line} == {" "}


class Grid(HTMLParser):
    """How many columns each row of a table covers."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append(0)
        elif tag in ("td", "th"):
            self.rows[-1] += int(dict(attrs).get("colspan") or 1)


def test_each_row_of_the_table_covers_all_columns() -> None:
    grid = Grid()
    grid.feed(comparison(of(PIPE, HTTP))["text/html"])

    assert set(grid.rows) == {3}
    assert len(grid.rows) > 10


def test_foreign_text_is_tame() -> None:
    column = replace(
        PIPE, label=TEXT, transport=TEXT, standing=TEXT, request=TEXT, result=TEXT, revision=TEXT
    )
    refused = Column(label=TEXT, transport=TEXT, era="auto", why_not=TEXT)
    thing = Comparison(tool=TEXT, call=TEXT, columns=[column, HTTP, refused])

    assert_tame(comparison(thing))
    assert_tame(comparison(replace(thing, columns=[refused])))


def test_a_view_is_opened_by_plain_data() -> None:
    refused = Column(label="stdio", transport="stdio", era="auto", why_not="no")
    opened = {"messages": 2, "round_trips": 1, "body": 118, "framing": 2}
    times = {"first_byte_ns": 300_000, "result_ns": 1_200_000}

    options = of(PIPE, refused, HTTP).options()

    assert json.loads(json.dumps(options)) == {
        "compare": [
            {"label": "pipe", "seq": 12, "cost": {**opened, **times}, "opening": opened},
            {
                "label": "http",
                "seq": 30,
                "cost": {**opened, **times, "framing": 402},
                "opening": opened,
            },
        ]
    }
