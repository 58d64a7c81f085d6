"""Workbench panels in a notebook: shown, kept up to date, and ended with what they show."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Final

from .widgets import can_show_widgets, close, show_widget

if TYPE_CHECKING:
    from mcp_notebook.runtime.workbench import Workbench
    from mcp_notebook.show.panel import Panel

    from .context import Context

EVERY_S: Final = 1.0
"""How often a panel looks for what has changed. A look costs less than a millisecond."""
MAX_PANELS: Final = 8


class Panels:
    """The panels of a notebook.

    Args:
        context: the notebook.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._open: dict[str, Panel] = {}
        self._count = 0

    def show(self, workbench: Workbench) -> None:
        """Show a workbench as a panel.

        Raises:
            NotImplementedError: nobody could press a button here; IPython then shows the table.
        """
        context = self._context
        if not can_show_widgets(context) or context.stable or workbench.closed:
            raise NotImplementedError
        from mcp_notebook.show.panel import Panel
        from mcp_notebook.show.status import status

        def stop(names: list[str]) -> None:
            threading.Thread(
                target=_stop, args=(workbench, panel, names), name="mcp-panel", daemon=True
            ).start()

        panel = Panel(workbench, stop)
        show_widget(context, panel.box, status(workbench))
        self._keep(panel)
        workbench.loop.submit(_follow(panel))

    def _keep(self, panel: Panel) -> None:
        """A cell has one panel, and there are not too many of them."""
        self._count += 1
        key = self._context.cell_id or f"number {self._count}"
        before = self._open.pop(key, None)
        if before is not None:  # the cell ran again: its output is gone
            before.end("")
            close(before.box)
        self._open[key] = panel
        self._open = {k: one for k, one in self._open.items() if not one.ended}
        while len(self._open) > MAX_PANELS:
            oldest = self._open.pop(next(iter(self._open)))
            oldest.end("This panel follows no more: run %mcp workbench again.")


async def _follow(panel: Panel) -> None:
    """Keep a panel up to date on the background loop, until the workbench is closed."""
    try:
        while not panel.ended:
            with contextlib.suppress(Exception):  # the page may be gone; the next look may do
                panel.refresh()
            await asyncio.sleep(EVERY_S)
    finally:
        with contextlib.suppress(Exception):
            panel.end("The workbench is closed: %load_ext mcp_notebook begins anew.")


def _stop(workbench: Workbench, panel: Panel, names: list[str]) -> None:
    """Stop what a button stands for, in a thread, and say what was stopped."""
    from mcp_notebook.errors import McpError

    chosen = names or list(
        dict.fromkeys([*workbench.connections, *workbench.endpoints, *workbench.taps])
    )
    ending = [workbench.endpoints[name] for name in chosen if name in workbench.endpoints]
    lost = [
        name
        for name, one in list(workbench.connections.items())
        if one.endpoint in ending and one.is_open and name not in chosen
    ]
    try:
        stopped = workbench.stop(*chosen)
    except McpError as error:
        panel.say(str(error), wrong=True)
        return
    except Exception as error:  # noqa: BLE001 - a boundary: whoever pressed the button must hear of it
        panel.say(f"{type(error).__name__}: {error}", wrong=True)
        return
    if not stopped:
        panel.say("nothing was running")
        return
    tail = f"; lost with it: {', '.join(lost)}" if lost else ""
    panel.say(f"stopped: {', '.join(stopped)}{tail}")
