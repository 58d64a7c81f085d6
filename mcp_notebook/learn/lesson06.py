"""The checks of lesson 06, from notebook to server."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from mcp_notebook.errors import McpError

from .attempt import Attempt, brief
from .exercise import exercise
from .verdict import NotYet, Verdict, failed, passed

_PATIENCE_S: Final = 20.0

# ---- 06.1 ------------------------------------------------------------------------------------

HALL: Final = "hall"
FREE: Final = {"A": 12, "B": 7, "C": 0}
_TOLD: Final = ", ".join(
    f"{line} has {free}{'' if n else ' free seats'}" for n, (line, free) in enumerate(FREE.items())
)


@exercise(
    "06.1",
    title="A tool that cannot leave",
    hints=(
        "What does the tool need of the database? Three rows with a number each.",
        "A dict can be written as source: the export takes it along, as it took RATES.",
        "A connection may also be opened inside the tool; but to a database that is there, and "
        "one in memory is empty.",
    ),
    start="Keep the rows in something that can be written down, not in an open connection.",
)
def left_the_notebook(attempt: Attempt) -> Verdict:
    """The tool is exported, and the exported server answers as the notebook did."""
    attempt.get("free_seats", kind=callable)
    with tempfile.TemporaryDirectory(prefix="mcp-check-") as folder:
        try:
            found = attempt.workbench.export(HALL, path=Path(folder, "hall.py"), check=False)
        except McpError as error:
            return failed(f"The export says: {error}", "Run the exercise's cell, then check again.")
        if found.report.refused:
            return _refused(attempt, found.report.refused[0])
        answers = _answers(attempt, found.path)
    if isinstance(answers, str):
        return failed(
            f"It is exported, and the exported server fails: {answers}",
            "What the server opens anew starts as it is made: a new database is empty. "
            "Let the rows travel too.",
        )
    if answers != FREE:
        return failed(f"The exported server answers {brief(answers)}.", f"{_TOLD}.")
    return passed("Exported, and its own process gives the same answer for each row.")


def _refused(attempt: Attempt, obstacle: Any) -> Verdict:
    """What is in the way, and the hint: another one where it was only given another name."""
    seen = f"Refused: {' -> '.join(obstacle.through)}. {obstacle.reason}."
    if "seats" in obstacle.through:
        attempt.untouched(seen)
    hint = "Another name does not help: the tool still reaches something that lives here alone."
    return failed(seen, hint)


def _answers(attempt: Attempt, path: Path) -> dict[str, Any] | str:
    """What the exported file answers for each row; a text where it fails."""
    connection: Any = None
    try:
        connection = attempt.workbench.connect(str(path), name="check-06-1", timeout=_PATIENCE_S)
        found = {}
        for line in FREE:
            result = connection.call("free_seats", line=line)
            if result.is_error:
                return f"free_seats({line!r}) ends in an error."
            found[line] = result.value
        return found
    except McpError as error:
        return str(error)
    finally:
        if connection is not None:
            connection.close()


# ---- 06.2 ------------------------------------------------------------------------------------


@exercise(
    "06.2",
    title="Two workers agree",
    hints=(
        "Who must remember what is in the basket, if each call may reach another process?",
        "def put(basket, item): the answer is made of the two arguments alone.",
    ),
    start="Give put two arguments, basket and item, and make the answer of these two alone.",
)
def agreed(attempt: Attempt) -> Verdict:
    """Calls that go to two processes in turns give the basket that the caller holds."""
    attempt.get("put", kind=callable)
    workers = [_process(attempt), _process(attempt)]
    if list(inspect.signature(workers[0]).parameters)[:2] != ["basket", "item"]:
        attempt.untouched("put does not take basket and item.")
    basket: list[str] = []
    items = ["ticket", "coat", "wine", "programme"]
    for number, item in enumerate(items):
        due = [*basket, item]
        got = attempt.run(workers[number % 2], list(basket), item).value
        if (wrong := _not_due(got, due, number)) is not None:
            return wrong
        basket = due
    got = attempt.run(workers[0], [], "umbrella").value
    if got != ["umbrella"]:
        return failed(
            f"A second buyer put an umbrella into an empty basket and got {brief(got)}.",
            "Each process has a memory of its own, and all buyers share it: keep nothing there.",
        )
    return passed("Four calls to two processes in turns, two buyers: each basket is right.")


def _process(attempt: Attempt) -> Callable[..., Any]:
    """The function as a process of its own would have it: the cell run in names of its own."""
    names: dict[str, Any] = {"__name__": "worker"}
    try:
        exec(compile(attempt.source, "<your cell>", "exec"), names)
    except Exception as error:  # noqa: BLE001 - the learner's cell
        seen = f"The cell alone does not run: {type(error).__name__}: {brief(str(error))}"
        raise NotYet(failed(seen, "All that put needs must stand in this one cell.")) from None
    found: Callable[..., Any] = names["put"]
    return found


def _not_due(got: Any, due: list[str], number: int) -> Verdict | None:
    if got == due:
        return None
    seen = f"Call {number + 1} should give {due} and gave {brief(got)}."
    if got is None:
        return failed(seen, "Make the new list and give it back with return.")
    if number == 0:
        return failed(seen, "The list that came in, with the item at its end.")
    return failed(seen, "Each process has a memory of its own: what is in the basket comes in.")
