from __future__ import annotations

import sys

import pytest

from mcp_notebook.errors import UsageError
from mcp_notebook.trace.frame import COLUMNS

from .recording import C2S, S2C, Recording


def test_a_frame_has_one_row_a_message() -> None:
    recording = Recording()
    recording.ask(1, "tools/call", name="add", ms=0, _meta={"progressToken": 1})
    recording.notify(S2C, "notifications/progress", ms=1, progressToken=1, progress=1)
    recording.answer(1, ms=2)
    recording.chunk(C2S, b"x")
    recording.ask("b", "tools/list", ms=3)
    frame = recording.trace.to_frame()
    assert tuple(frame.columns) == COLUMNS
    assert frame["seq"].tolist() == [1, 2, 3, 5]
    assert frame["kind"].tolist() == ["request", "notification", "response", "request"]
    assert frame["method"].tolist()[1:3] == ["notifications/progress", "tools/call"]
    assert frame["tool"].tolist()[:3] == ["add"] * 3
    assert frame["id"].tolist()[0] == 1
    assert frame["status"].fillna("").tolist() == ["answered", "", "answered", "unanswered"]
    assert frame["latency_ms"].tolist()[2] == 2.0
    assert frame["time"].round(6).tolist() == [0.0, 0.001, 0.002, 0.003]
    assert frame["bytes"].tolist()[0] == recording.trace.messages()[0].size


def test_the_parts_of_a_batch_are_rows_of_their_own() -> None:
    recording = Recording()
    recording.say(C2S, [{"jsonrpc": "2.0", "id": n, "method": f"m{n}"} for n in (1, 2)])
    assert recording.trace.to_frame()["method"].tolist() == ["m1", "m2"]


def test_an_empty_trace_is_a_frame_without_rows() -> None:
    frame = Recording().trace.to_frame()
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) == 0


def test_a_selection_of_answers_knows_their_requests() -> None:
    recording = Recording()
    recording.ask(1, "tools/call", name="add")
    recording.answer(1)
    assert recording.trace.select("kind:response").to_frame()["tool"].tolist() == ["add"]


def test_without_pandas_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match="pip install pandas"):
        Recording().trace.to_frame()
