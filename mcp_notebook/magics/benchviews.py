"""How comparisons of roads show themselves: readings, tables, thresholds, flips, advice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .widgets import can_show_widgets, close, show_widget

if TYPE_CHECKING:
    from mcp_notebook.bench.articles.chooser import Chooser, Recommendation
    from mcp_notebook.bench.articles.rules import Thresholds
    from mcp_notebook.bench.articles.tables import Flips, Judged, JudgedCell
    from mcp_notebook.bench.checkup.checkup import Checkup
    from mcp_notebook.bench.readings import Reading, Results
    from mcp_notebook.bench.speed import Speed
    from mcp_notebook.show.chooser import Advice, Ask
    from mcp_notebook.show.markup import Bundle
    from mcp_notebook.show.matrices import CellRow

    from .context import Context

SHOWN_BY = {
    ("mcp_notebook.bench.checkup.checkup", "Checkup"): "checkup",
    ("mcp_notebook.bench.readings", "Results"): "results",
    ("mcp_notebook.bench.articles.rules", "Thresholds"): "thresholds",
    ("mcp_notebook.bench.speed", "Speed"): "speed",
    ("mcp_notebook.bench.articles.tables", "Judged"): "judged",
    ("mcp_notebook.bench.articles.tables", "Flips"): "flips",
    ("mcp_notebook.bench.articles.chooser", "Recommendation"): "recommendation",
    ("mcp_notebook.bench.articles.chooser", "Chooser"): "chooser",
}
"""Types by module and name, and the function here that makes their bundle."""


def checkup(thing: Checkup, *, stable: bool = False) -> Bundle:
    """What the checks of a transport came to."""
    from mcp_notebook.show.checkup import checkup as drawn

    remarks = thing.remarks()
    if stable:  # where to look names events by number
        remarks = [(*remark[:4], remark[4].partition(" (events ")[0]) for remark in remarks]
    return drawn(thing.summary(), thing.eras, thing.rows(), remarks)


def speed(thing: Speed, *, stable: bool = False) -> Bundle:
    """How quick calls are: a row a transport, and the floors."""
    from mcp_notebook.show.speed import SpeedRow
    from mcp_notebook.show.speed import speed as drawn

    rows = [
        SpeedRow(
            label=pace.label,
            floor=pace.is_floor,
            standing=pace.standing,
            per_second=pace.per_second,
            p50_ns=pace.p50_ns,
            p99_ns=pace.p99_ns,
            bytes=pace.bytes,
            over=thing.over_floor(pace),
            why_not=pace.why_not,
        )
        for pace in thing
    ]
    calls = "1 call" if thing.rounds == 1 else f"{thing.rounds} calls"
    notes = [] if stable else ["bars are medians; a floor carries the same bytes without MCP"]
    return drawn(f"{thing.call}: {calls} of each, in turns", rows, notes, stable=stable)


def results(thing: Results, *, stable: bool = False) -> Bundle:
    """What probes found: a row a probe, a column a road."""
    from mcp_notebook.bench.articles.tables import measured_on
    from mcp_notebook.bench.probes import PROBES
    from mcp_notebook.bench.roads import ROADS
    from mcp_notebook.show.matrices import ProbeRow, readings

    roads = [name for name in ROADS if any(one.road == name for one in thing)]
    rows = []
    for id, probe in PROBES.items():
        found = [thing.get(id, road) for road in roads]
        if any(found):
            rows.append(
                ProbeRow(
                    id=id,
                    title=f"{probe.title}: {probe.unit}" if probe.unit else probe.title,
                    note=probe.note,
                    values=[_value(probe.shown, one) for one in found],
                    evidence=[(r.road, r.evidence or r.why_not) for r in found if r is not None],
                )
            )
    missing = sorted({f"{r.probe}: {r.why_not}" for r in thing if not r.ran})
    notes = [] if stable else [measured_on(thing)]
    return readings(roads, rows, [*notes, thing.trouble, *missing])


def _value(shown: str, reading: Reading | None) -> str:
    """A reading in a few characters, by the pattern of its probe."""
    if reading is None:
        return ""
    if not reading.ran:
        return "not here"
    if not isinstance(reading.value, dict) or not shown:
        return _word(reading.value)
    return shown.format_map(_Words(reading.value))


class _Words(dict[str, Any]):
    """Values by name as words; a name that is not there is a dash."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__({name: _word(value) for name, value in values.items()})

    def __missing__(self, name: str) -> str:
        return "-"


def _word(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def thresholds(thing: Thresholds, *, stable: bool = False) -> Bundle:
    """Where adjectives begin, and what was moved."""
    from mcp_notebook.show.matrices import limits

    del stable
    moved, told = thing.changed, thing.explained
    return limits(
        [
            (name, f"{value:g}", f"{moved[name][0]:g}" if name in moved else "", told[name])
            for name, value in vars(thing).items()
        ]
    )


def judged(thing: Judged, *, stable: bool = False) -> Bundle:
    """The articles' tables beside what was measured."""
    from mcp_notebook.show.matrices import TableRows, matrices

    notes = [] if stable else [thing.measured_on]
    moved = thing.thresholds.changed
    if moved:
        told = ", ".join(f"{name} {old:g} -> {new:g}" for name, (old, new) in moved.items())
        notes.append(f"thresholds moved: {told}")
    return matrices(
        [
            TableRows(
                title=table.matrix.title,
                columns=table.matrix.columns,
                cells=[_cell(one) for one in table.cells],
            )
            for table in thing.tables
        ],
        list(thing.counts.items()),
        notes,
    )


def _cell(one: JudgedCell) -> CellRow:
    from mcp_notebook.show.matrices import CellRow

    return CellRow(
        row=one.row,
        column=one.column,
        article=one.word,
        measured=one.measured,
        verdict=one.verdict,
        evidence=one.evidence,
        missing=one.missing,
        note=one.note,
        contradicted_by=one.contradicted_by,
    )


def flips(thing: Flips, *, stable: bool = False) -> Bundle:
    """The cells that moved thresholds changed."""
    from mcp_notebook.show.matrices import FlipRow
    from mcp_notebook.show.matrices import flips as drawn

    del stable  # nothing in it changes from run to run but the measurement itself
    return drawn(
        [
            FlipRow(
                name=one.cell.name,
                article=one.cell.word,
                before=f"{one.before.measured} ({one.before.verdict})",
                after=f"{one.after.measured} ({one.after.verdict})",
            )
            for one in thing.flips
        ],
        [(name, f"{old:g}", f"{new:g}") for name, (old, new) in thing.moved.items()],
        thing.of,
    )


def recommendation(thing: Recommendation, *, stable: bool = False) -> Bundle:
    """A road that is recommended, and why."""
    from mcp_notebook.show.chooser import advice

    del stable
    return advice(_advice(thing))


def _advice(thing: Recommendation) -> Advice:
    from mcp_notebook.show.chooser import Advice

    return Advice(
        road=thing.road,
        title=thing.title,
        standing=thing.standing,
        asked=[key for key, yes in thing.answers.items() if yes],
        reasons=[(why.text, ", ".join([*why.claims, *why.probes])) for why in thing.reasons],
        warnings=thing.warnings,
        beside=thing.beside,
    )


def chooser(thing: Chooser, *, stable: bool = False) -> Bundle:
    """The flow of a chooser, to be opened step by step without a kernel."""
    from mcp_notebook.show.chooser import decision

    del stable
    steps = []
    for step in thing.flow.steps:
        asked = dict.fromkeys((word for word in step.when if not word.startswith("!")), True)
        # a step is only reached where no earlier one fits
        given = asked if thing.flow.step(**asked) is step else {**asked, "remote": True}
        steps.append((step.text, _advice(thing.choose(**given))))
    return decision(thing.flow.title, steps, _asks(thing))


def _asks(thing: Chooser) -> list[Ask]:
    from mcp_notebook.show.chooser import Ask

    return [Ask(key=q.key, text=q.text, more=q.more) for q in thing.questions]


class ChooserPage:
    """A chooser to tick in; it lives as long as the cell that shows it.

    Args:
        context: the notebook.
        thing: the chooser.
    """

    def __init__(self, context: Context, thing: Chooser) -> None:
        from mcp_notebook.show.chooser import ChooserForm

        self._context = context
        self._thing = thing
        self._form = ChooserForm(
            _asks(thing), lambda answers: _advice(thing.choose(**dict(answers)))
        )

    def show(self) -> None:
        """Show it; where no kernel fills it, the flow stands in its place."""
        self._context.keep_form(self)
        show_widget(self._context, self._form.box, chooser(self._thing))

    def close(self) -> None:
        """End it."""
        close(self._form.box)


def show_chooser(context: Context, thing: Chooser) -> None:
    """Show a chooser to tick in, where somebody can.

    Raises:
        NotImplementedError: nobody can; IPython then shows the bundle.
    """
    if not can_show_widgets(context):
        raise NotImplementedError
    ChooserPage(context, thing).show()
