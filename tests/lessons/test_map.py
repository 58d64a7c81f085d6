"""The map in lessons/README.md and the teacher's notes agree with the lessons themselves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .notebook import LESSONS, ROOT, Lesson

pytestmark = pytest.mark.lesson

FOLDER = ROOT / "lessons"
BENCH = ROOT / "mcp_notebook/bench"
COUNTS = re.compile(r"(\d+), (\d+) in the core")

PROGRAMS = {
    "nginx": re.compile(r"\bnginx\("),
    "haproxy": re.compile(r"\bhaproxy\("),
    "Node": re.compile(r"[\"']node[\"']"),
    "openssl": re.compile(r"[\"']openssl[\"']"),
    "curl": re.compile(r"[\"']curl[\"']"),
    "redis-server": re.compile(r"[\"']redis-server[\"']"),
    "unshare": re.compile(r"[\"']unshare[\"']"),
}
"""How a cell, or a probe that a cell starts, names a program that it runs."""

LINUX = re.compile(r"/proc\b|[\"']unshare[\"']")

by_name = pytest.mark.parametrize("path", LESSONS, ids=[path.stem for path in LESSONS])


def rows() -> dict[str, dict[str, str]]:
    """The rows of the map by the lesson's number, each by the column's head."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    head, _rule, *body = [[c.strip() for c in line.strip("|").split("|")] for line in lines]
    return {cells[0]: dict(zip(head, cells, strict=True)) for cells in body}


def code_of(lesson: Lesson) -> str:
    """The code of its cells, and of the library's probes where it starts those."""
    code = "\n".join(cell.source for cell in lesson.code)
    if "bench.probes" in code or re.search(r"\bbench\b.*\bprobes\b", code):
        parts = [path for path in sorted(BENCH.rglob("*.py")) if path.name != "programs.py"]
        code += "\n".join(path.read_text(encoding="utf-8") for path in parts)
    return code


def deeper(lesson: Lesson) -> int:
    """The place of the cell where the core ends."""
    places = [h.place for h in lesson.headings if h.text.startswith("Deeper")]
    return min(places, default=len(lesson.cells))


def counted(total: int, core: int) -> str:
    """How the map says a number."""
    return f"{total}, {core} in the core" if total else "none"


def test_each_lesson_has_a_row_and_each_row_a_lesson() -> None:
    found = rows()
    assert list(found) == [path.name[:2] for path in LESSONS]
    for path in LESSONS:
        assert f"]({path.name})" in found[path.name[:2]]["Lesson"]


@by_name
def test_the_numbers_of_the_map_are_those_of_the_files(path: Path) -> None:
    lesson, row = Lesson(path), rows()[path.name[:2]]
    end = deeper(lesson)
    in_core = [name for name in lesson.claims if lesson.cells_of(name)[0].place < end]
    exercises = [cell.place for cell in lesson.code if cell.exercise]

    assert row["Claims"] == counted(len(lesson.claims), len(in_core))
    assert row["Exercises"] == counted(len(exercises), sum(place < end for place in exercises))


@by_name
def test_the_programs_of_the_map_are_those_that_its_cells_start(path: Path) -> None:
    row = rows()[path.name[:2]]
    code = code_of(Lesson(path))
    started = [name for name, pattern in PROGRAMS.items() if pattern.search(code)]

    assert row["Programs"] == (", ".join(started) or "none")


@by_name
def test_what_only_linux_has_is_said_on_the_map_and_at_the_section(path: Path) -> None:
    lesson, row = Lesson(path), rows()[path.name[:2]]
    needing = [cell for cell in lesson.code if LINUX.search(cell.source)]

    assert (row["Linux only"] == "nothing") == (LINUX.search(code_of(lesson)) is None)
    for cell in needing:
        section = [each for each in lesson.cells if each.headings == cell.headings]
        words = "\n".join(each.source for each in section if each.kind == "markdown")
        assert "Linux" in words, f"{cell.name}: its section does not say that it needs Linux"


@by_name
def test_the_time_of_the_map_is_the_one_that_the_lesson_gives(path: Path) -> None:
    said = rows()[path.name[:2]]["Core"]
    opening = Lesson(path).cells[0].source.replace("ten", "10")

    assert said in opening or said.replace(" to ", "-") in opening


def test_counts_add_up() -> None:
    """For the reader of a test run: how much there is."""
    claims = {path.name[:2]: len(Lesson(path).claims) for path in LESSONS}
    print(f"{sum(claims.values())} claims: {claims}")
    said = [COUNTS.fullmatch(row["Claims"]) for row in rows().values()]
    assert sum(int(match[1]) for match in said if match) == sum(claims.values())


# ---- the teacher's notes ---------------------------------------------------------------------

QUESTIONS = 5
PART = re.compile(r"^## (\d\d) .*?(?=^## |\Z)", re.M | re.S)
TIME = re.compile(r"^\| (?!Section)([^|-][^|]*?) \| (\d+) \|$", re.M)
QUIZ = re.compile(r"^(\d)\. .+\n   \*Answer:\* .+", re.M)


def notes_of(path: Path) -> str:
    """What teaching.md says of a lesson."""
    text = (FOLDER / "teaching.md").read_text(encoding="utf-8")
    return {match[1]: match[0] for match in PART.finditer(text)}[path.name[:2]]


@by_name
def test_a_teacher_finds_times_discussion_and_a_quiz(path: Path) -> None:
    notes, lesson = notes_of(path), Lesson(path)
    times = {section: int(minutes) for section, minutes in TIME.findall(notes)}
    headings = [heading.text for heading in lesson.headings if heading.place < deeper(lesson)]

    assert notes.startswith(f"## {headings[0]}\n")
    assert [section for section in times if section not in headings] == []
    most = max(map(int, re.findall(r"\d+", rows()[path.name[:2]]["Core"])))
    assert 0.8 * most <= sum(times.values()) <= most
    assert [int(n) for n in QUIZ.findall(notes)] == list(range(1, QUESTIONS + 1))
    for part in ("Discuss", "What learners get wrong"):
        (body,) = re.findall(rf"^### {part}\n(.*?)(?=^###|\Z)", notes, re.M | re.S)
        assert len(re.findall(r"^\* ", body, re.M)) >= 3
    for exercise in set(re.findall(r"\b\d\d\.\d\b", notes)):
        assert exercise in {cell.exercise for cell in lesson.code}


def test_what_the_notes_say_of_slides_and_solutions_is_so() -> None:
    text = (FOLDER / "teaching.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert "`make slides`" in text
    assert re.search(r"^slides:", makefile, re.M)
    assert re.search(r"^SLIDES := build/slides$", makefile, re.M)
    for file in re.findall(r"`(solutions/[\w.]+)`", text):
        assert (FOLDER / file).is_file()
