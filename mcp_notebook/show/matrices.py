"""Tables of articles beside what was measured: article, measured, difference, cell by cell.

It gets plain rows and knows nothing of probes. Colour is never the only sign, and nothing is to
be seen by hovering alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .elements import folded
from .markup import Bundle, Html, bundle, code, columns, faint, joined, line, safe, strong, table
from .text import clean, html

MARKS: Final = {
    "agrees": "=",
    "differs": "≠",
    "depends": "~",
    "not measured": "?",
    "not measurable": "-",
}
_TEXT_MARKS: Final = {**MARKS, "differs": "/="}
_COLOURS: Final = {
    "agrees": "var(--jp-success-color1,#2e7d32)",
    "differs": "var(--jp-error-color1,#d03030)",
    "depends": "var(--jp-warn-color1,#b26a00)",
}
_GREY: Final = "var(--jp-border-color2,rgba(128,128,128,0.6))"
_LONGEST: Final = 76
"""Characters of a measured word in plain text."""


@dataclass(frozen=True, kw_only=True)
class CellRow:
    """One cell.

    Attributes:
        row: the row's name.
        column: the column's name.
        article: the article's word.
        measured: the measured word.
        verdict: one of the keys of ``MARKS``.
        evidence: a sentence for each reading.
        missing: why readings are not there.
        note: what should be known beside it.
        contradicted_by: what articles say elsewhere that cannot be so as well.
    """

    row: str
    column: str
    article: str
    measured: str
    verdict: str
    evidence: Sequence[str] = ()
    missing: Sequence[str] = ()
    note: str = ""
    contradicted_by: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class TableRows:
    """One table of an article.

    Attributes:
        title: what it is.
        columns: the names of the columns.
        cells: its cells, row by row.
    """

    title: str
    columns: Sequence[str]
    cells: Sequence[CellRow]


@dataclass(frozen=True, kw_only=True)
class FlipRow:
    """A cell that changed.

    Attributes:
        name: table, row and column.
        article: the article's word.
        before: measured word and verdict.
        after: the same now.
    """

    name: str
    article: str
    before: str
    after: str


def matrices(
    tables: Sequence[TableRows], counts: Sequence[tuple[str, int]], notes: Sequence[str] = ()
) -> Bundle:
    """Tables of articles beside what was measured.

    Args:
        tables: the tables.
        counts: how many cells came to what.
        notes: lines below.
    """
    told = _counted(counts)
    plain: list[str] = []
    parts: list[Html] = []
    for one in tables:
        plain += [clean(one.title, 100), _plain(one)]
        parts += [line(strong(clean(one.title, 100))), _drawn(one)]
    legend = ", ".join(f"{_TEXT_MARKS[name]} {name}" for name in MARKS)
    shown = [told, *(clean(note, 300) for note in notes)]
    contradicted = any(cell.contradicted_by for one in tables for cell in one.cells)
    if contradicted:
        legend += ", ! the articles contradict each other"
    plain += [legend, *shown]
    return bundle("\n".join(plain), *parts, *(line(faint(text)) for text in shown))


def _counted(counts: Sequence[tuple[str, int]]) -> str:
    whole = sum(count for _, count in counts)
    told = ", ".join(f"{name} {count}" for name, count in counts if count)
    return f"{whole} cells: {told}"


def _plain(one: TableRows) -> str:
    rows = [("", "", "article", "", "measured", "")]
    last = ""
    for cell in one.cells:
        name = "" if cell.row == last else clean(cell.row, 40)
        last = cell.row
        rows.append(
            (
                name,
                clean(cell.column, 30),
                clean(cell.article, 40),
                _TEXT_MARKS.get(cell.verdict, "?"),
                clean(cell.measured, _LONGEST),
                "!" if cell.contradicted_by else "",
            )
        )
    return columns(rows, indent="  ")


_CELL: Final = "text-align:left;vertical-align:top;padding:0.3em 0.8em 0.3em 0.5em"
_RULE: Final = f"1px solid {_GREY}"


def _drawn(one: TableRows) -> Html:
    heads = "".join(
        f'<th scope="col" style="{_CELL};border-bottom:{_RULE}">{html(clean(name, 40))}</th>'
        for name in one.columns
    )
    body = ""
    for name in dict.fromkeys(cell.row for cell in one.cells):
        cells = {cell.column: cell for cell in one.cells if cell.row == name}
        drawn = "".join(_cell(cells[column]) for column in one.columns if column in cells)
        body += (
            f'<tr><th scope="row" style="{_CELL};font-weight:normal">{html(clean(name, 60))}</th>'
            f"{drawn}</tr>"
        )
    label = html(clean(one.title, 100))
    return Html(
        # whoever has no mouse scrolls it by the arrow keys
        f'<div style="overflow-x:auto" tabindex="0" role="region" aria-label="{label}">'
        '<table style="border-collapse:collapse;margin:0.2em 0 1em 0">'
        f'<thead><tr><td style="border-bottom:{_RULE}"></td>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cell(cell: CellRow) -> Html:
    colour = _COLOURS.get(cell.verdict, _GREY)
    mark = MARKS.get(cell.verdict, "?")
    measured = line(faint("measured "), strong(clean(cell.measured, 120)))
    said = f"{mark} {clean(cell.verdict, 20)}"
    if cell.contradicted_by:
        said += ", ! articles disagree"
    inside = [line(clean(text, 300)) for text in (*cell.evidence, *cell.missing) if text]
    if cell.note:
        inside.append(line(faint("Note: "), clean(cell.note, 300)))
    inside += [line(faint("Elsewhere: "), clean(text, 200)) for text in cell.contradicted_by]
    hover = html(clean(" | ".join(cell.evidence), 500))
    seen = folded(said, joined(inside)) if inside else line(said)
    return Html(
        f'<td title="{hover}" style="{_CELL};border-left:3px solid {colour};min-width:9em">'
        f"{line(faint('article '), clean(cell.article, 80))}{measured}{seen}</td>"
    )


def flips(rows: Sequence[FlipRow], moved: Sequence[tuple[str, str, str]], of: int) -> Bundle:
    """The cells that moved thresholds changed.

    Args:
        rows: the cells.
        moved: names of thresholds, what they were, what they are.
        of: how many cells were judged.
    """
    told = "; ".join(f"{clean(n, 40)} from {clean(a, 20)} to {clean(b, 20)}" for n, a, b in moved)
    head = f"{len(rows)} of {of} cells flip" + (f": {told}" if told else "")
    if not rows:
        return bundle(head, line(strong(head)))
    names = ("cell", "article", "before", "now")
    body = [
        (clean(r.name, 80), clean(r.article, 40), clean(r.before, 120), clean(r.after, 120))
        for r in rows
    ]
    plain = columns(
        [names, *((n, a, clean(b, 50), clean(c, 50)) for n, a, b, c in body)], indent="  "
    )
    return bundle(f"{head}\n{plain}", line(strong(head)), table(names, body))


def limits(rows: Sequence[tuple[str, str, str, str]]) -> Bundle:
    """Thresholds: name, value, the usual value where it was moved, and what it decides."""
    head = ("threshold", "is", "was", "decides")
    body = [tuple(clean(part, 120) for part in row) for row in rows]
    plain = columns([head, *body])
    return bundle(plain, table(head, body))


@dataclass(frozen=True, kw_only=True)
class ProbeRow:
    """One probe and what it found on each road.

    Attributes:
        id: the probe.
        title: what it asks.
        note: what it does.
        values: a short text for each road.
        evidence: road and sentence, for each reading.
    """

    id: str
    title: str
    note: str
    values: Sequence[str]
    evidence: Sequence[tuple[str, str]] = ()


def readings(roads: Sequence[str], rows: Sequence[ProbeRow], notes: Sequence[str]) -> Bundle:
    """What probes found: a row for each, a column for each road.

    Args:
        roads: the names of the roads.
        rows: the probes.
        notes: lines below.
    """
    shown = [clean(note, 300) for note in notes if note]
    if not rows:
        empty = "Nothing is measured yet: %mcp measure"
        return bundle("\n".join([empty, *shown]), line(faint(empty)), *map(line, shown))
    head = ("probe", "", *(clean(road, 20) for road in roads))
    body = [
        (clean(r.id, 12), clean(r.title, 60), *(clean(value, 40) for value in r.values))
        for r in rows
    ]
    inside = [
        line(code(clean(r.id, 12)), " ", clean(road, 20), ": ", clean(text, 300))
        for r in rows
        for road, text in r.evidence
    ]
    more = [folded("what was seen", joined(inside))] if inside else []
    scrolled = Html(
        '<div style="overflow-x:auto" tabindex="0" role="region" aria-label="readings">'
        f"{safe(table(head, body))}</div>"
    )
    return bundle(
        "\n".join([columns([head, *body]), *shown]),
        scrolled,
        *more,
        *(line(faint(text)) for text in shown),
    )
