"""Methods of the workbench that are made on a floor above; the front door names them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any


def lent(name: str) -> Callable[..., Any]:
    """What a method of that name does; it gets the workbench first.

    The door was opened before this room, and says only names: nothing above is imported until
    the method is called.
    """
    door = sys.modules[__name__.partition(".")[0]]
    where: dict[str, str] = door.WORKBENCH_METHODS
    found: Callable[..., Any] = getattr(import_module(where[name]), name)
    return found
