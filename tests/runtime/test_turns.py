"""A server and its async tools on one thread, and what happens when a tool does not let go."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from mcp_notebook.runtime.toolloop import ToolLoop
from mcp_notebook.runtime.turns import Turns
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.trace.events import Message, Vantage

WAIT_S = 20
Call = Callable[[Callable[[], Coroutine[Any, Any, Any]]], Coroutine[Any, Any, tuple[bool, Any]]]


def run(main: Callable[[Turns, Call], Coroutine[Any, Any, None]]) -> Turns:
    """Run a server that calls tools."""
    turns = Turns(lambda: None)
    turns.run(main(turns, ToolLoop(turns, turns.answer).run))
    return turns


async def apart(turns: Turns) -> None:
    """Wait until each loop has a thread of its own."""
    while not turns.apart:  # noqa: ASYNC110 - because nothing tells of it
        await asyncio.sleep(0.01)


async def where() -> tuple[int, int]:
    """The loop and the thread a tool runs on."""
    return id(asyncio.get_running_loop()), threading.get_ident()


def test_a_tool_that_just_answers_runs_on_the_thread_of_the_server_and_a_loop_of_its_own() -> None:
    async def main(turns: Turns, call: Call) -> None:
        places = {(await call(where))[1] for _ in range(50)}
        assert places == {(id(turns.loop), threading.get_ident())}
        assert turns.loop is not asyncio.get_running_loop()

    assert not run(main).apart


def test_a_tool_that_waits_gets_a_thread_for_its_loop_and_the_loop_stays_the_same() -> None:
    async def waits() -> tuple[int, int]:
        await asyncio.sleep(0.01)
        return await where()

    async def main(turns: Turns, call: Call) -> None:
        before = (await call(where))[1]
        waited = (await call(waits))[1]
        after = (await call(where))[1]
        assert before[0] == waited[0] == after[0] == id(turns.loop)
        assert waited[1] == after[1] != before[1] == threading.get_ident()

    assert run(main).apart


def test_what_a_tool_leaves_running_goes_on() -> None:
    done = threading.Event()
    kept = []

    async def later() -> None:
        await asyncio.sleep(0.01)
        done.set()

    async def starts() -> str:
        kept.append(asyncio.get_running_loop().create_task(later()))
        return "started"

    async def main(turns: Turns, call: Call) -> None:
        assert (await call(starts))[1] == "started"
        assert await asyncio.to_thread(done.wait, WAIT_S)

    run(main)


def test_what_a_tool_puts_off_till_later_is_done() -> None:
    done = threading.Event()

    async def puts_off() -> None:
        asyncio.get_running_loop().call_later(0.01, done.set)

    async def main(turns: Turns, call: Call) -> None:
        await call(puts_off)
        assert await asyncio.to_thread(done.wait, WAIT_S)

    run(main)


def test_a_tool_that_holds_the_thread_up_holds_up_neither_the_server_nor_other_tools() -> None:
    released = threading.Event()

    async def block() -> bool:
        return released.wait(WAIT_S)

    async def main(turns: Turns, call: Call) -> None:
        thread = threading.get_ident()
        blocked = asyncio.get_running_loop().create_task(call(block))
        await apart(turns)
        assert threading.get_ident() != thread, "another thread serves now"
        released.set()
        assert await blocked == (True, True)
        assert (await call(where))[1] == (id(turns.loop), thread)

    run(main)


def test_a_tool_that_still_holds_the_main_thread_at_the_end_does_not_hold_the_process() -> None:
    released, left = threading.Event(), []
    kept = []

    def leave() -> None:
        left.append(True)
        released.set()

    async def block() -> bool:
        return released.wait(WAIT_S)

    turns = Turns(leave)

    async def main() -> None:
        blocked = ToolLoop(turns, turns.answer).run(block)
        kept.append(asyncio.get_running_loop().create_task(blocked))
        await apart(turns)

    turns.run(main())
    assert left == [True]


def test_an_error_of_a_tool_and_of_the_server_reach_who_waits_for_them() -> None:
    async def fails() -> None:
        raise LookupError("no such thing")

    async def main(turns: Turns, call: Call) -> None:
        with pytest.raises(LookupError, match="no such thing"):
            await call(fails)
        raise ValueError("the end")

    with pytest.raises(ValueError, match="the end"):
        run(main)


def test_what_still_runs_on_the_servers_loop_at_the_end_is_cancelled() -> None:
    ended = []

    async def main(turns: Turns, call: Call) -> None:
        async def stays() -> None:
            try:
                await asyncio.sleep(3600)
            finally:
                ended.append(True)

        kept = asyncio.get_running_loop().create_task(stays())
        await asyncio.sleep(0)
        assert not kept.done()

    run(main)
    assert ended == [True]


def test_a_cancelled_tool_is_cancelled_on_its_loop() -> None:
    ended = threading.Event()

    async def waits() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    async def main(turns: Turns, call: Call) -> None:
        waiting = asyncio.get_running_loop().create_task(call(waits))
        await apart(turns)
        waiting.cancel()
        assert await asyncio.to_thread(ended.wait, WAIT_S)

    run(main)


# ---- in a child -------------------------------------------------------------------------------

BLOCKS = """
import asyncio, os, threading
from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("held", log_level="ERROR")
begun, released = threading.Event(), threading.Event()

@server.tool()
async def block() -> bool:
    begun.set()
    return released.wait(20)

@server.tool()
async def release() -> bool:
    there = begun.is_set()
    released.set()
    return there

@server.tool()
async def tell(ctx: Context) -> str:
    await ctx.report_progress(1, 2)
    return "told"

@server.tool()
async def die() -> None:
    os._exit(3)
"""


@pytest.fixture
def held(bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A connection to a child of these tools."""
    (tmp_path / "held.py").write_text(BLOCKS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    endpoint = bench.serve("held:server", transport="stdio")
    return bench.connect(endpoint, timeout=WAIT_S)


def test_a_child_answers_while_an_async_tool_of_it_blocks(held: Any) -> None:
    blocked = held.start("block", {})
    assert held.call("release").value is True
    assert blocked.result().value is True
    assert held.call("tell").value == "told"


def test_what_a_child_saw_of_a_call_is_in_the_trace_when_its_answer_is(
    held: Any, bench: Workbench
) -> None:
    for _ in range(30):
        since = bench.trace.last_seq
        held.call("release")
        seen = [e.vantage for e in bench.trace.since(since) if isinstance(e, Message)]
        assert seen == [Vantage.CLIENT, Vantage.SERVER, Vantage.SERVER, Vantage.CLIENT]


def test_a_call_that_ends_the_child_has_arrived(held: Any, bench: Workbench) -> None:
    with pytest.raises(Exception, match="exit code 3"):
        held.call("die")
    arrived = [m for m in bench.trace if isinstance(m, Message) and m.vantage is Vantage.SERVER]
    assert b'"die"' in arrived[-1].raw
