"""Other names for globals, in source: scopes are respected, f-strings are looked into."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from .fstrings import Place, expressions
from .scopes import Comprehension, Function, Inner, definitions, inner_of, is_global

_HEAD: Final = re.compile(r"(?:async\s+)?(?:def|class)\s+(\w+)")
"""The start of a definition, below its decorators."""

_BY_TEXT: Final = ("eval", "exec", "globals", "vars")
"""Built-in functions that may look a name up by its text."""


class Doubt(ValueError):
    """A name cannot be changed safely; says where it stands."""


def renamed(
    source: str,
    names: Mapping[str, str],
    *,
    strict: bool = False,
    kept: Collection[str] = (),
) -> str:
    """A piece of a module with other names for globals.

    Args:
        source: Python.
        names: new names, or for what is only read new expressions, by old names.
        strict: refuse what may be seen from outside: classes, texts that are looked up.
        kept: names that functions and classes of the module keep where they are defined.

    Raises:
        Doubt: a name stands where changing it might change something else.
    """
    if not names:
        return source
    tree = ast.parse(source)
    edits = _Edits(source, names, strict, {one for one in definitions(tree) if one.name in kept})
    if strict:
        edits.look_up_by_text(tree)
    edits.visit(tree, [], Place(source, 0))
    for start, old, new in sorted(set(edits.found), reverse=True):
        source = source[:start] + new + source[start + len(old) :]
    return source


class _Edits:
    def __init__(
        self, source: str, names: Mapping[str, str], strict: bool, kept: Collection[ast.AST]
    ) -> None:
        self._kept = kept
        self._source = source
        self._names = names
        self._strict = strict
        self.found: list[tuple[int, str, str]] = []

    def look_up_by_text(self, tree: ast.AST) -> None:
        """Doubt where a name stands in a text that may be looked up."""
        for node in ast.walk(tree):
            texts: list[Any] = [getattr(node, field, None) for field in ("annotation", "returns")]
            found = getattr(node, "func", None) or getattr(node, "value", None)
            if isinstance(node, ast.Call | ast.Subscript) and _mentions(found, _BY_TEXT):
                texts.append(node)
            for each in texts:
                for name in self._names if each is not None else ():
                    if _says(each, name):
                        raise Doubt(f"{name} stands in a text that is looked up")

    def visit(self, node: ast.AST, scopes: list[Inner], place: Place) -> None:
        """Note what has to change below a node."""
        if isinstance(node, ast.Name):
            self._note(node.id, place.of(node.lineno, node.col_offset), scopes)
        elif isinstance(node, ast.JoinedStr):
            self._f_string(node, scopes, place)
            return
        elif isinstance(node, Function | ast.ClassDef | ast.Lambda):
            self._definition(node, scopes, place)
            return
        elif isinstance(node, Comprehension):
            self._comprehension(node, scopes, place)
            return
        elif isinstance(node, ast.Global):
            self._statement(node, scopes, place)
        else:
            self._refuse_bindings(node, scopes)
        for child in ast.iter_child_nodes(node):
            self.visit(child, scopes, place)

    def _note(self, name: str, start: int, scopes: list[Inner]) -> None:
        if name in self._names and is_global(name, scopes):
            assert self._source.startswith(name, start), (name, self._source[start : start + 40])
            self.found.append((start, name, self._names[name]))

    def _refuse_bindings(self, node: ast.AST, scopes: list[Inner]) -> None:
        """Names that no ``Name`` stands for: their places are not told."""
        name = ""
        if isinstance(node, ast.alias):
            name = (node.asname or node.name).partition(".")[0]
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            name = node.name or ""
        if name in self._names and is_global(name, scopes):
            raise Doubt(f"{name} is bound by an import or a pattern in another statement")

    def _statement(self, node: ast.Global, scopes: list[Inner], place: Place) -> None:
        start = place.of(node.lineno, node.col_offset)
        end = place.of(node.end_lineno or node.lineno, node.end_col_offset or 0)
        for match in re.finditer(r"\w+", self._source[start:end]):
            if match.start() and match.group() in self._names:
                self._note(match.group(), start + match.start(), [])

    def _definition(
        self, node: Function | ast.ClassDef | ast.Lambda, scopes: list[Inner], place: Place
    ) -> None:
        name = getattr(node, "name", "")
        if name in self._names and is_global(name, scopes) and node not in self._kept:
            if self._strict and isinstance(node, ast.ClassDef):
                raise Doubt(f"{name} is a class, and schemas show its name")
            start = place.of(node.lineno, node.col_offset)
            found = _HEAD.match(self._source, start)
            assert found is not None
            self._note(name, found.start(1), scopes)
        body = node.body if isinstance(node.body, list) else [node.body]
        inner = inner_of(node, body)
        if self._strict and inner.is_class and (clash := inner.own & set(self._names)):
            raise Doubt(f"{min(clash)} is an attribute of the class {name} too")
        for field, value in ast.iter_fields(node):
            if field != "body":
                for child in value if isinstance(value, list) else [value]:
                    if isinstance(child, ast.AST):
                        self.visit(child, scopes, place)
        for child in body:
            self.visit(child, [*scopes, inner], place)

    def _comprehension(self, node: Comprehension, scopes: list[Inner], place: Place) -> None:
        targets = {
            each.id
            for generator in node.generators
            for each in ast.walk(generator.target)
            if isinstance(each, ast.Name)
        }
        inner = [*scopes, Inner(frozenset(targets), frozenset())]
        first = node.generators[0].iter
        self.visit(first, scopes, place)
        for generator in node.generators:
            for child in ast.iter_child_nodes(generator):
                if child is not first:
                    self.visit(child, inner, place)
        for name, value in ast.iter_fields(node):
            if name != "generators":
                self.visit(value, inner, place)

    def _f_string(self, node: ast.JoinedStr, scopes: list[Inner], place: Place) -> None:
        """The expressions in an f-string; before Python 3.12 their places are not reliable."""
        if not any(isinstance(n, ast.Name) and n.id in self._names for n in ast.walk(node)):
            return
        start = place.of(node.lineno, node.col_offset)
        end = place.of(node.end_lineno or node.lineno, node.end_col_offset or 0)
        for begin, text in expressions(self._source[start:end]):
            parsed = ast.parse(f"({text})", mode="eval")
            self.visit(parsed, scopes, Place(f"({text})", start + begin - 1))


def _mentions(tree: Any, names: Collection[str]) -> bool:
    return any(isinstance(each, ast.Name) and each.id in names for each in ast.walk(tree))


def _says(tree: ast.AST, name: str) -> bool:
    """Whether a text in there has the name as a word."""
    return any(
        isinstance(each, ast.Constant)
        and isinstance(each.value, str)
        and re.search(rf"\b{re.escape(name)}\b", each.value)
        for each in ast.walk(tree)
    )
