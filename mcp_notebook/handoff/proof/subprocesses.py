"""Child processes of a proof: they end with it, with Ctrl-C, and with the kernel."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from mcp_notebook.errors import ConnectError
from mcp_notebook.transports.child import Child

START_S: Final = 60.0
"""Seconds a server may take until its port accepts: a cold import of a big library is slow."""

_KEPT_LINES: Final = 40


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a program ended.

    Attributes:
        code: its exit code.
        lines: the last lines it wrote, standard output and standard error together.
    """

    code: int
    lines: tuple[str, ...]

    @property
    def said(self) -> str:
        """Its last words in one line."""
        return " | ".join(line.strip() for line in self.lines[-4:] if line.strip())


async def run_to_end(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: str | None = None,
    on_line: Callable[[str], None] = lambda _line: None,
) -> Ended:
    """Run a program to its end; cancelling ends the program and whatever it started.

    Args:
        argv: the program and its arguments.
        env: its environment.
        cwd: its working folder.
        on_line: told each line it writes, on this loop.

    Raises:
        ConnectError: there is no such program.
    """
    kept: deque[str] = deque(maxlen=_KEPT_LINES)

    loop = asyncio.get_running_loop()

    def line(text: str) -> None:
        kept.append(text)
        on_line(text)

    def from_thread(text: str) -> None:
        loop.call_soon_threadsafe(line, text)

    child = Child(argv, env=env, cwd=cwd, on_stderr=line)
    async with _started(child, from_thread) as reading:
        await reading
    return Ended(code=child.exit_code if child.exit_code is not None else -1, lines=tuple(kept))


@asynccontextmanager
async def _started(child: Child, line: Callable[[str], None]) -> AsyncIterator[asyncio.Task[None]]:
    """A child that runs, its standard output read line by line."""
    out, into = await child.start()
    os.close(into)
    reading = asyncio.get_running_loop().create_task(asyncio.to_thread(_read_lines, out, line))
    try:
        yield reading
    finally:
        if not child.ended.is_set() and child.pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(child.pid, signal.SIGTERM)  # it may not notice the end of its input
        await child.close()
        await asyncio.wait([reading], timeout=2)


def _read_lines(descriptor: int, line: Callable[[str], None]) -> None:
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
        for text in file:
            line(text.rstrip("\r\n"))


@asynccontextmanager
async def listening(
    argv: Sequence[str], port: int, *, env: Mapping[str, str], cwd: str | None = None
) -> AsyncIterator[Child]:
    """A server program while the block runs; it is there once its port accepts.

    Raises:
        ConnectError: it ended before, or did not listen in time; with its last words.
    """
    child = Child(argv, env=env, cwd=cwd, on_stderr=lambda _line: None)
    async with _started(child, lambda _line: None):
        deadline = asyncio.get_running_loop().time() + START_S
        while not await _accepts(port):
            if child.ended.is_set():
                await child.close()  # its last words are on their way
                raise ConnectError(f"the server ended at once ({child.epitaph()}).")
            if asyncio.get_running_loop().time() > deadline:
                raise ConnectError(f"the server does not listen on port {port}.")
            await asyncio.sleep(0.05)
        yield child


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
