"""The workbench as a panel: what runs in this kernel, with addresses to copy and Stop buttons."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import ipywidgets as widgets

from .copybox import CopyBox
from .markup import Html, code, failed, faint, joined, line, strong, table
from .places import where
from .status import default_name, running_rows, server_rows
from .text import clean, count_text

if TYPE_CHECKING:
    from mcp_notebook.runtime.connection import Connection
    from mcp_notebook.runtime.endpoint import Endpoint
    from mcp_notebook.runtime.workbench import Workbench

_EMPTY: Final = "Nothing runs yet. Define a tool with %%mcp tool, then %mcp serve."
_TITLES: Final = {"endpoint": "Endpoints", "connection": "Connections", "tap": "Taps"}
_STOPS: Final = {"endpoint": "Stop", "connection": "Close", "tap": "Stop"}
_KEPT_S: Final = 10.0
"""How long what was stopped stays said."""


@dataclass(frozen=True)
class Row:
    """One thing that runs, as it is shown.

    Attributes:
        kind: ``endpoint``, ``connection`` or ``tap``.
        name: its name, as ``%mcp stop`` takes it.
        about: what is said of it.
        address: what can be copied; empty where there is nothing.
    """

    kind: str
    name: str
    about: Html
    address: str = ""


@dataclass(frozen=True)
class Scene:
    """What runs at one moment."""

    servers: Html
    rows: tuple[Row, ...]
    running: Html


def scene(workbench: Workbench) -> Scene:
    """What runs now."""
    default = default_name(workbench)
    rows = [_endpoint(name, one) for name, one in list(workbench.endpoints.items())]
    for name, connection in list(workbench.connections.items()):
        with contextlib.suppress(Exception):  # it is closing; the next look finds it gone
            rows.append(_connection(name, connection, name == default))
    rows += [_tap(name, one) for name, one in list(workbench.taps.items())]
    servers, running = server_rows(workbench), running_rows(workbench)
    return Scene(
        servers=_titled("Servers", ("name", "has", "tools"), servers),
        rows=tuple(rows),
        running=_titled("Running tools", ("tool", "where", "for"), running),
    )


def _titled(title: str, head: tuple[str, ...], rows: list[Any]) -> Html:
    named = [(code(name), *rest) for name, *rest in rows]
    return joined([line(strong(title)), table(head, named)]) if rows else Html()


def _endpoint(name: str, endpoint: Endpoint) -> Row:
    over = f"{clean(endpoint.transport, 40)} ({clean(endpoint.standing, 40)})"
    place = where(endpoint)
    about = [
        strong(clean(name, 60)),
        f"{clean(endpoint.server.name, 60)} over {over}",
        "" if endpoint.url else place,
        count_text(endpoint.links, "link"),
    ]
    return Row("endpoint", name, _line(about), place if endpoint.url else "")


def _connection(name: str, connection: Connection, is_default: bool) -> Row:
    named = joined([strong(clean(name, 60)), faint(" (default)" if is_default else "")])
    about: list[str] = [named, joined(["to ", code(clean(connection.target, 120))])]
    if connection.is_open:
        spoken = f"{clean(connection.protocol_version, 20)} ({connection.era})"
        about += [f"{clean(connection.transport, 40)}, {spoken}"]
    status = clean(connection.status, 160)
    about.append(status if connection.is_open else failed(status))
    return Row("connection", name, _line(about))


def _tap(name: str, tap: Any) -> Row:
    about = [
        strong(clean(name, 60)),
        joined(["on ", code(clean(tap.target, 120))]),
        count_text(tap.links, "link"),
    ]
    return Row("tap", name, _line(about), clean(tap.address, 2000))


def _line(parts: list[str]) -> Html:
    return line(joined([part for part in parts if part], " · "))


class _RowWidgets:
    """The widgets of one row."""

    def __init__(self, row: Row, press: Callable[[list[str], Any], None]) -> None:
        self.about = widgets.HTML(layout=widgets.Layout(flex="1 1 24em"))
        self.address = CopyBox(label=f"the address of {clean(row.name, 60)}")
        self.address.layout.flex = "1 1 16em"
        word = _STOPS[row.kind]
        self.button = widgets.Button(
            description=word,
            tooltip=clean(f"%mcp stop {row.name}", 120),
            layout=widgets.Layout(width="auto", flex="0 0 auto"),
        )
        self.button.on_click(lambda button: press([row.name], button))
        self.box = widgets.HBox(
            [self.about, self.address, self.button],
            layout=widgets.Layout(flex_flow="row wrap", align_items="center"),
        )

    def show(self, row: Row) -> None:
        """Say how it stands now."""
        self.about.value = row.about
        self.address.text = row.address

    def parts(self) -> list[Any]:
        """What must be closed when the row goes."""
        return [self.about, self.address, self.button, self.box]


class Panel:
    """The workbench as ipywidgets; drawn anew by :meth:`refresh`, from whichever thread.

    Args:
        workbench: what is shown.
        stop: called with the names to stop, an empty list for all of them; says by :meth:`say`
            what it did.

    Attributes:
        box: the panel.
    """

    def __init__(self, workbench: Workbench, stop: Callable[[list[str]], None]) -> None:
        self._workbench = workbench
        self._stop = stop
        self._lock = threading.RLock()
        self._drawn: Scene | None = None
        self._rows: dict[tuple[str, str], _RowWidgets] = {}
        self._said_at = 0.0
        self.ended = False
        self._servers = widgets.HTML()
        self._titles = {kind: widgets.HTML(line(strong(t))) for kind, t in _TITLES.items()}
        self._sections = {kind: widgets.VBox() for kind in _TITLES}
        self._running = widgets.HTML()
        self._said = widgets.HTML()
        self._all = widgets.Button(description="Stop all", tooltip="%mcp stop --all")
        self._all.on_click(lambda button: self._press([], button))
        self.box = widgets.VBox(
            [
                self._servers,
                *self._sections.values(),
                self._running,
                widgets.HBox([self._all, self._said]),
            ]
        )
        self.refresh()

    def refresh(self) -> None:
        """Show what runs now; what has not changed is left alone."""
        now = scene(self._workbench)
        with self._lock:
            if self.ended:
                return
            if self._said.value and time.monotonic() - self._said_at > _KEPT_S:
                self._said.value = ""
            if now == self._drawn:
                return
            self._drawn = now
            self._servers.value = now.servers or line(faint(_EMPTY))
            self._running.value = now.running
            for kind, section in self._sections.items():
                rows = [self._row(row) for row in now.rows if row.kind == kind]
                shown = (self._titles[kind], *rows) if rows else ()
                if shown != section.children:
                    section.children = shown
            known = {(row.kind, row.name) for row in now.rows}
            for key in [key for key in self._rows if key not in known]:
                for part in self._rows.pop(key).parts():
                    part.close()
            self._all.disabled = not now.rows

    def _row(self, row: Row) -> Any:
        key = (row.kind, row.name)
        if key not in self._rows:
            self._rows[key] = _RowWidgets(row, self._press)
        self._rows[key].show(row)
        return self._rows[key].box

    def _press(self, names: list[str], button: Any) -> None:
        button.disabled = True
        self._say("stopping ...", wrong=False)
        self._stop(names)

    def say(self, text: str, *, wrong: bool = False) -> None:
        """Say what was stopped, or why not; the buttons can be pressed again."""
        self.refresh()
        with self._lock:
            self._say(text, wrong=wrong)
            for row in self._rows.values():
                row.button.disabled = self.ended
            self._all.disabled = self.ended or not self._rows

    def _say(self, text: str, *, wrong: bool) -> None:
        shown = clean(text, 400)
        self._said_at = time.monotonic()
        self._said.value = line(failed(shown) if wrong else faint(shown))

    def end(self, text: str) -> None:
        """Follow no more; what was shown last stays, and no button works."""
        with self._lock:
            if not self.ended:
                self.refresh()
                self.ended = True
                self.say(text)
