"""The small rooms: arguments, names, questions, what went wrong, quiet logging."""

from __future__ import annotations

import asyncio
import logging
import socket
import sqlite3
import threading
import time
from typing import Any

import mcp_types as types
import pytest

from mcp_notebook.errors import McpError, QuestionUnanswered, UsageError
from mcp_notebook.runtime.arguments import check, signature, type_word
from mcp_notebook.runtime.names import free_name, near, resolve
from mcp_notebook.runtime.questions import Answers, Question, result_of
from mcp_notebook.runtime.quiet import NAMES, QuietLogging
from mcp_notebook.runtime.results import Failure
from mcp_notebook.runtime.toolthreads import Running
from mcp_notebook.runtime.trouble import Trouble, advice, ago, report, user_frames

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer", "default": 3},
        "unit": {"enum": ["C", "F"]},
    },
    "required": ["city"],
}


# ---- arguments -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"town": "Oslo"}, r"has no argument 'town'"),
        ({"citi": "Oslo"}, r"Did you mean city\? It is forecast\(city: string, days"),
        ({}, r"forecast needs city\. It is forecast\(city: string"),
        ({"city": 3}, r"forecast: city: 3 is not of type 'string'"),
        ({"city": "Oslo", "days": "two"}, r"days: 'two' is not of type 'integer'"),
        ({"city": "Oslo", "unit": "K"}, r"unit: 'K' is not one of"),
        ({"city": "Oslo", "days": object()}, r"cannot be written as JSON"),
        ({"city": "x" * 500 + "\n", "unit": "y" * 500}, r"\.\.\."),
    ],
)
def test_arguments_that_do_not_fit_are_one_line(arguments: dict[str, Any], expected: str) -> None:
    with pytest.raises(UsageError, match=expected) as caught:
        check("forecast", SCHEMA, arguments)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("schema", "arguments"),
    [
        (SCHEMA, {"city": "Oslo", "days": 2, "unit": "C"}),
        ({"type": "object"}, {"anything": 1}),
        ({"type": "object", "properties": {"a": {}}, "additionalProperties": {}}, {"b": 1}),
        ({"properties": {"a": {}}, "patternProperties": {"^x": {}}}, {"x1": 1}),
        ({"type": "object", "properties": {"a": {"type": "no such type"}}}, {"a": 1}),
        ({"properties": {"a": {"$ref": "https://unreachable.invalid/schema"}}}, {"a": 1}),
    ],
)
def test_what_the_schema_takes_or_cannot_judge_passes(
    schema: dict[str, Any], arguments: dict[str, Any]
) -> None:
    check("tool", schema, arguments)


def test_an_address_in_a_schema_is_never_fetched() -> None:
    """A server could make the kernel ask hosts that only the kernel reaches."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.3)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/schema"

        check("tool", {"properties": {"a": {"$ref": address}}}, {"a": 1})

        with pytest.raises(TimeoutError):
            listening.accept()


def test_a_tool_is_written_as_a_person_would_call_it() -> None:
    expected = 'forecast(city: string, days: integer = 3, unit: "C" | "F" = ...)'
    assert signature("forecast", SCHEMA) == expected
    assert signature("none", {}) == "none()"


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        ({"type": "integer"}, "integer"),
        ({"type": ["string", "null"]}, "string or null"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string or null"),
        ({"type": "array", "items": {"type": "number"}}, "array of number"),
        ({"$ref": "#/$defs/City"}, "City"),
        ({"const": 3}, "3"),
        ({}, "any"),
        (True, "any"),
    ],
)
def test_a_type_is_a_word_or_two(spec: Any, word: str) -> None:
    assert type_word(spec) == word


# ---- names ---------------------------------------------------------------------------------------


def test_a_taken_name_is_numbered() -> None:
    assert free_name("a", []) == "a"
    assert free_name("a", ["a", "a-2"]) == "a-3"


def test_a_name_that_is_not_there_is_guessed_and_listed() -> None:
    assert near("wether", ["weather", "clock"]) == "Did you mean weather? "
    assert near("zzz", ["weather"]) == ""
    with pytest.raises(
        UsageError, match=r"no server 'clok'\. Did you mean clock\? There is: clock"
    ):
        resolve("clok", {"clock": 1}, "server")
    with pytest.raises(UsageError, match="There is: none"):
        resolve("clok", {}, "server")


# ---- questions -----------------------------------------------------------------------------------


def form(**properties: Any) -> Question:
    schema = {"type": "object", "properties": properties, "required": list(properties)[:1]}
    return Question(kind="elicitation", message="Who?", schema=schema)


NAME = form(name={"type": "string"})
TWO = form(name={"type": "string"}, age={"type": "integer"})
SAMPLING = Question(kind="sampling", message="Write a poem.")
URL = Question(kind="url", message="Log in at https://x.example")


@pytest.mark.parametrize(
    ("question", "answer", "action", "content"),
    [
        (NAME, {"name": "Ada"}, "accept", {"name": "Ada"}),
        (NAME, "Ada", "accept", {"name": "Ada"}),
        (TWO, {"name": "Ada"}, "accept", {"name": "Ada"}),
        (NAME, "decline", "decline", None),
        (NAME, "cancel", "cancel", None),
        (URL, True, "accept", None),
        (URL, "decline", "decline", None),
    ],
)
def test_an_answer_becomes_the_sdks_result(
    question: Question, answer: Any, action: str, content: Any
) -> None:
    result = result_of(question, answer)
    assert (result.action, result.content) == (action, content)


def test_what_an_answer_leaves_out_is_as_the_form_says() -> None:
    question = form(name={"type": "string", "default": "Ada"}, age={"type": "integer"}, odd=True)
    assert result_of(question, {}).content == {"name": "Ada"}
    assert result_of(question, {"age": 3}).content == {"name": "Ada", "age": 3}
    assert result_of(question, {"name": "Eve"}).content == {"name": "Eve"}
    assert result_of(question, "decline").content is None


def test_a_sampling_question_is_answered_with_text() -> None:
    result = result_of(SAMPLING, "Roses are red.")
    assert result.content.text == "Roses are red."
    assert result.role == "assistant"
    with pytest.raises(UsageError, match="answered with text"):
        result_of(SAMPLING, {"text": "x"})


def test_a_ready_result_passes_unchanged() -> None:
    ready = types.ElicitResult(action="decline")
    assert result_of(NAME, ready) is ready


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        (TWO, "Ada", "asks for name, age"),
        (TWO, {"age": 3}, "lacks name"),
        (form(), "x", "asks for a form"),
    ],
)
def test_an_answer_that_does_not_fit_is_said(
    question: Question, answer: Any, expected: str
) -> None:
    with pytest.raises(UsageError, match=expected):
        result_of(question, answer)


async def given(answers: Answers, *questions: Question) -> list[Any]:
    return [(await answers.answer(q)).content for q in questions]


def test_one_answer_serves_every_question_and_a_list_serves_each_in_turn() -> None:
    assert asyncio.run(given(Answers("A"), NAME, NAME)) == [{"name": "A"}, {"name": "A"}]
    in_turn = Answers(["A", "B"])
    assert asyncio.run(given(in_turn, NAME, NAME)) == [{"name": "A"}, {"name": "B"}]
    with pytest.raises(QuestionUnanswered, match="more questions than answers"):
        asyncio.run(given(in_turn, NAME))
    assert len(in_turn.asked) == 3


def test_a_callback_may_be_plain_or_awaitable() -> None:
    async def later(question: Question) -> str:
        return question.message

    assert asyncio.run(given(Answers(lambda q: q.message), NAME)) == [{"name": "Who?"}]
    assert asyncio.run(given(Answers(later), NAME)) == [{"name": "Who?"}]
    assert asyncio.run(given(Answers(None, later), NAME)) == [{"name": "Who?"}]


def test_where_nobody_can_answer_the_error_shows_how() -> None:
    with pytest.raises(QuestionUnanswered, match="'Who\\?', and nobody here") as caught:
        asyncio.run(given(Answers(), TWO))
    assert '--answer \'{"name": ..., "age": ...}\'' in str(caught.value)
    with pytest.raises(QuestionUnanswered, match="--answer '\"text\"'"):
        asyncio.run(given(Answers(), SAMPLING))


def test_a_question_is_read_from_what_the_server_sent() -> None:
    message = types.SamplingMessage(role="user", content=types.TextContent(type="text", text="Hi"))
    sampling = types.CreateMessageRequestParams(messages=[message], max_tokens=5)
    assert (Question.of(sampling).kind, Question.of(sampling).message) == ("sampling", "Hi")
    url = types.ElicitRequestURLParams(
        message="Log in:", url="https://x.example", elicitation_id="1"
    )
    assert Question.of(url).kind == "url"
    assert "https://x.example" in Question.of(url).message


# ---- what went wrong -----------------------------------------------------------------------------


def raised(work: Any) -> BaseException:
    try:
        work()
    except BaseException as error:
        return error
    raise AssertionError("it did not fail")


def sqlite_elsewhere() -> None:
    table = sqlite3.connect(":memory:")
    errors: list[BaseException] = []

    def use() -> None:
        errors.append(raised(lambda: table.execute("select 1")))

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    table.close()
    raise errors[0]


def event_of_another_loop() -> None:
    """What an async client made in one loop does in another."""

    async def wait(lock: asyncio.Lock) -> None:
        async with lock:
            await asyncio.sleep(0)

    async def hold(lock: asyncio.Lock) -> None:
        async with lock, asyncio.timeout(0.01):
            await lock.acquire()

    lock = asyncio.Lock()
    raised(lambda: asyncio.run(hold(lock)))

    async def contend() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(wait(lock))
            group.create_task(wait(lock))

    try:
        asyncio.run(contend())
    except ExceptionGroup as several:
        raise several.exceptions[0] from None


@pytest.mark.parametrize("work", [sqlite_elsewhere, event_of_another_loop])
def test_what_belongs_to_the_kernels_thread_or_loop_is_recognised(work: Any) -> None:
    failure = Failure(tool="query", error=raised(work), at_ns=0)
    text = report(Trouble(what="query", failure=failure), [], [])
    assert "This belongs to the kernel's" in text
    assert "--thread kernel" in text


def test_another_failure_gets_no_such_advice() -> None:
    failure = Failure(tool="query", error=ValueError("wrong"), at_ns=0)
    assert advice(Trouble(what="query", failure=failure)) == ""
    hinted = McpError("no", hint="Try --era legacy.")
    assert advice(Trouble(what="connect", error=hinted)) == "Try --era legacy."


def test_only_the_users_frames_are_shown() -> None:
    def users_own() -> None:
        check("tool", {"properties": {"a": {}}, "additionalProperties": False}, {"b": 1})

    lines = user_frames(raised(users_own))
    assert any("in users_own" in line for line in lines)
    assert not any("arguments.py" in line for line in lines)
    assert "has no argument" in lines[-1]


# ---- quiet ---------------------------------------------------------------------------------------


def test_quiet_logging_silences_the_libraries_and_puts_everything_back() -> None:
    def state() -> list[tuple[bool, int, list[logging.Handler]]]:
        loggers = [logging.getLogger(name) for name in NAMES]
        return [(one.propagate, one.level, list(one.handlers)) for one in loggers]

    logging.getLogger("mcp").setLevel(logging.WARNING)
    before = state()
    quiet = QuietLogging()
    quiet.apply()
    quiet.apply()
    assert all(not propagate for propagate, _, _ in state())
    quiet.restore()
    quiet.restore()
    assert state() == before
    logging.getLogger("mcp").setLevel(logging.NOTSET)


def test_loggers_stay_quiet_until_the_last_workbench_has_gone() -> None:
    logger = logging.getLogger("mcp")
    before = logger.propagate, list(logger.handlers)
    first, second = QuietLogging(), QuietLogging()
    first.apply()
    second.apply()
    first.restore()
    assert not logger.propagate
    first.restore()
    second.restore()
    assert (logger.propagate, list(logger.handlers)) == before


# ---- what why says -------------------------------------------------------------------------------


def test_why_does_not_send_the_reader_back_to_why() -> None:
    text = report(Trouble(what="add", error=McpError("it broke", hint="%mcp why")), [], [])
    assert "%mcp why" not in text
    assert "it broke" in text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.5, "just now"), (12, "12 s ago"), (600, "10 min ago"), (10_900, "3 h ago")],
)
def test_how_long_ago_is_in_words(seconds: float, words: str) -> None:
    assert ago(seconds) == words
    text = report(Trouble(what="add", at=time.monotonic() - seconds), [], [])
    assert text.startswith(f"add, {words}:")


def test_an_interrupt_is_told_from_a_failure() -> None:
    text = report(Trouble(what="add", connection="lab", error=KeyboardInterrupt()), [], [])
    assert text.startswith("add on lab, just now:")
    assert "You interrupted it" in text


def test_where_a_tool_runs_is_in_plain_words() -> None:
    began = time.monotonic() - 5
    running = [
        Running(tool="slow", thread="worker", since=began),
        Running(tool="quick", thread="tool_loop", since=began),
        Running(tool="asks", thread="tool_loop", since=began),
    ]
    assert report(None, [], running, waiting={"asks"}).splitlines() == [
        "slow has been running for 5 s (in a thread of its own).",
        "quick has been running for 5 s (on the loop of async tools).",
        "asks has been waiting for your answer, 5 s since its call.",
    ]
