"""The claims of the lessons, read from the ``claims.NN.toml`` files beside the notebooks."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mcp_notebook.errors import McpError, UsageError

VERDICTS: Final = ("true", "true with conditions", "false", "outdated", "not checkable")
"""What a measurement can say of a claim."""

GUESSES: Final = ("yes", "no", "depends", "unsure")
"""What a reader may guess."""

CLAIM_ID: Final = re.compile(r"S\d+")
_FILE: Final = re.compile(r"claims\.(\d\d)\.toml")
_TEXTS: Final = ("section", "claim", "because", "reference")
_KEYS: Final = {*_TEXTS, "sources", "verdict", "timing", "threshold", "negative"}

_RIGHT: Final = {
    "true": {"yes": "right", "depends": "nearly", "no": "wrong"},
    "true with conditions": {"depends": "right", "yes": "nearly", "no": "wrong"},
    "false": {"no": "right", "depends": "nearly", "yes": "wrong"},
    "outdated": {"no": "right", "depends": "nearly", "yes": "wrong"},
}


class ClaimsDamaged(McpError):
    """A file of claims cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Control:
    """What would make a claim's assertion fail.

    Attributes:
        what: the change, in words.
        replace: text that occurs in a cell of the claim.
        by: what stands there instead.
    """

    what: str
    replace: str
    by: str


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim of the articles.

    Attributes:
        id: ``S17``.
        lesson: the lesson's number, ``01``.
        section: the heading in the lesson under which it is proven.
        sources: the articles that make it.
        claim: the claim in our words.
        verdict: one of ``VERDICTS``.
        because: what was measured, and the condition.
        reference: where the specification or the SDK says so.
        timing: whether a ratio of times decides it.
        threshold: the ratio asked for, and why.
        negative: what would make the assertion fail; only timing claims have none.
    """

    id: str
    lesson: str
    section: str
    sources: tuple[str, ...]
    claim: str
    verdict: str
    because: str
    reference: str = ""
    timing: bool = False
    threshold: str = ""
    negative: Control | None = None

    def judged(self, guess: str) -> str:
        """``right``, ``nearly`` or ``wrong``; empty where a guess cannot be judged."""
        return _RIGHT.get(self.verdict, {}).get(guess, "")


def read_claims(path: Path) -> dict[str, Claim]:
    """The claims of one file, by id, in the order of the file.

    Raises:
        ClaimsDamaged: the file is no TOML, or a claim is not complete.
    """
    match = _FILE.fullmatch(path.name)
    if match is None:
        raise ClaimsDamaged(f"{path.name} is no name of a file of claims", hint="claims.01.toml")
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ClaimsDamaged(f"{path.name}: {error}", hint="Mend the file.") from None
    return {name: _claim(path.name, name, match[1], table) for name, table in tables.items()}


def _claim(file: str, name: str, lesson: str, table: Any) -> Claim:
    where = f"{file}: [{name}]"

    def wrong(what: str, hint: str = "") -> ClaimsDamaged:
        return ClaimsDamaged(f"{where} {what}", hint=hint)

    if not CLAIM_ID.fullmatch(name) or not isinstance(table, dict):
        raise wrong("is no claim.", "Each table is one claim, named like [S17].")
    if unknown := sorted(set(table) - _KEYS):
        near = difflib.get_close_matches(unknown[0], _KEYS, n=1)
        raise wrong(f"has {unknown[0]!r}.", f"Did you mean {near[0]}?" if near else "")
    for key in _TEXTS:
        _text(table, key, wrong, optional=key == "reference")
    if table.get("verdict") not in VERDICTS:
        raise wrong(f"has the verdict {table.get('verdict')!r}.", f"One of {', '.join(VERDICTS)}.")
    sources = table.get("sources")
    if not isinstance(sources, list) or not sources or not all(isinstance(s, str) for s in sources):
        raise wrong("names no sources.", 'sources = ["000", "001"]')
    timing = table.get("timing", False)
    if not isinstance(timing, bool):
        raise wrong("has a timing that is neither true nor false.", "timing = false")
    threshold = _text(table, "threshold", wrong, optional=not timing)
    negative = table.get("negative")
    return Claim(
        id=name,
        lesson=lesson,
        sources=tuple(sources),
        verdict=table["verdict"],
        timing=timing,
        threshold=threshold,
        negative=None if negative is None else _control(negative, wrong),
        **{key: table.get(key, "").strip() for key in _TEXTS},
    )


def _control(table: Any, wrong: Any) -> Control:
    keys = ("what", "replace", "with")
    if not isinstance(table, dict) or set(table) != set(keys):
        raise wrong("has a negative control that is not complete.", "It has what, replace, with.")
    for key in keys:
        if not isinstance(table[key], str):
            raise wrong(f"has a negative control whose {key} is no text.")
    if not table["replace"]:
        raise wrong("has a negative control that replaces nothing.")
    return Control(what=table["what"], replace=table["replace"], by=table["with"])


def _text(table: Mapping[str, Any], key: str, wrong: Any, *, optional: bool = False) -> str:
    found = table.get(key, "")
    if not isinstance(found, str) or (not found.strip() and not optional):
        raise wrong(f"has no {key}.", f'{key} = "..."')
    return found.strip()


class ClaimBook:
    """The claims in one folder.

    A file that cannot be read spoils no other: it is named where its claim is asked for.

    Attributes:
        folder: where the files are.
        claims: by id, lesson by lesson.
        damaged: the files that cannot be read, and why.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.claims: dict[str, Claim] = {}
        self.damaged: list[ClaimsDamaged] = []
        for path in claim_files(folder):
            try:
                for name, claim in read_claims(path).items():
                    self.claims.setdefault(name, claim)
            except ClaimsDamaged as error:
                self.damaged.append(error)

    def find(self, name: str) -> Claim:
        """The claim of this id, in either case.

        Raises:
            ClaimsDamaged: it is not there, and a file cannot be read.
            UsageError: it is not there.
        """
        found = self.claims.get(name.upper())
        if found is not None:
            return found
        if self.damaged:
            raise self.damaged[0]
        raise UsageError(f"there is no claim {name}.", hint=self._known(name))

    def of_lesson(self, number: str) -> list[Claim]:
        """The claims of one lesson, in the order of its file.

        Raises:
            ClaimsDamaged: there is none, and a file cannot be read.
            UsageError: there is none.
        """
        found = [claim for claim in self.claims.values() if claim.lesson == number]
        if not found:
            if self.damaged:
                raise self.damaged[0]
            hint = self._lessons() or self._nothing()
            raise UsageError(f"lesson {number} has no claims.", hint=hint)
        return found

    def lessons(self) -> list[str]:
        """The numbers of the lessons that have claims."""
        return list(dict.fromkeys(claim.lesson for claim in self.claims.values()))

    def _known(self, name: str) -> str:
        if not self.claims:
            return self._nothing()
        near = difflib.get_close_matches(name.upper(), self.claims, n=1, cutoff=0.7)
        if near:
            return f"Did you mean {near[0]}, of lesson {self.claims[near[0]].lesson}?"
        return self._lessons()

    def _lessons(self) -> str:
        each = (
            f"lesson {number} has {', '.join(c.id for c in self.of_lesson(number))}"
            for number in self.lessons()
        )
        told = "; ".join(each)
        return told[:1].upper() + told[1:] + "." if told else ""

    def _nothing(self) -> str:
        return f"Claims stand in claims.NN.toml beside the notebook; {self.folder} has none."


def claim_files(folder: Path) -> list[Path]:
    """The files of claims in a folder, lesson by lesson."""
    return sorted(path for path in folder.glob("claims.*.toml") if _FILE.fullmatch(path.name))
