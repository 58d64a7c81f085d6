"""The checks of lesson 02: answers that look right, and what each is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from mcp_notebook.learn.attempt import Attempt
from mcp_notebook.learn.lesson02 import no_memory, old_era, one_connection, one_post
from mcp_notebook.learn.verdict import Verdict
from mcp_notebook.runtime.endpoint import Endpoint
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.trace.store import Trace

VERSION = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": VERSION,
    "io.modelcontextprotocol/clientCapabilities": {},
}
BOTH = "application/json, text/event-stream"

Pair = tuple[Any, Any]


def judged(exercise: Any, **names: Any) -> Verdict:
    found: Verdict = exercise.judge(Attempt(names, Trace()))
    return found


# ---- 02.1 ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bench() -> Iterator[Workbench]:
    """A workbench with the tools of the lesson."""
    with Workbench() as bench:

        @bench.tool
        def shout(text: str) -> str:
            """Say it in capitals."""
            return text.upper()

        @bench.tool
        def add(a: int, b: int) -> int:
            """Add two numbers."""
            return a + b

        yield bench


@pytest.fixture(scope="module")
def web(bench: Workbench) -> Endpoint:
    """The notebook's server, as the lesson has it."""
    return bench.serve(transport="http")


def send(url: str, headers: Any, body: Any = None) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=20) as client:
        return client.post(url, headers=headers, json=body)


def right(id: Any, tool: str, arguments: Any) -> Pair:
    headers = {
        "Accept": BOTH,
        "MCP-Protocol-Version": VERSION,
        "Mcp-Method": "tools/call",
        "Mcp-Name": tool,
    }
    params = {"name": tool, "arguments": arguments, "_meta": META}
    return headers, {"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}


def but(change: Callable[[dict[str, Any], dict[str, Any]], Any]) -> Callable[..., Pair]:
    """The right answer, changed."""

    def call_post(id: Any, tool: str, arguments: Any) -> Pair:
        headers, body = right(id, tool, arguments)
        change(headers, body)
        return headers, body

    return call_post


def test_a_post_with_all_its_parts_passes(web: Endpoint) -> None:
    assert judged(one_post, call_post=right, send=send, web=web).passed


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda id, tool, arguments: ({}, {}), "Fill headers and body"),
        (lambda id, tool, arguments: {}, "two things"),
        (lambda id, tool, arguments: None, "two things"),
        (but(lambda h, b: h.pop("MCP-Protocol-Version")), "legacy era"),
        (but(lambda h, b: h.pop("Mcp-Method")), "Mcp-Method says nothing"),
        (but(lambda h, b: h.update({"Mcp-Name": "shout"})), "Mcp-Name says shout"),
        (but(lambda h, b: h.update({"Accept": "application/json"})), "Accept must list both"),
        (but(lambda h, b: h.update({"Accept": 7})), "Headers are texts"),
        (but(lambda h, b: b.pop("id")), "Without an id"),
        (but(lambda h, b: b.update(id=1)), "Use the id given"),
        (but(lambda h, b: b["params"].pop("_meta")), "clientCapabilities"),
        (but(lambda h, b: b["params"].pop("arguments")), "params.arguments"),
        (but(lambda h, b: b["params"].update(arguments={"text": "x"})), "Pass on the tool"),
        (but(lambda h, b: (b.update(method="shout"), h.update({"Mcp-Method": "shout"}))), "tools/"),
        (lambda id, tool, arguments: (right(id, tool, arguments)[0], []), "a dict"),
        (lambda id, tool, arguments: ({"Accept": BOTH}, {"x": {1}}), "what JSON has"),
    ],
)
def test_a_post_with_a_mistake_is_told_which(web: Endpoint, answer: Any, hint: str) -> None:
    verdict = judged(one_post, call_post=answer, send=send, web=web)

    assert not verdict.passed
    assert hint in verdict.hint


def test_an_endpoint_that_was_stopped_is_told() -> None:
    gone = SimpleNamespace(url="http://127.0.0.1:9/mcp")
    assert "serve" in judged(one_post, call_post=right, send=send, web=gone).hint
    assert "serve" in judged(one_post, call_post=right, send=send, web=None).hint


# ---- 02.2 ------------------------------------------------------------------------------------


def counting(connections: int, requests: int | None = None, closes: int = 0) -> Any:
    """What `counted` says of a client that made so many."""

    def counted(ask_all: Any, texts: list[str]) -> Any:
        made = len(texts) if requests is None else requests
        seen = {"connections": min(connections, made), "requests": made, "closes": closes}
        return ask_all("", texts), seen

    return counted


def shout_all(url: str, texts: list[str]) -> list[str]:
    return [text.upper() for text in texts]


@pytest.mark.parametrize(
    ("counted", "ask_all", "hint"),
    [
        (counting(1), shout_all, ""),
        (counting(10), shout_all, "before the loop"),
        (counting(10, closes=10), shout_all, "Connection: close"),
        (counting(4), shout_all, "one after the other"),
        (counting(1, requests=1), shout_all, "one POST"),
        (counting(1), lambda url, texts: None, "as a list"),
        (counting(1), lambda url, texts: texts, "as a list"),
    ],
)
def test_a_client_is_judged_by_its_connections(counted: Any, ask_all: Any, hint: str) -> None:
    verdict = judged(one_connection, ask_all=ask_all, counted=counted)

    assert verdict.passed is (not hint), verdict
    assert hint in verdict.hint


def test_a_reply_that_is_no_json_object_is_no_answer() -> None:
    def answers(text: str, status: int) -> Any:
        return lambda url, headers, body: SimpleNamespace(status_code=status, text=text)

    web = SimpleNamespace(url="http://127.0.0.1/mcp")
    for text in ("", "[]", json.dumps({"id": 5})):
        verdict = judged(one_post, call_post=right, send=answers(text, 200), web=web)
        assert "Use the id given" in verdict.hint
    told = judged(one_post, call_post=right, send=answers("", 500), web=web).hint
    assert "The body needs" in told


# ---- 02.3 ------------------------------------------------------------------------------------

PLAIN = {"Accept": BOTH}
INITIALIZE: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {}},
}
INITIALIZE["params"]["clientInfo"] = {"name": "test", "version": "1"}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}


def talk(url: str, text: str, *, steps: str = "gnc", id: int = 2, kept: bool = True) -> Any:
    """The steps of a legacy talk: g greets, n notifies, c calls."""
    session = dict(PLAIN)
    call: dict[str, Any] = {"jsonrpc": "2.0", "id": id, "method": "tools/call"}
    call["params"] = {"name": "shout", "arguments": {"text": text}}
    found = None
    for step in steps:
        body = {"g": INITIALIZE, "n": INITIALIZED, "c": call}[step]
        response = send(url, session, body)
        if step == "g" and kept:
            session["Mcp-Session-Id"] = response.headers["Mcp-Session-Id"]
        if step == "c":
            found = json.loads(response.text.partition("data: ")[2])
    return found["result"]["content"][0]["text"] if found else None


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (talk, ""),
        (lambda url, text: None, "begins with initialize"),
        (lambda url, text: talk(url, text, steps="c"), "begins with initialize"),
        (lambda url, text: talk(url, text, steps="ggc"), "Greet once"),
        (lambda url, text: talk(url, text, steps="ngc"), "Greet once"),
        (lambda url, text: talk(url, text, steps="gc"), "comes notifications/initialized"),
        (lambda url, text: talk(url, text, steps="gcn"), "in this order"),
        (lambda url, text: talk(url, text, kept=False), "Mcp-Session-Id"),
        (lambda url, text: talk(url, text, id=1), "an id of its own"),
        (lambda url, text: talk(url, "hello"), "the text alone"),
        (lambda url, text: [talk(url, text)], "the text alone"),
    ],
)
def test_a_legacy_call_is_judged_by_what_the_server_got(
    bench: Workbench, web: Endpoint, answer: Any, hint: str
) -> None:
    names = {"old_call": answer, "web": web}

    verdict = old_era.judge(Attempt(names, bench.trace, workbench=bench))

    assert verdict.passed is (not hint), verdict
    assert hint in verdict.hint


# ---- 02.4 ------------------------------------------------------------------------------------

BASKET = """
import json

def open_basket():
    return "[]"

def add_item(basket, item):
    return json.dumps([*json.loads(basket), item])

def items(basket):
    return json.loads(basket)
"""


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ("", "", ""),
        ('return "[]"', "return []", "a text"),
        ('return "[]"', "open('x')", "does not have that file"),
        ('return "[]"', "return {}['b']", "empty in each new process"),
        ('return "[]"', "while True: pass", "to see where"),
        ("import json", "import jason", "to see where"),
        ("items(basket)", "things(basket)", "Keep the three tools"),
        ("return json.loads(basket)", "return json.loads(basket)[:1]", "a comma too"),
        (
            "return json.loads(basket)",
            "return [i.strip() for i in json.loads(basket)]",
            "change nothing",
        ),
        (
            "return json.loads(basket)",
            "return [i.lower() for i in json.loads(basket)]",
            "change nothing",
        ),
        ("return json.loads(basket)", "return ['Bread']", "a basket of its own"),
        ("return json.loads(basket)", "return tuple(json.loads(basket))", "gives a list"),
    ],
)
def test_a_basket_has_to_live_without_a_memory(old: str, new: str, hint: str) -> None:
    assert old in BASKET
    verdict = judged(no_memory, TOOLS=BASKET.replace(old, new))

    assert verdict.passed is (not hint), verdict
    assert hint in verdict.hint
