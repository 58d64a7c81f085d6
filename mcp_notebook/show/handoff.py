"""What an export, a comparison of contracts and an import came to, as tables.

It gets plain rows and knows nothing of servers. Colour is never the only sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .markup import (
    Bundle,
    Html,
    bundle,
    code,
    columns,
    failed,
    faint,
    joined,
    line,
    pre,
    strong,
    table,
)
from .text import clean, lines

_LONGEST: Final = 400
_CELL: Final = 200


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table with a title.

    Attributes:
        title: what it is about.
        head: the heads of the columns.
        rows: its cells.
        bad: whether what it lists went wrong.
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    bad: bool = False


def tables(
    summary: str, *, ok: bool, told: Sequence[Table], remarks: Sequence[str], path: str = ""
) -> Bundle:
    """Draw a report.

    Args:
        summary: one line.
        ok: whether it went well.
        told: its tables; empty ones are left out.
        remarks: what is said below.
        path: the file that was written.
    """
    title = clean(summary, _LONGEST)
    plain, parts = [title], [line(strong(title) if ok else failed(title))]
    if path:
        plain.append(clean(path, _LONGEST))
        parts.append(line(code(clean(path, _LONGEST))))
    for one in told:
        if not one.rows:
            continue
        rows = [[clean(cell, _CELL) for cell in row] for row in one.rows]
        plain += [one.title, columns(rows, indent="  ")]
        parts += [line((failed if one.bad else faint)(one.title)), table(one.head, rows)]
    for remark in remarks:
        said = clean(remark, _LONGEST)
        plain.append(said)
        parts.append(line(faint(said)))
    return bundle("\n".join(plain), joined(parts))


def imported(
    summary: str, rows: Sequence[Sequence[str]], notes: Sequence[str], cell: str
) -> Bundle:
    """What came of a file: its parts, and the text that was made of it, folded.

    Args:
        summary: one line.
        rows: kind, name and line of each part.
        notes: what is said below.
        cell: the text of the new cell.
    """
    shown = tables(
        summary,
        ok=True,
        told=[Table(title="parts", head=("kind", "name", "line"), rows=rows)],
        remarks=notes,
    )
    folded = Html(f"<details><summary>as one cell</summary>{pre(lines(cell))}</details>")
    return {**shown, "text/html": joined([Html(shown["text/html"]), folded])}
