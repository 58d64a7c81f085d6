"""Whether each section under Deeper stands alone, found without running it.

A section has what the core bound, what stands between the heading Deeper and the first section,
and what it binds itself. Names that another section binds are not there for who skipped that one.
"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Iterator
from dataclasses import dataclass, field

from IPython.core.inputtransformer2 import TransformerManager

from .notebook import Cell, Heading, Lesson

_CELL_MAGIC = re.compile(r"%%[^\n]*\n")
_VARIABLE = re.compile(r"(?<!\\)\$\{?([A-Za-z_]\w*)")
_MADE = re.compile(r"--as[ =]([\w-]+)")
_ON = re.compile(r"--on[ =]([\w-]+)")
_ADDED = re.compile(r"add((?: +[A-Za-z_]\w*)+)")
_GIVEN = frozenset(dir(builtins)) | {"get_ipython", "In", "Out", "_", "__name__", "__file__"}


@dataclass
class Names:
    """What some cells bind, and what they ask for.

    Attributes:
        connections: names that `%mcp ... --as` gives, or a keyword argument `name`.
        on: connections that `%mcp ... --on` asks for.
    """

    bound: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    connections: set[str] = field(default_factory=set)
    on: set[str] = field(default_factory=set)

    def add(self, more: Names) -> None:
        """Take over what another cell binds; what it asks for is its own matter."""
        self.bound |= more.bound
        self.connections |= more.connections

    def lacking(self, known: Names) -> list[str]:
        """What they ask for that neither they nor ``known`` bind."""
        names = self.used - self.bound - known.bound - _GIVEN
        roads = self.on - self.connections - known.connections
        return sorted(names) + [f"--on {name}" for name in sorted(roads)]


def names_of(source: str) -> Names:
    """The names of one cell of code."""
    plain = TransformerManager().transform_cell(_CELL_MAGIC.sub("", source, count=1))
    found = Names()
    _scope(symtable.symtable(plain, "cell", "exec"), found)
    for node in ast.walk(ast.parse(plain)):
        if not isinstance(node, ast.Call):
            continue
        texts = [a.value for a in node.args if isinstance(a, ast.Constant)]
        if isinstance(node.func, ast.Attribute) and node.func.attr == "run_line_magic":
            line = str(texts[-1])
            found.used |= set(_VARIABLE.findall(line))
            if (added := _ADDED.match(line)) is not None:
                found.used |= set(added[1].split())
            found.connections |= set(_MADE.findall(line))
            found.on |= set(_ON.findall(line))
        for keyword in node.keywords:
            if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                found.connections.add(str(keyword.value.value))
    return found


def _scope(scope: symtable.SymbolTable, found: Names) -> None:
    top = scope.get_type() == "module"
    for symbol in scope.get_symbols():
        ours = top or symbol.is_global()
        if ours and (symbol.is_assigned() or symbol.is_imported()):
            found.bound.add(symbol.get_name())
        if ours and symbol.is_referenced():
            found.used.add(symbol.get_name())
    for inner in scope.get_children():
        _scope(inner, found)


def dependent(lesson: Lesson) -> Iterator[str]:
    """Cells under Deeper that need another section, a line each."""
    known, ours, section = Names(), Names(), ""
    for cell in lesson.code:
        names = names_of(cell.source)
        now = _section(lesson, cell)
        if now != section:
            ours, section = Names(), now
        if not section:
            known.add(names)
            continue
        ours.add(known)
        for name in names.lacking(ours):
            yield f"{cell.name}: {name} is bound neither in the core nor in {section!r}"
        ours.add(names)


def _section(lesson: Lesson, cell: Cell) -> str:
    """The section under Deeper that a cell stands in; empty in the core and in what is shared."""
    above = [heading for heading in lesson.headings if heading.place < cell.place]
    deeper = next((n for n, each in enumerate(above) if each.text.startswith("Deeper")), None)
    if deeper is None:
        return ""
    level = above[deeper].level + 1
    inside: list[Heading] = [each for each in above[deeper + 1 :] if each.level == level]
    return inside[-1].text if inside else ""
