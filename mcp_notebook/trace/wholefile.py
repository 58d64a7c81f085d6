"""A file that is written all of it or nothing."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write a file, all of it or nothing.

    Raises:
        OSError: it cannot be written; what was there is still there.
    """
    number, name = tempfile.mkstemp(prefix=path.name, suffix=".part", dir=path.parent)
    draft = Path(name)
    try:
        # escaped: a lone surrogate cannot be written as UTF-8
        with os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
