from __future__ import annotations

import json
from pathlib import Path

import pytest

from mcp_notebook.errors import UsageError
from mcp_notebook.trace.events import Fault, LinkClosed, LinkOpened, StderrLine
from mcp_notebook.trace.formats import DamagedTrace
from mcp_notebook.trace.store import Trace
from tests.trace.recording import C2S, S2C, Recording


@pytest.fixture
def trace() -> Trace:
    recording = Recording(Trace(max_events=6))
    trace = recording.trace
    trace.record(LinkOpened, address="gone", **recording.labels)
    trace.record(LinkOpened, address="127.0.0.1:4711", **recording.labels)
    recording.chunk(C2S, b"\x00\xff\x81 bytes\n")
    recording.ask(1, "tools/call", name="añadir\u2028\u0085")
    recording.answer(1)
    trace.record(StderrLine, text="näh", **recording.labels)
    trace.record(LinkClosed, reason="", **recording.labels)
    return trace


def test_everything_comes_back(trace: Trace, tmp_path: Path) -> None:
    trace.save(tmp_path / "a.jsonl")
    copy = Trace.load(tmp_path / "a.jsonl")
    assert copy.events() == trace.events()
    assert (copy.zero_ns, copy.zero_unix_s) == (trace.zero_ns, trace.zero_unix_s)
    assert copy.dropped == trace.dropped == 1
    assert copy.last_seq == trace.last_seq
    assert copy.exchanges() == trace.exchanges()


def test_an_empty_trace_comes_back(tmp_path: Path) -> None:
    Trace().save(tmp_path / "a.jsonl")
    assert Trace.load(tmp_path / "a.jsonl").events() == []


def test_a_loaded_trace_goes_on_recording(trace: Trace, tmp_path: Path) -> None:
    trace.save(tmp_path / "a.jsonl")
    copy = Trace.load(tmp_path / "a.jsonl")
    new = Recording(copy).say(S2C, b"{}")
    assert new.seq == trace.last_seq + 1


@pytest.mark.parametrize("lost", [2, 20, 100])
def test_a_file_that_breaks_off_gives_all_that_is_whole(
    trace: Trace, tmp_path: Path, lost: int
) -> None:
    path = tmp_path / "a.jsonl"
    trace.save(path)
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(DamagedTrace, match="breaks off in the middle of line 7") as caught:
        Trace.load(path)
    assert caught.value.trace.events() == trace.events()[:-1]
    assert "strict=False" in str(caught.value)
    assert Trace.load(path, strict=False).events() == trace.events()[:-1]


def test_a_file_cut_inside_a_character_is_read_up_to_there(trace: Trace, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    trace.save(path)
    data = path.read_bytes()
    path.write_bytes(data[: data.index("ä".encode()) + 1])
    assert len(Trace.load(path, strict=False)) == 4


def test_bad_lines_are_counted_and_the_others_kept(trace: Trace, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    trace.save(path)
    lines = path.read_bytes().split(b"\n")
    lines[2], lines[4] = b"garbage", b'{"kind":"dance"}'
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(
        DamagedTrace, match=r"2 lines of a\.jsonl are no events, the first is line 3"
    ):
        Trace.load(path)
    assert len(Trace.load(path, strict=False)) == len(trace) - 2


def test_numbers_that_go_back_are_damage(tmp_path: Path) -> None:
    trace = Trace()
    for text in "ab":
        trace.record(Fault, text=text, **Recording().labels)
    path = tmp_path / "a.jsonl"
    trace.save(path)
    header, *events = path.read_text().splitlines()
    path.write_text("\n".join([header, *reversed(events)]))
    with pytest.raises(DamagedTrace, match=r"line 3 of a\.jsonl is no event .number 1 comes after"):
        Trace.load(path)


@pytest.mark.parametrize("text", ["", "hello\n", '{"log": {}}\n', "[1]\n", "[" * 100_000, "\xff"])
def test_a_foreign_file_is_said_to_be_one(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(UsageError, match=r"a\.jsonl is not a saved trace"):
        Trace.load(path)


def test_a_newer_version_is_said(trace: Trace, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    trace.save(path)
    header, *rest = path.read_text().split("\n")
    newer = json.dumps(json.loads(header) | {"mcp_trace": 2})
    path.write_text("\n".join([newer, *rest]))
    with pytest.raises(UsageError, match="version 2"):
        Trace.load(path)
