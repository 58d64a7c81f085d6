"""What a page may ask of the kernel: it is done with what was recorded, and it is answered."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from typing import Any

import pytest

from mcp_notebook.magics.doing import Doing, fresh
from mcp_notebook.runtime.connection import Connection
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.show.widget import snapshot
from mcp_notebook.trace.events import Message


class Page:
    """Asks, and takes the answers."""

    def __init__(self, workbench: Workbench) -> None:
        self.workbench = workbench
        self.doing = Doing(workbench)
        self.answers: queue.Queue[dict[str, Any]] = queue.Queue()

    def ask(self, **asked: Any) -> dict[str, Any]:
        self.doing(asked, self.answers.put)
        return self.answers.get(timeout=30)

    def sent(self, seq: int) -> dict[str, Any]:
        event = self.workbench.trace.event(seq)
        assert isinstance(event, Message)
        message: dict[str, Any] = event.json()
        return message


@pytest.fixture
def page() -> Iterator[Page]:
    with Workbench() as workbench:

        @workbench.tool
        def add(a: int, b: int = 2, note: str = "") -> int:
            """Add."""
            return a + b

        yield Page(workbench)


@pytest.fixture(params=["memory", "http", "http-json", "sse", "websocket", "stdio"])
def connection(request: pytest.FixtureRequest, page: Page) -> Connection:
    return page.workbench.connect(page.workbench.serve(transport=request.param))


def request_of(page: Page, connection: Connection, **arguments: Any) -> int:
    call = connection.start("add", arguments)
    call.result()
    exchange = call.exchange()
    assert exchange is not None
    return exchange.seq


def result_of(page: Page, seq: int) -> Any:
    exchange = next(e for e in page.workbench.trace.exchanges() if e.seq == seq)
    assert exchange.answer is not None
    return exchange.answer.json()["result"]["structuredContent"]["result"]


def test_a_request_is_sent_again_over_every_transport(page: Page, connection: Connection) -> None:
    seq = request_of(page, connection, a=40)

    answer = page.ask(type="resend", seq=seq)

    assert answer["ok"], answer
    again = page.sent(answer["seq"])
    assert again["params"] == page.sent(seq)["params"]
    assert again["id"] != page.sent(seq)["id"]
    assert result_of(page, answer["seq"]) == 42
    assert connection.call("add", a=1).value == 3  # and the connection goes on


def test_a_call_may_carry_its_arguments_as_text(page: Page) -> None:
    connection = page.workbench.connect(page.workbench.serve(transport="http"))

    answer = page.ask(
        type="call", conn=connection.name, tool="add", text='{"a": 9007199254740993, "b": 0}'
    )

    assert result_of(page, answer["seq"]) == 9007199254740993


@pytest.mark.parametrize("text", ["", "[1]", "{", 5, "[" * 100_000])
def test_text_that_is_no_object_is_not_called(page: Page, text: Any) -> None:
    connection = page.workbench.connect(page.workbench.serve(transport="memory"))

    answer = page.ask(type="call", conn=connection.name, tool="add", text=text)

    assert answer == {"ok": False, "text": "the arguments are no JSON object."}


def test_what_is_edited_is_sent_as_it_stands(page: Page) -> None:
    connection = page.workbench.connect(page.workbench.serve(transport="http"))
    seq = request_of(page, connection, a=40)
    message = page.sent(seq)
    message["params"]["arguments"] = {"a": 4000, "b": 1}

    answer = page.ask(type="resend", seq=seq, edited=json.dumps(message, indent=2))

    assert result_of(page, answer["seq"]) == 4001


def test_nonsense_is_sent_too(page: Page) -> None:
    connection = page.workbench.connect(page.workbench.serve(transport="memory"))
    seq = request_of(page, connection, a=40)

    answer = page.ask(type="resend", seq=seq, edited="{nonsense")

    assert answer["ok"]
    event = page.workbench.trace.event(answer["seq"])
    assert isinstance(event, Message)
    assert event.raw == b"{nonsense"


def test_the_page_never_needs_the_secret(page: Page) -> None:
    """The page holds masked text; what is sent again is what was recorded."""
    page.workbench.trace.secrets.add("hunter2-hunter2")
    connection = page.workbench.connect(page.workbench.serve(transport="memory"))
    seq = request_of(page, connection, a=40, note="hunter2-hunter2")

    answer = page.ask(type="resend", seq=seq)

    assert page.sent(answer["seq"])["params"]["arguments"]["note"] == "hunter2-hunter2"
    assert "hunter2" not in str(answer)


def test_what_left_the_trace_cannot_be_sent(page: Page) -> None:
    answer = page.ask(type="resend", seq=4000)

    assert not answer["ok"]
    assert "no recorded request" in answer["text"]


def test_a_closed_connection_says_what_to_do(page: Page) -> None:
    connection = page.workbench.connect(page.workbench.serve(transport="memory"))
    seq = request_of(page, connection, a=40)
    connection.close()

    answer = page.ask(type="resend", seq=seq)

    assert not answer["ok"]
    assert "%mcp connect" in answer["text"]


def test_a_form_calls_a_tool(page: Page) -> None:
    connection = page.workbench.connect(page.workbench.serve(transport="websocket"))

    answer = page.ask(type="call", conn=connection.name, tool="add", arguments={"a": 1, "b": 1})

    assert answer["ok"]
    assert result_of(page, answer["seq"]) == 2


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"tool": "ad", "arguments": {}}, "add"),
        ({"tool": "add", "arguments": {"a": "x"}}, "a"),
        ({"tool": "add", "arguments": []}, "no JSON object"),
        ({"tool": "add", "arguments": {"a": 1}, "conn": "nobody"}, "nobody"),
    ],
)
def test_a_call_that_cannot_be_made_is_answered(
    page: Page, asked: dict[str, Any], said: str
) -> None:
    answer = page.ask(type="call", **asked)

    assert not answer["ok"]
    assert said in answer["text"]


def test_an_endpoint_is_stopped(page: Page) -> None:
    endpoint = page.workbench.serve(transport="http")

    assert page.ask(type="stop", name=endpoint.name)["ok"]
    assert endpoint.name not in page.workbench.endpoints
    assert not page.ask(type="stop", name=endpoint.name)["ok"]


@pytest.mark.parametrize(
    "raw", [b"", b"[1,2]", b'{"jsonrpc":"2.0","method":"x"}', b'{"id":1,"result":{}}', b"\xff"]
)
def test_only_requests_get_an_id(raw: bytes) -> None:
    assert fresh(raw, 7) == raw


def test_a_secret_typed_into_a_form_is_masked_from_then_on(page: Page) -> None:
    @page.workbench.tool
    def login(password: str) -> str:
        """Log in."""
        return "in"

    answer = page.ask(type="call", tool="login", arguments={"password": "swordfish-4711"})

    assert answer["ok"]
    assert "swordfish" not in snapshot(page.workbench.trace)


def test_each_resend_has_an_id_of_its_own(page: Page) -> None:
    connection = page.workbench.connect(page.workbench.serve(transport="http"))
    seq = request_of(page, connection, a=40)
    for _ in range(6):  # all at once
        page.doing({"type": "resend", "seq": seq}, page.answers.put)

    answers = [page.answers.get(timeout=30) for _ in range(6)]

    ids = {page.sent(answer["seq"])["id"] for answer in answers}
    assert len(ids) == 6
