"""Small pieces of HTML that stand in a notebook: no script, no style sheet, no outside resource.

What is :class:`Html` is put in as it is; every other string is escaped on its way in. Colours
are those of the reader's theme, and none is the only sign of anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from .text import html

Bundle = dict[str, Any]
"""What a front end chooses from: data by mime type."""

_MONO: Final = "font-family:var(--jp-code-font-family,monospace)"
_RULE: Final = "1px solid var(--jp-border-color2,rgba(128,128,128,0.4))"
_FAINT: Final = "var(--jp-ui-font-color2,currentColor)"
_BAR: Final = "var(--jp-brand-color1,#1976d2)"
_RED: Final = "var(--jp-error-color1,#d03030)"


class Html(str):
    """HTML that is safe to put in: everything foreign in it is already escaped."""

    __slots__ = ()


def bundle(plain: str, *parts: str) -> Bundle:
    """Text, and where there are parts, HTML made of them."""
    made: Bundle = {"text/plain": plain}
    if parts:
        made["text/html"] = f"<div>{joined(parts)}</div>"
    return made


def safe(text: str) -> Html:
    """The string as HTML: as it is where it is Html, else escaped."""
    return text if isinstance(text, Html) else Html(html(text))


def joined(parts: Iterable[str], between: str = "") -> Html:
    """Parts one after the other."""
    return Html(safe(between).join(safe(part) for part in parts))


def code(text: str) -> Html:
    """A word or line of code."""
    return Html(f'<code style="{_MONO};white-space:pre-wrap">{safe(text)}</code>')


def pre(text: str) -> Html:
    """Text as it is, line by line."""
    style = f"{_MONO};white-space:pre-wrap;overflow-wrap:anywhere;margin:0.2em 0"
    return Html(f'<pre style="{style}">{safe(text)}</pre>')


def line(*parts: str) -> Html:
    """A line of its own."""
    return Html(f'<div style="margin:0.2em 0">{joined(parts)}</div>')


def strong(text: str) -> Html:
    """What the line is about."""
    return Html(f"<strong>{safe(text)}</strong>")


def faint(text: str) -> Html:
    """What matters less."""
    return Html(f'<span style="color:{_FAINT};opacity:0.8">{safe(text)}</span>')


def failed(text: str) -> Html:
    """What went wrong: red, and the words must say it too."""
    return Html(f'<strong style="color:{_RED}">{safe(text)}</strong>')


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Html:
    """A table with a head; columns that are empty in every row are left out."""
    rows = list(rows)
    used = [i for i in range(len(head)) if any(row[i] for row in rows)]
    head, rows = [head[i] for i in used], [[row[i] for i in used] for row in rows]
    cell = "text-align:left;vertical-align:top;padding:0.2em 0.8em 0.2em 0;unicode-bidi:isolate"
    heads = "".join(f'<th style="{cell};border-bottom:{_RULE}">{safe(h)}</th>' for h in head)
    body = "".join(
        "<tr>" + "".join(f'<td style="{cell}">{safe(part)}</td>' for part in row) + "</tr>"
        for row in rows
    )
    return Html(
        f'<table style="border-collapse:collapse;margin:0.2em 0"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def facts(pairs: Iterable[tuple[str, str]]) -> Html:
    """Names and what is said of each, the names in a column of their own."""
    # the notebook's own rules for tables: striped rows, text to the right
    cell = "text-align:left;vertical-align:top;background:none;unicode-bidi:isolate"
    body = "".join(
        f'<tr style="background:none"><td style="{cell};padding:0.1em 0.9em 0.1em 0;'
        f'white-space:nowrap">{faint(name)}</td>'
        f'<td style="{cell};padding:0.1em 0">{safe(text)}</td></tr>'
        for name, text in pairs
    )
    return Html(f'<table style="border-collapse:collapse;margin:0">{body}</table>')


def framed(*parts: str) -> Html:
    """A block with a bar at its side, so that it is seen to belong together."""
    style = f"border-left:3px solid {_BAR};padding:0.1em 0 0.1em 0.8em;max-width:60em"
    return Html(f'<div style="{style}">{joined(parts)}</div>')


def columns(rows: Sequence[Sequence[str]], *, indent: str = "") -> str:
    """The same for plain text: columns as wide as they must be, empty ones left out."""
    if not rows:
        return ""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    made = []
    for row in rows:
        parts = [part.ljust(w) for part, w in zip(row, widths, strict=True) if w]
        made.append((indent + "  ".join(parts)).rstrip())
    return "\n".join(made)
