"""A notebook without a kernel: cells run, a selection is made, its source runs alone."""

from __future__ import annotations

import contextlib
import re
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mcp_notebook.handoff.reach import Cells, gather
from mcp_notebook.handoff.reach.cells import python_of
from mcp_notebook.handoff.selection import Selection
from mcp_notebook.runtime.server import NotebookServer
from mcp_notebook.runtime.workbench import Workbench

_HEAD = re.compile(r"%%mcp (tool|resource|prompt)\s*(\S*)")


class Stage:
    """Runs cells as a kernel does: one namespace, a history, ``%%mcp`` and ``%mcp add``."""

    def __init__(self, bench: Workbench, folder: Path) -> None:
        self.bench = bench
        self.folder = folder
        self.module = types.ModuleType("__main__")
        self.names = self.module.__dict__
        self.sources = [""]
        self.unfinished: set[int] = set()
        self.names["wb"] = bench

    @property
    def server(self) -> NotebookServer:
        return self.bench.servers.served()

    def run(self, *cells: str) -> None:
        """Run cells; one that raises ends there, and the next runs."""
        for cell in cells:
            self.sources.append(cell)
            number = len(self.sources) - 1
            try:
                self._run(cell, number)
            except Exception:
                self.unfinished.add(number)

    def _run(self, cell: str, number: int) -> None:
        head = _HEAD.match(cell)
        body = "\n" + cell.partition("\n")[2] if head else cell
        before = dict(self.names)
        plain, magics = python_of(body)
        exec(compile(plain, f"<cell {number}>", "exec", dont_inherit=True), self.names)
        if head:
            new = [n for n, v in self.names.items() if before.get(n) is not v and _public(n, v)]
            for name in new:
                if head[1] == "resource":
                    self.bench.resource(head[2])(self.names[name])
                else:
                    getattr(self.bench, head[1])(self.names[name])
        for line in magics:
            if line.startswith("%mcp add"):
                for name in line.split()[2:]:
                    self.bench.tool(self.names[name])

    def gather(self, **options: Any) -> Selection:
        cells = Cells.of(self.sources, unfinished=self.unfinished)
        return gather(self.server, self.names, cells=cells, folder=self.folder, **options)


def _public(name: str, value: Any) -> bool:
    return isinstance(value, types.FunctionType) and not name.startswith("_")


def source_of(selection: Selection) -> str:
    """The selection as a file would hold it."""
    return "\n\n".join([*selection.imports, *(d.source for d in selection.definitions)]) + "\n"


@contextlib.contextmanager
def main_is(module: types.ModuleType) -> Iterator[None]:
    """Let a module be ``__main__``, where classes and annotations look for their names."""
    before = sys.modules["__main__"]
    sys.modules["__main__"] = module
    try:
        yield
    finally:
        sys.modules["__main__"] = before


def alone(selection: Selection) -> dict[str, Any]:
    """Run the source of a selection in a namespace of its own."""
    module = types.ModuleType("__main__")
    with main_is(module):
        exec(compile(source_of(selection), "<file>", "exec", dont_inherit=True), module.__dict__)
    return module.__dict__


def called(names: Mapping[str, Any], calls: Sequence[str]) -> list[str]:
    """What calls give, as text."""
    found = []
    for call in calls:
        try:
            found.append(repr(eval(call, dict(names))))
        except Exception as error:
            found.append(f"{type(error).__name__}: {error}")
    return found
