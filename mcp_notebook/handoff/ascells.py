"""Parts of a server as cells of a notebook, and cells as a notebook file."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from .reach.names import binds, reads

_HINTS: Final = {
    "read_only_hint": "--read-only",
    "idempotent_hint": "--idempotent",
    "destructive_hint": "--destructive",
    "readOnlyHint": "--read-only",
    "idempotentHint": "--idempotent",
    "destructiveHint": "--destructive",
}
"""Annotations that a ``%%mcp tool`` line has an option for."""


@dataclass(frozen=True, kw_only=True)
class FoundPart:
    """A tool, resource or prompt in a file.

    Attributes:
        kind: which of the three.
        function: the name of its function, or the expression that gives it.
        source: the function's definition without the decorators that registered it; empty where
            it is defined elsewhere in the file.
        options: what it is registered with, as Python; the resource's URI is ``uri``.
        line: where it stands in the file.
    """

    kind: str
    function: str
    source: str
    options: dict[str, str]
    line: int


def _literal(text: str | None) -> Any:
    """The value of a literal; ``None`` where it is none."""
    try:
        return ast.literal_eval(text) if text is not None else None
    except (ValueError, SyntaxError):
        return None


def named(part: FoundPart) -> str:
    """The name or URI that a part is known by."""
    given = part.options.get("uri" if part.kind == "resource" else "name")
    found = _literal(given)
    return found if isinstance(found, str) else given or part.function


def asked(source: str) -> list[str]:
    """The variables of the environment that source cannot do without: ``os.environ["KEY"]``."""
    return [
        node.slice.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Subscript)
        and isinstance(node.ctx, ast.Load)
        and ast.unparse(node.value) in ("os.environ", "environ")
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, str)
    ]


def _flags(options: dict[str, str]) -> list[str] | None:
    """Annotations as options of a ``%%mcp tool`` line; ``None`` where there are none for them."""
    text = options.get("annotations")
    if text is None:
        return []
    call = ast.parse(text, mode="eval").body
    if not isinstance(call, ast.Call) or call.args:
        return None
    found = []
    for word in call.keywords:
        value = word.value.value if isinstance(word.value, ast.Constant) else None
        if word.arg not in _HINTS or value is not True:
            return None
        found.append(_HINTS[word.arg])
    return found


def as_cell(part: FoundPart, server: str, taken: Collection[str] = ()) -> str:
    """A part as a cell: a ``%%mcp`` line above it where that can say all of it.

    Args:
        part: the part.
        server: the name of its server; empty for the notebook's first.
        taken: names that the notebook uses itself.
    """
    line = _line(part, server)
    if line is None and part.kind in taken:
        return f"import mcp_notebook\n\n\n{as_decorated(part, server, 'mcp_notebook.')}"
    if line is None:
        used = f"from mcp_notebook import {part.kind}"
        return f"{used}\n\n\n{as_decorated(part, server)}"
    return f"{line}\n{part.source}"


def as_cells(imports: Sequence[str], rest: Sequence[str], parts: Sequence[str]) -> list[str]:
    """The cells of a file.

    Args:
        imports: its import statements.
        rest: what the parts share; what reads the environment gets a cell of its own.
        parts: the cells of the parts.
    """
    used = {name for text in [*rest, *parts] for name in _read(text)}
    needed = "\n".join(line for line in imports if not _idle(line, used, imports))
    groups = ("\n\n\n".join(texts) for _, texts in groupby(rest, lambda text: bool(asked(text))))
    return [*(text for text in (needed, *groups) if text), *parts]


def _read(cell: str) -> set[str]:
    """The names that a cell uses, below its magic."""
    text = cell.partition("\n")[2] if cell.startswith("%%") else cell
    return {name for node in ast.parse(text).body for name in reads(node).all}


def _idle(line: str, used: Collection[str], lines: Collection[str]) -> bool:
    """Whether an import serves none of the cells: an annotation became an option."""
    (node, *more) = ast.parse(line).body
    if more or not isinstance(node, ast.Import | ast.ImportFrom):
        return False
    bound = binds(node)
    future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
    others = {name for one in lines if one != line for name in _read(one)}
    return not future and "*" not in bound and not bound & {*used, *others}


def _line(part: FoundPart, server: str) -> str | None:
    """The ``%%mcp`` line of a part; ``None`` where none can say all of it."""
    options = dict(part.options)
    name = options.pop("name", None)
    if not part.source or (name is not None and _literal(name) != part.function):
        return None
    words = [f"%%mcp {part.kind}"]
    if part.kind == "resource":
        uri = _literal(options.pop("uri", None))
        if not isinstance(uri, str) or "://" not in uri:
            return None
        words.append(_quoted(uri))
    else:
        words.append(part.function)
    if part.kind == "tool":
        flags = _flags(options)
        if flags is None:
            return None
        options.pop("annotations", None)
        words += flags
    if options.pop("thread", None) is not None:
        words.append("--thread kernel")
    texts = _texts(options)
    if texts is None:
        return None
    words += texts
    if options:
        return None
    if part.kind == "prompt" and len(words) > 1 and words[1] == part.function:
        words.pop(1)
    if server:
        words.append(f"--server {_quoted(server)}")
    return " ".join(words)


def _texts(options: dict[str, str]) -> list[str] | None:
    """Title and description, taken out of the options; ``None`` where a line cannot hold them."""
    found = []
    for key in ("title", "description"):
        if key in options:
            text = _literal(options.pop(key))
            if not isinstance(text, str) or "\n" in text or text.startswith("$"):
                return None
            found.append(f"--{key} {_quoted(text)}")
    return found


def _quoted(text: str) -> str:
    """A word of a magic's line."""
    if re.fullmatch(r"[\w./:{}-]+", text):
        return text
    return f"'{text}'" if "'" not in text else json.dumps(text, ensure_ascii=False)


def as_decorated(part: FoundPart, server: str, door: str = "") -> str:
    """A part as a function with a decorator of this package, which ``door`` leads to."""
    options = dict(part.options)
    first = [options.pop("uri")] if part.kind == "resource" and "uri" in options else []
    if server:
        options["server"] = repr(server)
    given = ", ".join([*first, *(f"{key}={value}" for key, value in options.items())])
    decorator = f"{door}{part.kind}"
    if not part.source:
        return f"{decorator}({given})({part.function})"
    return f"@{decorator}({given})\n{part.source}" if given else f"@{decorator}\n{part.source}"


def as_notebook(cells: Sequence[str]) -> str:
    """Cells as the text of a notebook file."""
    made: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell-{number}",
            "metadata": {},
            "outputs": [],
            "source": source.splitlines(keepends=True),
        }
        for number, source in enumerate(["%load_ext mcp_notebook", *cells])
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    data = {
        "cells": made,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"
