"""The checks of lesson 04: answers that look right, and what each is told."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_notebook.errors import ConnectError, MissingProgram
from mcp_notebook.learn.attempt import Attempt
from mcp_notebook.learn.lesson04 import frames, upgrade
from mcp_notebook.learn.verdict import Verdict
from mcp_notebook.trace.store import Trace


def judged(exercise: Any, **names: Any) -> Verdict:
    found: Verdict = exercise.judge(Attempt(names, Trace()))
    return found


def right(data: bytes) -> tuple[int, bytes]:
    length, start, mask = data[1] & 0x7F, 2, bytes(4)
    if length >= 126:
        more = 2 if length == 126 else 8
        length, start = int.from_bytes(data[2 : 2 + more], "big"), 2 + more
    if data[1] & 0x80:
        mask, start = data[start : start + 4], start + 4
    payload = data[start : start + length]
    return data[0] & 0x0F, bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


def never_ends(data: bytes) -> Any:
    while data:
        pass


def test_frames_of_every_length_pass() -> None:
    assert judged(frames, read_frame=right).passed


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda data: right(data)[1], "Give two"),
        (lambda data: None, "Give two"),
        (lambda data: (data[0], right(data)[1]), "low four bits"),
        (lambda data: (right(data)[0], right(data)[1].decode()), "Give bytes"),
        (lambda data: (right(data)[0], list(right(data)[1])), "bytes(...)"),
        (lambda data: (data[0] & 15, data[2:]), "still masked"),
        (lambda data: (right(data)[0], right(data)[1][1:] + b"x"), "begin where it should"),
        (lambda data: (right(data)[0], right(data)[1][:3]), "How long is the head"),
        (lambda data: (right(data)[0], 7), "How long is the head"),
        (lambda data: (right(data)[0], b"x" + right(data)[1]), "begins after"),
        (lambda data: (data[0] & 15, data[9]), "shorter or longer"),
        (never_ends, "No loop is needed"),
    ],
)
def test_frames_read_wrongly_are_told_why(answer: Any, hint: str) -> None:
    verdict = judged(frames, read_frame=answer)

    assert not verdict.passed
    assert hint in verdict.hint


def test_a_reader_that_is_not_written_is_told_to_begin() -> None:
    def read_frame(data: bytes) -> Any:
        if data:
            raise NotImplementedError

    assert judged(frames, read_frame=read_frame).hint == frames.start


def raises(error: Exception) -> Any:
    def status_behind(lines: str) -> int:
        raise error

    return status_behind


@pytest.mark.parametrize(
    ("status", "lines", "hint"),
    [
        (lambda lines: 101, "anything", ""),
        (lambda lines: 505, "", "each ends with a semicolon"),
        (lambda lines: 505, "proxy_set_header Connection upgrade;", "HTTP/1.0"),
        (lambda lines: 426, "proxy_http_version 1.1;", "plain GET"),
        (lambda lines: 426, "proxy_set_header Upgrade $http_upgrade;", "Connection: close"),
        (lambda lines: 426, "proxy_set_header Connection upgrade;", "what to upgrade to"),
        (lambda lines: 404, "rewrite ^ /other;", "The log of nginx"),
        (raises(ConnectError("nginx ended at once: bad")), "bad", "semicolon"),
        (raises(MissingProgram("nginx is not here.")), "", "Install it"),
        (raises(OSError("no")), "", "Run the cells above"),
    ],
)
def test_lines_for_nginx_are_judged_by_the_status(status: Any, lines: str, hint: str) -> None:
    verdict = judged(upgrade, LINES=lines, status_behind=status)

    assert verdict.passed is (not hint)
    assert hint in verdict.hint
