from __future__ import annotations

import json

import pytest

from mcp_notebook.trace.events import Message, Vantage
from mcp_notebook.trace.exchange import Exchange, Status, pair, preferred_vantage
from mcp_notebook.trace.store import Trace

from .recording import C2S, S2C, Recording


def only(recording: Recording) -> Exchange:
    (exchange,) = pair(recording.trace.events())
    return exchange


def test_a_request_and_its_answer_are_one_exchange_with_its_time() -> None:
    recording = Recording()
    request = recording.ask(7, "tools/call", name="add", ms=1)
    answer = recording.answer(7, ms=3.5)
    exchange = only(recording)
    assert exchange.request == request
    assert exchange.answer == answer
    assert exchange.status is Status.ANSWERED
    assert exchange.latency_ns == 2_500_000
    assert (exchange.method, exchange.tool, exchange.id) == ("tools/call", "add", 7)
    assert (exchange.conn, exchange.transport, exchange.direction) == ("demo", "tcp", C2S)
    assert exchange.messages == (request, answer)
    assert exchange.rounds == (request.seq,)


def test_only_a_call_has_a_tool_but_every_name_is_kept() -> None:
    recording = Recording()
    recording.ask(1, "prompts/get", name="hello")
    recording.ask(2, "resources/read", uri="file:///a")
    prompt, resource = pair(recording.trace.events())
    assert (prompt.tool, prompt.name) == (None, "hello")
    assert resource.name == "file:///a"


def test_an_error_and_a_failing_tool_are_told_apart() -> None:
    recording = Recording()
    recording.ask(1)
    recording.refuse(1)
    recording.ask(2, "tools/call", name="add")
    recording.answer(2, isError=True, content=[])
    assert [one.status for one in pair(recording.trace.events())] == ["error", "tool-error"]


def test_a_request_without_an_answer_is_unanswered() -> None:
    recording = Recording()
    recording.ask(1)
    exchange = only(recording)
    assert (exchange.status, exchange.latency_ns, exchange.answer) == ("unanswered", None, None)


def test_a_cancelled_request_is_cancelled_and_an_answer_after_that_is_late() -> None:
    recording = Recording()
    recording.ask(1)
    gone = recording.notify(C2S, "notifications/cancelled", requestId=1)
    assert only(recording).status is Status.CANCELLED
    assert only(recording).related == (gone,)
    recording.answer(1, ms=9)
    assert only(recording).status is Status.LATE
    assert only(recording).latency_ns == 8_000_000


def test_a_cancellation_that_crosses_the_answer_changes_nothing() -> None:
    recording = Recording()
    recording.ask(1)
    recording.answer(1)
    recording.notify(C2S, "notifications/cancelled", requestId=1)
    assert only(recording).status is Status.ANSWERED


def test_only_the_side_that_asked_can_cancel() -> None:
    recording = Recording()
    recording.ask(1)
    recording.notify(S2C, "notifications/cancelled", requestId=1)
    assert only(recording).status is Status.UNANSWERED
    assert only(recording).related == ()


def test_a_server_may_cancel_a_subscription() -> None:
    recording = Recording()
    recording.ask(1, "subscriptions/listen", notifications={})
    recording.notify(S2C, "notifications/cancelled", requestId=1)
    assert only(recording).status is Status.CANCELLED


def test_two_answers_are_a_duplicate_and_the_first_counts() -> None:
    recording = Recording()
    recording.ask(1, ms=1)
    first = recording.answer(1, ms=2)
    second = recording.answer(1, ms=5)
    exchange = only(recording)
    assert exchange.status is Status.DUPLICATE
    assert exchange.answers == (first, second)
    assert exchange.latency_ns == 1_000_000


def test_an_id_used_again_while_its_request_is_open_is_a_duplicate() -> None:
    recording = Recording()
    recording.ask(1)
    recording.ask(1)
    recording.answer(1)
    recording.answer(1)
    assert [one.status for one in pair(recording.trace.events())] == ["answered", "duplicate"]


def test_an_id_used_again_after_its_answer_is_a_new_exchange() -> None:
    recording = Recording()
    for _ in range(200):
        recording.ask(1)
        recording.answer(1)
    assert {one.status for one in pair(recording.trace.events())} == {Status.ANSWERED}


def test_seven_and_the_text_seven_are_two_ids() -> None:
    recording = Recording()
    recording.ask(7, "a")
    recording.ask("7", "b")
    recording.answer("7")
    assert [one.status for one in pair(recording.trace.events())] == ["unanswered", "answered"]


def test_each_side_has_ids_of_its_own() -> None:
    recording = Recording()
    recording.ask(1, "tools/call", name="ask_back")
    recording.ask(1, "elicitation/create", way=S2C, message="?")
    recording.answer(1, way=C2S, action="accept")
    recording.answer(1, isError=True)
    call, question = pair(recording.trace.events())
    assert (call.status, question.status) == ("tool-error", "answered")
    assert question.direction is S2C


def test_over_http_the_answer_may_come_on_another_link() -> None:
    recording = Recording(transport="http", link="http#1")
    recording.ask(1)
    recording.answer(1, link="http#2")
    assert only(recording).status is Status.ANSWERED


def test_at_the_server_two_clients_with_the_same_ids_stay_apart() -> None:
    recording = Recording(vantage=Vantage.SERVER, conn="notebook-tcp")
    recording.ask(1, "a", link="tcp#1")
    recording.ask(1, "b", link="tcp#2")
    recording.answer(1, link="tcp#2", who="b")
    recording.answer(1, link="tcp#1", who="a")
    for exchange in pair(recording.trace.events()):
        assert exchange.status is Status.ANSWERED
        assert exchange.answer is not None
        assert exchange.answer.json()["result"]["who"] == exchange.method


def test_a_second_answer_is_not_taken_for_another_clients_first() -> None:
    recording = Recording(vantage=Vantage.SERVER)
    recording.ask(1, "a", link="tcp#1")
    recording.ask(1, "b", link="tcp#2")
    recording.answer(1, link="tcp#2")
    recording.answer(1, link="tcp#2")
    assert [one.status for one in pair(recording.trace.events())] == ["unanswered", "duplicate"]


def test_connections_and_vantages_do_not_mix() -> None:
    trace = Trace()
    one, two = Recording(trace, conn="one"), Recording(trace, conn="two")
    relay = Recording(trace, conn="one", vantage=Vantage.RELAY)
    one.ask(1)
    two.answer(1)
    relay.answer(1)
    assert [exchange.status for exchange in pair(trace.events())] == ["unanswered"]


def test_progress_is_found_by_its_token_and_not_by_the_id() -> None:
    recording = Recording()
    recording.ask(1, "tools/call", name="a", _meta={"progressToken": "t"})
    recording.ask(2, "tools/call", name="b", _meta={"progressToken": 1})
    mine = recording.notify(S2C, "notifications/progress", progressToken="t", progress=1)
    other = recording.notify(S2C, "notifications/progress", progressToken=1, progress=1)
    first, second = pair(recording.trace.events())
    assert first.progress == (mine,)
    assert second.progress == (other,)


def test_a_notification_on_the_stream_of_one_request_is_related_to_it() -> None:
    recording = Recording(transport="http", link="http#1")
    recording.ask(1)
    log = recording.notify(S2C, "notifications/message", level="info", data="x")
    recording.answer(1)
    recording.notify(S2C, "notifications/message", level="info", data="after")
    assert only(recording).related == (log,)


def test_with_two_open_requests_nobody_guesses_whose_a_notification_is() -> None:
    recording = Recording()
    recording.ask(1)
    recording.ask(2)
    recording.notify(S2C, "notifications/message", level="info", data="x")
    assert [one.related for one in pair(recording.trace.events())] == [(), ()]


def test_the_events_of_a_subscription_belong_to_its_listen() -> None:
    recording = Recording()
    recording.ask(4, "subscriptions/listen", notifications={"toolsListChanged": True})
    recording.ask(5)
    event = recording.notify(
        S2C,
        "notifications/tools/list_changed",
        _meta={"io.modelcontextprotocol/subscriptionId": 4},
    )
    listen, _ = pair(recording.trace.events())
    assert listen.related == (event,)


def ask_for_input(recording: Recording, id: int, state: str | None) -> None:
    recording.answer(id, resultType="input_required", inputRequests={}, requestState=state)


def test_a_question_and_the_retry_that_answers_it_are_rounds_of_one_call() -> None:
    recording = Recording()
    recording.ask(1, "tools/call", name="book")
    ask_for_input(recording, 1, "s1")
    recording.ask(2, "tools/call", name="book", inputResponses={}, requestState="s1")
    ask_for_input(recording, 2, "s2")
    recording.ask(3, "tools/call", name="book", inputResponses={}, requestState="s2")
    recording.answer(3)
    exchanges = pair(recording.trace.events())
    assert [one.status for one in exchanges] == ["input-required", "input-required", "answered"]
    assert [one.retry_of for one in exchanges] == [None, 1, 3]
    assert [one.rounds for one in exchanges] == [(1, 3, 5)] * 3


def test_two_games_at_once_are_told_apart_by_their_state() -> None:
    recording = Recording()
    for id, state in ((1, "a"), (2, "b")):
        recording.ask(id, "tools/call", name="book")
        ask_for_input(recording, id, state)
    recording.ask(3, "tools/call", name="book", requestState="b")
    recording.ask(4, "tools/call", name="book", requestState="a")
    assert [one.retry_of for one in pair(recording.trace.events())] == [None, None, 3, 1]


def test_masked_states_are_told_apart_by_their_order() -> None:
    recording = Recording()
    for id in (1, 2):
        recording.ask(id, "tools/call", name="book")
        ask_for_input(recording, id, "****")
    recording.ask(3, "tools/call", name="book", requestState="****")
    recording.ask(4, "tools/call", name="book", requestState="****")
    assert [one.retry_of for one in pair(recording.trace.events())] == [None, None, 1, 3]


def test_a_retry_of_another_tool_is_no_retry() -> None:
    recording = Recording()
    recording.ask(1, "tools/call", name="book")
    ask_for_input(recording, 1, "s")
    recording.ask(2, "tools/call", name="other", requestState="s")
    assert pair(recording.trace.events())[1].retry_of is None


def test_the_parts_of_a_batch_are_paired_one_by_one() -> None:
    recording = Recording()
    recording.say(C2S, [{"jsonrpc": "2.0", "id": n, "method": f"m{n}"} for n in (1, 2)])
    recording.say(S2C, [{"jsonrpc": "2.0", "id": 2, "result": {}}])
    assert [one.status for one in pair(recording.trace.events())] == ["unanswered", "answered"]


@pytest.mark.parametrize("garbage", [b"", b"\xff", b"7", b"[]", b'{"id": 1}', b'"' * 3])
def test_what_is_no_message_is_passed_over(garbage: bytes) -> None:
    recording = Recording()
    recording.say(C2S, garbage)
    recording.ask(1)
    recording.say(S2C, garbage)
    recording.answer(1)
    assert only(recording).status is Status.ANSWERED


def test_an_answer_whose_request_is_gone_is_no_exchange() -> None:
    recording = Recording()
    recording.answer(1)
    recording.notify(S2C, "notifications/progress", progressToken=1, progress=1)
    assert pair(recording.trace.events()) == []


def test_messages_that_were_cut_are_paired_by_their_beginning() -> None:
    recording = Recording()

    def cut(direction: object, obj: dict) -> None:
        raw = json.dumps(obj).encode()
        recording.trace.record(
            Message,
            direction=direction,
            raw=raw[:70],
            size=len(raw),
            time_ns=1,
            **recording.labels,
        )

    long = "x" * 500
    params = {"name": "add", "arguments": {"text": long}}
    cut(C2S, {"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params})
    cut(S2C, {"jsonrpc": "2.0", "id": 5, "result": {"content": long}})
    exchange = only(recording)
    assert (exchange.status, exchange.id, exchange.method) == ("answered", 5, "tools/call")


def test_the_clients_vantage_is_preferred_where_there_is_one() -> None:
    client, server = Recording(), Recording(vantage=Vantage.SERVER)
    server.ask(1)
    assert preferred_vantage(server.trace.events()) is Vantage.SERVER
    assert preferred_vantage([*server.trace.events(), client.ask(1)]) is Vantage.CLIENT
    assert preferred_vantage([]) is Vantage.CLIENT
