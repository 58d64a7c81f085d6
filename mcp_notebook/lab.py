"""``python -m mcp_notebook lab``: JupyterLab, opened at lesson 00.

In a checkout the lessons are opened where they lie. Elsewhere the copy inside the installed package
is laid out in a folder of the reader's first. What the reader has changed there is never touched: a
record of what was laid out (:data:`RECORD`) tells a changed file from one that is merely older.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import importlib.util
import json
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent

RECORD = ".laid_out.json"
"""Beside the lessons: which bytes (SHA-256) were laid out under which name."""

LEFT_OUT = {
    "exported",
    "__pycache__",
    ".ipynb_checkpoints",
    ".mcp_progress.json",
    ".mcp_results.json",
    RECORD,
}
"""Names in a lessons folder that are traces of use, not lessons."""

MISSING_LAB = 'JupyterLab is not installed here. Type: pip install "mcp_notebook[lab,lessons]"'


@dataclass
class Layout:
    """What laying out the lessons did, by relative name."""

    written: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    """Changed by the reader, and therefore left as they are."""


def main(argv: list[str]) -> int:
    """Opens the lessons in JupyterLab and returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m mcp_notebook lab",
        # otherwise --token, meant for JupyterLab, would be read as a short --to
        allow_abbrev=False,
        description="Opens the lessons in JupyterLab, at lesson 00.",
        epilog="Everything else is given to JupyterLab, for example: --no-browser --port=8899",
    )
    parser.add_argument(
        "--to",
        metavar="DIR",
        type=Path,
        help="lay the lessons out in DIR (default: ./mcp_lessons, or the lessons of this checkout "
        "as they lie). Files you have changed there are kept.",
    )
    options, lab_arguments = parser.parse_known_args(argv)
    if importlib.util.find_spec("jupyterlab") is None:
        return _fail(MISSING_LAB)
    try:
        lessons = _prepare(options.to)
    except OSError as problem:
        return _fail(f"The lessons cannot be laid out: {problem}. Name another folder with --to.")
    jupyterlab = importlib.import_module("jupyterlab.labapp")
    jupyterlab.LabApp.launch_instance(lab_command(lessons, lab_arguments))
    return 0


def checkout_lessons() -> Path | None:
    """The lessons of the git checkout this package is imported from, or None when installed."""
    root = PACKAGE.parent
    lessons = root / "lessons"
    return lessons if lessons.is_dir() and (root / "pyproject.toml").is_file() else None


def packaged_lessons() -> Path:
    """The lessons as they came with the package; in a checkout, the checkout's own."""
    return checkout_lessons() or PACKAGE / "_lessons"


def lab_command(lessons: Path, arguments: list[str]) -> list[str]:
    """JupyterLab's arguments that open the first lesson, then the reader's own.

    A setting that the reader gives as well is left to the reader.
    """
    first = min(lessons.glob("[0-9]*.ipynb"), default=None)
    ours = {"--ServerApp.root_dir": str(lessons)}
    if first is not None:
        ours["--LabApp.default_url"] = f"/lab/tree/{first.name}"
    given = {argument.partition("=")[0] for argument in arguments}
    return [f"{name}={value}" for name, value in ours.items() if name not in given] + arguments


def lay_out(source: Path, target: Path) -> Layout:
    """Copies the lessons of `source` into `target`; what the reader changed there stays.

    Args:
        source: a folder of lessons.
        target: made if it is missing. A file in it is replaced only when it is still, byte for
            byte, what an earlier call wrote.
    """
    layout = Layout()
    record_file = target / RECORD
    record: dict[str, str] = {}
    if record_file.is_file():
        record = json.loads(record_file.read_text(encoding="utf-8"))
    for path in sorted(source.rglob("*")):
        relative = path.relative_to(source)
        if path.is_dir() or LEFT_OUT.intersection(relative.parts):
            continue
        name = relative.as_posix()
        new, copy = _digest(path), target / relative
        old = _digest(copy) if copy.is_file() else None
        if old not in {None, new, record.get(name)}:
            layout.kept.append(name)
            continue
        record[name] = new
        if old != new:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            layout.written.append(name)
    target.mkdir(parents=True, exist_ok=True)
    record_file.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return layout


def _prepare(target: Path | None) -> Path:
    """The folder to open, laid out if it has to be, with a word about it for the reader."""
    here = checkout_lessons()
    if target is None and here is not None:
        return here
    target = (target or Path("mcp_lessons")).expanduser().resolve()
    layout = lay_out(packaged_lessons(), target)
    _say(f"Lessons in {target}: {len(layout.written)} files written.")
    if layout.kept:
        _say(f"Kept, because you changed them: {', '.join(layout.kept)}.")
        _say("For a fresh copy, name another folder with --to.")
    return target


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _fail(line: str) -> int:
    sys.stderr.write(line + "\n")
    return 1
