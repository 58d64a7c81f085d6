"""What one message says of itself: kind, id, method, tool. Read leniently, from its bytes.

The decoders of the wire judge a message; here it has already travelled, and the reader wants
to know what it was, also where it was cut, or is one of a batch, or is not quite right.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final, Literal

from .events import Message

Kind = Literal["request", "response", "notification", "error", "invalid"]
Id = int | float | str

SUBSCRIPTION_KEY: Final = "io.modelcontextprotocol/subscriptionId"

_CUT_HEAD: Final = re.compile(
    rb'\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?'
    rb'(?:"id"\s*:\s*(?P<id>-?\d{1,20}|"(?:[^"\\]|\\.){0,200}")\s*,\s*)?'
    rb'"(?P<member>method|result|error)"\s*:\s*(?:"(?P<method>(?:[^"\\]|\\.){0,200})")?'
)
"""The beginning of a message whose end was cut off, members in the order everyone writes."""

_CUT_NAME: Final = re.compile(rb'"params"\s*:\s*\{\s*"name"\s*:\s*"((?:[^"\\]|\\.){0,200})"')


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a message says of itself.

    Attributes:
        kind: one of the four kinds of JSON-RPC, or ``invalid``.
        id: its id, where it has one.
        method: its method; of an answer ``None``.
        name: the tool or prompt it names, or the resource's URI.
        params: the params of a request or notification, where they are an object.
        result: the result, where it is an object.
        error: the error, where it is an object.
    """

    kind: Kind
    id: Id | None = None
    method: str | None = None
    name: str | None = None
    params: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None

    @property
    def tool(self) -> str | None:
        """The tool a ``tools/call`` names."""
        return self.name if self.method == "tools/call" else None

    @property
    def progress_token(self) -> Id | None:
        """The token a request asks progress for, or a progress notification answers to."""
        if self.params is None:
            return None
        if self.kind == "notification":
            return _id(self.params.get("progressToken"))
        return _id(_member(self.params, "_meta").get("progressToken"))

    @property
    def subscription(self) -> Id | None:
        """The id of the ``subscriptions/listen`` a message of its stream belongs to."""
        carrier = self.params if self.params is not None else self.result
        return _id(_member(carrier or {}, "_meta").get(SUBSCRIPTION_KEY))

    @property
    def is_retry(self) -> bool:
        """Whether a request answers the questions of an ``input_required`` result."""
        params = self.params or {}
        return "inputResponses" in params or "requestState" in params


def read(message: Message) -> tuple[Envelope, ...]:
    """What a message says: one envelope, more for a batch, ``invalid`` for what is none."""
    obj = message.json()
    if obj is None and message.cut:
        return (_of_cut(message.raw),)
    if isinstance(obj, list):
        return tuple(of(item) for item in obj) or (Envelope("invalid"),)
    return (of(obj),)


def of(obj: object) -> Envelope:
    """What a parsed JSON value says."""
    if not isinstance(obj, dict):
        return Envelope("invalid")
    id = _id(obj.get("id"))
    method = obj.get("method")
    if isinstance(method, str):
        params = obj.get("params")
        params = params if isinstance(params, dict) else None
        return Envelope(
            "notification" if id is None else "request",
            id,
            method,
            name=_name(params or {}),
            params=params,
        )
    if "result" in obj:
        result = obj["result"]
        return Envelope("response", id, result=result if isinstance(result, dict) else None)
    if "error" in obj:
        error = obj["error"]
        return Envelope("error", id, error=error if isinstance(error, dict) else None)
    return Envelope("invalid", id)


def _of_cut(raw: bytes) -> Envelope:
    match = _CUT_HEAD.match(raw)
    if match is None:
        return Envelope("invalid")
    id = _id(json.loads(match["id"])) if match["id"] else None
    if match["member"] == b"method" and match["method"] is not None:
        name = _CUT_NAME.search(raw, match.end())
        return Envelope(
            "notification" if id is None else "request",
            id,
            _text(match["method"]),
            name=_text(name[1]) if name else None,
        )
    return Envelope("error" if match["member"] == b"error" else "response", id)


def _text(raw: bytes) -> str:
    try:
        return str(json.loads(b'"' + raw + b'"'))
    except ValueError:
        return raw.decode("utf-8", "replace")


def _name(params: dict[str, Any]) -> str | None:
    for member in ("name", "uri"):
        if isinstance(params.get(member), str):
            return str(params[member])
    return None


def _member(obj: dict[str, Any], name: str) -> dict[str, Any]:
    value = obj.get(name)
    return value if isinstance(value, dict) else {}


def _id(value: object) -> Id | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    return value
