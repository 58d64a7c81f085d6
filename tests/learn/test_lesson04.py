"""The checks of lesson 04: answers that look right, and what each is told."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from mcp_notebook.errors import ConnectError, MissingProgram
from mcp_notebook.learn.attempt import Attempt
from mcp_notebook.learn.cutlines import CUTS, CutWorld
from mcp_notebook.learn.lesson04 import frames, numbers, once, upgrade
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
        (raises(ConnectError('unknown directive "Upgrade:"')), "Upgrade: x;", "NAME VALUE;"),
        (raises(MissingProgram("nginx is not here.")), "", "Install it"),
        (raises(OSError("no")), "", "Run the cells above"),
    ],
)
def test_lines_for_nginx_are_judged_by_the_status(status: Any, lines: str, hint: str) -> None:
    verdict = judged(upgrade, LINES=lines, status_behind=status)

    assert verdict.passed is (not hint)
    assert hint in verdict.hint


def keeping(key_of: Callable[[Any], Any]) -> Any:
    """A server that remembers its replies by what ``key_of`` finds in a message."""

    def serve_one(shop: dict[str, Any], message: Any) -> Any:
        replies = shop.setdefault("replies", {})
        key = key_of(message)
        if key not in replies:
            shop["total"] += message["params"]["amount"]
            replies[key] = shop["total"]
        return {"id": message["id"], "result": replies[key]}

    return serve_one


def insistent(dial: Any, amounts: list[int]) -> list[Any]:
    line = dial()
    replies: list[Any] = []
    for number, amount in enumerate(amounts):
        params = {"amount": amount, "key": str(uuid.uuid4())}
        while len(replies) == number:
            try:
                line.send({"id": number, "params": params})
                replies.append(line.recv())
            except ConnectionError:
                line = dial()
    return replies


def by_key(message: Any) -> Any:
    return message["params"]["key"]


def same_line(dial: Any, amounts: list[int]) -> list[Any]:
    line = dial()
    replies: list[Any] = []
    for number, amount in enumerate(amounts):
        while len(replies) == number:
            try:
                line.send({"id": number, "params": {"amount": amount, "key": number}})
                replies.append(line.recv())
            except ConnectionError:
                pass
    return replies


def dials_for_ever(dial: Any, amounts: list[int]) -> list[Any]:
    while True:
        dial()


def forgetful(shop: dict[str, Any], message: Any) -> Any:
    reply = keeping(by_key)(shop, message)
    return {**reply, "result": shop["total"] + 1}


def test_payments_with_keys_pass() -> None:
    verdict = judged(once, serve_one=keeping(by_key), pay_all=insistent)

    assert verdict.passed, verdict
    assert f"{CUTS} cuts, 20 payments" in verdict.seen


@pytest.mark.parametrize(
    ("serve_one", "pay_all", "hint"),
    [
        (keeping(by_key), lambda dial, amounts: dial().recv(), "around both"),
        (keeping(lambda message: uuid.uuid4()), insistent, "done twice"),
        (keeping(lambda message: message["id"]), insistent, "unique among all clients"),
        (keeping(lambda message: message["params"]["amount"]), insistent, "the same amount"),
        (keeping(lambda message: message["params"]["nokey"]), insistent, "cope with every message"),
        (keeping(by_key), lambda dial, amounts: [], "one reply for each"),
        (keeping(by_key), lambda dial, amounts: None, "one reply for each"),
        (keeping(by_key), dials_for_ever, "stays dead"),
        (keeping(by_key), same_line, "stays dead"),
        (forgetful, insistent, "the reply that was lost"),
        (lambda shop, message: shop.update(total="much"), insistent, ""),
    ],
)
def test_payments_that_go_wrong_are_told_why(serve_one: Any, pay_all: Any, hint: str) -> None:
    verdict = judged(once, serve_one=serve_one, pay_all=pay_all)

    assert not verdict.passed
    assert hint in verdict.hint


def test_lines_are_cut_before_and_after_the_server_has_heard() -> None:
    heard: list[Any] = []
    world = CutWorld(lambda shop, message: heard.append(message) or {"id": 1})
    sent = answered = 0
    while world.cuts < CUTS:
        line = world.dial()
        try:
            while True:
                sent += 1
                line.send({})
                line.recv()
                answered += 1
        except ConnectionError:
            with pytest.raises(ConnectionError):
                line.send({})

    assert answered < len(heard) < sent


MINE = {"socket_open": 5.0, "socket_call": 1.0, "http_open": 1.0, "http_call": 3.0}


def crossover(cost: dict[str, float]) -> int | None:
    for number in range(1, 10_000):
        socket = cost["socket_open"] + number * cost["socket_call"]
        if socket < cost["http_open"] + number * cost["http_call"]:
            return number
    return None


def mistaken(cost: dict[str, float]) -> int:
    return int(cost["no such key"])


def test_a_rule_for_numbers_that_raises_is_shown_its_own_line() -> None:
    verdict = judged(numbers, crossover=mistaken, mine=MINE)

    assert verdict.seen.startswith("mistaken({'http_call': 2,")
    assert "KeyError" in verdict.seen
    assert 'return int(cost["no such key"])' in verdict.hint


def test_a_rule_for_numbers_passes_and_is_asked_about_ones_own() -> None:
    assert "from call 3 on" in judged(numbers, crossover=crossover, mine=MINE).seen
    never = {**MINE, "socket_call": 9.0}
    assert "never pays" in judged(numbers, crossover=crossover, mine=never).seen


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda cost: 6.0, "whole number"),
        (lambda cost: 5, "both take the same time"),
        (lambda cost: 0, "At least one"),
        (lambda cost: None, "cheaper over the socket"),
        (lambda cost: crossover(cost) or 7, "cheaper over the socket"),
        (lambda cost: 17, "have to be opened"),
    ],
)
def test_a_rule_that_is_wrong_is_told_why(answer: Any, hint: str) -> None:
    verdict = judged(numbers, crossover=answer, mine=MINE)

    assert not verdict.passed
    assert hint in verdict.hint
