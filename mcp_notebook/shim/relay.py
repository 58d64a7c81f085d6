"""The relay: a server under guard, and its three streams joined to the host's."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from .copies import DOWN, SAID, UP

GUARDIAN = os.path.join(os.path.dirname(os.path.dirname(__file__)), "transports", "guardian.py")  # noqa: PTH118, PTH120 - because of start-up time
"""A script of its own, which nobody imports."""

FULL = 1 << 20
"""Nothing more is read while this much waits to be written."""
READ = 1 << 16
GRACE_S = 2.0
"""How long a server may outlive a host that is gone."""
REST_S = 1.0
"""How long the streams may stay open once the server has ended."""
LOOK_S = 0.25

FORWARDED = tuple(
    getattr(signal, name)
    for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2")
    if hasattr(signal, name)
)

Copy = Callable[[bytes, bytes], None]


class Stream:
    """One direction of one stream: read here, copied, written there.

    Args:
        kind: what its copies are called.
        source: descriptor to read.
        target: descriptor to write.
        host_writes: whether the host is the writer. Its descriptors may be shared with others,
            so they are never made non-blocking: a write that select(2) allows takes PIPE_BUF.
    """

    def __init__(self, kind: bytes, source: int, target: int, *, host_writes: bool) -> None:
        self.kind = kind
        self.source: int | None = source
        self.target: int | None = target
        self._most = READ if host_writes else select.PIPE_BUF
        self._waiting = bytearray()

    @property
    def reads(self) -> bool:
        """Whether it can take more."""
        return self.source is not None and len(self._waiting) < FULL

    @property
    def writes(self) -> bool:
        """Whether something waits to be written."""
        return bool(self._waiting) and self.target is not None

    @property
    def ended(self) -> bool:
        """Whether nothing more will be written."""
        return self.target is None

    def read(self, copy: Copy) -> None:
        """Read what is there."""
        assert self.source is not None
        try:
            data = os.read(self.source, READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close_source()
        else:
            self._waiting += data
            copy(self.kind, data)
        self._finish()

    def write(self) -> None:
        """Write what fits."""
        assert self.target is not None
        try:
            del self._waiting[: os.write(self.target, self._waiting[: self._most])]
        except BlockingIOError:
            return
        except OSError:  # nobody reads it: whoever writes shall see that as without a shim
            self._waiting.clear()
            self._close_source()
        self._finish()

    def _finish(self) -> None:
        if self.source is None and not self._waiting and self.target is not None:
            _close(self.target)
            self.target = None

    def _close_source(self) -> None:
        if self.source is not None:
            _close(self.source)
            self.source = None


def _close(descriptor: int) -> None:
    """Close a descriptor; a standard one keeps its number, so that nothing else gets it."""
    if descriptor > 2:
        os.close(descriptor)
        return
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, descriptor)
    os.close(null)


class Relay:
    """Runs a command between this process's standard streams until it ends.

    Args:
        command: program and arguments.
        copy: takes the kind and the bytes of what passes; must not block.
    """

    def __init__(self, command: Sequence[str], copy: Copy) -> None:
        self._copy = copy
        self._parent = os.getppid()
        self._signals: list[int] = []
        self._wake, wake = os.pipe()
        os.set_blocking(wake, False)
        for number in FORWARDED:
            signal.signal(number, lambda got, _frame: self._signals.append(got))
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        self._life, life = socket.socketpair()
        child = subprocess.Popen(
            [sys.executable, "-I", "-S", GUARDIAN, str(life.fileno()), "--", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[life.fileno()],
            bufsize=0,
            start_new_session=True,  # it shall outlive a host that ends its whole group
        )
        life.close()
        ends = [os.dup(pipe.fileno()) for pipe in (child.stdin, child.stdout, child.stderr) if pipe]
        for pipe in (child.stdin, child.stdout, child.stderr):
            assert pipe is not None
            pipe.close()
        os.set_blocking(ends[0], False)
        self._up = Stream(UP, 0, ends[0], host_writes=True)
        self._down = Stream(DOWN, ends[1], 1, host_writes=False)
        self._said = Stream(SAID, ends[2], 2, host_writes=False)
        self._told = b""
        self._pid = 0
        self._code: int | None = None
        self._leave_at: float | None = None

    def run(self) -> int:
        """Carry until the server has ended; its exit code, negative for a signal."""
        while not self._over():
            self._step()
        self._life.close()
        return 1 if self._code is None else self._code

    def _over(self) -> bool:
        if self._code is None:
            return False
        late = self._leave_at is not None and time.monotonic() >= self._leave_at
        return late or (self._down.ended and self._said.ended)

    def _step(self) -> None:
        streams = (self._up, self._down, self._said)
        readers: list[Any] = [self._wake, *([self._life] if self._code is None else [])]
        readers += [s.source for s in streams if s.reads and s.source is not None]
        writers = [s.target for s in streams if s.writes and s.target is not None]
        watching = self._up.source is None or self._leave_at is not None
        readable, writable, _ = select.select(readers, writers, [], LOOK_S if watching else None)
        if self._wake in readable:
            os.read(self._wake, 512)
        if self._life in readable:
            self._listen()
        self._forward()
        for stream in streams:
            if stream.target in writable and stream.writes:
                stream.write()
            if stream.source in readable and stream.reads:
                stream.read(self._copy)
        if watching:
            self._look()

    def _listen(self) -> None:
        """What the guardian says: the server's process id, and its end."""
        data = self._life.recv(512)
        self._told += data
        *lines, self._told = self._told.split(b"\n")
        for word, _, number in (line.partition(b" ") for line in lines):
            if word == b"pid":
                self._pid = int(number)
            elif word == b"exit":
                self._ended(int(number))
        if not data and self._code is None:
            self._ended(1)

    def _ended(self, code: int) -> None:
        self._code = code
        self._leave_at = time.monotonic() + REST_S

    def _forward(self) -> None:
        """Hand signals on to the server, once it is known."""
        while self._signals and self._pid:
            number = self._signals.pop(0)
            try:
                os.killpg(self._pid, number)
            except OSError:  # it has no group of its own yet, or is gone
                with contextlib.suppress(OSError):
                    os.kill(self._pid, number)

    def _look(self) -> None:
        """A host that is gone, and not only done writing, takes its server with it."""
        if self._code is not None or os.getppid() == self._parent or self._up.source is not None:
            return
        if self._leave_at is None:
            self._leave_at = time.monotonic() + GRACE_S
        elif time.monotonic() >= self._leave_at:
            self._life.shutdown(socket.SHUT_WR)  # the guardian ends the server
            self._leave_at += 60  # and says so
