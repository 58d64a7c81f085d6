"""How objects show themselves: one function a type, each gives data by mime type."""

from __future__ import annotations

from .catalog import changes, listing
from .comparison import comparison
from .places import connection, endpoint, listening
from .results import call_result, prompt_result, read_result
from .status import status

__all__ = [
    "call_result",
    "changes",
    "comparison",
    "connection",
    "endpoint",
    "listening",
    "listing",
    "prompt_result",
    "read_result",
    "status",
]
