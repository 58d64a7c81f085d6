"""The checks of lesson 01: answers that look right, and what each is told."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from mcp_notebook.learn.attempt import Attempt
from mcp_notebook.learn.lesson01 import drained, frames, quiet, talk
from mcp_notebook.learn.verdict import Verdict
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.trace.store import Trace


def judged(exercise: Any, **names: Any) -> Verdict:
    found: Verdict = exercise.judge(Attempt(names, Trace()))
    return found


def right(chunks: Iterable[bytes]) -> Iterator[Any]:
    buffer = b""
    for chunk in chunks:
        buffer += chunk
        while b"\n" in buffer:
            line, buffer = buffer.split(b"\n", 1)
            yield json.loads(line)


def one_a_chunk(chunks: Iterable[bytes]) -> Iterator[Any]:
    buffer = b""
    for chunk in chunks:
        buffer += chunk
        if b"\n" in buffer:
            line, buffer = buffer.split(b"\n", 1)
            yield json.loads(line)


def lines_as_bytes(chunks: Iterable[bytes]) -> Iterator[Any]:
    for chunk in chunks:
        yield from chunk.splitlines()


def never_ends(chunks: Iterable[bytes]) -> Iterator[Any]:
    for chunk in chunks:
        while b"\n" in chunk:
            yield {}


def last_line_too(chunks: Iterable[bytes]) -> Iterator[Any]:
    yield from right(chunks)
    yield {}


def loses_a_field(chunks: Iterable[bytes]) -> Iterator[Any]:
    for message in right(chunks):
        message.pop("id", None)
        yield message


def test_messages_read_from_any_split_pass() -> None:
    assert judged(frames, read_frames=right).passed


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (one_a_chunk, "one chunk may hold several"),
        (lines_as_bytes, "json.loads makes the dict"),
        (never_ends, "loop must end"),
        (last_line_too, "Change nothing"),
        (loses_a_field, "Change nothing"),
        (lambda chunks: None, "Use yield"),
        (lambda chunks: 1 / 0, "see where"),
        (lambda chunks: 7, "see where"),
    ],
)
def test_frames_read_wrongly_are_told_why(answer: Any, hint: str) -> None:
    verdict = judged(frames, read_frames=answer)

    assert not verdict.passed
    assert hint in verdict.hint


OPENING: list[dict[str, Any]] = [
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {}},
    },
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
]
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
LISTING: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/list",
    "params": {"_meta": META},
}


def test_a_valid_opening_of_both_eras_passes() -> None:
    assert judged(talk, LEGACY=OPENING, MODERN=[LISTING]).passed


@pytest.mark.parametrize(
    ("legacy", "modern", "hint"),
    [
        (OPENING[:1], [LISTING], "Three messages"),
        (["initialize", None, 3], [LISTING], "Three messages"),
        (OPENING, [], "no handshake"),
        (OPENING, ["tools/list"], "no handshake"),
        (OPENING, [{**LISTING, "jsonrpc": "1.0"}], "jsonrpc"),
        ([OPENING[0], {**OPENING[1], "id": 3}, OPENING[2]], [LISTING], "never answered"),
        ([*OPENING[:2], {**OPENING[2], "id": 1}], [LISTING], "its own id"),
        ([{**OPENING[0], "params": []}, *OPENING[1:]], [LISTING], "three members"),
        (OPENING, [{**LISTING, "params": {"_meta": {}}}], "says for itself"),
        (OPENING, [{**LISTING, "params": None}], "says for itself"),
    ],
)
def test_an_opening_with_a_mistake_is_told_which(legacy: Any, modern: Any, hint: str) -> None:
    verdict = judged(talk, LEGACY=legacy, MODERN=modern)

    assert not verdict.passed
    assert hint in verdict.hint


def test_an_answer_of_another_kind_is_no_reply() -> None:
    assert "as it came" in judged(drained, reply_of=lambda command, line: b"{}").hint
    assert "wrote to standard output" in judged(drained, reply_of=lambda command, line: 5).hint


SERVER = """
import json, sys
print("server starts", file=sys.stderr, flush=True)
for line in sys.stdin:
    message = json.loads(line)
    result = None
    if message["method"] == "initialize":
        result = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                  "serverInfo": {"name": "s", "version": "1"}}
    elif message["method"] == "tools/list":
        result = {"tools": [{"name": "shout", "inputSchema": {"type": "object"}}]}
    elif message["method"] == "tools/call":
        print("working", file=sys.stderr, flush=True)
        text = message["params"]["arguments"]["text"].upper()
        result = {"content": [{"type": "text", "text": text}]}
    if "id" in message:
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
"""


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ("", "", ""),
        ("working", "at it", "Keep the logs"),
        ("result})", 'result}, indent=1 if "tools/call" in line else None)', "several lines"),
        (".upper()", ".lower()", "Leave what the tool does"),
        ("import json, sys", "import jason, sys", "traceback is on standard error"),
    ],
)
def test_a_server_is_judged_by_what_it_writes(old: str, new: str, hint: str) -> None:
    assert old in SERVER
    with Workbench() as bench:
        attempt = Attempt({"NOISY": SERVER.replace(old, new)}, bench.trace, workbench=bench)

        verdict = quiet.judge(attempt)

        assert verdict.passed is (not hint), verdict
        assert hint in verdict.hint
        assert not list(bench.connections)
