"""JSON-RPC 2.0 messages: what a text is, and which error is due where it is none."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

Id: TypeAlias = int | str
"""The id of a request. MCP leaves out ``null`` and fractions, which JSON-RPC allows."""

PARSE_ERROR: Final = -32700
"""JSON-RPC 2.0 section 5.1: "Invalid JSON was received by the server."."""

INVALID_REQUEST: Final = -32600
INTERNAL_ERROR: Final = -32603
"""JSON-RPC 2.0 section 5.1: "The JSON sent is not a valid Request object."."""

_BOM: Final = b"\xef\xbb\xbf"


class MessageKind(StrEnum):
    """The four kinds of message."""

    REQUEST = "request"
    NOTIFICATION = "notification"
    RESPONSE = "response"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the members that JSON-RPC itself defines say about a message.

    Attributes:
        kind: which of the four it is.
        id: the id; ``None`` for a notification, and for an error whose request could not be
            read.
        method: the method of a request or notification.
        obj: the whole message.
    """

    kind: MessageKind
    id: Id | None
    method: str | None
    obj: dict[str, Any]

    @property
    def params(self) -> Any:
        """The ``params`` member, or ``None``."""
        return self.obj.get("params")

    @property
    def result(self) -> Any:
        """The ``result`` member, or ``None``."""
        return self.obj.get("result")

    @property
    def error(self) -> Any:
        """The ``error`` member, or ``None``."""
        return self.obj.get("error")


class MessageError(ValueError):
    """A text that is no JSON-RPC message.

    Attributes:
        code: the JSON-RPC error code that is due, ``PARSE_ERROR`` or ``INVALID_REQUEST``.
        text: what is wrong, fit to be sent as the error's message.
        id: the id of the message where it could be read.
        answerable: whether the peer is owed an error. A broken response or notification is
            never answered: nobody waits, and two strict peers would answer for ever.
    """

    def __init__(
        self, code: int, text: str, *, id: Id | None = None, answerable: bool = True
    ) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.id = id
        self.answerable = answerable

    def line(self) -> bytes:
        """The error as the line that answers it."""
        return error_line(self.code, self.text, self.id)


def parse(raw: bytes | bytearray | str) -> Envelope:
    """Read one message.

    Raises:
        MessageError: it is not JSON, or not one JSON-RPC message. Nothing else is raised,
            whatever the bytes.
    """
    text = _text(raw)
    if not text or text.isspace():
        raise MessageError(PARSE_ERROR, "Parse error: the text is empty")
    repeated: list[str] = []
    try:
        try:
            obj = _DECODER.decode(text)
        except _Repeated:
            obj = _decoder(repeated).decode(text)  # once more, to know all of them and the id
    except RecursionError:
        raise MessageError(PARSE_ERROR, "Parse error: nested too deeply") from None
    except MessageError:
        raise
    except ValueError as exc:
        raise MessageError(PARSE_ERROR, f"Parse error: {exc}") from None
    if "\\u" in text and "\\ud" in text.lower():
        _refuse_lone_surrogates(obj)
    if repeated:
        # RFC 8259 section 4: "When the names within an object are not unique, the behavior of
        # software that receives such an object is unpredictable." Two peers that read
        # different methods in one text is what must not happen.
        name = repeated[0]
        raise MessageError(
            INVALID_REQUEST,
            f"Invalid Request: the member {json.dumps(name)} is there twice",
            id=None if "id" in repeated else _readable_id(obj),
            answerable=_answerable(obj),
        )
    return classify(obj)


def classify(obj: Any) -> Envelope:
    """Say what kind of message a parsed JSON value is.

    Raises:
        MessageError: it is none (always ``INVALID_REQUEST``).
    """
    if isinstance(obj, list):
        # MCP 2025-06-18, changelog: "Remove support for JSON-RPC batching".
        raise MessageError(INVALID_REQUEST, "Invalid Request: batches are not supported")
    if not isinstance(obj, dict):
        raise MessageError(INVALID_REQUEST, "Invalid Request: a message is an object")
    if obj.get("jsonrpc") != "2.0":
        raise _invalid(obj, 'the member "jsonrpc" must be "2.0"')
    if "method" in obj:
        return _call(obj)
    if "result" in obj or "error" in obj:
        return _answer(obj)
    raise _invalid(obj, 'there is no "method", "result" or "error"')


def error_line(code: int, message: str, id: Id | None = None, data: Any = None) -> bytes:
    """An error response as one line, the line end included."""
    error: dict[str, Any] = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    return encode({"jsonrpc": "2.0", "id": id, "error": error}) + b"\n"


def encode(obj: Any) -> bytes:
    """Write a message as compact UTF-8 JSON on one line, without a line end.

    Raises:
        ValueError: it holds what JSON cannot say (NaN, an infinity, a lone surrogate), or is
            nested too deeply.
    """
    try:
        text = json.dumps(obj, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except RecursionError:
        raise ValueError("nested too deeply to be written as JSON") from None
    return text.encode("utf-8")


def _text(raw: bytes | bytearray | str) -> str:
    if isinstance(raw, str):
        if not _is_text(raw):
            raise MessageError(PARSE_ERROR, "Parse error: half a character (a lone surrogate)")
        return raw
    if raw.startswith(_BOM):
        # RFC 8259 section 8.1: "Implementations MUST NOT add a byte order mark".
        raise MessageError(PARSE_ERROR, "Parse error: the text starts with a byte order mark")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise MessageError(
            PARSE_ERROR, f"Parse error: byte {exc.start} is not valid UTF-8"
        ) from None


def _call(obj: dict[str, Any]) -> Envelope:
    method = obj["method"]
    if not isinstance(method, str):
        raise _invalid(obj, 'the member "method" must be a string')
    if "id" in obj and not _is_id(obj["id"]):
        raise _invalid(obj, 'the member "id" must be a string or an integer')
    if "params" in obj and not isinstance(obj["params"], dict | list):
        raise _invalid(obj, 'the member "params" must be an object or an array')
    if "result" in obj or "error" in obj:
        raise _invalid(obj, "a request has neither result nor error")
    if "id" in obj:
        return Envelope(MessageKind.REQUEST, obj["id"], method, obj)
    return Envelope(MessageKind.NOTIFICATION, None, method, obj)


def _answer(obj: dict[str, Any]) -> Envelope:
    if "result" in obj and "error" in obj:
        # JSON-RPC 2.0 section 5: "both members MUST NOT be included".
        raise _invalid(obj, "a response has a result or an error, not both")
    id = obj.get("id")
    if "result" in obj:
        if not _is_id(id):
            raise _invalid(obj, 'the "id" of a result must be a string or an integer')
        return Envelope(MessageKind.RESPONSE, id, None, obj)
    # An error may lack its id: "If there was an error in detecting the id in the Request
    # object (e.g. Parse error/Invalid Request), it MUST be Null."
    if id is not None and not _is_id(id):
        raise _invalid(obj, 'the "id" of an error must be a string, an integer or null')
    error = obj["error"]
    if not isinstance(error, dict):
        raise _invalid(obj, 'the member "error" must be an object')
    code = error.get("code")
    if not isinstance(code, int) or isinstance(code, bool):
        raise _invalid(obj, "the code of an error must be an integer")
    if not isinstance(error.get("message"), str):
        raise _invalid(obj, "the message of an error must be a string")
    return Envelope(MessageKind.ERROR, id, None, obj)


def _invalid(obj: dict[str, Any], text: str) -> MessageError:
    return MessageError(
        INVALID_REQUEST,
        f"Invalid Request: {text}",
        id=_readable_id(obj),
        answerable=_answerable(obj),
    )


def _answerable(obj: Any) -> bool:
    if not isinstance(obj, dict):
        return True
    if "method" not in obj:
        return "result" not in obj and "error" not in obj
    # JSON-RPC 2.0 section 4.1: "The Server MUST NOT reply to a Notification".
    notification = (
        obj.get("jsonrpc") == "2.0" and isinstance(obj["method"], str) and "id" not in obj
    )
    return not notification


def _readable_id(obj: Any) -> Id | None:
    if not isinstance(obj, dict):
        return None
    id = obj.get("id")
    return id if _is_id(id) else None


def _is_id(value: object) -> bool:
    # bool is an int to Python, not to JSON
    return isinstance(value, int | str) and not isinstance(value, bool)


def _no_constant(name: str) -> Any:
    raise MessageError(PARSE_ERROR, f"Parse error: {name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        # it could never be written again: JSON has no infinity
        raise MessageError(PARSE_ERROR, "Parse error: a number is out of range")
    return number


class _Repeated(Exception):
    """A member of an object is there twice."""


def _decoder(repeated: list[str] | None = None) -> json.JSONDecoder:
    """A strict decoder; members that are there twice are collected, or else refused."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        obj = dict(pairs)
        if len(obj) != len(pairs):
            if repeated is None:
                raise _Repeated
            unseen = set(obj)
            for name, _ in pairs:
                if name not in unseen:
                    repeated.append(name)
                unseen.discard(name)
        return obj

    return json.JSONDecoder(
        object_pairs_hook=members, parse_constant=_no_constant, parse_float=_finite
    )


def _refuse_lone_surrogates(obj: Any) -> None:
    try:
        json.dumps(obj, ensure_ascii=False).encode("utf-8")
    except (UnicodeEncodeError, RecursionError):
        id = _readable_id(obj)
        if isinstance(id, str) and not _is_text(id):
            id = None
        raise MessageError(
            PARSE_ERROR,
            "Parse error: an escape names half a character (a lone surrogate)",
            id=id,
            answerable=_answerable(obj),
        ) from None


def _is_text(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


_DECODER: Final = _decoder()  # made once: making one costs more than reading a message
