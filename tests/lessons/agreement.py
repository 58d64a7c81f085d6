"""What can be said of a lesson without running it: data, tags, sections and outputs agree."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mcp_notebook.errors import McpError
from mcp_notebook.learn.claims import Claim, claim_files, read_claims

from .notebook import CLAIM_LINE, Cell, Lesson

WRONG_ANSWERS = 2
CHECKED = "nbval-check-output"

_PORT = re.compile(r"(?:127\.0\.0\.1|localhost|0\.0\.0\.0|\[::1?\]):\d{2,5}\b")
_PICTURE = re.compile(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)")
# /home/you/ is what the lessons are baked with in the place of such a path
_PATH = re.compile(
    r"(?<![\w.:/<])/(?!home/you/)(?:home|Users|root|work|tmp|private|var/folders|opt|usr/(?:local|lib))/[\w.@+-]+"
)


def problems(lesson: Lesson) -> list[str]:
    """Everything that is wrong, a line each; empty where all agrees."""
    try:
        lesson.claims  # noqa: B018 - read here so that a damaged file is one of the problems
        lesson.solutions  # noqa: B018
    except McpError as error:
        return [str(error)]
    return [
        *_form(lesson),
        *_headings(lesson),
        *_outputs(lesson),
        *_claims(lesson),
        *_exercises(lesson),
    ]


def doubled_claims(folder: Path) -> list[str]:
    """Claims that two lessons have: a claim is proven in one place."""
    found: dict[str, str] = {}
    wrong = []
    for path in claim_files(folder):
        for name in read_claims(path):
            if name in found:
                wrong.append(f"{path.name}: [{name}] is also in {found[name]}")
            found.setdefault(name, path.name)
    return wrong


def _form(lesson: Lesson) -> Iterator[str]:
    notebook = lesson.notebook
    if (notebook.nbformat, notebook.nbformat_minor) != (4, 5):
        yield f"the format is {notebook.nbformat}.{notebook.nbformat_minor}, not 4.5"
    ids = [cell.get("id", "") for cell in notebook.cells]
    if not all(ids) or len(set(ids)) != len(ids):
        yield "a cell has no id, or two have the same"
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        yield "the kernelspec is not python3"
    if "widgets" in notebook.metadata:
        yield "the state of widgets is stored; bake it again"
    first = lesson.code[0].source if lesson.code else ""
    for line in ("%load_ext mcp_notebook", "%config MCPMagics.stable = True"):
        if line not in first:
            yield f"the first cell of code lacks {line}"


def _headings(lesson: Lesson) -> Iterator[str]:
    for heading in lesson.headings:
        if not heading.text:
            yield f"{lesson.cells[heading.place].name}: a heading without words"
        elif not heading.has_text:
            yield f"the heading {heading.text!r} has no text below it"


def _outputs(lesson: Lesson) -> Iterator[str]:
    for cell in lesson.code:
        for output in cell.outputs:
            if "application/vnd.jupyter.widget-view+json" in output.get("data", {}):
                yield f"{cell.name}: a widget is stored, which nobody can show; bake it again"
        if cell.source.strip() and not cell.outputs and CHECKED in cell.tags:
            yield f"{cell.name}: its output is checked, and none is stored"
        if "execution" in cell.metadata:
            yield f"{cell.name}: times of execution are stored; bake it again"
        for text in _texts(cell):
            if match := _PATH.search(text):
                yield f"{cell.name}: a machine path in an output: {match.group()}"
            if CHECKED in cell.tags and (match := _PORT.search(text)):
                yield f"{cell.name}: a port in a checked output: {match.group()}"


def _texts(cell: Cell) -> Iterator[str]:
    def inside(value: Any) -> Iterator[str]:
        if isinstance(value, str):
            yield value
            for picture in _PICTURE.finditer(value):
                yield base64.b64decode(picture[1]).decode("utf-8", "replace")
        elif isinstance(value, dict):
            for each in value.values():
                yield from inside(each)
        elif isinstance(value, list):
            for each in value:
                yield from inside(each)

    yield from inside(cell.outputs)


def _claims(lesson: Lesson) -> Iterator[str]:
    headings = {heading.text for heading in lesson.headings}
    for name, claim in lesson.claims.items():
        cells = lesson.cells_of(name)
        if not cells:
            yield f"{name}: no cell is tagged claim-{name}"
        if claim.section not in headings:
            yield f"{name}: there is no heading {claim.section!r}"
        elif cells and claim.section not in cells[0].headings:
            yield f"{name}: {cells[0].name} does not stand under {claim.section!r}"
        if not claim.timing:
            yield from _control(claim, cells)
    for cell in lesson.cells:
        yield from _tagged(lesson, cell)


def _control(claim: Claim, cells: list[Cell]) -> Iterator[str]:
    if claim.negative is None:
        yield f"{claim.id}: it has no negative control, and times do not decide it"
    elif claim.negative.replace == claim.negative.by:
        yield f"{claim.id}: its negative control changes nothing"
    elif cells and not any(claim.negative.replace in cell.source for cell in cells):
        yield f"{claim.id}: {claim.negative.replace!r} occurs in none of its cells"


def _tagged(lesson: Lesson, cell: Cell) -> Iterator[str]:
    match = CLAIM_LINE.match(cell.source)
    for name in cell.claims:
        if name not in lesson.claims:
            yield f"{cell.name}: {name} is not in {lesson.claims_file.name}"
        if match is None or match[1] != name:
            yield f"{cell.name}: it does not begin with %%mcp claim {name}"
    if match is not None and match[1] not in cell.claims:
        yield f"{cell.name}: it lacks the tag claim-{match[1]}"


def _exercises(lesson: Lesson) -> Iterator[str]:
    found: dict[str, Cell] = {}
    for cell in lesson.code:
        if ("exercise" in cell.tags) != bool(cell.exercise):
            wanted = f"begins with # Exercise {lesson.number}.1: ... and has the tag exercise"
            yield f"{cell.name}: an exercise {wanted}"
        elif cell.exercise:
            yield from _exercise(lesson, cell, found)
            found[cell.exercise] = cell
    for cell in lesson.code:
        if cell.check and cell.check not in found:
            yield f"{cell.name}: it checks {cell.check}, which no cell is"
    for name in sorted(set(found) - set(lesson.solutions)):
        yield f"exercise {name} has no solution in solutions/{lesson.number}.toml"
    for name, solution in lesson.solutions.items():
        if name not in found:
            yield f"solutions/{lesson.number}.toml: {name} is no exercise of the lesson"
            continue
        if not solution.untouched:
            yield f"exercise {name}: the hint for the untouched cell is not given"
        core = not any("Deeper" in heading for heading in found[name].headings)
        if core and len(solution.wrong) < WRONG_ANSWERS:
            yield f"exercise {name} is in the core and has less than {WRONG_ANSWERS} wrong answers"


def _exercise(lesson: Lesson, cell: Cell, found: dict[str, Cell]) -> Iterator[str]:
    if not cell.exercise.startswith(f"{lesson.number}."):
        yield f"{cell.name}: exercise {cell.exercise} is of another lesson"
    if cell.exercise in found:
        yield f"{cell.name}: exercise {cell.exercise} is there twice"
    after = lesson.after(cell)
    if after is None or after.check != cell.exercise:
        yield f"{cell.name}: the next cell is not %mcp check {cell.exercise}"
