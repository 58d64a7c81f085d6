"""What each transport can do in each era, measured, and the page that says so."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_notebook.bench.checkup.checks import CHECKS
from mcp_notebook.bench.checkup.checkup import ERAS, HOLE, Checkup
from mcp_notebook.bench.checkup.holes import HOLES
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.transports import register_builtin
from mcp_notebook.transports.base import transports
from tests.structure.house import ROOT

PAGE = ROOT / "docs" / "transports.md"
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->"
WRITE = "WRITE_DOCS"
"""Set in the environment, the page is written anew instead of compared."""

COLUMNS = (
    *("list", "call", "progress", "cancel", "question", "notice", "result", "argument"),
    "concurrent",
)

register_builtin()
NAMES = [one.name for one in transports() if one.__class__.__module__.startswith("mcp_notebook.")]


class Measured:
    """The check-ups of this run, each made once."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._made: dict[str, Checkup] = {}

    def of(self, name: str) -> Checkup:
        if name not in self._made:
            self._made[name] = self._bench.probe(name)
        return self._made[name]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    with Workbench(folder=str(tmp_path_factory.mktemp("matrix"))) as bench:
        yield Measured(bench)


@pytest.mark.parametrize("name", NAMES)
def test_a_transport_does_everything_but_its_known_holes(measured: Measured, name: str) -> None:
    checkup = measured.of(name)
    assert checkup.failures == [], repr(checkup)
    holes = {(name, one.era, one.check.id) for one in checkup if one.verdict == HOLE}
    assert holes == {key for key in HOLES if key[0] == name}


def test_every_hole_is_of_something_that_is_there() -> None:
    ids = {one.id for one in CHECKS}
    wrong = [key for key in HOLES if key[0] not in NAMES or key[1] not in ERAS or key[2] not in ids]
    assert wrong == []
    assert [key for key, reason in HOLES.items() if len(reason) < 20] == []


def table(measured: Measured) -> str:
    """The matrix as the page has it."""
    titles = {one.id: one.title for one in CHECKS}
    notes: dict[str, list[str]] = {}
    rows = []
    for name in NAMES:
        for era in ERAS:
            cells = []
            for column in COLUMNS:
                one = measured.of(name)[column, era]
                if one.verdict == HOLE:
                    where = notes.setdefault(one.reason, [])
                    where.append(f"{name} {era}, {titles[column]}")
                    cells.append(f"no ({list(notes).index(one.reason) + 1})")
                else:
                    cells.append("yes" if one.ok else "fails")
            rows.append(f"| {name} | {era} | {' | '.join(cells)} |")
    head = f"| transport | era | {' | '.join(titles[c] for c in COLUMNS)} |"
    rule = "|" + " --- |" * (len(COLUMNS) + 2)
    reasons = [
        f"{number}. {reason[0].upper()}{reason[1:]}. ({'; '.join(where)}.)"
        for number, (reason, where) in enumerate(notes.items(), 1)
    ]
    others = [one.title for one in CHECKS if one.id not in COLUMNS]
    rest = f"Checked as well, and passed by all of them: {', '.join(others)}."
    numbers = {reason: number for number, reason in enumerate(notes, 1)}
    exceptions = [
        f"{name} {era}, {titles[check]} ({numbers[reason]})"
        for (name, era, check), reason in HOLES.items()
        if check not in COLUMNS
    ]
    if exceptions:
        rest += f" With the exception of {'; '.join(exceptions)}."
    return "\n".join([head, rule, *rows, "", *reasons, "", rest, ""])


def test_the_page_says_what_was_measured(measured: Measured) -> None:
    made = table(measured)
    print(made)
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    kept, _, after = rest.partition(END)
    if os.environ.get(WRITE):
        Path(PAGE).write_text(f"{before}{BEGIN}\n{made}\n{END}{after}", encoding="utf-8")
    else:
        assert kept.strip("\n") == made.strip("\n"), f"write it anew: {WRITE}=1"
