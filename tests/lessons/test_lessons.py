"""Every lesson that exists: its data agree, its claims are proven, its exercises work."""

from __future__ import annotations

from pathlib import Path

import pytest

from .agreement import doubled_claims, problems
from .notebook import LESSONS, ROOT, Lesson
from .walk import walk

pytestmark = pytest.mark.lesson

by_name = pytest.mark.parametrize("path", LESSONS, ids=[path.stem for path in LESSONS])


@by_name
def test_data_tags_sections_and_outputs_agree(path: Path) -> None:
    assert problems(Lesson(path)) == []


def test_a_claim_is_proven_in_one_lesson() -> None:
    assert doubled_claims(ROOT / "lessons") == []


BLOCKS = {
    "one language, several roads": "S1 S2 S3 S4 S5 S6 S7 S8 S44 S46",
    "stdio": "S9 S16 S17 S18 S19 S20 S21 S22 S23 S41 S43 S47 S48 S50 S126 S127 S128",
    "HTTP": "S51 S52 S53 S55 S56 S63 S64 S65 S71",
    "SSE": "S59 S60 S72 S73 S74 S75 S80 S81 S82 S83 S84 S85 S87 S89",
    "WebSocket": "S90 S91 S94 S95 S97 S98 S99 S100 S101 S102 S104 S105",
    "compare and choose": "S13 S14 S106 S107 S108 S109 S110",
}
"""The claims that lessons 01 to 05 have to prove, by subject."""


def test_every_claim_of_the_four_roads_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    known = {name for path in LESSONS for name in Lesson(path).claims}
    asked = [name for names in BLOCKS.values() for name in names.split()]
    with capsys.disabled():
        for subject, names in BLOCKS.items():
            print(
                f"\n  {subject}: {len(known & set(names.split()))} of {len(names.split())}", end=""
            )
        more = len(known - set(asked))
        print(f"\n  in all {len(known & set(asked))} of {len(asked)}, and {more} more")
    assert [name for name in asked if name not in known] == []


@pytest.mark.slow
@pytest.mark.kernel
@pytest.mark.timeout(600)
@by_name
def test_claims_are_proven_and_exercises_judged(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = walk(Lesson(path), tmp_path)

    with capsys.disabled():
        print(f"\n  {path.stem}: {found}")
    assert found.problems == []
