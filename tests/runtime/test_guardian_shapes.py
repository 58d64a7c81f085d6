"""The guardian of a child, whatever the command line makes of it: shells, forks, supervisors.

What npm and PyPI bring to start servers with is in tests/peers/test_launchers.py.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from mcp_notebook.errors import ConnectError
from mcp_notebook.runtime.workbench import Workbench
from tests.rigs.census import marked, wait_until_none_is_marked
from tests.rigs.kernel import KernelRig
from tests.rigs.launched import ENDINGS, assert_nobody_survives, connect_all, end

ROOT = Path(__file__).parents[2]
BARE = ROOT / "lessons" / "servers" / "bare_stdio.py"

STUBBORN = f"""
import runpy, signal, threading
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
    signal.signal(number, signal.SIG_IGN)
runpy.run_path({str(BARE)!r}, run_name="__main__")  # serves until its input ends
threading.Event().wait()  # ignores that its input has ended
"""
"""What they all start: a server that ends only when it is killed."""

DAEMON = """
import os, runpy, sys, time
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:  # in a session of its own, its parent gone, its streams closed
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        os.write(write, b"!")
        {daemon}
    os._exit(0)
os.wait()
os.read(read, 1)
runpy.run_path({server!r}, run_name="__main__")
"""

DEAF = """
        import signal, threading
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        threading.Event().wait()
"""

RUNAWAY = """
        for _ in range(20_000):  # each generation ends as soon as the next one runs
            if os.fork():
                os._exit(0)
            os.setsid()
            time.sleep(0.005)
"""

SUPERVISOR = """
import subprocess, sys
first = True
while True:  # as a watcher of files does: what ends is started anew
    given = None if first else subprocess.DEVNULL
    subprocess.run([sys.executable, {server!r}], stdin=given, start_new_session=True)
    first = False
"""

STOPPED = """
import runpy, subprocess, sys
below = subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"])
below.send_signal(19)  # stopped: it takes no polite signal
runpy.run_path({server!r}, run_name="__main__")
"""


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, list[str]]]:
    """Command lines by what they are, each with its folder."""
    folder = tmp_path_factory.mktemp("shapes")

    def written(name: str, code: str) -> str:
        file = folder / f"{name}.py"
        file.write_text(code, encoding="utf-8")
        return shlex.join([sys.executable, str(file)])

    server = written("stubborn", STUBBORN)
    path = str(folder / "stubborn.py")
    daemon = DAEMON.format(daemon=textwrap.dedent(DEAF).replace("\n", "\n        "), server=path)
    runaway = DAEMON.format(
        daemon=textwrap.dedent(RUNAWAY).replace("\n", "\n        "), server=path
    )
    found = {
        "exec": f"exec {server}",
        "a child of the shell": f"{server}; echo it ended >&2",
        "in the background": f"exec 3<&0; {server} <&3 & wait",
        "in a pipe": f"{server} | cat",
        "a shell that ignores the signal": f"trap '' TERM INT; {server} & {server}; wait",
        "a trap that ends the group": f"trap 'kill 0' EXIT; {server}; true",
        "a shell in a shell": f"sh -c {shlex.quote(f'{server}; true')}; true",
        "a session of its own": f"setsid --wait {server}",
        "a double fork beside it": written("daemon", daemon),
        "forks that never stay": written("runaway", runaway),
        "a supervisor": written("supervisor", SUPERVISOR.format(server=path)),
        "a stopped grandchild": written("stopped", STOPPED.format(server=path)),
    }
    return {name: (str(folder), ["sh", "-c", line]) for name, line in found.items()}


@pytest.mark.kernel
@pytest.mark.timeout(120)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a subreaper is Linux only")
@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_survives_whatever_started_it(
    shared_kernel: KernelRig, shapes: dict[str, tuple[str, list[str]]], ending: str
) -> None:
    mark, tools = connect_all(shared_kernel, shapes)
    assert tools == dict.fromkeys(shapes, 1)
    running = marked(mark)
    assert len(running) > 2 * len(shapes)  # each has its guardian and at least its server
    end(shared_kernel, ending)
    assert_nobody_survives(mark, len(running))


@pytest.mark.kernel
def test_a_fork_of_the_kernel_does_not_keep_its_children_alive(
    kernel: KernelRig, shapes: dict[str, tuple[str, list[str]]]
) -> None:
    """It has a copy of every descriptor: of the life line and of the child's input too."""
    mark, _ = connect_all(kernel, {"exec": shapes["exec"]})
    kernel.run(
        "import multiprocessing, threading\n"
        "fork = multiprocessing.get_context('fork').Process(target=threading.Event().wait)\n"
        "fork.start()"
    ).check()
    fork = psutil.Process(kernel.value("fork.pid"))
    try:
        kernel.kill()
        assert_nobody_survives(mark, 2)
        assert fork.is_running()
    finally:
        fork.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_a_guardian_that_is_told_to_end_ends_what_it_guards_first(
    bench: Workbench, shapes: dict[str, tuple[str, list[str]]], number: int
) -> None:
    """Its command line contains that of the server: who ends servers by name finds it as well."""
    _, command = shapes["a double fork beside it"]
    connection = bench.connect(command, timeout=20, env={f"MARK_{number}": "1"})
    assert connection.pid
    guardian = psutil.Process(connection.pid).parent()
    assert guardian is not None
    assert "guardian.py" in " ".join(guardian.cmdline())
    guardian.send_signal(number)
    assert_nobody_survives(f"MARK_{number}", 3)
    assert guardian.wait(5) in (0, 1, None)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prctl(2) is Linux only")
def test_a_child_does_not_outlive_a_guardian_that_was_killed(
    bench: Workbench, shapes: dict[str, tuple[str, list[str]]]
) -> None:
    connection = bench.connect(shapes["exec"][1], timeout=20, env={"MARK_ORPHAN": "1"})
    assert connection.pid
    os.kill(psutil.Process(connection.pid).ppid(), signal.SIGKILL)
    assert_nobody_survives("MARK_ORPHAN", 2)


def test_a_launcher_that_does_not_wait_takes_its_server_along(
    bench: Workbench, shapes: dict[str, tuple[str, list[str]]]
) -> None:
    """A host sees the end of the program it started, and so do we."""
    _, (_, _, line) = shapes["exec"]
    server = line.removeprefix("exec ")
    command = ["sh", "-c", f"exec 3<&0; {server} <&3 & echo off it goes >&2"]
    with pytest.raises(ConnectError, match=r"exit code 0; it said: .*off it goes"):
        bench.connect(command, timeout=20, env={"MARK_ALONE": "1"})
    wait_until_none_is_marked("MARK_ALONE")
