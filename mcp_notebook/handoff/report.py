"""What an export came to: what was taken, what was refused, and the proof."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .proof.proof import Proof
from .selection import Obstacle, Selection
from .taken import Taken, taken


@dataclass(frozen=True, kw_only=True)
class Report:
    """What an export came to.

    Attributes:
        server: the server's name in the notebook.
        selection: what leaves the notebook.
        written: the files that were written, relative to the folder.
        copies: copies of files that were overwritten and had been changed.
        proof: what the proof came to; ``None`` where none was asked for.
        breaks: how many changes since the last export may make a client fail.
        notes: what the reader should know besides.
    """

    server: str
    selection: Selection
    written: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    proof: Proof | None = None
    breaks: int = 0
    notes: tuple[str, ...] = ()

    @property
    def refused(self) -> tuple[Obstacle, ...]:
        """What cannot leave the notebook."""
        return self.selection.obstacles

    @property
    def taken(self) -> list[Taken]:
        """What each tool, resource and prompt takes along."""
        return taken(self.selection)

    @property
    def ok(self) -> bool:
        """Whether it was written, and the proof says nothing else."""
        return bool(self.written) and (self.proof is None or self.proof.ok)

    def __repr__(self) -> str:
        return self.summary()

    def summary(self) -> str:
        """One line."""
        if self.refused:
            parts = len({one.part for one in self.refused})
            which = "1 part" if parts == 1 else f"{parts} parts"
            return f"{self.server}: not exported; {which} cannot leave the notebook as it is"
        count = len(self.selection.registrations)
        told = f"{self.server}: {count} part{'' if count == 1 else 's'} exported"
        return f"{told}{self._proven()}{self._broken()}"

    def _broken(self) -> str:
        if not self.breaks:
            return ""
        changes = "change" if self.breaks == 1 else "changes"
        return f"; {self.breaks} breaking {changes} since the last export"

    def _proven(self) -> str:
        """What the proof says, behind the number of parts."""
        if self.proof is None:
            return ", not proven"
        if self.proof.why_not:
            return f", not proven: {self.proof.why_not}"
        if not self.proof.ok:
            return ", but not proven equal"
        tools = {one.part.name for one in self.selection.registrations if one.part.kind == "tool"}
        called = tools.intersection(self.proof.compared())
        if not tools:
            return ", proven equal" if self.proof.plan.calls else ", lists proven equal"
        failing = called.intersection(self.proof.only_failing())
        what = "proven equal" if called - failing else "lists proven equal"
        told = f", {what}; {len(called)} of {len(tools)} tool{'s' * (len(tools) > 1)} called"
        return f"{told}, {len(failing)} with nothing but errors" if failing else told


@dataclass(frozen=True, kw_only=True)
class Export:
    """An exported server.

    Attributes:
        path: the file; ``None`` where nothing was written.
        report: what was taken, what was refused, the proof.
    """

    path: Path | None
    report: Report = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether it was written, and proven where a proof was asked for."""
        return self.report.ok

    def __repr__(self) -> str:
        from .wording import export_lines, tame

        return "\n".join(map(tame, export_lines(self)))
