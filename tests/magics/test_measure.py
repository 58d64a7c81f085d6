"""``%mcp measure`` and what it gives, in a real kernel."""

from __future__ import annotations

import json
import re

import pytest

from tests.rigs.census import assert_nothing_left, take_census
from tests.rigs.kernel import KernelRig
from tests.rigs.surroundings import need

pytestmark = pytest.mark.kernel

FILE = ".mcp_results.json"
SHEET = """\
from mcp_notebook.bench.articles.tables import judged
from mcp_notebook.bench.articles.rules import THRESHOLDS
from mcp_notebook.bench.articles.chooser import choose, chooser
"""


@pytest.fixture
def fresh(cells: KernelRig) -> KernelRig:
    """A kernel with a new workbench and no results."""
    for path in cells.cwd.glob(f"{FILE}*"):
        path.unlink()
    cells.run(SHEET).check()
    return cells


def test_readings_come_beside_the_notebook_and_leave_it_as_it_was(fresh: KernelRig) -> None:
    fresh.run("wb = %mcp workbench\nbefore = (wb.trace.last_seq, list(wb.connections))").check()

    result = fresh.run("%mcp measure P1,P3 --over memory,websocket", 60).check()

    assert (result.stdout, result.stderr) == ("", "")
    assert result.result is not None
    assert "two clients: server processes" in result.result["text/plain"]
    assert "<table" in result.result["text/html"]
    assert "4/4" in result.displays[0]["text/plain"]
    kept = json.loads((fresh.cwd / FILE).read_text(encoding="utf-8"))
    assert {(one["probe"], one["road"]) for one in kept["readings"]} == {
        (probe, road) for probe in ("P1", "P3") for road in ("memory", "websocket")
    }
    assert fresh.value("before == (wb.trace.last_seq, list(wb.connections))")


def test_an_interrupt_ends_what_was_started_and_keeps_what_is_measured(fresh: KernelRig) -> None:
    need("haproxy")
    fresh.run("%mcp measure P1 --over memory", 60).check()  # threads that stay are there
    before = take_census(fresh)

    cell = fresh.start("%mcp measure P3,P8,P14 --over http-2026,sse")
    cell.wait_for_text("P14 second worker", 60)
    fresh.interrupt()
    result = cell.wait(60)

    assert result.ename == "KeyboardInterrupt"
    assert_nothing_left(fresh, before)
    kept = json.loads((fresh.cwd / FILE).read_text(encoding="utf-8"))
    assert {"P1", "P3", "P8"} <= {one["probe"] for one in kept["readings"]}


def test_yesterdays_readings_stay_until_they_are_asked_for_again(fresh: KernelRig) -> None:
    old = {
        "probe": "P1",
        "road": "memory",
        "value": {"answered": False},
        "evidence": "long ago",
        "at": "2020-02-02T00:00:00Z",
    }
    data = {"version": 1, "machine": {"cores": 1}, "readings": [old]}
    (fresh.cwd / FILE).write_text(json.dumps(data), encoding="utf-8")

    shown = fresh.run("%mcp measure P1 --over memory").check().result
    assert shown is not None
    assert "measured 2020-02-02" in shown["text/plain"]

    fresh.run("r = %mcp measure P1 --over memory --again", 60).check()
    assert fresh.value("r.get('P1', 'memory')['answered']") is True


def test_tables_flips_and_advice_show_themselves(fresh: KernelRig) -> None:
    fresh.run("r = %mcp measure P4 --over memory\nsheet = judged(r)", 60).check()

    sheet = fresh.run("sheet").check().result
    flips = fresh.run("sheet.flips(judged(r, THRESHOLDS.with_(latency_low=2)))").check().result
    limits = fresh.run("THRESHOLDS.with_(latency_low=2)").check().result
    advice = fresh.run("choose(remote=True)").check().result
    flow = fresh.run("chooser()").check().result

    assert sheet is not None
    assert "90 cells: not measured 89, not measurable 1" in sheet["text/plain"]
    assert "article 004" in sheet["text/html"]
    assert flips is not None
    assert "0 of 90 cells flip: latency_low from 2.5 to 2" in flips["text/plain"]
    assert limits is not None
    assert re.search(r"latency_low +2 +2\.5 +low: at most", limits["text/plain"])
    assert advice is not None
    assert advice["text/plain"].startswith("http-2026: ")
    assert flow is not None  # nobody sits in front of this kernel: the flow opens by itself
    assert "<details" in flow["text/html"]


def test_a_stable_notebook_shows_no_date(fresh: KernelRig) -> None:
    fresh.run("%config MCPMagics.stable = True").check()
    try:
        shown = fresh.run("%mcp measure P3 --over memory", 60).check().result
    finally:
        fresh.run("%config MCPMagics.stable = False").check()

    assert shown is not None
    assert "measured 20" not in shown["text/plain"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("%mcp measure P99", "there is no probe 'P99'"),
        ("%mcp measure --over htp-2026", "Did you mean http-2026"),
        ("%mcp measure P1,,P2", "names nothing between its commas"),
    ],
)
def test_a_wrong_line_is_one_readable_line(fresh: KernelRig, line: str, told: str) -> None:
    result = fresh.run(line)

    assert told in result.text
