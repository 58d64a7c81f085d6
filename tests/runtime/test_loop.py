"""The background loop hands on how a coroutine ended, to whoever waits in another thread."""

from __future__ import annotations

import asyncio
import concurrent.futures
import signal
import threading
from collections.abc import Iterator

import pytest

from mcp_notebook.errors import UsageError
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


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_once_stopped_it_does_not_start_again(loop: BackgroundLoop) -> None:
    loop.run(five())
    loop.stop()
    for late in (lambda: loop.run(five()), lambda: loop.submit(five()), lambda: loop.loop):
        with pytest.raises(UsageError, match="is closed"):
            late()
    called = threading.Event()
    loop.call_soon(called.set)
    assert not called.wait(0.1)
    assert not loop.running
    assert "test-loop" not in [thread.name for thread in threading.enumerate()]


def test_threads_that_come_while_it_is_stopped_do_not_wait_for_ever(loop: BackgroundLoop) -> None:
    ended: list[BaseException] = []

    def comes_again() -> None:
        try:
            while True:
                loop.run(five())
        except (UsageError, concurrent.futures.CancelledError) as error:
            ended.append(error)

    threads = [threading.Thread(target=comes_again, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    loop.stop()
    for thread in threads:
        thread.join(10)
    assert len(ended) == 4


def test_an_interrupt_while_it_is_stopped_ends_its_thread_all_the_same(
    loop: BackgroundLoop,
) -> None:
    begun = threading.Event()

    async def holds_on() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            await asyncio.sleep(10)

    future = loop.submit(holds_on())  # who lets go of it lets go of the task
    assert begun.wait(10)
    (thread,) = [each for each in threading.enumerate() if each.name == "test-loop"]
    with pytest.raises(KeyboardInterrupt):
        loop.stop()
    thread.join(10)
    assert not thread.is_alive()
    del future


def test_an_interrupt_while_it_starts_leaves_no_thread(
    loop: BackgroundLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Struck(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            super().wait(timeout)
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(threading, "Event", Struck)
        with pytest.raises(KeyboardInterrupt):
            loop.submit(five())
    assert loop.run(five()) == 5
    loop.stop()
    for thread in threading.enumerate():
        if thread.name == "test-loop":
            thread.join(10)
    assert "test-loop" not in [thread.name for thread in threading.enumerate()]
