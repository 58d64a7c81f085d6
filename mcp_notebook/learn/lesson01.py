"""The checks of lesson 01, stdio pipes."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterator
from typing import Any, Final

from mcp_notebook.errors import McpError
from mcp_notebook.trace.events import Direction, Event, Message, StderrLine

from .attempt import Attempt, Ran, brief
from .exercise import exercise
from .verdict import Verdict, failed, passed

# ---- 01.1 ------------------------------------------------------------------------------------

SPLITS: Final = 200
_TALK: Final[list[dict[str, Any]]] = [
    {"jsonrpc": "2.0", "id": 1, "result": {"text": "plain"}},
    {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"text": "crème brûlée"}},
    {"jsonrpc": "2.0", "id": 2, "result": {"text": "漢字 and a \\n in two characters"}},
    {"jsonrpc": "2.0", "id": 3, "result": {"text": "a line\u2028that JSON does not end"}},
]
_BYTES: Final = b"".join(json.dumps(m, ensure_ascii=False).encode() + b"\n" for m in _TALK)


@exercise(
    "01.1",
    title="Read messages from chunks",
    hints=(
        "Keep the bytes that are not a whole line yet, and add the next chunk to them.",
        "Cut at b'\\n' while there is one; decode only whole lines.",
        "buffer += chunk; while b'\\n' in buffer: line, buffer = buffer.split(b'\\n', 1); "
        "yield json.loads(line)",
    ),
    start="Write the body of read_frames: yield one dict for each whole line.",
)
def frames(attempt: Attempt) -> Verdict:
    """A reader of frames gives the same messages however the bytes are cut."""
    read = attempt.get("read_frames", kind=callable)

    ran = _read(attempt, read, [_BYTES])
    if (wrong := _misread(ran, "all four lines in one chunk")) is not None:
        return wrong
    if not _is_lazy(attempt, read):
        return failed(
            "The first message came only after the second chunk was asked for.",
            "Yield a message as soon as its line is whole: on a pipe the next chunk may not come "
            "before you have answered.",
        )
    chosen = random.Random(1)
    for number in range(SPLITS):
        cuts = sorted(chosen.sample(range(1, len(_BYTES)), chosen.randint(1, 40)))
        places = list(zip([0, *cuts], [*cuts, len(_BYTES)], strict=True))
        ran = _read(attempt, read, [_BYTES[a:b] for a, b in places])
        if (wrong := _misread(ran, f"split {number + 1} of {SPLITS}")) is not None:
            return wrong
    ran = _read(attempt, read, [_BYTES, b'{"jsonrpc": "2.0", "id'])
    if (wrong := _misread(ran, "a line at the end that never became whole")) is not None:
        return wrong
    return passed(f"{SPLITS} random splits gave the same four messages each.")


def _read(attempt: Attempt, read: Any, chunks: list[bytes]) -> Ran:
    def read_frames(pieces: list[bytes]) -> list[Any]:
        found = read(iter(pieces))
        if found is None:
            raise _Nothing
        return list(found)

    return attempt.run(read_frames, chunks, catch=True)


class _Nothing(Exception):
    """It returned None."""


def _misread(ran: Ran, what: str) -> Verdict | None:
    error = ran.error
    if isinstance(error, NotImplementedError):
        return failed("It is not written yet.", frames.start)
    if isinstance(error, _Nothing):
        return failed("read_frames gave None.", "Use yield, or return a generator.")
    if ran.timed_out:
        return failed(f"It did not end, with {what}.", "The loop must end when no b'\\n' is left.")
    if isinstance(error, UnicodeDecodeError):
        return failed(
            f"UnicodeDecodeError, with {what}.",
            "A chunk may end inside a character: decode whole lines only.",
        )
    if isinstance(error, ValueError):
        return failed(f"{brief(error)}, with {what}.", _parse_hint(error))
    if error is not None:
        return failed(f"It raised {brief(error)}, with {what}.", "Call it yourself to see where.")
    if ran.value == _TALK:
        return None
    got = len(ran.value)
    if got and not all(isinstance(each, dict) for each in ran.value):
        kind = type(ran.value[0]).__name__
        return failed(f"It gave a {kind}, with {what}.", "json.loads makes the dict.")
    if got < len(_TALK):
        return failed(
            f"{got} of {len(_TALK)} messages came, with {what}.",
            "Keep what is left of a chunk for the next one; one chunk may hold several lines.",
        )
    return failed(f"Other messages came than were sent, with {what}.", "Change nothing in a line.")


def _parse_hint(error: ValueError) -> str:
    text = getattr(error, "doc", "")
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    if text and "\n" not in text and text.rstrip().endswith('"a line'):
        return "Cut at b'\\n' alone: splitlines on text also cuts at other characters."
    if "Extra data" in str(error):
        return "There was more than one message in it: a chunk may hold several lines."
    return "A chunk is not a message: collect bytes until a line is whole."


def _is_lazy(attempt: Attempt, read: Any) -> bool:
    asked: list[int] = []

    def chunks() -> Iterator[bytes]:
        for number, line in enumerate(_BYTES.splitlines(keepends=True)):
            asked.append(number)
            yield line

    def first() -> int:
        next(iter(read(chunks())))
        return len(asked)

    ran = attempt.run(first, catch=True)
    return bool(ran.value == 1)


# ---- 01.2 ------------------------------------------------------------------------------------

_PATIENCE_S: Final = 10.0
_LOGS: Final = ("server starts", "working")


@exercise(
    "01.2",
    title="Repair a noisy server",
    hints=(
        "Which prints are messages, and which are for people? Where does each belong?",
        "print(..., file=sys.stderr, flush=True) writes to standard error.",
    ),
    start="Mend the text of NOISY: the server must answer, and its logs must not be on stdout.",
)
def quiet(attempt: Attempt) -> Verdict:
    """Nothing but messages on standard output, and the logs still there."""
    source = attempt.get("NOISY", kind=str)
    before = attempt.trace.last_seq
    answered, trouble = _ask(attempt, source)
    events = attempt.trace.since(before)
    said = [e.text for e in events if isinstance(e, StderrLine)]
    if strays := _strays(events):
        return _stray(strays[0].raw.decode(errors="replace"))
    if not answered:
        if any("Error" in line for line in said):
            return failed(f"The server ended: {said[-1]}", "Its traceback is on standard error.")
        return failed(
            f"No answer came: {trouble}",
            "Is each reply one line with a line end, and flushed? A pipe is buffered otherwise.",
        )
    if answered != ["HELLO", "WORLD"]:
        return failed(f"shout answered {brief(answered)}.", "Leave what the tool does as it was.")
    missing = [text for text in _LOGS if not any(text in line for line in said)]
    if missing:
        return failed(
            f"It answers, and nothing says {missing[0]!r} any more.",
            "Keep the logs: they belong on standard error, where nobody takes them for messages.",
        )
    return passed(f"Two calls answered, and {len(said)} lines of log on standard error.")


def _ask(attempt: Attempt, source: str) -> tuple[list[Any], str]:
    """What two calls answered; none where the server was not heard, and why."""
    before = attempt.trace.last_seq
    connection: Any = None
    try:
        connection = attempt.workbench.connect(
            [sys.executable, "-c", source], name="check-01-2", era="legacy", timeout=_PATIENCE_S
        )
        found = []
        for text in ("hello", "world"):
            call = connection.start("shout", {"text": text})
            end = time.monotonic() + _PATIENCE_S
            while not call.future.done() and time.monotonic() < end:
                if _strays(attempt.trace.since(before)):  # the answer may be lost with it
                    break
                time.sleep(0.02)
            if not call.future.done():
                call.cancel()
                return [], "the call was not answered."
            found.append(call.result().value)
        return found, ""
    except McpError as error:
        return [], str(error)
    finally:
        if connection is not None:
            connection.close()


def _strays(events: list[Event]) -> list[Message]:
    """What the server wrote to standard output that is no message."""
    return [
        event
        for event in events
        if isinstance(event, Message)
        and event.direction is Direction.SERVER_TO_CLIENT
        and not isinstance(event.json(), dict)
    ]


def _stray(text: str) -> Verdict:
    seen = f"A line on standard output is no message: {brief(text)}"
    if '{"' in text and not text.lstrip().startswith("{"):
        return failed(
            seen,
            "The text has no line end, so it and the reply became one line. "
            "A line end is not enough either: text belongs on standard error.",
        )
    if text.lstrip().startswith("{"):
        return failed(seen, "The reply goes over several lines: json.dumps without indent.")
    return failed(
        seen,
        "A patient client skips a whole line of text, a strict one gives up. "
        "Nothing but messages may stand there: logs go to standard error.",
    )


# ---- 01.3 ------------------------------------------------------------------------------------

CHATTY: Final = """
import json, os, sys, threading
threading.Timer(6, os._exit, [3]).start()
for line in sys.stdin:
    sys.stderr.write("x" * 200_000 + "\\n")
    sys.stderr.flush()
    print(json.dumps({"jsonrpc": "2.0", "id": json.loads(line)["id"], "result": {}}), flush=True)
os._exit(0)
"""
"""Writes 200 kB to standard error before it answers; gives up by itself when nobody reads."""


@exercise(
    "01.3",
    title="Drain standard error",
    hints=(
        "Somebody must read standard error while you wait for standard output.",
        "subprocess.run with input= and capture_output=True reads both; so does a thread.",
    ),
    start="Write the body of reply_of: start the command, send the line, give the reply's line.",
)
def drained(attempt: Attempt) -> Verdict:
    """A client gets its answer although the server writes 200 kB to standard error first."""
    reply_of = attempt.get("reply_of", kind=callable)
    request = b'{"jsonrpc": "2.0", "id": 7, "method": "ping"}\n'
    quiet = CHATTY.replace("200_000", "20")
    for source, much in ((quiet, "20 bytes"), (CHATTY, "200 kB")):
        ran = attempt.run(reply_of, [sys.executable, "-c", source], request, timeout_s=12)
        value = ran.value.decode(errors="replace") if isinstance(ran.value, bytes) else ran.value
        try:
            answer = json.loads(value)
        except (TypeError, ValueError):
            seen = f"With {much} on standard error it gave {brief(ran.value)}."
            if much == "200 kB":
                return failed(
                    seen,
                    "The server stands still in a write to standard error: its pipe is full, and "
                    "nobody reads it.",
                )
            return failed(seen, "Give the line that the server wrote to standard output.")
        if not isinstance(answer, dict) or answer.get("id") != 7:
            return failed(f"It gave {brief(ran.value)}.", "Give the reply's line as it came.")
    return passed("The answer came, with 20 bytes and with 200 kB on standard error.")


# ---- 01.4 ------------------------------------------------------------------------------------

_META: Final = "io.modelcontextprotocol/"


@exercise(
    "01.4",
    title="Mend the sample talk",
    hints=(
        "A request has jsonrpc, id, method. A notification has no id.",
        "initialize names protocolVersion, capabilities and clientInfo in its params.",
        "In revision 2026-07-28 a request carries protocolVersion and clientCapabilities in "
        "params._meta, under names that begin with io.modelcontextprotocol/.",
    ),
    start="Fill LEGACY with three messages and MODERN with one.",
)
def talk(attempt: Attempt) -> Verdict:
    """The opening of both eras, valid."""
    legacy = attempt.get("LEGACY", kind=list)
    modern = attempt.get("MODERN", kind=list)
    if not legacy and not modern:
        attempt.untouched("Both lists are empty.")
    methods = [m.get("method") if isinstance(m, dict) else None for m in legacy]
    if methods != ["initialize", "notifications/initialized", "tools/list"]:
        return failed(
            f"LEGACY has the methods {brief(methods)}.",
            "Three messages: initialize, notifications/initialized, tools/list.",
        )
    if [isinstance(m, dict) and m.get("method") for m in modern] != ["tools/list"]:
        return failed(
            f"MODERN has {len(modern)} messages.", "One: there is no handshake, only tools/list."
        )
    if any(m.get("jsonrpc") != "2.0" for m in [*legacy, *modern]):
        return failed("A message lacks jsonrpc.", 'Each message has "jsonrpc": "2.0".')
    if "id" in legacy[1]:
        return failed("notifications/initialized has an id.", "A notification is never answered.")
    ids = [m.get("id") for m in (legacy[0], legacy[2], modern[0])]
    if not all(isinstance(i, int | str) for i in ids) or ids[0] == ids[1]:
        return failed(f"The ids are {brief(ids)}.", "Each request of a connection has its own id.")
    given = legacy[0].get("params")
    lacks = _lacking(given, ("protocolVersion", "capabilities", "clientInfo"))
    if lacks:
        return failed(f"initialize lacks {lacks}.", "Its params have three members.")
    meta = modern[0].get("params")
    meta = meta.get("_meta") if isinstance(meta, dict) else None
    lacks = _lacking(meta, (f"{_META}protocolVersion", f"{_META}clientCapabilities"))
    if lacks:
        return failed(
            f"The modern tools/list lacks {lacks} in _meta.",
            "Without a handshake each request says for itself what initialize said once.",
        )
    return passed("Three messages open a legacy talk, one a modern one.")


def _lacking(table: Any, names: tuple[str, ...]) -> str:
    if not isinstance(table, dict):
        return ", ".join(names)
    return ", ".join(name for name in names if name not in table)
