"""What each tool, resource and prompt takes along: definitions, packages, files, variables."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mcp_notebook.runtime.server import Kind

from .reach.names import reads
from .selection import Definition, Registration, Selection


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What one part takes along.

    Attributes:
        kind: ``tool``, ``resource`` or ``prompt``.
        name: its name or URI.
        definitions: the names it reaches besides its own function.
        packages: the distributions it imports from.
        files: the files it opens or imports.
        variables: the environment variables it reads.
    """

    kind: Kind
    name: str
    definitions: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()


def taken(selection: Selection) -> list[Taken]:
    """What each part of a selection takes along."""
    defined = {name: one for one in selection.definitions for name in one.binds}
    used = {id(one): _used(one.source) for one in selection.definitions}
    modules = _modules(selection.imports)
    return [_taken(one, selection, defined, used, modules) for one in selection.registrations]


def _taken(
    registration: Registration,
    selection: Selection,
    defined: Mapping[str, Definition],
    used: Mapping[int, set[str]],
    modules: Mapping[str, str],
) -> Taken:
    own = _used(registration.expression)
    waiting, names = list(own), set[str]()
    sources: list[str] = []
    while waiting:
        name = waiting.pop()
        if name in names:
            continue
        names.add(name)
        if (found := defined.get(name)) is not None:
            sources.append(found.source)
            waiting += used[id(found)]
    text = "\n".join(sources)
    imported = {modules[name].partition(".")[0] for name in names if name in modules}
    part = registration.part
    return Taken(
        kind=part.kind,
        name=part.name,
        definitions=tuple(sorted(name for name in names if name in defined and name not in own)),
        packages=tuple(
            one.distribution
            for one in selection.requirements
            if imported & {module.partition(".")[0] for module in one.modules}
        ),
        files=tuple(
            str(one.path)
            for one in selection.files
            if one.path.name in text or imported & {one.path.parts[0], one.path.stem}
        ),
        variables=tuple(one.name for one in selection.variables if one.name in text),
    )


def _used(source: str) -> set[str]:
    """The names that a piece of source uses."""
    found: set[str] = set()
    for node in _statements(source):
        found |= reads(node).all
    return found


def _statements(source: str) -> Iterable[ast.stmt]:
    try:
        return ast.parse(source).body
    except SyntaxError:
        return ()


def _modules(imports: Iterable[str]) -> dict[str, str]:
    """The module behind each name that is imported."""
    found: dict[str, str] = {}
    for text in imports:
        for node in _statements(text):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    found[name] = alias.name
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    found[alias.asname or alias.name] = node.module or ""
    return found
