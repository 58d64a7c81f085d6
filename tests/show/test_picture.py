"""The still picture: what it shows, that it is safe anywhere, and that its text stays in place."""

from __future__ import annotations

import base64
import re
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from mcp_notebook.show.book import Book
from mcp_notebook.show.picture import picture, picture_html
from mcp_notebook.trace.events import (
    Fault,
    LinkClosed,
    LinkOpened,
    Message,
    StderrLine,
    Vantage,
)
from mcp_notebook.trace.store import Trace
from tests.show.conftest import equipped, talk
from tests.show.hostile import FORBIDDEN, TEXT
from tests.trace.recording import C2S, S2C, Recording

FIXTURES = Path(__file__).resolve().parents[2] / "widgets" / "test" / "fixtures"
NAMES = ("memory", "http", "sse", "websocket", "roads", "stdio")
SVG = "{http://www.w3.org/2000/svg}"


def fixture(name: str) -> Trace:
    return Trace.load(FIXTURES / f"{name}.jsonl")


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def texts(element: ElementTree.Element) -> list[str]:
    """Each text of a picture, as it is read."""
    return ["".join(one.itertext()) for one in element.iter(f"{SVG}text")]


def rows(svg: str) -> list[tuple[str, str]]:
    """The class and the label of each row."""
    found = []
    for row in parsed(svg).iter(f"{SVG}svg"):
        if row.get("class"):
            label = next(t for t in row.iter(f"{SVG}text") if t.find(f"{SVG}tspan") is not None)
            found.append((str(row.get("class")), "".join(label.itertext())))
    return found


def opened(recording: Recording, address: str) -> None:
    recording.trace.record(
        LinkOpened, time_ns=recording.trace.zero_ns, address=address, **recording.labels
    )


def hostile() -> Trace:
    """A Trace in which everything that can be chosen from outside is hostile."""
    one = Recording(conn=TEXT * 3)
    opened(one, TEXT * 9)
    one.ask(1, TEXT * 4)
    one.answer(1, content=[{"type": "text", "text": TEXT}])
    towering = "Z" + "\u0300\u0323" * 90
    one.ask(2, "tools/call", name=towering, arguments={"x": "漢字" * 60})
    one.answer(2, content=[{"type": "text", "text": "שלום " * 20 + "\ufdfd" * 20}])
    one.ask(TEXT, "tools/call", name="a" * 5000)
    one.answer(5, tools=[{"name": TEXT}, {"name": 7}, "x"])
    one.say(C2S, b"\xff\xfe<svg onload=1>")
    one.say(S2C, b"[" * 100_000)
    one.say(C2S, [{"jsonrpc": "2.0", "id": 9, "method": "ping"}, {"method": "x"}])
    for progress in ("x", 1e400, True, [], 10**400):
        one.notify(S2C, "notifications/progress", progress=progress, total=3)
    one.trace.record(Fault, text=TEXT * 5, **one.labels)
    one.trace.record(StderrLine, text=TEXT * 5 + "\ud800\ufffe\ufdd0", **one.labels)
    one.trace.record(LinkClosed, reason=TEXT, **one.labels)
    return one.trace


# ---- what it shows ---------------------------------------------------------------------------


def test_a_conversation_is_drawn_row_by_row_with_its_handshake_folded() -> None:
    shown = rows(picture(fixture("memory")))

    assert shown[:6] == [
        ("link", "opened two queues in the kernel"),
        ("response", "handshake 3 messages"),
        ("request", "tools/list id 2"),
        ("response", "result 5 tools: add, count, boom, tall, … id 2"),
        ("request", "tools/list id 3"),
        ("response", "result 5 tools: add, count, boom, tall, … id 3"),
    ]
    assert ("notification", 'progress 1/3 "step 0"') in shown
    assert ("failed", 'result failed "Error executing tool boom" id 6') in shown
    assert ("request", 'elicitation/create "How tall?" id 1') in shown
    assert ("link", "closed ") not in shown
    assert ("link", "closed") in shown
    assert [one for one in shown if one[1].startswith("handshake")] == [
        ("response", "handshake 3 messages"),
        ("response", "handshake 2 messages"),
    ]


def test_lanes_name_the_parties_with_era_transport_and_tools() -> None:
    shown = texts(parsed(picture(fixture("memory"))))

    for one in ("you", "the notebook", "memory-legacy", "memory-modern", "memory", "endpoint"):
        assert one in shown
    assert "legacy 2025-11-25" in shown
    assert "modern 2026-07-28" in shown
    assert any(one.startswith("add · count") for one in shown)


def test_a_child_process_is_named_by_its_command_without_its_folders() -> None:
    one = Recording(conn="child", transport="stdio", link="stdio#1")
    opened(one, "/opt/one/python3 /opt/two/server.py --fast")
    one.trace.record(StderrLine, text="ready", **one.labels)
    one.ask(1, "tools/call", name="add")

    shown = texts(parsed(picture(one.trace)))

    assert any(text.startswith("python3 server.py") for text in shown)
    assert "a child process" in shown
    assert ("stderr", "stderr ready") in rows(picture(one.trace))


def test_kinds_are_told_apart_by_shape_not_by_colour_alone() -> None:
    one = Recording()
    one.ask(1, "tools/call", name="a")
    one.answer(1, content=[])
    one.ask(2, "tools/call", name="b")
    one.answer(2, content=[], isError=True)
    one.ask(3, "tools/call", name="c")
    one.refuse(3)
    one.notify(S2C, "notifications/progress", progress=1)

    shapes: dict[str, set[str]] = {}
    for row in parsed(picture(one.trace)).iter(f"{SVG}svg"):
        if row.get("class"):
            drawn = [
                (e.tag, e.get("class"), re.sub(r"-?[\d.]+ ?", "", e.get("d", "")))
                for e in row
                if e.tag != f"{SVG}text" and e.get("class") != "k"
            ]
            shapes.setdefault(str(row.get("class")), set()).add(str(drawn))

    assert all(len(found) == 1 for found in shapes.values())
    assert len({next(iter(found)) for found in shapes.values()}) == 5


def test_what_has_no_good_end_says_so() -> None:
    one = Recording()
    one.ask(1, "tools/call", name="slow")
    one.notify(C2S, "notifications/cancelled", requestId=1, reason="no time")
    one.ask(2, "tools/call", name="never")
    one.ask(3, "tools/call", name="none")
    one.refuse(3)
    one.trace.record(Fault, text="the peer closed in the middle", **one.labels)

    shown = rows(picture(one.trace))

    assert ("request", "tools/call cancelled slow id 1") in shown
    assert ("notification", 'cancelled request 1 "no time"') in shown
    assert ("request", "tools/call unanswered never id 2") in shown
    assert ("error", "error -32601 no id 3") in shown
    assert ("fault", "fault the peer closed in the middle") in shown


def test_the_rounds_of_a_question_are_bracketed() -> None:
    svg = picture(fixture("memory"))

    assert texts(parsed(svg)).count("2 rounds") == 1
    assert any(label.startswith("input required") for _, label in rows(svg))
    assert any("round 2, tall" in label for _, label in rows(svg))


def test_the_cell_that_asked_is_named() -> None:
    one = Recording()
    raw = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}'
    one.trace.record(Message, direction=C2S, raw=raw, size=len(raw), cell="In [5]", **one.labels)

    assert "In [5]" in texts(parsed(picture(one.trace)))
    assert "In [5]" not in picture(one.trace, stable=True)  # it counts up from run to run


def test_a_foreign_client_of_an_endpoint_has_a_lane() -> None:
    one = Recording(conn="notebook-http", vantage=Vantage.SERVER, transport="http", link="http#1")
    one.ask(1, "tools/call", name="add")

    shown = texts(parsed(picture(one.trace)))

    assert {"a client", "outside", "notebook-http", "endpoint"} <= set(shown)
    assert "you" not in shown


def test_only_the_newest_rows_are_drawn_and_the_others_counted() -> None:
    one = Recording(Trace(max_events=300))
    for number in range(200):
        one.ask(number, "tools/call", name="add")
        one.answer(number, content=[])

    svg = picture(one.trace, last=10)

    assert [label for _, label in rows(svg)][-1] == "result empty id 199"
    assert len(rows(svg)) == 10
    assert "290 earlier events not shown" in texts(parsed(svg))
    assert "100 older events dropped" in texts(parsed(svg))
    assert len(rows(picture(one.trace, last=0))) == 1


def test_links_that_come_and_go_take_no_place_from_messages() -> None:
    one = Recording(transport="http")
    for number in range(30):
        at, one.labels["link"] = one.trace.zero_ns + number * 10_000_000, f"http#{number}"
        one.trace.record(LinkOpened, time_ns=at, address="127.0.0.1:1", **one.labels)
        one.ask(number, "tools/call", ms=number * 10 + 1, name="add")
        one.trace.record(LinkClosed, time_ns=at + 2_000_000, **one.labels)

    kinds = [kind for kind, _ in rows(picture(one.trace, last=10))]

    assert kinds.count("request") == 7  # and never more than twice as many rows
    assert len(kinds) == 20


def test_a_selection_is_drawn_message_by_message() -> None:
    trace = fixture("memory")

    assert [kind for kind, _ in rows(picture(trace.select("method:initialize")))] == [
        "request",
        "response",
    ]
    calls = rows(picture(trace.select("tool:add")))
    assert [kind for kind, _ in calls] == ["request", "response"] * 2


def test_a_selection_of_bytes_alone_is_drawn_too() -> None:
    trace = fixture("websocket").select("kind:chunk vantage:client")

    shown = rows(picture(trace, last=5))

    assert [kind for kind, _ in shown] == ["bytes"] * 5
    assert f"{sum(e.size > 0 for e in trace.events()) - 5} earlier events not shown" in texts(
        parsed(picture(trace, last=5))
    )


def test_an_empty_trace_says_so() -> None:
    assert "No messages yet." in texts(parsed(picture(Trace())))
    assert 'alt="No messages yet."' in picture_html(Trace())


def test_connections_that_take_turns_share_the_order_of_time_in_panels() -> None:
    svg = picture(fixture("roads"), last=200)

    numbers = [
        int(next(str(t.text) for t in row.iter(f"{SVG}text") if t.get("x") == "58"))
        for row in parsed(svg).iter(f"{SVG}svg")
        if row.get("class")
    ]
    assert numbers == sorted(numbers)
    assert texts(parsed(svg)).count("you") == 4


def test_very_many_connections_at_once_are_sorted_by_connection() -> None:
    trace = Trace()
    talks = [Recording(trace, conn=f"conn-{i}", link=f"tcp#{i}") for i in range(6)]
    for number in range(5):
        for i, one in enumerate(talks):
            one.ask(number, "tools/call", ms=number * 10 + i, name="add")
        for i, one in enumerate(talks):
            one.answer(number, ms=number * 10 + i + 6, content=[])

    svg = picture(trace)

    assert "many connections at once: sorted by connection" in texts(parsed(svg))
    assert texts(parsed(svg)).count("you") == 6
    assert len(rows(svg)) == 60
    assert parsed(svg).get("width") == "760"


# ---- that it can stand anywhere ----------------------------------------------------------------


@pytest.mark.parametrize("name", [*NAMES, "hostile"])
def test_the_picture_is_one_safe_file(name: str) -> None:
    svg = picture(hostile() if name == "hostile" else fixture(name))
    tree = parsed(svg)

    assert not [c for c in FORBIDDEN if c in svg]
    allowed = {
        *("svg", "title", "desc", "style", "defs", "use", "g"),
        *("rect", "circle", "path", "text", "tspan"),
    }
    assert {element.tag.removeprefix(SVG) for element in tree.iter()} <= allowed
    for element in tree.iter():
        for attribute, value in element.attrib.items():
            assert not attribute.lower().startswith("on")
            if "href" in attribute:
                assert value in ("#opened", "#closed")
    style = tree.find(f"{SVG}style")
    assert style is not None
    assert not re.search(r"url|@import|@font-face", style.text or "")


def test_hostile_text_is_short_and_visible() -> None:
    shown = rows(picture(hostile()))

    assert any(r"\x1b[31mred" in label for _, label in shown)
    assert max(len(label) for _, label in shown) < 130


def test_no_secret_is_in_the_picture() -> None:
    one = Recording(conn="demo", transport="stdio")
    one.trace.secrets.add("hunter2-hunter2")
    opened(one, "server --key hunter2-hunter2")
    one.ask(1, "tools/call", name="hunter2-hunter2", arguments={"password": "pw-123456"})
    one.answer(1, content=[{"type": "text", "text": "it is hunter2-hunter2"}])
    one.trace.record(StderrLine, text="key hunter2-hunter2", **one.labels)

    for shown in (picture(one.trace), picture_html(one.trace)):
        assert "hunter2" not in shown
        assert "pw-123456" not in shown
    assert "*" * len("hunter2-hunter2") in picture(one.trace)


def test_the_same_trace_gives_the_same_picture() -> None:
    assert picture(fixture("http")) == picture(fixture("http"))
    trace = fixture("http")
    assert picture(trace) == picture(trace)


@pytest.mark.parametrize("road", ["memory", "websocket", "http"])
def test_a_stable_picture_is_the_same_from_run_to_run(road: str) -> None:
    made = []
    for _ in range(2):
        with equipped() as workbench:
            talk(workbench, road, "legacy")
            made.append(picture(workbench.trace, stable=True))

    assert made[0] == made[1]
    assert not re.search(r"\d (ms|µs|s)<", made[0])


def test_sixty_messages_are_at_most_40_kb() -> None:
    for name in NAMES:
        svg = picture(fixture(name))
        assert len(svg.encode()) <= 40_000, name


def test_a_second_look_reads_only_what_is_new() -> None:
    one = Recording()
    for number in range(500):
        one.ask(number, "tools/call", name="add")
        one.answer(number, content=[])
    picture(one.trace)
    book = one.trace.recall(Book)
    assert book.read == 1000

    one.ask(1000, "tools/call", name="add")
    picture(one.trace)

    assert book.read == 1001


def test_the_image_in_html_holds_the_picture_and_says_what_it_shows() -> None:
    trace = fixture("memory")

    made = picture_html(trace, '"><script>alert(1)</script>')

    found = re.fullmatch(
        r'<mcp-flow-still feed="([^"]*)"><img class="mcp-flow-still" alt="([^"]*)" '
        r'src="data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)"></mcp-flow-still>',
        made,
    )
    assert found is not None
    assert "<" not in found[1]
    assert found[2] == (
        "Sequence diagram of 43 messages on 2 connections (memory-legacy, memory-modern), "
        "2 failed tools."
    )
    assert base64.b64decode(found[3]).decode() == picture(trace)
    tree = parsed(picture(trace))
    assert tree.get("role") == "img"
    assert [tree.findtext(f"{SVG}{tag}") for tag in ("title", "desc")] == [
        "MCP message flow",
        found[2],
    ]


# ---- that nothing overlaps -----------------------------------------------------------------------

BOXES = """() => {
    const box = e => {
        const b = e.getBoundingClientRect();
        return [b.left, b.right, b.top, b.bottom];
    };
    const all = [...document.querySelectorAll("svg[class]")].map(row => ({
        row: row.getAttribute("class") + " " + row.textContent,
        texts: [...row.querySelectorAll("text")].map(box),
    }));
    const heads = [...document.querySelectorAll("text.n")].map(
        e => [e.parentElement.getAttribute("y"), box(e), e.textContent]);
    return {all, heads, width: document.documentElement.width.baseVal.value};
}"""


@pytest.mark.browser
@pytest.mark.parametrize("stable", [False, True])
@pytest.mark.parametrize("name", [*NAMES, "hostile"])
def test_no_text_overlaps_another_or_leaves_the_picture(
    browser: Any, tmp_path: Path, name: str, stable: bool
) -> None:
    trace = hostile() if name == "hostile" else fixture(name)
    path = tmp_path / "picture.svg"
    path.write_text(picture(trace, last=200, stable=stable), encoding="utf-8")
    page = browser.new_page(viewport={"width": 900, "height": 900})
    try:
        page.goto(path.as_uri())
        seen = page.evaluate(BOXES)
    finally:
        page.close()

    assert len(seen["all"]) > 5
    for row in seen["all"]:
        for i, (left, right, top, bottom) in enumerate(row["texts"]):
            if name != "hostile":  # there it is cut by the row's edge
                assert left >= 0, row
                assert right <= seen["width"], row
            for other in row["texts"][i + 1 :] if name != "hostile" else ():
                apart = right <= other[0] + 1 or other[1] <= left + 1
                above = bottom <= other[2] + 4 or other[3] <= top + 4
                assert apart or above, row
    heads: dict[str, list[list[float]]] = {}
    for y, box, _ in seen["heads"]:
        heads.setdefault(y, []).append(box)
    for group in heads.values():
        group.sort()
        for one, following in pairwise(group):
            assert one[1] <= following[0]
