"""Claims as data: what is read, and what is said of a file that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcp_notebook.errors import McpError, UsageError
from mcp_notebook.learn.claims import ClaimBook, ClaimsDamaged, read_claims

GOOD = """
[S17]
section = "Three descriptors"
sources = ["000", "001"]
claim = "Requests travel on stdin."
verdict = "true"
because = "It was seen."
reference = "2026-07-28 basic/transports"
timing = false
threshold = ""
[S17.negative]
what = "the server logs to stdout"
replace = "sys.stderr"
with = "sys.stdout"

[S18]
section = "Speed"
sources = ["002"]
claim = "It is quick."
verdict = "true with conditions"
because = "Twice as quick."
timing = true
threshold = "1.5, since a busy machine halves it"
"""


def written(folder: Path, text: str, number: str = "01") -> Path:
    path = folder / f"claims.{number}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_claim_has_everything_that_its_table_says(tmp_path: Path) -> None:
    claims = read_claims(written(tmp_path, GOOD))

    assert list(claims) == ["S17", "S18"]
    one, two = claims.values()
    assert (one.lesson, one.sources, one.verdict) == ("01", ("000", "001"), "true")
    assert one.negative is not None
    assert (one.negative.replace, one.negative.by) == ("sys.stderr", "sys.stdout")
    assert (two.timing, two.negative, two.reference) == (True, None, "")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('verdict = "true"', 'verdict = "yes"', ("[S17]", "'yes'", "true with conditions")),
        ('claim = "Requests travel on stdin."', "", ("[S17] has no claim", 'claim = "..."')),
        ('sources = ["002"]', 'sources = "002"', ("[S18] names no sources",)),
        ('because = "It was seen."', 'becuase = "x"', ("'becuase'", "Did you mean because?")),
        ('replace = "sys.stderr"', "", ("[S17]", "not complete")),
        ('replace = "sys.stderr"', 'replace = ""', ("[S17]", "replaces nothing")),
        ('threshold = "1.5, since a busy machine halves it"', "", ("[S18] has no threshold",)),
        ("[S18]", "[eighteen]", ("[eighteen] is no claim",)),
        ("timing = true", "timing = 1", ("[S18]", "neither true nor false")),
        ("[S18]", "[S18", ("claims.01.toml",)),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, old: str, new: str, words: tuple[str, ...]
) -> None:
    assert old in GOOD

    with pytest.raises(ClaimsDamaged) as caught:
        read_claims(written(tmp_path, GOOD.replace(old, new, 1)))

    assert "claims.01.toml" in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_a_claim_is_found_over_all_lessons_in_either_case(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    written(tmp_path, GOOD.replace("S17", "S40").replace("S18", "S41"), "02")
    book = ClaimBook(tmp_path)

    assert book.find("s40").lesson == "02"
    assert [claim.id for claim in book.of_lesson("01")] == ["S17", "S18"]
    with pytest.raises(UsageError, match=r"no claim S9\. Lesson 01 has S17, S18; lesson 02 has"):
        book.find("S9")
    with pytest.raises(UsageError, match="lesson 05 has no claims"):
        book.of_lesson("05")


def test_a_damaged_file_spoils_no_other(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    written(tmp_path, "[S40]\n", "02")
    book = ClaimBook(tmp_path)

    assert book.find("S17").lesson == "01"
    with pytest.raises(McpError, match=r"claims\.02\.toml: \[S40\] has no section"):
        book.find("S40")


def test_an_empty_folder_says_where_claims_stand(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"claims\.NN\.toml beside the notebook"):
        ClaimBook(tmp_path).find("S1")


@pytest.mark.parametrize(
    ("verdict", "guess", "mark"),
    [
        ("true", "yes", "right"),
        ("true with conditions", "yes", "nearly"),
        ("true with conditions", "depends", "right"),
        ("false", "yes", "wrong"),
        ("outdated", "no", "right"),
        ("not checkable", "yes", ""),
        ("true", "unsure", ""),
        ("true", "", ""),
    ],
)
def test_a_guess_is_judged_by_the_verdict(
    tmp_path: Path, verdict: str, guess: str, mark: str
) -> None:
    text = GOOD.replace('verdict = "true"', f'verdict = "{verdict}"', 1)
    assert read_claims(written(tmp_path, text))["S17"].judged(guess) == mark
