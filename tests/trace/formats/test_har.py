from __future__ import annotations

import base64
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from mcp_notebook.errors import UsageError
from mcp_notebook.trace.events import Direction, LinkClosed, LinkOpened, StderrLine, Vantage
from mcp_notebook.trace.formats import DamagedTrace
from mcp_notebook.trace.store import Trace
from tests.trace.recording import C2S, S2C, Recording
from tests.trace.wiretap import HANDSHAKE, SWITCHED, chunked, cut, request, ws_frames

CALL = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add"}}'
DONE = b'{"jsonrpc":"2.0","id":1,"result":{}}'
PROGRESS = b'{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1}}'
JSON = "Content-Type: application/json"


def har(trace: Trace, folder: Path) -> dict[str, Any]:
    trace.save(folder / "a.har")
    log: dict[str, Any] = json.loads((folder / "a.har").read_text())["log"]
    assert (log["version"], log["creator"]["name"]) == ("1.2", "mcp_notebook")
    for entry in log["entries"]:
        check_entry(entry)
    return log


def check_entry(entry: dict[str, Any]) -> None:
    """What HAR 1.2 says is mandatory."""
    assert {"startedDateTime", "time", "request", "response", "cache", "timings"} <= {*entry}
    assert datetime.fromisoformat(entry["startedDateTime"]).tzinfo is not None
    assert entry["time"] == pytest.approx(sum(entry["timings"].values()))
    assert {"send", "wait", "receive"} == {*entry["timings"]}
    common = {"httpVersion", "cookies", "headers", "headersSize", "bodySize"}
    assert common | {"method", "url", "queryString"} <= {*entry["request"]}
    assert common | {"status", "statusText", "content", "redirectURL"} <= {*entry["response"]}
    assert {"size", "mimeType"} <= {*entry["response"]["content"]}


def reply(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\n{JSON}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def again(trace: Trace, folder: Path) -> list[tuple[Direction, bytes]]:
    har(trace, folder)
    loaded = Trace.load(folder / "a.har")
    return [(message.direction, message.raw) for message in loaded.messages()]


def test_a_post_and_its_json_answer_are_an_entry(tmp_path: Path) -> None:
    recording = Recording(transport="http-json", link="http-json#3")
    recording.trace.record(LinkOpened, address="a > b", **recording.labels)
    for ms, piece in enumerate(cut(request(CALL, JSON, target="/mcp?a=1&b="), (30, 90)), start=1):
        recording.chunk(C2S, piece, ms=ms)
    recording.chunk(S2C, reply(DONE), ms=10)
    (entry,) = har(recording.trace, tmp_path)["entries"]
    asked, answered = entry["request"], entry["response"]
    assert (asked["method"], asked["url"]) == ("POST", "http://localhost/mcp?a=1&b=")
    assert asked["queryString"] == [{"name": "a", "value": "1"}, {"name": "b", "value": ""}]
    assert {"name": "content-type", "value": "application/json"} in asked["headers"]
    assert asked["postData"]["text"] == CALL.decode()
    assert asked["bodySize"] == len(CALL)
    assert (answered["status"], answered["statusText"]) == (200, "OK")
    assert answered["content"]["text"] == DONE.decode()
    assert answered["content"]["mimeType"] == "application/json"
    assert entry["timings"] == {"send": 2.0, "wait": 7.0, "receive": 0.0}
    assert entry["connection"] == "http-json#3"
    assert entry["_mcp"] == {
        "conn": "demo",
        "vantage": "client",
        "transport": "http-json",
        "link": "http-json#3",
        "address": "a > b",
    }
    began = datetime.fromisoformat(entry["startedDateTime"]).timestamp()
    assert began == pytest.approx(recording.trace.zero_unix_s + 0.001, abs=1e-5)


def test_messages_come_back_with_their_labels_and_latency(tmp_path: Path) -> None:
    recording = Recording(transport="http-json", link="http-json#3")
    recording.chunk(C2S, request(CALL, JSON), ms=1)
    recording.chunk(S2C, reply(DONE), ms=10)
    har(recording.trace, tmp_path)
    loaded = Trace.load(tmp_path / "a.har")
    (exchange,) = loaded.exchanges()
    assert (exchange.conn, exchange.transport, exchange.tool) == ("demo", "http-json", "add")
    assert exchange.request.link == "http-json#3"
    assert exchange.latency_ns == pytest.approx(9e6, rel=0.01)


def test_requests_on_one_connection_keep_their_order(tmp_path: Path) -> None:
    recording = Recording(transport="http")
    for ms in (1, 5):
        recording.chunk(C2S, request(CALL), ms=ms)
        recording.chunk(S2C, reply(DONE), ms=ms + 1)
    assert again(recording.trace, tmp_path) == [(C2S, CALL), (S2C, DONE)] * 2


def test_a_stream_of_events_has_each_with_its_time(tmp_path: Path) -> None:
    recording = Recording(transport="http")
    recording.chunk(C2S, request(CALL))
    body = b"".join(b"event: message\nid: 7\ndata: %s\n\n" % m for m in (PROGRESS, DONE))
    answer = chunked([body[:100], body[100:]], "text/event-stream")
    at = answer.index(b'"id":1')
    recording.chunk(S2C, answer[:at], ms=2)
    recording.chunk(S2C, answer[at:], ms=30)
    (entry,) = har(recording.trace, tmp_path)["entries"]
    first, second = entry["_eventSourceMessages"]
    assert first["data"] == PROGRESS.decode()
    assert (second["eventName"], second["eventId"]) == ("message", "7")
    assert second["time"] - first["time"] == pytest.approx(0.028, abs=1e-4)
    assert entry["response"]["content"]["text"].encode() == body.replace(b"event: message\n", b"")
    assert again(recording.trace, tmp_path) == [(C2S, CALL), (S2C, PROGRESS), (S2C, DONE)]


def test_a_stream_still_open_is_there_as_far_as_it_came(tmp_path: Path) -> None:
    recording = Recording(transport="http")
    recording.chunk(C2S, request(CALL))
    answer = chunked([b"data: " + PROGRESS + b"\n\n"], "text/event-stream")
    recording.chunk(S2C, answer.removesuffix(b"0\r\n\r\n"))
    assert again(recording.trace, tmp_path) == [(C2S, CALL), (S2C, PROGRESS)]


def websocket(vantage: Vantage = Vantage.CLIENT) -> Recording:
    recording = Recording(transport="websocket", vantage=vantage)
    recording.chunk(C2S, HANDSHAKE + b"\r\n", ms=1)
    recording.chunk(S2C, SWITCHED, ms=2)
    recording.chunk(C2S, ws_frames([CALL[:9], CALL[9:]], b"\x01\x02\x03\x04"), ms=3)
    recording.chunk(S2C, ws_frames([DONE], None), ms=4)
    recording.chunk(S2C, b"\x82\x02\xff\x00", ms=5)
    recording.chunk(S2C, b"\x88\x02\x03\xe8", ms=6)
    return recording


@pytest.mark.parametrize(
    ("vantage", "types"),
    [
        (Vantage.CLIENT, ["send", "receive", "receive", "receive"]),
        (Vantage.SERVER, ["receive", "send", "send", "send"]),
    ],
)
def test_websocket_messages_are_as_the_developer_tools_write_them(
    tmp_path: Path, vantage: Vantage, types: list[str]
) -> None:
    recording = websocket(vantage)
    (entry,) = har(recording.trace, tmp_path)["entries"]
    assert entry["_resourceType"] == "websocket"
    assert entry["request"]["url"] == "ws://localhost/mcp"
    assert entry["response"]["status"] == 101
    frames = entry["_webSocketMessages"]
    assert [frame["type"] for frame in frames] == types
    assert [frame["opcode"] for frame in frames] == [1, 1, 2, 8]
    assert frames[0]["data"] == CALL.decode()
    assert frames[2]["data"] == base64.b64encode(b"\xff\x00").decode()
    assert frames[0]["time"] == pytest.approx(recording.trace.zero_unix_s + 0.003, abs=1e-4)
    assert again(recording.trace, tmp_path) == [(C2S, CALL), (S2C, DONE)]
    assert Trace.load(tmp_path / "a.har").messages()[0].vantage is vantage


def test_a_request_seen_from_both_ends_is_one_entry(tmp_path: Path) -> None:
    trace = Trace()
    for conn, vantage in (("me", Vantage.CLIENT), ("ep", Vantage.SERVER)):
        end = Recording(trace, conn=conn, vantage=vantage, transport="http", link=f"http#{conn}")
        end.chunk(C2S, request(CALL))
        end.chunk(S2C, reply(DONE))
    (entry,) = har(trace, tmp_path)["entries"]
    assert entry["_mcp"]["conn"] == "me"


def test_what_har_cannot_hold_is_named(tmp_path: Path) -> None:
    recording = Recording(transport="stdio", link="stdio#1", conn="child")
    recording.ask(1)
    recording.chunk(C2S, CALL + b"\n")
    recording.trace.record(StderrLine, text="oops", **recording.labels)
    other = Recording(recording.trace, transport="pipe", link="pipe#2")
    other.ask(1)
    log = har(recording.trace, tmp_path)
    assert log["entries"] == []
    assert "pipe pipe#2 (demo, client)" in log["comment"]
    assert "stdio stdio#1 (child, client)" in log["comment"]
    assert Trace.load(tmp_path / "a.har").events() == []


def test_bytes_that_are_no_http_are_counted(tmp_path: Path) -> None:
    recording = Recording(transport="http")
    recording.chunk(C2S, b"hello?\r\n\r\n")
    assert (
        "could not be read as HTTP were left out: 10" in har(recording.trace, tmp_path)["comment"]
    )


def test_a_request_without_an_answer_has_status_zero(tmp_path: Path) -> None:
    recording = Recording(transport="http")
    recording.chunk(C2S, request(CALL))
    recording.trace.record(LinkClosed, reason="killed", **recording.labels)
    (entry,) = har(recording.trace, tmp_path)["entries"]
    assert entry["response"]["status"] == 0
    assert again(recording.trace, tmp_path) == [(C2S, CALL)]


def test_a_body_that_is_no_text_is_base64(tmp_path: Path) -> None:
    recording = Recording(transport="http")
    recording.chunk(C2S, request(b"\xff\xfe"))
    recording.chunk(S2C, reply(b"\xff\x00"))
    (entry,) = har(recording.trace, tmp_path)["entries"]
    assert entry["request"]["postData"] == {
        "mimeType": "",
        "params": [],
        "text": "//4=",
        "_encoding": "base64",
    }
    assert entry["response"]["content"]["encoding"] == "base64"
    assert again(recording.trace, tmp_path) == []


def test_ends_and_beginnings_that_are_missing_are_left_out(tmp_path: Path) -> None:
    recording = Recording(transport="http")
    recording.chunk(S2C, reply(DONE))
    recording.chunk(C2S, request(b"", target="http://proxied.test/x"))
    (entry,) = har(recording.trace, tmp_path)["entries"]
    assert entry["request"]["url"] == "http://proxied.test/x"
    assert entry["response"]["status"] == 0


def test_base64_that_is_none_is_a_broken_entry(tmp_path: Path) -> None:
    content = {"mimeType": "application/json", "encoding": "base64", "text": "?"}
    path = foreign(tmp_path, {**BROWSER_ENTRY, "response": {"content": content}})
    with pytest.raises(DamagedTrace, match="1 of 1 entries"):
        Trace.load(path)


def test_an_empty_trace_is_an_empty_file(tmp_path: Path) -> None:
    assert har(Trace(), tmp_path)["entries"] == []
    assert again(Trace(), tmp_path) == []


BROWSER_ENTRY = {
    "startedDateTime": "2026-01-02T03:04:05.678Z",
    "time": 12.5,
    "request": {
        "method": "POST",
        "url": "https://example.test/mcp",
        "headers": [],
        "postData": {"mimeType": "application/json", "text": CALL.decode()},
    },
    "response": {
        "status": 200,
        "content": {
            "mimeType": "text/event-stream",
            "text": f"data: {PROGRESS.decode()}\n\ndata: ping\n\ndata: {DONE.decode()}\n\n",
        },
    },
}


def foreign(folder: Path, *entries: Any) -> Path:
    path = folder / "b.har"
    path.write_text(json.dumps({"log": {"version": "1.2", "entries": entries}}))
    return path


def test_the_recording_of_a_browser_gives_its_messages(tmp_path: Path) -> None:
    page = {**BROWSER_ENTRY, "request": {"url": "https://example.test/"}}
    page["response"] = {"content": {"mimeType": "text/html", "text": "<p>"}}
    loaded = Trace.load(foreign(tmp_path, page, BROWSER_ENTRY))
    assert [message.raw for message in loaded.messages()] == [CALL, PROGRESS, DONE]
    first = loaded.messages()[0]
    assert (first.conn, first.transport, first.vantage) == ("example.test", "http", "client")
    assert loaded.exchanges()[0].latency_ns == pytest.approx(12.5e6, rel=0.01)


def test_entries_that_are_broken_are_counted_and_the_others_kept(tmp_path: Path) -> None:
    path = foreign(tmp_path, {}, BROWSER_ENTRY, 7, {**BROWSER_ENTRY, "startedDateTime": "soon"})
    with pytest.raises(DamagedTrace, match=r"3 of 4 entries of b\.har .* first is entry 1"):
        Trace.load(path)
    assert len(Trace.load(path, strict=False)) == 3


@pytest.mark.parametrize("text", ["", "{}", '{"log": 7}', '{"log": {"entries": 7}}', "\xff"])
def test_a_file_that_is_no_har_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "b.har"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(UsageError, match=r"b\.har is not a HAR file"):
        Trace.load(path)
