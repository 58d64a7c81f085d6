"""Any bytes, any JSON: a bridge passes it on or answers, and never falls over."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcp_notebook.bridge.ledger import Ledger, error, is_request
from mcp_notebook.bridge.lines import Lines, messages
from tests.rigs.bridge import FakeNotebook, Host

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
METHODS = [
    "initialize",
    "notifications/initialized",
    "notifications/cancelled",
    "logging/setLevel",
    "resources/subscribe",
    "resources/unsubscribe",
    "tools/call",
    "subscriptions/listen",
    "notifications/subscriptions/acknowledged",
]
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
IDS = st.sampled_from([0, 1, "1", True, None, 1.0]) | JSON
PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "_meta": st.dictionaries(st.just(SUBSCRIPTION), IDS),
        "requestId": IDS,
        "uri": JSON,
        "protocolVersion": JSON,
        "capabilities": JSON,
    },
)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "method": st.sampled_from(METHODS) | JSON,
        "id": IDS,
        "params": PARAMS | JSON,
        "result": PARAMS | JSON,
        "error": JSON,
    },
)


@UNHURRIED
@given(st.lists(st.tuples(st.sampled_from("hnlo"), MESSAGES), max_size=12))
def test_no_message_is_too_odd_for_the_ledger(steps: list[tuple[str, dict[str, Any]]]) -> None:
    ledger = Ledger()
    for who, message in steps:
        if who == "h":
            ledger.from_host(message, b"{}\n")
        elif who == "n":
            if ledger.from_notebook(message) == "subscriptions/listen":
                assert messages(ledger.heard_again(message) or b"{}")
        elif who == "l":
            due = [json.loads(line) for line in ledger.lose("gone").splitlines()]
            assert all(m["jsonrpc"] == "2.0" for m in due)
            assert set(ledger.owed) <= set(ledger.listening)
            assert ledger.listen_again().count(b"\n") == len(ledger.listening)
        elif ledger.replay():
            ledger.opened(message)
        if is_request(message):
            assert json.loads(error(message["id"], "why"))["error"]["message"] == "why"


@UNHURRIED
@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=6))
def test_lines_are_the_same_however_they_are_split(data: bytes, cuts: list[int]) -> None:
    def lines(parts: list[bytes]) -> tuple[list[tuple[bytes, bool]], bytes]:
        decoder = Lines()
        return [line for part in parts for line in decoder.feed(part)], decoder.rest()

    edges = [0, *sorted(cuts), len(data)]
    parts = [data[a:b] for a, b in pairwise(edges)]
    whole = lines([data])
    assert lines(parts) == whole
    assert b"".join(line for line, _ in whole[0]) + whole[1] == data
    for line, _ in whole[0]:
        messages(line)


DEEP = b"[" * 50_000
ODD = [
    b'{"jsonrpc": "2.0", "id": 5\n',
    b"\xff\xfe\x00\n",
    b"\xef\xbb\xbf{}\n",
    DEEP + b"\n",
    b'{"jsonrpc": "2.0", "method": "x", "id": ' + b"[" * 900 + b"]" * 900 + b"}\n",
    b'{"jsonrpc": "2.0", "method": "resources/subscribe", "id": 1, "params": {"uri": '
    + b"[" * 900
    + b"]" * 900
    + b"}}\n",
    b'{"jsonrpc": "2.0", "id": ' + b"9" * 5000 + b', "method": "x"}\n',
    b'{"jsonrpc": "2.0", "id": NaN, "method": "x"}\n',
    b'[{"jsonrpc": "2.0", "id": 1, "method": "x"}, 5, null]\n',
    b'{"jsonrpc": "2.0", "id": "\\ud800", "method": "x"}\n',
    b'{"jsonrpc": "2.0", "id": null, "method": "x"}\n',
    b"null\n",
    b"x" * 300_000 + b"\n",
]


@pytest.mark.parametrize("line", ODD, ids=range(len(ODD)))
def test_an_odd_line_passes_as_it_is(runtime: Path, host: Callable[..., Host], line: bytes) -> None:
    with FakeNotebook(runtime) as notebook:
        child = host()
        notebook.accept()
        child.send(line, b'{"jsonrpc": "2.0", "id": "z", "method": "y"}\n')
        assert notebook.line() == line
        assert notebook.receive()["id"] == "z"
        notebook.send(line)
        notebook.reply("z")
        assert child.line() == line
        assert child.receive() == {"jsonrpc": "2.0", "id": "z", "result": {}}


def test_odd_lines_are_answered_while_the_notebook_is_away(host: Callable[..., Host]) -> None:
    child = host("--wait", "0")
    for line in ODD:
        child.send(line)
        assert child.receive()["error"]["code"] in (-32000, -32600, -32700)
    child.send(b'{"jsonrpc": "2.0", "id": "z", "method": "y"}\n')
    assert child.receive()["id"] == "z"


def test_files_in_the_place_of_pipes(runtime: Path) -> None:
    asked, answered = runtime / "asked", runtime / "answered"
    asked.write_bytes(b'{"jsonrpc": "2.0", "id": 1, "method": "x"}\n')
    folder = f"{runtime}/mcp-notebook-{os.getuid()}"
    with asked.open("rb") as stdin, answered.open("wb") as stdout:
        shown = subprocess.run(
            [sys.executable, "-m", "mcp_notebook.bridge", "--folder", folder],
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert shown.returncode == 1
    assert b"is away" in shown.stderr
    assert json.loads(answered.read_bytes())["id"] == 1
