"""The check-up of a transport: each fault is found by the check that it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mcp_notebook.bench.checkup import checks, holes
from mcp_notebook.bench.checkup.checks import CHECKS, LOOK
from mcp_notebook.bench.checkup.checkup import Checkup
from mcp_notebook.errors import UsageError
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.show.checkup import checkup as drawn
from mcp_notebook.transports.base import unregister_transport

from .faulty import (
    Faulty,
    answers_twice,
    backwards,
    crowded,
    limited,
    with_text,
    without,
    without_errors,
)

IDS = [one.id for one in CHECKS]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What never comes is waited for briefly."""
    monkeypatch.setattr(checks, "WORD_S", 1.5)
    monkeypatch.setattr(checks, "LONG_S", 3.0)
    yield
    unregister_transport("faulty")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    with Workbench(folder=str(tmp_path_factory.mktemp("probe"))) as own:
        yield own


def found(checkup: Checkup) -> set[str]:
    return {one.check.id for one in checkup.failures}


def test_a_transport_without_a_fault_passes_every_check(bench: Workbench) -> None:
    seq = bench.trace.last_seq
    checkup = bench.probe(Faulty)
    assert checkup.failures == []
    assert checkup.ok
    assert [one.check.id for one in checkup] == IDS * 2
    assert checkup.remarks() == []
    assert bench.trace.last_seq == seq, "the caller's Trace stays as it is"
    assert (dict(bench.endpoints), dict(bench.connections)) == ({}, {})
    assert len(checkup.trace.messages()) > 100


LOST_NOTICE = "notifications/tools/list_changed"

FAULTS: dict[str, tuple[Faulty, str, set[str]]] = {
    "progress is lost": (Faulty(without("notifications/progress")), "modern", {"progress"}),
    "progress is reordered": (Faulty(backwards()), "legacy", {"progress"}),
    "cancellations are lost": (
        Faulty(without("notifications/cancelled")),
        "legacy",
        {"cancel", "timeout"},
    ),
    "questions are lost": (Faulty(without("elicitation/create")), "legacy", {"question"}),
    "changes are not told": (Faulty(without(LOST_NOTICE)), "legacy", {"notice"}),
    "nobody can listen": (Faulty(without("subscriptions/listen")), "modern", {"notice"}),
    "1 MB is the most that comes back": (Faulty(limited(1 << 20, False)), "modern", {"result"}),
    "1 MB is the most that can be sent": (Faulty(limited(1 << 20, True)), "modern", {"argument"}),
    "ten at once is the most": (Faulty(crowded(10)), "modern", {"concurrent", "ids"}),
    "answers come twice": (Faulty(answers_twice), "modern", {"ids", "trace"}),
    "text is made ASCII": (
        Faulty(with_text(lambda text: text.encode("ascii", "replace").decode())),
        "modern",
        {"unicode"},
    ),
    "a line separator is lost": (
        Faulty(with_text(lambda text: text.replace("\u2028", ""))),
        "legacy",
        {"unicode"},
    ),
    "errors are lost": (Faulty(without_errors), "legacy", {"errors"}),
    "nothing is recorded": (Faulty(untapped=True), "modern", {"trace"}),
    "the end is not noticed": (Faulty(deaf=True), "modern", {"gone"}),
    "tasks are left behind": (Faulty(leaks=True), "modern", {"closed"}),
    "calls are lost": (Faulty(without("tools/call")), "modern", {"call", "unicode"}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_by_the_check_it_belongs_to(bench: Workbench, fault: str) -> None:
    transport, era, expected = FAULTS[fault]
    checkup = bench.probe(transport, eras=[era], checks=["call", "unicode", *expected])
    assert found(checkup) == expected, repr(checkup)
    assert not checkup.ok
    for one in checkup.failures:
        assert one.look.startswith(LOOK[one.check.id])
        assert one.reason
        assert "\n" not in one.reason


def test_every_check_is_known_to_find_something() -> None:
    noticed = set().union(*(expected for _, _, expected in FAULTS.values()))
    assert set(IDS) - noticed == {"handshake", "list"}  # those are the next two tests


def test_without_a_handshake_nothing_else_is_tried(bench: Workbench) -> None:
    checkup = bench.probe(Faulty(refuses=True), eras=["legacy"])
    assert found(checkup) == set(IDS)
    reasons = [one.reason for one in checkup]
    assert "never connects" in reasons[0]
    assert set(reasons[1:]) == {"there is no connection to try it on"}


def test_a_list_that_is_cut_is_noticed(bench: Workbench) -> None:
    def shorter(message: dict[str, Any], to_server: bool) -> list[dict[str, Any]]:
        if not to_server and "tools" in message.get("result", {}):
            message["result"]["tools"] = message["result"]["tools"][1:]
        return [message]

    checkup = bench.probe(Faulty(shorter), eras=["modern"], checks=["list"])
    assert found(checkup) == {"list"}


def test_a_transport_that_raises_anything_is_one_line(bench: Workbench) -> None:
    class Broken(Faulty):
        async def listen(self, *_: Any) -> Any:
            raise ZeroDivisionError("of\nits own")

    checkup = bench.probe(Broken(), eras=["modern"], checks=["handshake"])
    assert checkup["handshake", "modern"].reason == "ZeroDivisionError: of its own"


def test_a_transport_that_hangs_holds_up_nothing(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    monkeypatch.setattr("mcp_notebook.bench.checkup.checkup.LIMIT_S", 0.5)

    class Hanging(Faulty):
        async def listen(self, *_: Any) -> Any:
            await asyncio.Event().wait()

    checkup = bench.probe(Hanging(), eras=["modern"])
    assert checkup["handshake", "modern"].reason == "it was not done after 0.5 s"
    assert found(checkup) == set(IDS)


def test_a_hole_is_no_failure_and_a_hole_that_is_none_is_one(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(holes.HOLES, ("faulty", "modern", "progress"), "because")  # type: ignore[misc]
    missing = bench.probe(
        Faulty(without("notifications/progress")), eras=["modern"], checks=["progress"]
    )
    assert missing.ok
    assert missing.remarks() == [("progress", "modern", "not there", "because", "")]
    assert "1 holes" not in missing.summary()
    assert missing.summary().endswith("1 hole")
    there = bench.probe(Faulty(), eras=["modern"], checks=["progress"])
    assert not there.ok
    assert there["progress", "modern"].verdict == "unexpected"
    assert "it passed, but: because" in repr(there)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("webscket", {}, "Did you mean websocket"),
        ("memory", {"eras": ["modem"]}, "no era 'modem'"),
        ("memory", {"checks": ["cancl"]}, "Did you mean cancel"),
    ],
)
def test_what_cannot_be_checked_is_said(
    bench: Workbench, name: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        bench.probe(name, **options)


def test_it_shows_itself_without_markup_of_the_peer() -> None:
    rows = [("call", "ok", "fails")]
    remarks = [("call", "modern", "fails", "<b>no</b>", "listen() <i>")]
    shown = drawn("x (custom)", ["legacy", "modern"], rows, remarks)
    assert "call (modern): fails. <b>no</b>" in shown["text/plain"]
    assert "<b>no" not in shown["text/html"]
    assert "<i>" not in shown["text/html"]
