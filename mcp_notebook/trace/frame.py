"""A Trace as a pandas ``DataFrame``: one row a message."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mcp_notebook.errors import UsageError

from .envelope import Envelope, read
from .events import Event, Message
from .exchange import Exchange, pair

if TYPE_CHECKING:
    import pandas

COLUMNS = (
    "seq",
    "time",
    "conn",
    "transport",
    "vantage",
    "dir",
    "kind",
    "method",
    "tool",
    "id",
    "status",
    "latency_ms",
    "bytes",
)


def to_frame(
    events: Iterable[Event], *, context: Iterable[Event] | None = None, zero_ns: int = 0
) -> pandas.DataFrame:
    """One row a message.

    An answer carries the method and the tool of its request; ``status`` and ``latency_ms``
    stand on both. ``time`` is in seconds since the Trace began.

    Args:
        events: what is listed.
        context: where requests are paired with answers; ``events`` if not given.
        zero_ns: when the Trace began.

    Raises:
        UsageError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError:
        raise UsageError("to_frame() needs pandas", hint="Type: %pip install pandas") from None
    events = list(events)
    by_seq: dict[int, list[Exchange]] = {}
    for found in pair(events if context is None else context):
        for message in found.messages:
            by_seq.setdefault(message.seq, []).append(found)
    rows: list[dict[str, Any]] = []
    for event in events:
        if isinstance(event, Message):
            for envelope in read(event):
                exchange = _own(envelope, by_seq.get(event.seq, []))
                rows.append(_row(event, envelope, exchange, zero_ns))
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype({"id": object, "latency_ms": float, "time": float})


def _own(envelope: Envelope, exchanges: list[Exchange]) -> Exchange | None:
    """The exchange an envelope belongs to; one message of a batch has several."""
    for exchange in exchanges:
        if exchange.id == envelope.id:
            return exchange
    return exchanges[0] if exchanges and envelope.kind == "notification" else None


def _row(
    message: Message, envelope: Envelope, exchange: Exchange | None, zero_ns: int
) -> dict[str, Any]:
    whole = exchange is not None and envelope.kind != "notification"
    latency_ns = exchange.latency_ns if exchange is not None and whole else None
    return {
        "seq": message.seq,
        "time": (message.time_ns - zero_ns) / 1e9,
        "conn": message.conn,
        "transport": message.transport,
        "vantage": message.vantage.value,
        "dir": message.direction.value,
        "kind": envelope.kind,
        "method": envelope.method or (exchange.method if exchange is not None else None),
        "tool": exchange.tool if exchange is not None else envelope.tool,
        "id": envelope.id,
        "status": exchange.status.value if exchange is not None and whole else None,
        "latency_ms": latency_ns / 1e6 if latency_ns is not None else None,
        "bytes": message.size,
    }
