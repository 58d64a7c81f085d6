"""From a selection to files: ``server.py``, a project, containers."""

from .text import script

__all__ = ["script"]
