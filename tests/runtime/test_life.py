"""The life of a workbench: opened, used and closed anywhere, and nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from mcp.server.mcpserver import Context

from mcp_notebook.errors import ConnectionLost, QuestionUnanswered, UsageError
from mcp_notebook.runtime.loop import BackgroundLoop
from mcp_notebook.runtime.workbench import Workbench
from tests.transports.tools import Size, tall

ROUNDS = 10
IN_KERNEL = ["memory", "pipe", "bridge", "unix", "tcp", "http", "http-json", "sse", "websocket"]


def held() -> dict[str, object]:
    """What this process holds."""
    gc.collect()
    me = psutil.Process()
    return {
        "threads": sorted(
            t.name for t in threading.enumerate() if not t.name.startswith("AnyIO worker")
        ),
        "descriptors": me.num_fds(),
        "children": len(me.children(recursive=True)),
        "ports": sorted(c.laddr.port for c in me.net_connections("inet") if c.status == "LISTEN"),
    }


async def tasks_left() -> list[str]:
    me = asyncio.current_task()
    return sorted(
        task.get_coro().__qualname__  # type: ignore[union-attr]
        for task in asyncio.all_tasks()
        # one for each loop that served an event stream, until the loop ends (sse_starlette)
        if task is not me and task.get_coro().__qualname__ != "_shutdown_watcher"  # type: ignore[union-attr]
    )


def add(a: int, b: int = 1) -> int:
    return a + b


async def add_slowly(a: int) -> int:
    await asyncio.sleep(0)
    return a + 1


@pytest.mark.slow
@pytest.mark.parametrize("transport", IN_KERNEL)
def test_rounds_of_serve_connect_call_and_stop_leave_nothing_behind(
    tmp_path: Path, transport: str
) -> None:
    with Workbench(folder=str(tmp_path)) as bench:
        bench.tool(add)
        bench.tool(add_slowly)
        after: list[dict[str, object]] = []
        for turn in range(ROUNDS):
            endpoint = bench.serve(transport=transport)
            for era in ("legacy", "modern"):
                connection = bench.connect(endpoint, era=era)
                listening = connection.listen()
                assert connection.call("add", a=turn).value == turn + 1
                assert connection.call("add_slowly", a=turn).value == turn + 1
                if era == "modern":
                    listening.stop()
                    connection.close()
            endpoint.stop()  # with the legacy connection open
            connection.close()
            if turn in (1, ROUNDS - 1):  # the first one starts the tool loop and worker threads
                after.append(held() | {"tasks": bench.loop.run(tasks_left())})
        early, late = after
        assert late == early
        assert late["tasks"] == []


@pytest.mark.slow
def test_rounds_of_children_leave_nothing_behind(tmp_path: Path) -> None:
    with Workbench(folder=str(tmp_path)) as bench:
        bench.tool(add)
        endpoint = bench.serve(transport="stdio")
        after: list[dict[str, object]] = []
        for _ in range(3):
            with bench.connect(endpoint, timeout=40) as connection:
                assert connection.call("add", a=1).value == 2
            after.append(held() | {"tasks": bench.loop.run(tasks_left())})
        assert after[-1] == after[0]
        assert after[-1]["children"] == 0


def test_a_closed_workbench_has_left_nothing_behind(tmp_path: Path) -> None:
    before = held()
    root = logging.getLogger()
    logs = root.level, list(root.handlers), logging.getLogger("mcp").propagate
    bench = Workbench(folder=str(tmp_path))
    bench.tool(add)
    bench.tool(add_slowly)
    for transport in IN_KERNEL:
        connection = bench.connect(bench.serve(transport=transport))
        connection.call("add_slowly", a=1)
    assert held() != before
    bench.close()
    bench.close()
    assert held() == before
    assert (root.level, list(root.handlers), logging.getLogger("mcp").propagate) == logs


def test_two_workbenches_side_by_side_do_not_meet(tmp_path: Path) -> None:
    with (
        Workbench(folder=str(tmp_path / "one")) as one,
        Workbench(folder=str(tmp_path / "two")) as two,
    ):
        one.tool(lambda: "one", name="who")
        two.tool(lambda: "two", name="who")
        for transport in IN_KERNEL:
            ends = [w.serve(transport=transport) for w in (one, two)]
            values = [w.connect(e).call("who").value for w, e in zip((one, two), ends, strict=True)]
            assert values == ["one", "two"]
        one.close()
        assert two.connect("notebook-http").call("who").value == "two"


@pytest.mark.parametrize("transport", IN_KERNEL)
def test_a_connection_is_opened_used_and_closed_by_different_threads(
    bench: Workbench, transport: str
) -> None:
    bench.tool(add)
    endpoint = bench.serve(transport=transport)

    def in_a_thread(work: object) -> object:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(work).result()  # type: ignore[arg-type]

    connection = in_a_thread(lambda: bench.connect(endpoint))
    assert in_a_thread(lambda: connection.call("add", a=1).value) == 2  # type: ignore[attr-defined]
    assert connection.call("add", a=2).value == 3  # type: ignore[attr-defined]
    in_a_thread(connection.close)  # type: ignore[attr-defined]
    with pytest.raises(ConnectionLost, match="it is closed"):
        connection.tools()  # type: ignore[attr-defined]
    connection.close()  # type: ignore[attr-defined]
    assert bench.connections == {}


def test_the_awaitable_twins_work_from_any_loop(bench: Workbench) -> None:
    bench.tool(add)
    bench.resource("note://one", name="one")(lambda: "one")
    bench.prompt(lambda: "Say it.", name="say")
    connection = bench.connect(bench.serve(transport="websocket"))

    async def main() -> list[object]:
        values = [
            (await connection.aio.call("add", a=1)).value,
            (await connection.aio.tools()).names,
            (await connection.aio.resources()).names,
            (await connection.aio.prompts()).names,
            (await connection.aio.read("note://one")).value,
            (await connection.aio.prompt("say")).text,
        ]
        several = await asyncio.gather(*(connection.aio.call("add", a=n) for n in range(5)))
        values.append([one.value for one in several])
        await connection.aio.close()
        return values

    expected = [2, ["add"], ["note://one"], ["say"], "one", "user: Say it.", [1, 2, 3, 4, 5]]
    assert asyncio.run(main()) == expected


def test_an_awaited_call_that_is_cancelled_reaches_the_tool(bench: Workbench) -> None:
    begun, cancelled = threading.Event(), threading.Event()

    @bench.tool
    async def linger() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    connection = bench.connect(bench.serve(transport="memory"))

    async def main() -> None:
        task = asyncio.get_running_loop().create_task(connection.aio.call("linger"))
        await asyncio.to_thread(begun.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert cancelled.wait(20)


def test_a_server_that_goes_away_is_said_in_the_next_call(bench: Workbench, tmp_path: Path) -> None:
    for transport in ("unix", "tcp", "http", "http-json", "sse", "websocket"):
        with Workbench(folder=str(tmp_path / transport)) as other:
            other.tool(add)
            url = other.serve(transport=transport).url
            connection = bench.connect(url, name=transport, timeout=20)
            assert connection.call("add", a=1).value == 2
        with pytest.raises(ConnectionLost, match=f"{transport} (is gone|gives no answer)"):
            connection.call("add", a=1)
        connection.close()


def test_nothing_is_connected_or_served_at_first(bench: Workbench) -> None:
    with pytest.raises(UsageError, match="there is nothing to connect to"):
        bench.connect()
    with pytest.raises(UsageError, match="nothing is connected"):
        bench.connection()
    with pytest.raises(UsageError, match="there is no connection 'x'"):
        bench.connection("x")
    assert bench.why() == "Nothing has failed."


def test_the_newest_open_connection_is_the_default_one(bench: Workbench) -> None:
    bench.tool(add)
    bench.serve(transport="memory")
    first, second = bench.connect(), bench.connect()
    assert (first.name, second.name) == ("notebook-memory", "notebook-memory-2")
    assert bench.connection() is second
    bench.use(first.name)
    assert bench.connection() is first
    first.close()
    assert bench.connection() is second


def test_stop_names_what_it_does_not_know_and_stops_nothing(bench: Workbench) -> None:
    endpoint = bench.serve(transport="memory", name="mine")
    with pytest.raises(UsageError, match=r"'min'.*Did you mean mine\?"):
        bench.stop("mine", "min")
    assert endpoint.status == "listening"
    assert bench.stop_all() == ["mine"]


# ---- the loop itself ---------------------------------------------------------------------------


@pytest.fixture
def loop() -> Iterator[BackgroundLoop]:
    made = BackgroundLoop("mcp-test")
    yield made
    made.stop()


def test_a_loop_starts_when_it_is_needed(loop: BackgroundLoop) -> None:
    async def thread() -> str:
        return threading.current_thread().name

    assert not loop.running
    assert loop.run(thread()) == "mcp-test"
    assert loop.running
    for _ in range(2):
        loop.stop()
        assert not loop.running


def test_waiting_for_itself_is_refused(loop: BackgroundLoop) -> None:
    async def outer() -> None:
        with pytest.raises(RuntimeError, match=r"await the \.aio twin"):
            loop.run(asyncio.sleep(0))

    loop.run(outer())


def test_a_time_limit_cancels_the_coroutine(loop: BackgroundLoop) -> None:
    cancelled = threading.Event()

    async def linger() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with pytest.raises(TimeoutError):
        loop.run(linger(), timeout_s=0.05)
    assert cancelled.wait(10)


def test_interrupt_cancels_what_was_just_started(
    loop: BackgroundLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, cancelled = threading.Event(), threading.Event()

    async def linger() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    submit = loop.submit

    def struck(*args: object) -> None:
        submit(*args)  # type: ignore[arg-type]
        assert begun.wait(10)
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "submit", struck)
    with pytest.raises(KeyboardInterrupt):
        loop.run(linger())
    assert cancelled.wait(10)


def test_what_was_cancelled_before_it_began_never_begins(loop: BackgroundLoop) -> None:
    begun = threading.Event()

    async def begin() -> None:
        begun.set()

    future: Future[None] = Future()
    future.cancel()
    loop.submit(begin(), future)
    loop.run(asyncio.sleep(0))
    assert not begun.is_set()


def test_stopping_cancels_what_still_runs(loop: BackgroundLoop) -> None:
    begun, cancelled = threading.Event(), threading.Event()

    async def linger() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    future = loop.submit(linger())
    assert begun.wait(10)
    loop.stop()
    assert cancelled.is_set()
    assert future.cancelled()


def test_a_coroutine_is_awaited_from_another_loop(loop: BackgroundLoop) -> None:
    async def thread() -> str:
        return threading.current_thread().name

    async def main() -> str:
        return await loop.reach(thread())

    assert asyncio.run(main()) == "mcp-test"


# ---- time and questions ------------------------------------------------------------------------


def test_time_does_not_count_while_a_question_is_open(bench: Workbench) -> None:
    bench.tool(tall)
    connection = bench.connect(bench.serve(transport="memory"), era="legacy")

    async def answer(_question: object) -> object:
        await asyncio.sleep(0.5)  # longer than the call may take: only the clock can tell
        return 180

    call = connection.start("tall", {}, answer=answer, timeout=0.3)
    assert call.result().value == "180 cm"


def test_several_questions_are_answered_one_after_the_other(bench: Workbench) -> None:
    @bench.tool
    async def both(ctx: Context) -> str:  # type: ignore[type-arg]
        answers = [await ctx.elicit(f"Question {n}?", Size) for n in (1, 2)]
        return " ".join(str(a.data.centimetres) for a in answers)  # type: ignore[union-attr]

    connection = bench.connect(bench.serve(transport="memory"), era="legacy")
    assert connection.start("both", {}, answer=[1, 2]).result().value == "1 2"
    with pytest.raises(QuestionUnanswered, match="more questions than answers"):
        connection.start("both", {}, answer=[1]).result()


def test_an_answer_that_does_not_fit_is_refused(bench: Workbench) -> None:
    bench.tool(tall)
    connection = bench.connect(bench.serve(transport="memory"))
    with pytest.raises(UsageError, match="lacks centimetres"):
        connection.start("tall", {}, answer={"metres": 2}).result()


def test_the_connections_asker_is_asked_where_no_answer_was_given(bench: Workbench) -> None:
    bench.tool(tall)
    for era in ("legacy", "modern"):
        connection = bench.connect(bench.serve(transport="memory"), era=era)
        asked: list[str] = []

        def asker(question: object, asked: list[str] = asked) -> int:
            asked.append(question.message)  # type: ignore[attr-defined]
            return 99

        connection.asker = asker
        assert connection.call("tall").value == "99 cm"
        assert asked == ["How tall?"]


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_closing_withdraws_the_question_that_is_open(bench: Workbench, era: str) -> None:
    bench.tool(tall)
    connection = bench.connect(bench.serve(transport="memory"), era=era)
    asked = threading.Event()

    async def asker(_question: object) -> object:
        asked.set()
        return await asyncio.get_running_loop().create_future()

    connection.asker = asker
    call = connection.start("tall", {})
    assert asked.wait(10)

    connection.close()

    with pytest.raises(ConnectionLost, match="closed"):
        call.result(20)
