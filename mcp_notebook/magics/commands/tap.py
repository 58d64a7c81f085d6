"""``tap``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from mcp_notebook.errors import UsageError
from mcp_notebook.magics import line as typed
from mcp_notebook.magics.command import Command, Parser

if TYPE_CHECKING:
    from mcp_notebook.handoff.taps.tap import HostTap
    from mcp_notebook.magics.context import Context

_HOW = "%mcp tap http://127.0.0.1:8000/mcp, or %mcp tap -- COMMAND ARG"


def run_tap(context: Context, options: argparse.Namespace, _body: str | None) -> HostTap:
    """``%mcp tap``."""
    command = [str(context.value(word)) for word in options.command]
    target: Any = context.value(options.target)
    if command and (target is not None or not getattr(options, "dashed", False)):
        raise UsageError("a command comes after --.", hint=f"Write {_HOW}")
    if target is None and not command:
        raise UsageError("there is nothing to tap.", hint=_HOW)
    name = options.name
    if not command:
        target = _url(context, target)
        name = name or _of_endpoint(context, target)
    found: HostTap = context.workbench.tap(
        command or target,
        name=name,
        port=options.port,
        secrets=_secrets(context, options.command),
    )
    found.stable = context.stable
    return found


def _url(context: Context, target: Any) -> str:
    """The URL of an endpoint of this kernel, or a URL."""
    endpoint = context.workbench.endpoints.get(target) if isinstance(target, str) else target
    url = getattr(endpoint, "url", target)
    if not isinstance(url, str) or not url:
        raise UsageError(f"{getattr(target, 'name', target)} has no URL.", hint=_HOW)
    if "://" not in url:
        meant = typed.as_url(url)
        raise UsageError(f"{url} is no URL.", hint=f"Did you mean {meant}?" if meant else _HOW)
    return url


def _of_endpoint(context: Context, url: str) -> str | None:
    """What the tap of an endpoint of this kernel is called; the others are called by their host."""
    known = context.workbench.endpoints.values()
    return next((f"{one.name}-tap" for one in known if one.url == url), None)


def _secrets(context: Context, words: list[str]) -> list[str]:
    """What variables like ``$API_KEY`` have put into the command."""
    from mcp_notebook.runtime.credentials import sounds_secret

    named = [word for word in words if word.startswith("$") and sounds_secret(word[1:])]
    return [found for word in named if isinstance(found := context.value(word), str) and found]


def _arguments(parser: Parser) -> None:
    parser.intermixed = True
    parser.add_argument("target", nargs="?", metavar="URL", help="of the server, or an endpoint")
    parser.add_argument("--as", dest="name", metavar="NAME", help="the tap's name")
    parser.add_argument("--port", type=int, metavar="N", help="without it: the same at each start")
    parser.add_argument("command", nargs="*", metavar="-- COMMAND ARG", help="a stdio server")


COMMANDS = [
    Command(
        name="tap",
        summary="stand between a host and its server, so that their traffic shows here",
        run=run_tap,
        build=_arguments,
        examples=(
            "%mcp tap -- npx -y @modelcontextprotocol/server-everything",
            "%mcp tap http://127.0.0.1:8000/mcp",
            "%mcp config claude-desktop server-everything-tap --write",
        ),
    )
]
