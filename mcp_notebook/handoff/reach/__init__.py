"""What the parts of a server use of the notebook, followed name by name."""

from .cells import Cell, Cells
from .gather import gather, taken_names

__all__ = ["Cell", "Cells", "gather", "taken_names"]
