import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_notebook.wire.jsonrpc import (
    INVALID_REQUEST,
    PARSE_ERROR,
    MessageError,
    MessageKind,
    classify,
    encode,
    error_line,
    parse,
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def refusal(raw: bytes | str) -> MessageError:
    with pytest.raises(MessageError) as caught:
        parse(raw)
    return caught.value


def test_a_request_has_an_id_and_a_method() -> None:
    envelope = parse(b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"add"}}')
    assert (envelope.kind, envelope.id, envelope.method) == (MessageKind.REQUEST, 7, "tools/call")
    assert envelope.params == {"name": "add"}


def test_a_method_without_an_id_is_a_notification() -> None:
    envelope = parse(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
    assert (envelope.kind, envelope.id) == (MessageKind.NOTIFICATION, None)


def test_a_result_is_a_response_even_if_it_is_null() -> None:
    envelope = parse(b'{"jsonrpc":"2.0","id":"a","result":null}')
    assert (envelope.kind, envelope.id, envelope.method) == (MessageKind.RESPONSE, "a", None)


@pytest.mark.parametrize("id", ['"id":3,', '"id":null,', ""])
def test_an_error_may_lack_the_id_of_a_request_that_could_not_be_read(id: str) -> None:
    envelope = parse('{"jsonrpc":"2.0",' + id + '"error":{"code":-32700,"message":"no"}}')
    assert envelope.kind is MessageKind.ERROR
    assert envelope.id == (3 if "3" in id else None)
    assert envelope.error["code"] == -32700


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" \t\n",
        b"not json",
        b'{"jsonrpc":"2.0"',
        b'{"jsonrpc":"2.0","method":"a"} trailing',
        b"\xff\xfe",
        b'{"jsonrpc":"2.0","method":"\xc3("}',
        b'\xef\xbb\xbf{"jsonrpc":"2.0","method":"a"}',
        '{"jsonrpc":"2.0","method":"a"}'.encode("utf-16"),
        b'{"jsonrpc":"2.0","id":1,"result":NaN}',
        b'{"jsonrpc":"2.0","id":1,"result":-Infinity}',
        b'{"jsonrpc":"2.0","id":1,"result":1e999}',
        b'{"jsonrpc":"2.0","id":1,"result":' + b"9" * 5000 + b"}",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"jsonrpc":"2.0","method":"a\x00b"}',
    ],
)
def test_what_is_not_json_is_a_parse_error_without_an_id(raw: bytes) -> None:
    error = refusal(raw)
    assert (error.code, error.id, error.answerable) == (PARSE_ERROR, None, True)
    assert error.text.startswith("Parse error")


@pytest.mark.parametrize(
    ("raw", "id"),
    [
        (rb'{"jsonrpc":"2.0","id":5,"method":"\ud800"}', 5),
        (rb'{"jsonrpc":"2.0","id":"\uDFFF","method":"a"}', None),
        (rb'{"jsonrpc":"2.0","id":6,"method":"a","params":{"\udc00":1}}', 6),
    ],
)
def test_half_a_character_is_a_parse_error(raw: bytes, id: int | None) -> None:
    error = refusal(raw)
    assert (error.code, error.id) == (PARSE_ERROR, id)


def test_half_a_character_in_a_text_frame_is_a_parse_error() -> None:
    assert refusal('{"jsonrpc":"2.0","method":"\ud800"}').code == PARSE_ERROR


@pytest.mark.parametrize("method", [r"\ud83d\ude00", r"\\ud800", r"\u00e9"])
def test_whole_characters_in_escapes_are_read(method: str) -> None:
    raw = '{"jsonrpc":"2.0","method":"' + method + '"}'
    assert parse(raw).method == json.loads(raw)["method"]


@pytest.mark.parametrize(
    ("raw", "id", "answerable"),
    [
        ("[]", None, True),
        ('[{"jsonrpc":"2.0","id":1,"method":"a"}]', None, True),
        ("1", None, True),
        ('"text"', None, True),
        ("null", None, True),
        ("{}", None, True),
        ('{"jsonrpc":"2.0"}', None, True),
        ('{"jsonrpc":"2.0","id":4}', 4, True),
        ('{"id":4,"method":"a"}', 4, True),
        ('{"jsonrpc":"1.0","id":4,"method":"a"}', 4, True),
        ('{"jsonrpc":2.0,"id":4,"method":"a"}', 4, True),
        ('{"jsonrpc":"2.0","id":4,"method":1}', 4, True),
        ('{"jsonrpc":"2.0","method":1,"params":"bar"}', None, True),
        ('{"jsonrpc":"2.0","id":null,"method":"a"}', None, True),
        ('{"jsonrpc":"2.0","id":1.5,"method":"a"}', None, True),
        ('{"jsonrpc":"2.0","id":1.0,"method":"a"}', None, True),
        ('{"jsonrpc":"2.0","id":true,"method":"a"}', None, True),
        ('{"jsonrpc":"2.0","id":{},"method":"a"}', None, True),
        ('{"jsonrpc":"2.0","id":[1],"method":"a"}', None, True),
        ('{"jsonrpc":"2.0","id":4,"method":"a","params":1}', 4, True),
        ('{"jsonrpc":"2.0","id":4,"method":"a","params":null}', 4, True),
        ('{"jsonrpc":"2.0","id":4,"method":"a","result":1}', 4, True),
        ('{"jsonrpc":"2.0","id":4,"id":5,"method":"a"}', None, True),
        ('{"jsonrpc":"2.0","id":4,"method":"a","method":"b"}', 4, True),
        ('{"jsonrpc":"2.0","id":4,"method":"a","params":{"x":1,"x":2}}', 4, True),
        # nobody waits for an answer to these
        ('{"jsonrpc":"2.0","method":"a","params":1}', None, False),
        ('{"jsonrpc":"2.0","id":4,"result":1,"error":{}}', 4, False),
        ('{"jsonrpc":"2.0","result":1}', None, False),
        ('{"jsonrpc":"2.0","id":null,"result":1}', None, False),
        ('{"jsonrpc":"2.0","id":true,"error":{"code":1,"message":"m"}}', None, False),
        ('{"jsonrpc":"2.0","id":4,"error":"no"}', 4, False),
        ('{"jsonrpc":"2.0","id":4,"error":{"code":"1","message":"m"}}', 4, False),
        ('{"jsonrpc":"2.0","id":4,"error":{"code":true,"message":"m"}}', 4, False),
        ('{"jsonrpc":"2.0","id":4,"error":{"code":1}}', 4, False),
        ('{"jsonrpc":"2.0","id":4,"result":1,"result":2}', 4, False),
    ],
)
def test_json_that_is_no_message_is_an_invalid_request(
    raw: str, id: int | None, answerable: bool
) -> None:
    error = refusal(raw)
    assert (error.code, error.id, error.answerable) == (INVALID_REQUEST, id, answerable)
    assert error.text.startswith("Invalid Request")


def test_many_repeated_members_are_refused_in_linear_time() -> None:
    many = ",".join(f'"k{n}":1' for n in range(100_000))
    params = "{" + many + "," + many + "}"
    error = refusal('{"jsonrpc":"2.0","id":1,"method":"a","params":' + params + "}")
    assert (error.code, error.id) == (INVALID_REQUEST, 1)


def test_an_error_is_answered_in_one_line() -> None:
    error = refusal('{"jsonrpc":"2.0","id":4,"method":1}')
    assert json.loads(error.line()) == {
        "jsonrpc": "2.0",
        "id": 4,
        "error": {"code": -32600, "message": error.text},
    }
    assert error_line(-32700, "a\nb\u2028", None, data=[1]) == (
        b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"a\\nb\xe2\x80\xa8",'
        b'"data":[1]}}\n'
    )


def test_messages_are_written_compact_and_in_utf8() -> None:
    assert encode({"a": [1, "é\n"]}) == b'{"a":[1,"\xc3\xa9\\n"]}'


def nested(depth: int) -> list[object]:
    top: list[object] = []
    inner = top
    for _ in range(depth):
        inner.append([])
        inner = inner[0]  # type: ignore[assignment]
    return top


@pytest.mark.parametrize("obj", [float("nan"), float("inf"), "\ud800", nested(100_000)])
def test_what_json_cannot_say_is_a_value_error(obj: object) -> None:
    with pytest.raises(ValueError, match=r"JSON|surrogates"):
        encode({"a": obj})


@given(st.binary() | st.text() | JSON.map(encode))
def test_whatever_the_bytes_only_the_typed_error_is_raised(raw: bytes | str) -> None:
    with contextlib.suppress(MessageError):
        parse(raw)


@given(
    st.dictionaries(
        st.sampled_from(["jsonrpc", "id", "method", "params", "result", "error"]),
        JSON | st.just("2.0"),
    )
)
def test_what_is_read_can_be_written_and_is_the_same(obj: dict[str, object]) -> None:
    try:
        envelope = parse(encode(obj))
    except MessageError:
        with pytest.raises(MessageError):
            classify(obj)
    else:
        assert envelope == classify(obj)
        assert encode(envelope.obj) == encode(obj)
