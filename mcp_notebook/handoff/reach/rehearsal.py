"""Tries the taken source in a namespace of its own, and compares what comes out.

Nothing is tried that does something to the world outside. The rest runs as it would in the
file, so that what it makes can be laid beside what the notebook holds.
"""

from __future__ import annotations
import __future__

import builtins
import contextlib
import inspect
import io
import os
import random
import sys
import types
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mcp.server.mcpserver.tools import Tool

from mcp_notebook.handoff.selection import Registration, Variable
from mcp_notebook.runtime import sdk

from .cells import parse
from .likeness import REHEARSED, Likeness
from .limits import TooLongError, limited
from .node import Node, Piece, Trouble
from .notebook import Notebook
from .order import ordered
from .quiet import loud


class Rehearsal:
    """The source of some names, run in a module of its own.

    Args:
        nodes: what the names come to.
        notebook: the notebook.
        imports: the import statements.
        variables: what the environment gives.
        deferred: whether annotations are text in the file.
        registrations: the parts, with what names the function of each.
        told: what clients are told of the tools, by name.
        by_chance: whether random numbers are others than the last time.
    """

    def __init__(
        self,
        nodes: Mapping[str, Node],
        notebook: Notebook,
        imports: list[str],
        variables: list[Variable],
        *,
        deferred: bool,
        registrations: list[Registration],
        told: Mapping[str, Tool],
        by_chance: bool = False,
    ) -> None:
        self._notebook = notebook
        self._flags = __future__.annotations.compiler_flag if deferred else 0
        self._by_chance = by_chance
        self._own = str(notebook.names.get("__name__", "__main__"))
        self._told = told
        self.schemas: dict[str, Trouble] = {}
        """The tools whose schema would be another, by name."""
        self.nodes = _quiet(nodes, notebook)
        self.module = types.ModuleType(REHEARSED)
        self.failed: dict[str, Trouble] = {}
        self._done: set[int] = set()
        self.opened: set[int] = set()
        """The pieces that opened a file, by id."""
        self._run(imports, variables, registrations)

    @property
    def names(self) -> dict[str, Any]:
        """What came out."""
        return self.module.__dict__

    def _run(
        self, imports: list[str], variables: list[Variable], registrations: list[Registration]
    ) -> None:
        self.names["__file__"] = str(self._notebook.folder / "server.py")
        with _surroundings(self.module, variables, self._notebook.folder):
            if self._by_chance:
                random.seed()
            for line in imports:
                with contextlib.suppress(Exception):
                    exec(line, self.names)
            try:
                with limited():
                    whole = all(self._piece(piece) for piece in ordered(self.nodes))
            except TooLongError:
                whole = False
            for registration in registrations if whole else []:
                self._schema(registration)

    def _schema(self, registration: Registration) -> None:
        """Compare what a client is told of a tool."""
        part, first = registration.part, registration.expression.partition(".")[0]
        if part.kind != "tool" or first not in self.names or first not in self.nodes:
            return
        before = self._told.get(part.name)
        if before is None:
            return
        try:
            function = eval(registration.expression, self.names)
            options = {"description": inspect.getdoc(function) or "", **part.options}
            after = sdk.make_tool(function, name=part.name, **options)
        except Exception as error:  # noqa: BLE001 - the SDK raises many kinds
            why = " ".join(str(error).split()).partition("For further information")[0]
            self.schemas[part.name] = Trouble(
                reason=f"it cannot become a tool where its source stands alone: {why}",
                ways=("restart the kernel, run the cells from the top, then export",),
            )
            return
        told = (before.description, before.parameters, before.output_schema)
        if told != (after.description, after.parameters, after.output_schema):
            self.schemas[part.name] = Trouble(
                reason="its source gives another schema today than the one that clients are told",
                ways=("run the cells it is from again, then export",),
            )

    def _piece(self, piece: Piece) -> bool:
        code = compile(piece.source, f"<{REHEARSED}>", "exec", self._flags, dont_inherit=True)
        try:
            with _opening(self.opened, piece):
                exec(code, self.names)
        except Exception as error:  # noqa: BLE001 - whatever the user's code raises
            text = f"{type(error).__name__}: {error}"
            for name in [n for n, node in self.nodes.items() if piece in node.pieces]:
                self.failed[name] = Trouble(
                    reason=f"{piece.cell or name} fails where it stands alone: {text}",
                    ways=(
                        f"restart the kernel, run the cells from the top, and export {name} anew",
                    ),
                )
            return False
        self._done.add(id(piece))
        return True

    def tried(self, name: str) -> bool:
        """Whether all of what gives a name its value was run."""
        return (
            name in self.names
            and name in self.nodes
            and all(id(piece) in self._done for piece in self.nodes[name].pieces)
        )

    def differs(self, name: str) -> str | None:
        """Where what came out differs from what the notebook holds; None where nowhere.

        Returns:
            None as well where it was not tried.
        """
        if not self.tried(name):
            return None
        likeness = Likeness(self._own)
        try:
            if likeness.alike(self._notebook.names.get(name), self.names[name]):
                return None
        except Exception:  # noqa: BLE001 - objects that answer nothing when they are asked
            return "it cannot be compared"
        return likeness.differs

    def agrees(self, other: Rehearsal, name: str) -> bool:
        """Whether a name came out in another rehearsal as it did in this one."""
        if name not in self.names or name not in other.names:
            return False
        return Likeness(self._own).alike(self.names[name], other.names[name])


def _quiet(nodes: Mapping[str, Node], notebook: Notebook) -> dict[str, Node]:
    """The nodes that can be tried: they and what they use at once do nothing outside."""
    left = {
        name: node
        for name, node in nodes.items()
        if not name.startswith("<")
        and not node.files
        and not any(loud([parse(p.source)], notebook, bodies=False) for p in node.pieces)
    }
    while True:
        gone = [
            name
            for name, node in left.items()
            if any(
                used in nodes and used not in left
                for piece in node.pieces
                for used in _at_once(piece, nodes)
            )
        ]
        if not gone:
            return left
        for name in gone:
            del left[name]


def _at_once(piece: Piece, nodes: Mapping[str, Node]) -> set[str]:
    """The names that must be there when a piece runs: what it reads, and what that may call."""
    seen: set[str] = set()
    left = list(piece.eager)
    while left:
        name = left.pop()
        if name not in seen and name in nodes:
            seen.add(name)
            left += nodes[name].needs
    return seen


@contextlib.contextmanager
def _opening(opened: set[int], piece: Piece) -> Iterator[None]:
    """Note whether a piece opens a file."""
    before = builtins.open

    def opening(*args: Any, **kwargs: Any) -> Any:
        opened.add(id(piece))
        return before(*args, **kwargs)

    builtins.open = io.open = opening
    try:
        yield
    finally:
        builtins.open = io.open = before


@contextlib.contextmanager
def _surroundings(
    module: types.ModuleType, variables: list[Variable], folder: Path
) -> Iterator[None]:
    """The process as the source expects it, and as it was afterwards."""
    missing = {v.name: v.value for v in variables if v.name not in os.environ}
    state = random.getstate()
    numpy = sys.modules.get("numpy")
    numbers = numpy.random.get_state() if numpy is not None else None
    where = Path.cwd()
    sys.modules[REHEARSED] = module
    os.environ.update(missing)
    try:
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            if folder.is_dir():
                os.chdir(folder)
            yield
    finally:
        os.chdir(where)
        for name in missing:
            os.environ.pop(name, None)
        sys.modules.pop(REHEARSED, None)
        random.setstate(state)
        if numpy is not None:
            numpy.random.set_state(numbers)
