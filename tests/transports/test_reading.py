"""The quick way to read a client's message gives what the strict one gives, or stands back."""

from __future__ import annotations

import pytest

from mcp_notebook.transports.reading import quickly, read_message
from mcp_notebook.wire import jsonrpc
from tests.badinput.messages import MESSAGES, Case

CALL = b'{"id":1,"jsonrpc":"2.0","method":"call","params":{"name":"x","arguments":{"y":[{}]}}}'


def outcome(read: object, raw: bytes) -> object:
    try:
        return read(raw)  # type: ignore[operator]
    except jsonrpc.MessageError as problem:
        return problem.code, problem.text, problem.id, problem.answerable


@pytest.mark.parametrize("case", MESSAGES, ids=str)
def test_both_ways_read_the_same(case: Case) -> None:
    quick = outcome(quickly, case.raw)
    if case.name == "an id of 5,000 digits" or case.name == "5,000 digits":
        return  # Python reads no more than 4,300
    assert quick is None or quick == outcome(jsonrpc.parse, case.raw)


@pytest.mark.parametrize("spaces", [(b"", b""), (b":", b": "), (b",", b", ")])
def test_an_ordinary_message_is_read_quickly(spaces: tuple[bytes, bytes]) -> None:
    raw = CALL.replace(*spaces) if spaces[0] else CALL
    assert quickly(raw) == jsonrpc.parse(raw)


@pytest.mark.parametrize(
    "raw",
    [
        CALL.replace(b'"name":"x"', b'"name":"x","name":"y"'),
        CALL.replace(b'"name":"x"', b'"name" :"x","name":"y"'),
        CALL.replace(b'"name":"x"', b'"name"\t:"x","name"\n:"y"'),
        CALL.replace(b'"name":"x"', b'"name":"x","n\\u0061me":"y"'),
        CALL.replace(b"[{}]", b'[{"a":1,"a":1}]'),
        CALL.replace(b"[{}]", b"[[1e999]]"),
        CALL.replace(b"[{}]", b"NaN"),
        CALL.replace(b'"name":"x"', b'"name":"' + b"x" * (1 << 17) + b'"'),
    ],
)
def test_what_may_be_read_otherwise_is_left_to_the_strict_way(raw: bytes) -> None:
    assert quickly(raw) is None


def test_parameters_in_an_array_are_refused_with_the_id() -> None:
    with pytest.raises(jsonrpc.MessageError) as caught:
        read_message(b'{"jsonrpc":"2.0","id":1,"method":"x","params":[1]}')
    assert (caught.value.code, caught.value.id, caught.value.answerable) == (-32600, 1, True)
    with pytest.raises(jsonrpc.MessageError) as caught:
        read_message(b'{"jsonrpc":"2.0","method":"x","params":[1]}')
    assert not caught.value.answerable
