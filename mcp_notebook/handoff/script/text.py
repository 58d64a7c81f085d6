"""``server.py``: what leaves the notebook, as one file that stands alone."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

from mcp_notebook.errors import UsageError
from mcp_notebook.handoff.selection import Definition, Requirement, Selection
from mcp_notebook.handoff.state import state_of, state_text

from .blocks import (
    ASIDE,
    Block,
    block,
    command_line,
    modules_of,
    own_files,
    own_modules,
    part,
    server,
    tail,
    variables,
)
from .imports import FUTURE, STAR, Imported, imported, star_names, written
from .literals import WIDTH
from .naming import (
    BUILTINS,
    CONTRACT,
    free_name,
    imports_aside,
    own_names,
    stepped_aside,
)
from .registering import Placed, placed
from .renaming import renamed
from .scopes import Function, bound_names
from .tidy import tidy

SCRIPT: Final = "server.py"

EXTRAS: Final = ("redis", "websocket")
"""What can be written into the file beside stdio, HTTP and SSE."""

MCP: Final = "mcp>=2.3,<3"
"""The SDK that the file is written for."""

NEEDED_BY: Final = {"websocket": "websockets>=15", "redis": "redis>=5"}
"""By extra: what has to be installed for it."""


ONE_CLIENT: Final = "one client, over stdin and stdout"
OVER_HTTP: Final = "at http://127.0.0.1:8000/mcp; see --help"
WORKERS: Final = "several processes, which share MCP_STATE_KEY"


def requirements(selection: Selection, extras: Collection[str] = ()) -> list[str]:
    """What has to be installed, each with the least version it was tried with.

    Raises:
        UsageError: an extra does not exist.
    """
    for extra in extras:
        if extra not in EXTRAS:
            known = ", ".join(EXTRAS)
            raise UsageError(f"there is no extra {extra!r}.", hint=f"--with takes: {known}.")
    own = [MCP, *(NEEDED_BY[extra] for extra in extras)]
    found = {re.split(r"[<>=]", line)[0]: line for line in own}
    for one in selection.requirements:
        found.setdefault(re.sub(r"[-_.]+", "-", one.distribution).lower(), _floor(one))
    return [found[name] for name in sorted(found)]


def _floor(one: Requirement) -> str:
    version = one.version.partition("+")[0]  # a local build cannot be asked for
    return f"{one.distribution}>={version}" if version else one.distribution


def python_floor() -> str:
    """The least Python: the one that the notebook ran on."""
    return f">={sys.version_info.major}.{sys.version_info.minor}"


def script(
    selection: Selection, *, extras: frozenset[str] = frozenset(), name: str = SCRIPT
) -> str:
    """The text of ``server.py``.

    Args:
        selection: what leaves the notebook. Its obstacles are not looked at.
        extras: ``websocket``, ``redis``.
        name: what the file is called.

    Raises:
        UsageError: an extra does not exist, or a name of the notebook clashes with one that the
            file needs and cannot be changed.
    """
    start = {
        f"uv run {name}": ONE_CLIENT,
        f"uv run {name} --transport http": OVER_HTTP,
        **workers(selection, name.removesuffix(".py")),
    }
    metadata = _metadata(requirements(selection, extras))
    return server_text(selection, extras=extras, start=start, metadata=metadata, name=name)


def server_text(
    selection: Selection,
    *,
    extras: Collection[str],
    start: Mapping[str, str],
    metadata: str = "",
    name: str = SCRIPT,
) -> str:
    """The file.

    Args:
        selection: what leaves the notebook.
        extras: ``websocket``, ``redis``.
        start: how it is started, and what for.
        metadata: the block of comments that lets ``uv run`` start it alone.
        name: what the file is called.
    """
    if any(one.path == PurePosixPath(name) for one in selection.files):
        raise UsageError(
            f"the notebook uses a file named {name}, which is the name of the export.",
            hint="Rename that file, and where the notebook names it.",
        )
    docstring = _docstring(selection, extras, start)
    return tidy(f"{metadata}{docstring}\n{_body(selection, extras)}")


def workers(selection: Selection, module: str) -> dict[str, str]:
    """How an ASGI server starts it, and what for: in one process where it keeps things in mind."""
    state = state_of(selection)
    if state:
        return {f"uvicorn {module}:app": f"one process: {state_text(state)} in its memory"}
    return {f"uvicorn {module}:app --workers 4": WORKERS}


def start_lines(start: Mapping[str, str]) -> list[str]:
    """Commands and what they do, one below the other."""
    width = max(map(len, start)) + 3
    return [f"{command:{width}}{what}" for command, what in start.items()]


def _metadata(needs: Sequence[str]) -> str:
    """The block of PEP 723."""
    lines = "".join(f'#     "{line}",\n' for line in needs)
    python = f'# requires-python = "{python_floor()}"\n'
    return f"# /// script\n{python}# dependencies = [\n{lines}# ]\n# ///\n"


def _docstring(selection: Selection, extras: Collection[str], start: Mapping[str, str]) -> str:
    counts = [
        f"{n} {kind}{'' if n == 1 else 's'}"
        for kind in ("tool", "resource", "prompt")
        if (n := sum(one.part.kind == kind for one in selection.registrations))
    ]
    name = selection.server.replace("\\", "/").replace('"', "'")
    lines = [
        f'"""The MCP server {name}, from a notebook: {", ".join(counts) or "nothing yet"}.',
        "",
        "Start it:",
        "",
        *(f"    {line}" for line in start_lines(start)),
        "",
    ]
    told = [f"    {one.name}" + (" (secret)" if one.secret else "") for one in selection.variables]
    if "redis" in extras:
        told.append("    REDIS_URL: notices then reach the clients of every process")
    if told:
        lines += ["It takes from the environment:", "", *dict.fromkeys(told), ""]
    return "\n".join(lines).rstrip() + '\n"""\n'


def _body(selection: Selection, extras: Collection[str]) -> str:
    users = [one for line in selection.imports for one in imported(line)]
    defined = {name for each in selection.definitions for name in each.binds}
    defined |= {name for each in selection.definitions for name in bound_names(each.source)}
    taken = defined | {one.binds for one in users if one.name != STAR} | star_names(users)
    moves = {name: free_name(name + "_", taken) for name in CONTRACT if name in taken}
    definitions = [stepped_aside(each, moves) for each in selection.definitions]
    taken |= {*CONTRACT, *moves.values()}

    registered = placed(selection.registrations, definitions, moves)
    helpers = frozenset(name for one in registered for name in one.helpers)
    first = [block(ASIDE, "import sys"), *own_modules(selection)]
    folder = own_files(selection)
    told, needed = command_line(extras), variables(selection)
    before = [*(told if needed else []), *needed, *server(selection, extras)]
    before += [part("placing", helpers)] if helpers else []
    after = [*([] if needed else told), part("serving")]
    after += [part("websocket")] if "websocket" in extras else []
    after.append(tail(state_of(selection)))
    blocks = [*first, *folder, *before, *after]
    needs = [one for each in blocks for one in each.imports]
    needs += [one for each in registered for line in each.imports for one in imported(line)]
    texts = [each.text for each in blocks]
    ours = own_names(texts, needs, users=users, defined=defined, taken=taken - set(CONTRACT))
    if ours:
        registered = placed(selection.registrations, definitions, moves, ours)

    def settled(pieces: Iterable[Block]) -> list[str]:
        return [renamed(each.text, ours) for each in pieces]

    def called(found: Iterable[Imported]) -> list[Imported]:
        return [one.called(ours.get(one.binds, one.binds)) for one in found]

    theirs = imports_aside(users, moves)
    future = [one for one in theirs if one.module == FUTURE]
    head = [*future, *called(one for each in first for one in each.imports)]
    everything = [one for one in [*theirs, *called(needs)] if one not in head]
    hidden = [new for new in ours.values() if "." in new]
    everything += [Imported(module=BUILTINS).called(new.partition(".")[0]) for new in hidden]
    local = {one.path.parts[0].removesuffix(".py") for one in modules_of(selection)}
    late = [one for one in everything if folder and one.top in local]
    everything = [one for one in everything if one not in late]
    top = [
        written(head),
        *settled(first),
        written(everything, local),
        *settled(folder),
        written(late, local),  # a module of the notebook may open the files beside it at once
        *settled(before),
    ]
    pieces = [
        "\n\n".join(text for text in top if text),
        _heading("from the notebook"),
        *_with_registrations(definitions, registered),
        _heading("how clients reach it"),
        *settled(after),
    ]
    return "\n\n\n".join(text.strip("\n") for text in pieces if text.strip()) + "\n"


def _heading(text: str) -> str:
    """A comment that parts the file."""
    return f"# ---- {text} ".ljust(WIDTH - 1, "-")


def _with_registrations(
    definitions: Sequence[Definition], registered: Sequence[Placed]
) -> list[str]:
    """The definitions, each with what registers it."""
    found = []
    for index in range(-1, len(definitions)):
        here = [one for one in registered if one.after == index]
        above = [line for one in here if one.decorator for line in one.lines]
        below = [line for one in here if not one.decorator for line in one.lines]
        source = definitions[index].source.strip("\n") if index >= 0 else ""
        if above:
            source = _decorated(source, above)
        body = ast.parse(source).body
        block = bool(body) and isinstance(body[-1], Function | ast.ClassDef)
        gap = "\n\n\n" if block else "\n"
        found.append(gap.join(text for text in (source, "\n".join(below)) if text))
    return found


def _decorated(source: str, lines: Sequence[str]) -> str:
    """A definition with decorators on top of its own."""
    node = ast.parse(source).body[0]
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)]) - 1
    text = source.split("\n")
    return "\n".join([*text[:first], *lines, *text[first:]])
