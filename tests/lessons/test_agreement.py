"""A lesson whose data, tags, sections and outputs do not agree is found out."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest

from .agreement import doubled_claims, problems
from .conftest import Broken
from .notebook import SAMPLE, Lesson

pytestmark = pytest.mark.lesson


def test_the_sample_agrees_with_its_data() -> None:
    assert problems(Lesson(SAMPLE)) == []


CLAIMS, SOLUTIONS = "claims.98.toml", "solutions/98.toml"

DISAGREEMENTS = [
    ('"claim-S1"', '"claim-S2"', "", "no cell is tagged claim-S1"),
    ('"claim-S1"', '"claim-S2"', "", "S2 is not in claims.98.toml"),
    ('"claim-S1"', '"other"', "", "it lacks the tag claim-S1"),
    ("%%mcp claim S1", "# claim S1", "", "does not begin with %%mcp claim S1"),
    ("## Three lines", "## Four lines", "", "there is no heading 'Three lines'"),
    ('section = "Three lines"', 'section = "Your turn"', CLAIMS, "not stand under 'Your turn'"),
    ("indent=None", "indent = None", CLAIMS, "'indent = None' occurs in none of its cells"),
    ('with = "indent=1"', 'with = "indent=None"', CLAIMS, "changes nothing"),
    ('verdict = "true', 'verdict = "mostly true', CLAIMS, "'mostly true with conditions'"),
    ("[S1.negative]", "[S2]", CLAIMS, "[S2]"),
    ('"exercise"', '"task"', "", "has the tag exercise"),
    ("# Exercise 98.1", "# Task 98.1", "", "begins with # Exercise 98.1"),
    ("%mcp check 98.1", "%mcp check 98.2", "", "the next cell is not %mcp check 98.1"),
    ("%mcp check 98.1", "%mcp check 98.2", "", "it checks 98.2, which no cell is"),
    ('"98.1"', '"98.3"', SOLUTIONS, "exercise 98.1 has no solution"),
    ('"98.1"', '"98.3"', SOLUTIONS, "98.3 is no exercise"),
    ('untouched = "Write the body"', "", SOLUTIONS, "hint for the untouched cell"),
    ("## Your turn\\n\",\n    \"\\n\",\n    \"Write the function.", "## Your turn", "",
     "'Your turn' has no text"),
    ("%config MCPMagics.stable = True", "import os", "", "lacks %config MCPMagics.stable"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "file", "words"), DISAGREEMENTS, ids=[each[3] for each in DISAGREEMENTS]
)
def test_a_disagreement_is_found(broken: Broken, old: str, new: str, file: str, words: str) -> None:
    found = problems(broken(old, new, file=file or SAMPLE.name))
    assert any(words in problem for problem in found), found


def test_a_control_is_missing_only_where_times_decide(broken: Broken, tmp_path: Path) -> None:
    lesson = broken()
    text = lesson.claims_file.read_text(encoding="utf-8").partition("[S1.negative]")[0]
    lesson.claims_file.write_text(text, encoding="utf-8")
    assert problems(lesson) == ["S1: it has no negative control, and times do not decide it"]

    text = text.replace("timing = false", "timing = true").replace(
        'threshold = ""', 'threshold = "2, since a busy machine halves it"'
    )
    lesson.claims_file.write_text(text, encoding="utf-8")
    assert problems(Lesson(lesson.path)) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("listens at 127.0.0.1:4711", "a port"),
        ("File /ro" + "ot/x/y.py", "a machine path"),
        ("in /tmp/pytest-of-ada", "a machine path"),
    ],
)
def test_what_changes_from_machine_to_machine_is_found(
    broken: Broken, text: str, words: str
) -> None:
    lesson = broken()
    output = nbformat.v4.new_output("stream", name="stdout", text=text)
    lesson.notebook.cells[4].outputs.append(output)
    nbformat.write(lesson.notebook, lesson.path)

    assert any(words in problem for problem in problems(Lesson(lesson.path)))


def test_widgets_and_times_in_the_file_are_found(broken: Broken) -> None:
    lesson = broken()
    lesson.notebook.metadata["widgets"] = {}
    cell = lesson.notebook.cells[1]
    cell.metadata["execution"] = {"iopub.status.busy": "2026"}
    view = {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "x"}
    cell.outputs.append(nbformat.v4.new_output("display_data", data=view))
    nbformat.write(lesson.notebook, lesson.path)

    found = " ".join(problems(Lesson(lesson.path)))
    for words in ("state of widgets", "times of execution", "a widget is stored"):
        assert words in found


def test_a_claim_in_two_lessons_is_found(broken: Broken) -> None:
    lesson = broken()
    assert doubled_claims(lesson.folder) == []
    shutil.copy(lesson.claims_file, lesson.folder / "claims.97.toml")
    assert doubled_claims(lesson.folder) == ["claims.98.toml: [S1] is also in claims.97.toml"]
