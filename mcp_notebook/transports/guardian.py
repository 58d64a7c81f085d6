"""The guardian of one child process: it outlives the kernel just long enough to end the child.

Run as a script, standard library only, so that it starts in some 20 ms:

    python -I -S guardian.py LIFE_FD -- COMMAND ARG ...

It starts COMMAND with its own standard streams, in a session of its own, and watches one end of
a socket pair whose other end the kernel holds. When that ends (the kernel closed it, or was
killed), the child and everything it started are ended: first end of input, then SIGTERM, then
SIGKILL. On Linux it is the "subreaper" of its descendants (prctl(2)), so that grandchildren
whose parent has died are found too. On the same socket it reports ``pid N`` and ``exit N``.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time

GRACE_S = 0.8
"""Seconds between the polite signal and the last one."""


def become_subreaper() -> None:
    """Adopt orphaned descendants (Linux only; elsewhere the process group has to do)."""
    if sys.platform.startswith("linux"):
        import ctypes

        set_child_subreaper = 36  # PR_SET_CHILD_SUBREAPER, linux/prctl.h
        ctypes.CDLL(None).prctl(set_child_subreaper, 1, 0, 0, 0)


def descendants() -> list[int]:
    """Process ids of everything below this process, from /proc; empty without one."""
    children: dict[int, list[int]] = {}
    try:
        names = os.listdir("/proc")  # noqa: PTH208 - because pathlib costs start-up time
    except OSError:
        return []
    for name in names:
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as stat:  # noqa: PTH123 - because of start-up time
                    fields = stat.read().rpartition(b")")[2].split()
            except OSError:
                continue
            if fields[0] != b"Z":
                children.setdefault(int(fields[1]), []).append(int(name))
    found: list[int] = []
    waiting = [os.getpid()]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def signal_all(child: int, number: int) -> bool:
    """Send a signal to the child's group and to every descendant; whether anybody was there."""
    anybody = False
    try:
        os.killpg(child, number)
        anybody = True
    except OSError:
        pass
    for pid in descendants():
        try:
            os.kill(pid, number)
            anybody = True
        except OSError:
            pass
    return anybody


def reap(child: int) -> int | None:
    """Collect ended descendants; the child's exit code once it is among them."""
    code = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except OSError:
            return code
        if pid == 0:
            return code
        if pid == child:
            code = os.waitstatus_to_exitcode(status)


def end_all(child: int) -> int | None:
    """End the child and its descendants, politely at first."""
    code = None
    for number, wait_s in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, 1.0)):
        if not signal_all(child, number):
            break
        deadline = time.monotonic() + wait_s
        while time.monotonic() < deadline:
            ended = reap(child)
            code = ended if ended is not None else code
            if not descendants():
                try:
                    os.killpg(child, 0)
                except OSError:
                    return code
            time.sleep(0.02)
    return code


def watch(life: int, child: int) -> int | None:
    """Wait for the child's end or for the kernel's; the exit code if it was the child's."""
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write)
    while True:
        code = reap(child)
        if code is not None:
            return code
        ready, _, _ = select.select([life, wake_read], [], [])
        if wake_read in ready:
            os.read(wake_read, 512)
        if life in ready and not os.read(life, 512):
            return None


def tell(life: int, line: str) -> None:
    """Write a line to the kernel, which may be gone."""
    with contextlib.suppress(OSError):
        os.write(life, f"{line}\n".encode())


def main(argv: list[str]) -> int:
    """Run a command under guard; returns the command's exit code."""
    life = int(argv[1])
    command = argv[3:]
    os.set_inheritable(life, False)
    become_subreaper()
    # SIGINT and SIGHUP of the terminal are for the kernel; the child has its own session
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    child = os.fork()
    if child == 0:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        try:
            os.execvp(command[0], command)
        except OSError as error:
            os.write(2, f"{command[0]}: {error.strerror}\n".encode())
            os._exit(127)
    # the pipes belong to the child alone now: its end must be seen as end of file
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.closerange(3, life)
    os.closerange(life + 1, 64)
    tell(life, f"pid {child}")
    code = watch(life, child)
    rest = end_all(child)
    code = code if code is not None else rest
    tell(life, f"exit {code if code is not None else -9}")
    return code if code is not None and code >= 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
