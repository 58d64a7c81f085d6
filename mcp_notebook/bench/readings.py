"""What probes found, in a JSON file beside the notebook.

The file may have been written by anybody: what does not look like a reading is left out. It
names the machine by what decides a measurement (cores, versions), not by its name or its user.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from mcp_notebook.trace.wholefile import write_whole

FILE: Final = ".mcp_results.json"
VERSION: Final = 1
LONGEST: Final = 400
"""Characters of a text that are kept."""

MOST: Final = 2000
"""Readings that are taken from a file."""

_NAME: Final = re.compile(r"[A-Za-z][\w.-]{0,40}")
_KEYS_MOST: Final = 40

Scalar = bool | int | float | str | None
Value = Scalar | dict[str, Scalar]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one probe found on one road.

    Attributes:
        probe: the probe's id.
        road: the road's name.
        value: what was measured: a number, a word, yes or no, or several of them by name.
        evidence: one sentence that says what was seen.
        why_not: why it could not be measured here; empty where it was.
        at: when, in UTC.
        seconds: how long it took.
    """

    probe: str
    road: str
    value: Value = None
    evidence: str = ""
    why_not: str = ""
    at: str = ""
    seconds: float = 0.0

    @property
    def ran(self) -> bool:
        """Whether something was measured."""
        return not self.why_not

    def __getitem__(self, name: str) -> Scalar:
        """One of several values; ``None`` where there is none of that name."""
        return self.value.get(name) if isinstance(self.value, dict) else None

    def number(self, name: str = "") -> float | None:
        """The value, or one of several, where it is a number."""
        found = self[name] if name else self.value
        if isinstance(found, bool) or not isinstance(found, int | float):
            return None
        return float(found)


def machine_facts() -> dict[str, Scalar]:
    """What decides a measurement: no name of the machine, of its user or of a folder."""
    return {
        "cores": os.cpu_count() or 0,
        "system": platform.system(),
        "python": platform.python_version(),
        "mcp": _version("mcp"),
        "mcp_notebook": _version("mcp-notebook"),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def now() -> str:
    """The time as a reading keeps it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Results:
    """The readings of one folder.

    Attributes:
        path: the file; ``None`` keeps them in memory alone.
        machine: facts of the machine that measured.
        trouble: why the file could not be read or written; empty where it could.
    """

    path: Path | None = None
    machine: dict[str, Scalar] = field(default_factory=machine_facts)
    trouble: str = ""
    _readings: dict[tuple[str, str], Reading] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Results:
        """What the file holds; a damaged one is put aside and a new one begun."""
        results = cls(path)
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return results
        except OSError as error:
            results.trouble = f"{path.name} cannot be read: {error.strerror or error}"
            return results
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, dict) or data.get("version") != VERSION:
            aside = path.with_name(path.name + ".damaged")
            results.trouble = f"{path.name} could not be understood; a new one is begun"
            with contextlib.suppress(OSError):
                path.replace(aside)
                results.trouble += f", the old one is {aside.name}"
            return results
        machine = _several(data.get("machine"))
        if machine:
            results.machine = machine
        listed = data.get("readings")
        for entry in listed[:MOST] if isinstance(listed, list) else ():
            if (reading := _reading(entry)) is not None:
                results.put(reading)
        return results

    def __len__(self) -> int:
        return len(self._readings)

    def __iter__(self) -> Iterator[Reading]:
        return iter(self._readings.values())

    def __repr__(self) -> str:
        ran = sum(reading.ran for reading in self)
        dates = sorted(reading.at[:10] for reading in self if reading.at)
        when = f", measured {dates[0]}" if dates else ""
        if dates and dates[-1] != dates[0]:
            when += f" to {dates[-1]}"
        return f"<results: {ran} of {len(self)} readings measured here{when}>"

    def get(self, probe: str, road: str) -> Reading | None:
        """One reading."""
        return self._readings.get((probe, road))

    def put(self, reading: Reading) -> None:
        """Keep a reading; an older one of the same probe and road goes."""
        self._readings[reading.probe, reading.road] = reading

    def missing(self, probes: Iterable[str], roads: Iterable[str]) -> list[tuple[str, str]]:
        """The pairs of probe and road without a reading.

        What could not be measured counts as missing: the program may be installed by now.
        """
        roads = list(roads)
        pairs = [(probe, road) for probe in probes for road in roads]
        return [pair for pair in pairs if pair not in self._readings or self._failed(pair)]

    def _failed(self, pair: tuple[str, str]) -> bool:
        return not self._readings[pair].ran

    def write(self) -> None:
        """Write the file, all of it or nothing; where that cannot be, ``trouble`` says why."""
        if self.path is None:
            return
        data = {
            "version": VERSION,
            "machine": self.machine,
            "readings": [_plain(reading) for reading in self],
        }
        try:
            write_whole(self.path, json.dumps(data, indent=1) + "\n")
        except OSError as error:
            self.trouble = f"{self.path.name} cannot be written: {error.strerror or error}"


def _plain(reading: Reading) -> dict[str, Any]:
    return {name: value for name, value in vars(reading).items() if value not in ("", None)}


def _reading(entry: Any) -> Reading | None:
    """A reading of the file, or ``None`` where the entry is none."""
    if not isinstance(entry, dict):
        return None
    probe, road, seconds = entry.get("probe"), entry.get("road"), _scalar(entry.get("seconds"))
    if not (isinstance(probe, str) and isinstance(road, str)):
        return None
    if not (_NAME.fullmatch(probe) and _NAME.fullmatch(road)):
        return None
    value = entry.get("value")
    return Reading(
        probe=probe,
        road=road,
        value=_several(value) if isinstance(value, dict) else _scalar(value),
        evidence=_text(entry.get("evidence")),
        why_not=_text(entry.get("why_not")),
        at=_text(entry.get("at"))[:20],
        seconds=float(seconds) if isinstance(seconds, int | float) else 0.0,
    )


def _several(table: Any) -> dict[str, Scalar]:
    if not isinstance(table, Mapping):
        return {}
    kept = [(k, v) for k, v in table.items() if isinstance(k, str) and _NAME.fullmatch(k)]
    return {name: _scalar(value) for name, value in kept[:_KEYS_MOST]}


def _scalar(value: Any) -> Scalar:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 10**15 else None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return _text(value) or None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    return value if len(value) <= LONGEST else value[: LONGEST - 1] + "…"
