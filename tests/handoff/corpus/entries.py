"""One entry of the corpus: the cells of a notebook, and what its export must come to.

A file in ``notebooks/`` starts with a header, TOML in comments, as scripts carry their metadata:

    # /// corpus
    # expect = "exported"
    # calls = [{ tool = "add", args = { a = 1 } }]
    # ///
    # %%
    a cell, with magics where it has some
    # %% [again]
    a cell with a name, for `order`

Keys of the header:

``expect``    ``exported``, ``refused``, or ``either``: refused for its reason, or equal
``why``       what makes the entry hard, in a sentence
``calls``     calls to compare: ``tool``, ``read`` or ``prompt``, with ``args`` and ``answer``
              and ``is``, what the notebook itself must answer
``order``     the cells as they were executed, by number from 1 or by name; each once by default
``raises``    the cells that end in an error
``answers``   what is typed where a cell asks for input
``server``    the server to export
``export``    ``before`` exports ahead of the notebook's own calls, not after them
``freeze``, ``replace``, ``env``  options of the export
``refused``   ``tool``, ``name``, ``reason`` and ``way``: texts that the refusal must hold
``absent``    texts that must not be in ``server.py``
``secrets``   texts that must be in no written file, and nowhere in the report
``present``   texts that must be in ``server.py``
``remarks``   texts that the remarks must hold
``requires``  the distributions that the file must ask for, all of them
``variables``  the variables that the server takes from its environment, all, with their values
``environment``  variables that the notebook's process has, and the server's
``files``     texts that lie beside the notebook, by relative path
``cells_of``  another entry, whose cells these are
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NOTEBOOKS = Path(__file__).parent / "notebooks"

KEYS = frozenset(re.findall(r"^``(\w+)``", __doc__, re.MULTILINE)) | {"replace", "env"}

_HEADER = re.compile(r"\A# /// corpus\n(?P<toml>(?:#.*\n)*?)# ///\n")
_CELL = re.compile(r"^# %%(?: \[(?P<name>[\w-]+)\])?[ ]*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A notebook and what is expected of its export.

    Attributes:
        name: of the file.
        cells: the cells by name, in the order of the file.
        header: the keys that are there.
    """

    name: str
    cells: dict[str, str]
    header: dict[str, Any] = field(repr=False)

    @property
    def expect(self) -> str:
        """``exported``, ``refused`` or ``either``."""
        return str(self.header["expect"])

    @property
    def executed(self) -> list[tuple[str, str]]:
        """The cells as they were run: name and source."""
        order = self.header.get("order") or list(self.cells)
        names = list(self.cells)
        chosen = [names[one - 1] if isinstance(one, int) else one for one in order]
        return [(name, self.cells[name]) for name in chosen]

    def get(self, key: str, default: Any) -> Any:
        """A key of the header."""
        return self.header.get(key, default)


def read(path: Path) -> Entry:
    """The entry in a file.

    Raises:
        ValueError: its header is none.
    """
    text = path.read_text(encoding="utf-8")
    match = _HEADER.match(text)
    if match is None:
        raise ValueError(f"{path.name} has no header")
    lines = [line.removeprefix("#").removeprefix(" ") for line in match["toml"].splitlines()]
    header = tomllib.loads("\n".join(lines))
    unknown = set(header) - KEYS
    if unknown or header.get("expect") not in ("exported", "refused", "either"):
        raise ValueError(f"{path.name}: {sorted(unknown) or header.get('expect')}")
    if "cells_of" in header:
        cells = read(path.with_name(f"{header['cells_of']}.ipy")).cells
    else:
        cells = _cells(text[match.end() :])
    return Entry(name=path.stem, cells=cells, header=header)


def _cells(text: str) -> dict[str, str]:
    marks = list(_CELL.finditer(text))
    found = {}
    for number, mark in enumerate(marks, 1):
        end = marks[number].start() if number < len(marks) else len(text)
        found[mark["name"] or str(number)] = text[mark.end() : end].strip("\n") + "\n"
    return found


def corpus() -> list[Entry]:
    """Every entry, by name."""
    return [read(path) for path in sorted(NOTEBOOKS.glob("*.ipy"))]
