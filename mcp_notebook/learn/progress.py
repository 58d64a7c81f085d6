"""What a reader guessed and measured: a JSON file beside the notebook.

The file may have been written by anybody: what does not look like progress is left out.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from mcp_notebook.trace.wholefile import write_whole

from .claims import CLAIM_ID, GUESSES

FILE: Final = ".mcp_progress.json"
VERSION: Final = 1
LONGEST: Final = 300
"""Characters of a text that are kept."""

OUTCOMES: Final = ("held", "failed", "missing")
"""Whether the assertions of a claim's cells held, or a program that they need is missing."""


@dataclass
class ClaimRecord:
    """What became of one claim.

    Attributes:
        guess: one of ``GUESSES``, or empty.
        outcome: one of ``OUTCOMES``, or empty where nothing was measured.
        measured: what was measured, or why the measurement failed.
    """

    guess: str = ""
    outcome: str = ""
    measured: str = ""


@dataclass
class ExerciseRecord:
    """What became of one exercise.

    Attributes:
        passed: whether its check passed once.
        tries: how often it was checked until then.
    """

    passed: bool = False
    tries: int = 0


@dataclass
class Progress:
    """The progress of one reader in one folder.

    Attributes:
        path: the file.
        trouble: why the file could not be read or written; empty where it could.
    """

    path: Path
    claims: dict[str, ClaimRecord] = field(default_factory=dict)
    exercises: dict[str, ExerciseRecord] = field(default_factory=dict)
    trouble: str = ""

    @classmethod
    def read(cls, path: Path) -> Progress:
        """What the file holds; a damaged one is put aside and a new one begun."""
        progress = cls(path)
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return progress
        except OSError as error:
            progress.trouble = f"{path.name} cannot be read: {error.strerror or error}"
            return progress
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, dict) or data.get("version") != VERSION:
            aside = path.with_name(path.name + ".damaged")
            progress.trouble = f"{path.name} could not be understood; a new one is begun"
            with contextlib.suppress(OSError):
                path.replace(aside)
                progress.trouble += f", the old one is {aside.name}"
            return progress
        for name, entry in _entries(data.get("claims")):
            if CLAIM_ID.fullmatch(name):
                progress.claims[name] = ClaimRecord(
                    guess=_one_of(entry.get("guess"), GUESSES),
                    outcome=_one_of(entry.get("outcome"), OUTCOMES),
                    measured=_text(entry.get("measured")),
                )
        for name, entry in _entries(data.get("exercises")):
            tries = entry.get("tries")
            progress.exercises[name] = ExerciseRecord(
                passed=entry.get("passed") is True,
                tries=tries if isinstance(tries, int) and 0 <= tries < 10**6 else 0,
            )
        return progress

    def guess(self, claim: str, guess: str) -> None:
        """Note a guess."""
        self.claims.setdefault(claim, ClaimRecord()).guess = guess

    def measure(self, claim: str, outcome: str, measured: str) -> None:
        """Note what was measured."""
        record = self.claims.setdefault(claim, ClaimRecord())
        record.outcome, record.measured = outcome, _text(measured)

    def check(self, exercise: str, passed: bool) -> None:
        """Note the verdict on an exercise; what once passed stays so."""
        record = self.exercises.setdefault(exercise, ExerciseRecord())
        if not record.passed:
            record.tries += 1
        record.passed = record.passed or passed

    def write(self) -> None:
        """Write the file, all of it or nothing; where that cannot be, ``trouble`` says why."""
        data = {
            "version": VERSION,
            "claims": {name: asdict(record) for name, record in sorted(self.claims.items())},
            "exercises": {name: asdict(record) for name, record in sorted(self.exercises.items())},
        }
        text = json.dumps(data, indent=1) + "\n"
        try:
            write_whole(self.path, text)
        except OSError as error:
            self.trouble = f"{self.path.name} cannot be written: {error.strerror or error}"


def _entries(table: Any) -> list[tuple[str, dict[str, Any]]]:
    if not isinstance(table, dict):
        return []
    return [(name, entry) for name, entry in table.items() if isinstance(entry, dict)]


def _one_of(value: Any, known: tuple[str, ...]) -> str:
    return value if isinstance(value, str) and value in known else ""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    return value if len(value) <= LONGEST else value[: LONGEST - 1] + "…"
