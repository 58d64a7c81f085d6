"""The last failure, and what can be said about it (``%mcp why``)."""

from __future__ import annotations

import linecache
import time
import traceback
from collections.abc import Collection
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from pathlib import Path

from mcp_notebook.errors import McpError
from mcp_notebook.trace.events import Event, StderrLine

from .results import Failure
from .toolthreads import Running

_OURS = Path(__file__).parent.parent
_HIDDEN_PACKAGES = ("mcp", "anyio", "asyncio", "concurrent", "threading", "contextvars", "pydantic")
BOUND_TO = {
    "created in a thread": "the kernel's thread",
    "different event loop": "the kernel's event loop",
    "attached to a different loop": "the kernel's event loop",
    "main thread": "the kernel's main thread",
}
"""What errors say of objects that cannot be used from a tool's own thread or loop."""

_IN_CIRCLES = ("%mcp why", "See %mcp why")
"""Hints that lead to where the reader already is."""

THREADS = {
    "worker": "in a thread of its own",
    "tool_loop": "on the loop of async tools",
    "main_thread": "in the kernel's thread",
    "kernel_loop": "on the kernel's loop",
}
"""Where a tool runs, in plain words."""

AROUND = 12
"""Events of the Trace shown around a failure."""


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A failure and its surroundings.

    Attributes:
        what: the tool or command it happened in.
        connection: the connection's name.
        error: what was raised here; ``None`` where a tool answered with an error.
        failure: the tool's own exception, where it runs in this kernel.
        since_seq: the number of the last event before it began.
        at: when it was noticed, in seconds of ``time.monotonic``.
    """

    what: str
    connection: str = ""
    error: BaseException | None = None
    failure: Failure | None = None
    since_seq: int = 0
    at: float = field(default_factory=time.monotonic)


def user_frames(error: BaseException) -> list[str]:
    """A traceback without the frames of this package, the SDK and the standard library."""
    kept = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not _is_machinery(frame.filename)
    ]
    lines = [_frame_line(frame) for frame in kept]
    return [*lines, "".join(traceback.format_exception_only(error)).strip()]


def _frame_line(frame: traceback.FrameSummary) -> str:
    place = _place(frame.filename)
    code = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
    return f"{place}, line {frame.lineno}, in {frame.name}: {code}"


def _place(filename: str) -> str:
    """A file name as a person knows it: a cell has no readable one."""
    if "ipykernel_" in filename or filename.startswith("<ipython-input"):
        return "cell"
    return Path(filename).name


def _is_machinery(filename: str) -> bool:
    path = Path(filename)
    if filename.startswith("<frozen") or _OURS in path.parents:
        return True
    parts = path.parts
    if "site-packages" in parts:
        return parts[parts.index("site-packages") + 1].removesuffix(".py") in _HIDDEN_PACKAGES
    return any(
        part in _HIDDEN_PACKAGES or part.removesuffix(".py") in _HIDDEN_PACKAGES
        for part in parts[-2:]
    )


def advice(trouble: Trouble) -> str:
    """What to do about it; empty where nothing helps but reading."""
    raised = trouble.failure.error if trouble.failure else trouble.error
    text = str(raised)
    for sign, owner in BOUND_TO.items():
        if sign in text:
            return f"This belongs to {owner}: define the tool with %%mcp tool --thread kernel."
    hint = str(getattr(raised, "hint", "") or "")
    return "" if hint.strip(" .") in _IN_CIRCLES else hint


def ago(seconds: float) -> str:
    """How long ago something was, for people."""
    if seconds < 2:
        return "just now"
    if seconds < 120:
        return f"{seconds:.0f} s ago"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min ago"
    return f"{seconds / 3600:.0f} h ago"


def _busy(call: Running, now: float, waiting: Collection[str]) -> str:
    """One tool that has been running for long."""
    for_s = f"{now - call.since:.0f} s"
    if call.tool in waiting:
        return f"{call.tool} has been waiting for your answer, {for_s} since its call."
    where = THREADS.get(call.thread, call.thread.replace("_", " "))
    return f"{call.tool} has been running for {for_s} ({where})."


def report(
    trouble: Trouble | None,
    events: list[Event],
    running: list[Running],
    waiting: Collection[str] = (),
) -> str:
    """The whole story as text.

    Args:
        trouble: the last failure.
        events: the events around it, redacted.
        running: tools that have been running for long.
        waiting: names of tools whose question to the user is open.
    """
    now = time.monotonic()
    lines = [_busy(call, now, waiting) for call in running]
    if trouble is None:
        return "\n".join(lines) or "Nothing has failed."
    where = f" on {trouble.connection}" if trouble.connection else ""
    lines.append(f"{trouble.what}{where}, {ago(now - trouble.at)}:")
    if isinstance(trouble.error, KeyboardInterrupt | CancelledError):
        lines.append("  You interrupted it before its answer came; the call was cancelled.")
    elif isinstance(trouble.error, McpError) and not advice(trouble):
        lines.append(f"  {' '.join(trouble.error.message.split())}")
    elif trouble.error is not None:
        lines.append(
            f"  {trouble.error}" if str(trouble.error) else f"  {type(trouble.error).__name__}"
        )
    if trouble.failure is not None:
        lines.append("In the tool:")
        lines += [f"  {line}" for line in user_frames(trouble.failure.error)]
    stderr = [e.text for e in events if isinstance(e, StderrLine)]
    if stderr:
        lines.append("On its standard error:")
        lines += [f"  {text}" for text in stderr[-AROUND:]]
    if what_to_do := advice(trouble):
        lines.append(f"What to do: {what_to_do}")
    return "\n".join(lines)
