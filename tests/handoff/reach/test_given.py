"""The ways out that the user names: a file, an expression, a variable."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from mcp_notebook.errors import UsageError
from mcp_notebook.handoff.selection import Selection
from tests.handoff.reach.stage import Stage, main_is, source_of

LOOK = "%%mcp tool\ndef t() -> str:\n    return str(value)"


def run_beside(selection: Selection, folder: Path) -> Any:
    """Run the source as a file in a folder, with what travels beside it."""
    import types

    for file in selection.files:
        (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / file.path).write_bytes(file.content)
    module = types.ModuleType("__main__")
    module.__file__ = str(folder / "server.py")
    with main_is(module):
        exec(compile(source_of(selection), "<file>", "exec"), module.__dict__)
    return module


@pytest.mark.parametrize(
    ("made", "file"),
    [
        ("value = {'a': [1, 2.5, None]}", "data/value.json"),
        ("value = 'text\\n' * 3", "value.txt"),
        ("value = bytes(range(256))", "value.bin"),
        ("import numpy as np\nvalue = np.arange(6).reshape(2, 3)", "value.npy"),
        ("import pandas as pd\nvalue = pd.DataFrame({'a': [1, 2], 'b': ['x', 'y']})", "value.csv"),
    ],
)
def test_a_frozen_value_travels_in_a_file(stage: Stage, made: str, file: str) -> None:
    stage.run(made, LOOK)
    selection = stage.gather(freeze={"value": file})
    assert not selection.obstacles
    assert [f.path for f in selection.files] == [PurePosixPath(file)]
    module = run_beside(selection, stage.folder / "elsewhere")
    assert module.t() == stage.names["t"]()
    assert any("frozen" in remark for remark in selection.remarks)


@pytest.mark.parametrize(
    ("made", "file", "reason"),
    [
        ("value = {1: 'a'}", "value.json", "would not be the same again"),
        ("value = {'a': {1, 2}}", "value.json", "not JSON serializable"),
        ("value = 3", "value.txt", "no text"),
    ],
)
def test_a_file_that_cannot_hold_the_value_is_refused(
    stage: Stage, made: str, file: str, reason: str
) -> None:
    stage.run(made, LOOK)
    (obstacle,) = stage.gather(freeze={"value": file}).obstacles
    assert reason in obstacle.reason


@pytest.mark.parametrize("file", ["/etc/value.json", "../value.json", "value.xyz"])
def test_a_file_that_is_no_place_for_it_is_a_wrong_line(stage: Stage, file: str) -> None:
    stage.run("value = 1", LOOK)
    with pytest.raises(UsageError, match="--freeze value="):
        stage.gather(freeze={"value": file})


def test_an_expression_takes_the_place_of_a_value(stage: Stage) -> None:
    stage.run("import sqlite3\nvalue = sqlite3.connect(':memory:')", LOOK)
    selection = stage.gather(replace={"value": "fractions.Fraction(1, 3)"})
    assert "value = fractions.Fraction(1, 3)" in source_of(selection)
    assert "import fractions" in selection.imports
    assert run_beside(selection, stage.folder).t() == "1/3"


@pytest.mark.parametrize("more", ["", ", check_same_thread=False"])
def test_a_connection_of_one_thread_is_said(stage: Stage, more: str) -> None:
    stage.run("import sqlite3\nvalue = sqlite3.connect(':memory:')", LOOK)
    remarks = stage.gather(replace={"value": f"sqlite3.connect('x.db'{more})"}).remarks
    assert any("tools run on others" in remark for remark in remarks) is not bool(more)


def test_a_wrong_expression_is_a_wrong_line(stage: Stage) -> None:
    stage.run("value = 1", LOOK)
    with pytest.raises(UsageError, match="no Python expression"):
        stage.gather(replace={"value": "1 +"})


@pytest.mark.parametrize("made", ["'text'", "7", "2.5", "True", "False", "b'raw'"])
def test_a_value_from_the_environment(
    stage: Stage, made: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.run(f"value = {made}", LOOK)
    selection = stage.gather(env={"value": "SHOP_VALUE"})
    (variable,) = selection.variables
    assert (variable.name, variable.stands_for) == ("SHOP_VALUE", "value")
    monkeypatch.setenv("SHOP_VALUE", variable.value)
    assert run_beside(selection, stage.folder).t() == stage.names["t"]()


def test_a_table_is_no_variable(stage: Stage) -> None:
    stage.run("value = {'a': 1}", LOOK)
    (obstacle,) = stage.gather(env={"value": "SHOP_VALUE"}).obstacles
    assert "holds text" in obstacle.reason


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"env": {"vlaue": "SHOP_VALUE"}}, r"--env vlaue: there is no variable.*mean value\?"),
        ({"freeze": {"nosuch": "x.json"}}, r"--freeze nosuch: there is no variable.*is: value\."),
        ({"replace": {"nosuch": "1"}}, "--replace nosuch: there is no variable 'nosuch'"),
        ({"env": {"other": "X"}}, "--env other: no part of the server uses other"),
    ],
)
def test_a_name_that_nothing_uses_is_a_wrong_line(
    stage: Stage, option: dict[str, Any], said: str
) -> None:
    stage.run("value = 'postgres'\nother = 1", LOOK)
    with pytest.raises(UsageError, match=said):
        stage.gather(**option)


def test_a_name_behind_what_cannot_leave_and_one_that_was_deleted_may_be_given(
    stage: Stage,
) -> None:
    stage.run(
        "import sqlite3\nsize = 3\nvalue = sqlite3.connect(':memory:', cached_statements=size)",
        LOOK,
    )
    assert stage.gather(env={"size": "SIZE"}).obstacles
    del stage.names["value"]
    assert "value = 1" in source_of(stage.gather(replace={"value": "1"}))


def test_a_value_that_would_stay_in_the_source_is_a_wrong_line(stage: Stage) -> None:
    stage.run("other, value = 1, 'postgres'", LOOK.replace("value)", "[other, value])"))
    with pytest.raises(UsageError, match=r"--env value: cell 1 gives .* together with other"):
        stage.gather(env={"value": "SHOP_VALUE"})


def test_a_database_that_goes_along_is_said(stage: Stage) -> None:
    with contextlib.closing(sqlite3.connect(stage.folder / "shop.db")) as made:
        made.execute("create table item (name)")
        made.commit()
    stage.run("import sqlite3\nvalue = sqlite3.connect(':memory:')", LOOK)
    selection = stage.gather(
        replace={"value": "sqlite3.connect('shop.db', check_same_thread=False)"}
    )
    assert [file.path for file in selection.files] == [PurePosixPath("shop.db")]
    assert "shop.db is a database: it goes along with every row it has now." in selection.remarks
