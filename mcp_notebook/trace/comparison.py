"""The same call over several transports, one column each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mcp_notebook.errors import UsageError

from .cost import Cost, Kind

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, kw_only=True)
class Column:
    """One call over one transport, in one era.

    Attributes:
        label: what stands above it: the transport, and the era where there are several.
        transport: the transport's name.
        era: the era that was asked for.
        standing: what the specification says of the transport.
        networked: whether it listens on a TCP port.
        why_not: why there is no call; empty where there is one.
        revision: the revision that was negotiated.
        seq: the number of the request in the Trace, 0 where there is none.
        status: how the call ended: ``answered``, ``tool-error`` ...
        request: method and params of the request, without what only the era adds.
        result: what the call came to.
        request_bytes: the length of the request's JSON.
        answer_bytes: the length of the answer's JSON.
        opening: what it cost to open: the handshake, and the list of tools.
        warming: what the first call cost, which is not measured.
        call: what the call cost.
        closing: what it cost to close.
        first_byte_ns: from the request to the first byte that came back; the median.
        result_ns: from the request to the result; the median.
    """

    label: str
    transport: str
    era: str
    standing: str = ""
    networked: bool = False
    why_not: str = ""
    revision: str = ""
    seq: int = 0
    status: str = ""
    request: str = ""
    result: str = ""
    request_bytes: int = 0
    answer_bytes: int = 0
    opening: Cost = field(default_factory=Cost)
    warming: Cost = field(default_factory=Cost)
    call: Cost = field(default_factory=Cost)
    closing: Cost = field(default_factory=Cost)
    first_byte_ns: int | None = None
    result_ns: int | None = None

    @property
    def measured(self) -> bool:
        """Whether there is a call in it."""
        return not self.why_not


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The same call over several transports, aligned.

    Attributes:
        tool: the tool that was called.
        call: the call as it would be written.
        columns: one for each transport and era.
        repeat: how many calls of each column were measured.
    """

    tool: str
    call: str
    columns: Sequence[Column]
    repeat: int = 1

    def __repr__(self) -> str:
        labels = ", ".join(column.label for column in self.columns)
        return f"<comparison of {self.tool}: {labels}>"

    def __getitem__(self, label: str) -> Column:
        """The column of a label.

        Raises:
            UsageError: there is none.
        """
        for column in self.columns:
            if column.label == label:
                return column
        listed = ", ".join(column.label for column in self.columns)
        raise UsageError(f"there is no column {label!r}.", hint=f"There is: {listed}.")

    def options(self) -> dict[str, Any]:
        """What opens the live view on these calls, as plain data.

        The figures travel with it: a page knows one exchange of a connection, not where a call
        began and ended on the wire.
        """
        return {
            "compare": [
                {
                    "label": column.label,
                    "seq": column.seq,
                    "cost": {
                        **_figures(column.call),
                        "first_byte_ns": column.first_byte_ns,
                        "result_ns": column.result_ns,
                    },
                    "opening": _figures(column.opening),
                }
                for column in self.columns
                if column.measured
            ]
        }

    def to_frame(self) -> pandas.DataFrame:
        """One row a column, as a pandas ``DataFrame``.

        Raises:
            UsageError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise UsageError("to_frame() needs pandas", hint="Type: %pip install pandas") from None
        return pd.DataFrame([_row(column) for column in self.columns])


def _figures(cost: Cost) -> dict[str, int]:
    return {
        "messages": len(cost.messages),
        "round_trips": cost.round_trips,
        "body": cost.body,
        "framing": cost.framing,
    }


def _row(column: Column) -> dict[str, Any]:
    row: dict[str, Any] = {
        "label": column.label,
        "transport": column.transport,
        "era": column.era,
        "revision": column.revision or None,
        "seq": column.seq or None,
        "status": column.status or None,
        "result": column.result or None,
        "why_not": column.why_not or None,
    }
    for name, cost in (("", column.call), ("open_", column.opening), ("close_", column.closing)):
        known = column.measured
        row[f"{name}messages"] = len(cost.messages) if known else None
        row[f"{name}round_trips"] = cost.round_trips if known else None
        row[f"{name}http_requests"] = cost.requests if known else None
        row[f"{name}links"] = cost.links if known else None
        row[f"{name}body_bytes"] = cost.body if known else None
        row[f"{name}framing_bytes"] = cost.framing if known else None
    for kind in Kind:
        if kind is not Kind.MESSAGE:
            key = f"{kind.value.lower().replace(' ', '_')}_bytes"
            row[key] = column.call.bytes_of(kind) if column.measured else None
    row["open_ms"] = column.opening.ns / 1e6 if column.measured else None
    row["first_byte_ms"] = None if column.first_byte_ns is None else column.first_byte_ns / 1e6
    row["result_ms"] = None if column.result_ns is None else column.result_ns / 1e6
    return row
