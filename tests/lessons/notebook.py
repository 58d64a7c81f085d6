"""A lesson as its tests read it: cells, tags, headings, claims, solutions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import nbformat

from mcp_notebook.learn.claims import Claim, read_claims
from mcp_notebook.learn.exercise import FIRST_LINE, Solution, read_solutions

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "lessons").glob("[0-9][0-9]_*.ipynb"))
SAMPLE = Path(__file__).parent / "sample" / "98_sample.ipynb"

CLAIM_TAG = re.compile(r"claim-(S\d+)")
CLAIM_LINE = re.compile(r"%%mcp claim (S\d+)\s*\n")
CHECK_LINE = re.compile(r"(?:\w+\s*=\s*)?%mcp check (\d\d\.\d{1,2})\s*$", re.M)
_HEADING = re.compile(r"(#{1,6})\s*(.*?)\s*#*\s*$")
_FENCE = re.compile(r"\s*(```|~~~)")


@dataclass
class Cell:
    """One cell.

    Attributes:
        place: its place in the notebook, from 0.
        headings: the headings it stands under, the outermost first.
    """

    place: int
    id: str
    kind: str
    source: str
    tags: list[str]
    outputs: list[Any]
    metadata: dict[str, Any]
    headings: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """How a message names it."""
        return f"cell {self.id}"

    @property
    def claims(self) -> list[str]:
        """The claims it proves, by its tags."""
        return [match[1] for tag in self.tags if (match := CLAIM_TAG.fullmatch(tag))]

    @property
    def exercise(self) -> str:
        """The exercise that it is, by its first line."""
        match = FIRST_LINE.match(self.source)
        return match[1] if match else ""

    @property
    def check(self) -> str:
        """The exercise that it checks."""
        match = CHECK_LINE.search(self.source)
        return match[1] if match else ""


@dataclass(frozen=True)
class Heading:
    """A heading, and whether any text stands below it before the next one."""

    level: int
    text: str
    place: int
    has_text: bool


class Lesson:
    """One lesson; ``path`` may be a copy with something broken in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = path.parent
        self.number = path.name[:2]
        self.notebook: Any = nbformat.read(path, as_version=nbformat.NO_CONVERT)
        self.headings: list[Heading] = []
        self.cells: list[Cell] = []
        stack: list[tuple[int, str]] = []
        for place, raw in enumerate(self.notebook.cells):
            if raw.cell_type == "markdown":
                for heading in _headings(raw.source, place):
                    self.headings.append(heading)
                    stack = [each for each in stack if each[0] < heading.level]
                    stack.append((heading.level, heading.text))
            self.cells.append(
                Cell(
                    place=place,
                    id=raw.get("id", f"number {place}"),
                    kind=raw.cell_type,
                    source=raw.source,
                    tags=list(raw.metadata.get("tags", [])),
                    outputs=list(raw.get("outputs", [])),
                    metadata=dict(raw.metadata),
                    headings=[text for _, text in stack],
                )
            )

    @property
    def code(self) -> list[Cell]:
        """The cells of code, in order."""
        return [cell for cell in self.cells if cell.kind == "code"]

    @property
    def claims_file(self) -> Path:
        """Where its claims stand."""
        return self.folder / f"claims.{self.number}.toml"

    @cached_property
    def claims(self) -> dict[str, Claim]:
        """Its claims; empty where it has no file of them."""
        return read_claims(self.claims_file) if self.claims_file.is_file() else {}

    @cached_property
    def solutions(self) -> dict[str, Solution]:
        """Its solutions."""
        return read_solutions(self.folder, self.number)

    def cells_of(self, claim: str) -> list[Cell]:
        """The cells that prove a claim."""
        return [cell for cell in self.code if claim in cell.claims]

    def after(self, cell: Cell) -> Cell | None:
        """The next cell of code."""
        return next((other for other in self.code if other.place > cell.place), None)


def _headings(source: str, place: int) -> list[Heading]:
    """The headings of one markdown cell. Text in the next cell counts for none of them."""
    found: list[Heading] = []
    fenced = False
    for line in source.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
        match = None if fenced else _HEADING.fullmatch(line)
        if match:
            found.append(Heading(len(match[1]), match[2], place, False))
        elif line.strip() and found:
            last = found[-1]
            found[-1] = Heading(last.level, last.text, last.place, True)
    return found
