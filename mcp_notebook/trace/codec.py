"""The one JSON form of a Trace: header and events as plain dictionaries, with a version.

The header is ``{"mcp_trace": 1, "zero_ns": ..., "zero_unix_s": ..., "dropped": 0}``. An event is
``{"kind": ..., "seq": ..., "time_ns": ..., "conn": ..., "vantage": ..., "link": ...,
"transport": ...}`` and the members of its kind. Bytes are a string where they are UTF-8,
otherwise ``{"base64": "..."}``; a span is ``[start, end]``. A message that a cell's code sent has
a ``cell`` beside them.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from mcp_notebook.errors import UsageError
from mcp_notebook.wire.spans import Span

from .events import (
    Chunk,
    Direction,
    Event,
    Fault,
    LinkClosed,
    LinkOpened,
    Message,
    StderrLine,
    Vantage,
)
from .store import Trace

SCHEMA_VERSION: Final = 1
"""Goes up when an old reader would misread what is written."""

HEADER_KEY: Final = "mcp_trace"


def encode_header(trace: Trace) -> dict[str, Any]:
    """What is true of the whole Trace."""
    return {
        HEADER_KEY: SCHEMA_VERSION,
        "zero_ns": trace.zero_ns,
        "zero_unix_s": trace.zero_unix_s,
        "dropped": trace.dropped,
    }


def decode_header(record: Mapping[str, Any], trace: Trace) -> int:
    """Set the clock of an empty Trace from a header.

    Returns:
        How many events the Trace had dropped.

    Raises:
        UsageError: the version is one this package does not know.
        ValueError: it is no header.
    """
    version = record.get(HEADER_KEY)
    if not isinstance(version, int) or isinstance(version, bool):
        raise ValueError("no trace header")
    if version != SCHEMA_VERSION:
        raise UsageError(
            f"this trace has version {version}, and version {SCHEMA_VERSION} is what is read here",
            hint="Update mcp_notebook: pip install -U mcp_notebook",
        )
    trace.zero_ns = _int(record, "zero_ns")
    zero_unix_s = record.get("zero_unix_s")
    if not isinstance(zero_unix_s, int | float) or isinstance(zero_unix_s, bool):
        raise ValueError("zero_unix_s is not a number")
    trace.zero_unix_s = float(zero_unix_s)
    return _int(record, "dropped")


def encode(event: Event) -> dict[str, Any]:
    """An event as a dictionary that JSON can hold."""
    record: dict[str, Any] = {
        "kind": event.kind,
        "seq": event.seq,
        "time_ns": event.time_ns,
        "conn": event.conn,
        "vantage": event.vantage.value,
        "link": event.link,
        "transport": event.transport,
    }
    if isinstance(event, Message):
        record |= {
            "direction": event.direction.value,
            "raw": encode_bytes(event.raw),
            "size": event.size,
            "span": None if event.span is None else [event.span.start, event.span.end],
        }
        if event.cell:
            record["cell"] = event.cell
    elif isinstance(event, Chunk):
        record |= {
            "direction": event.direction.value,
            "data": encode_bytes(event.data),
            "size": event.size,
            "offset": event.offset,
        }
    elif isinstance(event, StderrLine | Fault):
        record["text"] = event.text
    elif isinstance(event, LinkOpened):
        record["address"] = event.address
    elif isinstance(event, LinkClosed):
        record["reason"] = event.reason
    else:
        raise TypeError(f"the codec does not know {type(event).__name__}")
    return record


def decode(record: Mapping[str, Any]) -> Event:
    """The event a dictionary stands for.

    Raises:
        ValueError: it stands for none.
    """
    common: dict[str, Any] = {
        "seq": _int(record, "seq"),
        "time_ns": _int(record, "time_ns"),
        "conn": _str(record, "conn"),
        "vantage": Vantage(_str(record, "vantage")),
        "link": _str(record, "link"),
        "transport": _str(record, "transport"),
    }
    kind = record.get("kind")
    if kind == Message.kind:
        return Message(
            **common,
            direction=Direction(_str(record, "direction")),
            raw=decode_bytes(record.get("raw")),
            size=_int(record, "size"),
            span=_span(record.get("span")),
            cell=_str(record, "cell") if "cell" in record else "",
        )
    if kind == Chunk.kind:
        return Chunk(
            **common,
            direction=Direction(_str(record, "direction")),
            data=decode_bytes(record.get("data")),
            size=_int(record, "size"),
            offset=_int(record, "offset"),
        )
    if kind == StderrLine.kind:
        return StderrLine(**common, text=_str(record, "text"))
    if kind == Fault.kind:
        return Fault(**common, text=_str(record, "text"))
    if kind == LinkOpened.kind:
        return LinkOpened(**common, address=_str(record, "address"))
    if kind == LinkClosed.kind:
        return LinkClosed(**common, reason=_str(record, "reason"))
    raise ValueError(f"no kind of event is called {kind!r}")


def encode_bytes(data: bytes) -> str | dict[str, str]:
    """Bytes as text where they are UTF-8, else as base64."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode("ascii")}


def decode_bytes(value: object) -> bytes:
    """The bytes that `encode_bytes` wrote.

    Raises:
        ValueError: it wrote no such thing.
    """
    if isinstance(value, str):
        return value.encode("utf-8")
    if isinstance(value, dict) and isinstance(value.get("base64"), str):
        try:
            return base64.b64decode(value["base64"], validate=True)
        except binascii.Error as exc:
            raise ValueError(f"bytes that are not base64: {exc}") from None
    raise ValueError("bytes are neither text nor base64")


def _int(record: Mapping[str, Any], name: str) -> int:
    value = record.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} is not a whole number")
    return value


def _str(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is not a text")
    return value


def _span(value: object) -> Span | None:
    if value is None:
        return None
    if isinstance(value, list) and len(value) == 2 and all(isinstance(n, int) for n in value):
        return Span(value[0], value[1])
    raise ValueError("span is not [start, end]")
