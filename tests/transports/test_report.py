"""The pipe of a child's report: nobody waits there while an answer is due; all of it is read."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import pytest

from mcp_notebook.trace.events import Direction, Message, Vantage
from mcp_notebook.trace.store import Trace
from mcp_notebook.transports.report import HUSH_S, Reporter, ReportPipe, ReportReader
from mcp_notebook.transports.tap import Tap

LIMIT_S = 20

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def joined(trace: Trace) -> AsyncIterator[tuple[Reporter, ReportPipe, Callable[[], None]]]:
    """A reporter and who reads it; the third ends the report."""
    tap = Tap(trace, "child", Vantage.SERVER, "stdio").link()
    pipe = ReportPipe(ReportReader(tap))
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: pipe, os.fdopen(ours, "rb", 0))
    file = os.fdopen(theirs, "wb", 0)
    try:
        yield Reporter(file.write), pipe, file.close
    finally:
        file.close()
        transport.close()
        await asyncio.sleep(0)


def told(trace: Trace) -> list[bytes]:
    return [event.raw for event in trace if isinstance(event, Message)]


async def until(count: int, trace: Trace) -> None:
    with anyio.fail_after(LIMIT_S):
        while len(told(trace)) < count:  # noqa: ASYNC110 - because a trace has no event to wait for
            await asyncio.sleep(0.001)


async def test_what_is_reported_while_nobody_waits_is_read_at_a_look() -> None:
    trace = Trace()
    async with joined(trace) as (reporter, pipe, _):
        pipe.sent()
        reporter.message(Direction.CLIENT_TO_SERVER, b"one")
        reporter.message(Direction.SERVER_TO_CLIENT, b"two")
        assert told(trace) == []
        pipe.look()
        assert told(trace) == [b"one", b"two"]


async def test_what_is_reported_without_an_answer_is_read_after_the_pause() -> None:
    trace = Trace()
    async with joined(trace) as (reporter, pipe, _):
        pipe.sent()
        reporter.message(Direction.CLIENT_TO_SERVER, b"one")
        await until(1, trace)
        reporter.message(Direction.CLIENT_TO_SERVER, b"two")
        await until(2, trace)


async def test_a_report_is_read_though_messages_go_out_without_a_pause() -> None:
    trace = Trace()
    async with joined(trace) as (reporter, pipe, _):
        for _ in range(200):
            pipe.sent()
            reporter.message(Direction.CLIENT_TO_SERVER, b"x" * 900)  # more than a pipe holds
            await asyncio.sleep(HUSH_S / 3)
        assert len(told(trace)) > 100


async def test_a_report_that_ends_in_the_pause_is_read_to_its_end() -> None:
    trace = Trace()
    async with joined(trace) as (reporter, pipe, end):
        pipe.sent()
        reporter.message(Direction.CLIENT_TO_SERVER, b"one")
        end()
        await until(1, trace)
        pipe.look()
        pipe.sent()
        assert told(trace) == [b"one"]
