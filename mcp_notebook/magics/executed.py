"""The cells that ran in this notebook, as an export reads them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .context import Context


class Executed:
    """What ran: the history of IPython, and which cells did not run to their end.

    Cells that were edited and not run are not in it, cells that were deleted are.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._failed: set[int] = set()

    def ended(self, result: Any) -> None:
        """A cell has ended."""
        number = getattr(result, "execution_count", None)
        if number is not None and not result.success:
            self._failed.add(number)

    def __call__(self) -> tuple[dict[str, Any], Sequence[str], Collection[int]]:
        """The notebook's variables, what was typed, and the cells that failed or run still."""
        shell = self._context.shell
        sources = [str(text) for text in shell.history_manager.input_hist_raw]
        return shell.user_ns, sources, self._failed | {self._context.cell_number}
