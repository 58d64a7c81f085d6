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


# ---- 06.3 ------------------------------------------------------------------------------------

NAME: Final = "tickets.example"
_REFUSED: Final = 421
_STARTING_S: Final = 40.0
_RUN_ABOVE: Final = "Run the cells above, from the first one on; then check again."


@exercise(
    "06.3",
    title="The right name",
    hints=(
        "The server says in its answer which option it wants.",
        'An option and its value are two texts: ["--option", "value"].',
    ),
    start="Fill OPTIONS; the server's own answer, above, says with what.",
)
def named(attempt: Attempt) -> Verdict:
    """The server is reached under its public name and under no other."""
    options = attempt.get("OPTIONS", kind=list)
    if not options:
        attempt.untouched("OPTIONS is empty.")
    if not all(isinstance(option, str) for option in options):
        return failed(f"OPTIONS is {brief(options)}.", "A list of texts.")
    if "reached" not in attempt.names:
        attempt.stop("Nothing is there yet to start the server with.", _RUN_ABOVE)
    ran = attempt.run(
        attempt.get("reached", kind=callable), options, timeout_s=_STARTING_S, catch=True
    )
    if ran.timed_out or ran.error is not None:
        what = "it did not come up in time" if ran.timed_out else brief(str(ran.error))
        return failed(f"The server does not start: {what}", "python exported/shop.py --help")
    found, _said = ran.value
    return _names_judged(found)


def _names_judged(found: dict[str, int]) -> Verdict:
    own = {name: status for name, status in found.items() if name.partition(":")[0] == NAME}
    others = {name: status for name, status in found.items() if name not in own}
    if open_to := [name for name, status in others.items() if status != _REFUSED]:
        return failed(
            f"{open_to[0]} gets in too.",
            "With * any name is let in, so that nothing is checked any more: give the one name.",
        )
    if all(status == _REFUSED for status in own.values()):
        return failed(
            f"{NAME} is still answered with {_REFUSED}.",
            "The name alone, as it stands in Host: without https:// and without a path.",
        )
    if closed := [name for name, status in own.items() if status == _REFUSED]:
        return failed(
            f"{closed[0]} is still answered with {_REFUSED}.",
            "A name without a port stands for each of its ports.",
        )
    return passed(f"{NAME} is let in, with and without a port, and nobody else.")


# ---- 06.4 ------------------------------------------------------------------------------------

KIOSK: Final = ("seat", "price", "reserve", "free", "cancel")
_BREAKS_BECAUSE: Final = {
    "reserve": "Somebody who left days out, as he might, is refused now.",
    "free": "Somebody who counts with the number gets a text now.",
}
_HARMLESS_BECAUSE: Final = {
    "seat": "A new argument with a default: who does not know it need not send it.",
    "price": "A whole number is a number too: what was right is right still.",
    "cancel": "A model reads another text; programs send and get what they did.",
}


@exercise(
    "06.4",
    title="Which changes break",
    hints=(
        "Two questions for each tool: is what was sent still accepted? Is what comes back still "
        "what was promised?",
        "A default that is gone makes an argument required.",
    ),
    start="Put the names of the tools whose change breaks a client into BREAKS, as texts.",
)
def foreseen(attempt: Attempt) -> Verdict:
    """The set that was predicted is the one that the comparison of contracts finds."""
    given = attempt.get("BREAKS")
    if not isinstance(given, set | frozenset | list | tuple) and given != {}:
        return failed(f"BREAKS is {brief(given)}.", 'A set of names: {"seat", "price"}')
    if ... in given:
        attempt.untouched("BREAKS is still the ... of the exercise.")
    if unknown := [name for name in given if name not in KIOSK]:
        return failed(f"{brief(unknown[0])} is no tool.", f"The five are {', '.join(KIOSK)}.")
    if "breaking" not in attempt.names:
        attempt.stop("Nothing is there yet to compare with.", _RUN_ABOVE)
    due = attempt.run(attempt.get("breaking", kind=callable), timeout_s=_STARTING_S).value
    for name in KIOSK:
        if name in due and name not in given:
            why = _BREAKS_BECAUSE.get(name, "%mcp diff kiosk exported/kiosk.py tells why.")
            return failed(f"{name} breaks clients, and is not in your set.", why)
        if name in given and name not in due:
            why = _HARMLESS_BECAUSE.get(name, "%mcp diff kiosk exported/kiosk.py tells why.")
            return failed(f"{name} breaks nobody.", why)
    return passed(f"{', '.join(sorted(due))}: as %mcp diff says.")
