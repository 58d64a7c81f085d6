"""Ways out that the user named: a value in a file, an expression in place of a value."""

from __future__ import annotations

import ast
import builtins
import importlib.util
import io
import json
import types
from collections.abc import Callable, Collection, Iterable
from pathlib import PurePosixPath
from typing import Any, Final

from mcp_notebook.errors import UsageError
from mcp_notebook.handoff.selection import Shipped
from mcp_notebook.runtime.names import near

from .cells import parse
from .files import shows_secret
from .names import reads
from .node import Node, Piece, Trouble
from .notebook import Notebook
from .objects import affine
from .pure import same

_AFFINE: Final = (
    "can be used on the thread alone that made it, and tools run on others:"
    " sqlite3.connect(..., check_same_thread=False)."
)


def check_named(notebook: Notebook, used: Collection[str], *, whole: bool) -> None:
    """See that every name that the user gave is one that the parts use.

    A value stays where it is when its name is misspelt, and the user believes that it left.

    Args:
        notebook: what the user named.
        used: the names that the parts use.
        whole: whether these are all: behind what cannot leave there may be more.

    Raises:
        UsageError: one is not there, or nothing uses it.
    """
    shown = sorted(name for name in used if name in notebook.names and _is_value(name, notebook))
    for option in ("env", "freeze", "replace"):
        for name in getattr(notebook, option):
            there = name in notebook.names
            if name in used or (there and not whole):
                continue
            told = f"There is: {', '.join(shown)}." if shown else "They use no variable."
            raise UsageError(
                f"--{option} {name}: no part of the server uses {name}."
                if there
                else f"--{option} {name}: there is no variable {name!r}.",
                hint=near(name, [*shown, *used]).strip() or told,
            )


def check_left(notebook: Notebook, pieces: Iterable[Piece]) -> None:
    """See that no statement still writes down what is to come from the environment.

    Raises:
        UsageError: one binds it together with something that is used: ``a, key = 1, "..."``.
    """
    for piece in pieces:
        for name in notebook.env:
            if piece.cell and name in piece.binds:
                others = ", ".join(one for one in piece.binds if one != name)
                raise UsageError(
                    f"--env {name}: {piece.cell} gives {name} its value together with {others},"
                    " so that it would stay in the source.",
                    hint=f"Give {name} its value in a statement of its own; run the cell again.",
                )


def _is_value(name: str, notebook: Notebook) -> bool:
    return not isinstance(
        notebook.names[name], types.FunctionType | types.ModuleType | type
    ) and not name.startswith("_")


def replaced(name: str, expression: str, notebook: Notebook) -> Node:
    """A name that gets its value from an expression of the user's.

    Raises:
        UsageError: it is no expression.
    """
    try:
        made = ast.parse(expression, mode="eval").body
    except SyntaxError as error:
        raise UsageError(
            f"{expression!r} is no Python expression: {error.msg}.",
            hint=f"For example --replace {name}=None",
        ) from None
    source = f"{name} = {expression}"
    used = reads(parse(source).body[0])
    imports: dict[str, None] = {}
    modules: dict[str, None] = {}
    for one in sorted(used.all - notebook.names.keys() - set(dir(builtins))):
        if importlib.util.find_spec(one) is not None:
            imports[f"import {one}"] = None
            modules[one] = None
    statement = notebook.history.newest(name)
    return Node(
        imports=tuple(imports),
        modules=tuple(modules),
        pieces=(
            Piece(
                binds=(name,),
                source=source,
                place=statement.place if statement is not None else 0,
                eager=used.eager - {name} - modules.keys(),
                lazy=used.lazy - {name} - modules.keys(),
            ),
        ),
        remarks=(
            f"{name} is given by --replace: {expression}",
            *([f"{name} {_AFFINE}"] if affine(made) else []),
        ),
    )


def frozen(name: str, value: Any, file: str, notebook: Notebook) -> Node:
    """A name whose value travels in a file.

    Raises:
        UsageError: the file cannot hold the value, or lies outside of the server's folder.
    """
    path = PurePosixPath(file)
    if path.is_absolute() or ".." in path.parts or not path.name:
        raise UsageError(
            f"{file} is not beside the server.", hint=f"--freeze {name}=data/{path.name or name}"
        )
    known = _KINDS.get(path.suffix)
    if known is None:
        raise UsageError(
            f"{path.suffix or 'no ending'} is no kind of file that a value can be kept in.",
            hint=f"Use {', '.join(sorted(_KINDS))}: --freeze {name}={name.lower()}.json",
        )
    write, read, module = known
    try:
        content, again = write(value)
    except Exception as error:  # noqa: BLE001 - writers raise what they like
        text = " ".join(str(error).split())
        return _unfrozen(name, value, path, text)
    if not _equal(value, again):
        return _unfrozen(name, value, path, "it would not be the same again")
    if shows_secret(content):
        return Node(
            trouble=Trouble(
                reason=f"{name} holds what looks like a secret, which no file carries along",
                ways=(f"take the secret out of {name}", f"--env {name}=VARIABLE"),
            )
        )
    alias = {"pandas": "pd", "numpy": "np"}.get(module, module)
    used = notebook.module(module)
    for one, held in notebook.names.items():
        if getattr(held, "__name__", "") == module and one in (alias, module):
            used = one
            break
    line = f"import {module}" + (f" as {used}" if used != module else "")
    folder = notebook.module("pathlib")
    where = f"{folder}.Path(__file__).parent / {str(path)!r}"
    statement = notebook.history.newest(name)
    return Node(
        imports=(line, notebook.import_line("pathlib")),
        modules=(module, "pathlib"),
        pieces=(
            Piece(
                binds=(name,),
                source=f"{name} = {read(used, where)}",
                place=statement.place if statement is not None else 0,
            ),
        ),
        files=(Shipped(path=path, content=content, reason=f"the value of {name}"),),
        remarks=(f"{name} is frozen in {path}: the server starts with the value of now.",),
    )


def _unfrozen(name: str, value: Any, path: PurePosixPath, why: str) -> Node:
    kind = type(value).__name__
    better = {"DataFrame": ".parquet", "Series": ".json", "ndarray": ".npy"}.get(kind, ".json")
    other = path.with_suffix(better if better != path.suffix else ".csv")
    return Node(
        trouble=Trouble(
            reason=f"{name} is a {kind} that {path} cannot hold: {why}",
            ways=(f"--freeze {name}={other}", f"--replace {name}=EXPRESSION that makes it"),
        )
    )


def _equal(value: Any, again: Any) -> bool:
    if hasattr(value, "equals") and hasattr(value, "dtypes"):
        dtypes = value.dtypes
        alike = dtypes.equals(again.dtypes) if hasattr(dtypes, "equals") else dtypes == again.dtypes
        return bool(value.equals(again)) and bool(alike)
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return bool(
            value.dtype == again.dtype and value.shape == again.shape
            and value.tobytes() == again.tobytes()
        )  # fmt: skip
    return same(value, again)


def _json(value: Any) -> tuple[bytes, Any]:
    text = json.dumps(value, ensure_ascii=False, indent=1)
    return (text + "\n").encode(), json.loads(text)


def _text(value: Any) -> tuple[bytes, Any]:
    if not isinstance(value, str):
        raise TypeError("it is no text")
    return value.encode("utf-8"), value


def _raw(value: Any) -> tuple[bytes, Any]:
    if not isinstance(value, bytes):
        raise TypeError("it is no bytes")
    return value, value


def _parquet(value: Any) -> tuple[bytes, Any]:
    import pandas

    buffer = io.BytesIO()
    value.to_parquet(buffer)
    content = buffer.getvalue()
    return content, pandas.read_parquet(io.BytesIO(content))


def _csv(value: Any) -> tuple[bytes, Any]:
    import pandas

    content = value.to_csv(index=False).encode()
    return content, pandas.read_csv(io.BytesIO(content))


def _npy(value: Any) -> tuple[bytes, Any]:
    import numpy

    buffer = io.BytesIO()
    numpy.save(buffer, value, allow_pickle=False)
    content = buffer.getvalue()
    return content, numpy.load(io.BytesIO(content), allow_pickle=False)


_Write = Callable[[Any], tuple[bytes, Any]]
_Read = Callable[[str, str], str]

_KINDS: dict[str, tuple[_Write, _Read, str]] = {
    ".json": (
        _json,
        lambda module, path: f"{module}.loads(({path}).read_text(encoding='utf-8'))",
        "json",
    ),
    ".txt": (_text, lambda _m, path: f"({path}).read_text(encoding='utf-8')", "pathlib"),
    ".bin": (_raw, lambda _m, path: f"({path}).read_bytes()", "pathlib"),
    ".parquet": (_parquet, lambda module, path: f"{module}.read_parquet({path})", "pandas"),
    ".csv": (_csv, lambda module, path: f"{module}.read_csv({path})", "pandas"),
    ".npy": (_npy, lambda module, path: f"{module}.load({path})", "numpy"),
}
"""By ending: what writes a value and reads it again, the source that reads it, its module."""
