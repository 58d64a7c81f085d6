"""Draws a picture as SVG: no script, no link, no font or image from elsewhere.

Each row is an ``<svg>`` of its own, which nothing can leave: a text of towering accents or of
letters wider than they say is cut at the row's edge.
"""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape

from mcp_notebook.show.text import clean, count_text
from mcp_notebook.trace.events import Direction, Vantage
from mcp_notebook.trace.exchange import Exchange, Pairing, Status

from .labels import Label, cut, label_of, width_of
from .lanes import Cast, Lane, Panel
from .rows import Row

ROW: Final = 28
"""How high a message is; its arrow lies at ``ARROW``."""

ARROW: Final = 20
LOW_ROW: Final = 20
"""How high everything else is."""

HEAD: Final = 62
"""How high the heads of the lanes are."""

LEFT, LEFT_STABLE, RIGHT, RIGHT_STABLE = 84, 26, 68, 60
_CHAR: Final = 6.65
"""How wide a character of a label is. Fonts differ a little, so it is taken a little wide."""

_STYLE: Final = (
    ":root{--i:#1d2430;--f:#5b6472}"
    "text{font:11px ui-monospace,SFMono-Regular,Menlo,Consolas,DejaVu Sans Mono,monospace;"
    "fill:var(--i);paint-order:stroke;stroke:#fff;stroke-width:3px;stroke-linejoin:round}"
    "text *{unicode-bidi:isolate}"
    ".s{font-family:system-ui,-apple-system,Segoe UI,DejaVu Sans,sans-serif}"
    ".n{font-weight:700}.u{font-size:10.5px;fill:var(--f)}"
    ".t,.r{font-size:10px;fill:var(--f)}.e,.r{text-anchor:end}.m{text-anchor:middle}"
    ".h,.w{font-weight:700;fill:currentColor}"
    ".i{fill:var(--f)}"
    "path,rect,circle{stroke:currentColor;fill:none;stroke-width:1.5;"
    "stroke-linecap:round;stroke-linejoin:round}"
    ".g{fill:currentColor;stroke:none}.o{fill:#fff}"
    ".d{stroke-dasharray:6 4}.p{stroke-dasharray:1 4;stroke-width:1.9}"
    ".l{stroke:#cfd5de;stroke-width:1}.k{stroke-width:1;stroke-dasharray:3 3;opacity:.6}"
    ".b{stroke-width:1;fill-opacity:.16}"
    ".request{color:#1458a8}.response{color:#23692a}.notification{color:#74207f}"
    ".error,.failed,.fault{color:#b3261e}.stderr,.legacy{color:#8a4b00}.link,.bytes,.icon"
    "{color:#5b6472}.modern{color:#23692a}"
)

_SIGNS: Final = (
    '<defs><g id="closed"><circle class="o" cy="11" r="5"/><path d="M-2.5 11h5"/></g>'
    '<g id="opened"><circle class="o" cy="11" r="5"/><path d="M-2.5 11h5M0 8.5v5"/></g></defs>'
)
_ICONS: Final = {
    "you": "M8 2.5a2.8 2.8 0 1 1 0 5.6a2.8 2.8 0 0 1 0-5.6zM2.5 14a5.5 5.5 0 0 1 11 0",
    "connection": "M2 8h12M10.5 4.5L14 8l-3.5 3.5",
    "endpoint": "M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.01M5 11h.01",
    "child": "M2.5 3.5h11v9h-11zM5 6.5l2 1.5l-2 1.5M8.5 10h2.5",
    "remote": "M8 2a6 6 0 1 1 0 12a6 6 0 0 1 0-12zM2 8h12M8 2c4 4 4 8 0 12c-4-4-4-8 0-12",
}
_ICONS["outside"] = _ICONS["remote"]


class Drawing:
    """One picture.

    Args:
        cast: who takes part.
        pairing: the exchanges.
        width: how wide the picture is.
        stable: leave out what changes from run to run.
        zero_ns: when the Trace began.
    """

    def __init__(
        self, cast: Cast, pairing: Pairing, *, width: int, stable: bool, zero_ns: int
    ) -> None:
        self._cast = cast
        self._pairing = pairing
        self._stable = stable
        self._zero_ns = zero_ns
        self._width = width
        self._left, right = (LEFT_STABLE, RIGHT_STABLE) if stable else (LEFT, RIGHT)
        self.space = width - self._left - right
        self._parts: list[str] = []
        self._y = 0.0

    def draw(self, panels: list[Panel], title: str, told: str, notes: list[str]) -> str:
        """The whole picture.

        Args:
            panels: what is drawn.
            title: what it is, in a few words.
            told: what it shows, in a sentence, for those who do not see it.
            notes: lines that stand above.
        """
        self._y = 10
        for note in notes:
            self._parts.append(_text("u s", self._left, self._y + 10, note))
            self._y += 17
        for number, panel in enumerate(panels):
            if number:
                self._parts.append(_path("l", f"M0 {self._y + 5:g}H{self._width}"))
                self._y += 10
            self._panel(panel)
        height = round(self._y + 8)
        inner = self._width - 1
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self._width}" height="{height}" '
            f'viewBox="0 0 {self._width} {height}" role="img" aria-labelledby="t d">'
            f'<title id="t">{_safe(title)}</title><desc id="d">{_safe(told)}</desc>'
            f"<style>{_STYLE}</style>{_SIGNS}"
            f'<rect class="l o" x=".5" y=".5" width="{inner}" height="{height - 1}" rx="8"/>'
            + "".join(self._parts)
            + "</svg>"
        )

    # ---- a panel -------------------------------------------------------------------------

    def _panel(self, panel: Panel) -> None:
        labels = [label_of(row, self._pairing, self._stable) for row in panel.rows]
        for lane in panel.lanes.values():
            self._head(lane)
        self._y += HEAD
        top = self._y
        tops = []
        for row in panel.rows:
            tops.append(self._y)
            self._y += _height(row)
        lines = "".join(f"M{self._x(lane)} {top:g}V{self._y:g}" for lane in panel.lanes.values())
        self._parts.append(_path("l", lines))
        self._bars(panel, labels, tops)
        for row, label, y in zip(panel.rows, labels, tops, strict=True):
            self._row(panel, row, label, y)
        self._rounds(panel, labels, tops)

    def _x(self, lane: Lane) -> float:
        return round(lane.x + self._left)

    def _head(self, lane: Lane) -> None:
        """The head of a lane, in a box that its text cannot leave."""
        name = cut(clean(lane.title, 60), int((lane.room - 18) / _CHAR))
        wide = width_of(name) * _CHAR
        x = lane.room / 2
        under = cut(clean(lane.under, 40), int(lane.room / 6))
        badge = f"{lane.era} {cut(clean(lane.revision, 20), 12)}" if lane.era else ""
        if len(badge) * 6 + 18 > lane.room:
            badge = lane.era
        tools = cut(" · ".join(lane.tools), int(lane.room / 6.1))
        parts = [
            f'<g class="icon" transform="translate({x - wide / 2 - 8:.0f} 5) scale(.8)">'
            f'<path d="{_ICONS[lane.kind]}"/></g>',
            _text("n m", x + 8, 16, name),
            _text("u s m", x, 30, under),
        ]
        if badge:
            half = len(badge) * 3 + 8
            dashed = " d" if lane.era == "legacy" else ""
            parts.append(
                f'<g class="{lane.era}"><rect class="o{dashed}" x="{x - half:g}" y="36" '
                f'width="{2 * half:g}" height="15" rx="7"/>'
                f"{_text('u s m', x, 47, badge)}</g>"
            )
        elif tools:
            parts.append(_text("t m", x, 46, tools))
        left = lane.x + self._left - lane.room / 2
        self._parts.append(
            f'<svg x="{left:g}" y="{self._y:g}" width="{lane.room:g}" height="{HEAD}">'
            + "".join(parts)
            + "</svg>"
        )

    # ---- a row ---------------------------------------------------------------------------

    def _row(self, panel: Panel, row: Row, label: Label, y: float) -> None:
        client, server = (panel.lanes[id_] for id_ in self._cast.ends(row.session))
        c, s = self._x(client), self._x(server)
        event, parts = row.event, list[str]()
        mid = ARROW if _height(row) == ROW else 11
        if label.tone == "stderr":
            parts += [_path("g", f"M{s - 5} {mid - 5}h7l3 3v7h-10z")]
            parts += [self._text(label, s, s, 15)]
        elif label.tone == "fault":
            x = min(c, s) + 12
            parts += [_path("g", f"M{x + 2:g} {mid - 8}l-6 9h4l-2 7 7-10h-4z")]
            parts += [self._text(label, x, x, 15)]
        elif label.tone == "link":
            said = self._text(label, min(c, s), max(c, s), 15)
            parts += [*_link(min(c, s), max(c, s), label), said]
        else:
            forth = getattr(event, "direction", None) is Direction.CLIENT_TO_SERVER
            x1, x2 = (c, s) if forth else (s, c)
            you = panel.lanes.get("you")
            if label.yours and you is not None and row.session.vantage is Vantage.CLIENT:
                parts += [_path("k", f"M{self._x(you) + 5:g} {mid}H{c - 5:g}")]
                parts += (
                    [_text("t", self._x(you) + 6, 11, label.cell)]
                    if label.cell and not self._stable
                    else []
                )
            parts += _arrow(label, x1, x2, mid, both=len(row.events) > 1)
            parts += [self._text(label, min(c, s), max(c, s), 11)]
        parts += self._margins(row, label)
        self._parts.append(
            f'<svg y="{y:g}" height="{_height(row)}" class="{label.tone}">'
            + "".join(parts)
            + "</svg>"
        )

    def _margins(self, row: Row, label: Label) -> list[str]:
        """The number and the time to the left, how long and how big to the right."""
        parts: list[str] = []
        if not self._stable:
            end, high = self._left - 26, _height(row) == ROW
            time = _time(row.event.time_ns - self._zero_ns) if high else ""
            below = f'<tspan x="{end}" dy="12">{time}</tspan>' if high else ""
            y = 11 if high else 15
            parts.append(f'<text class="r" x="{end}" y="{y}">{row.event.seq}{below}</text>')
        if label.took:
            parts.append(_text("e", self._width - 10, 11, label.took))
        if label.size:
            parts.append(_text("r", self._width - 10, 23, label.size))
        return parts

    def _text(self, label: Label, low: float, high: float, y: float) -> str:
        """The label, over its arrow, or where there is room beside it."""
        end = self._left + self.space
        anchored = ""
        x = low + 10
        if high - low >= 190:
            room = high - low - 18
        elif end - low < 210 and high - self._left > 230:
            anchored, x, room = " e", high - 10, high - self._left - 12
        else:
            room = end - low - 10
        bar = ""
        if label.part is not None and room > 220:
            at = x if not anchored else x - 40
            full = round(38 * label.part, 1)
            bar = (
                f'<rect class="o" x="{at:g}" y="{y - 8:g}" width="38" height="7" rx="3"/>'
                f'<rect class="g" x="{at:g}" y="{y - 8:g}" width="{full:g}" height="7" rx="3"/>'
            )
            x += 44 if not anchored else -46
            room -= 46
        cells = int(room / _CHAR)
        pieces = [("h", cut(label.head, cells))]
        cells -= width_of(pieces[0][1])
        after = [("w", label.word), ("i", label.id)]
        cells -= sum(width_of(text) + 1 for _, text in after if text)
        rest = cut(label.rest, cells - 1) if cells > 4 else ""
        pieces += [after[0], ("", rest), after[1]]
        spans = " ".join(
            f'<tspan class="{name}">{_safe(text)}</tspan>'
            if name
            else f"<tspan>{_safe(text)}</tspan>"
            for name, text in pieces
            if text
        )
        kind = f' class="{anchored.strip()}"' if anchored else ""
        return f'{bar}<text{kind} x="{x:g}" y="{y:g}">{spans}</text>'

    # ---- what ties rows together -----------------------------------------------------------

    def _bars(self, panel: Panel, labels: list[Label], tops: list[float]) -> None:
        """The time each request was open, on the lane of whoever answers."""
        at = {row.event.seq: y + ARROW for row, y in zip(panel.rows, tops, strict=True)}
        ends: dict[str, list[float]] = {}
        done: set[int] = set()
        for row, label in zip(panel.rows, labels, strict=True):
            one = label.exchange
            if one is None or one.seq in done or one.seq not in at or len(row.events) > 1:
                continue
            done.add(one.seq)
            top = at[one.seq]
            answer = one.answer
            bottom = at.get(answer.seq, self._y) if answer is not None else self._y
            client, server = self._cast.ends(row.session)
            lane = server if one.direction is Direction.CLIENT_TO_SERVER else client
            slots = ends.setdefault(lane, [])
            slot = next((i for i, end in enumerate(slots) if end < top), len(slots))
            slots[slot : slot + 1] = [bottom]
            x = self._x(panel.lanes[lane]) - 3.5 + 4 * min(slot, 3)
            self._parts.append(
                f'<g class="{_bar_tone(one)}"><rect class="b g" x="{x:g}" y="{top:g}" width="7" '
                f'height="{max(4, bottom - top):g}" rx="3" style="stroke:currentColor"/></g>'
            )

    def _rounds(self, panel: Panel, labels: list[Label], tops: list[float]) -> None:
        """A bracket beside each game of questions: the request, the questions, the retry."""
        games: dict[int, list[float]] = {}
        counts: dict[int, int] = {}
        for label, y in zip(labels, tops, strict=True):
            if label.exchange is not None and len(label.exchange.rounds) > 1:
                first = label.exchange.rounds[0]
                games.setdefault(first, []).append(y + ARROW)
                counts[first] = len(label.exchange.rounds)
        taken: list[float] = []
        for first, ys in games.items():
            top, bottom = ys[0] - 8, ys[-1] + 4
            slot = next((i for i, end in enumerate(taken) if end < top), len(taken))
            taken[slot : slot + 1] = [bottom]
            x = self._left - 4 + 5 * min(slot, 2)
            middle = (top + bottom) / 2
            self._parts.append(
                f'<g class="notification">{_path("", f"M{x + 4:g} {top:g}h-4V{bottom:g}h4")}'
                f'<g transform="translate({x - 4:g} {middle:g}) rotate(-90)">'
                f"{_text('u s m', 0, 0, count_text(counts[first], 'round'))}</g></g>"
            )


def _height(row: Row) -> int:
    return LOW_ROW if not hasattr(row.event, "direction") else ROW


def _bar_tone(exchange: Exchange) -> str:
    if exchange.status in (Status.ERROR, Status.TOOL_ERROR):
        return "failed"
    if exchange.status is Status.INPUT_REQUIRED:
        return "notification"
    return "stderr" if exchange.answer is None else "response"


def _arrow(label: Label, x1: float, x2: float, y: float, *, both: bool) -> list[str]:
    """A line and its head; the shape of the head tells what it is."""
    way = 1 if x2 > x1 else -1
    shape = {"request": "", "notification": "p", "bytes": "p"}.get(label.tone, "d")
    tip = x2 - way * 5
    line = _path(shape, f"M{x1 + way * 5:g} {y}H{tip - way * 4:g}")
    back = tip - way * 8
    if both:
        far = x1 + way * 5
        heads = f"M{back:g} {y - 4}L{tip:g} {y}L{back:g} {y + 4}"
        heads += f"M{far + way * 8:g} {y - 4}L{far:g} {y}L{far + way * 8:g} {y + 4}"
        return [line, _path("", heads)]
    if label.tone == "request":
        return [line, _path("g", f"M{tip:g} {y}L{back:g} {y - 4.5}V{y + 4.5}z")]
    if label.tone == "error":
        return [line, _path("", f"M{tip - 4 - way * 4:g} {y - 4}l8 8m0 -8l-8 8")]
    if label.tone == "failed":
        return [line, _path("g", f"M{tip:g} {y}l{-way * 6} -5l{-way * 6} 5l{way * 6} 5z")]
    if label.tone == "notification":
        return [line, f'<circle class="o" cx="{tip - way * 4:g}" cy="{y}" r="3.5"/>']
    if label.tone == "bytes":
        return [line, _path("o", f"M{tip - way * 4 - 4:g} {y - 4}h8v8h-8z")]
    return [line, _path("", f"M{back:g} {y - 4.5}L{tip:g} {y}L{back:g} {y + 4.5}")]


def _link(low: float, high: float, label: Label) -> list[str]:
    """A sign at both ends, and between them a line that leaves room for what is said."""
    text = f"{label.head} {label.rest}"
    begin = min(low + 14 + width_of(text) * _CHAR, high - 5)
    sign = "opened" if label.head == "opened" else "closed"
    return [
        _path("k", f"M{begin:.0f} 11H{high - 5:g}"),
        f'<use href="#{sign}" x="{low:g}"/><use href="#{sign}" x="{high:g}"/>',
    ]


def _time(ns: int) -> str:
    return f"{ns / 1e6:.1f} ms" if ns < 1_000_000_000 else f"{ns / 1e9:.3f} s"


def _path(kind: str, d: str) -> str:
    return f'<path class="{kind}" d="{d}"/>' if kind else f'<path d="{d}"/>'


def _text(kind: str, x: float, y: float, text: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{_safe(text)}</text>'


def _safe(text: str) -> str:
    return escape(text)
