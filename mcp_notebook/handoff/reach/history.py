"""What the notebook did, name by name: which statement binds a name now, what changed it since."""

from __future__ import annotations

import ast
import builtins
import types
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from . import names as naming
from .cells import Statement
from .codes import holds


class History:
    """All statements that ran, by the names they bind and change.

    Args:
        statements: in the order they ran.
        names: the notebook's namespace.
    """

    def __init__(self, statements: list[Statement], names: Mapping[str, Any]) -> None:
        self.statements = statements
        self._names = names
        self._binding: dict[str, list[Statement]] = defaultdict(list)
        self._changing: dict[str, list[Statement]] = defaultdict(list)
        for statement in statements:
            for name in statement.binds:
                self._binding[name].append(statement)
            for name in self._changed(statement):
                self._changing[name].append(statement)

    def _changed(self, statement: Statement) -> set[str]:
        found = set(statement.changes)
        node = statement.node
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            call = node.value
            if isinstance(call.func, ast.Attribute):
                found.add(naming.root(call.func))
            if isinstance(call.func, ast.Name) and call.func.id in {"setattr", "delattr"}:
                found.add(naming.root(call.args[0]) if call.args else "")
        for decorator in getattr(node, "decorator_list", []):
            if isinstance(decorator, ast.Attribute | ast.Call):
                found.add(naming.root(decorator))
        return found - {""}

    @property
    def attributes_set(self) -> frozenset[str]:
        """The attributes that cells set on something: ``settings.MODE = "test"``."""
        return frozenset(
            inner.attr
            for statement in self.statements
            for inner in ast.walk(statement.node)
            if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store)
        )

    # ---- bindings --------------------------------------------------------------------------

    def bindings(self, name: str) -> Iterator[Statement]:
        """The statements that bind a name, the newest first."""
        yield from reversed(self._binding.get(name, []))

    def newest(self, name: str) -> Statement | None:
        """The statement that a name has its value from, as far as the order tells."""
        return next((s for s in self.bindings(name) if s.whole), None)

    def doubtful(self, name: str) -> Statement | None:
        """A statement that may have bound a name after the newest, in a cell that failed."""
        return next((s for s in self.bindings(name)), None)

    def defining(self, function: types.FunctionType) -> Statement | None:
        """The newest statement with the code of a function in it."""
        return next((s for s in reversed(self.statements) if holds(s, function)), None)

    def star(self, name: str) -> Iterator[Statement]:
        """Star imports, the newest first."""
        yield from self.bindings("*")

    def after(self, name: str, base: Statement) -> list[Statement]:
        """The statements since ``base`` that change the value of a name in place."""
        return [s for s in self._changing.get(name, []) if s.place > base.place]

    def chain(self, name: str, newest: Statement) -> list[Statement]:
        """The statements that together give a name its value: bindings on itself, changes."""
        bindings = list(self.bindings(name))
        start = bindings.index(newest)
        chain = [newest]
        for older in bindings[start:]:
            if older is not newest:
                chain.append(older)
            if name not in older.reads.eager or isinstance(
                older.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
            ):
                break
        base = chain[-1]
        steps = {s.place: s for s in [*chain, *self.after(name, base)] if s.place >= base.place}
        return [steps[place] for place in sorted(steps)]

    def rebound_since(self, name: str, statement: Statement) -> Statement | None:
        """What bound a name to something else after a statement had read it."""
        newest = self.newest(name)
        if newest is None or newest.place <= statement.place:
            return None
        for older in self.bindings(name):
            if older.place < statement.place:
                return None if ast.dump(older.node) == ast.dump(newest.node) else newest
        return None  # it was not there yet: the statement cannot have read it

    def of_python(self, name: str, statement: Statement) -> bool:
        """Whether a statement meant Python's own name, which the notebook bound only later."""
        return name in dir(builtins) and not self.bound_before(name, statement)

    def bound_before(self, name: str, statement: Statement) -> bool:
        """Whether a name was bound before a statement ran."""
        return any(s.place < statement.place for s in self.bindings(name))

    def touched(self, name: str, besides: Iterable[int]) -> Statement | None:
        """A statement at the top of a cell that used a name, itself or through functions.

        Args:
            name: the name.
            besides: the places of the statements that are taken along anyway.
        """
        newest = self.newest(name)
        taken = set(besides)
        for statement in self.statements:
            if newest is None or statement.place <= newest.place or statement.place in taken:
                continue
            if isinstance(
                statement.node,
                ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom,
            ):
                continue
            if name in self._used_by(statement):
                return statement
        return None

    def _used_by(self, statement: Statement) -> set[str]:
        """The names that a statement calls or hands over, and those that functions use then."""
        seen: set[str] = set()
        left = naming.handed_over(statement.node) | statement.changes
        while left:
            name = left.pop()
            if name in seen:
                continue
            seen.add(name)
            made = self.newest(name)
            if made is not None:
                left |= made.reads.all
        return seen

    # ---- who changes what --------------------------------------------------------------------

    def changers(self, name: str, among: Iterator[str] | set[str]) -> list[str]:
        """Which functions and classes change the value of a global name when they are called."""
        found = []
        for one in among:
            statement = self.newest(one)
            if (
                statement is None
                or one == name
                or not isinstance(
                    statement.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
                )
            ):
                continue
            uses = name in statement.reads.lazy
            if uses and name in naming.changes(statement.node) | naming.rebinds(statement.node):
                found.append(one)
        return sorted(found)
