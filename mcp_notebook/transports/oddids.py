"""Requests whose id is none: over HTTP they are told so.

The SDK reads a request whose id is ``null``, a fraction, a list ... as a notification, says 202
and answers nothing; who sent it waits. JSON-RPC 2.0 section 5 asks for an error.
"""

from __future__ import annotations

import re
from typing import Final

from mcp_notebook.wire import jsonrpc

from .asgi import App, AsgiMessage, Receive, Scope, Send
from .base import MAX_MESSAGE_BYTES

_SUSPECT: Final = re.compile(rb'"id"\s*:\s*(?:[^-\d"\s]|-?\d+[.eE])')
"""An id somewhere in a body that is neither a text nor a whole number; reading each body twice
would cost more."""


class RefusesOddIds:
    """An ASGI layer that answers a request with an odd id, and passes everything else on."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at the body of a POST."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        taken: list[AsgiMessage] = []
        size = 0
        whole = False
        while not whole and size <= MAX_MESSAGE_BYTES:
            message = await receive()
            taken.append(message)
            size += len(message.get("body", b""))
            whole = message["type"] != "http.request" or not message.get("more_body")
        due = _due(b"".join(one.get("body", b"") for one in taken)) if whole else None
        if due is not None:
            await _answer(send, due)
            return
        taken.reverse()

        async def again() -> AsgiMessage:
            return taken.pop() if taken else await receive()

        await self._app(scope, again, send)


def _due(body: bytes) -> bytes | None:
    """The error that is due for a body, where it is such a request."""
    if _SUSPECT.search(body) is None:
        return None
    try:
        jsonrpc.parse(body)
    except jsonrpc.MessageError as problem:
        return problem.line() if problem.answerable and problem.id is None else None
    return None


async def _answer(send: Send, body: bytes) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": body})
