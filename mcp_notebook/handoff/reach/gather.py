"""What to take from the notebook for a server, and what stands in the way."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mcp_notebook.errors import McpError
from mcp_notebook.handoff.selection import (
    Definition,
    Obstacle,
    Registration,
    Selection,
    Shipped,
    Variable,
)
from mcp_notebook.runtime import sdk
from mcp_notebook.runtime.masking import MASK, masked
from mcp_notebook.runtime.server import NotebookServer, Part
from mcp_notebook.runtime.snapshot import all_parts

from .cells import Cells, parse
from .cleaning import cleaned
from .dynamic import dynamic
from .effects import effect_of
from .environment import import_os, settings
from .files import Files
from .given import check_left, check_named
from .history import History
from .judgement import Judgement
from .modules import Modules, imported
from .names import binds
from .node import Node, Piece, Trouble, piece_of
from .nodes import node_of
from .notebook import Notebook
from .order import ordered
from .parts import beside_parts, in_words, root_of
from .secrecy import MIN_KNOWN, is_secret, known_secrets, shapes


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

    Raises:
        UsageError: a name is given that no part uses, or what is given cannot be.
    """
    statements, left_out = cells.statements()
    secrets = known_secrets(names, statements)
    notebook = Notebook(
        names=names,
        secrets=secrets,
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
        self._whole: dict[tuple[str, int], Piece] = {}
        self._files = Files(notebook.folder)
        self._modules = Modules(
            notebook.folder, self._files, notebook.history.attributes_set, notebook.calls_into
        )
        self._obstacles: list[Obstacle] = []
        self._remarks: dict[str, None] = {}
        self._left_out = left_out
        self._effects: dict[str, list[str]] = {}
        self._implicit: set[str] = set()
        self._schemas: dict[str, Trouble] = {}
        for statement in notebook.history.statements:
            module = effect_of(statement, notebook)
            if module and statement.whole:
                key = f"<{statement.where}:{statement.place}>"
                self._effects.setdefault(module, []).append(key)
                self._nodes[key] = self._finished(Node(pieces=(piece_of(statement),)))

    def selection(self) -> Selection:
        rooted = [(part, root_of(part, self._notebook)) for part in all_parts(self._server)]
        self._notebook.follow({expression.partition(".")[0] for _, expression in rooted})
        for _, expression in rooted:
            first, _, method = expression.partition(".")
            if method:
                self._notebook.methods.setdefault(first, set()).add(method)
        registrations, taken = self._walk_all(rooted)
        if self._rehearsed(registrations, taken):
            registrations, taken = self._walk_all(rooted)
        used = self._notebook.reached | {name for name in self._nodes if name.isidentifier()}
        check_named(self._notebook, used, whole=not self._obstacles)
        return self._selected(registrations, taken)

    def _walk_all(
        self, rooted: list[tuple[Part, str]]
    ) -> tuple[list[Registration], dict[str, Node]]:
        self._obstacles[:] = beside_parts(self._server)
        registrations = []
        taken: dict[str, Node] = {}
        for part, expression in rooted:
            found = self._walk(part, expression)
            if found is not None:
                taken |= found
                registrations.append(Registration(part=part, expression=expression))
        return registrations, taken

    def _rehearsed(self, registrations: list[Registration], taken: dict[str, Node]) -> bool:
        """Try the source; note what does not come out as the notebook has it."""
        deferred = self._deferred([p for node in taken.values() for p in node.pieces])
        told = sdk.tools_of(self._server.mcp)
        judged = Judgement(self._notebook, taken, registrations, told, deferred=deferred)
        for name, trouble in judged.troubles.items():
            self._nodes[name] = replace(taken[name], trouble=trouble)
        self._remarks |= judged.remarks
        self._schemas = judged.schemas
        return bool(judged.troubles or judged.schemas)

    # ---- one part --------------------------------------------------------------------------

    def _walk(self, part: Part, expression: str) -> dict[str, Node] | None:
        """Everything a part uses; None where something of it cannot leave."""
        problem = in_words(part, expression)
        schema = self._schemas.get(part.name) if part.kind == "tool" else None
        if schema is not None:
            problem = problem or Obstacle(
                part=part.name, through=(expression,), reason=schema.reason, ways=schema.ways
            )
        if problem is not None:
            self._obstacles.append(problem)
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
                        through=(*way[name], *([trouble.name] if trouble.name else [])),
                        reason=trouble.reason,
                        ways=trouble.ways,
                    )
                )
                continue
            found[name] = node
            hints = sorted(node.hints & self._notebook.names.keys())
            for needed in [*sorted(node.needs), *hints, *self._set_up(node)]:
                if needed not in way:
                    way[needed] = (*way[name], needed)
                    left.append(needed)
        return None if stuck else found

    def _set_up(self, node: Node) -> list[str]:
        """The statements that set up the modules of a node."""
        tops = dict.fromkeys(module.partition(".")[0] for module in node.modules)
        for piece in node.pieces:
            tops |= dict.fromkeys(m.partition(".")[0] for m in imported(piece.source))
        return [key for top in tops for key in self._effects.get(top, ())]

    def _of_modules(self, node: Node) -> Trouble | None:
        for module in node.modules:
            trouble = self._modules.take(module)
            if trouble is not None:
                return trouble
        for piece in node.pieces:
            for _, trouble in self._modules.take_imports(piece.source):
                return trouble
            trouble = self._files.take(piece.source)
            if trouble is not None:
                return trouble
        return None

    def _node(self, name: str) -> Node | None:
        if name not in self._nodes:
            try:
                found = node_of(name, self._notebook)
            except McpError:
                raise
            except Exception as error:  # noqa: BLE001 - a proxy that answers nothing, and the like
                found = Node(trouble=_unreadable(name, error))
            self._nodes[name] = self._finished(found) if found is not None else None
        return self._nodes[name]

    def _finished(self, node: Node) -> Node:
        """A node without secrets, with each statement once."""
        for piece in node.pieces:
            problem = dynamic(piece.source, self._notebook.names)
            if problem is not None and node.trouble is None:
                node = replace(node, trouble=problem)
        pieces = []
        remarks = list(node.remarks)
        for piece in node.pieces:
            key = (piece.cell, piece.place)
            if piece.cell and key in self._whole:
                pieces.append(self._whole[key])
                continue
            clean = cleaned(self._meant(piece), self._notebook.secrets, self._notebook.environment)
            if clean.trouble is not None:
                return replace(node, trouble=clean.trouble)
            remarks += [
                f"{stood} is a secret: it comes from the environment variable {variable}."
                for stood, variable in clean.stood
            ]
            self._notebook.environment.note(clean.piece.source, self._notebook.names)
            if piece.cell:
                self._whole[key] = clean.piece
            pieces.append(clean.piece)
        return replace(node, pieces=tuple(pieces), remarks=tuple(remarks))

    def _meant(self, piece: Piece) -> Piece:
        """A piece without the names that were Python's own when it ran: ``_max = max``."""
        history = self._notebook.history
        statement = history.statements[piece.place] if piece.cell else None
        if statement is None or statement.where != piece.cell:
            return piece
        own = {name for name in piece.eager if history.of_python(name, statement)}
        return replace(piece, eager=piece.eager - own) if own else piece

    # ---- all of them -------------------------------------------------------------------------

    def _selected(self, registrations: list[Registration], taken: dict[str, Node]) -> Selection:
        environment = self._notebook.environment
        pieces = [*self._settings(taken), *ordered(taken)]
        check_left(self._notebook, pieces)
        sources = "\n".join(piece.source for piece in pieces)
        variables = {n: v for n, v in environment.variables.items() if f'"{n}"' in sources
                     or f"'{n}'" in sources or n in self._implicit}  # fmt: skip
        imports = dict.fromkeys(line for node in taken.values() for line in node.imports)
        if "environ" in sources:
            imports |= {line: None for line in environment.imports if _used(line, sources)}
        if self._deferred(pieces):
            imports = {"from __future__ import annotations": None} | imports
        files: dict[Any, Shipped] = {}
        for node in taken.values():
            files |= {file.path: file for file in node.files}
            self._remarks |= dict.fromkeys(node.remarks)
        files |= self._modules.files | self._files.found
        self._remarks |= self._files.remarks | self._modules.remarks
        cells = {piece.cell for piece in pieces}
        for remark in self._left_out:
            if any(remark.startswith(f"{cell}:") for cell in cells if cell):
                self._remarks[remark] = None
        mcp = self._server.mcp
        return Selection(
            server=mcp.name or self._server.name,
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
            obstacles=tuple(
                replace(o, reason=self._shown(o.reason), ways=tuple(map(self._shown, o.ways)))
                for o in self._obstacles
            ),
            remarks=tuple(map(self._shown, self._remarks)),
        )

    def _shown(self, text: str) -> str:
        """A text of the report without secrets."""
        for start, end in sorted(shapes(text), reverse=True):
            text = text[:start] + MASK + text[end:]
        return masked(text, (s for s in self._notebook.secrets if len(s) >= MIN_KNOWN))

    def _settings(self, taken: dict[str, Node]) -> list[Piece]:
        """The variables that cells set for those who read them: secrets stay outside."""
        sources = "\n".join(p.source for node in taken.values() for p in node.pieces)
        foreign = bool(self._modules.requirements())
        environment = self._notebook.environment
        found = []
        self._implicit = set()
        for variable, statement in settings(self._notebook.history.statements).items():
            value = os.environ.get(variable)
            mentioned = f'"{variable}"' in sources or f"'{variable}'" in sources
            if value is None or not (mentioned or foreign):
                continue
            if is_secret(variable, value) or value in self._notebook.secrets:
                self._implicit.add(variable)
                environment.variables[variable] = Variable(
                    name=variable, stands_for=variable, secret=True, value=value
                )
                self._remarks[
                    f"{statement.where} sets the secret {variable} in the environment: set it"
                    " where the server runs."
                ] = None
                continue
            source = f"{environment.os_name}.environ.setdefault({variable!r}, {value!r})"
            environment.imports[import_os(environment)] = None
            environment.variables.pop(variable, None)
            found.append(Piece(binds=(), source=source, cell=statement.where, place=-1))
        return found

    def _deferred(self, pieces: list[Piece]) -> bool:
        cells = {(s.where, s.place) for s in self._notebook.history.statements if s.deferred}
        return any((piece.cell, piece.place) in cells for piece in pieces)


def _unreadable(name: str, error: Exception) -> Trouble:
    why = " ".join(str(error).split())
    return Trouble(
        reason=f"{name} cannot be looked at ({type(error).__name__}: {why})",
        ways=("make it in the tool", f"--replace {name}=EXPRESSION that makes it"),
    )


def _used(line: str, sources: str) -> bool:
    return f"{line.split()[-1]}." in sources


def taken_names(selection: Selection) -> frozenset[str]:
    """The names that the taken source binds: a file's own names step aside for them."""
    sources = [*selection.imports, *(d.source for d in selection.definitions)]
    return frozenset(
        name for source in sources for node in parse(source).body for name in binds(node)
    )
