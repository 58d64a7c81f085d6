"""A still picture of the flow: one self-contained SVG that needs no kernel, script or network.

It has the lanes, the words and the shapes of the live view, and stands where that cannot run:
in a notebook that was saved, on a page that shows notebooks, on paper.
"""

from __future__ import annotations

import base64
from collections import Counter
from typing import Final

from mcp_notebook.show.book import Book
from mcp_notebook.show.text import clean, count_text, html
from mcp_notebook.trace.envelope import read
from mcp_notebook.trace.events import Fault, Message
from mcp_notebook.trace.store import Trace

from .drawing import Drawing
from .lanes import Cast
from .rows import Shown, newest

WIDTH: Final = 760
"""In pixels. It is still readable where it is shown a little smaller."""

LAST: Final = 60
_MOST: Final = 1000
_NARROWEST: Final = 480
_NAMED: Final = 3


def picture(trace: Trace, *, last: int = LAST, stable: bool = False, width: int = WIDTH) -> str:
    """The flow of a Trace, or of a part that a query selected, as SVG; every secret masked.

    Args:
        trace: the Trace.
        last: how many rows at most, the newest; what is before them is counted.
        stable: leave out what changes from run to run: numbers, times, ports, process ids.
        width: in pixels.
    """
    return _drawn(trace, last=last, stable=stable, width=width)[0]


def picture_html(
    trace: Trace, feed_id: str = "", *, last: int = LAST, stable: bool = False, width: int = WIDTH
) -> str:
    """The picture as an image in HTML, which hides itself where the feed is drawn live.

    Args:
        trace: the Trace.
        feed_id: the id of the feed.
        last: as for `picture`.
        stable: as for `picture`.
        width: as for `picture`.
    """
    svg, told = _drawn(trace, last=last, stable=stable, width=width)
    data = base64.b64encode(svg.encode()).decode("ascii")
    return (
        f'<mcp-flow-still feed="{html(feed_id)}"><img class="mcp-flow-still" alt="{html(told)}" '
        f'src="data:image/svg+xml;base64,{data}"></mcp-flow-still>'
    )


def _drawn(trace: Trace, *, last: int, stable: bool, width: int) -> tuple[str, str]:
    """The picture, and what it shows in a sentence."""
    book = trace.recall(Book)
    with book.lock:
        book.refresh(trace.whole)
        shown = newest(trace, book, min(max(last, 1), _MOST), stable)
        cast = Cast(shown, book.peers(), stable)
        told = _told(shown)
        notes = [told] if not shown.rows else []
        if shown.hidden:
            notes.append(f"{count_text(shown.hidden, 'earlier event')} not shown")
        if trace.dropped:
            notes.append(f"{count_text(trace.dropped, 'older event')} dropped")
        drawing = Drawing(
            cast, book.pairing, width=max(width, _NARROWEST), stable=stable, zero_ns=trace.zero_ns
        )
        panels, by_connection = cast.panels(shown.rows, drawing.space)
        if by_connection:
            notes.append("many connections at once: sorted by connection")
        return drawing.draw(panels, "MCP message flow", told, notes), told


def _told(shown: Shown) -> str:
    """One sentence for those who do not see the picture."""
    messages = [e for row in shown.rows for e in row.events if isinstance(e, Message)]
    if not shown.rows:
        return "No messages yet."
    kinds = Counter(envelope.kind for message in messages for envelope in read(message))
    failed = sum(
        (envelope.result or {}).get("isError") is True
        for message in messages
        for envelope in read(message)
    )
    conns = list(dict.fromkeys(clean(row.session.conn, 40) for row in shown.rows))
    more = ", …" if len(conns) > _NAMED else ""
    named = ", ".join(conns[:_NAMED]) + more
    count = f"{count_text(len(messages), 'message')} on {count_text(len(conns), 'connection')}"
    told = f"Sequence diagram of {count} ({named})"
    faults = sum(isinstance(row.event, Fault) for row in shown.rows)
    for number, noun in (
        (kinds["error"] + kinds["invalid"], "error"),
        (failed, "failed tool"),
        (faults, "fault"),
    ):
        told += f", {count_text(number, noun)}" if number else ""
    if shown.hidden:
        told += f"; {count_text(shown.hidden, 'earlier event')} not shown"
    return f"{told}."
