"""Progress: a file that survives, and that nobody need trust."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mcp_notebook.learn.progress import LONGEST, ClaimRecord, ExerciseRecord, Progress


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    progress = Progress.read(path)
    progress.guess("S1", "yes")
    progress.measure("S1", "held", "3 lines")
    progress.check("01.1", False)
    progress.check("01.1", True)
    progress.check("01.1", False)
    progress.write()

    again = Progress.read(path)
    assert again.claims == {"S1": ClaimRecord("yes", "held", "3 lines")}
    assert again.exercises == {"01.1": ExerciseRecord(passed=True, tries=2)}
    assert again.trouble == ""
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 99}', "\x00", "[" * 100_000])
def test_a_damaged_file_is_put_aside(tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.json"
    path.write_text(text, encoding="utf-8")

    progress = Progress.read(path)
    progress.guess("S1", "no")
    progress.write()

    assert "p.json.damaged" in progress.trouble
    assert (tmp_path / "p.json.damaged").read_text(encoding="utf-8") == text
    assert Progress.read(path).claims["S1"].guess == "no"


def test_what_does_not_look_like_progress_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    data = {
        "version": 1,
        "claims": {
            "S1": {"guess": "<b>", "outcome": "held", "measured": "x" * 5000},
            "S2": [1],
            "<script>": {"guess": "yes"},
            "S3": {"guess": ["yes"], "outcome": {}, "measured": 7},
        },
        "exercises": {"01.1": {"passed": "yes", "tries": -1}, "01.2": None},
    }
    path.write_text(json.dumps(data), encoding="utf-8")

    progress = Progress.read(path)

    assert list(progress.claims) == ["S1", "S3"]
    assert progress.claims["S1"].guess == ""
    assert len(progress.claims["S1"].measured) == LONGEST
    assert progress.claims["S3"] == ClaimRecord()
    assert progress.exercises == {"01.1": ExerciseRecord()}


def test_a_folder_that_takes_no_file_is_said_and_nothing_is_lost(tmp_path: Path) -> None:
    progress = Progress.read(tmp_path / "missing" / "p.json")
    progress.guess("S1", "yes")
    progress.write()

    assert "p.json cannot be written" in progress.trouble
    assert progress.claims["S1"].guess == "yes"


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.mkdir()  # a folder cannot be replaced by a file
    progress = Progress.read(path)
    progress.guess("S1", "\ud800")
    progress.write()

    assert progress.trouble
    assert list(tmp_path.iterdir()) == [path]
