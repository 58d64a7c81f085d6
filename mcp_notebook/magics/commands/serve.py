"""``serve``, ``connect``, ``use``, ``status``, ``stop``, ``workbench``."""

from __future__ import annotations

import argparse
import re
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from mcp_notebook.errors import UsageError
from mcp_notebook.magics import grammar
from mcp_notebook.magics import line as typed
from mcp_notebook.magics.command import Command, Parser, seconds
from mcp_notebook.magics.context import Shown

if TYPE_CHECKING:
    from mcp_notebook.magics.context import Context


_BY_HTTP = ("http://", "https://", "ws://", "wss://")
_SETTING = re.compile(r"(?i)true|false|yes|no|on|off|[\d.]*")
_NO_HTTP = ("memory", "pipe", "tcp", "unix")


def _serve_arguments(parser: Parser) -> None:
    parser.add_argument("server", nargs="?", metavar="SERVER", help="a name, $var or module:attr")
    parser.add_argument("-t", "--transport", metavar="TRANSPORT", help="http by default")
    parser.add_argument("--as", dest="name", metavar="NAME", help="the endpoint's name")
    parser.add_argument("--host", default="127.0.0.1", metavar="H", help="127.0.0.1 by default")
    parser.add_argument("--port", type=int, metavar="N", help="without it: the same at each start")
    parser.add_argument("--path", metavar="P", help="URL path, or path of the socket")
    parser.add_argument("--token", metavar="$T", help="clients must send it")
    parser.add_argument("--version", metavar="V", help="what the server says of its version")


def run_serve(context: Context, options: argparse.Namespace, _body: str | None) -> Any:
    """``%mcp serve``."""
    _check_server(context, options.server)
    warnings: list[str] = []
    token = context.secret(options.token, "--token", warnings)
    server = context.value(options.server)
    if options.version is not None:
        context.workbench.servers.find(server).version = context.word(options.version)
    endpoint = context.workbench.serve(
        server,
        options.transport or context.magics.transport,
        name=options.name,
        host=options.host,
        port=options.port,
        path=options.path,
        token=token,
    )
    endpoint.warnings[:0] = warnings
    if not any(endpoint.server.counts().values()):
        endpoint.warnings.append(f"{endpoint.server.name} has no tools yet: %%mcp tool")
    return endpoint


def _check_server(context: Context, word: str | None) -> None:
    """Say what is meant by a transport or a file in the place of a server."""
    from mcp_notebook.transports.base import transports

    if word is None or word in context.workbench.servers:
        return
    if word in {transport.name for transport in transports()}:
        raise UsageError(
            f"{word} is a transport, not a server.", hint=f"Write %mcp serve -t {word}"
        )
    if word.endswith(".py"):
        module = ".".join(PurePath(word).with_suffix("").parts)
        raise UsageError(f"{word} is a file.", hint=f"Write %mcp serve {module}:mcp")


def _connect_arguments(parser: Parser) -> None:
    parser.add_argument("target", nargs="?", metavar="TARGET", help="endpoint, server, URL or file")
    parser.add_argument("--as", dest="name", metavar="NAME", help="the connection's name")
    parser.add_argument("--era", metavar="ERA", help="auto, legacy, modern or a revision")
    parser.add_argument(
        "--timeout", type=seconds, metavar="S", help="seconds for handshake and calls"
    )
    parser.add_argument("--token", metavar="$T", help="sent as a bearer token")
    parser.add_argument("--header", action="append", default=[], metavar="H", help="NAME=$VALUE")
    parser.add_argument("--env", action="append", default=[], metavar="KEY[=V]", help="for a child")
    parser.add_argument("--cwd", metavar="D", help="a child's folder")
    parser.add_argument("command", nargs="*", metavar="-- COMMAND ARG", help="a stdio server")


def run_connect(context: Context, options: argparse.Namespace, _body: str | None) -> Any:
    """``%mcp connect``."""
    warnings: list[str] = []
    headers: dict[str, str] = {}
    for word in options.header:
        name, text = grammar.pair(word, "NAME=VALUE")
        headers[name] = _filled(context, f"--header {name}", name, text, warnings)
    env: dict[str, str] = {}
    for word in options.env:
        name, equals, text = word.partition("=")
        if equals:
            env[name] = _filled(context, f"--env {name}", name, text, warnings)
        else:
            env[name] = grammar.environment(name)
    command = [str(context.value(word)) for word in options.command]
    target = context.value(options.target)
    if command and not getattr(options, "dashed", False):
        meant = typed.as_command([options.target, *command])
        raise UsageError(
            f"{command[0]!r} is one too many.",
            hint=f"Write {meant}" if meant else "A command comes after --: %mcp connect -- COMMAND",
        )
    if command and options.target is not None:
        raise UsageError("there is a target and a command.", hint="Keep one: TARGET or -- COMMAND.")
    _check_fit(context, target, options)
    if isinstance(target, str):
        _check_target(context, target)
        if options.target == target and (part := typed.secret_in(target)):
            warnings.append(
                f"the {part} in the URL stands in the notebook and will be saved with it; "
                "use --token $NAME or --header NAME=$VALUE, or put the URL into a variable"
            )
    connection = context.workbench.connect(
        command or target,
        name=options.name,
        era=options.era or context.magics.era,
        timeout=options.timeout,
        token=context.secret(options.token, "--token", warnings),
        headers=headers,
        env=env,
        cwd=options.cwd,
        secrets=_secret_variables(context, [options.target or "", *options.command]),
    )
    connection.warnings += warnings
    return connection


def _secret_variables(context: Context, words: list[str]) -> list[str]:
    """The values among a command's words that come from variables like ``$API_KEY``."""
    from mcp_notebook.runtime.credentials import sounds_secret

    named = [word for word in words if word.startswith("$") and sounds_secret(word[1:])]
    return [found for word in named if isinstance(found := context.value(word), str) and found]


def _check_target(context: Context, target: str) -> None:
    """Say what is meant by an address without its scheme."""
    workbench = context.workbench
    if target in workbench.endpoints or target in workbench.servers:
        return
    if url := typed.as_url(target):
        raise UsageError(f"{target} is no URL.", hint=f"Did you mean {url}?")


def _check_fit(context: Context, target: Any, options: argparse.Namespace) -> None:
    """Refuse headers where no HTTP is spoken, and a child's things where no child is started."""
    endpoints = context.workbench.endpoints
    if target is None and endpoints and not options.command:
        target = list(endpoints.values())[-1]
    endpoint = endpoints.get(target) if isinstance(target, str) else target
    transport, url = getattr(endpoint, "transport", ""), getattr(endpoint, "url", "")
    outside = target if isinstance(target, str) and endpoint is None else ""
    child = options.command or transport in ("stdio", "bridge") or outside.endswith(".py")
    other = transport in _NO_HTTP or outside.startswith(("tcp:", "unix:"))
    by_http = f"{url or outside}".startswith(_BY_HTTP)
    for given, option, wrong, hint in (
        (options.token, "--token", child or other, "Only HTTP and WebSocket send it."),
        (options.header, "--header", child or other, "Only HTTP and WebSocket send it."),
        (options.env, "--env", by_http or other, "It is for a child process."),
        (options.cwd, "--cwd", by_http or other, "It is for a child process."),
    ):
        if given and wrong:
            raise UsageError(f"{option} means nothing here.", hint=f"Leave it out. {hint}")


def _filled(context: Context, option: str, name: str, text: str, warnings: list[str]) -> str:
    """The value of a header or variable; one whose name sounds secret should be no literal."""
    from mcp_notebook.runtime.credentials import sounds_secret

    if sounds_secret(name) and not _SETTING.fullmatch(text):  # MAX_TOKENS=500
        return context.secret(text, option, warnings) or ""
    return grammar.filled(text, context.names)


def run_use(context: Context, options: argparse.Namespace, _body: str | None) -> Any:
    """``%mcp use C``."""
    return context.workbench.use(context.word(options.name))


def run_status(context: Context, _options: argparse.Namespace, _body: str | None) -> Shown:
    """``%mcp status``."""
    from mcp_notebook.show.status import status

    bundle = status(context.workbench, stable=context.stable)
    return Shown(bundle["text/plain"], bundle.get("text/html", ""))


def run_stop(context: Context, options: argparse.Namespace, _body: str | None) -> Shown:
    """``%mcp stop [NAME ...] [--all]``."""
    from mcp_notebook.show.status import stoppable

    workbench = context.workbench
    if options.all:
        names = workbench.stop_all()
    elif options.names:
        names = workbench.stop(*(context.word(name) for name in options.names))
    else:
        bundle = stoppable(workbench)
        return Shown(bundle["text/plain"], bundle.get("text/html", ""))
    return Shown(f"stopped: {', '.join(names)}" if names else "nothing was running")


def run_workbench(context: Context, _options: argparse.Namespace, _body: str | None) -> Any:
    """``%mcp workbench``."""
    return context.workbench


def _use_arguments(parser: Parser) -> None:
    parser.add_argument("name", metavar="C", help="a connection")


def _stop_arguments(parser: Parser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="endpoints and connections")
    parser.add_argument("--all", action="store_true", help="everything")


COMMANDS = [
    Command(
        name="serve",
        summary="start an endpoint in this kernel",
        run=run_serve,
        build=_serve_arguments,
        examples=("%mcp serve", "%mcp serve -t websocket", "ep = %mcp serve -t http --port 8000"),
    ),
    Command(
        name="connect",
        summary="open a client",
        run=run_connect,
        build=_connect_arguments,
        examples=(
            "%mcp connect",
            "%mcp connect http://127.0.0.1:8000/mcp --token $TOKEN",
            "%mcp connect -- python server.py",
        ),
    ),
    Command(
        name="use", summary="make a connection the default one", run=run_use, build=_use_arguments
    ),
    Command(name="status", summary="what runs in this kernel", run=run_status),
    Command(
        name="stop",
        summary="stop endpoints, close connections",
        run=run_stop,
        build=_stop_arguments,
        aliases=("close",),
        examples=("%mcp stop notebook-http", "%mcp stop --all"),
    ),
    Command(
        name="workbench",
        summary="the kernel's Workbench object; shows a panel with Stop buttons",
        run=run_workbench,
    ),
]
