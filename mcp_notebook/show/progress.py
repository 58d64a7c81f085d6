"""The progress of a call as a bar."""

from __future__ import annotations

from .markup import Bundle, Html, bundle, code, faint, line
from .text import clean

_CELLS = 20


def progress(tool: str, value: float, total: float | None, message: str | None) -> Bundle:
    """A bar, or a count where nobody knows the total.

    Args:
        tool: the tool's name.
        value: how far it is.
        total: how far it goes.
        message: what the server says of it.
    """
    name = clean(tool, 60)
    said = f"  {clean(message, 120)}" if message else ""
    count = f"{value:g}" if total is None else f"{value:g}/{total:g}"
    if total is None or not total > 0:
        return bundle(f"{name}  {count}{said}", line(code(name), f"  {count}", faint(said)))
    share = min(1.0, max(0.0, value / total))
    full = round(share * _CELLS)
    drawn = "#" * full + "-" * (_CELLS - full)
    bar = Html(
        f'<progress max="1" value="{share:.4f}" style="vertical-align:middle">{count}</progress>'
    )
    return bundle(
        f"{name}  [{drawn}] {count}{said}", line(code(name), " ", bar, f" {count}", faint(said))
    )
