"""The contract of a server: what its clients rely on, kept beside the exported file, compared.

It is kept as a file and not read by starting the server: so that it can be compared without an
environment, without the server's secrets, and in any tool that compares text files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mcp_notebook.errors import UsageError

from .catalogue import KINDS, Catalogue
from .schemas import LESS, MORE, OTHER, WORDS, Shift, shifts

SUFFIX: Final = ".contract.json"
FORMAT: Final = 1

BREAKING, ADDED, WORDING = "breaking", "added", "wording"
"""What a change means to a client that was written before: it may fail, it may use more, or
only what a model reads is another."""

_RANK: Final = (BREAKING, ADDED, WORDING)
_LOST_HINTS: Final = (("readOnlyHint", True), ("idempotentHint", True), ("destructiveHint", False))


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change of a contract.

    Attributes:
        kind: ``tool``, ``resource``, ``template``, ``prompt`` or ``server``.
        name: which.
        says: what changed.
        means: ``breaking``, ``added`` or ``wording``.
    """

    kind: str
    name: str
    says: str
    means: str


@dataclass(frozen=True, kw_only=True)
class Diff:
    """What changed in a contract; iterable, the breaking changes first.

    Attributes:
        old: what it was compared with, for people.
        new: what was compared.
        changes: each change.
        remarks: what the reader should know besides.
    """

    old: str
    new: str
    changes: tuple[Change, ...]
    remarks: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Change]:
        return iter(self.changes)

    def __len__(self) -> int:
        return len(self.changes)

    @property
    def breaking(self) -> list[Change]:
        """The changes that may make a client fail."""
        return [one for one in self.changes if one.means == BREAKING]

    @property
    def ok(self) -> bool:
        """Whether every client that worked still works."""
        return not self.breaking

    def summary(self) -> str:
        """One line."""
        if not self.changes:
            return f"{self.new}: the same contract as {self.old}"
        return f"{self.new} since {self.old}: {counted(self.changes)}"

    def __repr__(self) -> str:
        from .wording import tame

        rows = [f"  {c.means:8}  {c.kind} {c.name}: {c.says}" for c in self.changes]
        return "\n".join(map(tame, [self.summary(), *rows, *self.remarks]))


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A contract that is kept beside an exported file.

    Attributes:
        catalogue: what the server offered.
        written: the files of that export and the digest of each.
    """

    catalogue: Catalogue
    written: Mapping[str, str] = field(default_factory=dict)

    def to_text(self) -> str:
        """It as a file holds it."""
        data = {
            "format": FORMAT,
            "about": "What this server offers. %mcp diff compares it, %mcp export renews it.",
            "written": dict(sorted(self.written.items())),
            **self.catalogue.to_json(),
        }
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def counted(changes: Collection[Change]) -> str:
    """How many changes there are of each kind: ``2 breaking, 1 added``."""
    counts = ((sum(one.means == word for one in changes), word) for word in _RANK)
    return ", ".join(f"{n} {word}" for n, word in counts if n)


def contract_file(script: Path) -> Path:
    """Where the contract of a file is kept."""
    return script.with_name(script.stem + SUFFIX)


def digest(content: bytes) -> str:
    """What tells whether a file is still the one that was written."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def read_contract(path: Path) -> Kept | None:
    """A contract that is kept; ``None`` where there is none.

    Raises:
        UsageError: the file cannot be read as one.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path.name} cannot be read: {error}.") from None
    try:
        data = json.loads(text)
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise ValueError(f"its format is not {FORMAT}")
        written = data.get("written", {})
        if not isinstance(written, dict):
            raise ValueError("it does not say what was written")
        return Kept(
            catalogue=Catalogue.from_json(data),
            written={str(name): str(told) for name, told in written.items()},
        )
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{path.name} is no contract: {error}.", hint="%mcp export writes it anew."
        ) from None


def compare(old: Catalogue, new: Catalogue) -> tuple[Change, ...]:
    """What changed for the clients of a server, the breaking changes first."""
    found: list[Change] = []
    for kind in KINDS:
        before, now = old.of(kind), new.of(kind)
        for name in before:
            if name not in now:
                found.append(Change(kind=kind, name=name, says="is gone", means=BREAKING))
            else:
                found += _changes(kind, name, before[name], now[name])
        found += [
            Change(kind=kind, name=name, says="is new", means=ADDED)
            for name in now
            if name not in before
        ]
    if old.instructions != new.instructions:
        found.append(
            Change(kind="server", name=new.server, says="other instructions", means=WORDING)
        )
    return tuple(sorted(found, key=lambda one: _RANK.index(one.means)))


def _changes(kind: str, name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    def change(says: str, means: str) -> Change:
        return Change(kind=kind, name=name, says=says, means=means)

    found = [
        change(f"other {key}", WORDING)
        for key in ("title", "description")
        if old.get(key) != new.get(key)
    ]
    if kind == "tool":
        taken = shifts(old.get("inputSchema") or {}, new.get("inputSchema") or {})
        found += [change(*_of_input(shift)) for shift in taken]
        found += [change(*told) for told in _outputs(old, new)]
        found += [change(*told) for told in _hints(old, new)]
    elif kind == "prompt":
        found += [change(*told) for told in _arguments(old, new)]
    elif old.get("mimeType") != new.get("mimeType"):
        found.append(change(f"type: {old.get('mimeType')} -> {new.get('mimeType')}", BREAKING))
    return found


def _of_input(shift: Shift) -> tuple[str, str]:
    """A change of what a tool takes: who sends is broken where less fits."""
    subject = f"argument {shift.place}" if shift.place else "arguments"
    means = {LESS: BREAKING, OTHER: BREAKING, MORE: ADDED, WORDS: WORDING}[shift.way]
    return f"{subject} {shift.says}", means


def _outputs(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Changes of what a tool gives: who receives is broken where more may come."""
    before, now = old.get("outputSchema"), new.get("outputSchema")
    if before is None and now is None:
        return
    if before is None:
        yield "its result has a schema now", ADDED
        return
    if now is None:
        yield "its result has no schema any more", BREAKING
        return
    for shift in shifts(before, now):
        subject = f"result {shift.place}" if shift.place else "result"
        means = {LESS: ADDED, OTHER: BREAKING, MORE: BREAKING, WORDS: WORDING}[shift.way]
        if shift.says.startswith("is new"):
            means = ADDED  # who receives an object may ignore what it does not know
        yield f"{subject} {shift.says}", means


def _hints(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Changes of what a tool says of itself: hosts ask before some and not before others."""
    before, now = old.get("annotations") or {}, new.get("annotations") or {}
    promises = dict(_LOST_HINTS)
    for key in dict.fromkeys([*before, *now]):
        if before.get(key) == now.get(key) or key == "title":
            continue
        lost = key in promises and before.get(key) is promises[key]
        says = f"{key}: {_told(before, key)} -> {_told(now, key)}"
        yield says, BREAKING if lost else WORDING


def _told(hints: Mapping[str, Any], key: str) -> str:
    return json.dumps(hints[key]) if key in hints else "none"


def _arguments(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    before = {one.get("name"): one for one in old.get("arguments") or ()}
    now = {one.get("name"): one for one in new.get("arguments") or ()}
    for name, one in before.items():
        if name not in now:
            yield f"argument {name} is gone", BREAKING
        elif now[name].get("required") and not one.get("required"):
            yield f"argument {name} is required now", BREAKING
        elif one.get("required") and not now[name].get("required"):
            yield f"argument {name} is optional now", ADDED
        elif one.get("description") != now[name].get("description"):
            yield f"argument {name}: other description", WORDING
    for name, one in now.items():
        if name not in before:
            required = one.get("required")
            says = "is new and required" if required else "is new"
            yield f"argument {name} {says}", BREAKING if required else ADDED
