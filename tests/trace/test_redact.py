from __future__ import annotations

import base64
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_notebook.trace.events import (
    Chunk,
    Event,
    Fault,
    LinkClosed,
    LinkOpened,
    Message,
    StderrLine,
)
from mcp_notebook.trace.redact import redact
from mcp_notebook.trace.store import Trace

from .recording import C2S, S2C, Recording
from .wiretap import (
    HANDSHAKE,
    SWITCHED,
    chunked,
    cut,
    leaks,
    readable,
    request,
    strings,
    ws_frames,
)

SECRET = "Tr0ub4dor&3/x+y"


def one(raw: bytes | str | dict, *known: str) -> str:
    """A message after redaction."""
    recording = Recording()
    if isinstance(raw, dict):
        raw = json.dumps(raw)
    recording.say(C2S, raw if isinstance(raw, bytes) else raw.encode())
    (event,) = redact(recording.trace.events(), known)
    assert isinstance(event, Message)
    assert len(event.raw) == event.size
    return event.raw.decode()


def stream(data: bytes, *known: str, transport: str = "http", points: Any = ()) -> bytes:
    """The bytes a client sent, after redaction."""
    recording = Recording(transport=transport)
    for piece in cut(data, points):
        recording.chunk(C2S, piece)
    out = b"".join(e.data for e in redact(recording.trace.events(), known) if isinstance(e, Chunk))
    assert len(out) == len(data)
    return out


# ---- places ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Authorization: Bearer abc", "Authorization: Bearer ***"),
        ("authorization:Basic  YTpi", "authorization:Basic  ****"),
        ("Authorization: abc def", "Authorization: *******"),
        (
            "Authorization: AWS4-HMAC-SHA256 Cred=a, Sig=b",
            "Authorization: AWS4-HMAC-SHA256 *************",
        ),
        ("Proxy-Authorization: Digest a=b", "Proxy-Authorization: Digest ***"),
        ("Cookie: a=1; b=2", "Cookie: ********"),
        ("Set-Cookie: a=1; Path=/", "Set-Cookie: ***********"),
        ("X-API-Key: k", "X-API-Key: *"),
        ("x-goog-api-key: k2", "x-goog-api-key: **"),
        ("Ocp-Apim-Subscription-Key: k3", "Ocp-Apim-Subscription-Key: **"),
        ("X-Auth-Token: t", "X-Auth-Token: *"),
        ("X-Amz-Security-Token: t", "X-Amz-Security-Token: *"),
        ("X-Folded-Token: a\r\n  b", "X-Folded-Token: ******"),
        ("Accept: text/event-stream", "Accept: text/event-stream"),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZQ==", "Sec-WebSocket-Key: dGhlIHNhbXBsZQ=="),
        (
            "Sec-WebSocket-Protocol: mcp, bearer.abc123",
            "Sec-WebSocket-Protocol: mcp, bearer.******",
        ),
        ("Mcp-Method: tools/call", "Mcp-Method: tools/call"),
        ("Referer: http://h/?token=abc", "Referer: http://h/?token=***"),
    ],
)
def test_headers(line: str, expected: str) -> None:
    got = stream(request(b"", line)).decode()
    assert got == request(b"", expected).decode()


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/mcp?token=abc&x=1", "/mcp?token=***&x=1"),
        ("/mcp?x=1&API_KEY=abc", "/mcp?x=1&API_KEY=***"),
        ("/mcp?x=1;sig=a%2Fb", "/mcp?x=1;sig=*****"),
        ("/cb?code=abc&state=s", "/cb?code=***&state=s"),
        ("/mcp?to%6ben=abc", "/mcp?to%6ben=***"),
        ("/mcp?next=/a?token=abc", "/mcp?next=/a?token=***"),
        ("/mcp?token=a?token=b", "/mcp?token=*********"),
        ("/mcp?page=7", "/mcp?page=7"),
    ],
)
def test_targets(target: str, expected: str) -> None:
    assert stream(request(b"", target=target)) == request(b"", target=expected)


def test_a_form_in_a_body_is_masked_from_its_first_field_on() -> None:
    form = b"client_secret=abc&grant_type=x&code=def"
    want = b"client_secret=***&grant_type=x&code=***"
    assert stream(request(form)) == request(want)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://alice:pw@host/x", "https://********@host/x"),
        ("https://tok3n@host/x", "https://*****@host/x"),
        ("https://host/a@b", "https://host/a@b"),
        ("ws://h/#access_token=abc", "ws://h/#access_token=***"),
        (r"http://h/?a=1\u0026token=abc", r"http://h/?a=1\u0026token=***"),
    ],
)
def test_urls_in_messages(text: str, expected: str) -> None:
    assert one(f'{{"u":"{text}"}}') == f'{{"u":"{expected}"}}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"password":"abc"}', '{"password":"***"}'),
        ('{"Api_Key" : "abc"}', '{"Api_Key" : "***"}'),
        ('{"apikey":"a","x-api-key":"b"}', '{"apikey":"*","x-api-key":"*"}'),
        ('{"accessToken":"a","refresh_token":"b"}', '{"accessToken":"*","refresh_token":"*"}'),
        ('{"client_secret":"a","secret":"b"}', '{"client_secret":"*","secret":"*"}'),
        ('{"authorization":"Bearer x"}', '{"authorization":"********"}'),
        ('{"requestState":"abc"}', '{"requestState":"***"}'),
        (r'{"password":"a\"b\\"}', r'{"password":"******"}'),
        (r'{"pass\u0077ord":"abc"}', r'{"pass\u0077ord":"***"}'),
        ('{"password":"äö"}', '{"password":"****"}'),
        ('{"password":12345}', '{"password":99999}'),
        ('{"password":-1.5e3}', '{"password":999999}'),
        ('{"secret":["a",["b"],"c"],"d":"e"}', '{"secret":["*",["*"],"*"],"d":"e"}'),
        ('{"password":null}', '{"password":null}'),
        ('{"password":{"type":"string"}}', '{"password":{"type":"string"}}'),
        ('{"progressToken":"abc"}', '{"progressToken":"abc"}'),
        (
            r'{"text":"{\"password\": \"abc\", \"x\": 1}"}',
            r'{"text":"{\"password\": \"***\", \"x\": 1}"}',
        ),
        (r'{"text":"{\"password\": \"a\\\"b\"}"}', r'{"text":"{\"password\": \"******\"}"}'),
        (r'{"text":"{\"password\": \"ab"}', r'{"text":"{\"password\": \"**"}'),
        (r'{"text":"{\"password\": 12}"}', r'{"text":"{\"password\": 99}"}'),
        ("""{"text":"{'password': 'abc'}"}""", """{"text":"{'password': '***'}"}"""),
        ('{"password":"abc', '{"password":"***'),
        ('{"secret":["abc', '{"secret":["***'),
    ],
)
def test_json_members(text: str, expected: str) -> None:
    assert one(text) == expected


def test_a_masked_message_is_still_the_message() -> None:
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "login", "arguments": {"password": SECRET, "pin": 1, "api_key": 123}},
    }
    got = json.loads(one(call))
    assert got["params"]["arguments"] == {"password": "*" * len(SECRET), "pin": 1, "api_key": 999}
    got["params"]["arguments"] = call["params"]["arguments"]
    assert got == call


@pytest.mark.parametrize(
    "token",
    [
        "sk-proj-abcdefgh1234",
        "ghp_abcdefghijklmnop1234",
        "github_pat_11ABCDEFG0abcdefghijkl",
        "xoxb-1234-abcdefgh",
        "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl",
        "hf_abcdefghijklmnopqrstuvwx",
    ],
)
def test_shapes_of_tokens(token: str) -> None:
    assert (
        one(f'{{"text":"use {token}, please"}}') == f'{{"text":"use {"*" * len(token)}, please"}}'
    )


@pytest.mark.parametrize(
    "text",
    [
        "risk-management and task-scheduling",
        "Bearer authentication is used",
        'Bearer realm="mcp", resource_metadata="http://h/1"',
        "Basic authentication",
        "sorted(a, key=len)",
        "the word token: nothing",
        "eyJ.no",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    raw = json.dumps({"text": text})
    assert one(raw) == raw


def test_a_private_key_is_masked_to_its_end() -> None:
    got = one({"k": "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----"})
    assert "abc" not in got
    assert "-----END RSA" in got


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("serve --token abc --port 1", "serve --token *** --port 1"),
        ("serve --api-key=abc", "serve --api-key=***"),
        ("GITHUB_TOKEN=abc npx server", "GITHUB_TOKEN=*** npx server"),
        ("Authorization: Bearer abc", "Authorization: Bearer ***"),
        ("h={'authorization': 'Bearer abc'}", "h={'authorization': '**********'}"),
        ("curl -H 'X-Api-Key: abc' http://u:p@h", "curl -H 'X-Api-Key: ***' http://***@h"),
        ("with max_tokens=100", "with max_tokens=100"),
    ],
)
def test_lines_for_people(text: str, expected: str) -> None:
    recording = Recording()
    trace, labels = recording.trace, recording.labels
    trace.record(StderrLine, text=text, **labels)
    trace.record(Fault, text=text, **labels)
    trace.record(LinkOpened, address=text, **labels)
    trace.record(LinkClosed, reason=text, **labels)
    got = trace.redacted().events()
    assert [got[0].text, got[1].text, got[2].address, got[3].reason] == [expected] * 4


# ---- values ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spelled",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower().replace("tr0ub4dor", "Tr0ub4dor"),
        quote(SECRET),
        json.dumps(json.dumps(SECRET))[1:-1],
        SECRET.replace("/", "\\/"),
        base64.b64encode(SECRET.encode()).decode().rstrip("="),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
    ],
)
def test_a_known_value_is_masked_however_it_is_spelled(spelled: str) -> None:
    got = one(f"before {spelled} after", SECRET)
    assert got.startswith("before ")
    assert got.endswith(" after")
    assert set(got[7:-6]) <= set('*\\"')


@pytest.mark.parametrize("user", ["a", "al", "ali", "alice"])
def test_a_known_value_is_found_inside_longer_base64(user: str) -> None:
    pair = base64.b64encode(f"{user}:{SECRET}:more".encode()).decode()
    got = one(f'{{"x":"{pair}"}}', SECRET)
    alone = base64.b64encode(SECRET.encode()).decode()
    assert "*" * (len(alone) - 6) in got


def test_a_value_that_is_not_ascii_is_found_in_every_form() -> None:
    secret = "pässwörd✓"
    for spelled in (secret, json.dumps(secret)[1:-1], quote(secret)):
        assert set(one(f"<{spelled}>", secret)) == set("<*>")


def test_a_short_value_is_not_looked_for() -> None:
    trace = Trace()
    assert not trace.secrets.add("abc")
    assert trace.secrets.add("abcd")
    assert list(trace.secrets) == ["abcd"]
    assert "abcd" in trace.secrets
    assert repr(trace.secrets) == "Secrets(1)"


def test_a_value_known_later_is_masked_in_what_came_before() -> None:
    recording = Recording(conn=f"at-{SECRET}", link=f"tcp-{SECRET}")
    recording.say(C2S, f"x {SECRET}".encode())
    recording.trace.record(StderrLine, text=f"oh {SECRET}", **recording.labels)
    recording.trace.secrets.add(SECRET)
    message, line = recording.trace.redacted().events()
    stars = "*" * len(SECRET)
    assert message.raw == f"x {stars}".encode()
    assert line.text == f"oh {stars}"
    assert (line.conn, line.link) == (f"at-{stars}", f"tcp-{stars}")


def test_what_a_header_gives_away_is_masked_everywhere_else() -> None:
    recording = Recording(transport="http")
    basic = base64.b64encode(f"alice:{SECRET}".encode()).decode()
    recording.chunk(C2S, request(b"{}", f"Authorization: Basic {basic}"))
    recording.say(S2C, {"text": f"hello, your password is {SECRET}, {basic}"})
    recording.trace.record(StderrLine, text=f"login {SECRET}", **recording.labels)
    recording.chunk(S2C, f"HTTP/1.1 200 {SECRET}\r\nContent-Length: 0\r\n\r\n".encode())
    assert leaks(recording.trace.redacted(), [], SECRET) == []
    assert leaks(recording.trace.redacted(), [], f"alice:{SECRET}") == []


def test_a_request_state_is_masked_in_the_retry_too() -> None:
    recording = Recording()
    recording.ask(1, "tools/call", name="book")
    recording.answer(1, resultType="input_required", requestState="opaque-state-1")
    recording.ask(2, "tools/call", name="book", requestState="opaque-state-1")
    recording.trace.record(Fault, text="odd: opaque-state-1", **recording.labels)
    got = recording.trace.redacted()
    assert leaks(got, [], "opaque-state-1") == []
    assert [one.retry_of for one in got.exchanges()] == [None, 1]


def test_words_that_carry_every_message_are_masked_only_where_they_are_secret() -> None:
    got = one({"jsonrpc": "2.0", "method": "x", "params": {"password": "method"}})
    assert json.loads(got) == {"jsonrpc": "2.0", "method": "x", "params": {"password": "******"}}


def test_redaction_twice_changes_nothing_more() -> None:
    recording = Recording(transport="http")
    recording.chunk(C2S, request(b'{"password":"abcdefg","a":"abcdefg"}', "Cookie: a=hijklmn"))
    recording.say(C2S, {"password": "abcdefg", "stars": "*******"})
    once = recording.trace.redacted()
    assert once.redacted().events() == once.events()


def test_events_without_secrets_are_the_same_objects() -> None:
    recording = Recording()
    recording.ask(1, "tools/list")
    recording.chunk(C2S, b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
    got = recording.trace.redacted().events()
    assert all(a is b for a, b in zip(got, recording.trace.events(), strict=True))


def test_the_original_is_not_touched() -> None:
    recording = Recording()
    recording.chunk(C2S, b'{"password":"abcdefg"}\n')
    recording.trace.redacted()
    assert recording.trace.events()[0].data == b'{"password":"abcdefg"}\n'


def test_a_text_with_half_characters_survives() -> None:
    recording = Recording()
    trace = recording.trace
    trace.record(StderrLine, text="\ud83d token=abc1234 \udcff", **recording.labels)
    trace.record(StderrLine, text="abc1234", **recording.labels)
    trace.secrets.add("key-\udcff")
    first, second = trace.redacted().events()
    assert first.text == "\ud83d token=******* \udcff"
    assert second.text == "*******"


def test_a_value_that_ends_inside_a_character_is_masked_all_the_same() -> None:
    recording = Recording(transport="http")
    recording.chunk(C2S, request(b"", target="/?token=abcdef%C3"))
    recording.trace.record(StderrLine, text="see abcdefé", **recording.labels)
    _, line = recording.trace.redacted().events()
    assert line.text == "see *******\ufffd"


def test_a_tunnel_is_masked_whole() -> None:
    recording = Recording(transport="http")
    recording.chunk(C2S, b"CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n")
    recording.chunk(S2C, b"HTTP/1.1 200 OK\r\n\r\n")
    recording.chunk(C2S, b"\x16\x03\x01 anything")
    assert recording.trace.redacted().events()[-1].data == b"*" * 12


def test_a_compressed_websocket_message_is_masked_under_its_key() -> None:
    recording = Recording(transport="websocket")
    recording.chunk(C2S, HANDSHAKE + b"\r\n")
    recording.chunk(S2C, SWITCHED)
    key = b"\x01\x02\x03\x04"
    recording.chunk(C2S, b"\xc1\x83" + key + b"abc")
    frame = recording.trace.redacted().events()[-1].data
    assert frame == b"\xc1\x83" + key + bytes(b ^ ord("*") for b in key[:3])


def test_a_websocket_message_that_never_ended_is_searched_too() -> None:
    recording = Recording(transport="websocket")
    recording.chunk(C2S, HANDSHAKE + b"\r\n")
    recording.chunk(S2C, SWITCHED)
    pieces = cut(f'{{"a": "{SECRET}"}} and more'.encode(), (14, 40))
    whole = ws_frames([*pieces, b"the end"], b"abcd")
    recording.chunk(C2S, whole[: -len(ws_frames([b"the end"], b"abcd"))])
    recording.trace.secrets.add(SECRET)
    assert leaks(recording.trace.redacted(), [], SECRET) == []


# ---- parts -----------------------------------------------------------------------------------


def test_a_part_is_judged_by_the_whole() -> None:
    recording = Recording(transport="http")
    data = request(b"{}", f"Authorization: Bearer {SECRET}")
    at = data.index(SECRET.encode()) + 5
    recording.chunk(C2S, data[:at])
    second = recording.chunk(C2S, data[at:])
    recording.say(S2C, {"echo": SECRET})
    for query, expected in (("kind:chunk echo", 0), ("kind:message", 1), ("host", 1)):
        part = recording.trace.select(query)
        assert len(part) == expected
        assert leaks(part.redacted(), [], SECRET) == []
    rest = redact([second], (), recording.trace.events())[0]
    assert isinstance(rest, Chunk)
    assert rest.data.startswith(b"*" * (len(SECRET) - 5) + b"\r\n")


def test_a_message_cut_inside_a_known_value_hides_its_beginning() -> None:
    recording = Recording()
    raw = f'{{"x":"{SECRET[:8]}'.encode()
    recording.trace.record(Message, direction=C2S, raw=raw, size=99, **recording.labels)
    recording.trace.secrets.add(SECRET)
    assert recording.trace.redacted().messages()[0].raw == b'{"x":"********'


def test_where_the_beginning_of_a_stream_is_gone_what_cannot_be_read_is_masked() -> None:
    recording = Recording(Trace(max_events=2), transport="http")
    data = request(b'{"a": "harmless"}', "Authorization: Bearer abcdefghij") + request(b"{}")
    points = (data.index(b"fghij"), data.rindex(b"POST"))
    for piece in cut(data, points):
        recording.chunk(C2S, piece)
    assert recording.trace.dropped == 1
    first, second = recording.trace.redacted().events()
    assert first.data == b"*" * len(first.data)
    assert second.data == request(b"{}")


def test_the_rest_of_a_line_whose_beginning_is_gone_is_masked() -> None:
    recording = Recording(Trace(max_events=1))
    recording.chunk(C2S, b'{"password": "abc')
    recording.chunk(C2S, b'def"}\n{"jsonrpc":"2.0","method":"x"}\n')
    (event,) = recording.trace.redacted().events()
    assert event.data == b'*****\n{"jsonrpc":"2.0","method":"x"}\n'.replace(b"*\n", b"**", 1)


def test_a_chunk_that_was_cut_hides_what_follows_it() -> None:
    recording = Recording(transport="http")
    labels = recording.labels
    data = request(b'{"password": "abcdefgh"}')
    recording.trace.record(
        Chunk, direction=C2S, data=data[:-12], size=len(data) - 6, offset=0, **labels
    )
    recording.trace.record(
        Chunk, direction=C2S, data=data[-6:], size=6, offset=len(data) - 6, **labels
    )
    first, second = recording.trace.redacted().events()
    assert b"password" not in first.data
    assert second.data == b"*" * 6


def test_a_compressed_body_is_masked_whole() -> None:
    body = b"\x1f\x8b compressed"
    data = request(body, "Content-Encoding: gzip") + request(b"{}")
    got = stream(data)
    assert body not in got
    assert got.endswith(request(b"{}"))
    assert got.count(b"*") == len(body)


def test_a_link_name_used_again_is_another_stream() -> None:
    recording = Recording(transport="http")
    data = request(b'{"password":"abcdefgh"}')
    recording.chunk(C2S, data)
    recording.offsets[C2S] = 0
    recording.chunk(C2S, data)
    for event in recording.trace.redacted():
        assert event.data == data.replace(b"abcdefgh", b"********")


def test_the_id_of_a_server_sent_event_split_by_http_chunks_is_masked() -> None:
    recording = Recording(transport="http")
    recording.chunk(C2S, request(b"{}"))
    body = f"id: {SECRET}\ndata: {{}}\n\n: {SECRET}\n\ndata: x\n\n".encode()
    recording.chunk(S2C, chunked(cut(body, range(0, 99, 7)), "text/event-stream"))
    recording.trace.secrets.add(SECRET)
    assert leaks(recording.trace.redacted(), [], SECRET) == []


# ---- the property: planted anywhere, split anywhere, saved in any format ----------------------

VALUES = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='*,;"\\'),
    min_size=10,
    max_size=24,
).map(lambda text: f"zQ7{text}")  # no word of ours begins like that
POINTS = st.lists(st.integers(0, 2000), max_size=14)
PLACES = st.sampled_from(["header", "basic", "url", "json", "known", "text-json"])
CARRIERS = st.sampled_from(
    ["length", "chunked", "sse", "sse-lines", "ws-masked", "ws-plain", "tcp"]
)


def plant(place: str, secret: str) -> tuple[list[str], str, bytes]:
    """Headers, a target and a body of which one gives the secret away."""
    headers, target, arguments = [], "/mcp", {"x": f"and again {secret}"}
    if place == "header":
        headers = [f"Authorization: Bearer {secret}"]
    elif place == "basic":
        pair = base64.b64encode(f"alice:{secret}".encode()).decode()
        headers = [f"Authorization: Basic {pair}"]
    elif place == "url":
        target = f"/mcp?token={quote(secret, safe='')}"
    elif place == "json":
        arguments["password"] = secret
    elif place == "text-json":
        arguments["text"] = json.dumps({"api_key": secret})
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    message["params"] = {"name": "t", "arguments": arguments}
    return headers, target, json.dumps(message).encode()


def carry(recording: Recording, carrier: str, place: str, secret: str, points: list[int]) -> bytes:
    """Send it; the message that was carried."""
    headers, target, body = plant(place, secret)
    answer = json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"echo": [secret, headers, target]}})
    back = answer.encode()
    if carrier == "tcp":
        lines = body + b"\n", back + b"\n"
    elif carrier.startswith("ws"):
        key = bytes([7, 201, 33, 140]) if carrier == "ws-masked" else None
        extra = "".join(f"{h}\r\n" for h in headers).encode() + b"\r\n"
        hello = HANDSHAKE.replace(b"/mcp", target.encode()) + extra
        lines = (
            hello + ws_frames(cut(body, points), key),
            SWITCHED + ws_frames(cut(back, points), None),
        )
    elif carrier == "length":
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(back)}\r\n\r\n"
        lines = request(body, *headers, target=target), head.encode() + back
    elif carrier == "chunked":
        lines = (
            request(body, *headers, target=target),
            chunked(cut(back, points), "application/json"),
        )
    else:
        text = json.dumps(json.loads(back), indent=1) if carrier == "sse-lines" else answer
        events = b"".join(b"data: " + line.encode() + b"\n" for line in text.split("\n")) + b"\n"
        lines = (
            request(body, *headers, target=target),
            chunked(cut(events, points), "text/event-stream"),
        )
    for way, data in zip((C2S, S2C), lines, strict=True):
        for piece in cut(data, points):
            recording.chunk(way, piece)
    recording.say(C2S, body)
    recording.say(S2C, back)
    return body


def saved(trace: Trace, folder: Path) -> list[bytes]:
    """What stands in the files of every format, escapes of the format undone."""
    texts: list[bytes] = []
    for suffix in (".jsonl", ".har", ".mmd"):
        path = folder / f"trace{suffix}"
        trace.save(path)
        texts.append(path.read_bytes())
        if suffix != ".mmd":
            for line in path.read_text().splitlines() if suffix == ".jsonl" else [path.read_text()]:
                texts += [text.encode() for text in strings(json.loads(line))]
            texts += readable(Trace.load(path).events())
    return texts


@settings(max_examples=200, deadline=None)
@given(secret=VALUES, place=PLACES, carrier=CARRIERS, points=POINTS)
def test_a_planted_secret_is_in_no_file(
    secret: str, place: str, carrier: str, points: list[int]
) -> None:
    if carrier == "tcp" and place in ("header", "basic", "url"):
        place = "json"
    transport = "websocket" if carrier.startswith("ws") else "http"
    recording = Recording(transport="tcp" if carrier == "tcp" else transport)
    carry(recording, carrier, place, secret, points)
    trace = recording.trace
    if place == "known":
        trace.secrets.add(secret)
    with TemporaryDirectory() as folder:
        files = saved(trace, Path(folder))
        assert leaks(Trace.load(Path(folder) / "trace.jsonl"), files, secret) == []
        for part in ("kind:chunk", "kind:message dir:s2c"):
            assert leaks(trace.select(part).redacted(), [], secret) == []
        loaded = Trace.load(Path(folder) / "trace.jsonl")
    for before, after in zip(trace.events(), loaded.events(), strict=True):
        assert shape(before) == shape(after)
    assert [json.loads(m.raw)["jsonrpc"] for m in loaded.messages()] == ["2.0", "2.0"]


def shape(event: Event) -> tuple[Any, ...]:
    data = getattr(event, "data", getattr(event, "raw", b""))
    return (type(event), event.seq, len(data), getattr(event, "offset", None))
