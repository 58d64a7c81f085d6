"""The guardian of one child process: it outlives the kernel just long enough to end the child.

Run as a script, standard library only, so that it starts in some 20 ms:

    python -I -S guardian.py LIFE_FD -- COMMAND ARG ...

It starts COMMAND with its own standard streams, in a session of its own, and watches one end of
a socket pair whose other end the kernel holds. When that ends (the kernel closed it, or was
killed), the child and everything it started are ended: first end of input, then SIGTERM, then
SIGKILL. On Linux it is the "subreaper" of its descendants (prctl(2)), so that grandchildren
whose parent has died are found too, and it watches the kernel itself: a process that the kernel
forked (multiprocessing does) may hold a copy of the other end. A polite signal to the guardian
itself ends all as well. On the same socket it reports ``pid N`` and ``exit N``.
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

LAST_S = 2.0
"""Seconds in which the last signal is sent again and again: to what was started meanwhile too."""

SET_PDEATHSIG = 1  # linux/prctl.h
SET_CHILD_SUBREAPER = 36

FOR_THE_KERNEL = (signal.SIGINT, signal.SIGHUP)
"""What a terminal sends to all that run in it; the child has a session of its own."""

TO_END = (signal.SIGTERM, signal.SIGQUIT)
"""What ends the guardian, and first of all what it guards."""

told_to_end: list[int] = []
"""Those of them that came."""


def control_process(option: int, value: int) -> None:
    """``prctl`` (Linux only; elsewhere the process group has to do)."""
    if sys.platform.startswith("linux"):
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


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
    for number, wait_s in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, LAST_S)):
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
            if number == signal.SIGKILL:
                signal_all(child, number)  # one that was just forked was not in the first list
                time.sleep(0.005)
            else:
                time.sleep(0.02)
    return code


def open_kernel() -> list[int]:
    """A descriptor that is readable once the kernel has ended, where the system has one."""
    if hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):
            return [os.pidfd_open(os.getppid())]
    return []


def watch(life: int, child: int) -> int | None:
    """Wait for the child's end or for the kernel's; the exit code if it was the child's."""
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write)
    kernel = open_kernel()
    while not told_to_end:
        code = reap(child)
        if code is not None:
            return code
        ready, _, _ = select.select([life, wake_read, *kernel], [], [])
        if wake_read in ready:
            os.read(wake_read, 512)
        if kernel and kernel[0] in ready:
            break
        if life in ready and not os.read(life, 512):
            break
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
    control_process(SET_CHILD_SUBREAPER, 1)
    for number in FOR_THE_KERNEL:
        signal.signal(number, signal.SIG_IGN)
    for number in TO_END:
        signal.signal(number, lambda number, _frame: told_to_end.append(number))
    child = os.fork()
    if child == 0:
        os.setsid()
        control_process(SET_PDEATHSIG, signal.SIGKILL)  # if somebody kills the guardian
        # Python ignores the last two, and what is ignored is inherited
        for number in (*FOR_THE_KERNEL, *TO_END, signal.SIGPIPE, signal.SIGXFSZ):
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
