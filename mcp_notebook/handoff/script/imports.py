"""Import statements as data: merged, sorted, written as tools sort them."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from .literals import WIDTH

STAR: Final = "*"
FUTURE: Final = "__future__"


@dataclass(frozen=True, kw_only=True)
class Imported:
    """One imported name.

    Attributes:
        module: the module, with leading dots where it is relative.
        name: what is taken from it; empty for ``import module``.
        alias: what it is called here; empty where it keeps its name.
    """

    module: str
    name: str = ""
    alias: str = ""

    @property
    def binds(self) -> str:
        """The name that the statement binds; ``*`` for a star."""
        return self.alias or self.name or self.module.partition(".")[0]

    @property
    def top(self) -> str:
        """The module's first part."""
        return self.module.partition(".")[0]

    def called(self, alias: str) -> Imported:
        """The same under another name."""
        own = self.name or self.module
        return Imported(module=self.module, name=self.name, alias="" if alias == own else alias)


def imported(statement: str) -> list[Imported]:
    """What an import statement imports.

    Raises:
        SyntaxError: it is no Python.
        ValueError: it is something else.
    """
    found: list[Imported] = []
    for node in ast.parse(statement).body:
        if isinstance(node, ast.Import):
            found += [Imported(module=n.name, alias=n.asname or "") for n in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found += [
                Imported(module=module, name=n.name, alias=n.asname or "") for n in node.names
            ]
        else:
            raise ValueError(f"no import: {statement!r}")
    return found


def star_names(found: Iterable[Imported]) -> set[str]:
    """The names that star imports bind, by the modules that are installed here."""
    names: set[str] = set()
    for one in found:
        if one.name == STAR:
            module = importlib.import_module(one.module)
            public = [name for name in vars(module) if not name.startswith("_")]
            names.update(getattr(module, "__all__", public))
    return names


def written(found: Iterable[Imported], local: Collection[str] = ()) -> str:
    """The statements: the standard library, then installed packages, then files shipped along.

    Args:
        found: what is imported; twice the same is written once.
        local: top-level modules that are shipped along.
    """
    unique = list(dict.fromkeys(found))
    future = [one for one in unique if one.module == FUTURE]
    # a star hides what was imported before it and is hidden by what comes after: it stays in front
    stars = [one for one in unique if one.name == STAR]
    rest = [one for one in unique if one.module != FUTURE and one.name != STAR]
    sections = [
        future,
        stars,
        [one for one in rest if one.top in sys.stdlib_module_names],
        [one for one in rest if one.top not in sys.stdlib_module_names and one.top not in local],
        [one for one in rest if one.top in local],
    ]
    return "\n\n".join(_section(section) for section in sections if section)


def _section(found: list[Imported]) -> str:
    stars = [f"from {one.module} import *" for one in found if one.name == STAR]
    plain = sorted((one for one in found if not one.name), key=lambda one: _order(one.module))
    lines = [f"import {one.module}{f' as {one.alias}' if one.alias else ''}" for one in plain]
    groups: dict[tuple[str, str], list[Imported]] = {}
    for one in found:
        if one.name and one.name != STAR:
            key = f"{one.name} as {one.alias}" if one.alias else ""
            groups.setdefault((one.module, key), []).append(one)
    for (module, alias), names in sorted(groups.items(), key=_group_order):
        members = [alias] if alias else sorted({one.name for one in names}, key=_member_order)
        line = f"from {module} import {', '.join(members)}"
        if len(line) > WIDTH:
            line = f"from {module} import (\n" + "".join(f"    {m},\n" for m in members) + ")"
        lines.append(line)
    return "\n".join([*stars, *lines])


def _order(text: str) -> tuple[object, ...]:
    """Sorts as tools do: without case, numbers as numbers."""
    parts = re.split(r"(\d+)", text.lower())  # words and numbers take turns
    return tuple(int(part) if part.isdigit() else part for part in parts), text


def _member_order(name: str) -> tuple[object, ...]:
    """Constants, then classes, then the rest."""
    rank = 0 if len(name) > 1 and name.isupper() else 1 if name[:1].isupper() else 2
    return rank, _order(name)


def _group_order(item: tuple[tuple[str, str], list[Imported]]) -> tuple[object, ...]:
    (module, alias), names = item
    first = min((_member_order(one.name) for one in names), default=())
    return _order(module), bool(alias), first
