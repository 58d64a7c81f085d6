"""The wheel: what a reader gets who installs the package without a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.structure.house import PACKAGE, ROOT

pytestmark = pytest.mark.slow

TRACES_OF_USE = (
    "exported",
    "__pycache__",
    ".ipynb_checkpoints",
    ".laid_out.json",
    ".mcp_progress.json",
    ".mcp_results.json",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    built = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_holds_every_module_and_every_lesson(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {str(path.relative_to(ROOT)) for path in PACKAGE.rglob("*.py")}
    lessons = {
        "mcp_notebook/_lessons/" + str(path.relative_to(ROOT / "lessons"))
        for path in (ROOT / "lessons").rglob("*")
        if path.is_file() and not set(TRACES_OF_USE).intersection(path.parts)
    }

    templates = {
        str(path.relative_to(ROOT))
        for path in PACKAGE.rglob("templates/*")
        if path.is_file() and not set(TRACES_OF_USE).intersection(path.parts)
    }

    assert lessons != set()
    assert templates != set()
    assert (modules | lessons | templates) - names == set()


def test_the_wheel_holds_no_trace_of_use(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    assert [name for name in names if set(TRACES_OF_USE).intersection(Path(name).parts)] == []


def test_the_lessons_of_the_wheel_are_laid_out_where_the_reader_wants_them(
    wheel: Path, tmp_path: Path
) -> None:
    """From the unpacked wheel, with a JupyterLab that only says what it was asked to open."""
    installed, target = tmp_path / "installed", tmp_path / "mine"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    stand_in = installed / "jupyterlab"
    stand_in.mkdir()
    (stand_in / "__init__.py").touch()
    (stand_in / "labapp.py").write_text(
        "class LabApp:\n    launch_instance = staticmethod(lambda argv: print('opens', *argv))\n"
    )
    shown = subprocess.run(
        [sys.executable, "-m", "mcp_notebook", "lab", "--to", str(target), "--no-browser"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert shown.returncode == 0, shown.stderr
    assert f"--ServerApp.root_dir={target}" in shown.stdout
    assert (target / "README.md").read_bytes() == (ROOT / "lessons/README.md").read_bytes()
