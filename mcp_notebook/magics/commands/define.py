"""``tool``, ``resource``, ``prompt`` (as cells), ``add``, ``remove``."""

from __future__ import annotations

import argparse
import difflib
import inspect
import types
from typing import TYPE_CHECKING, Any

from mcp_notebook.errors import UsageError
from mcp_notebook.magics.cell import run_body
from mcp_notebook.magics.command import Command, Parser

if TYPE_CHECKING:
    from mcp_notebook.magics.context import Context
    from mcp_notebook.runtime.server import Change, Part


class Changes(list["Change"]):
    """What a cell or a command changed; shows itself."""

    def __repr__(self) -> str:
        return (
            "\n".join(f"{c.what}: {c.part.kind} {c.part.name}" for c in self) or "nothing changed"
        )


def _functions(context: Context, names: list[str], typed: str) -> list[Any]:
    found = []
    for name in names:
        if name not in context.names:
            known = [n for n, v in context.names.items() if inspect.isfunction(v)]
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Define it first: def {name}(...): ..."
            raise UsageError(f"there is no function {name} here.", hint=hint)
        function = context.names[name]
        if not callable(function):
            raise UsageError(
                f"{name} is of type {type(function).__name__}, no function.", hint=typed
            )
        found.append(function)
    return found


def _shared(parser: Parser) -> None:
    parser.add_argument("--server", default="notebook", metavar="S", help="the server (notebook)")
    parser.add_argument(
        "--thread", choices=["kernel"], help="run on the kernel's own thread or event loop"
    )
    parser.add_argument("--title", help="a name for people")
    parser.add_argument("--description", help="instead of the docstring")


def _tool_arguments(parser: Parser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="which functions; all by default")
    _hints(parser)


def _hints(parser: Parser) -> None:
    _shared(parser)
    parser.add_argument("--read-only", action="store_true", help="it changes nothing")
    parser.add_argument("--idempotent", action="store_true", help="twice is as good as once")
    parser.add_argument("--destructive", action="store_true", help="it may destroy something")


def _options(options: argparse.Namespace) -> dict[str, Any]:
    from mcp_types import ToolAnnotations

    found = {k: v for k in ("title", "description") if (v := getattr(options, k)) is not None}
    hints: dict[str, Any] = {
        f"{key}_hint": True
        for key in ("read_only", "idempotent", "destructive")
        if getattr(options, key, False)
    }
    if hints:
        found["annotations"] = ToolAnnotations(**hints)
    return found


def _define(
    context: Context,
    options: argparse.Namespace,
    kind: str,
    named: list[tuple[str, Any]],
    cell: str,
) -> Changes:
    from mcp_notebook.runtime.server import Part

    given = _options(options)
    parts: list[Part] = [
        Part(
            kind=kind,  # type: ignore[arg-type]
            name=name,
            function=function,
            kernel=options.thread == "kernel",
            cell=cell,
            options=given,
        )
        for name, function in named
    ]
    server = context.workbench.servers.served(options.server)
    return Changes(server.define(parts, cell=cell))


def run_tool(context: Context, options: argparse.Namespace, body: str | None) -> Changes:
    """``%%mcp tool``."""
    __tracebackhide__ = True
    defined = run_body(context, body or "", "%%mcp tool")
    names = options.names or defined
    if not names:
        raise UsageError(
            "the cell defines no function.", hint="Define one with def; names with _ stay private."
        )
    functions = _functions(context, names, "%%mcp tool NAME ...")
    named = list(zip(names, functions, strict=True))
    return _define(context, options, "tool", named, context.cell_id)


def run_resource(context: Context, options: argparse.Namespace, body: str | None) -> Changes:
    """``%%mcp resource URI``."""
    __tracebackhide__ = True
    if "://" not in options.uri:
        raise UsageError(
            f"{options.uri!r} is no URI.", hint="For example %%mcp resource data://{name}"
        )
    defined = run_body(context, body or "", "%%mcp resource")
    if len(defined) != 1:
        raise UsageError(
            f"the cell defines {len(defined)} functions; a resource is one.",
            hint="Start the names of helpers with _.",
        )
    functions = _functions(context, defined, "%%mcp resource URI")
    return _define(context, options, "resource", [(options.uri, functions[0])], context.cell_id)


def run_prompt(context: Context, options: argparse.Namespace, body: str | None) -> Any:
    """``%%mcp prompt`` defines, ``%mcp prompt NAME`` gets."""
    __tracebackhide__ = True
    if body is None:
        from .lists import get_prompt

        return get_prompt(context, options)
    defined = run_body(context, body, "%%mcp prompt")
    names = options.names or defined
    functions = _functions(context, names, "%%mcp prompt NAME ...")
    if not functions:
        raise UsageError("the cell defines no function.", hint="Define one with def.")
    named = list(zip(names, functions, strict=True))
    return _define(context, options, "prompt", named, context.cell_id)


def run_add(context: Context, options: argparse.Namespace, _body: str | None) -> Changes:
    """``%mcp add FUNCTION ...``."""
    functions = _functions(
        context, [n.removeprefix("$") for n in options.names], "%mcp add FUNCTION ..."
    )
    named = [(function.__name__, function) for function in functions]
    for name, function in named:
        if isinstance(function, type | types.ModuleType):
            raise UsageError(f"{name} is no function.", hint="%mcp add FUNCTION ...")
    return _define(context, options, "tool", named, "")


def run_remove(context: Context, options: argparse.Namespace, _body: str | None) -> Changes:
    """``%mcp remove NAME ...``."""
    server = context.workbench.servers.served(options.server, make=False)
    return Changes(server.remove(*(context.word(n) for n in options.names)))


def _resource_arguments(parser: Parser) -> None:
    parser.add_argument("uri", metavar="URI", help="for example data://{name}")
    _shared(parser)


def _prompt_arguments(parser: Parser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="the prompt, then K=V")
    _shared(parser)
    parser.on()


def _add_arguments(parser: Parser) -> None:
    parser.add_argument("names", nargs="+", metavar="FUNCTION", help="functions of the notebook")
    _hints(parser)


def _remove_arguments(parser: Parser) -> None:
    parser.add_argument("names", nargs="+", metavar="NAME", help="tools, prompts, resource URIs")
    parser.add_argument("--server", default="notebook", metavar="S", help="the server (notebook)")


COMMANDS = [
    Command(
        name="tool",
        summary="make the functions of this cell tools",
        run=run_tool,
        build=_tool_arguments,
        cell="only",
        examples=("%%mcp tool", "def add(a: int, b: int) -> int: ..."),
    ),
    Command(
        name="resource",
        summary="make the function of this cell a resource",
        run=run_resource,
        build=_resource_arguments,
        cell="only",
        examples=("%%mcp resource data://{name}",),
    ),
    Command(
        name="prompt",
        summary="make the functions of this cell prompts; as a line: get a prompt",
        run=run_prompt,
        build=_prompt_arguments,
        cell="optional",
        examples=("%mcp prompt review language=python",),
    ),
    Command(
        name="add",
        summary="make functions that exist tools",
        run=run_add,
        build=_add_arguments,
        examples=("%mcp add my_function",),
    ),
    Command(
        name="remove",
        summary="take tools, resources or prompts away",
        run=run_remove,
        build=_remove_arguments,
        examples=("%mcp remove add",),
    ),
]
