"""``export``, ``diff``, ``import``."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_notebook.errors import UsageError
from mcp_notebook.magics import grammar
from mcp_notebook.magics.asking import Bar
from mcp_notebook.magics.command import Command, Parser

from .compare import words_of_list

if TYPE_CHECKING:
    from mcp_notebook.handoff.contract import Diff
    from mcp_notebook.handoff.fromfile import Imported
    from mcp_notebook.handoff.report import Export
    from mcp_notebook.magics.context import Context

_WITH = "For example --with websocket,redis"


def run_export(context: Context, options: argparse.Namespace, _body: str | None) -> Export:
    """``%mcp export [SERVER]``."""
    bar = Bar(context, "export")
    found: Export = context.workbench.export(
        _server(context, options.server),
        path=options.path,
        package=options.package,
        docker=options.docker,
        extras=words_of_list(options.extras, "--with", _WITH),
        freeze=_pairs(options.freeze, "NAME=FILE"),
        replace=_pairs(options.replace, "NAME=EXPR"),
        env=_pairs(options.env, "NAME=VARIABLE"),
        check=options.check,
        replay=options.replay,
        unsteady=options.unsteady,
        force=options.force,
        on_step=bar.step,
    )
    bar.draw()
    return found


def _server(context: Context, word: str | None) -> Any:
    """The server that is meant; a file is a common mistake."""
    if word is not None and word.endswith((".py", ".ipynb")):
        raise UsageError(f"{word} is a file, no server.", hint=f"%mcp export -o {word}")
    return context.value(word)


def _pairs(words: list[str], what: str) -> dict[str, str]:
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not value.strip():
            raise UsageError(f"{word!r} is no {what}.", hint=f"Write {what}.")
        if not name.strip().isidentifier():
            raise UsageError(f"{name!r} is no name of a variable.", hint=f"Write {what}.")
        found[name.strip()] = value.strip()
    return found


def run_diff(context: Context, options: argparse.Namespace, _body: str | None) -> Diff:
    """``%mcp diff [SERVER] [FILE]``."""
    from mcp_notebook.handoff.since import since_export

    words = [context.value(word) for word in options.words]
    known = context.workbench.servers
    files = [
        word for word in words if isinstance(word, str) and word not in known and _is_file(word)
    ]
    servers = [word for word in words if word not in files]
    if len(files) > 1 or len(servers) > 1:
        raise UsageError("that is more than a server and a file.", hint="%mcp diff SERVER FILE")
    return since_export(
        context.workbench,
        servers[0] if servers else None,
        path=files[0] if files else None,
        start=options.start,
    )


def _is_file(word: str) -> bool:
    return word.endswith((".py", ".json", "/")) or Path(word).exists()


def run_import(context: Context, options: argparse.Namespace, _body: str | None) -> Imported:
    """``%mcp import FILE``."""
    from mcp_notebook.handoff.ascells import as_notebook
    from mcp_notebook.handoff.folder import write_new
    from mcp_notebook.handoff.fromfile import take_apart

    found = take_apart(Path(context.word(options.file)).expanduser())
    if options.path is None:
        context.shell.set_next_input(found.cell, replace=False)
        return found
    path = Path(grammar.value(options.path, context.names)).expanduser()
    if path.suffix != ".ipynb":
        raise UsageError(f"{path} is no notebook.", hint="Write -o NAME.ipynb")
    content = as_notebook(found.cells).encode()
    copy = write_new(path, content, force=options.force, keep=True)
    if copy:
        told = f"kept a copy of what was there: {copy}"
        found = replace(found, remarks=(*found.remarks, told))
    return found


def _export_arguments(parser: Parser) -> None:
    parser.add_argument("server", nargs="?", metavar="SERVER", help="the notebook's by default")
    parser.add_argument(
        "-o", dest="path", metavar="PATH", help="a .py file or a folder; SERVER/server.py without"
    )
    parser.add_argument("--package", action="store_true", help="a project around it, for uvx")
    parser.add_argument("--docker", action="store_true", help="what a container needs")
    parser.add_argument(
        "--with", dest="extras", metavar="X,Y", help="websocket, redis: their code goes in too"
    )
    for option, what, text in (
        ("--freeze", "NAME=FILE", "a live value that goes into a file: parquet, npy, json"),
        ("--replace", "NAME=EXPR", "an expression that makes a live value anew"),
        ("--env", "NAME=VARIABLE", "a value that comes from the environment"),
    ):
        _several(parser, option, what, text)
    parser.add_argument(
        "--check",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="prove that it does the same (done by default)",
    )
    _several(parser, "--replay", "TOOL", "call it in the proof though it may change something")
    _several(parser, "--unsteady", "TOOL", "its answers are not the same twice")
    parser.add_argument(
        "--force", action="store_true", help="overwrite what was changed; a copy is kept"
    )


def _several(parser: Parser, option: str, what: str, text: str) -> None:
    parser.add_argument(option, nargs="+", action="extend", default=[], metavar=what, help=text)


def _diff_arguments(parser: Parser) -> None:
    parser.add_argument(
        "words",
        nargs="*",
        metavar="SERVER FILE",
        help="the notebook's server, and where it was exported to",
    )
    parser.add_argument(
        "--start", action="store_true", help="ask the file itself what it offers: it is run"
    )


def _import_arguments(parser: Parser) -> None:
    parser.add_argument("file", metavar="FILE", help="a server: MCPServer or FastMCP")
    parser.add_argument(
        "-o", dest="path", metavar="NAME.ipynb", help="a notebook; one new cell without it"
    )
    parser.add_argument(
        "--force", action="store_true", help="overwrite the notebook; a copy is kept"
    )


COMMANDS = [
    Command(
        name="export",
        summary="write the server as a file that needs no notebook, and prove it does the same",
        run=run_export,
        build=_export_arguments,
        examples=(
            "%mcp export",
            "%mcp export -o weather/server.py --with websocket",
            "%mcp export --freeze table=table.parquet --env key=API_KEY --replay send",
            "%mcp export --package --docker --no-check",
        ),
    ),
    Command(
        name="diff",
        summary="what changed for clients since the last export, and what breaks them",
        run=run_diff,
        build=_diff_arguments,
        examples=("%mcp diff", "%mcp diff notebook weather/server.py"),
    ),
    Command(
        name="import",
        summary="the tools of a server file as cells again; the file is not run",
        run=run_import,
        build=_import_arguments,
        examples=("%mcp import server.py", "%mcp import server.py -o server.ipynb"),
    ),
]
