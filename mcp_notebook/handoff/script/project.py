"""A small project around the server: installable, with a console script and its test."""

from __future__ import annotations

import contextlib
import json
import keyword
import re
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import PurePosixPath

from mcp_notebook.handoff.selection import Selection
from mcp_notebook.handoff.state import state_of, state_text

from .text import (
    ONE_CLIENT,
    OVER_HTTP,
    python_floor,
    requirements,
    server_text,
    start_lines,
    workers,
)

Files = dict[PurePosixPath, bytes]
"""Files to write, by their path below the folder of the export."""

_MAIN = '''\
"""Starts the server: ``{command}``, or ``python -m {module}``."""

import contextlib
import sys


def main() -> None:
    """Serve as the command line and the environment say."""
    # a client may read stdout: what the server's module prints when it is imported goes elsewhere
    with contextlib.redirect_stdout(sys.stderr):
        from {module} import server
    server.main()


if __name__ == "__main__":
    main()
'''


def command_name(server: str) -> str:
    """What the server is called as a command, a distribution and a service in a cluster.

    Small letters, digits and hyphens, a letter first. A name that a module has already gets
    another: ``import pandas`` must not find a server.
    """
    name = re.sub(r"[^a-z0-9]+", "-", server.lower()).strip("-")[:40].strip("-")
    if not name or name[0].isdigit():
        name = f"mcp-{name}".rstrip("-")
    return f"{name}-server" if _is_taken(name) else name


def _is_taken(name: str) -> bool:
    """Whether something else is installed or imported under this name."""
    with contextlib.suppress(PackageNotFoundError):
        return bool(distribution(name).metadata)
    module = name.replace("-", "_")
    return module in ("notebook", "server", "tests") or find_spec(module) is not None


def module_name(server: str) -> str:
    """What it is called in Python."""
    name = command_name(server).replace("-", "_")
    return f"{name}_" if keyword.iskeyword(name) else name


def package(selection: Selection, *, extras: frozenset[str] = frozenset(), test: str = "") -> Files:
    """The files of a project with this server.

    Args:
        selection: what leaves the notebook.
        extras: ``websocket``, ``redis``.
        test: the text of ``tests/test_server.py``; from there the server is at
            ``../`` and what :func:`server_path` says.

    Raises:
        UsageError: as ``script``.
    """
    command, module = command_name(selection.server), module_name(selection.server)
    source = PurePosixPath("src", module)
    made = {
        source / "__init__.py": f'"""The MCP server {_plain(selection.server)}."""\n',
        source / "__main__.py": _MAIN.format(command=command, module=module),
        source / "server.py": server_text(selection, extras=extras, start=_start(selection)),
        PurePosixPath("pyproject.toml"): _pyproject(selection, extras, command, module),
        PurePosixPath("README.md"): _readme(selection, extras, command, module),
    }
    if test:
        made[PurePosixPath("tests", "test_server.py")] = test
    files = {path: text.encode() for path, text in made.items()}
    return files | {source / one.path: one.content for one in selection.files}


def server_path(selection: Selection) -> PurePosixPath:
    """Where ``server.py`` stands in the project."""
    return PurePosixPath("src", module_name(selection.server), "server.py")


def _start(selection: Selection) -> dict[str, str]:
    command, module = command_name(selection.server), module_name(selection.server)
    return {
        f"uvx --from . {command}": ONE_CLIENT,
        f"uvx --from . {command} --transport http": OVER_HTTP,
        **workers(selection, f"{module}.server"),
    }


def _pyproject(selection: Selection, extras: frozenset[str], command: str, module: str) -> str:
    needs = "".join(f"  {json.dumps(line)},\n" for line in requirements(selection, extras))
    about = json.dumps(f"The MCP server {_plain(selection.server)}", ensure_ascii=False)
    return f"""\
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "{command}"
version = {json.dumps(_version(selection.version))}
description = {about}
readme = "README.md"
requires-python = "{python_floor()}"
dependencies = [
{needs}]

[project.scripts]
{command} = "{module}.__main__:main"

[dependency-groups]
dev = ["pytest>=8"]

[tool.hatch.build.targets.wheel]
packages = ["src/{module}"]
"""


def _version(given: str) -> str:
    """The server's own version where it is one that packages may have."""
    return given if re.fullmatch(r"\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?", given) else "0.1.0"


def _plain(text: str) -> str:
    """A name inside a line of text: nothing that ends a quotation or the line."""
    return re.sub(r"\s+", " ", text.replace("\\", "/").replace('"', "'").replace("`", "'")).strip()


def _readme(selection: Selection, extras: frozenset[str], command: str, module: str) -> str:
    lines = [f"# {_plain(selection.server)}", ""]
    lines += ["An MCP server that was written from a notebook.", ""]
    for kind, title in (("tool", "Tools"), ("resource", "Resources"), ("prompt", "Prompts")):
        names = [one.part.name for one in selection.registrations if one.part.kind == kind]
        if names:
            lines += [f"{title}: {', '.join(f'`{_plain(name)}`' for name in names)}.", ""]
    lines += [
        "## Start it",
        "",
        "```",
        *start_lines(_start(selection)),
        "```",
        "",
        f"`{command} --help` names every option and the variable that sets it.",
        "",
    ]
    state = state_of(selection)
    if state:
        lines += [
            f"Start one process only: {state_text([f'`{name}`' for name in state])} in its memory. "
            "Each start begins anew, and another process would have its own. To start more, keep "
            "it in a database.",
            "",
        ]
    else:
        lines += [
            "Several processes need `MCP_STATE_KEY`, the same 32 characters or more for all: what "
            "one of them asks a user may be answered through another.",
            "",
        ]
    told = {one.name: "secret" if one.secret else "not secret" for one in selection.variables}
    if "redis" in extras:
        told["REDIS_URL"] = "optional: notices reach the clients of every process"
    if told:
        lines += ["## Environment", ""]
        lines += [f"* `{name}`: {what}" for name, what in told.items()]
        lines.append("")
    lines += ["## Test it", "", "```", "uv run pytest", "```", ""]
    lines += ["Without uv: `pip install -e . --group dev`, then `pytest`.", ""]
    return "\n".join(lines)
