"""``config``."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_notebook.errors import UsageError
from mcp_notebook.magics import grammar
from mcp_notebook.magics.command import Command, Parser
from mcp_notebook.magics.context import Shown

if TYPE_CHECKING:
    from mcp_notebook.handoff.hosts.config import HostConfig
    from mcp_notebook.magics.context import Context


def run_config(context: Context, options: argparse.Namespace, _body: str | None) -> Any:
    """``%mcp config HOST``."""
    from mcp_notebook.handoff.hosts.config import configure
    from mcp_notebook.handoff.hosts.host import find_host, hosts
    from mcp_notebook.handoff.hosts.target import launch_of

    if options.host is None:
        if any(value for name, value in vars(options).items() if name != "host"):
            raise UsageError(
                "which host is meant?", hint=f"%mcp config HOST ...: {', '.join(hosts())}."
            )
        return _listed(context)
    if options.command and not getattr(options, "dashed", False):
        raise UsageError(
            f"{options.command[0]!r} is one too many.",
            hint="A command comes after --: %mcp config HOST -- COMMAND ARG",
        )
    if options.command and options.target is not None:
        raise UsageError("there is a target and a command.", hint="Keep one: TARGET or -- COMMAND.")
    host = find_host(context.word(options.host))
    launch = launch_of(
        context.workbench,
        context.value(options.target),
        command=[str(context.value(word)) for word in options.command],
        live=options.live,
        name=options.name or "",
        env=_named(context, options.env),
        headers=_named(context, options.header),
    )
    found: HostConfig = configure(
        host,
        launch,
        folder=context.workbench.folder,
        file=options.file,
        user=options.user,
        writes=options.write,
        stable=context.stable,
    )
    return found


def _named(context: Context, words: list[str]) -> dict[str, str | None]:
    """``KEY=VALUE`` and ``KEY`` alone; a value that a variable holds is filled in if no secret."""
    from mcp_notebook.runtime.credentials import sounds_secret

    found: dict[str, str | None] = {}
    for word in words:
        name, text = grammar.pair(word, "NAME=VALUE") if set(word) & set("=:") else (word, None)
        if text is None or sounds_secret(name):
            found[name] = text  # the value of a secret is not written, so it is not looked up
        else:
            found[name] = grammar.filled(text, context.names)
    return found


def _listed(context: Context) -> Shown:
    """Every host with its file."""
    from mcp_notebook.handoff.hosts.host import hosts

    rows = []
    for host in hosts().values():
        try:
            where = _shown(context, str(host.file(context.workbench.folder)))
        except UsageError as error:
            where = str(error)
        rows.append((host.name, host.title, where))
    width = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"{name:<{width[0]}}  {title:<{width[1]}}  {where}" for name, title, where in rows]
    return Shown("\n".join([*lines, "", "%mcp config HOST --live points a host at this notebook."]))


def _shown(context: Context, path: str) -> str:
    """A path, the same on every machine where that is asked for."""
    if not context.stable:
        return path
    short = path.replace(f"{context.workbench.folder}{os.sep}", "")
    return short.replace(str(Path.home()), "~")


def _arguments(parser: Parser) -> None:
    parser.intermixed = True
    parser.add_argument(
        "host", nargs="?", metavar="HOST", help="without it: the hosts, their files"
    )
    parser.add_argument(
        "target", nargs="?", metavar="TARGET", help="server.py, a URL, an endpoint or connection"
    )
    parser.add_argument("--live", action="store_true", help="point the host at this notebook")
    parser.add_argument(
        "--write", action="store_true", help="merge it into the file, with a backup"
    )
    parser.add_argument("--user", action="store_true", help="the user's file, not the folder's")
    parser.add_argument("--file", metavar="PATH", help="another file than the host's own")
    parser.add_argument("--as", dest="name", metavar="NAME", help="what the entry is called")
    parser.add_argument(
        "--env", action="append", default=[], metavar="KEY[=V]", help="for a command"
    )
    parser.add_argument("--header", action="append", default=[], metavar="H", help="for a URL")
    parser.add_argument("command", nargs="*", metavar="-- COMMAND ARG", help="a stdio server")


COMMANDS = [
    Command(
        name="config",
        summary="what a host's configuration file needs to reach a server, or this notebook",
        run=run_config,
        build=_arguments,
        examples=(
            "%mcp config claude-desktop --live --write",
            "%mcp config vscode server.py --env API_KEY",
            "%mcp config cursor notebook-http",
        ),
    )
]
