"""The comparison tables of the articles as data: what each cell says, and what decides it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).with_name("matrices.toml")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell of an article's table.

    Attributes:
        matrix: the table's id.
        article: the article.
        row: the row's name, as the article has it.
        column: the column's name.
        word: the article's word.
        means: the measured words that it stands for.
        subject: what the row is about; cells of one subject can contradict each other.
        implies: what the word says of other subjects.
        roads: what the column is about.
        probes: what decides the cell.
        rule: the name of the rule that turns readings into a word.
        note: what should be known beside it.
        unmeasurable: why nothing here can decide it; empty where something can.
    """

    matrix: str
    article: str
    row: str
    column: str
    word: str
    means: frozenset[str]
    subject: str
    roads: tuple[str, ...]
    probes: tuple[str, ...]
    rule: str
    implies: tuple[tuple[str, frozenset[str]], ...] = ()
    note: str = ""
    unmeasurable: str = ""

    @property
    def name(self) -> str:
        """``000 / Latency / Stdio``."""
        return f"{self.matrix} / {self.row} / {self.column}"

    def contradicts(self, other: Cell) -> bool:
        """Whether the articles say of the same roads what cannot both be so."""
        if self.matrix == other.matrix or not set(self.roads) & set(other.roads):
            return False
        mine, theirs = self.says(), other.says()
        return any(
            mine[subject] and theirs[subject] and not mine[subject] & theirs[subject]
            for subject in mine.keys() & theirs.keys()
        )

    def says(self) -> dict[str, frozenset[str]]:
        """The words it stands for, by subject; those that it implies of others included."""
        return {**dict(self.implies), self.subject: self.means}


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """One table of an article.

    Attributes:
        id: ``000``, ``002a``, ``002b`` or ``004``.
        article: the article.
        title: what it is.
        columns: the names of the columns.
        rows: the names of the rows.
        cells: its cells, row by row.
    """

    id: str
    article: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    cells: tuple[Cell, ...]


@cache
def read_matrices() -> dict[str, Matrix]:
    """The tables, by id."""
    data = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {entry["id"]: _matrix(entry) for entry in data["matrix"]}


def _matrix(entry: dict[str, Any]) -> Matrix:
    columns: dict[str, list[str]] = entry["columns"]
    rows: list[dict[str, Any]] = entry["row"]
    return Matrix(
        id=entry["id"],
        article=entry["article"],
        title=entry["title"],
        columns=tuple(columns),
        rows=tuple(row["row"] for row in rows),
        cells=tuple(_cell(entry, row, column) for row in rows for column in columns),
    )


def _cell(entry: dict[str, Any], row: dict[str, Any], column: str) -> Cell:
    word = row["words"][column]
    return Cell(
        matrix=entry["id"],
        article=entry["article"],
        row=row["row"],
        column=column,
        word=word,
        means=frozenset(row["means"][word]),
        subject=row["subject"],
        roads=tuple(entry["columns"][column]),
        probes=tuple(row["probes"]),
        rule=row["rule"],
        implies=tuple(
            (subject, frozenset(words))
            for subject, words in row.get("implies", {}).get(word, {}).items()
        ),
        note=row.get("notes", {}).get(column, ""),
        unmeasurable=row.get("unmeasurable", {}).get(column, ""),
    )


MATRICES: Final = read_matrices()
"""The tables, by id."""


def all_cells() -> Iterator[Cell]:
    """The cells of all tables."""
    for matrix in MATRICES.values():
        yield from matrix.cells
