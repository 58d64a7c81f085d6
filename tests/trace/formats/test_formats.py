from __future__ import annotations

from pathlib import Path

import pytest

from mcp_notebook.errors import UsageError
from mcp_notebook.trace import formats
from mcp_notebook.trace.store import Trace
from tests.trace.recording import Recording


@pytest.fixture
def trace() -> Trace:
    recording = Recording()
    recording.ask(1)
    recording.answer(1)
    return recording.trace


@pytest.mark.parametrize("name", ["trace.txt", "trace", "trace.jsonl.bak"])
def test_an_unknown_suffix_names_the_known_ones(trace: Trace, tmp_path: Path, name: str) -> None:
    for act in (trace.save, Trace.load):
        with pytest.raises(UsageError, match=r"\.jsonl \.har \.mmd"):
            act(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_the_case_of_a_suffix_does_not_matter(trace: Trace, tmp_path: Path) -> None:
    trace.save(tmp_path / "A.JSONL")
    assert Trace.load(tmp_path / "A.JSONL").events() == trace.events()


def test_a_file_is_replaced_whole_or_not_at_all(
    trace: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "_registered", {})
    path = tmp_path / "a.broken"

    def breaks(_: Trace):
        yield "half"
        raise RuntimeError("the writer broke")

    formats.register(".broken", save=breaks)
    path.write_text("before")
    with pytest.raises(RuntimeError, match="the writer broke"):
        trace.save(path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_to_a_file_stays_a_link(trace: Trace, tmp_path: Path) -> None:
    real, link = tmp_path / "real.jsonl", tmp_path / "link.jsonl"
    link.symlink_to(real)
    trace.save(link)
    assert link.is_symlink()
    assert Trace.load(real).events() == trace.events()


def test_a_missing_folder_and_a_missing_file_are_said(trace: Trace, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        trace.save(tmp_path / "none" / "a.jsonl")
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        Trace.load(tmp_path / "none.jsonl")
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(UsageError, match="cannot be written"):
        trace.save(tmp_path / "folder.jsonl")


def test_a_higher_floor_registers_a_format(
    trace: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "_registered", {})
    formats.register(".html", save=lambda t: [f"<p>{len(t)}</p>"])
    trace.save(tmp_path / "a.html")
    assert (tmp_path / "a.html").read_text() == "<p>2</p>"
    with pytest.raises(UsageError, match=r"written, not read.*\.jsonl \.har"):
        Trace.load(tmp_path / "a.html")
    formats.register(".in", load=lambda data, name: trace)
    with pytest.raises(UsageError, match="read, not written"):
        trace.save(tmp_path / "a.in")


@pytest.mark.parametrize("suffix", ["html", ".HTML", ""])
def test_a_suffix_is_a_dot_and_small_letters(suffix: str) -> None:
    with pytest.raises(ValueError, match="suffix"):
        formats.register(suffix)
