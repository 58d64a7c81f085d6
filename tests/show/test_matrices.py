"""Tables of articles beside measurements: both twins say the same, and are tame."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from mcp_notebook.show.matrices import (
    MARKS,
    CellRow,
    FlipRow,
    ProbeRow,
    TableRows,
    flips,
    limits,
    matrices,
    readings,
)
from tests.show.hostile import TEXT, assert_tame

CELL = CellRow(
    row="Latency",
    column="Stdio",
    article="lowest",
    measured="lowest",
    verdict="agrees",
    evidence=("P12 stdio: the median took 1.00 ms",),
)
OTHER = CellRow(
    row="Latency",
    column="WebSocket",
    article="low",
    measured="medium",
    verdict="differs",
    evidence=("P12 websocket: the median took 3.00 ms",),
    note="on a busy machine",
    contradicted_by=("004 / Latency / WebSocket says very low",),
)


def table(*cells: CellRow) -> TableRows:
    columns = tuple(dict.fromkeys(cell.column for cell in cells))
    return TableRows(title="article 000", columns=columns, cells=cells)


class _Seen(HTMLParser):
    """What a reader sees, attributes left out; and the attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def test_article_measured_and_difference_stand_in_both_twins() -> None:
    bundle = matrices([table(CELL, OTHER)], [("agrees", 1), ("differs", 1)])
    seen = _Seen(bundle["text/html"]).text

    rows = [re.split(r"\s{2,}", row.strip()) for row in bundle["text/plain"].split("\n")]
    assert ["Latency", "Stdio", "lowest", "=", "lowest"] in rows
    assert ["WebSocket", "low", "/=", "medium", "!"] in rows
    assert "2 cells: agrees 1, differs 1" in bundle["text/plain"]
    assert "article low" in seen
    assert "measured medium" in seen
    assert "≠ differs, ! articles disagree" in seen
    assert "= agrees" in seen


def test_evidence_is_read_without_hovering_and_with_it() -> None:
    page = _Seen(matrices([table(CELL, OTHER)], [])["text/html"])

    for told in ("the median took 3.00 ms", "on a busy machine", "says very low"):
        assert told in page.text
    assert ("title", "P12 websocket: the median took 3.00 ms") in page.attributes


@pytest.mark.parametrize("verdict", MARKS)
def test_no_verdict_is_told_by_colour_alone(verdict: str) -> None:
    bundle = matrices([table(replace(CELL, verdict=verdict))], [(verdict, 1)])

    assert f"{MARKS[verdict]} {verdict}" in _Seen(bundle["text/html"]).text


def test_the_same_cells_make_the_same_text() -> None:
    one, two = (matrices([table(CELL, OTHER)], [("agrees", 1)], ["a note"]) for _ in "12")

    assert one == two
    assert one["text/plain"].endswith("a note")


def test_hostile_words_stay_words() -> None:
    hostile = CellRow(
        row=TEXT,
        column=TEXT,
        article=TEXT,
        measured=TEXT,
        verdict=TEXT,
        evidence=(TEXT,),
        missing=(TEXT,),
        note=TEXT,
        contradicted_by=(TEXT,),
    )
    assert_tame(matrices([table(hostile)], [("agrees", 1)], [TEXT]))
    assert_tame(
        flips([FlipRow(name=TEXT, article=TEXT, before=TEXT, after=TEXT)], [(TEXT,) * 3], 1)
    )
    assert_tame(limits([(TEXT, TEXT, TEXT, TEXT)]))
    row = ProbeRow(id=TEXT, title=TEXT, note=TEXT, values=[TEXT], evidence=[(TEXT, TEXT)])
    assert_tame(readings([TEXT], [row], [TEXT]))


def test_flips_say_what_moved_and_what_changed() -> None:
    row = FlipRow(name="000 / Latency / Stdio", article="low", before="low", after="medium")
    bundle = flips([row], [("latency_low", "2.5", "2")], 90)

    assert bundle["text/plain"].startswith("1 of 90 cells flip: latency_low from 2.5 to 2\n")
    assert "000 / Latency / Stdio" in _Seen(bundle["text/html"]).text
    assert flips([], [], 90)["text/plain"] == "0 of 90 cells flip"


def test_readings_stand_by_probe_and_road() -> None:
    row = ProbeRow(
        id="P12", title="latency: ms", note="", values=["1.0", "2.5"], evidence=[("stdio", "seen")]
    )
    bundle = readings(["stdio", "sse"], [row], ["measured today", ""])

    assert re.search(r"P12 +latency: ms +1\.0 +2\.5", bundle["text/plain"])
    assert "P12 stdio: seen" in _Seen(bundle["text/html"]).text
    assert bundle["text/plain"].endswith("measured today")
    assert "%mcp measure" in readings([], [], [])["text/plain"]
