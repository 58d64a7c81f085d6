"""Tools that misbehave; importable, so that a child process has them too."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import logging
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mcp_notebook.runtime.workbench import Workbench


def add(a: int, b: int = 2) -> int:
    """Add two numbers; this one behaves."""
    return a + b


def _failing(error: BaseException) -> Callable[[], Any]:
    def tool() -> Any:
        raise error

    return tool


def _giving(make: Callable[[], Any]) -> Callable[[], Any]:
    def tool() -> Any:
        return make()

    return tool


def _loop() -> Any:
    around: list[Any] = []
    around.append(around)
    return around


def _deep() -> Any:
    inside: list[Any] = []
    for _ in range(2000):
        inside = [inside]
    return inside


def _endless() -> Any:
    return _endless()


def _prints() -> str:
    print('{"jsonrpc":"2.0","id":1,"result":{}}')
    print("half a line", end="", flush=True)
    return "printed"


def _prints_much() -> str:
    print("x" * 300_000)
    return "printed"


def _writes_to_one() -> str:
    os.write(1, b'{"jsonrpc":"2.0","id":7,"result":"forged"}\n')
    return "written"


def _floods_stderr() -> str:
    sys.stderr.write("noise\n" * 5000)
    return "noisy"


def _logs() -> str:
    logging.getLogger().error("%s", "x" * 1000)
    warnings.warn("careful", stacklevel=1)
    return "logged"


def _blocks() -> str:
    time.sleep(0.2)
    return "slept"


async def _blocks_loop() -> str:
    """Sleep on the loop of async tools."""
    time.sleep(0.2)  # noqa: ASYNC251 - because that is the misbehaviour
    return "slept"


async def _cancels_itself() -> str:
    """Raise what only the loop may."""
    raise asyncio.CancelledError


class _Odder(BaseException):
    pass


async def _closes_itself() -> str:
    """Raise what only a generator may."""
    raise GeneratorExit


async def _exits() -> str:
    """Leave by the front door."""
    raise SystemExit(3)


def _leaves_a_thread() -> str:
    def fail() -> None:
        time.sleep(0.01)

    threading.Thread(target=fail, daemon=True).start()
    return "left"


def _yields() -> Any:
    yield 1


class _Odd:
    def __repr__(self) -> str:
        raise RuntimeError("even this fails")

    __str__ = __repr__


MISBEHAVING: dict[str, Callable[..., Any]] = {
    "raises": _failing(ValueError("no")),
    "raises_without_words": _failing(Exception()),
    "raises_a_group": _failing(ExceptionGroup("several", [ValueError("a"), KeyError("b")])),
    "raises_stop_iteration": _failing(StopIteration(5)),
    "raises_generator_exit": _failing(GeneratorExit()),
    "raises_system_exit": _failing(SystemExit(3)),
    "raises_keyboard_interrupt": _failing(KeyboardInterrupt()),
    "raises_what_cannot_be_shown": _failing(ValueError(_Odd())),
    "raises_half_a_character": _failing(ValueError("\ud800")),
    "raises_a_megabyte": _failing(ValueError("x" * 1_000_000)),
    "never_ends_calling_itself": _endless,
    "raises_what_is_no_exception": _failing(_Odder()),
    "exits_async": _exits,
    "closes_itself": _closes_itself,
    "cancels_itself": _cancels_itself,
    "gives_an_object": _giving(object),
    "gives_what_cannot_be_shown": _giving(_Odd),
    "gives_a_lambda": _giving(lambda: lambda: 1),
    "gives_a_set": _giving(lambda: {1, 2}),
    "gives_bytes": _giving(lambda: b"\xff\xfe"),
    "gives_half_a_character": _giving(lambda: "\ud800"),
    "gives_nan": _giving(lambda: float("nan")),
    "gives_infinity": _giving(lambda: {"x": float("inf")}),
    "gives_a_huge_number": _giving(lambda: 10**5000),
    "gives_itself": _giving(_loop),
    "gives_something_deep": _giving(_deep),
    "gives_a_generator": _yields,
    "gives_a_date": _giving(lambda: datetime.datetime(2020, 1, 1)),
    "gives_a_decimal": _giving(lambda: decimal.Decimal("1e999")),
    "gives_a_path": _giving(lambda: Path("/")),
    "gives_odd_keys": _giving(lambda: {1: 2, None: 3, (1, 2): 4}),
    "prints": _prints,
    "prints_much": _prints_much,
    "writes_to_descriptor_1": _writes_to_one,
    "floods_stderr": _floods_stderr,
    "logs": _logs,
    "blocks": _blocks,
    "blocks_the_loop": _blocks_loop,
    "leaves_a_thread": _leaves_a_thread,
}


def furnish(bench: Workbench) -> Workbench:
    """Give a workbench's first server all of them."""
    bench.tool(add)
    for name, tool in MISBEHAVING.items():
        bench.tool(tool, name=name)
    return bench
