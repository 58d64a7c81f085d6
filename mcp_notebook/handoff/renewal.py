"""What an export does to an earlier one in the same folder: what breaks, and what it leaves."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from .catalogue import Catalogue
from .contract import BREAKING, Change, compare, counted
from .folder import Folder
from .script.text import NEEDED_BY

NAMED: Final = 8
"""So many names are told; of more it is said how many."""

_MADE_BY: Final = {"pyproject.toml": "--package", "Dockerfile": "--docker"}
_REQUIREMENTS: Final = ("pyproject.toml", "requirements.txt")


@dataclass(frozen=True, kw_only=True)
class Renewal:
    """What became of an earlier export.

    Attributes:
        changes: of the contract, the breaking ones first.
        stale: files of it that are still there, and are not written now.
        command: what writes those anew; empty where nothing does.
    """

    changes: tuple[Change, ...] = ()
    stale: tuple[str, ...] = ()
    command: str = ""

    @property
    def breaks(self) -> int:
        """How many changes may make a client fail."""
        return sum(one.means == BREAKING for one in self.changes)

    def lines(self) -> list[str]:
        """What the reader of the report should know of it."""
        found = []
        if self.breaks:
            gone = [one.name for one in self.changes if one.says == "is gone"]
            lost = f"; gone: {_some(gone)}" if gone else ""
            found.append(f"since the last export: {counted(self.changes)}{lost}")
        if self.stale:
            how = f"{self.command} writes them anew" if self.command else "delete what is not used"
            found.append(f"of an earlier export, and not written now: {_some(self.stale)}; {how}")
        return found


def renewal(
    folder: Folder,
    files: Collection[PurePosixPath],
    expected: Catalogue,
    *,
    server: str = "",
    path: str | None = None,
    options: Sequence[str] = (),
    extras: Collection[str] = (),
) -> Renewal:
    """What an export will do to an earlier one; to be asked before it is written.

    Args:
        folder: where it goes.
        files: what it writes.
        expected: what the server offers now.
        server: the word that names the server in a command; none for the notebook's.
        path: what was said with ``-o``.
        options: ``--package``, ``--docker``, as they were given.
        extras: as they were given.
    """
    if folder.kept is None:
        return Renewal()
    written = {str(name) for name in files}
    stale = [
        name
        for name in folder.kept.written
        if name not in written and (folder.root / name).is_file()
    ]
    more = [option for name, option in _MADE_BY.items() if name in stale]
    command = ""
    if more:
        given = [word for word in _MADE_BY.values() if word in {*options, *more}]
        code = [one for one in NEEDED_BY if one in extras or _needs(folder.root, stale, one)]
        words = ["%mcp export", *([shlex.quote(server)] if server else [])]
        words += ["-o", shlex.quote(path)] if path else []
        words += given
        words += ["--with", ",".join(sorted(code))] if code else []
        command = " ".join(words)
    return Renewal(
        changes=compare(folder.kept.catalogue, expected), stale=tuple(stale), command=command
    )


def _needs(root: Path, stale: Collection[str], extra: str) -> bool:
    """Whether the requirements of the earlier export name what an extra needs."""
    for name in _REQUIREMENTS:
        if name in stale:
            text = (root / name).read_text(encoding="utf-8", errors="replace")
            if NEEDED_BY[extra] in text:
                return True
    return False


def _some(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
