"""``from mcp_notebook import tool``: the same as ``%%mcp tool``, for cells that linters read.

The decorators belong to the workbench of this kernel; in a plain script a first one is made.
"""

from __future__ import annotations

from typing import Any

from .current import current


def tool(function: Any = None, /, **options: Any) -> Any:
    """Make a function a tool of the notebook's server; see ``Workbench.tool``."""
    return current().tool(function, **options)


def resource(uri: str, /, **options: Any) -> Any:
    """Make a function a resource of the notebook's server; see ``Workbench.resource``."""
    return current().resource(uri, **options)


def prompt(function: Any = None, /, **options: Any) -> Any:
    """Make a function a prompt of the notebook's server; see ``Workbench.prompt``."""
    return current().prompt(function, **options)
