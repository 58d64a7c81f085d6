"""What to take from the notebook for a server, and what stands in the way."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcp_notebook.handoff.selection import (
    Definition,
    Obstacle,
    Registration,
    Selection,
    Shipped,
    Variable,
)
from mcp_notebook.runtime.server import NotebookServer, Part
from mcp_notebook.runtime.snapshot import all_parts

from .cells import Cells
from .codes import plain_function
from .data import data_of
from .definitions import definition_of
from .history import History
from .imports import builtin, by_identity, conditional, import_of
from .modules import Modules
from .node import Node, Piece, Trouble, piece_of
from .notebook import Notebook
from .objects import object_of
from .order import ordered


def gather(
    server: NotebookServer,
    names: dict[str, Any],
    *,
    cells: Cells,
    freeze: Mapping[str, str] | None = None,
    replace: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
    folder: Path,
) -> Selection:
    """What a server needs of the notebook it is in.

    Args:
        server: the server.
        names: the notebook's namespace itself: functions are known by it.
        cells: what ran.
        freeze: by name, the file that its value goes into.
        replace: by name, the expression that gives its value.
        env: by name, the environment variable that gives its value.
        folder: where the notebook is.
    """
    statements, left_out = cells.statements()
    notebook = Notebook(
        names=names,
        history=History(statements, names),
        folder=folder,
        freeze=freeze or {},
        replace=replace or {},
        env=env or {},
    )
    return _Gathering(server, notebook, left_out).selection()


class _Gathering:
    def __init__(self, server: NotebookServer, notebook: Notebook, left_out: list[str]) -> None:
        self._server = server
        self._notebook = notebook
        self._nodes: dict[str, Node | None] = {}
        self._modules = Modules(notebook.folder)
        self._obstacles: list[Obstacle] = []
        self._remarks: dict[str, None] = {}
        self._left_out = left_out

    def selection(self) -> Selection:
        parts = all_parts(self._server)
        rooted = [(part, root_of(part, self._notebook)) for part in parts]
        self._notebook.follow({expression.partition(".")[0] for _, expression in rooted})
        registrations = []
        taken: dict[str, Node] = {}
        for part, expression in rooted:
            found = self._walk(part, expression)
            if found is None:
                continue
            taken |= found
            registrations.append(Registration(part=part, expression=expression))
        return self._selected(registrations, taken)

    # ---- one part --------------------------------------------------------------------------

    def _walk(self, part: Part, expression: str) -> dict[str, Node] | None:
        """Everything a part uses; None where something of it cannot leave."""
        if not expression:
            self._obstacles.append(_nameless(part))
            return None
        first = expression.partition(".")[0]
        way: dict[str, tuple[str, ...]] = {first: (first,)}
        left = deque([first])
        found: dict[str, Node] = {}
        stuck = False
        while left:
            name = left.popleft()
            node = self._node(name)
            if node is None:
                continue
            trouble = node.trouble or self._of_modules(node)
            if trouble is not None:
                stuck = True
                self._obstacles.append(
                    Obstacle(
                        part=part.name,
                        through=way[name],
                        reason=trouble.reason,
                        ways=trouble.ways,
                    )
                )
                continue
            found[name] = node
            for needed in sorted(node.needs):
                if needed not in way:
                    way[needed] = (*way[name], needed)
                    left.append(needed)
        return None if stuck else found

    def _of_modules(self, node: Node) -> Trouble | None:
        for module in node.modules:
            trouble = self._modules.take(module)
            if trouble is not None:
                return trouble
        for piece in node.pieces:
            for _, trouble in self._modules.take_imports(piece.source):
                return trouble
        return None

    def _node(self, name: str) -> Node | None:
        if name not in self._nodes:
            self._nodes[name] = node_of(name, self._notebook)
        return self._nodes[name]

    # ---- all of them -------------------------------------------------------------------------

    def _selected(self, registrations: list[Registration], taken: dict[str, Node]) -> Selection:
        pieces = ordered(taken)
        imports = dict.fromkeys(line for node in taken.values() for line in node.imports)
        if self._deferred(pieces):
            imports = {"from __future__ import annotations": None} | imports
        files: dict[Any, Shipped] = {}
        variables: dict[str, Variable] = {}
        for node in taken.values():
            files |= {file.path: file for file in node.files}
            variables |= {variable.name: variable for variable in node.variables}
            self._remarks |= dict.fromkeys(node.remarks)
        files |= self._modules.files
        cells = {piece.cell for piece in pieces}
        for remark in self._left_out:
            if any(remark.startswith(f"{cell}:") for cell in cells if cell):
                self._remarks[remark] = None
        mcp = self._server.mcp
        return Selection(
            server=self._server.name,
            instructions=mcp.instructions or "",
            version=getattr(mcp, "version", None) or "",
            imports=tuple(imports),
            definitions=tuple(
                Definition(binds=piece.binds, source=piece.source, cell=piece.cell)
                for piece in pieces
            ),
            registrations=tuple(registrations),
            requirements=self._modules.requirements(),
            files=tuple(files[path] for path in sorted(files)),
            variables=tuple(variables[name] for name in sorted(variables)),
            obstacles=tuple(self._obstacles),
            remarks=tuple(self._remarks),
        )

    def _deferred(self, pieces: list[Piece]) -> bool:
        cells = {(s.where, s.place) for s in self._notebook.history.statements if s.deferred}
        return any((piece.cell, piece.place) in cells for piece in pieces)


def node_of(name: str, notebook: Notebook) -> Node | None:
    """What a name comes to; None for Python's own."""
    names = notebook.names
    if name not in names:
        return builtin(name)
    value = names[name]
    statement = notebook.history.newest(name)
    if statement is not None and conditional(statement):
        return Node(pieces=(piece_of(statement),))
    found = import_of(name, value, notebook.history)
    if found is not None:
        return found
    for make in (definition_of, data_of):
        node = make(name, value, notebook)
        if node is not None:
            return node
    if statement is None:
        node = by_identity(name, value)
        if node is not None:
            return node
    return object_of(name, value, notebook)


def root_of(part: Part, notebook: Notebook) -> str:
    """What names the function of a part: ``add``, ``desk.lookup``; empty where nothing does."""
    function = part.function
    if inspect.ismethod(function):
        owner = notebook.known(function.__self__)
        if owner is None:
            owner = next(
                (n for n, v in notebook.names.items() if v is function.__self__ and n[0] != "_"),
                None,
            )
        return f"{owner}.{function.__name__}" if owner else ""
    name = notebook.known(function)
    if name is not None:
        return name
    plain = plain_function(function)
    for candidate, value in notebook.names.items():
        if plain is not None and plain_function(value) is plain and not candidate.startswith("_"):
            return candidate
    return ""


def _nameless(part: Part) -> Obstacle:
    function = getattr(part.function, "__name__", part.name)
    return Obstacle(
        part=part.name,
        through=(function,),
        reason=f"the notebook has no name for its function any more: {function} is something"
        " else now, or gone",
        ways=("run the cell that defines it again, then export", f"%mcp remove {part.name}"),
    )
