"""A server file taken apart into cells again: read as text, never run."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mcp_notebook.errors import UsageError

from .ascells import FoundPart, as_cell, as_cells, as_decorated, asked, named
from .reach.names import binds, changes, reads
from .script.registering import ON_MAIN_THREAD
from .wording import tame

_SERVERS: Final = frozenset({"MCPServer", "FastMCP"})
_DECORATORS: Final = {"tool": "tool", "resource": "resource", "prompt": "prompt"}
_ADDERS: Final = {"add_tool": "tool"}


@dataclass(frozen=True, kw_only=True)
class Imported:
    """A server file as cells.

    Attributes:
        path: the file.
        server: the name that the file gives its server.
        imports: the import statements that the parts need.
        rest: the other statements that they need, in the order of the file.
        parts: its tools, resources and prompts.
        remarks: what the reader should know.
    """

    path: Path
    server: str
    imports: tuple[str, ...]
    rest: tuple[str, ...]
    parts: tuple[FoundPart, ...]
    remarks: tuple[str, ...] = ()

    @property
    def cells(self) -> list[str]:
        """A cell for the imports, one for what the parts share, one for each part.

        What reads a variable of the environment has a cell of its own: where the variable is not
        set, the rest stands all the same.
        """
        parts = [as_cell(part, self.server_option, self.binds) for part in self.parts]
        return as_cells(self.imports, self.rest, parts)

    @property
    def cell(self) -> str:
        """All of it in one cell: decorators, because a cell has one ``%%mcp`` line at most."""
        kinds = sorted({part.kind for part in self.parts})
        clash = self.binds & set(kinds)
        used = "import mcp_notebook" if clash else f"from mcp_notebook import {', '.join(kinds)}"
        imports = "\n".join([*self.imports, used])
        door = "mcp_notebook." if clash else ""
        parts = [as_decorated(part, self.server_option, door) for part in self.parts]
        return "\n\n\n".join([imports, *self.rest, *parts])

    @property
    def binds(self) -> frozenset[str]:
        """The names that the file's own statements bind."""
        sources = (*self.imports, *self.rest, *(part.source for part in self.parts))
        return frozenset(
            name for source in sources for node in ast.parse(source).body for name in binds(node)
        )

    @property
    def server_option(self) -> str:
        """The name of the server where it is not the notebook's first."""
        return "" if self.server in ("", "notebook") else self.server

    def __repr__(self) -> str:
        rows = [f"  {part.kind} {named(part)}" for part in self.parts]
        return "\n".join(map(tame, [self.summary(), *rows, *self.remarks]))

    def summary(self) -> str:
        """One line."""
        count = len(self.parts)
        return f"{self.path.name}: {count} part{'' if count == 1 else 's'}"


def take_apart(path: Path) -> Imported:
    """The tools, resources and prompts of a server file, and what they need of it.

    Raises:
        UsageError: it cannot be read, or has none.
    """
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}.", hint="Check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.") from None
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"{path.name} is no Python: {error}.") from None
    return _File(path, text, tree).imported()


class _File:
    """One file while it is taken apart."""

    def __init__(self, path: Path, text: str, tree: ast.Module) -> None:
        self._path = path
        self._lines = text.splitlines()
        self._body = tree.body
        self._servers = dict(_servers(tree))
        self._remarks: list[str] = []
        self._parts: list[FoundPart] = []
        self._taken: set[int] = set()
        self._roots: set[str] = set()

    def imported(self) -> Imported:
        if not self._servers:
            raise UsageError(
                f"{self._path.name} makes no server.",
                hint="It needs a line such as mcp = MCPServer(...).",
            )
        for statement in self._body:
            self._look_at(statement)
        if not self._parts:
            raise UsageError(f"{self._path.name} registers no tool, resource or prompt.")
        if len(set(self._servers.values())) > 1:
            self._remarks.append("the parts of several servers became one")
        needed = self._needed()
        imports = [s for s in needed if isinstance(s, ast.Import | ast.ImportFrom)]
        rest = [s for s in needed if not isinstance(s, ast.Import | ast.ImportFrom)]
        lines = list(dict.fromkeys(_alone(s, self._imported_names(s)) for s in imports))
        future = [line for line in lines if line.startswith("from __future__")]
        self._remark(needed)
        return Imported(
            path=self._path,
            server=next(iter(self._servers.values())),
            imports=(*future, *self._place(imports), *(one for one in lines if one not in future)),
            rest=tuple(self._text(s) for s in rest),
            parts=tuple(self._parts),
            remarks=tuple(dict.fromkeys(self._remarks)),
        )

    def _place(self, imports: Sequence[ast.Import | ast.ImportFrom]) -> list[str]:
        """Lines that make a cell find what the file finds beside itself."""
        found = []
        if "__file__" in self._wanted:
            found.append(f"__file__ = {str(self._path)!r}")
        folder = self._path.parent
        roots = {
            name.partition(".")[0]
            for one in imports
            for name in ([one.module or ""] if isinstance(one, ast.ImportFrom) else [])
            + ([alias.name for alias in one.names] if isinstance(one, ast.Import) else [])
        }
        beside = [n for n in roots if (folder / f"{n}.py").is_file() or (folder / n).is_dir()]
        if beside and str(folder) != ".":
            found += ["import sys", f"sys.path.insert(0, {str(folder)!r})"]
        return found

    def _remark(self, needed: Sequence[ast.stmt]) -> None:
        sources = [*map(self._text, needed), *(part.source for part in self._parts)]
        names = list(dict.fromkeys(name for source in sources for name in asked(source)))
        if unset := [name for name in names if name not in os.environ]:
            self._remarks.append(
                f"not set, and asked for: {', '.join(unset)}; before the cells run: "
                f"%env {unset[0]}=..."
            )
        for statement in self._body:
            if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
                continue
            if ast.unparse(statement.value.func) == "os.chdir":
                self._remarks.append(
                    "the file works in a folder of its own; here its tools look for files in the "
                    "notebook's folder"
                )
        for name in sorted(self._wanted & set(self._servers)):
            self._remarks.append(
                f"{name}, the server itself, is used by a part; in a notebook it is "
                "wb.server(...), with wb = %mcp workbench"
            )

    # ---- what registers ------------------------------------------------------------------

    def _look_at(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            self._decorated(statement)
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            self._called(statement, statement.value)

    def _decorated(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        ours: list[tuple[str, ast.expr]] = []
        for decorator in function.decorator_list:
            call = decorator.func if isinstance(decorator, ast.Call) else decorator
            kind = self._registers(call, _DECORATORS)
            if kind:
                ours.append((kind, decorator))
        if not ours:
            return
        self._taken.add(id(function))
        source = self._without(function, [decorator for _, decorator in ours])
        for kind, decorator in ours:
            options = self._options(kind, decorator)
            self._add(kind, function.name, source, options, function.lineno)
            source = ""  # registered twice: defined once
        kept = [one for one in function.decorator_list if all(one is not d for _, d in ours)]
        bare = ast.parse(ast.unparse(function)).body[0]
        assert isinstance(bare, ast.FunctionDef | ast.AsyncFunctionDef)
        bare.decorator_list = kept
        self._roots |= reads(bare).all
        for _, decorator in ours:
            self._roots |= self._names(decorator)

    def _called(self, statement: ast.Expr, call: ast.Call) -> None:
        """``mcp.tool(...)(function)`` and ``mcp.add_tool(function, ...)``."""
        if isinstance(call.func, ast.Call):
            kind = self._registers(call.func.func, _DECORATORS)
            given, decorator = call.args[:1], call.func
        else:
            kind = self._registers(call.func, _ADDERS)
            given, decorator = call.args[:1], call
        if not kind or not given:
            return
        self._taken.add(id(statement))
        options = self._options(kind, decorator, skip=0 if isinstance(call.func, ast.Call) else 1)
        function = given[0]
        if isinstance(function, ast.Call) and _is_kernel_bound(function):
            function = function.args[0]
            options["thread"] = "'kernel'"
        source = self._own_definition(function)
        if source and options.get("name") == repr(ast.unparse(function)):
            del options["name"]
        self._add(kind, ast.unparse(function), source, options, statement.lineno)
        self._roots |= self._names(decorator) | self._names(function)

    def _own_definition(self, function: ast.expr) -> str:
        """The definition of a function that nothing but its registration uses; else nothing."""
        name = function.id if isinstance(function, ast.Name) else ""
        users = [s for s in self._body if name in reads(s).all | binds(s)]
        if not name or len(users) != 2:
            return ""
        made = users[0]
        if not isinstance(made, ast.FunctionDef | ast.AsyncFunctionDef) or id(made) in self._taken:
            return ""
        self._taken.add(id(made))
        self._roots |= reads(made).all
        return self._text(made)

    def _registers(self, function: ast.expr, words: dict[str, str]) -> str:
        """The kind that an attribute of a server registers; empty where it is something else."""
        if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name):
            return ""
        return words.get(function.attr, "") if function.value.id in self._servers else ""

    def _options(self, kind: str, decorator: ast.expr, skip: int = 0) -> dict[str, str]:
        if not isinstance(decorator, ast.Call):
            return {}
        first = "uri" if kind == "resource" else "name"
        given = decorator.args[skip : skip + 1]
        found = {first: ast.unparse(given[0])} if given else {}
        for word in decorator.keywords:
            if word.arg is None:
                self._remarks.append(
                    f"line {decorator.lineno}: **{ast.unparse(word.value)} was left out"
                )
            else:
                found[word.arg] = ast.unparse(word.value)
        return found

    def _add(
        self, kind: str, function: str, source: str, options: dict[str, str], line: int
    ) -> None:
        self._parts.append(
            FoundPart(kind=kind, function=function, source=source, options=options, line=line)
        )

    def _names(self, node: ast.AST) -> set[str]:
        names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
        return names - set(self._servers)

    # ---- what is needed besides ------------------------------------------------------------

    def _needed(self) -> list[ast.stmt]:
        """The statements that the parts reach, in the order of the file."""
        wanted, needed = set(self._roots), dict[int, ast.stmt]()
        candidates = [
            s
            for s in self._body
            if id(s) not in self._taken and not _is_main(s) and not self._makes_server(s)
        ]
        found = True
        while found:
            found = False
            for statement in candidates:
                if id(statement) in needed:
                    continue
                touched = binds(statement) | changes(statement)
                future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
                star = isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*"
                if touched & wanted or future or star:
                    needed[id(statement)] = statement
                    wanted |= reads(statement).all
                    found = True
        self._wanted = wanted
        return [s for s in self._body if id(s) in needed]

    def _makes_server(self, statement: ast.stmt) -> bool:
        return bool(binds(statement) & set(self._servers)) and not isinstance(
            statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        )

    def _imported_names(self, statement: ast.Import | ast.ImportFrom) -> list[ast.alias]:
        """The names of an import that are needed."""
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            return statement.names
        return [
            alias
            for alias in statement.names
            if alias.name == "*" or (alias.asname or alias.name).partition(".")[0] in self._wanted
        ]

    # ---- text --------------------------------------------------------------------------------

    def _text(self, node: ast.stmt) -> str:
        """A statement as it stands in the file, with the comments right above it."""
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        while first > 1 and self._lines[first - 2].lstrip().startswith("#"):
            first -= 1
        found = self._lines[first - 1 : node.end_lineno]
        if found and found[0].startswith("#") and _is_heading(found[0]):
            found = found[1:]
        return "\n".join(found).strip("\n")

    def _without(
        self,
        function: ast.FunctionDef | ast.AsyncFunctionDef,
        decorators: Sequence[ast.expr],
    ) -> str:
        """A function as it stands in the file, without some of its decorators."""
        gone: set[int] = set()
        for decorator in decorators:
            gone |= set(range(decorator.lineno, (decorator.end_lineno or decorator.lineno) + 1))
        first = min([function.lineno, *(d.lineno for d in function.decorator_list)])
        above = first
        while above > 1 and self._lines[above - 2].startswith("#"):
            above -= 1
        numbers = [n for n in range(above, (function.end_lineno or first) + 1) if n not in gone]
        lines = [self._lines[n - 1] for n in numbers]
        if lines and _is_heading(lines[0]):
            lines = lines[1:]
        return "\n".join(lines).strip("\n")


def _servers(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The variables that hold a server, and the name each server is given."""
    for node in tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(node.value, ast.Call):
            continue
        value, made = node.value, node.value.func
        name = made.id if isinstance(made, ast.Name) else getattr(made, "attr", "")
        if name not in _SERVERS:
            continue
        given = [*value.args[:1], *(k.value for k in value.keywords if k.arg == "name")]
        title = given[0].value if given and isinstance(given[0], ast.Constant) else ""
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            if isinstance(target, ast.Name):
                yield target.id, str(title)


def _is_kernel_bound(call: ast.Call) -> bool:
    """Whether an exported file wraps a tool that the notebook runs on the kernel's thread."""
    return (
        isinstance(call.func, ast.Name) and call.func.id == ON_MAIN_THREAD and len(call.args) == 1
    )


def _is_main(statement: ast.stmt) -> bool:
    """Whether this is what runs only when the file is started."""
    return isinstance(statement, ast.If) and "__name__" in {
        node.id for node in ast.walk(statement.test) if isinstance(node, ast.Name)
    }


def _is_heading(line: str) -> bool:
    """Whether a comment is a line between two sections of a file."""
    return bool(re.match(r"#\s*[-=#]{3}", line))


def _alone(statement: ast.Import | ast.ImportFrom, names: list[ast.alias]) -> str:
    """An import of what is needed."""
    if isinstance(statement, ast.Import):
        return ast.unparse(ast.Import(names=names))
    return ast.unparse(ast.ImportFrom(module=statement.module, names=names, level=statement.level))
