"""Where tools run, and what a tool that blocks, fails or exits does to everybody else."""

from __future__ import annotations

import _thread
import asyncio
import signal
import sqlite3
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from mcp.server.mcpserver import Context

from mcp_notebook.errors import UsageError
from mcp_notebook.runtime.toolloop import ToolLoop
from mcp_notebook.runtime.workbench import Workbench

WAIT_S = 20
KINDS = ["memory", "http", "websocket"]


def test_sync_tools_run_on_worker_threads_and_async_ones_on_a_loop_of_their_own(
    bench: Workbench,
) -> None:
    @bench.tool
    def sync() -> str:
        return threading.current_thread().name

    @bench.tool
    async def awaited() -> str:
        return threading.current_thread().name

    connection = bench.connect(bench.serve(transport="memory"))
    assert connection.call("awaited").value == "mcp-tools-1"
    name = connection.call("sync").value
    assert name not in (bench.loop.name, "mcp-tools-1", threading.main_thread().name)


@pytest.mark.parametrize("transport", KINDS)
def test_an_async_tool_that_blocks_delays_no_other_connection(
    bench: Workbench, transport: str
) -> None:
    begun, release = threading.Event(), threading.Event()

    @bench.tool
    async def block() -> str:
        begun.set()
        release.wait(WAIT_S)  # as time.sleep(3) does: the loop under the tool stands still
        return "blocked"

    @bench.tool
    async def quick() -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    endpoint = bench.serve(transport=transport)
    first, second = bench.connect(endpoint), bench.connect(endpoint)
    call = first.start("block", {})
    try:
        assert begun.wait(WAIT_S)
        assert second.call("quick").value == "mcp-tools-2"
        assert second.tools().names == ["block", "quick"]
        assert first.call("quick").value == "mcp-tools-2"
        assert not call.future.done()
    finally:
        release.set()
    assert call.result().value == "blocked"
    assert first.call("quick").value == "mcp-tools-1", "free again"


def test_a_call_that_came_together_with_one_that_blocks_is_free_to_run_elsewhere() -> None:
    release = threading.Event()
    driven = ToolLoop("mcp-tools-test")

    async def block() -> bool:
        return release.wait(WAIT_S)

    async def quick() -> str:
        return "quick"

    async def both() -> None:
        blocked = asyncio.get_running_loop().create_task(driven.run(block))
        await asyncio.sleep(0)  # both are handed over in one turn
        assert await driven.run(quick) == (False, None)
        release.set()
        assert await blocked == (True, True)
        assert await driven.run(quick) == (True, "quick")

    try:
        asyncio.run(both())
    finally:
        release.set()
        driven.background.stop()


def test_a_tool_that_blocks_is_named_by_why(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, release = threading.Event(), threading.Event()
    monkeypatch.setattr("mcp_notebook.runtime.toolthreads.SLOW_AFTER_S", -1)

    @bench.tool
    def block() -> None:
        begun.set()
        release.wait(WAIT_S)

    call = bench.connect(bench.serve(transport="memory")).start("block", {})
    try:
        assert begun.wait(WAIT_S)
        assert "block has been running for" in bench.why()
    finally:
        release.set()
    call.result()
    assert bench.why() == "Nothing has failed."


def test_many_tools_run_side_by_side(bench: Workbench) -> None:
    together = threading.Barrier(12, timeout=WAIT_S)

    @bench.tool
    def meet() -> int:
        return together.wait()

    connection = bench.connect(bench.serve(transport="memory"))
    calls = [connection.start("meet", {}) for _ in range(12)]
    assert sorted(call.result().value for call in calls) == list(range(12))


@pytest.mark.parametrize("transport", KINDS)
def test_a_kernel_tool_runs_on_the_main_thread_while_a_call_waits(
    bench: Workbench, transport: str
) -> None:
    table = sqlite3.connect(":memory:")
    table.execute("create table notes (text)")

    @bench.tool(thread="kernel")
    def add_note(text: str) -> str:
        table.execute("insert into notes values (?)", (text,))
        return threading.current_thread().name

    @bench.tool
    def add_elsewhere(text: str) -> None:
        table.execute("insert into notes values (?)", (text,))

    connection = bench.connect(bench.serve(transport=transport))
    assert connection.call("add_note", text="one").value == threading.current_thread().name
    assert table.execute("select text from notes").fetchall() == [("one",)]
    assert connection.call("add_elsewhere", text="two").is_error
    assert "--thread kernel" in bench.why()
    table.close()


def test_a_kernel_tool_that_fails_is_an_answer(bench: Workbench) -> None:
    @bench.tool(thread="kernel")
    def fail() -> None:
        raise ValueError("on the main thread")

    result = bench.connect(bench.serve(transport="memory")).call("fail")
    assert result.is_error
    assert str(result.failure.error) == "on the main thread"


def test_a_kernel_tool_waits_for_the_main_thread_when_another_thread_calls(
    bench: Workbench,
) -> None:
    @bench.tool(thread="kernel")
    def where() -> str:
        return threading.current_thread().name

    @bench.tool
    def anything() -> int:
        return 1

    connection = bench.connect(bench.serve(transport="memory"))
    with ThreadPoolExecutor(1) as pool:
        elsewhere = pool.submit(lambda: connection.call("where").value)
        while not elsewhere.done():  # the main thread takes the job while it waits for its own
            connection.call("anything")
    assert elsewhere.result() == threading.current_thread().name


def test_an_async_kernel_tool_is_refused_with_advice_where_no_loop_turns(bench: Workbench) -> None:
    @bench.tool(thread="kernel")
    async def awaited() -> int:
        return 1

    connection = bench.connect(bench.serve(transport="memory"))
    result = connection.call("awaited")
    assert result.is_error
    assert "no event loop" in str(result.failure.error)


async def calls_on_a_running_loop(waits: bool) -> Any:
    """What an async kernel tool answers when a cell calls it: by a magic, or with await."""
    with Workbench() as bench:

        @bench.tool(thread="kernel")
        async def where() -> bool:
            return asyncio.get_running_loop() is home

        home = asyncio.get_running_loop()
        connection = bench.connect(bench.serve(transport="memory"))
        result = connection.call("where") if waits else await connection.aio.call("where")
        if result.is_error:
            return str(result.failure.error), bench.why()
        return result.value


def test_an_async_kernel_tool_runs_on_the_kernels_loop_for_who_awaits() -> None:
    assert asyncio.run(calls_on_a_running_loop(waits=False)) is True


def test_an_async_kernel_tool_answers_a_waiting_magic_with_advice() -> None:
    error, why = asyncio.run(calls_on_a_running_loop(waits=True))
    assert "await conn.aio.call" in error
    assert "%mcp nest" in why


def test_an_async_kernel_tool_that_was_handed_over_before_the_magic_waits_is_advised_too() -> None:
    async def main() -> str:
        handed_over = threading.Event()
        with Workbench() as bench:

            @bench.tool(thread="kernel")
            async def never() -> int:
                return 1

            hand_over = bench.main.run_coroutine

            def watched(coro: Any) -> Any:
                try:
                    return hand_over(coro)
                finally:
                    handed_over.set()

            bench.main.run_coroutine = watched  # type: ignore[method-assign]
            connection = bench.connect(bench.serve(transport="memory"), timeout=WAIT_S)
            call = connection.start("never", {})
            handed_over.wait(WAIT_S)  # this thread, and its loop, stand still here
            result = call.result()
            assert result.is_error
            return str(result.failure.error)

    assert "stands on it" in asyncio.run(main())


def test_a_sync_kernel_tool_runs_on_an_idle_loop_for_who_awaits() -> None:
    async def main() -> Any:
        with Workbench() as bench:

            @bench.tool(thread="kernel")
            def where() -> str:
                return threading.current_thread().name

            connection = bench.connect(bench.serve(transport="http", port=0))
            return (await connection.aio.call("where")).value

    assert asyncio.run(main()) == threading.current_thread().name


@pytest.mark.parametrize("leave", [SystemExit(3), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("kind", ["sync", "async", "kernel"])
def test_a_tool_that_exits_takes_nobody_with_it(
    bench: Workbench, kind: str, leave: BaseException
) -> None:
    def sync() -> None:
        raise leave

    async def awaited() -> None:
        raise leave

    bench.tool(awaited if kind == "async" else sync, name="leave", thread=kind)

    @bench.tool
    async def alive() -> str:
        return "alive"

    connection = bench.connect(bench.serve(transport="memory"), timeout=WAIT_S)
    try:
        result = connection.call("leave")
    except KeyboardInterrupt:  # on the main thread it is the cell's as well
        assert kind == "kernel"
        assert isinstance(leave, KeyboardInterrupt)
    else:
        assert result.is_error
        expected = "exit(3)" if isinstance(leave, SystemExit) else "interrupted"
        assert expected in str(result.failure.error)
    assert connection.call("alive").value == "alive"
    assert bench.loop.running


def test_a_tools_context_works_from_its_own_loop(bench: Workbench) -> None:
    @bench.resource("note://one", name="one")
    def one() -> str:
        return "the note"

    @bench.tool
    async def read(ctx: Context[Any, Any]) -> str:
        (content,) = await ctx.read_resource("note://one")
        await ctx.report_progress(1, 2)
        return f"{content.content!s} {ctx.request_id is not None}"

    connection = bench.connect(bench.serve(transport="memory"))
    seen: list[Any] = []
    call = connection.start("read", {}, on_progress=lambda *step: seen.append(step))
    assert call.result().value == "the note True"
    assert seen == [(1, 2, None)]


def test_a_callable_object_and_a_method_are_tools(bench: Workbench) -> None:
    class Counter:
        def __init__(self) -> None:
            self.count = 0

        def step(self, by: int = 1) -> int:
            self.count += by
            return self.count

    counter = Counter()
    bench.tool(counter.step)
    connection = bench.connect(bench.serve(transport="memory"))
    assert [connection.call("step", by=2).value for _ in range(2)] == [2, 4]


def test_what_tools_print_belongs_to_no_old_context(bench: Workbench) -> None:
    """ipykernel routes output by a context variable; a server must not keep an old cell's."""
    import contextvars

    cell: contextvars.ContextVar[str] = contextvars.ContextVar("cell", default="none")

    @bench.tool
    def sync() -> str:
        return cell.get()

    @bench.tool
    async def awaited() -> str:
        return cell.get()

    cell.set("the cell that served")
    for transport in ("memory", "pipe", "tcp", "http", "sse", "websocket"):
        connection = bench.connect(bench.serve(transport=transport))
        assert connection.call("sync").value == "none", transport
        assert connection.call("awaited").value == "none", transport


# ---- Ctrl-C ------------------------------------------------------------------------------------


@pytest.fixture
def interruptible() -> Any:
    """SIGINT as a kernel has it: KeyboardInterrupt on the main thread."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("transport", ["memory", "tcp", "http", "sse", "websocket"])
@pytest.mark.parametrize("era", ["legacy", "modern"])
@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_cancels_the_tool_and_the_connection_lives(
    bench: Workbench, transport: str, era: str
) -> None:
    cancelled = threading.Event()

    @bench.tool
    async def linger() -> None:
        _thread.interrupt_main()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    @bench.tool
    def after() -> int:
        return 1

    connection = bench.connect(bench.serve(transport=transport), era=era)
    with pytest.raises(KeyboardInterrupt):
        connection.call("linger")
    assert cancelled.wait(WAIT_S)
    assert connection.call("after").value == 1


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_in_a_kernel_tool_ends_that_tool_alone(bench: Workbench) -> None:
    @bench.tool(thread="kernel")
    def spin() -> None:
        signal.raise_signal(signal.SIGINT)

    @bench.tool
    def after() -> int:
        return 1

    connection = bench.connect(bench.serve(transport="memory"), timeout=WAIT_S)
    with pytest.raises(KeyboardInterrupt):
        connection.call("spin")
    assert bench.loop.running
    assert connection.call("after").value == 1


def test_a_function_that_cannot_be_a_tool_is_refused(bench: Workbench) -> None:
    def odd(x: sys.__class__) -> int:  # type: ignore[valid-type, name-defined]  # no JSON type
        return 1

    with pytest.raises(UsageError, match="odd cannot become a tool"):
        bench.tool(odd)


def test_a_result_that_breaks_its_own_schema_is_an_error_of_the_call(bench: Workbench) -> None:
    @bench.tool
    def lie() -> int:
        return "no number"  # type: ignore[return-value]

    connection = bench.connect(bench.serve(transport="memory"))
    assert connection.call("lie").is_error
