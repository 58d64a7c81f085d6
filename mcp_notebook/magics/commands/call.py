"""``call`` and ``send``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from mcp_notebook.errors import McpError, UsageError
from mcp_notebook.magics.asking import attend
from mcp_notebook.magics.command import Command, Parser, seconds
from mcp_notebook.magics.toolcall import read_call

if TYPE_CHECKING:
    from mcp_notebook.magics.context import Context
    from mcp_notebook.runtime.connection import Connection


class Messages(list[Any]):
    """Messages that came back; shows each as text, redacted."""

    def __init__(self, messages: list[Any], shown: list[str]) -> None:
        super().__init__(messages)
        self._shown = shown

    def __repr__(self) -> str:
        return "\n".join(self._shown) or "nothing came back"


def _call_arguments(parser: Parser) -> None:
    parser.add_argument("tool", metavar="TOOL", help="add(a=2, b=3), or add a=2 b=3")
    parser.add_argument(
        "given",
        nargs="*",
        metavar="NAME=VALUE",
        help="arguments by name; %%%%mcp call TOOL takes them from the cell",
    )
    parser.on()
    parser.add_argument("--timeout", type=seconds, metavar="S", help="seconds to wait (60)")
    parser.add_argument("--answer", metavar="J", help="answers the server's question in advance")
    parser.add_argument("--strict", action="store_true", help="raise where the tool fails")


def run_call(context: Context, options: argparse.Namespace, body: str | None) -> Any:
    """``%mcp call TOOL(...)``, ``%mcp call TOOL NAME=VALUE ...``, ``%%mcp call TOOL``."""
    call = read_call(CALL.parser(), options.line, body, context)
    parsed = call.options
    connection, resort = _connection(context, parsed.on)
    arguments = call.arguments(context, _schema(connection, call.tool))
    result = attend(
        context,
        connection,
        call.tool,
        arguments,
        answer=call.answer(context),
        timeout=parsed.timeout,
    )
    if resort:
        result.note = "nothing is connected: called over memory"
    elif connection.stale:
        result.note = f"{connection.name} runs an older snapshot: %mcp connect for the new one"
    return result.raise_for_error() if parsed.strict else result


def _connection(context: Context, name: str | None) -> tuple[Connection, bool]:
    if name is not None:
        return context.workbench.connection(context.word(name)), False
    return context.workbench.any_connection()


def _schema(connection: Connection, tool: str) -> dict[str, Any]:
    known = connection.workbench.loop.run(connection.aio._known_tool(tool))
    return dict(known.input_schema)


def _send_arguments(parser: Parser) -> None:
    parser.on()
    parser.add_argument(
        "--timeout", type=seconds, default=5.0, metavar="S", help="seconds to wait (5)"
    )


def run_send(context: Context, options: argparse.Namespace, body: str | None) -> Messages:
    """``%%mcp send``: exactly the bytes of the cell."""
    from mcp_notebook.trace.store import Trace

    connection = context.connection(options.on)
    data = (body or "").encode()
    if not data.strip():
        raise UsageError("the cell is empty.", hint="Write one or more JSON-RPC messages below.")
    try:
        came = connection.send(data, timeout=options.timeout)
    except McpError:
        raise
    except Exception as error:
        raise McpError(f"sending failed: {error}", hint="%mcp why") from error
    trace: Trace = context.workbench.trace
    wanted = {message.seq for message in came}
    shown = [
        m.raw.decode("utf-8", "replace") for m in trace.redacted().messages() if m.seq in wanted
    ]
    return Messages(came, shown)


CALL = Command(
    name="call",
    summary="call a tool",
    run=run_call,
    build=_call_arguments,
    cell="optional",
    raw=True,
    examples=(
        "%mcp call add(2, b=3)",
        "%mcp call add a=2 b=3",
        '%mcp call ask() --answer \'{"name": "Ada"}\'',
        "%%mcp call add",
        '{"a": 2, "b": 3}',
        "%%mcp call add",
        "a = 2",
        "b = 3",
    ),
)

COMMANDS = [
    CALL,
    Command(
        name="send",
        summary="send exactly the bytes of this cell",
        run=run_send,
        build=_send_arguments,
        cell="only",
        examples=("%%mcp send", '{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}'),
    ),
]
