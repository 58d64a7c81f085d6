"""Texts that a client may send where one JSON-RPC message is expected, and what is due.

The same texts go over every transport: as a line, as a frame, as a body.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

PARSE, REQUEST, METHOD, PARAMS = -32700, -32600, -32601, -32602

ID: Final = 7
"""The id that most of them carry."""


@dataclass(frozen=True)
class Due:
    """What must come back.

    Attributes:
        kind: ``error`` with ``code`` and ``id``; ``answer``, a result or any error with ``id``;
            ``silence``; ``either``, an error or an answer with any id.
        code: the error's code.
        id: the id of the answer.
    """

    kind: str
    code: int = 0
    id: Any = None


SILENCE: Final = Due("silence")
EITHER: Final = Due("either")


def error(code: int, id: Any = None) -> Due:
    return Due("error", code, id)


def answer(id: Any = ID) -> Due:
    return Due("answer", 0, id)


@dataclass(frozen=True)
class Case:
    """One text and what is due for it."""

    name: str
    raw: bytes
    due: Due

    def __str__(self) -> str:
        return self.name


def case(name: str, raw: bytes | str, due: Due) -> Case:
    return Case(name, raw.encode() if isinstance(raw, str) else raw, due)


def request(method: Any, params: Any = None, *, id: Any = ID, **more: Any) -> str:
    body = {"jsonrpc": "2.0", "id": id, "method": method, **more}
    if params is not None:
        body["params"] = params
    return json.dumps(body, ensure_ascii=False)


def notice(method: str, params: Any = None) -> str:
    body = {"jsonrpc": "2.0", "method": method}
    return json.dumps(body if params is None else {**body, "params": params})


def raw_id(text: str) -> str:
    return f'{{"jsonrpc":"2.0","id":{text},"method":"ping"}}'


def raw_param(text: str) -> str:
    return f'{{"jsonrpc":"2.0","id":{ID},"method":"ping","params":{{"x":{text}}}}}'


NOT_JSON = [
    case(name, raw, error(PARSE))
    for name, raw in {
        "a word": "hello",
        "an open brace": "{",
        "a closing brace": "}",
        "half a message": '{"jsonrpc":"2.0","id":1,"method":"pi',
        "the other half": 'ng","params":{}}',
        "single quotes": "{'jsonrpc':'2.0','id':1,'method':'ping'}",
        "a comma too many": '{"jsonrpc":"2.0","id":1,"method":"ping",}',
        "no commas": '{"jsonrpc":"2.0" "id":1 "method":"ping"}',
        "a comment": '{"jsonrpc":"2.0",/* x */"id":1,"method":"ping"}',
        "names without quotes": '{jsonrpc:"2.0",id:1,method:"ping"}',
        "two objects": raw_id("1") + raw_id("2"),
        "words behind it": raw_id("1") + " and more",
        "a bracket too many": raw_id("1") + "}",
        "Python": "{'id': None, 'x': True}",
        "XML": "<methodCall><methodName>ping</methodName></methodCall>",
        "YAML": "jsonrpc: '2.0'",
        "a SQL statement": "'; DROP TABLE tools; --",
        "an HTTP request": "GET / HTTP/1.1",
        "an SSE field": "data: {}",
        "a leading zero": raw_param("01"),
        "a plus sign": raw_param("+1"),
        "a bare dot": raw_param("."),
        "hexadecimal": raw_param("0x10"),
        "undefined": raw_param("undefined"),
        "an unknown escape": raw_param(r'"\x41"'),
        "half an escape": raw_param(r'"\u12"'),
        "a text without end": raw_param('"abc'),
        "a raw tab in a text": raw_param('"a\tb"'),
        "a raw control character": raw_param('"a\x01b"'),
        "a NUL byte": b'{"jsonrpc":"2.0",\x00"id":1,"method":"ping"}',
        "NUL bytes alone": b"\x00\x00\x00",
        "a byte order mark": b"\xef\xbb\xbf" + raw_id("1").encode(),
        "UTF-16": raw_id("1").encode("utf-16-le"),
        "Latin-1": raw_param('"é"').encode("latin-1"),
        "a byte that is never UTF-8": b'{"jsonrpc":"2.0","id":1,"method":"\xff"}',
        "half a character": b'{"jsonrpc":"2.0","id":1,"method":"\xe6\xbc"}',
        "an overlong slash": b'{"jsonrpc":"2.0","id":1,"method":"\xc0\xaf"}',
        "a surrogate as bytes": b'{"jsonrpc":"2.0","id":1,"method":"\xed\xa0\x80"}',
        "beyond Unicode": b'{"jsonrpc":"2.0","id":1,"method":"\xf4\x90\x80\x80"}',
        "random bytes": bytes(range(1, 9)) + bytes(range(14, 256)),
        "gzip": bytes.fromhex("1f8b0800000000000003") + b"abc",
        "a WebSocket frame": b"\x81\x84abcd....",
        "TLS": b"\x16\x03\x01\x02\x00\x01",
        "a million opening brackets": b"[" * 1_000_000,
        "a hundred thousand opening objects": b'{"a":' * 100_000,
        "20 MB of nothing": b"x" * 20_000_000,
    }.items()
]

NO_MESSAGE = [
    case(name, raw, error(REQUEST, id))
    for name, raw, id in (
        ("a number", "1", None),
        ("a text", '"ping"', None),
        ("true", "true", None),
        ("null", "null", None),
        ("an empty object", "{}", None),
        ("an empty batch", "[]", None),
        ("a batch of one number", "[1]", None),
        ("a batch of one request", f"[{raw_id('1')}]", None),
        ("a batch of two requests", f"[{raw_id('1')},{raw_id('2')}]", None),
        ("a batch of a notice", f"[{notice('notifications/initialized')}]", None),
        ("a batch in a batch", f"[[{raw_id('1')}]]", None),
        ("a batch of 10,000", f"[{','.join([raw_id('1')] * 10_000)}]", None),
        ("an array, nested a hundred deep", "[" * 100 + "]" * 100, None),
        ("only an id", '{"jsonrpc":"2.0","id":7}', 7),
        ("only a version", '{"jsonrpc":"2.0"}', None),
        ("no version", '{"id":7,"method":"ping"}', 7),
        ("version 1.0", '{"jsonrpc":"1.0","id":7,"method":"ping"}', 7),
        ("version 2", '{"jsonrpc":"2","id":7,"method":"ping"}', 7),
        ("a number as version", '{"jsonrpc":2.0,"id":7,"method":"ping"}', 7),
        ("null as version", '{"jsonrpc":null,"id":7,"method":"ping"}', 7),
        ("an array as version", '{"jsonrpc":["2.0"],"id":7,"method":"ping"}', 7),
        ("a number as method", request(3), 7),
        ("null as method", '{"jsonrpc":"2.0","id":7,"method":null}', 7),
        ("an object as method", request({"name": "ping"}), 7),
        ("an array as method", request(["ping"]), 7),
        ("a text as parameters", request("ping", "x"), 7),
        ("a number as parameters", request("ping", 5), 7),
        ("true as parameters", request("ping", True), 7),
        ("METHOD instead of method", '{"jsonrpc":"2.0","id":7,"METHOD":"ping"}', 7),
    )
]

ODD_IDS = [
    case("null as id", raw_id("null"), error(REQUEST)),
    case("true as id", raw_id("true"), error(REQUEST)),
    case("a fraction as id", raw_id("1.5"), error(REQUEST)),
    case("an array as id", raw_id("[1]"), error(REQUEST)),
    case("an object as id", raw_id('{"a":1}'), error(REQUEST)),
    case("zero as id", raw_id("0"), answer(0)),
    case("a negative id", raw_id("-1"), answer(-1)),
    case("an empty id", raw_id('""'), answer("")),
    case("a number in a text as id", raw_id('"7"'), answer("7")),
    case("an id beyond ASCII", raw_id('"é漢😀"'), answer("é漢😀")),
    case("a NUL in an id", raw_id(r'"\u0000"'), answer("\0")),
    case(
        "markup as id", raw_id('"<script>alert(1)</script>"'), answer("<script>alert(1)</script>")
    ),
    case("an id of 100,000 characters", raw_id(f'"{"x" * 100_000}"'), answer("x" * 100_000)),
    case("an id beyond 53 bits", raw_id(str(2**53 + 1)), answer(2**53 + 1)),
    case("an id beyond 64 bits", raw_id(str(2**64 + 1)), EITHER),
    case("an id of 5,000 digits", raw_id("9" * 5000), EITHER),
    case("an id in powers", raw_id("1e3"), EITHER),
    case("half a character as id", raw_id(r'"\ud800"'), error(PARSE)),
]

PINGED: Final = '{"jsonrpc":"2.0","id":7,"method":"ping"'

STRICT = [
    *(
        case(f"{value} as a parameter", raw_param(value), error(PARSE))
        for value in ("NaN", "Infinity", "-Infinity", "[1.0,NaN]", '{"x":{"y":-Infinity}}')
    ),
    case("NaN as id", raw_id("NaN"), error(PARSE)),
    case("NaN in a notice", '{"jsonrpc":"2.0","method":"x","params":{"y":NaN}}', error(PARSE)),
    case("a number out of range", raw_param("1e999"), error(PARSE)),
    case("half a character in an escape", raw_param(r'"\udc00"'), error(PARSE, ID)),
    case("a method twice", PINGED + ',"method":"ping"}', error(REQUEST, ID)),
    case("two methods", PINGED + ',"method":"tools/list"}', error(REQUEST, ID)),
    case("two methods, one in an escape", PINGED + r',"m\u0065thod":"x"}', error(REQUEST, ID)),
    case("an id twice", PINGED + ',"id":7}', error(REQUEST)),
    case("two ids", PINGED + ',"id":8}', error(REQUEST)),
    case("two versions", PINGED + ',"jsonrpc":"1.0"}', error(REQUEST, ID)),
    case("parameters twice", PINGED + ',"params":{},"params":{}}', error(REQUEST, ID)),
    case("a member of nobody twice", PINGED + ',"x":1,"x":2}', error(REQUEST, ID)),
    case("an empty name twice", PINGED + ',"":1,"":2}', error(REQUEST, ID)),
    case(
        "an argument twice",
        '{"jsonrpc":"2.0","id":7,"method":"tools/call",'
        '"params":{"name":"add","arguments":{"a":1,"a":2}}}',
        error(REQUEST, ID),
    ),
    case("a member twice, deep down", raw_param('[[{"a":1,"a":1}]]'), error(REQUEST, ID)),
]
"""RFC 8259 has neither NaN nor infinities, and of names that are there twice it says that what
becomes of them is unpredictable. The SDK takes all of these."""

ODD_VALUES = [
    case("a member twice in a notice", '{"jsonrpc":"2.0","method":"x","method":"x"}', SILENCE),
    case("NaN as text", raw_param('"NaN"'), answer()),
    case("one name in two objects", raw_param('{"a":1},"y":{"a":1}'), answer()),
    case("5,000 digits", raw_param("9" * 5000), EITHER),
    case("members of nobody", request("ping", id=ID, x=1, y=[2]), answer()),
    case("__proto__", request("ping", {"__proto__": {"a": 1}}), EITHER),
    case("much white space", " " * 10_000 + raw_id("7") + " " * 10_000, answer()),
    case("parameters nested 100 deep", raw_param("[" * 100 + "]" * 100), answer()),
    case("parameters nested 5,000 deep", raw_param("[" * 5000 + "]" * 5000), EITHER),
    case("100,000 members", raw_param(json.dumps({str(n): n for n in range(100_000)})), answer()),
    case("20 MB of text", raw_param(f'"{"x" * 20_000_000}"'), answer()),
    case("an array of parameters", request("ping", [1]), EITHER),
    case("null as parameters", '{"jsonrpc":"2.0","id":7,"method":"ping","params":null}', EITHER),
    case("line ends in a text", raw_param(r'"a\nb\r\nc\u2028d"'), answer()),
]

ODD_METHODS = [
    *(
        case(f"the method {name}", request(method), error(METHOD, ID))
        for name, method in {
            "that nobody has": "no/such",
            "without a name": "",
            "of one space": " ",
            "of a path": "../../etc/passwd",
            "with a line end": "ping\n",
            "in capitals": "PING",
            "of Python": "__class__",
            "of 100,000 characters": "x" * 100_000,
            "of a reserved name": "rpc.discover",
            "of a notice": "notifications/nothing",
        }.items()
    ),
]

ODD_PARAMETERS = [
    *(
        case(f"{method} with {json.dumps(params)[:90]}", request(method, params), answer())
        for method, params in (
            ("tools/call", None),
            ("tools/call", {}),
            ("tools/call", {"name": 5}),
            ("tools/call", {"name": None, "arguments": {}}),
            ("tools/call", {"name": "no_such_tool"}),
            ("tools/call", {"name": "", "arguments": {}}),
            ("tools/call", {"name": "add", "arguments": []}),
            ("tools/call", {"name": "add", "arguments": "a=1"}),
            ("tools/call", {"name": "add", "arguments": {"a": "x"}}),
            ("tools/call", {"name": "add", "arguments": {"a": None}}),
            ("tools/call", {"name": "add", "arguments": {"a": 10**40}}),
            ("tools/call", {"name": "add", "arguments": {}}),
            ("tools/call", {"name": "add", "arguments": {"a": 1, "z": 2}}),
            ("tools/call", {"name": "add", "arguments": {"a": 1}, "_meta": 5}),
            ("tools/call", {"name": "add", "arguments": {"a": 1}, "_meta": {"progressToken": {}}}),
            ("tools/call", {"name": "add", "arguments": {"a": 1}, "_meta": {"progressToken": 1.5}}),
            ("tools/list", {"cursor": 5}),
            ("tools/list", {"cursor": "nowhere"}),
            ("resources/read", None),
            ("resources/read", {"uri": 5}),
            ("resources/read", {"uri": ""}),
            ("resources/read", {"uri": "no uri at all"}),
            ("resources/read", {"uri": "file:///etc/passwd"}),
            ("resources/read", {"uri": "x" * 100_000}),
            ("resources/subscribe", {"uri": []}),
            ("prompts/get", {"name": "no_such"}),
            ("prompts/get", {"name": [], "arguments": 5}),
            ("completion/complete", {"ref": "x"}),
            ("completion/complete", {"ref": {"type": "ref/nothing"}, "argument": {}}),
            ("logging/setLevel", {"level": "shout"}),
            ("initialize", None),
            ("initialize", {}),
            ("initialize", {"protocolVersion": 5, "capabilities": {}, "clientInfo": {}}),
            ("server/discover", {"x": 1}),
            ("subscriptions/listen", {"notifications": 5}),
        )
    ),
]

UNANSWERED = [
    *(
        case(name, raw, SILENCE)
        for name, raw in {
            "a notice nobody knows": notice("notifications/of/nobody"),
            "a notice without a name": notice(""),
            "a notice with junk": notice("notifications/cancelled", {"requestId": {"a": 1}}),
            "a cancellation of nothing": notice("notifications/cancelled", {"requestId": 4711}),
            "a cancellation without id": notice("notifications/cancelled", {}),
            "progress of nothing": notice(
                "notifications/progress", {"progressToken": "x", "progress": 1}
            ),
            "progress of junk": notice("notifications/progress", {"progress": "much"}),
            "initialized twice": notice("notifications/initialized"),
            "a request as a notice": notice("tools/call", {"name": "add", "arguments": {"a": 1}}),
            "a text as parameters of a notice": '{"jsonrpc":"2.0","method":"x","params":"y"}',
            "a result nobody waits for": '{"jsonrpc":"2.0","id":99,"result":{}}',
            "a result of an odd id": '{"jsonrpc":"2.0","id":"é","result":{}}',
            "a result without an id": '{"jsonrpc":"2.0","result":{}}',
            "a result of id null": '{"jsonrpc":"2.0","id":null,"result":{}}',
            "a result that is a number": '{"jsonrpc":"2.0","id":99,"result":5}',
            "a result and an error": '{"jsonrpc":"2.0","id":9,"result":{},"error":{}}',
            "an error nobody waits for": (
                '{"jsonrpc":"2.0","id":99,"error":{"code":-1,"message":"x"}}'
            ),
            "an error without an id": '{"jsonrpc":"2.0","error":{"code":-1,"message":"x"}}',
            "an error that is a text": '{"jsonrpc":"2.0","id":9,"error":"no"}',
            "an error without a code": '{"jsonrpc":"2.0","id":9,"error":{"message":"x"}}',
            "a code that is a text": (
                '{"jsonrpc":"2.0","id":9,"error":{"code":"x","message":"x"}}'
            ),
        }.items()
    ),
    case("a request and a result", request("ping", result={}), EITHER),
]

MESSAGES: Final = [
    *NOT_JSON,
    *NO_MESSAGE,
    *ODD_IDS,
    *STRICT,
    *ODD_VALUES,
    *ODD_METHODS,
    *ODD_PARAMETERS,
    *UNANSWERED,
]
"""All of them."""
