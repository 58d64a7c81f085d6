"""A child process that cannot outlive the kernel, its standard streams, its last words."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mcp.client.stdio import get_default_environment

from mcp_notebook.errors import ConnectError

from .pipethreads import ThreadReader
from .report import ReportPipe

GUARDIAN = Path(__file__).with_name("guardian.py")
GRACE_S = 2.0
"""Seconds a child has to end after its input has ended, before it is signalled."""


class Child:
    """One child process under guard.

    Args:
        argv: program and arguments.
        env: the variables it gets beside the minimum (PATH, HOME and the like).
        cwd: its working folder.
        on_stderr: called with each line of its standard error.
        report: reads its report, where it writes one.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: str | None,
        on_stderr: Callable[[str], None],
        report: ReportPipe | None = None,
    ) -> None:
        self.argv = list(argv)
        self.pid: int | None = None
        self.exit_code: int | None = None
        self.last_words: deque[str] = deque(maxlen=30)
        self.ended = asyncio.Event()
        self.on_started: Callable[[int], None] = lambda _pid: None
        self._env = {**get_default_environment(), **env}
        if "PATH" not in env:  # programs installed beside the kernel's Python are found first
            own = str(Path(sys.executable).parent)
            self._env["PATH"] = os.pathsep.join([own, self._env.get("PATH", os.defpath)])
        self._cwd = cwd
        self._on_stderr = on_stderr
        self._report = report
        self._process: subprocess.Popen[bytes] | None = None
        self._life: Any = None
        self._life_line_socket: socket.socket | None = None
        self._transports: list[Any] = []
        self._stderr_done = asyncio.Event()

    @property
    def command(self) -> str:
        """The command line as a person types it."""
        return subprocess.list2cmdline(self.argv) if os.name == "nt" else _join(self.argv)

    async def start(self) -> tuple[int, int]:
        """Start the process.

        Returns:
            Two descriptors: one to read its standard output from, one to write its standard
            input to. The caller owns them.

        Raises:
            ConnectError: the program does not exist or may not be run.
        """
        self._check()
        ours: dict[str, int] = {}
        try:
            life = self._spawn(ours)
            await self._read(ours.pop("err"), _Lines(self._stderr_line, self._stderr_done.set))
            if self._report is not None and "report" in ours:
                await self._read(ours.pop("report"), self._report)
            if life is not None:
                self._life, _ = await asyncio.get_running_loop().create_connection(
                    lambda: _Lines(self._life_line, self._life_ended), sock=life
                )
            elif self._process is not None:
                self.pid = self._process.pid
                self.on_started(self.pid)
        except BaseException:
            for descriptor in ours.values():
                os.close(descriptor)
            await self._give_up(self._process)
            raise
        return ours["out"], ours["in"]

    def _spawn(self, ours: dict[str, int]) -> socket.socket | None:
        """Start the process on pipes whose other ends are put into ``ours``.

        Not in a thread, though it takes some milliseconds: whoever is cancelled while a thread
        starts a process cannot know which descriptors it still needs.

        Returns:
            Our end of the life line; ``None`` on Windows.

        Raises:
            ConnectError: the system refuses.
        """
        theirs: list[int] = []
        guard: list[str] = []
        env = dict(self._env)
        passed: list[int] = []
        life = None
        try:
            child_in, ours["in"] = os.pipe()
            theirs.append(child_in)
            for name in ("out", "err"):
                ours[name], descriptor = os.pipe()
                theirs.append(descriptor)
            _, child_out, child_err = theirs
            if os.name != "nt":
                if self._report is not None:
                    ours["report"], child_report = os.pipe()
                    theirs.append(child_report)
                    passed.append(child_report)
                    env["MCP_NOTEBOOK_TRACE_FD"] = str(child_report)
                life, child_end = socket.socketpair()
                life.setblocking(False)
                child_life = child_end.detach()
                theirs.append(child_life)
                passed.append(child_life)
                guard = [sys.executable, "-I", "-S", str(GUARDIAN), str(child_life), "--"]
            self._process = subprocess.Popen(
                [*guard, *self.argv],
                stdin=child_in,
                stdout=child_out,
                stderr=child_err,
                env=env,
                cwd=self._cwd,
                pass_fds=tuple(passed),
                start_new_session=True,
            )
        except OSError as error:
            if life is not None:
                life.close()
            raise ConnectError(f"cannot start {self.argv[0]!r}: {error.strerror}.") from None
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        self._life_line_socket = life
        return life

    async def _give_up(self, process: subprocess.Popen[bytes] | None) -> None:
        """Undo a start that was interrupted: its guardian ends with the life line."""
        for transport in self._transports:
            transport.close()
        if self._life is not None:
            self._life.close()
        elif self._life_line_socket is not None:
            self._life_line_socket.close()
        if process is not None:
            await asyncio.to_thread(_wait, process)

    def _check(self) -> None:
        program = shutil.which(self.argv[0], path=self._env.get("PATH"))
        if program is None and not Path(self._cwd or ".", self.argv[0]).is_file():
            raise ConnectError(
                f"there is no program {self.argv[0]!r}.",
                hint="Check the spelling, or give its full path after --.",
            )
        if self._cwd is not None and not Path(self._cwd).is_dir():
            raise ConnectError(f"there is no folder {self._cwd!r}.", hint="Check --cwd.")

    async def _read(self, descriptor: int, protocol: asyncio.Protocol) -> None:
        if os.name == "nt":
            self._transports.append(ThreadReader(descriptor, protocol))
            return
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: protocol, os.fdopen(descriptor, "rb", 0)
        )
        self._transports.append(transport)

    def _stderr_line(self, text: str) -> None:
        self.last_words.append(text)
        self._on_stderr(text)

    def _life_line(self, text: str) -> None:
        word, _, number = text.partition(" ")
        if word == "pid":
            self.pid = int(number)
            self.on_started(self.pid)
        elif word == "exit":
            self.exit_code = int(number)
            self.ended.set()

    def _life_ended(self) -> None:
        self.ended.set()

    async def close(self) -> None:
        """End the process: end of input came first; then the guardian's signals."""
        process = self._process
        if process is None:
            return
        if os.name == "nt":
            await self._close_unguarded(process)
        else:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), GRACE_S)
            if self._life is not None:
                if not self.ended.is_set() and self._life.can_write_eof():
                    self._life.write_eof()  # the guardian reads the end of the life line
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.ended.wait(), GRACE_S)
                self._life.close()
            await asyncio.to_thread(_wait, process)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stderr_done.wait(), 0.5)
        if self._report is not None:
            self._report.look()
        for transport in self._transports:
            transport.close()

    async def _close_unguarded(self, process: subprocess.Popen[bytes]) -> None:
        for act in ("poll", "terminate", "kill"):
            getattr(process, act)()
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(process.wait, GRACE_S)
                break
        self.exit_code = process.returncode
        self.ended.set()

    def epitaph(self) -> str:
        """Exit code and last words, for an error message."""
        code = self.exit_code
        how = "" if code is None else f"exit code {code}" if code >= 0 else f"signal {-code}"
        said = [line.strip() for line in self.last_words if line.strip(" ^~")]  # no underlining
        words = " | ".join(said[-3:])
        return "; ".join(part for part in (how, f"it said: {words}" if words else "") if part)


def _join(argv: Sequence[str]) -> str:
    import shlex

    return shlex.join(argv)


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class _Lines(asyncio.Protocol):
    """Hands lines of text on; a line longer than 64 KiB comes in parts."""

    def __init__(self, take: Callable[[str], None], ended: Callable[[], None]) -> None:
        self._take = take
        self._ended = ended
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take(line.decode("utf-8", "replace").rstrip("\r"))
        if len(self._rest) > 1 << 16:
            self._take(self._rest.decode("utf-8", "replace"))
            self._rest = b""

    def connection_lost(self, exc: Exception | None) -> None:
        if self._rest:
            self._take(self._rest.decode("utf-8", "replace"))
            self._rest = b""
        self._ended()
