"""Selections made by hand: cells as text, run, and what is registered of them."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mcp_notebook.handoff.script import script
from mcp_notebook.handoff.script.scopes import bound_names
from mcp_notebook.handoff.selection import Definition, Registration, Selection
from mcp_notebook.runtime.server import Kind, Part


class Notebook:
    """A few cells that were run, one after the other, and their parts."""

    def __init__(
        self, *cells: str, imports: Sequence[str] = (), environment: Mapping[str, str] = {}
    ) -> None:
        self.names = _module("cells")
        self.imports = tuple(imports)
        self.definitions: list[Definition] = []
        self.registrations: list[Registration] = []
        for line in imports:
            exec(line, self.names)
        for number, cell in enumerate(cells, 1):
            source = cell.strip("\n")
            with pytest.MonkeyPatch.context() as patch:
                for name, value in environment.items():
                    patch.setenv(name, value)
                exec(compile(source, f"<cell {number}>", "exec", dont_inherit=True), self.names)
            binds = tuple(sorted(bound_names(source)))
            self.definitions.append(Definition(binds=binds, source=source, cell=f"cell {number}"))

    def part(
        self,
        expression: str,
        *,
        kind: Kind = "tool",
        name: str = "",
        kernel: bool = False,
        **options: Any,
    ) -> Notebook:
        """Register what an expression names; returns the notebook."""
        function = eval(expression, self.names)
        part = Part(
            kind=kind,
            name=name or function.__name__,
            function=function,
            kernel=kernel,
            options=options,
        )
        self.registrations.append(Registration(part=part, expression=expression))
        return self

    def selection(self, server: str = "notebook", **fields: Any) -> Selection:
        """What leaves."""
        return Selection(
            server=server,
            imports=self.imports,
            definitions=tuple(self.definitions),
            registrations=tuple(self.registrations),
            **fields,
        )


def written(
    selection: Selection,
    folder: Path,
    *,
    extras: frozenset[str] = frozenset(),
    name: str = "server.py",
) -> Path:
    """The file of a selection, and what is shipped with it, in a folder."""
    path = folder / name
    path.write_text(script(selection, extras=extras), encoding="utf-8")
    for one in selection.files:
        target = folder / one.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(one.content)
    return path


def loaded(path: Path) -> dict[str, Any]:
    """The names of a written file, run in this process as an import would."""
    names = _module("server", file=str(path))
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec", dont_inherit=True), names)
    return names


def _module(name: str, *, file: str = "") -> dict[str, Any]:
    """The names of a new module that is found under its name, as pydantic asks for."""
    module = ModuleType(f"{name}_{next(_numbers)}")
    module.__file__ = file
    sys.modules[module.__name__] = module
    return vars(module)


_numbers = itertools.count()
