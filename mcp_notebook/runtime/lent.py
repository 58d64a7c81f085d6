"""Methods of the workbench that are made on a floor above; the front door names them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from importlib import import_module
from typing import Any

History = Callable[[], tuple[dict[str, Any], Sequence[str], Collection[int]]]
"""Gives a notebook's variables, the sources of the cells that ran (number 0 is none), and the
numbers of those that did not run to their end."""


def lent(name: str) -> Callable[..., Any]:
    """What a method of that name does; it gets the workbench first.

    The door was opened before this room, and says only names: nothing above is imported until
    the method is called.
    """
    door = sys.modules[__name__.partition(".")[0]]
    where: dict[str, str] = door.WORKBENCH_METHODS
    found: Callable[..., Any] = getattr(import_module(where[name]), name)
    return found


class Lent:
    """The methods that a workbench has from above.

    Attributes:
        history: what ran in the notebook; ``None`` outside of one.
    """

    history: History | None = None

    def probe(self, transport: Any, **options: Any) -> Any:
        """Check a transport in both eras; the options are those of ``bench.checkup.probe``."""
        return lent("probe")(self, transport, **options)

    def tap(self, target: Any, **options: Any) -> Any:
        """Stand between hosts and a server; the options are those of ``handoff.taps.tap``."""
        return lent("tap")(self, target, **options)

    def export(self, server: Any = None, **options: Any) -> Any:
        """Write a server as a file of its own; the options are those of ``handoff.export``."""
        return lent("export")(self, server, **options)
