"""The same call over several transports, one column each: a table in text and in HTML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from mcp_notebook.trace.comparison import Column, Comparison
from mcp_notebook.trace.cost import Cost, Kind

from .markup import Bundle, Html, bundle, code, columns, faint, joined, line, safe, strong
from .text import clean, count_text, duration_text, html, steady

_LONGEST = 28
"""Characters of a text in a column; one that is equal in all has a line of its own."""

_WIDEST = 110
"""Characters of a line in plain text; what is wider wraps, and nothing is aligned any more."""

_NONE: Final = "-"


@dataclass(frozen=True)
class _Row:
    """One measure, a cell for each column."""

    name: str
    cells: list[str]
    within: bool = False

    @property
    def equal(self) -> bool:
        return len(self.cells) > 1 and len(set(self.cells)) == 1


def comparison(thing: Comparison, *, stable: bool = False) -> Bundle:
    """The columns of a comparison, aligned; what is equal in all is marked.

    Args:
        thing: the comparison.
        stable: leave out times and numbers of events.
    """
    made = [column for column in thing.columns if not column.why_not]
    refused = [(clean(c.label, 60), clean(c.why_not, 200)) for c in thing.columns if c.why_not]
    if stable:
        refused = [(label, steady(why)) for label, why in refused]
    if not made:
        words = [f"{label}: {why}" for label, why in refused]
        return bundle(
            "\n".join(words) or "nothing was compared",
            *(line(code(label), f" {why}") for label, why in refused),
        )
    groups = _groups(made, stable)
    notes = _notes(thing, made, refused, stable)
    head = f"{clean(thing.call, 200)}"
    return bundle(
        _plain(head, made, groups, notes),
        line(strong(head)),
        _table(made, groups),
        *(line(faint(note)) for note in notes),
    )


def _groups(made: Sequence[Column], stable: bool) -> list[tuple[str, list[_Row]]]:
    """The rows, each group under its title."""
    told = [
        _row("request", made, lambda c: c.request),
        _row("result", made, lambda c: c.result),
        _row("revision", made, lambda c: c.revision),
    ]
    if not stable:
        told.append(_row("%mcp flow", made, lambda c: str(c.seq)))
    cost = _costs(made, lambda c: c.call)
    own, *framing = _bytes(made, lambda c: c.call, every_kind=True)
    cost += [
        own,
        _row("the request", made, lambda c: str(c.request_bytes), within=True),
        _row("the answer", made, lambda c: str(c.answer_bytes), within=True),
        *framing,
    ]
    if not stable:
        cost += [
            _row("time to the first byte", made, lambda c: _time(c.first_byte_ns)),
            _row("time to the result", made, lambda c: _time(c.result_ns)),
        ]
    opening = _costs(made, lambda c: c.opening, links=not stable)
    opening += _bytes(made, lambda c: c.opening)
    if not stable:
        opening.append(_row("time", made, lambda c: _time(c.opening.ns)))
    closing = _bytes(made, lambda c: c.closing)
    return [
        ("", told),
        ("the call", _kept(cost)),
        ("to open (handshake, list of tools)", _kept(opening)),
        ("to close", _kept(closing)),
    ]


def _row(
    name: str, made: Sequence[Column], cell: Callable[[Column], str], *, within: bool = False
) -> _Row:
    return _Row(name, [clean(cell(column), 2000) for column in made], within)


def _costs(
    made: Sequence[Column], of: Callable[[Column], Cost], *, links: bool = True
) -> list[_Row]:
    rows = [
        _row("round trips", made, lambda c: str(of(c).round_trips)),
        _row("HTTP requests", made, lambda c: str(of(c).requests or _NONE)),
    ]
    if links:
        rows.append(
            _row(
                "new TCP connections",
                made,
                lambda c: str(of(c).links) if c.networked else _NONE,
            )
        )
    return [*rows, _row("messages", made, lambda c: str(len(of(c).messages)))]


def _bytes(
    made: Sequence[Column], of: Callable[[Column], Cost], *, every_kind: bool = False
) -> list[_Row]:
    rows = [
        _row("message bytes", made, lambda c: str(of(c).body)),
        _row("framing bytes", made, lambda c: str(of(c).framing)),
    ]
    if every_kind:
        rows += [_kind(made, of, kind) for kind in Kind if kind is not Kind.MESSAGE]
        rows.append(_row("bytes in all", made, lambda c: str(of(c).bytes)))
    return rows


def _kind(made: Sequence[Column], of: Callable[[Column], Cost], kind: Kind) -> _Row:
    return _row(kind.value, made, lambda c: str(of(c).bytes_of(kind) or _NONE), within=True)


def _kept(rows: list[_Row]) -> list[_Row]:
    """Without the rows that say nothing of any column."""
    return [row for row in rows if set(row.cells) - {_NONE, "0"}]


def _time(ns: int | None) -> str:
    return _NONE if ns is None else duration_text(ns)


def _notes(
    thing: Comparison, made: Sequence[Column], refused: list[tuple[str, str]], stable: bool
) -> list[str]:
    if thing.repeat == 1:
        calls = "one measured call each, after one that warmed up"
    else:
        calls = f"{count_text(thing.repeat, 'measured call')} each, after one that warmed up"
        calls += "" if stable else "; times are medians, bytes are those of the first"
    notes = [calls]
    unusual = {
        clean(c.transport, 40): c.standing for c in made if not c.standing.startswith("standard")
    }
    if unusual:
        notes.append(
            ", ".join(f"{name}: {clean(standing, 40)}" for name, standing in unusual.items())
        )
    return [*notes, *(f"{label}: {why}" for label, why in refused)]


# ---- drawing -----------------------------------------------------------------------------------


def _plain(
    head: str, made: Sequence[Column], groups: list[tuple[str, list[_Row]]], notes: list[str]
) -> str:
    alone = [row for _, rows in groups for row in rows if _stands_alone(row)]
    names = [["", ""]]
    cells = [[clean(column.label, 60) for column in made]]
    titles: dict[int, str] = {}
    for title, rows in groups:
        rows = [row for row in rows if row not in alone]
        if title and rows:
            titles[len(names)] = title  # which is no measure of how wide the names must be
            names.append(["", ""])
            cells.append(["" for _ in made])
        for row in rows:
            depth = int(bool(title)) + int(row.within)
            names.append(["=" if row.equal else "", f"{'  ' * depth}{row.name}"])
            cells.append([clean(cell, _LONGEST) for cell in row.cells])
    drawn: list[str] = []
    for first, last in _blocks(names, cells):
        lines = columns([[*n, *c[first:last]] for n, c in zip(names, cells, strict=True)])
        for place, text in enumerate(lines.split("\n")):
            drawn.append(f"   {titles[place]}" if place in titles else text)
    equal = [f"= {row.name}: {clean(row.cells[0], 200)}" for row in alone]
    marked = any(row.equal for _, rows in groups for row in rows)
    return "\n".join([head, *equal, *drawn, *(["=  the same in all"] if marked else []), *notes])


def _blocks(names: list[list[str]], cells: list[list[str]]) -> list[tuple[int, int]]:
    """Ranges of columns that fit beside each other; each range has its own table below the last."""
    beside = max(len(name) for _, name in names) + 5
    widths = [max(len(row[i]) for row in cells) + 2 for i in range(len(cells[0]))]
    blocks: list[tuple[int, int]] = []
    first, wide = 0, beside
    for place, width in enumerate(widths):
        if wide + width > _WIDEST and place > first:
            blocks.append((first, place))
            first, wide = place, beside
        wide += width
    return [*blocks, (first, len(widths))]


def _stands_alone(row: _Row) -> bool:
    """Whether a long text that is equal in all columns gets a line of its own in plain text."""
    return row.equal and not row.cells[0].isdigit() and row.name in ("request", "result")


_RULE: Final = "1px solid var(--jp-border-color2,rgba(128,128,128,0.4))"
_CELL: Final = "text-align:left;vertical-align:top;padding:0.15em 0.9em 0.15em 0"
_NUMBER: Final = f"{_CELL};font-variant-numeric:tabular-nums;unicode-bidi:isolate"
_WHOLE: Final = "white-space:nowrap"


def _table(made: Sequence[Column], groups: list[tuple[str, list[_Row]]]) -> Html:
    style = f"{_CELL};{_WHOLE};border-bottom:{_RULE}"
    labels = [clean(column.label, 60) for column in made]
    heads = "".join(f'<th scope="col" style="{style}">{safe(label)}</th>' for label in labels)
    body = ""
    for title, rows in groups:
        if title and rows:
            body += (
                f'<tr><th scope="colgroup" colspan="{len(made) + 1}" '
                f'style="{_CELL};padding-top:0.6em">{html(title)}</th></tr>'
            )
        body += "".join(_line(row, len(made)) for row in rows)
    return Html(
        # whoever has no mouse scrolls it by the arrow keys
        '<div style="overflow-x:auto" tabindex="0" role="region" aria-label="comparison">'
        '<table style="border-collapse:collapse;margin:0.2em 0">'
        f'<thead><tr><td style="border-bottom:{_RULE}"></td>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _line(row: _Row, width: int) -> Html:
    indent = "padding-left:1.2em;" if row.within else ""
    name = (
        f'<th scope="row" style="{_CELL};{_WHOLE};{indent}font-weight:normal">{safe(row.name)}</th>'
    )
    if row.equal:
        text = joined(["= ", clean(row.cells[0], 200), faint(" in all")])
        return Html(f'<tr>{name}<td colspan="{width}" style="{_NUMBER}">{text}</td></tr>')
    cells = "".join(
        f'<td style="{_style(cell)}">{safe(clean(cell, 80))}</td>' for cell in row.cells
    )
    return Html(f"<tr>{name}{cells}</tr>")


def _style(cell: str) -> str:
    return f"{_NUMBER};{_WHOLE}" if len(cell) <= _LONGEST else _NUMBER
