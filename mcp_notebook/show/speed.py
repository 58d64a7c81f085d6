"""How quick calls are: a row a transport, the bare floors below, and a bar for each.

It gets plain rows and knows nothing of transports. The bars say again what the numbers say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .markup import Bundle, Html, bundle, columns, failed, faint, joined, line, safe, strong
from .text import clean, duration_text

_CELLS: Final = 24
"""Characters of the longest bar in plain text."""

_RULE: Final = "1px solid var(--jp-border-color2,rgba(128,128,128,0.4))"
_CELL: Final = "text-align:left;padding:0.15em 0.9em 0.15em 0;white-space:nowrap"
_NUMBER: Final = "text-align:right;font-variant-numeric:tabular-nums"
_ROAD: Final = "var(--jp-brand-color1,#1976d2)"
_FLOOR: Final = "var(--jp-ui-font-color3,#888)"


@dataclass(frozen=True, kw_only=True)
class SpeedRow:
    """One transport or floor.

    Attributes:
        label: its name.
        floor: whether it is a floor.
        standing: what the specification says of it.
        per_second: calls a second.
        p50_ns: the median time.
        p99_ns: what 99 of 100 stay below.
        bytes: the bytes of a call.
        over: how many times its floor; 0 where it has none.
        why_not: why it was not measured, or not to the end.
    """

    label: str
    floor: bool = False
    standing: str = ""
    per_second: float = 0.0
    p50_ns: int = 0
    p99_ns: int = 0
    bytes: int = 0
    over: float = 0.0
    why_not: str = ""

    @property
    def measured(self) -> bool:
        """Whether there is a figure."""
        return self.p50_ns > 0


def speed(
    title: str, rows: Sequence[SpeedRow], notes: Sequence[str] = (), *, stable: bool = False
) -> Bundle:
    """Draw it.

    Args:
        title: what was called, how often.
        rows: transports, then floors.
        notes: lines below.
        stable: leave out every figure: none is the same twice.
    """
    told = [clean(note, 200) for note in notes]
    missing = [f"{clean(row.label, 40)}: {clean(row.why_not, 200)}" for row in rows if row.why_not]
    longest = max((row.p50_ns for row in rows), default=0)
    head = ["", "calls/s", "p50", "p99", "bytes", "x floor", ""]
    cells = [_cells(row) for row in rows if row.measured]
    if stable:
        head, cells = ["", "standing"], [[clean(row.label, 40), _standing(row)] for row in rows]
        body = [head, *cells]
    else:
        bars = ["#" * _share(row, longest, _CELLS) for row in rows if row.measured]
        body = [head, *([*found, bar] for found, bar in zip(cells, bars, strict=True))]
    plain = "\n".join([clean(title, 200), columns(_aligned(body)), *missing, *told])
    return bundle(
        plain,
        line(strong(clean(title, 200))),
        _table(head, cells, [] if stable else [r for r in rows if r.measured], longest),
        *(line(failed(text)) for text in missing),
        *(line(faint(text)) for text in told),
    )


def _standing(row: SpeedRow) -> str:
    return "floor" if row.floor else clean(row.standing, 40)


def _cells(row: SpeedRow) -> list[str]:
    return [
        clean(row.label, 40),
        f"{row.per_second:,.0f}",
        duration_text(row.p50_ns),
        duration_text(row.p99_ns),
        f"{row.bytes:,}" if row.bytes else "",
        f"{row.over:.1f}" if row.over else "",
    ]


def _share(row: SpeedRow, longest: int, whole: int) -> int:
    return max(1, round(row.p50_ns / longest * whole)) if longest else 0


def _aligned(body: list[list[str]]) -> list[list[str]]:
    """Numbers to the right: all but the first column and the bar."""
    if len(body[0]) < 3:
        return body
    widths = [max(len(found[i]) for found in body) for i in range(len(body[0]))]
    last = len(widths) - 1
    return [
        [text if i in (0, last) else text.rjust(widths[i]) for i, text in enumerate(found)]
        for found in body
    ]


def _table(
    head: Sequence[str], cells: Sequence[Sequence[str]], rows: Sequence[SpeedRow], longest: int
) -> Html:
    """The table; with rows, the last column holds a bar for each."""
    number = _NUMBER if rows else ""
    heads = "".join(
        f'<th scope="col" style="{_CELL};{number if i else ""};border-bottom:{_RULE}">'
        f"{safe(text)}</th>"
        for i, text in enumerate(head)
    )
    body = ""
    for place, found in enumerate(cells):
        name = f'<th scope="row" style="{_CELL};font-weight:normal">{safe(found[0])}</th>'
        rest = "".join(f'<td style="{_CELL};{number}">{safe(text)}</td>' for text in found[1:])
        bar = _bar(rows[place], longest) if rows else ""
        body += f"<tr>{name}{rest}{bar}</tr>"
    return Html(
        '<div style="overflow-x:auto" tabindex="0" role="region" aria-label="speed of calls">'
        '<table style="border-collapse:collapse;margin:0.2em 0">'
        f"<thead><tr>{heads}</tr></thead><tbody>{joined([Html(body)])}</tbody></table></div>"
    )


def _bar(row: SpeedRow, longest: int) -> Html:
    colour = _FLOOR if row.floor else _ROAD
    return Html(
        '<td style="width:16em;min-width:8em" aria-hidden="true">'
        f'<div style="height:0.8em;background:{colour};width:{_share(row, longest, 100)}%">'
        "</div></td>"
    )
