"""One message of a client, read as JSON and JSON-RPC have it.

The SDK's reader is more lenient: it takes NaN, members that are there twice, and a request with an
odd id as a notification. What two readers read differently must not reach a tool.
"""

from __future__ import annotations

import math
from typing import Any, Final

from mcp_types import (
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)
from pydantic_core import from_json, to_json

from mcp_notebook.wire import jsonrpc

NO_MESSAGE: Final = "not a JSON-RPC 2.0 message"

_MODELS: Final[dict[jsonrpc.MessageKind, type[JSONRPCMessage]]] = {
    jsonrpc.MessageKind.REQUEST: JSONRPCRequest,
    jsonrpc.MessageKind.NOTIFICATION: JSONRPCNotification,
    jsonrpc.MessageKind.RESPONSE: JSONRPCResponse,
    jsonrpc.MessageKind.ERROR: JSONRPCError,
}

_INFINITE: Final = (math.inf, -math.inf)

_QUICK_BYTES: Final = 1 << 16
"""Beyond this, looking through the text takes longer than reading it strictly."""


def read_message(raw: bytes) -> JSONRPCMessage:
    """Read what a client sent.

    Raises:
        jsonrpc.MessageError: it is no message.
    """
    envelope = read_envelope(raw)
    try:
        return _MODELS[envelope.kind].model_validate(envelope.obj)
    except ValueError:  # parameters in an array: JSON-RPC has them, MCP has not
        raise jsonrpc.MessageError(
            jsonrpc.INVALID_REQUEST,
            NO_MESSAGE,
            id=envelope.id,
            answerable=envelope.kind is jsonrpc.MessageKind.REQUEST,
        ) from None


def read_envelope(raw: bytes) -> jsonrpc.Envelope:
    """What a message says of itself, and its object; MCP's own models are not asked.

    Raises:
        jsonrpc.MessageError: it is no message.
    """
    return quickly(raw) or jsonrpc.parse(raw)


def quickly(raw: bytes) -> jsonrpc.Envelope | None:
    """The same by a faster reader, where it surely reads the same; else ``None``.

    That reader keeps the last of several members of one name. What is written again as it was
    has none that was left out. Else, with no space between a name and its colon, as most write
    it, there are at least as many ``":`` as members in the text; if there are no more of them
    than members that were kept, none was there twice.

    Raises:
        jsonrpc.MessageError: it is JSON and no message.
    """
    if len(raw) > _QUICK_BYTES:
        return None
    try:
        obj = from_json(raw, allow_inf_nan=False)
    except ValueError:
        return None
    if type(obj) is not dict:
        return None
    if to_json(obj, inf_nan_mode="constants") == raw or _all_kept(raw, obj):
        return jsonrpc.classify(obj)
    return None


def _all_kept(raw: bytes, obj: dict[str, Any]) -> bool:
    """Whether no member of a text was there twice, as far as counting tells."""
    if b'" ' in raw or b'"\t' in raw or b'"\r' in raw or b'"\n' in raw:
        return False
    return raw.count(b'":') == _members(obj)


def _members(value: dict[str, Any] | list[Any]) -> int:
    """How many members the objects in a value have, all together; -1 for what JSON cannot say."""
    count = 0
    inside: Any = value
    if type(value) is dict:
        count, inside = len(value), value.values()
    for each in inside:
        kind = type(each)
        if kind is dict or kind is list:
            more = _members(each)
            if more < 0:
                return -1
            count += more
        elif kind is float and each in _INFINITE:
            return -1  # a number out of range
    return count
