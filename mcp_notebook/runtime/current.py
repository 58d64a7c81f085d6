"""Which workbench the decorators belong to: the notebook's, or one of this process.

Importing this is cheap: ``%load_ext`` offers a workbench that is made when it is first needed.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .workbench import Workbench

_offered: list[Callable[[], Workbench]] = []
_made: list[Workbench] = []

making = threading.RLock()
"""Held while a workbench is made: two threads that need the first one get the same one."""


def offer(maker: Callable[[], Workbench] | None) -> None:
    """Say who has the workbench of this process; ``None`` takes the offer back."""
    _offered[:] = [] if maker is None else [maker]


def current() -> Workbench:
    """The workbench of this process; made, and closed at exit, where nobody has offered one."""
    return _offered[-1]() if _offered else own()


def adopted() -> Workbench | None:
    """The workbench that was made before anybody offered one; whoever takes it closes it."""
    found = [made for made in _made if not made.closed]
    _made.clear()
    for made in found:
        atexit.unregister(made.close)
    return found[-1] if found else None


def own() -> Workbench:
    """A workbench made here, closed at exit."""
    with making:
        if not _made or _made[-1].closed:
            from .workbench import Workbench

            made = Workbench()
            atexit.register(made.close)
            _made[:] = [made]
        return _made[-1]
