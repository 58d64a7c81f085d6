"""The checks of lesson 05, compare and choose."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from mcp_notebook.errors import MissingProgram

from .attempt import Attempt, Ran, brief
from .exercise import exercise
from .verdict import Verdict, failed, passed

# ---- 05.1 ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Capture:
    """Bytes as they were on a road, and the text in them.

    Attributes:
        what: which road, and what is special.
        data: the bytes.
        body: the JSON text.
        hint: names the likely mistake.
    """

    what: str
    data: bytes
    body: bytes
    hint: str


def _text(words: str, length: int = 0) -> bytes:
    """A small answer; of this length in bytes where one is given."""
    made = json.dumps({"jsonrpc": "2.0", "id": 7, "result": {"text": words}}).encode()
    return made.replace(words.encode(), words.encode() + b"!" * (length - len(made)), 1)


def _http(body: bytes, more: str = "") -> bytes:
    head = f"HTTP/1.1 200 OK\r\n{more}content-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _frame(body: bytes) -> bytes:
    size = len(body)
    if size < 126:
        return bytes([0x81, size]) + body
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + body
    return b"\x81\x7f" + size.to_bytes(8, "big") + body


_PLAIN: Final = _text("Hello, Ada!")
_SPREAD: Final = b'{"jsonrpc": "2.0",\n "id": 7, "result": {}}'
_DATA_LINES: Final = b"".join(b"data: " + line + b"\n" for line in _SPREAD.split(b"\n"))
_PARTS: Final = "Only what stands behind data: belongs to the text; leave out all other lines."
_LENGTH: Final = (
    "A frame's text begins after its length: 2 bytes in, with length byte 126 it is 4, with 127 "
    "it is 10. A length byte can look like any character, a brace too."
)
CAPTURES: Final = (
    Capture("a line", _PLAIN + b"\n", _PLAIN, "Take the line end off, and nothing else."),
    Capture("an HTTP response", _http(_PLAIN), _PLAIN, "The text begins after the empty line."),
    Capture("an SSE event", b"event: message\r\ndata: " + _PLAIN + b"\r\n\r\n", _PLAIN, _PARTS),
    Capture("a frame", _frame(_text("Hello", 249)), _text("Hello", 249), _LENGTH),
    Capture("a short frame", _frame(_text("Hello", 100)), _text("Hello", 100), _LENGTH),
    Capture("a frame of 123 bytes", _frame(_text("Hello", 123)), _text("Hello", 123), _LENGTH),
    Capture(
        "a frame of 70,000 bytes", _frame(_text("Hello", 70_000)), _text("Hello", 70_000), _LENGTH
    ),
    Capture(
        "a line whose text speaks of data: and HTTP/1.1",
        _text("data: HTTP/1.1") + b"\n",
        _text("data: HTTP/1.1"),
        "Tell the roads apart by how the bytes begin, not by what stands somewhere in them.",
    ),
    Capture(
        "an HTTP response with a brace in a header",
        _http(_PLAIN, "server: {small}\r\n"),
        _PLAIN,
        "A header may hold a brace too: the text begins after the empty line.",
    ),
    Capture(
        "an SSE event with a comment and an id",
        b": ping\n\nid: 7\nevent: message\ndata: " + _PLAIN + b"\n\n",
        _PLAIN,
        f"An event may begin with id: or with a comment, and lines may end in \\n alone. {_PARTS}",
    ),
    Capture(
        "an SSE event whose text has two lines",
        b"event: message\n" + _DATA_LINES + b"\n",
        _SPREAD,
        "Several data: lines are one text: join them with \\n.",
    ),
)


@exercise(
    "05.1",
    title="Open any envelope",
    hints=(
        "How do the four samples begin? A brace, HTTP/1.1, a word with a colon, byte 0x81.",
        "data.partition(b'\\r\\n\\r\\n')[2] is what stands after the empty line; "
        "data.splitlines() gives the lines of an event.",
        "For a frame: start = {126: 4, 127: 10}.get(data[1], 2); data[start:] is the text.",
    ),
    start="Write the body of envelope: four ways to open, chosen by how the bytes begin.",
)
def opened(attempt: Attempt) -> Verdict:
    """The text comes out of any envelope, whatever the road."""
    envelope = attempt.get("envelope", kind=callable)
    for number, capture in enumerate(CAPTURES):
        ran = attempt.run(envelope, capture.data, catch=True)
        if (wrong := _not_opened(ran, capture, first=number == 0)) is not None:
            return wrong
    return passed(f"{len(CAPTURES)} captures of four roads, and each gave its text.")


def _not_opened(ran: Ran, capture: Capture, *, first: bool) -> Verdict | None:
    nothing = first and ran.value is None and ran.error is None and not ran.timed_out
    if nothing or isinstance(ran.error, NotImplementedError):
        return failed("envelope gave nothing.", opened.start)
    if ran.timed_out:
        return failed(f"It did not end, with {capture.what}.", "Its loop never ends.")
    if ran.error is not None:
        what = f"{type(ran.error).__name__}: {brief(str(ran.error))}"
        return failed(f"{what}, with {capture.what}.", capture.hint)
    value: Any = ran.value
    if isinstance(value, str) and value.encode(errors="replace") == capture.body:
        return failed("It gave a str.", "Give bytes: leave the text as it came.")
    if isinstance(value, bytes | bytearray) and bytes(value) == capture.body:
        return None
    if isinstance(value, dict):
        return failed("It gave a dict.", "Give the text itself, as bytes; do not parse it.")
    if isinstance(value, bytes) and value.rstrip(b"\r\n") == capture.body:
        return failed(
            f"With {capture.what} there is white space around it.",
            "The line end belongs to the envelope.",
        )
    hint = capture.hint
    if isinstance(value, bytes) and _unspaced(value) == _unspaced(capture.body):
        hint = "Only one space after data: belongs to the envelope; what follows is the text."
    return failed(f"With {capture.what} it gave {brief(value)}.", hint)


def _unspaced(text: bytes) -> list[bytes]:
    """The lines without the white space around them."""
    return [line.strip() for line in text.split(b"\n")]


# ---- 05.2 ------------------------------------------------------------------------------------

SIX: Final = ("shout", "announce", "count", "first_line", "token", "wait")
_MISSED: Final = {
    "count": "Two workers are two processes, and each has a counter of its own.",
    "token": "A worker has the environment of whoever started it, not yours.",
    "first_line": "A worker looks in its own folder, not in yours.",
}
_BLAMED: Final = {
    "shout": "A tool that uses its arguments alone works anywhere.",
    "announce": "Over HTTP standard output carries nothing, so a print harms nobody.",
    "wait": "The worker that waits is deaf, but the balancer gave the next call to the other.",
}
_MEASURING_S: Final = 40.0
_RUN_ABOVE: Final = "Run the cells above, from the first one on; then check again."


@exercise(
    "05.2",
    title="Which tools break",
    hints=(
        "What does each tool use besides its arguments: memory, a file, the environment?",
        "Two processes share neither memory nor, here, your folder and your token.",
    ),
    start="Put the names of the tools that break into BREAK, as texts.",
)
def predicted(attempt: Attempt) -> Verdict:
    """The set that was predicted is the set that is measured."""
    guess = attempt.get("BREAK")
    if isinstance(guess, dict) and not guess:
        guess = set()
    if not isinstance(guess, set | frozenset | list | tuple):
        return failed(f"BREAK is {brief(guess)}.", 'A set of names: {"shout", "wait"}')
    if ... in guess:
        attempt.untouched("BREAK is still the ... of the exercise.")
    unknown = [name for name in guess if name not in SIX]
    if unknown:
        return failed(f"{brief(unknown[0])} is no tool.", f"The six are {', '.join(SIX)}.")
    return _compared(guess, _measured(attempt))


def _measured(attempt: Attempt) -> set[str]:
    """The tools that broke.

    Raises:
        NotYet: nothing could be measured; with what to do.
    """
    if "under_two_workers" not in attempt.names:
        attempt.stop("Nothing is there yet to measure with.", _RUN_ABOVE)
    measure = attempt.get("under_two_workers", kind=callable)
    ran = attempt.run(measure, timeout_s=_MEASURING_S, catch=True)
    if isinstance(ran.error, MissingProgram):
        attempt.stop(str(ran.error), "Install it, then check again.")
    if ran.timed_out or ran.error is not None:
        what = "it did not end" if ran.timed_out else brief(str(ran.error))
        attempt.stop(f"To measure failed: {what}.", _RUN_ABOVE)
    return set(ran.value)


def _compared(guess: Collection[str], found: set[str]) -> Verdict:
    for name, why in _MISSED.items():
        if name in found and name not in guess:
            return failed(f"{name} broke, and is not in your set.", why)
    for name in SIX:
        if name in guess and name not in found:
            return failed(f"{name} did its job.", _BLAMED.get(name, "Measure it yourself."))
    if set(guess) != found:
        return failed(f"Measured: {', '.join(sorted(found))}.", "Run the cells above once more.")
    return passed(f"Measured: {', '.join(sorted(found))} broke, as you said.")


# ---- 05.3 ------------------------------------------------------------------------------------

REVISIONS: Final = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28")
WORDS: Final = ("standard", "deprecated", "custom", "not there")
_GRID: Final[dict[str, tuple[str, ...]]] = {
    "stdio": ("standard",) * 5,
    "HTTP with SSE": ("standard", *("deprecated",) * 4),
    "Streamable HTTP": ("not there", *("standard",) * 4),
    "WebSocket": ("custom",) * 5,
}
_ROW_HINTS: Final = {
    "stdio": "stdio is in all five revisions.",
    "HTTP with SSE": "It was standard in the first revision; the second replaced it.",
    "Streamable HTTP": "It came with the second revision, in the place of HTTP with SSE.",
    "WebSocket": "No revision has it. Custom transports are allowed in all of them.",
}


@exercise(
    "05.3",
    title="Transports by revision",
    hints=(
        "Two are standard in each revision. Which two were it in the first?",
        "Custom transports are allowed in all five, so WebSocket is custom in all five.",
    ),
    start='Replace each ... by "standard", "deprecated", "custom" or "not there".',
)
def grid(attempt: Attempt) -> Verdict:
    """The grid says of each revision what its page on transports says."""
    given = attempt.get("GRID", kind=dict)
    rows = {name: given.get(name) for name in _GRID}
    if all(isinstance(row, list) and all(each is ... for each in row) for row in rows.values()):
        attempt.untouched("The grid is empty.")
    for name, right in _GRID.items():
        row = rows[name]
        if not isinstance(row, list | tuple) or len(row) != len(REVISIONS):
            return failed(f"The row of {name} is {brief(row)}.", "A list of five words.")
        for revision, word, wanted in zip(REVISIONS, row, right, strict=True):
            if not isinstance(word, str) or word not in WORDS:
                return failed(f"{name}, {revision}: {brief(word)}.", f"One of {', '.join(WORDS)}.")
            if word != wanted:
                return failed(f"{name}, {revision}: {word!r} is not right.", _ROW_HINTS[name])
    return passed("Twenty places: two standard transports in each revision.")


# ---- 05.4 ------------------------------------------------------------------------------------

FIVE: Final = 5


@exercise(
    "05.4",
    title="Correct five cells",
    hints=(
        "The verdict of a cell is differs or depends where the article is not right.",
        "[c for c in sheet.cells if c.verdict == 'differs'] lists them; each has .words and .cell.",
    ),
    start="Fill CORRECTIONS with five cells whose verdict is differs or depends.",
)
def corrected(attempt: Attempt) -> Verdict:
    """Five cells that do not hold, each with what was measured and by which probe."""
    given = attempt.get("CORRECTIONS", kind=dict)
    if not given:
        attempt.untouched("CORRECTIONS is empty.")
    sheet = attempt.get("sheet")
    cells = {(c.cell.matrix, c.cell.row, c.cell.column): c for c in sheet.cells}
    for place, said in given.items():
        if place not in cells:
            return failed(
                f"There is no cell {brief(place)}.",
                'A place is (table, row, column), for example ("004", "Latency", "Stdio").',
            )
        if (wrong := _not_corrected(cells[place], said)) is not None:
            return wrong
    if len(given) < FIVE:
        return failed(f"{len(given)} of {FIVE} so far, all right.", "Find more that differ.")
    return passed(f"{len(given)} cells corrected, each with its evidence.")


def _not_corrected(found: Any, said: Any) -> Verdict | None:
    name = found.cell.name
    if not (isinstance(said, tuple | list) and len(said) == 2):
        return failed(f"{name}: {brief(said)}.", '("measured word", "probe"), for example "P1".')
    word, probe = said
    if found.verdict == "not measurable":
        return failed(f"{name} cannot be measured.", "A guess is no correction; take another cell.")
    if found.verdict not in ("differs", "depends"):
        return failed(f"{name}: {found.verdict}.", "Your measurement says the same as the article.")
    if word not in found.words.values():
        told = ", ".join(dict.fromkeys(found.words.values()))
        return failed(f"{name}: {brief(word)} was not measured.", f"Measured: {told}.")
    if word in found.cell.means:
        return failed(
            f"{name}: {word!r} is what the article means.",
            "The column joins roads that differ: give the word of one that does not fit.",
        )
    if probe not in found.cell.probes:
        return failed(
            f"{name}: {brief(probe)} did not decide it.",
            f"The cell's probes: {', '.join(found.cell.probes)}.",
        )
    return None


# ---- 05.5 ------------------------------------------------------------------------------------

PICKS: Final = ("memory", "stdio", "websocket", "http-2026")
_WHY: Final = {
    "memory": "Client and server in one process need no road at all; ask that first.",
    "stdio": "One client that starts the server itself: stdio, however fast or long its calls.",
    "websocket": "A measured high rate, and both ends and the whole path your own: that is the "
    "case for WebSocket.",
    "http-2026": "WebSocket needs a path of your own, without a strict proxy, a browser or "
    "functions that come and go; and stdio reaches nobody who does not start the server.",
}


@exercise(
    "05.5",
    title="Write the decision rule",
    hints=(
        "Ask in the order of the picture: one process, one client that starts it, a measured "
        "high rate on a path of your own, everything else.",
        "stdio is out as soon as the server is remote, shared, serverless, or the client is in a "
        "browser, or knows only HTTP+SSE.",
        "WebSocket is out with serverless, a strict proxy, or a browser.",
    ),
    start="Write the body of my_choice: four roads, asked for in order.",
)
def ruled(attempt: Attempt) -> Verdict:
    """A rule gives the road of the corrected flow in situations that it has not seen."""
    choice = attempt.get("my_choice", kind=callable)
    choose = attempt.get("choose", kind=callable)
    if "choose(" in attempt.source.replace("my_choice(", ""):
        return failed("It calls choose.", "Write the rule yourself: a few ifs are enough.")
    situations = [s for s in attempt.get("SCENARIOS") if s.group in ("flow", "hidden")]
    for number, situation in enumerate(situations):
        right = choose(**situation.answers)
        ran = attempt.run(choice, dict(right.answers))
        if ran.value is None and number == 0:
            return failed("my_choice gave nothing.", ruled.start)
        if ran.value not in PICKS:
            return failed(f"It gave {brief(ran.value)}.", f"One of {', '.join(PICKS)}.")
        if ran.value != right.road:
            yes = ", ".join(key for key, is_so in right.answers.items() if is_so) or "none"
            seen = f"{situation.title}: {ran.value}, not {right.road}. Answers with yes: {yes}."
            return failed(seen, _WHY[right.road])
    return passed(f"{len(situations)} situations, and each got the road of the corrected flow.")
