"""Magics, a live view and lessons for the transports of the Model Context Protocol.

``%load_ext mcp_notebook`` in a notebook gives the ``%mcp`` magic. The same in Python::

    from mcp_notebook import Workbench

    with Workbench() as wb:
        @wb.tool
        def add(a: int, b: int) -> int:
            "Add two numbers."
            return a + b

        ep = wb.serve(transport="websocket")
        print(wb.connect(ep).call("add", a=2, b=3).value)

Names are loaded when they are first used: importing this package imports nothing else.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_WHERE = {
    "McpError": "errors",
    "UsageError": "errors",
    "ConnectError": "errors",
    "ConnectionLost": "errors",
    "CallError": "errors",
    "CallTimeout": "errors",
    "QuestionUnanswered": "errors",
    "ToolFailed": "errors",
    "Trace": "trace.store",
    "Transport": "transports.base",
    "Listener": "transports.base",
    "StreamListener": "transports.base",
    "LineDuplex": "transports.streams",
    "register_transport": "transports.base",
    "Connection": "runtime.connection",
    "Endpoint": "runtime.endpoint",
    "Workbench": "runtime.workbench",
    "Question": "runtime.questions",
    "tool": "runtime.decorators",
    "resource": "runtime.decorators",
    "prompt": "runtime.decorators",
}

TRACE_FORMATS = {".html": "mcp_notebook.show.page"}
"""File formats of a Trace that are made above its floor: the module of each, by suffix."""

WORKBENCH_METHODS = {
    "export": "mcp_notebook.handoff.export",
    "probe": "mcp_notebook.bench.checkup.checkup",
    "tap": "mcp_notebook.handoff.taps.tap",
}
"""Methods of a Workbench that are made above its floor: the module of each, by name."""

__all__ = ["__version__", "load_ipython_extension", "unload_ipython_extension", *sorted(_WHERE)]

if TYPE_CHECKING:
    from .errors import (
        CallError,
        CallTimeout,
        ConnectError,
        ConnectionLost,
        McpError,
        QuestionUnanswered,
        ToolFailed,
        UsageError,
    )
    from .runtime.connection import Connection
    from .runtime.decorators import prompt, resource, tool
    from .runtime.endpoint import Endpoint
    from .runtime.questions import Question
    from .runtime.workbench import Workbench
    from .trace.store import Trace
    from .transports.base import Listener, StreamListener, Transport, register_transport
    from .transports.streams import LineDuplex


def __getattr__(name: str) -> Any:
    """Load a public name from its room."""
    where = _WHERE.get(name)
    if where is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{where}", __name__), name)


def __dir__() -> list[str]:
    return __all__


def load_ipython_extension(shell: Any) -> None:
    """What ``%load_ext mcp_notebook`` calls."""
    from .magics.extension import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """What ``%unload_ext mcp_notebook`` calls; leaves nothing behind."""
    from .magics.extension import unload

    unload(shell)
