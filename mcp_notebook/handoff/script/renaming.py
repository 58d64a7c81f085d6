"""Other names for globals, in source: scopes are respected, f-strings are looked into."""

from __future__ import annotations

import ast
import builtins
import functools
import re
import tokenize
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Scope = _Function | ast.ClassDef | ast.Lambda | ast.Module
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp

_HEAD: Final = re.compile(r"(?:async\s+)?(?:def|class)\s+(\w+)")
"""The start of a definition, below its decorators."""

_BY_TEXT: Final = ("eval", "exec", "globals", "vars")
"""Built-in functions that may look a name up by its text."""

_BUILTIN: Final = frozenset(dir(builtins))


class Doubt(ValueError):
    """A name cannot be changed safely; says where it stands."""


@dataclass(frozen=True)
class _Inner:
    """What a scope says of names: its own, and those it takes from the module."""

    own: frozenset[str]
    from_module: frozenset[str]
    is_class: bool = False


@functools.lru_cache(maxsize=256)
def bound_names(source: str) -> frozenset[str]:
    """The names that a piece of a module binds in the module, inside functions by ``global``."""
    tree = ast.parse(source)
    declared = {
        name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names
    }
    return frozenset(declared | _bound(tree.body))


@functools.lru_cache(maxsize=256)
def used_builtins(source: str) -> frozenset[str]:
    """The names of built-in functions that a piece of a module mentions."""
    names = (node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name))
    return frozenset(name for name in names if name in _BUILTIN)


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
    edits.visit(tree, [], _Place(source, 0))
    for start, old, new in sorted(set(edits.found), reverse=True):
        source = source[:start] + new + source[start + len(old) :]
    return source


def definitions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """The functions and classes that a piece of a module defines at its top."""
    return [node for node in tree.body if isinstance(node, _Function | ast.ClassDef)]


class _Place:
    """Where nodes of a parsed text stand in the whole source."""

    def __init__(self, text: str, base: int) -> None:
        self._text = text
        self._base = base
        self._lines = text.splitlines(keepends=True)

    def of(self, line: int, column: int) -> int:
        """The index of a node's start; columns count bytes."""
        before = sum(map(len, self._lines[: line - 1]))
        ahead = len(self._lines[line - 1].encode()[:column].decode())
        return self._base + before + ahead


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

    def visit(self, node: ast.AST, scopes: list[_Inner], place: _Place) -> None:
        """Note what has to change below a node."""
        if isinstance(node, ast.Name):
            self._note(node.id, place.of(node.lineno, node.col_offset), scopes)
        elif isinstance(node, ast.JoinedStr):
            self._f_string(node, scopes, place)
            return
        elif isinstance(node, _Function | ast.ClassDef | ast.Lambda):
            self._definition(node, scopes, place)
            return
        elif isinstance(node, _Comprehension):
            self._comprehension(node, scopes, place)
            return
        elif isinstance(node, ast.Global):
            self._statement(node, scopes, place)
        else:
            self._refuse_bindings(node, scopes)
        for child in ast.iter_child_nodes(node):
            self.visit(child, scopes, place)

    def _note(self, name: str, start: int, scopes: list[_Inner]) -> None:
        if name in self._names and _global(name, scopes):
            assert self._source.startswith(name, start), (name, self._source[start : start + 40])
            self.found.append((start, name, self._names[name]))

    def _refuse_bindings(self, node: ast.AST, scopes: list[_Inner]) -> None:
        """Names that no ``Name`` stands for: their places are not told."""
        name = ""
        if isinstance(node, ast.alias):
            name = (node.asname or node.name).partition(".")[0]
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            name = node.name or ""
        if name in self._names and _global(name, scopes):
            raise Doubt(f"{name} is bound by an import or a pattern in another statement")

    def _statement(self, node: ast.Global, scopes: list[_Inner], place: _Place) -> None:
        start = place.of(node.lineno, node.col_offset)
        end = place.of(node.end_lineno or node.lineno, node.end_col_offset or 0)
        for match in re.finditer(r"\w+", self._source[start:end]):
            if match.start() and match.group() in self._names:
                self._note(match.group(), start + match.start(), [])

    def _definition(
        self, node: _Function | ast.ClassDef | ast.Lambda, scopes: list[_Inner], place: _Place
    ) -> None:
        name = getattr(node, "name", "")
        if name in self._names and _global(name, scopes) and node not in self._kept:
            if self._strict and isinstance(node, ast.ClassDef):
                raise Doubt(f"{name} is a class, and schemas show its name")
            start = place.of(node.lineno, node.col_offset)
            found = _HEAD.match(self._source, start)
            assert found is not None
            self._note(name, found.start(1), scopes)
        body = node.body if isinstance(node.body, list) else [node.body]
        inner = _inner(node, body)
        if self._strict and inner.is_class and (clash := inner.own & set(self._names)):
            raise Doubt(f"{min(clash)} is an attribute of the class {name} too")
        for field, value in ast.iter_fields(node):
            if field != "body":
                for child in value if isinstance(value, list) else [value]:
                    if isinstance(child, ast.AST):
                        self.visit(child, scopes, place)
        for child in body:
            self.visit(child, [*scopes, inner], place)

    def _comprehension(self, node: _Comprehension, scopes: list[_Inner], place: _Place) -> None:
        targets = {
            each.id
            for generator in node.generators
            for each in ast.walk(generator.target)
            if isinstance(each, ast.Name)
        }
        inner = [*scopes, _Inner(frozenset(targets), frozenset())]
        first = node.generators[0].iter
        self.visit(first, scopes, place)
        for generator in node.generators:
            for child in ast.iter_child_nodes(generator):
                if child is not first:
                    self.visit(child, inner, place)
        for name, value in ast.iter_fields(node):
            if name != "generators":
                self.visit(value, inner, place)

    def _f_string(self, node: ast.JoinedStr, scopes: list[_Inner], place: _Place) -> None:
        """The expressions in an f-string; before Python 3.12 their places are not reliable."""
        if not any(isinstance(n, ast.Name) and n.id in self._names for n in ast.walk(node)):
            return
        start = place.of(node.lineno, node.col_offset)
        end = place.of(node.end_lineno or node.lineno, node.end_col_offset or 0)
        for begin, text in expressions(self._source[start:end]):
            parsed = ast.parse(f"({text})", mode="eval")
            self.visit(parsed, scopes, _Place(f"({text})", start + begin - 1))


def expressions(literal: str) -> Iterator[tuple[int, str]]:
    """The expressions in an f-string, or in several that stand side by side.

    Args:
        literal: source, with prefix and quotes.

    Yields:
        Where each starts, and its source. Those in format specifications come as well.
    """
    for start, text in _pieces(literal):
        prefix = re.match(r"\w*", text)
        assert prefix is not None
        kind = prefix.group().lower()
        if "f" in kind:
            quote = 3 if text[prefix.end() :][:3] in ('"""', "'''") else 1
            body = text[prefix.end() + quote : -quote]
            begin = start + prefix.end() + quote
            yield from ((begin + at, each) for at, each in _fields(body, raw="r" in kind))


def _pieces(literal: str) -> Iterator[tuple[int, str]]:
    """The string literals of an implicit concatenation, each with its start."""
    source = f"({literal})"
    place = _Place(source, -1)
    depth, begin = 0, 0
    f_start = getattr(tokenize, "FSTRING_START", -1)  # one token for the whole before 3.12
    f_end = getattr(tokenize, "FSTRING_END", -1)
    for token in tokenize.tokenize(BytesIO(source.encode()).readline):
        if token.type == f_start:
            if depth == 0:
                begin = _character(place, source, token.start)
            depth += 1
        elif token.type == f_end:
            depth -= 1
            if depth == 0:
                yield begin, literal[begin : _character(place, source, token.end)]
        elif token.type == tokenize.STRING and depth == 0:
            yield _character(place, source, token.start), token.string


def _character(place: _Place, source: str, where: tuple[int, int]) -> int:
    """The index of a token's start; its columns count characters."""
    line = source.splitlines(keepends=True)[where[0] - 1]
    return place.of(where[0], len(line[: where[1]].encode()))


def _fields(body: str, *, raw: bool) -> Iterator[tuple[int, str]]:
    """The replacement fields in the inside of an f-string."""
    at = 0
    while at < len(body):
        if body.startswith(("{{", "}}"), at):
            at += 2
        elif not raw and body.startswith("\\N{", at):
            at = body.index("}", at) + 1
        elif not raw and body[at] == "\\":
            at += 2 if body[at + 1 : at + 2] != "{" else 1
        elif body[at] == "{":
            end, spec = _expression_end(body, at + 1)
            yield at + 1, body[at + 1 : end].rstrip().removesuffix("=")
            at = spec
            if body[at] == ":":
                close = _closing(body, at)
                yield from ((at + 1 + n, t) for n, t in _fields(body[at + 1 : close], raw=raw))
                at = close
            at += 1
        else:
            at += 1


def _expression_end(body: str, at: int) -> tuple[int, int]:
    """Where an expression ends, and where its conversion does: at ``:`` or ``}``."""
    depth, quote = 0, ""
    while True:
        char = body[at]
        if quote:
            if body.startswith(quote, at):
                at += len(quote) - 1
                quote = ""
        elif char in "'\"":
            quote = char * 3 if body.startswith(char * 3, at) else char
            at += len(quote) - 1
        elif char in "([{":
            depth += 1
        elif depth and char in ")]}":
            depth -= 1
        elif not depth and char == "!" and body[at + 1] != "=":
            return at, at + 2
        elif not depth and char in ":}":
            return at, at
        at += 1


def _closing(body: str, at: int) -> int:
    """Where the format specification that starts here is closed."""
    depth = 0
    while True:
        if body[at] == "{":
            depth += 1
        elif body[at] == "}":
            if not depth:
                return at
            depth -= 1
        at += 1


def _inner(node: _Scope, body: list[Any]) -> _Inner:
    """What a function or a class binds itself."""
    own = _bound(body)
    outer: set[str] = set()
    module: set[str] = set()
    queue = list(body)
    while queue:
        each = queue.pop()
        if isinstance(each, ast.Global):
            module.update(each.names)
        elif isinstance(each, ast.Nonlocal):
            outer.update(each.names)
        if not isinstance(each, _Function | ast.ClassDef | ast.Lambda):
            queue += ast.iter_child_nodes(each)
    if isinstance(node, _Function | ast.Lambda):
        own |= {each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg)}
    own -= module | outer
    return _Inner(frozenset(own), frozenset(module), isinstance(node, ast.ClassDef))


def _bound(body: list[Any]) -> set[str]:
    """The names that statements bind in their own scope."""
    names: set[str] = set()
    queue = list(body)
    while queue:
        node = queue.pop()
        if isinstance(node, _Function | ast.ClassDef):
            names.add(node.name)
            inside = [*node.decorator_list, *getattr(node, "bases", [])]
            inside += [node.args] if isinstance(node, _Function) else node.keywords
            names |= _walrus(inside)
            continue
        if isinstance(node, _Comprehension | ast.Lambda):
            names |= _walrus([node]) if isinstance(node, _Comprehension) else set()
            continue
        if isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            names.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            names.add(node.rest)
        queue += ast.iter_child_nodes(node)
    return names


def _walrus(nodes: list[Any]) -> set[str]:
    found = (each for node in nodes for each in ast.walk(node) if isinstance(each, ast.NamedExpr))
    return {each.target.id for each in found if isinstance(each.target, ast.Name)}


def _global(name: str, scopes: list[_Inner]) -> bool:
    """Whether a name means that of the module."""
    for number, scope in enumerate(reversed(scopes)):
        if scope.is_class and number:
            continue  # functions do not see the names of the class around them
        if name in scope.from_module:
            return True
        if name in scope.own:
            return False
    return True


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
