"""``from mcp_notebook import tool``: the same as ``%%mcp tool``, for cells that linters read.

The decorators belong to the workbench of this kernel; in a plain script a first one is made.
"""

from __future__ import annotations

import atexit
from typing import Any

from .workbench import Workbench

_current: list[Workbench] = []


def set_current(workbench: Workbench | None) -> None:
    """Say which workbench the decorators belong to."""
    _current.clear()
    if workbench is not None:
        _current.append(workbench)


def current() -> Workbench:
    """The workbench of this process; made, and closed at exit, where there is none."""
    if not _current or _current[-1].closed:
        made = Workbench()
        atexit.register(made.close)
        set_current(made)
    return _current[-1]


def tool(function: Any = None, /, **options: Any) -> Any:
    """Make a function a tool of the notebook's server; see ``Workbench.tool``."""
    return current().tool(function, **options)


def resource(uri: str, /, **options: Any) -> Any:
    """Make a function a resource of the notebook's server; see ``Workbench.resource``."""
    return current().resource(uri, **options)


def prompt(function: Any = None, /, **options: Any) -> Any:
    """Make a function a prompt of the notebook's server; see ``Workbench.prompt``."""
    return current().prompt(function, **options)
