"""The sample lesson, and ways to break it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .notebook import SAMPLE, Lesson

Broken = Callable[..., Lesson]


@pytest.fixture
def broken(tmp_path: Path) -> Broken:
    """The sample lesson with texts replaced in its notebook, its claims or its solutions."""

    def make(old: str = "", new: str = "", *, file: str = "98_sample.ipynb") -> Lesson:
        folder = tmp_path / "lesson"
        if not folder.exists():
            shutil.copytree(SAMPLE.parent, folder)
        path = folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        return Lesson(folder / SAMPLE.name)

    return make
