"""The notebook's side: runs an entry's cells in a real kernel, asks its server, exports it."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.handoff.corpus.entries import Entry
from tests.rigs.kernel import KernelRig

ROOT = Path(__file__).parents[3]
INSIDE = "__import__('tests.handoff.corpus.inside', fromlist=['x'])"


@dataclass(kw_only=True)
class Played:
    """What a notebook came to.

    Attributes:
        trouble: what went wrong in the notebook itself, before any export; empty as it should be.
        catalogue: what its server listed.
        answers: what each call came to.
        export: what became of the export.
        folder: where the exported files lie.
    """

    trouble: str = ""
    catalogue: dict[str, Any] = field(default_factory=dict)
    answers: list[dict[str, Any]] = field(default_factory=list)
    export: dict[str, Any] = field(default_factory=dict)
    folder: Path


class Notebooks:
    """One kernel in which entry after entry is played.

    Args:
        home: an empty folder.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self.rig = KernelRig(home / "kernel", {"PYTHONPATH": str(ROOT)})

    def stop(self) -> None:
        """End the kernel."""
        self.rig.stop()

    def play(self, entry: Entry) -> Played:
        """Run its cells, ask its server, export it; then its folder is gone."""
        folder = self._home / "notebooks" / entry.name
        played = Played(folder=self._home / "exported" / entry.name)
        for path, text in entry.get("files", {}).items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        folder.mkdir(parents=True, exist_ok=True)
        self._inside("begin", str(folder), entry.get("environment", {}))
        played.trouble = self._cells(entry)
        if not played.trouble:
            server = entry.get("server", "notebook")
            if entry.get("export", "after") == "before":
                played.export = self._export(entry, server, played)
            found = self._inside("answer", server, entry.get("calls", []))
            played.catalogue, played.answers = found["catalogue"], found["answers"]
            if not played.export:
                played.export = self._export(entry, server, played)
        # what was exported must not find anything there
        self._inside("leave")
        shutil.move(folder, self._home / "gone" / entry.name)
        return played

    def _cells(self, entry: Entry) -> str:
        answers = list(entry.get("answers", []))
        for name, source in entry.executed:
            cell = self.rig.start(source, answers, cell_id=f"{entry.name}-{name}")
            result = cell.wait()
            answers = answers[len(cell.questions) :]
            if (result.status == "error") != (name in entry.get("raises", [])):
                return f"cell {name}: {result.ename} {result.evalue}\n{result.text}"
        return ""

    def _export(self, entry: Entry, server: str, played: Played) -> dict[str, Any]:
        options = {key: entry.get(key, {}) for key in ("freeze", "replace", "env")}
        found: dict[str, Any] = self._inside("export", server, str(played.folder), options)
        return found

    def _inside(self, function: str, *arguments: Any) -> Any:
        """Call a function of ``inside`` in the kernel; its result comes back as JSON."""
        told = ", ".join(repr(one) for one in arguments)
        code = f"{INSIDE}.tell({INSIDE}.{function}, {told})"
        shown = self.rig.run(code, timeout=60)
        marked = [b for b in shown.displays if "application/x-corpus+json" in b]
        assert shown.status == "ok", f"{function}: {shown.text[-3000:]}"
        return json.loads(marked[-1]["application/x-corpus+json"])


assert sys.platform != "win32", "the nursery forks"
