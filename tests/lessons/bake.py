"""Executes lessons in clean kernels and stores what comes out.

Used as `python -m tests.lessons.bake lessons/01_stdio_pipes.ipynb ...`. Nothing is stored of a
lesson in which a cell fails.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets import default

from tests.rigs.kernel import COLOURS
from tests.rigs.surroundings import jupyter_environment

from .notebook import ROOT
from .walk import copied

CELL_TIMEOUT_S = 60

_KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_WIDGET = "application/vnd.jupyter.widget-view+json"


class _ThisPython(AsyncKernelManager):
    """Kernels of the interpreter that runs this, whatever kernelspecs the machine has."""

    @default("kernel_spec_manager")
    def _native(self) -> KernelSpecManager:
        return KernelSpecManager(kernel_dirs=[], ensure_native_kernel=True)


def bake(path: Path) -> None:
    """Execute one lesson and store its outputs.

    Raises:
        CellExecutionError: a cell failed that is not tagged raises-exception.
    """
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory(prefix="bake-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        work = home / "lessons"
        copied(path.parent, work)
        client = NotebookClient(
            notebook,
            kernel_name="python3",
            kernel_manager_class=_ThisPython,
            timeout=CELL_TIMEOUT_S,
            resources={"metadata": {"path": str(work)}},
            store_widget_state=False,
            record_timing=False,
            coalesce_streams=True,
            shutdown_kernel="graceful",
        )
        client.execute(env=jupyter_environment(home / "jupyter"))
        folders = {
            str(work): "/home/you/lessons",
            sys.prefix: "/home/you/python",
            str(ROOT): "/home/you/mcp_notebook",
        }
    normalise(notebook, folders)
    text = nbformat.writes(notebook, version=4)
    path.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")


def normalise(notebook: Any, folders: dict[str, str]) -> None:
    """Take out what changes from run to run or from machine to machine.

    Args:
        notebook: changed in place; ids of cells stay.
        folders: what to write instead of the folders it ran in.
    """
    notebook.nbformat_minor = 5
    notebook.metadata.pop("widgets", None)
    notebook.metadata.kernelspec = dict(_KERNELSPEC)
    notebook.metadata.get("language_info", {}).pop("version", None)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [kept for output in cell.outputs if (kept := _without_widget(output))]
            cell.outputs = _replaced(cell.outputs, folders)


def _without_widget(output: Any) -> Any:
    """An output without the live widget, which nobody can show later; none if that was all."""
    if _WIDGET not in output.get("data", {}):
        return output
    del output["data"][_WIDGET]
    return output if output["data"] else None


def _replaced(value: Any, folders: dict[str, str]) -> Any:
    if isinstance(value, str):
        for folder, instead in folders.items():
            value = value.replace(folder, instead)
        return value
    if isinstance(value, list):
        return [_replaced(each, folders) for each in value]
    if isinstance(value, dict):
        for key, each in value.items():
            value[key] = _replaced(each, folders)
    return value


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    sys.stdout.write(f"{path} ... ")
    sys.stdout.flush()
    yield
    sys.stdout.write("stored\n")


def main(argv: list[str]) -> int:
    """Bake each lesson that is named; 1 if one failed, the others are stored all the same."""
    parser = argparse.ArgumentParser(prog="python -m tests.lessons.bake", description=__doc__)
    parser.add_argument("lessons", nargs="+", type=Path, metavar="FILE")
    status = 0
    # ipykernel that sees it does not redirect file descriptors
    os.environ.pop("PYTEST_CURRENT_TEST", None)
    for path in parser.parse_args(argv).lessons:
        try:
            with _told(path):
                bake(path)
        except CellExecutionError as error:
            sys.stdout.write(f"not stored\n{COLOURS.sub('', str(error))}\n")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
