"""The lesson that this notebook is: its folder, its claims, the reader's progress."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mcp_notebook.learn.claims import GUESSES, ClaimBook, claim_files
from mcp_notebook.learn.exercise import FIRST_LINE, exercises_of, registered
from mcp_notebook.learn.progress import FILE, Progress

if TYPE_CHECKING:
    from .context import Context

LEARNING: Final = ("claim", "guess", "progress", "check", "hint")
"""The commands of lessons."""

ELSEWHERE: Final = "MCP_NOTEBOOK_PROGRESS"
"""The environment variable that names another file for the progress."""


@dataclass(frozen=True)
class ExerciseCell:
    """The cell of an exercise as it last ran.

    Attributes:
        source: its text.
        since: the number of the last event before it.
    """

    source: str
    since: int


class Lessons:
    """What the commands of lessons share.

    Attributes:
        cells: the cells of exercises that ran, by exercise.
        hinted: how many hints were told, by exercise.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._begun_in = Path.cwd()
        self.cells: dict[str, ExerciseCell] = {}
        self.hinted: dict[str, int] = {}

    @property
    def folder(self) -> Path:
        """The folder of the notebook; where no front end tells, the one the kernel began in."""
        told = os.environ.get("JPY_SESSION_NAME") or str(
            self._context.names.get("__vsc_ipynb_file__", "")
        )
        session = Path(told).parent
        if told and session.is_absolute() and claim_files(session):
            return session
        return self._begun_in

    @property
    def book(self) -> ClaimBook:
        """The claims, read anew: a file may have changed."""
        return ClaimBook(self.folder)

    @property
    def progress(self) -> Progress:
        """The reader's progress, read anew: another notebook may have written it."""
        elsewhere = os.environ.get(ELSEWHERE)
        return Progress.read(Path(elsewhere) if elsewhere else self.folder / FILE)

    def cell_begins(self, source: str) -> None:
        """Remember the cell of an exercise, and where the Trace stood."""
        match = FIRST_LINE.match(source)
        if match is not None:
            existing = self._context.magics.existing
            since = existing.trace.last_seq if existing is not None else 0
            self.cells[match[1]] = ExerciseCell(source, since)

    def completions(self, command: str, given: list[str]) -> list[str]:
        """What may stand next on the line of a command of lessons."""
        words = [word for word in given if not word.startswith("-")]
        if command == "guess" and len(words) == 1:
            return list(GUESSES)
        if words:
            return []
        book = self.book
        if command in ("claim", "guess"):
            return list(book.claims)
        if command == "progress":
            return book.lessons()
        return list(dict.fromkeys([*self.cells, *self._exercises(book), *registered()]))

    def _exercises(self, book: ClaimBook) -> list[str]:
        found: list[Any] = [id for lesson in book.lessons() for id in exercises_of(lesson)]
        return found
