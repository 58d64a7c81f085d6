"""Runs the official conformance suite and reads what it found."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from tests.peers.conftest import Peers, run

REVISIONS = ("2025-11-25", "2026-07-28")

PACKAGE = "@modelcontextprotocol/conformance"
SUITE = "dist/index.js"
ENTRY = re.compile(r"^  - (?:scenario: )?(\S+)$", re.MULTILINE)
FOLDER = re.compile(r"^(?:server-)?(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$")


@dataclass(frozen=True)
class Verdict:
    """What the suite says of one scenario.

    Attributes:
        scenario: its name.
        passed: how many checks passed.
        complaints: what the others say, warnings among them.
    """

    scenario: str
    passed: int
    complaints: tuple[str, ...]

    @property
    def held(self) -> bool:
        """Whether something was checked and nothing was found."""
        return self.passed > 0 and not self.complaints


def required(peers: Peers, revision: str, side: str) -> list[str]:
    """The scenarios that a revision requires of a ``server`` or ``client``, frozen by the suite."""
    told = (peers.modules / PACKAGE / "requirements" / f"{revision}.yaml").read_text("utf-8")
    section = told.partition(f"\n{side}:\n")[2]
    return ENTRY.findall(re.split(r"\n\w", section)[0])


def reported(peers: Peers, revision: str, side: str) -> list[str]:
    """The scenarios that a revision runs without counting them."""
    told = (peers.modules / PACKAGE / "requirements" / f"{revision}.yaml").read_text("utf-8")
    entries = told.partition("\nnot_scored:\n")[2].split("\n  - scenario: ")
    named = [entry.removeprefix("  - scenario: ").strip() for entry in entries]
    return [entry.split("\n")[0] for entry in named if f"leg: {side}" in entry]


def judge(folder: Path) -> dict[str, Verdict]:
    """Read the results in a folder, by scenario."""
    verdicts: dict[str, Verdict] = {}
    for file in sorted(folder.rglob("checks.json")):
        place = FOLDER.match(str(file.parent.relative_to(folder)))
        assert place, file
        checks = json.loads(file.read_text(encoding="utf-8"))
        good = sum(check["status"] == "SUCCESS" for check in checks)
        bad = [
            f"{check['id']}: {check.get('errorMessage') or check['description']}"
            for check in checks
            if check["status"] in ("FAILURE", "WARNING")
        ]
        verdicts[place[1]] = Verdict(place[1], good, tuple(bad))
    return verdicts


def against_server(peers: Peers, url: str, revision: str, folder: Path) -> dict[str, Verdict]:
    """Run what a revision requires of a server against a URL."""
    run(
        [
            *peers.script(PACKAGE, SUITE),
            "server",
            "--url",
            url,
            "--requirements",
            revision,
            "--output-dir",
            str(folder),
        ],
        timeout=170,
        check=False,
    )
    return judge(folder)


def against_client(
    peers: Peers, command: str, scenario: str, revision: str, folder: Path
) -> tuple[Verdict | None, str]:
    """Run one scenario against a client; its verdict, and what was said where it failed."""
    done = run(
        [
            *peers.script(PACKAGE, SUITE),
            "client",
            "--command",
            command,
            "--scenario",
            scenario,
            "--spec-version",
            revision,
            "--output-dir",
            str(folder),
        ],
        check=False,
    )
    said = f"{done.stdout}\n{done.stderr}" if done.returncode else ""
    return judge(folder).get(scenario), said
