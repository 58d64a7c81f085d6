"""The widget that carries a Trace into the pages: one a kernel, never displayed itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import anywidget
import traitlets

from mcp_notebook.trace.store import Trace

from .outbox import Outbox, line

STATIC: Final = Path(__file__).parent / "static"

SNAPSHOT_EVENTS: Final = 2000
SNAPSHOT_BYTES: Final = 1 << 20
"""What a saved notebook keeps of the Trace at most: the newest of it."""

Doing = Callable[[dict[str, Any], Callable[[dict[str, Any]], None]], None]
"""Takes what a page asks to be done, and a function that answers it."""


class FlowFeed(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore]
    """Feeds the views of one Trace. The views are elements of the page that name this feed.

    What is said both ways is described in ``widgets/src/protocol.ts``.

    Args:
        trace: the Trace.
        feed: the name that the views know it by, unique in a page.
        do: what to do when a page asks to resend, call or stop.
    """

    _esm = STATIC / "flow.js"
    _css = STATIC / "flow.css"
    feed = traitlets.Unicode().tag(sync=True)
    snapshot = traitlets.Unicode().tag(sync=True)
    options = traitlets.Dict().tag(sync=True)

    def __init__(self, trace: Trace, *, feed: str, do: Doing) -> None:
        super().__init__(feed=feed)
        self.heard = False
        """Whether a page has spoken: there is one, and it keeps the snapshot itself."""
        self._trace = trace
        self._do = do
        self._snapped = (0, 0)
        self.outbox = Outbox(trace, self._put)
        self.on_msg(self._hear)
        self.outbox.start()

    def _put(self, message: dict[str, Any], buffers: list[bytes]) -> None:
        if self.comm is not None:
            self.send(message, buffers)

    def _hear(self, _widget: Any, message: Any, _buffers: Any) -> None:
        """A page speaks: it is here and lacks something, or it wants something done."""
        kind = message.get("type") if isinstance(message, dict) else None
        if kind in ("ready", "resync"):
            epoch, after = message.get("epoch"), message.get("after")
            if isinstance(epoch, str) and isinstance(after, int):
                self.heard = True
                self.outbox.ask(epoch, after)
        elif kind in ("resend", "call", "stop"):
            request = message.get("request")

            def answer(said: dict[str, Any]) -> None:
                self.outbox.post({"type": "answer", "request": request, **said})

            self._do(message, answer)

    def snap(self) -> None:
        """Put what a saved notebook needs into the widget's state, where no page does it."""
        now = (self._trace.last_seq, self._trace.cleared_seq)
        if not self.heard and now != self._snapped:
            self._snapped = now
            self.snapshot = snapshot(self._trace)

    def close(self) -> None:
        """Let go of the Trace and of the pages."""
        self.outbox.close()
        super().close()


def snapshot(trace: Trace) -> str:
    """The newest part of a Trace as JSON lines: redacted, bounded, headed as a saved one."""
    import json

    from mcp_notebook.trace.codec import encode_header

    events = trace.between(trace.last_seq - SNAPSHOT_EVENTS + 1, trace.last_seq)
    lines: list[str] = []
    size = 0
    for event in reversed(trace.redact(events)):
        text = line(event).decode("utf-8", "replace")
        size += len(text)
        if size > SNAPSHOT_BYTES:
            break
        lines.append(text)
    header = encode_header(trace)
    header["dropped"] += len(trace) - len(lines)
    return "\n".join([json.dumps(header), *reversed(lines)]) + "\n"
