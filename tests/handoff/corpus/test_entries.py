"""The corpus as data: it reads, and covers what notebooks do."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.handoff.corpus.entries import corpus, read

NOTEBOOKS_AT_LEAST, EXPORTED_AT_LEAST = 44, 32


def test_there_are_enough_and_most_are_to_be_exported() -> None:
    expected = Counter(entry.expect for entry in corpus())
    assert expected.total() >= NOTEBOOKS_AT_LEAST
    assert expected["exported"] >= EXPORTED_AT_LEAST
    assert expected["exported"] > max(expected["refused"], expected["either"])


def test_every_entry_says_what_is_compared_or_why_it_is_refused() -> None:
    for entry in corpus():
        assert entry.cells, entry.name
        if entry.expect != "refused":
            assert entry.get("calls", []), entry.name
        if entry.expect != "exported":
            assert entry.get("refused", {}), entry.name


def test_a_cell_is_run_as_often_as_its_order_says() -> None:
    entry = next(e for e in corpus() if e.name == "constant_run_twice")
    assert [name for name, _ in entry.executed] == ["1", "2", "2", "2", "3"]


@pytest.mark.parametrize("header", ["", "# /// corpus\n# expect = 'exported'\n# typo = 1\n# ///\n"])
def test_a_header_that_is_none_is_refused(tmp_path: Path, header: str) -> None:
    path = tmp_path / "x.ipy"
    path.write_text(f"{header}# %%\n1\n")
    with pytest.raises(ValueError, match=r"x\.ipy"):
        read(path)
