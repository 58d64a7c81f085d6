"""The background loop hands on how a coroutine ended, to whoever waits in another thread."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Iterator

import pytest

from mcp_notebook.runtime.loop import BackgroundLoop


@pytest.fixture
def loop() -> Iterator[BackgroundLoop]:
    made = BackgroundLoop("test-loop")
    yield made
    made.stop()


async def five() -> int:
    await asyncio.sleep(0)
    return 5


async def fails() -> int:
    raise LookupError("no")


async def cancels_itself() -> int:
    raise asyncio.CancelledError


def test_a_result_and_an_error_come_back(loop: BackgroundLoop) -> None:
    assert loop.run(five()) == 5
    with pytest.raises(LookupError, match="no"):
        loop.run(fails())


def test_a_coroutine_that_cancels_itself_cancels_its_future(loop: BackgroundLoop) -> None:
    future = loop.submit(cancels_itself())
    with pytest.raises(concurrent.futures.CancelledError):
        future.result(10)
    done, _ = concurrent.futures.wait([future], 10)
    assert done == {future}, "who waits for several is told as well"


def test_cancelling_the_future_cancels_the_coroutine(loop: BackgroundLoop) -> None:
    begun, ended = threading.Event(), threading.Event()

    async def waits() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    future = loop.submit(waits())
    assert begun.wait(10)
    assert future.cancel()
    assert ended.wait(10)
    assert loop.run(five()) == 5


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_cancelling_before_it_begins_means_that_it_never_does(loop: BackgroundLoop) -> None:
    held, begun = threading.Event(), threading.Event()

    async def never() -> None:
        begun.set()

    loop.call_soon(held.wait, 10)
    future = loop.submit(never())
    assert future.cancel()
    held.set()
    assert loop.run(five()) == 5
    assert not begun.is_set()


def test_stopping_ends_what_was_submitted_a_moment_before(loop: BackgroundLoop) -> None:
    async def waits() -> None:
        await asyncio.Event().wait()

    loop.run(five())
    futures = [loop.submit(waits()) for _ in range(20)]
    loop.stop()
    done, _ = concurrent.futures.wait(futures, 10)
    assert len(done) == 20
    assert all(future.cancelled() for future in done)
