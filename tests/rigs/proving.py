"""Where the tests keep clean environments: made once, and found again by the next run."""

from __future__ import annotations

import os
from pathlib import Path

from tests.structure.house import ROOT


def cache_environment() -> dict[str, str]:
    """Variables of a kernel whose proofs keep their environments in ``build/cache``.

    What pip has downloaded stays where it always is.
    """
    folder = ROOT / "build/cache"
    folder.mkdir(parents=True, exist_ok=True)
    pip = os.environ.get("PIP_CACHE_DIR")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return {"XDG_CACHE_HOME": str(folder), "PIP_CACHE_DIR": pip or str(home / "pip")}
