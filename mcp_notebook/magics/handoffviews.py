"""How an export, a comparison of contracts and an import show themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_notebook.handoff.contract import Diff
    from mcp_notebook.handoff.fromfile import Imported
    from mcp_notebook.handoff.report import Export
    from mcp_notebook.show.markup import Bundle

SHOWN_BY = {
    ("mcp_notebook.handoff.contract", "Diff"): "diff",
    ("mcp_notebook.handoff.fromfile", "Imported"): "imported",
    ("mcp_notebook.handoff.report", "Export"): "export",
}
"""Types by module and name, and the function here that makes their bundle."""


def export(thing: Export, *, stable: bool = False) -> Bundle:
    """What was taken, what comes from the environment, what was refused, and the proof."""
    from mcp_notebook.handoff import wording
    from mcp_notebook.show.handoff import Table, tables

    report = thing.report
    return tables(
        report.summary(),
        ok=thing.ok,
        path=wording.where(thing),
        told=[
            Table(
                title="refused",
                head=("what reaches what", "why", "ways out"),
                rows=wording.refused_rows(report),
                bad=True,
            ),
            Table(
                title="taken",
                head=("", "part", "takes along"),
                rows=wording.taken_rows(report),
            ),
            Table(
                title="from the environment",
                head=("variable", "what it is"),
                rows=wording.variable_rows(report),
            ),
            Table(
                title="proof",
                head=("over", "what it offers", "calls of the notebook, made again"),
                rows=wording.proof_rows(report),
            ),
        ],
        remarks=wording.remarks(report, stable=stable),
    )


def diff(thing: Diff, *, stable: bool = False) -> Bundle:
    """Each change, the breaking ones first."""
    from mcp_notebook.show.handoff import Table, tables

    del stable
    rows = [(one.means, one.kind, one.name, one.says) for one in thing]
    head = ("", "kind", "name", "what changed")
    return tables(
        thing.summary(),
        ok=thing.ok,
        told=[Table(title="changes", head=head, rows=rows, bad=not thing.ok)],
        remarks=thing.remarks,
    )


def imported(thing: Imported, *, stable: bool = False) -> Bundle:
    """The parts of a file, and the text of the cell."""
    from mcp_notebook.handoff.ascells import named
    from mcp_notebook.show.handoff import imported as drawn

    del stable
    rows = [(part.kind, named(part), str(part.line)) for part in thing.parts]
    return drawn(thing.summary(), rows, thing.remarks, thing.cell)
