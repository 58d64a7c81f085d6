"""Cells as statements: comments kept, lines that are no Python left out, the order of runs."""

from __future__ import annotations

import pytest

from mcp_notebook.handoff.reach.cells import Cells, Statement


def statements(*cells: str, unfinished: tuple[int, ...] = ()) -> list[Statement]:
    return Cells.of(["", *cells], unfinished=unfinished).statements()[0]


def texts(*cells: str) -> list[str]:
    return [statement.text for statement in statements(*cells)]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("# one\n# two\nx = 1  # three", ["# one\n# two\nx = 1  # three"]),
        ("x = 1\n\n# about y\n\ny = 2", ["x = 1", "# about y\n\ny = 2"]),
        ("x = 1; y = 2", ["x = 1", "y = 2"]),
        ("x = 1;  # hidden", ["x = 1  # hidden"]),
        ("def f():\n    return 1\n    # the last word\n\n# about x\nx = 1",
         ["def f():\n    return 1\n    # the last word", "# about x\nx = 1"]),
        ("@a\n@b(1)\ndef f(): ...", ["@a\n@b(1)\ndef f(): ..."]),
        ("    x = 1\n    y = 2", ["x = 1", "y = 2"]),
        ("if __name__ == '__main__':\n    x = 1\n    # two\n    y = 2", ["x = 1", "# two\ny = 2"]),
        ("text = \"\"\"\n%no magic\n!none\n\"\"\"\n%time x = 1",
         ["text = \"\"\"\n%no magic\n!none\n\"\"\"", "x = 1"]),
        ("x = (\n    1,  # one\n)", ["x = (\n    1,  # one\n)"]),
        ("täxt = 'ä'; größe = 2", ["täxt = 'ä'", "größe = 2"]),
        ("def broken(:", []),
        ("%%bash\nx = 1", []),
        ("%%time\nx = 1", ["x = 1"]),
        ("%%mcp tool --read-only\ndef f(): ...", ["def f(): ..."]),
        ("%env SHOP=eu 1", ["os.environ['SHOP'] = 'eu 1'"]),
    ],
)  # fmt: skip
def test_a_cell_is_cut_into_statements_with_their_comments(cell: str, expected: list[str]) -> None:
    assert texts(cell) == expected


@pytest.mark.parametrize(
    "line", ["!ls", "%matplotlib inline", "x?", "?x", "%load_ext a", "cd data", "!a \\\n  b"]
)
def test_lines_that_are_no_python_are_left_out(line: str) -> None:
    assert [t for t in texts(f"x = 1\n{line}\ny = 2") if t != "pass"] == ["x = 1", "y = 2"]


def test_what_stays_behind_is_said() -> None:
    _, remarks = Cells.of(["", "!make data\nx = 1", "%load_ext mcp_notebook"]).statements()
    assert remarks == ["cell 1: the line !make data stays behind."]


def test_each_run_counts_in_the_order_of_runs() -> None:
    found = statements("x = 1", "y = 2", "x = 1", unfinished=(3,))
    assert [(s.cell, s.place, s.whole) for s in found] == [
        (1, 0, True), (2, 1, True), (3, 2, False),
    ]  # fmt: skip


def test_annotations_are_text_from_the_cell_on_that_says_so() -> None:
    found = statements("def f(): ...", "from __future__ import annotations", "def g(): ...")
    assert [s.deferred for s in found] == [False, True, True]
