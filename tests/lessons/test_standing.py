"""A section under Deeper works for who ran the core and then that section alone."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from .conftest import Broken
from .notebook import LESSONS, Lesson
from .standing import dependent, names_of

pytestmark = pytest.mark.lesson


@pytest.mark.parametrize("path", LESSONS, ids=[path.stem for path in LESSONS])
def test_each_section_stands_alone(path: Path) -> None:
    assert list(dependent(Lesson(path))) == []


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ("used", ["used"]),
        ("import used\nused", []),
        ("def f(own):\n    return own + used", ["used"]),
        ("def f():\n    own = 1\n    return [own for each in (1,)]", []),
        ("[each for each in used]", ["used"]),
        ("class C:\n    own = 1\n    def f(self): return own", ["own"]),
        ("async with used as own:\n    await own", ["used"]),
        ("def f():\n    global own\n    own = 1\nown", []),
        ("core", []),
        ("print(get_ipython())", []),
        ("%mcp stop $used", ["used"]),
        ("%mcp add used --name other", ["used"]),
        ("def own(): ...\n%mcp add own", []),
        ("own = %mcp call f() --on made\nown", []),
        ("%mcp call f() --on used", ["--on used"]),
        ("%mcp connect --as own\n%mcp call f() --on own", []),
        ("bench.connect(there, name='own')\n%mcp call f() --on own", ["bench", "there"]),
        ("%%mcp tool\ndef own(): return used", ["used"]),
        ("%%mcp claim S1\nused", ["used"]),
    ],
)
def test_what_a_cell_asks_for(source: str, missing: list[str]) -> None:
    core = names_of("core = 1\n%mcp connect --as made")
    assert names_of(source).lacking(core) == missing


def test_a_section_that_needs_another_one_is_found(broken: Broken) -> None:
    lesson = broken()
    lesson.notebook.cells += [
        nbformat.v4.new_markdown_cell("# Deeper\n\nWords."),
        nbformat.v4.new_code_cell("shared = 1"),
        nbformat.v4.new_markdown_cell("## One\n\nWords."),
        nbformat.v4.new_code_cell("ours = shared", id="one"),
        nbformat.v4.new_markdown_cell("### Within\n\nWords."),
        nbformat.v4.new_code_cell("ours", id="within"),
        nbformat.v4.new_markdown_cell("## Two\n\nWords."),
        nbformat.v4.new_code_cell("shared, ours", id="two"),
    ]
    nbformat.write(lesson.notebook, lesson.path)

    found = list(dependent(Lesson(lesson.path)))
    assert found == ["cell two: ours is bound neither in the core nor in 'Two'"]
