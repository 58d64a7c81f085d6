"""Turns what the SDK and the network raise into one readable line."""

from __future__ import annotations

import asyncio

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

CONNECTION_CLOSED = -32000
REQUEST_TIMEOUT = -32001

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


def connecting(error: BaseException, shown: str, *, epitaph: str = "") -> McpError:
    """Why a connection to ``shown`` could not be opened."""
    error = innermost(error)
    if isinstance(error, McpError):
        return error
    if isinstance(error, MCPError) and error.error.code != CONNECTION_CLOSED:
        # also where its child has ended: we ended it, after this answer
        return ConnectError(
            f"{shown} refused the handshake: {error.error.message} ({error.error.code}).",
            hint="Try --era legacy, or check the address.",
        )
    if epitaph:
        return ConnectError(f"{shown} ended before it answered ({epitaph}).", hint="%mcp why")
    if isinstance(error, httpx2.HTTPStatusError):
        return _status(error.response.status_code, shown)
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
    text = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return ConnectError(f"{shown} cannot be reached: {text}.", hint="%mcp why")


def _status(status: int, shown: str) -> McpError:
    return ConnectError(
        f"{shown} answered with HTTP status {status}.",
        hint=_STATUS_HINTS.get(status, "%mcp flow shows the exchange."),
    )


def closed(error: BaseException) -> bool:
    """Whether a request failed because its connection ended."""
    error = innermost(error)
    return isinstance(error, MCPError) and error.error.code == CONNECTION_CLOSED


def requesting(error: BaseException, name: str, *, reason: str = "") -> BaseException:
    """Why a request on the connection ``name`` failed; errors of ours pass unchanged."""
    error = innermost(error)
    if isinstance(error, McpError | asyncio.CancelledError | KeyboardInterrupt):
        return error
    if isinstance(error, MCPError):
        code, message = error.error.code, error.error.message
        if code == CONNECTION_CLOSED:
            why = reason or message
            return ConnectionLost(f"{name} is gone: {why}.", hint="Open it again: %mcp connect")
        if code == REQUEST_TIMEOUT:
            return CallTimeout(f"{name} did not answer in time.", hint="Wait longer: --timeout 60")
        return CallError(
            f"{name} answered with error {code}: {message}",
            code=code,
            data=error.error.data,
            hint="%mcp why",
        )
    if isinstance(error, httpx2.HTTPError | ConnectionError):
        why = reason or str(error) or type(error).__name__
        return ConnectionLost(f"{name} is gone: {why}.", hint="Open it again: %mcp connect")
    if isinstance(error, ValidationError):
        return CallError(
            f"the answer of {name} does not fit its revision: {error.errors()[0]['msg']}",
            code=0,
            hint="%mcp flow shows what came.",
        )
    if isinstance(error, RuntimeError) and "structured content" in str(error):
        return CallError(
            f"{name}: {error}", code=0, hint="Its tools have changed: %mcp tools reads them again."
        )
    return error
