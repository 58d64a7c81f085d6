"""``tools``, ``resources``, ``prompts``, ``read``, ``complete``, ``listen``, getting a prompt."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from mcp_notebook.errors import UsageError
from mcp_notebook.magics import grammar
from mcp_notebook.magics.command import Command, Parser
from mcp_notebook.magics.toolpage import ToolPage

if TYPE_CHECKING:
    from mcp_notebook.magics.context import Context


def _only_on(parser: Parser) -> None:
    parser.on()


def run_tools(context: Context, options: argparse.Namespace, _body: str | None) -> Any:
    """``%mcp tools [NAME]``."""
    connection = context.connection(options.on)
    if options.name is None:
        return connection.tools()
    name = context.word(options.name)
    tool = connection.workbench.loop.run(connection.aio._known_tool(name))
    return ToolPage(context, connection, tool, context.word(options.on) if options.on else "")


def run_resources(context: Context, options: argparse.Namespace, _body: str | None) -> Any:
    """``%mcp resources``."""
    return context.connection(options.on).resources()


def run_prompts(context: Context, options: argparse.Namespace, _body: str | None) -> Any:
    """``%mcp prompts``."""
    return context.connection(options.on).prompts()


def run_read(context: Context, options: argparse.Namespace, _body: str | None) -> Any:
    """``%mcp read URI``."""
    return context.connection(options.on).read(str(context.value(options.uri)))


def get_prompt(context: Context, options: argparse.Namespace) -> Any:
    """``%mcp prompt NAME [K=V ...]``."""
    if not options.names:
        raise UsageError("which prompt?", hint="%mcp prompts lists them.")
    arguments = {}
    for word in options.names[1:]:
        name, text = grammar.pair(word, "NAME=VALUE")
        arguments[name] = str(context.value(text))
    return context.connection(options.on).prompt(options.names[0], **arguments)


def run_complete(context: Context, options: argparse.Namespace, _body: str | None) -> Any:
    """``%mcp complete REF ARGUMENT=PREFIX``."""
    name, _, text = options.argument.partition("=")
    return context.connection(options.on).complete(options.ref, name, str(context.value(text)))


def run_listen(context: Context, options: argparse.Namespace, _body: str | None) -> Any:
    """``%mcp listen [URI ...]``."""
    return context.connection(options.on).listen(*options.uris)


def _tools_arguments(parser: Parser) -> None:
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="one tool in full, with a form that calls it"
    )
    parser.on()


def _read_arguments(parser: Parser) -> None:
    parser.add_argument("uri", metavar="URI", help="%%mcp resources lists them")
    parser.on()


def _complete_arguments(parser: Parser) -> None:
    parser.add_argument("ref", metavar="REF", help="a prompt, or the URI template of a resource")
    parser.add_argument("argument", metavar="ARGUMENT=PREFIX", help="what to complete")
    parser.on()


def _listen_arguments(parser: Parser) -> None:
    parser.add_argument("uris", nargs="*", metavar="URI", help="resources to watch")
    parser.on()


COMMANDS = [
    Command(
        name="tools",
        summary="the tools of a connection, or one with a form that calls it",
        run=run_tools,
        build=_tools_arguments,
        examples=("%mcp tools", "%mcp tools add"),
    ),
    Command(
        name="resources", summary="the resources of a connection", run=run_resources, build=_only_on
    ),
    Command(name="prompts", summary="the prompts of a connection", run=run_prompts, build=_only_on),
    Command(
        name="read",
        summary="read a resource",
        run=run_read,
        build=_read_arguments,
        examples=("%mcp read data://today",),
    ),
    Command(
        name="complete",
        summary="let the server complete an argument",
        run=run_complete,
        build=_complete_arguments,
        examples=("%mcp complete review language=py",),
    ),
    Command(
        name="listen",
        summary="listen for changed lists and resources",
        run=run_listen,
        build=_listen_arguments,
        examples=("notices = %mcp listen",),
    ),
]
