"""The articles' tables judged by readings: article, measured, difference, cell by cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from mcp_notebook.bench.readings import Results
from mcp_notebook.errors import UsageError

from . import ranking
from .matrices import MATRICES, Cell, Matrix, all_cells
from .rules import RULES, THRESHOLDS, Evidence, Missing, Thresholds

VERDICTS: Final = ("agrees", "differs", "depends", "not measured", "not measurable")
"""What may come of a cell. ``depends``: the roads that its column is about differ."""

_ = ranking  # its rule registers itself


@dataclass(frozen=True, kw_only=True)
class JudgedCell:
    """A cell and what was measured.

    Attributes:
        cell: what the article says.
        words: the measured word of each road, by road.
        verdict: one of ``VERDICTS``.
        evidence: a sentence for each reading that decided it.
        missing: why readings are not there.
        contradicted_by: what the articles say elsewhere that cannot be so as well.
    """

    cell: Cell
    words: dict[str, str] = field(default_factory=dict)
    verdict: str = ""
    evidence: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    contradicted_by: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """``004/Latency/Stdio``."""
        return f"{self.cell.matrix}/{self.cell.row}/{self.cell.column}"

    @property
    def matrix(self) -> str:
        """The table's id."""
        return self.cell.matrix

    @property
    def row(self) -> str:
        """The row's name."""
        return self.cell.row

    @property
    def column(self) -> str:
        """The column's name."""
        return self.cell.column

    @property
    def word(self) -> str:
        """The article's word."""
        return self.cell.word

    @property
    def note(self) -> str:
        """What should be known beside it."""
        return self.cell.note

    @property
    def measured(self) -> str:
        """The measured word; where the roads differ, the word of each."""
        if self.cell.unmeasurable:
            return "-"
        told = list(dict.fromkeys(self.words.values()))
        if len(told) <= 1:
            return told[0] if told else "-"
        return "; ".join(
            f"{', '.join(road for road, w in self.words.items() if w == word)}: {word}"
            for word in told
        )

    def __repr__(self) -> str:
        return f"<{self.cell.name}: {self.word!r}, measured {self.measured!r}, {self.verdict}>"


@dataclass(frozen=True, kw_only=True)
class JudgedMatrix:
    """One table of an article and what was measured.

    Attributes:
        matrix: the table.
        cells: its cells, row by row.
    """

    matrix: Matrix
    cells: tuple[JudgedCell, ...]

    def __getitem__(self, place: tuple[str, str]) -> JudgedCell:
        """The cell of a row and a column.

        Raises:
            UsageError: there is none.
        """
        for one in self.cells:
            if (one.cell.row, one.cell.column) == place:
                return one
        rows, columns = ", ".join(self.matrix.rows), ", ".join(self.matrix.columns)
        raise UsageError(
            f"table {self.matrix.id} has no cell {place!r}.",
            hint=f"Rows: {rows}. Columns: {columns}.",
        )


@dataclass(frozen=True, kw_only=True)
class Flip:
    """A cell whose word or verdict is another one now.

    Attributes:
        before: as it was.
        after: as it is.
    """

    before: JudgedCell
    after: JudgedCell

    @property
    def cell(self) -> Cell:
        """The cell."""
        return self.after.cell


@dataclass(frozen=True, kw_only=True)
class Flips:
    """The cells that moving thresholds changed.

    Attributes:
        moved: the thresholds that differ: what they were, what they are.
        flips: the cells.
        of: how many cells were judged.
    """

    moved: dict[str, tuple[float, float]]
    flips: tuple[Flip, ...]
    of: int

    def __len__(self) -> int:
        return len(self.flips)

    def __bool__(self) -> bool:
        return bool(self.flips)

    def __repr__(self) -> str:
        return f"<{len(self.flips)} of {self.of} cells flip>"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The articles' tables beside what was measured; shows itself.

    Attributes:
        tables: the tables.
        thresholds: where adjectives began.
        measured_on: facts of the machine, and the days of the measurement.
    """

    tables: tuple[JudgedMatrix, ...]
    thresholds: Thresholds
    measured_on: str

    @property
    def cells(self) -> list[JudgedCell]:
        """All cells."""
        return [one for table in self.tables for one in table.cells]

    @property
    def counts(self) -> dict[str, int]:
        """How many cells came to what."""
        counted = Counter(one.verdict for one in self.cells)
        return {verdict: counted[verdict] for verdict in VERDICTS}

    def __getitem__(self, place: tuple[str, str, str]) -> JudgedCell:
        """The cell of a table, row and column.

        Raises:
            UsageError: there is none.
        """
        name, row, column = place
        for table in self.tables:
            if table.matrix.id == name:
                return table[row, column]
        known = ", ".join(table.matrix.id for table in self.tables)
        raise UsageError(f"there is no table {name!r} here.", hint=f"There is: {known}.")

    def flips(self, other: Judged) -> Flips:
        """The cells whose word or verdict is another one in ``other``."""
        before = {one.cell.name: one for one in self.cells}
        pairs = [(before[one.cell.name], one) for one in other.cells if one.cell.name in before]
        mine, theirs = vars(self.thresholds), vars(other.thresholds)
        return Flips(
            moved={n: (mine[n], theirs[n]) for n in mine if mine[n] != theirs[n]},
            flips=tuple(
                Flip(before=old, after=new)
                for old, new in pairs
                if (old.words, old.verdict) != (new.words, new.verdict)
            ),
            of=len(pairs),
        )

    def __repr__(self) -> str:
        told = ", ".join(f"{n} {verdict}" for verdict, n in self.counts.items() if n)
        return f"<{len(self.cells)} cells of {len(self.tables)} tables: {told}>"


def judged(
    results: Results, thresholds: Thresholds = THRESHOLDS, *, only: Sequence[str] = ()
) -> Judged:
    """The articles' tables judged by readings.

    Args:
        results: the readings.
        thresholds: where adjectives begin.
        only: ids of tables; all of them by default.

    Raises:
        UsageError: there is no such table.
    """
    for name in only:
        if name not in MATRICES:
            raise UsageError(f"there is no table {name!r}.", hint=f"There is: {_listed()}.")
    tables = [m for m in MATRICES.values() if not only or m.id in only]
    return Judged(
        tables=tuple(
            JudgedMatrix(
                matrix=matrix, cells=tuple(judge(one, results, thresholds) for one in matrix.cells)
            )
            for matrix in tables
        ),
        thresholds=thresholds,
        measured_on=measured_on(results),
    )


def judge(cell: Cell, results: Results, thresholds: Thresholds = THRESHOLDS) -> JudgedCell:
    """One cell judged by readings."""
    contradicted = tuple(
        f"{other.name} says {other.word}" for other in all_cells() if cell.contradicts(other)
    )
    if cell.unmeasurable:
        return JudgedCell(
            cell=cell,
            verdict="not measurable",
            missing=(cell.unmeasurable,),
            contradicted_by=contradicted,
        )
    words: dict[str, str] = {}
    missing: list[str] = []
    for road in cell.roads:
        try:
            words[road] = RULES[cell.rule](Evidence(results, road, thresholds))
        except Missing as reason:
            missing.append(str(reason))
    return JudgedCell(
        cell=cell,
        words=words,
        verdict=_verdict(cell, words),
        evidence=tuple(_sentences(cell, results)),
        missing=tuple(dict.fromkeys(missing)),
        contradicted_by=contradicted,
    )


def _verdict(cell: Cell, words: dict[str, str]) -> str:
    if not words:
        return "not measured"
    fits = [bool(cell.means & set(word.split(", "))) for word in words.values()]
    if all(fits):
        return "agrees"
    return "depends" if any(fits) else "differs"


def _sentences(cell: Cell, results: Results) -> list[str]:
    told = []
    for road in cell.roads:
        for probe in cell.probes:
            found = results.get(probe, road)
            if found is not None and found.ran:
                told.append(f"{probe} {road}: {found.evidence}")
    return told


def measured_on(results: Results) -> str:
    """The machine and the days, in one line."""
    facts = results.machine
    days = sorted({one.at[:10] for one in results if one.at})
    if not days:
        return "nothing is measured yet"
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return (
        f"measured {when} on {facts.get('system')} with {facts.get('cores')} cores, "
        f"Python {facts.get('python')}, mcp {facts.get('mcp')}"
    )


def _listed() -> str:
    return ", ".join(MATRICES)
