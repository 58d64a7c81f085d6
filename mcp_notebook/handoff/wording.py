"""An export in plain words: the lines of its report, and the rows of its tables."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from mcp_notebook.runtime.servers import FIRST_SERVER

from .folder import shown_path
from .proof.plan import MAY_CHANGE
from .proof.replay import DIFFERS, EQUAL, OLDER, UNSTEADY

if TYPE_CHECKING:
    from .proof.proof import Proof
    from .report import Export, Report

SHOWN_DIFFERENCES = 6
"""So many differences of each kind are told."""

NAMED_FILES = 6
"""So many files are named; of more it is said how many."""


def tame(text: str) -> str:
    """A line in which nothing moves, hides or paints: names may be a foreign server's."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def export_lines(export: Export) -> Iterator[str]:
    """The whole report, line by line."""
    report = export.report
    yield report.summary()
    if export.path is not None:
        yield where(export)
    for heading, rows in (
        ("taken", [" ".join((f"{kind} {name}:", what)) for kind, name, what in taken_rows(report)]),
        ("refused", [" ".join(row) for row in refused_rows(report)]),
        ("from the environment", [f"{name}: {what}" for name, what in variable_rows(report)]),
        ("proof", [f"{road}: {lists}; {calls}" for road, lists, calls in proof_rows(report)]),
    ):
        if rows:
            yield heading
            yield from (f"  {row}" for row in rows)
    yield from remarks(report)


def where(export: Export) -> str:
    """The file that was written, and what was written with it; empty where nothing was."""
    if export.path is None:
        return ""
    return f"{shown_path(export.path)}{_beside(export)}"


def _beside(export: Export) -> str:
    """What was written with the file: by name where it is little."""
    if export.path is None:
        return ""
    own = export.path.as_posix()
    others = [name for name in export.report.written if not own.endswith(f"/{name}")]
    if len(others) > NAMED_FILES:
        return f" (with {len(others)} more files)"
    return f" (with {', '.join(others)})" if others else ""


def taken_rows(report: Report) -> list[tuple[str, str, str]]:
    """Of each part: its kind, its name, what it takes along."""
    rows: list[tuple[str, str, str]] = []
    for one in report.taken:
        told = [
            f"{word} {', '.join(names)}"
            for word, names in (
                ("with", one.definitions),
                ("packages", one.packages),
                ("files", one.files),
                ("variables", one.variables),
            )
            if names
        ]
        rows.append((one.kind, one.name, "; ".join(told) or "itself alone"))
    return rows


def refused_rows(report: Report) -> list[tuple[str, str, str]]:
    """Of each obstacle: the part and the names on the way, the reason, the ways out."""
    return [
        (
            " -> ".join(dict.fromkeys((one.part, *one.through))),
            one.reason,
            f"Ways out: {'; or '.join(one.ways)}" if one.ways else "",
        )
        for one in report.refused
    ]


def variable_rows(report: Report) -> list[tuple[str, str]]:
    """Each environment variable of the server, and what it stands for."""
    rows = []
    for one in report.selection.variables:
        told = [f"stands for {one.stands_for}"] if one.stands_for != one.name else []
        rows.append((one.name, ", ".join([*told, "a secret" if one.secret else "not secret"])))
    return rows


def proof_rows(report: Report) -> list[tuple[str, str, str]]:
    """Of each road: its name, what its lists came to, what its calls came to."""
    proof = report.proof
    if proof is None:
        return []
    rows = []
    for road in proof.roads:
        if road.error:
            rows.append((road.name, "failed", road.error))
            continue
        lists = "lists equal"
        if road.differences:
            n = len(road.differences)
            lists = f"{n} difference{'' if n == 1 else 's'} in the lists"
        counts = [
            f"{n} {word}" for word in (EQUAL, DIFFERS, UNSTEADY, OLDER) if (n := road.count(word))
        ]
        if failed := sum(verdict.failed for verdict in road.verdicts):
            counts[0] += f" ({failed} an error on both sides)"
        rows.append((road.name, lists, f"calls: {', '.join(counts)}" if counts else "no call"))
    return rows


def remarks(report: Report, *, stable: bool = False) -> list[str]:
    """What is to be said below the tables; ``stable`` leaves out how long it took."""
    proof = report.proof
    found = [*report.selection.remarks, *report.notes]
    if proof is not None:
        found += _of_proof(proof, report.server, stable=stable)
    return list(dict.fromkeys(found))


def _of_proof(proof: Proof, server: str, *, stable: bool) -> Iterator[str]:
    seen: set[str] = set()
    for road in proof.roads:
        for line in road.differences[:SHOWN_DIFFERENCES]:
            if line not in seen:
                seen.add(line)
                yield f"{road.name}: {line}"
        told = [verdict for verdict in road.verdicts if verdict.word == DIFFERS]
        for verdict in told[:SHOWN_DIFFERENCES]:
            line = (
                f"{verdict.call.name}: recorded {verdict.wanted!r}, the file says {verdict.got!r}"
            )
            if line not in seen:
                seen.add(line)
                yield f"{road.name}: {line}"
    if any(road.count(DIFFERS) for road in proof.roads):
        yield (
            "Was it recorded before something changed? %mcp trace --clear, and call it once more. "
            "May it be another each time? --unsteady TOOL leaves it out."
        )
    yield from _errors(proof)
    yield from _notes(proof)
    if unsteady := proof.unsteady():
        yield f"not the same twice, so not compared: {', '.join(unsteady)}"
    if older := _names(proof, OLDER):
        yield f"called before it was defined anew, so not compared: {older}. Call it once more."
    yield from _left_out(proof.plan.left_out, server)
    if proof.plan.unrecorded:
        yield f"never called, so compared by schema alone: {', '.join(proof.plan.unrecorded)}"
    made = proof.environment
    if made is not None and proof.roads and not stable:
        how = f"made by {made.tool} in {made.seconds:.0f} s" if made.made else "kept from before"
        yield f"proven in {proof.seconds:.1f} s in a clean environment, {how}"


def _left_out(left_out: Mapping[str, str], server: str) -> Iterator[str]:
    """What was not called, by the reason, and what to type so that it is."""
    for why in dict.fromkeys(left_out.values()):
        names = [name for name, told in left_out.items() if told == why]
        line = f"{', '.join(names)}: compared by schema alone; {why}"
        if why == MAY_CHANGE:
            words = [server] if server != FIRST_SERVER else []
            words += ["--replay", *names]
            line += (
                f". %mcp export {' '.join(map(shlex.quote, words))} calls them in the proof;"
                " %%mcp tool --read-only is for tools that change nothing"
            )
        yield line


def _errors(proof: Proof) -> Iterator[str]:
    """What fails in the notebook and in the file alike: equal, and of no use to anybody."""
    found: dict[str, str] = {}
    for road in proof.roads:
        for verdict in road.verdicts:
            if verdict.failed:
                found.setdefault(verdict.call.name, verdict.got)
    only = proof.only_failing()
    for name, text in list(found.items())[:SHOWN_DIFFERENCES]:
        which = "every call fails" if name in only else "a call fails"
        yield f"{name}: {which} in the notebook and in the file alike: {text}"


def _names(proof: Proof, word: str) -> str:
    found = [v.call.name for road in proof.roads for v in road.verdicts if v.word == word]
    return ", ".join(dict.fromkeys(found))


def _notes(proof: Proof) -> list[str]:
    found: dict[str, list[str]] = {}
    for road in proof.roads:
        for verdict in road.verdicts:
            if verdict.word == EQUAL and verdict.note:
                found.setdefault(verdict.note, []).append(verdict.call.name)
    return [f"{', '.join(dict.fromkeys(names))}: equal {note}" for note, names in found.items()]
