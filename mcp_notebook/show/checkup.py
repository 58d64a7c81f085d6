"""A check-up of a transport: a row a check, a column an era, and what is to be said below.

It gets plain rows and knows nothing of transports. Colour is never the only sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .markup import Bundle, Html, bundle, columns, failed, faint, joined, line, strong, table
from .text import clean

GOOD: Final = frozenset({"ok", "not there"})
_LONGEST: Final = 300


def checkup(
    summary: str,
    eras: Sequence[str],
    rows: Sequence[Sequence[str]],
    remarks: Sequence[tuple[str, str, str, str, str]],
) -> Bundle:
    """Draw it.

    Args:
        summary: one line.
        eras: the heads of the columns.
        rows: a check's title and a verdict for each era.
        remarks: of what is not ``ok``: check, eras, verdict, reason, where to look.
    """
    head = ("", *eras)
    cells = [[clean(cell, 60) for cell in row] for row in rows]
    plain = [clean(summary, _LONGEST), columns([list(head), *cells], indent="  ")]
    parts: list[Html] = [line(strong(clean(summary, _LONGEST))), table(head, cells)]
    for title, which, verdict, reason, look in remarks:
        said = clean(f"{title} ({which}): {verdict}. {reason}", _LONGEST)
        plain.append(said)
        parts.append(line(faint(said) if verdict in GOOD else failed(said)))
        if look:
            plain.append(f"  look: {clean(look, _LONGEST)}")
            parts.append(line(faint(f"look: {clean(look, _LONGEST)}")))
    return bundle("\n".join(plain), joined(parts))
