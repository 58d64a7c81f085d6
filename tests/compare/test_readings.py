"""The file of results: whole, bounded, damaged, and without the name of the machine."""

from __future__ import annotations

import getpass
import json
import socket
from pathlib import Path

import pytest

from mcp_notebook.bench.readings import FILE, LONGEST, Reading, Results


def sample(**more: object) -> Reading:
    given = {"probe": "P12", "road": "stdio", "value": {"median_ms": 1.5}, **more}
    return Reading(**given)  # type: ignore[arg-type]


def test_what_was_kept_is_read_again(tmp_path: Path) -> None:
    results = Results.read(tmp_path / FILE)
    results.put(sample(evidence="seen", at="2026-11-21T15:00:00Z", seconds=0.5))
    results.put(Reading(probe="P8", road="sse", why_not="haproxy is not here."))
    results.write()

    again = Results.read(tmp_path / FILE)

    assert list(again) == list(results)
    assert again.machine == results.machine
    assert again.trouble == ""
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_the_file_names_no_machine_user_or_folder(tmp_path: Path) -> None:
    results = Results.read(tmp_path / FILE)
    results.put(sample())
    results.write()
    text = (tmp_path / FILE).read_text(encoding="utf-8")

    assert str(tmp_path) not in text
    words = json.loads(text)["machine"]
    assert set(words) == {"cores", "system", "python", "mcp", "mcp_notebook"}
    assert socket.gethostname() not in words.values()
    assert getpass.getuser() not in words.values()


@pytest.mark.parametrize("content", ["{", "[]", '{"version": 99}', "[" * 100_000, "\udcff"])
def test_a_damaged_file_is_put_aside(tmp_path: Path, content: str) -> None:
    path = tmp_path / FILE
    path.write_bytes(content.encode("utf-8", "surrogateescape"))

    results = Results.read(path)

    assert len(results) == 0
    assert "could not be understood" in results.trouble
    assert (tmp_path / f"{FILE}.damaged").exists()
    results.put(sample())
    results.write()
    assert len(Results.read(path)) == 1


def test_what_is_no_reading_is_left_out(tmp_path: Path) -> None:
    good = {"probe": "P1", "road": "stdio", "value": {"answered": True, "x y": 1, "big": 1e400}}
    bad: list[object] = [
        7,
        {"probe": 1, "road": "stdio"},
        {"probe": "P1"},
        {"probe": "<b>", "road": "stdio"},
        {"probe": "P" * 99, "road": "stdio"},
    ]
    long = {"probe": "P2", "road": "stdio", "evidence": "e" * 9999, "value": ["no"]}
    data = {"version": 1, "machine": {"cores": 2, "host": ["x"]}, "readings": [*bad, good, long]}
    path = tmp_path / FILE
    path.write_text(json.dumps(data), encoding="utf-8")

    results = Results.read(path)

    assert [(one.probe, one.road) for one in results] == [("P1", "stdio"), ("P2", "stdio")]
    first, second = results
    assert first.value == {"answered": True, "big": None}
    assert second.value is None
    assert len(second.evidence) == LONGEST


def test_what_could_not_be_measured_is_still_missing() -> None:
    results = Results()
    results.put(sample())
    results.put(Reading(probe="P8", road="stdio", why_not="haproxy is not here."))

    assert results.missing(["P12", "P8"], ["stdio", "sse"]) == [
        ("P12", "sse"),
        ("P8", "stdio"),
        ("P8", "sse"),
    ]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    results = Results(tmp_path / "nowhere" / FILE)
    results.put(sample())

    results.write()

    assert "cannot be written" in results.trouble
