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
