"""What a name of the notebook comes to in the file, and what stands in its way."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from mcp_notebook.handoff.selection import Shipped, Variable

from .cells import Statement, parse
from .names import reads


@dataclass(frozen=True, eq=False, kw_only=True)
class Piece:
    """A stretch of source that goes into the file whole.

    Attributes:
        binds: the names it binds.
        source: its text.
        cell: where it is from; empty where it was made.
        place: its place among all that ran; what was made has that of what it replaces.
        eager: names that must stand before it.
        lazy: names that must stand before it is called.
        soft: names in annotations that are text: used where they are there.
    """

    binds: tuple[str, ...]
    source: str
    cell: str = ""
    place: int = 0
    eager: frozenset[str] = frozenset()
    lazy: frozenset[str] = frozenset()
    soft: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Why a name cannot leave, and the ways out.

    Attributes:
        reason: why.
        ways: the ways out.
        name: what cannot leave, where it is something that the name uses.
    """

    reason: str
    ways: tuple[str, ...] = ()
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Node:
    """What a name comes to.

    Attributes:
        imports: import statements.
        modules: the names of the modules that they import.
        pieces: source, in order.
        trouble: why it cannot leave.
        unproven: whether only trying it shows that it comes out as the notebook has it.
        remarks: what the reader of the report should know.
        files: what travels with it.
        variables: what it takes from the environment.
    """

    imports: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    pieces: tuple[Piece, ...] = ()
    trouble: Trouble | None = None
    unproven: bool = False
    remarks: tuple[str, ...] = ()
    files: tuple[Shipped, ...] = ()
    variables: tuple[Variable, ...] = field(default=())

    @property
    def needs(self) -> frozenset[str]:
        """The names it uses."""
        return frozenset().union(*(piece.eager | piece.lazy for piece in self.pieces))

    @property
    def hints(self) -> frozenset[str]:
        """The names that annotations use as text; some need not be there."""
        return frozenset().union(*(piece.soft for piece in self.pieces)) - self.needs


def piece_of(statement: Statement, *, text: str | None = None) -> Piece:
    """A statement of the notebook as it goes into the file.

    Args:
        statement: the statement.
        text: its text where that changed.
    """
    if text is None:
        used, source = statement.reads, statement.text
    else:
        used, source = reads(parse(text).body[0], deferred=statement.deferred), text
    return Piece(
        binds=tuple(sorted(statement.binds)),
        source=source,
        cell=statement.where,
        place=statement.place,
        eager=used.eager,
        lazy=used.lazy,
        soft=used.soft,
    )


def is_definition(statement: Statement) -> bool:
    """Whether it is a ``def`` or a ``class``."""
    return isinstance(statement.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
