"""What a proof leaves as it was, and what it says of calls that fail."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_notebook.handoff import export as exporting
from mcp_notebook.handoff.proof.environment import Environment
from mcp_notebook.handoff.report import Export

NOTES = '''\
from mcp_notebook import Workbench

wb = Workbench()

@wb.tool
def save(text: str) -> int:
    """Save."""
    with open("notes.txt", "a") as notes:
        notes.write(text + "\\n")
    with open("notes.txt") as notes:
        return len(notes.readlines())

@wb.tool
def divide(by: int) -> float:
    """Divide."""
    return 1 / by
'''


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Export]]:
    """Two exports of one notebook, one after the other, proven with the interpreter at hand."""
    folder = tmp_path_factory.mktemp("notes")
    script = folder / "notes_script.py"
    script.write_text(NOTES)
    (folder / "notes.txt").write_text("first\n")
    spec = importlib.util.spec_from_file_location("notes_script", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)

    async def at_hand(*_: object, **__: object) -> Environment:
        return Environment(python=Path(sys.executable), tool="", requirements=(), seconds=0)

    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        patched.setitem(sys.modules, "notes_script", module)
        patched.setattr(exporting, "environment", at_hand)
        spec.loader.exec_module(module)
        with module.wb.connect(module.wb.serve(transport="memory")) as connection:
            connection.call("save", text="mail to bob")
            connection.start("divide", {"by": 0}).result()
        (folder / "notes.txt").write_text("first\n")  # as it was before the call
        replay = ["save", "divide"]
        yield [module.wb.export(replay=replay), module.wb.export(replay=replay)]
        module.wb.close()


@pytest.mark.slow
def test_what_ships_is_as_it_was_written(exports: list[Export]) -> None:
    for export in exports:
        assert export.path is not None
        assert (export.path.parent / "notes.txt").read_text() == "first\n"


@pytest.mark.slow
def test_each_road_begins_with_the_files_as_they_ship(exports: list[Export]) -> None:
    for export in exports:
        assert export.report.proof is not None
        assert export.report.proof.ok, export
        assert len(export.report.proof.roads) == 4


@pytest.mark.slow
def test_an_error_on_both_sides_is_said_to_be_one(exports: list[Export]) -> None:
    said = repr(exports[0])
    assert "proven equal; 2 of 2 tools called, 1 with nothing but errors" in said
    assert "calls: 2 equal (1 an error on both sides)" in said
    assert "divide: every call fails in the notebook and in the file alike: failed: Error" in said
    assert "save: every call fails" not in said
