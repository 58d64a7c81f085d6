"""Bodies that are no JSON-RPC message: over HTTP they are answered before the SDK reads them.

The SDK takes more than JSON and JSON-RPC allow, and the readers of its two eras differ: NaN, a
member that is there twice, UTF-16, half a character in an escape; a request whose id is ``null``
is a notification to it, and who sent it waits. Here a body is read as over every other transport.
"""

from __future__ import annotations

from mcp_notebook.wire import jsonrpc

from .asgi import App, AsgiMessage, Receive, Scope, Send, header
from .base import MAX_MESSAGE_BYTES
from .reading import read_envelope


class StrictBodies:
    """An ASGI layer that answers a POST of what is no message, and passes everything else on."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at the body of a POST."""
        if scope["type"] != "http" or scope["method"] != "POST" or not _is_json(scope):
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
        if whole and taken[-1]["type"] == "http.request":
            try:
                body = b"".join(one.get("body", b"") for one in taken)
                read_envelope(body)
            except jsonrpc.MessageError as problem:
                # who sent a broken answer or notification waits for nothing: no id of theirs
                known = problem.id if problem.answerable else None
                await _answer(send, jsonrpc.error_line(problem.code, problem.text, known))
                return
        taken.reverse()

        async def again() -> AsgiMessage:
            return taken.pop() if taken else await receive()

        await self._app(scope, again, send)


def _is_json(scope: Scope) -> bool:
    kind = header(scope["headers"], b"content-type")
    return kind.partition(";")[0].strip().lower() == "application/json"


async def _answer(send: Send, body: bytes) -> None:
    # revision 2025-11-25, Streamable HTTP: "If the server cannot accept the input, it MUST return
    # an HTTP error status code (e.g., 400 Bad Request)", for a notification too
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": body})
