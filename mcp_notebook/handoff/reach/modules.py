"""Modules that the server imports: distributions to install, the user's own to ship."""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib.metadata
import importlib.util
import re
import sys
import sysconfig
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from mcp_notebook.handoff.selection import Requirement, Shipped

from .cells import parse
from .cleaning import shows_secret
from .codes import inner, own_functions, same_code
from .files import Files, private
from .imports import NOTEBOOK_ONLY
from .names import binds, changes, rebinds
from .node import Trouble
from .pure import same

_OF_MCP = {"mcp", "mcp_types"}
"""Every exported server has them."""

_ALSO = {
    "read_parquet": "pyarrow",
    "to_parquet": "pyarrow",
    "read_excel": "openpyxl",
    "to_excel": "openpyxl",
    "to_markdown": "tabulate",
}
"""What a call needs beside the module it is from."""


@functools.lru_cache(maxsize=1)
def _distributions() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()


class Modules:
    """The modules that the taken source imports.

    Args:
        folder: where the notebook is.
        opened: gets the files that the user's own modules open.
        set_in_cells: attributes that cells set: ``settings.MODE = "test"``.
        calls_into: whether a cell calls something of a module.

    Attributes:
        files: the user's own modules.
        troubles: modules that cannot travel, by name.
    """

    def __init__(
        self,
        folder: Path,
        opened: Files,
        set_in_cells: frozenset[str],
        calls_into: Callable[[str], bool],
    ) -> None:
        self._folder = folder.resolve()
        self._set_in_cells = set_in_cells
        self._calls_into = calls_into
        self.remarks: dict[str, None] = {}
        self._opened = opened
        self._found: dict[str, set[str]] = {}
        self._seen: set[str] = set()
        self.files: dict[PurePosixPath, Shipped] = {}
        self.troubles: dict[str, Trouble] = {}

    def take(self, module: str) -> Trouble | None:
        """Note a module, by its dotted name."""
        if not module or module in self._seen:
            return self.troubles.get(module)
        self._seen.add(module)
        top = module.partition(".")[0]
        if top in sys.stdlib_module_names or top in _OF_MCP:
            return None
        trouble: Trouble | None
        if top in NOTEBOOK_ONLY:
            trouble = Trouble(reason=f"it imports {top}, which a server does not have")
        elif (origin := self._own(module)) is not None:
            trouble = self._ship(module, origin)
        elif top in _distributions():
            self._found.setdefault(_one_of(_distributions()[top], module), set()).add(top)
            return None
        else:
            trouble = _unknown(module)
        if trouble is None:
            return None
        self.troubles[module] = trouble
        return trouble

    def take_imports(self, source: str) -> Iterator[tuple[str, Trouble]]:
        """Note what a text imports, in its functions as well."""
        for module in imported(source):
            trouble = self.take(module)
            if trouble is not None:
                yield module, trouble
        for sign, distribution in _ALSO.items():
            if sign in source and distribution in _distributions():
                self._found.setdefault(distribution, set())

    def requirements(self) -> tuple[Requirement, ...]:
        """What has to be installed, with the versions that are installed here."""
        return tuple(
            Requirement(
                distribution=name, version=_version(name), modules=tuple(sorted(self._found[name]))
            )
            for name in sorted(self._found, key=str.lower)
        )

    # ---- the user's own --------------------------------------------------------------------

    def _own(self, module: str) -> Path | None:
        """The file of a module that is the user's own."""
        origin = _origin(module)
        if origin is None or origin.suffix != ".py":
            return None
        installed = [sysconfig.get_path(p) for p in ("purelib", "platlib", "stdlib")]
        if any(origin.is_relative_to(Path(p).resolve()) for p in installed if p):
            return None
        if "site-packages" in origin.parts or "dist-packages" in origin.parts:
            return None
        return origin if origin.is_relative_to(self._folder) else None

    def _ship(self, module: str, origin: Path) -> Trouble | None:
        parts = module.split(".")
        for end in range(1, len(parts) + 1):
            name = ".".join(parts[:end])
            file = _origin(name)
            if file is None:  # a folder without __init__.py
                continue
            trouble = self._ship_one(name, file)
            if trouble is not None:
                return trouble
        return None

    def _ship_one(self, module: str, file: Path) -> Trouble | None:
        inner = PurePosixPath(*module.split("."))
        path = inner / "__init__.py" if file.name == "__init__.py" else inner.with_suffix(".py")
        if path in self.files:
            return None
        content = file.read_bytes()
        if _edited(module, content, self._set_in_cells):
            return Trouble(
                reason=f"{file.name} was changed after {module} was imported",
                ways=("restart the kernel and run the notebook again, then export",),
            )
        changed = _state(module, content)
        if changed and self._calls_into(module):
            return Trouble(
                reason=f"{module}.{changed} is not what {file.name} gives it any more: cells called"
                f" functions of {module}",
                ways=(
                    "restart the kernel and run the cells that define tools, then export",
                    f"fill it in {file.name}",
                ),
            )
        if changed:
            self.remarks[
                f"{module}.{changed} was changed while tools worked: the server starts with what"
                f" {file.name} gives it."
            ] = None
        self.files[path] = Shipped(path=path, content=content, reason=f"import {module}")
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]
        problem = self._content(file, content.decode("utf-8", "replace"), package)
        if problem is not None:
            return problem
        return self._package(module, file.parent) if file.name == "__init__.py" else None

    def _content(self, file: Path, source: str, package: str) -> Trouble | None:
        """Follow a module's own source: what it imports, what it opens, what it must not hold."""
        if shows_secret(source):
            return Trouble(
                reason=f"{file.name} holds what looks like a secret",
                ways=(f"read it from os.environ in {file.name}, and restart the kernel",),
            )
        for found in imported(source, package):
            problem = self.take(found)
            if problem is not None:
                return problem
        return self._opened.take(source)

    def _package(self, package: str, folder: Path) -> Trouble | None:
        """All of a package travels: modules it may import when it runs, and its data."""
        base = PurePosixPath(*package.split("."))
        for file in sorted(folder.rglob("*")):
            inner = PurePosixPath(*file.relative_to(folder).parts)
            hidden = any(p.startswith(".") or p == "__pycache__" for p in inner.parts)
            if not file.is_file() or hidden or base / inner in self.files:
                continue
            problem = private(file)
            content = file.read_bytes()
            if problem is None and file.suffix == ".py":
                name = ".".join((base / inner).with_suffix("").parts).removesuffix(".__init__")
                self.files[base / inner] = Shipped(
                    path=base / inner, content=content, reason=f"import {package}"
                )
                problem = self._content(
                    file, content.decode("utf-8", "replace"), name.rpartition(".")[0]
                )
            if problem is not None:
                return problem
            self.files[base / inner] = Shipped(
                path=base / inner, content=content, reason=f"import {package}"
            )
        return None


def imported(source: str, package: str = "") -> list[str]:
    """The modules that a text imports, anywhere in it.

    Args:
        source: Python.
        package: the package it is in, for relative imports.
    """
    try:
        tree = parse(source)
    except SyntaxError:
        return []
    found: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= dict.fromkeys(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                base = package.split(".")[: len(package.split(".")) - node.level + 1]
                module = ".".join([*base, *([module] if module else [])])
            if module and module != "__future__":
                found[module] = None
                found |= {
                    name: None
                    for alias in node.names
                    if (name := f"{module}.{alias.name}") in sys.modules
                }
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = ast.unparse(node.func)
            if called in {"__import__", "import_module", "importlib.import_module"}:
                found[str(node.args[0].value)] = None
    return list(found)


def _origin(module: str) -> Path | None:
    loaded = sys.modules.get(module)
    file = getattr(loaded, "__file__", None)
    if file is None and loaded is None:
        try:
            spec = importlib.util.find_spec(module)
        except (ImportError, ValueError, AttributeError):
            return None
        file = spec.origin if spec is not None and spec.has_location else None
    return Path(file).resolve() if file else None


def _edited(module: str, content: bytes, set_in_cells: frozenset[str]) -> bool:
    """Whether a loaded module is not what its file says: its functions, its plain constants."""
    loaded = sys.modules.get(module)
    if loaded is None:
        return False
    try:
        tree = parse(content.decode("utf-8", "replace"))
        code = compile(content, "<file>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return True
    here = {c.co_qualname: c for c in inner(code)}
    functions = [v for v in vars(loaded).values() if isinstance(v, types.FunctionType)]
    for value in list(vars(loaded).values()):
        if isinstance(value, type) and value.__module__ == module:
            functions += [function for _, function in own_functions(value)]
    for function in functions:
        if function.__globals__ is not vars(loaded):
            continue
        made = here.get(function.__code__.co_qualname)
        if made is not None and not same_code(made, function.__code__):
            return True
        if made is None and function.__code__.co_filename == getattr(loaded, "__file__", ""):
            return True
    return any(
        not same(vars(loaded).get(name), value)
        for name, value in _constants(tree).items()
        if name not in set_in_cells
    )


def _state(module: str, content: bytes) -> str:
    """A name that the module's own functions change, and that is not as in its file now."""
    loaded = sys.modules.get(module)
    try:
        tree = parse(content.decode("utf-8", "replace"))
    except (SyntaxError, ValueError):
        return ""
    changed = changes(tree) | rebinds(tree)
    for node in tree.body:
        if not isinstance(node, ast.AnnAssign | ast.Assign) or node.value is None:
            continue
        target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
        if not isinstance(target, ast.Name) or target.id not in changed:
            continue
        with contextlib.suppress(ValueError):
            begun = ast.literal_eval(node.value)
            if loaded is not None and not same(vars(loaded).get(target.id), begun):
                return target.id
    return ""


def _constants(tree: ast.Module) -> dict[str, object]:
    """The plain constants that a module binds once, and that nothing in it changes."""
    found: dict[str, object] = {}
    bound = [name for node in tree.body for name in binds(node)]
    changed = changes(tree) | rebinds(tree)
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if bound.count(name) == 1 and name not in changed:
                with contextlib.suppress(ValueError):
                    found[name] = ast.literal_eval(node.value)
    return found


def _unknown(module: str) -> Trouble | None:
    origin = _origin(module)
    if origin is None:
        try:
            here = importlib.util.find_spec(module.partition(".")[0]) is not None
        except (ImportError, ValueError):
            here = False
        if not here:
            return None  # missing here too: a `try` deals with it, or the tool fails in both
        return Trouble(
            reason=f"{module} comes from no installed package",
            ways=("install it as a package",),
        )
    return Trouble(
        reason=f"{module} is no installed package and does not lie beside the notebook",
        ways=(f"copy {origin.name} next to the notebook, or install it as a package",),
    )


def _one_of(distributions: Iterable[str], module: str) -> str:
    """The distribution a module is from, where several share a namespace."""
    found = sorted({re.sub(r"[-_.]+", "-", name).lower() for name in distributions})
    if len(found) == 1:
        return found[0]
    inner = module.replace(".", "/")
    for name in found:
        files = importlib.metadata.files(name) or []
        if any(
            str(file.with_suffix("")) in (inner, f"{inner}/__init__")
            for file in files
            if file.suffix == ".py"
        ):
            return name
    return found[0]


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""
