"""Turns what the SDK and the network raise into one readable line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import httpx2
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from mcp_notebook.errors import (
    CallError,
    CallTimeout,
    ConnectError,
    ConnectionLost,
    McpError,
)
from mcp_notebook.trace.events import Direction, Event, Message, Vantage
from mcp_notebook.trace.foreign import foreign
from mcp_notebook.transports.httpclient import NO_ANSWER, UNANSWERED

CONNECTION_CLOSED = -32000
INVALID_REQUEST = -32600

_SDK_SAYS_CLOSED = ("Connection closed", "SSE stream ended without", "SSE stream failed")
"""How the SDK's own errors of code -32000 begin. JSON-RPC leaves the code to every server, so
the code alone says nothing."""

Clean = Callable[[object], str]
"""Makes the words of a peer fit to be quoted."""

_STATUS_HINTS = {
    400: "It may speak another revision: try --era legacy.",
    401: "Give the token: --token $NAME",
    403: "The server refuses this Origin, or the token is not enough.",
    404: "Check the path of the address.",
    405: "Perhaps it is an sse endpoint: try the address that ends in /sse.",
    421: "The server does not know this host name: allow it there, or use 127.0.0.1.",
}


def innermost(error: BaseException) -> BaseException:
    """The exception inside nested groups that says most."""
    while isinstance(error, BaseExceptionGroup):
        useful = [e for e in error.exceptions if not isinstance(e, asyncio.CancelledError)]
        error = (useful or list(error.exceptions))[0]
    return error


def connecting(
    error: BaseException,
    shown: str,
    *,
    epitaph: str = "",
    echoes: bool = False,
    clean: Clean = foreign,
) -> McpError:
    """Why a connection to ``shown`` could not be opened.

    Args:
        error: what was raised.
        shown: where it should have led.
        epitaph: how its child ended, where that is why.
        echoes: whether it sent our own request back.
        clean: makes the words of the peer fit to be quoted.
    """
    error = innermost(error)
    if isinstance(error, McpError):
        return error
    if echoes:
        return ConnectError(
            f"{shown} echoes what it gets: it is no MCP server.",
            hint="Check the command after --.",
        )
    if isinstance(error, MCPError) and not closed(error):
        # also where its child has ended: we ended it, after this answer
        return ConnectError(
            f"{shown} refused the handshake: {clean(error.error.message)} ({error.error.code}).",
            hint="Try --era legacy, or check the address.",
        )
    if epitaph:
        return ConnectError(f"{shown} ended before it answered ({epitaph}).", hint="%mcp why")
    if isinstance(error, httpx2.HTTPStatusError):
        return _status(error.response.status_code, shown)
    if isinstance(error, httpx2.ConnectError) and "SSL" in str(error):
        plain = "WRONG_VERSION_NUMBER" in str(error) or "record layer" in str(error).lower()
        if plain:
            return ConnectError(f"{shown} does not speak TLS.", hint="Or is it http://?")
        return ConnectError(f"{shown}: {clean(error)}.", hint="Check its certificate.")
    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | ConnectionError):
        return ConnectError(
            f"nothing answers at {shown}.", hint="Is the server running? %mcp status shows ours."
        )
    if isinstance(error, TimeoutError | httpx2.TimeoutException):
        return ConnectError(
            f"{shown} did not answer the handshake in time.", hint="Wait longer: --timeout 30"
        )
    if isinstance(error, MCPError):
        return ConnectError(
            f"{shown} closed the connection before it answered.",
            hint="Try --era legacy, or %mcp why",
        )
    if isinstance(error, ValidationError):
        return ConnectError(f"{shown} answered, but not as an MCP server does.", hint="%mcp flow")
    text = clean(error).rstrip(".") or type(error).__name__
    return ConnectError(f"{shown} cannot be reached: {text}.", hint="%mcp why")


def echoed(events: Iterable[Event], name: str) -> bool:
    """Whether the peer of a connection has sent our own handshake back, as ``cat`` does."""
    return any(
        isinstance(event, Message)
        and event.conn == name
        and event.vantage is Vantage.CLIENT
        and event.direction is Direction.SERVER_TO_CLIENT
        and isinstance(content := event.json(), dict)
        and content.get("method") in ("initialize", "server/discover")
        for event in events
    )


def _status(status: int, shown: str) -> McpError:
    return ConnectError(
        f"{shown} answered with HTTP status {status}.",
        hint=_STATUS_HINTS.get(status, "%mcp flow shows the exchange."),
    )


def closed(error: BaseException) -> bool:
    """Whether the SDK says that a request failed because its connection ended."""
    error = innermost(error)
    return (
        isinstance(error, MCPError)
        and error.error.code == CONNECTION_CLOSED
        and error.error.data is None
        and error.error.message.startswith(_SDK_SAYS_CLOSED)
    )


def requesting(
    error: BaseException, name: str, *, reason: str = "", clean: Clean = foreign
) -> BaseException:
    """Why a request on the connection ``name`` failed; errors of ours pass unchanged.

    Args:
        error: what was raised.
        name: the connection's name.
        reason: why the connection ended, where it has.
        clean: makes the words of the peer fit to be quoted.
    """
    error = innermost(error)
    if isinstance(error, McpError | asyncio.CancelledError | KeyboardInterrupt):
        return error
    if isinstance(error, MCPError):
        code, message = error.error.code, error.error.message
        if closed(error) or (reason and code == CONNECTION_CLOSED):
            why = reason or clean(message)
            return ConnectionLost(f"{name} is gone: {why}.", hint="Open it again: %mcp connect")
        if code == NO_ANSWER and message.startswith(UNANSWERED):
            return ConnectionLost(
                f"{name} gives no answer: {clean(message.removeprefix(UNANSWERED))}.",
                hint="Is the server running? The next call tries again.",
            )
        hint = "%mcp why"
        if code == INVALID_REQUEST and "no back-channel" in message:
            hint = (
                "The tool asked in the way of the legacy era: connect with --era legacy. In the "
                "modern era a tool asks by returning input_required (Resolve and Elicit)."
            )
        return CallError(
            f"{name} answered with error {code}: {clean(message)}",
            code=code,
            data=error.error.data,
            hint=hint,
        )
    if isinstance(error, TimeoutError):
        return CallTimeout(f"{name} did not answer in time.", hint="Wait longer: --timeout 60")
    if isinstance(error, httpx2.HTTPError | ConnectionError):
        why = reason or clean(error) or type(error).__name__
        return ConnectionLost(f"{name} is gone: {why}.", hint="Open it again: %mcp connect")
    if isinstance(error, ValidationError):
        return CallError(
            f"the answer of {name} does not fit its revision: {clean(error.errors()[0]['msg'])}",
            code=0,
            hint="%mcp flow shows what came.",
        )
    if isinstance(error, RuntimeError) and "structured content" in str(error):
        return CallError(
            f"{name}: {clean(error)}",
            code=0,
            hint="Its tools have changed: %mcp tools reads them again.",
        )
    return error
