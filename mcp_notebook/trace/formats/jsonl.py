"""JSONL: the header on the first line, then one event a line. Nothing is left out."""

from __future__ import annotations

import json
from collections.abc import Iterator

from mcp_notebook.errors import UsageError
from mcp_notebook.trace import codec
from mcp_notebook.trace.events import Event
from mcp_notebook.trace.store import Trace

from . import DamagedTrace


def save(trace: Trace) -> Iterator[str]:
    """The lines of a Trace."""
    yield _line(codec.encode_header(trace))
    for event in trace.events():
        yield _line(codec.encode(event))


def load(data: bytes, name: str) -> Trace:
    """The Trace in a file's bytes.

    Raises:
        DamagedTrace: lines that cannot be read; ``.trace`` has all others.
        UsageError: the first line is not that of a trace, or of a newer version.
    """
    first, *rest = data.split(b"\n")
    trace = Trace()
    try:
        record = json.loads(first)
        if not isinstance(record, dict):
            raise ValueError("no object")
        dropped = codec.decode_header(record, trace)
    except (ValueError, RecursionError):
        raise UsageError(
            f"{name} is not a saved trace: its first line is no trace header",
            hint="A trace is written by trace.save('name.jsonl').",
        ) from None
    events: list[Event] = []
    bad: list[tuple[int, ValueError | RecursionError]] = []
    seen = 0
    for number, line in enumerate(rest, start=2):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            if not isinstance(record, dict):
                raise ValueError("not an object")
            event = codec.decode(record)
            if event.seq <= seen:
                raise ValueError(f"number {event.seq} comes after number {seen}")
        except (ValueError, RecursionError) as exc:
            bad.append((number, exc))
            continue
        seen = event.seq
        events.append(event)
    trace._adopt(events, dropped=dropped)
    if bad:
        raise _damage(name, bad, last=len(rest) + 1, ended=data.endswith(b"\n"), trace=trace)
    return trace


def _damage(
    name: str,
    bad: list[tuple[int, ValueError | RecursionError]],
    *,
    last: int,
    ended: bool,
    trace: Trace,
) -> DamagedTrace:
    number, why = bad[0]
    broken = isinstance(why, json.JSONDecodeError | UnicodeDecodeError)
    if len(bad) == 1 and number == last and not ended and broken:
        text = f"{name} breaks off in the middle of line {number}"
    elif len(bad) == 1:
        text = f"line {number} of {name} is no event ({why})"
    else:
        text = f"{len(bad)} lines of {name} are no events, the first is line {number} ({why})"
    return DamagedTrace(
        f"{text}; the other {len(trace)} events can be read",
        trace=trace,
        hint=f"Trace.load({name!r}, strict=False) takes them.",
    )


def _line(record: dict[str, object]) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"
