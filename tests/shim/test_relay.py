"""A command behind a shim, without a notebook: nobody can tell the difference."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import psutil
import pytest

from tests.rigs.shim import eventually, shimmed
from tests.structure.house import ROOT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Python has no Unix sockets on Windows")

ODD = b"abc\r\n\xff\xfe\x00\n\r\xc3(\n" + b"x" * 200_000 + b"\n\n{no newline"


def run(folder: Path, *command: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    with shimmed(folder, *command) as process:
        out, err = process.communicate(given, timeout=50)
        return subprocess.CompletedProcess(command, process.returncode, out, err)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_bytes_pass_unchanged(tmp_path: Path) -> None:
    given = ODD + random.Random(7).randbytes(9_000_000)

    assert run(tmp_path, "cat", given=given).stdout == given
    done = run(tmp_path, "sh", "-c", "cat >&2", given=ODD)
    assert (done.stdout, done.stderr) == (b"", ODD)


def test_both_outputs_at_once_and_a_slow_reader(tmp_path: Path) -> None:
    code = (
        "import sys, threading\n"
        "def say(out, sign):\n"
        "    for _ in range(40): out.write(sign * 99_999); out.flush()\n"
        "other = threading.Thread(target=say, args=(sys.stderr.buffer, b'e'))\n"
        "other.start(); say(sys.stdout.buffer, b'o'); other.join()"
    )
    done = run(tmp_path, *python(code))

    assert (done.stdout, done.stderr) == (b"o" * 3_999_960, b"e" * 3_999_960)


def test_bytes_pass_at_once(tmp_path: Path) -> None:
    with shimmed(tmp_path, "cat") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for part in (b"{", b'"a"', b":1}", b"\n"):  # no line is waited for
            process.stdin.write(part)
            assert os.read(process.stdout.fileno(), 99) == part


@pytest.mark.parametrize(
    ("command", "code"),
    [(["true"], 0), (["sh", "-c", "exit 7"], 7), (["sh", "-c", "kill -9 $$"], -9),
     (["sh", "-c", "kill $$"], -15)],
)  # fmt: skip
def test_it_ends_as_the_command_does(tmp_path: Path, command: list[str], code: int) -> None:
    done = run(tmp_path, *command)

    assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")


def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    done = run(tmp_path, "no-such-program")

    assert done.returncode == 127
    assert done.stderr == b"no-such-program: No such file or directory\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--help"], "Runs a stdio server for a host"), (["x"], "there is no command after --."),
     (["x", "y", "--", "true"], "'y' is not understood"), (["--kernel"], "wants a value"),
     (["--nothing", "--", "true"], "'--nothing' is not understood")],
)  # fmt: skip
def test_a_wrong_line_is_said(words: list[str], said: str) -> None:
    command = [sys.executable, "-m", "mcp_notebook.shim", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50)

    assert done.returncode == (0 if words == ["--help"] else 2)
    assert said in done.stdout + done.stderr


def test_the_end_of_input_reaches_the_command(tmp_path: Path) -> None:
    counted = "import sys; print(len(sys.stdin.buffer.read()))"
    assert run(tmp_path, *python(counted), given=b"x" * 300_000).stdout == b"300000\n"


def test_a_signal_reaches_the_command_which_ends_in_its_own_way(tmp_path: Path) -> None:
    code = (
        "import signal, sys, time\n"
        "def ended(*_): print('bye', flush=True); sys.exit(3)\n"
        "signal.signal(signal.SIGTERM, ended); print('up', flush=True); time.sleep(1000)"
    )
    with shimmed(tmp_path, *python(code)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        process.terminate()
        assert process.stdout.read() == b"bye\n"
        assert process.wait(50) == 3


def write_for_ever(pipe: IO[bytes]) -> None:
    while True:
        pipe.write(b"x" * 100_000)


def test_a_command_that_stops_reading_is_seen_by_the_host(tmp_path: Path) -> None:
    with shimmed(tmp_path, *python("import os, time; os.close(0); time.sleep(1000)")) as process:
        assert process.stdin is not None

        with pytest.raises(BrokenPipeError):
            write_for_ever(process.stdin)


def test_a_host_that_stops_reading_is_seen_by_the_command(tmp_path: Path) -> None:
    with shimmed(tmp_path, "yes") as process:
        assert process.stdout is not None
        process.stdout.read(2)
        process.stdout.close()
        assert process.wait(50) == -signal.SIGPIPE


STUBBORN = (
    "import os, signal, subprocess, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "below = subprocess.Popen(['sleep', '1000'])\n"
    "print(os.getpid(), below.pid, flush=True); time.sleep(1000)"
)


@pytest.mark.slow
@pytest.mark.parametrize("group", [False, True])
def test_no_process_outlives_a_shim_that_is_killed(tmp_path: Path, group: bool) -> None:
    with shimmed(tmp_path, *python(STUBBORN)) as process:
        assert process.stdout is not None
        pids = [int(word) for word in process.stdout.readline().split()]
        if group:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        eventually(lambda: not any(psutil.pid_exists(p) for p in pids), "the end of all processes")


@pytest.mark.slow
def test_no_process_outlives_a_host_that_is_killed(tmp_path: Path) -> None:
    shim = [sys.executable, "-m", "mcp_notebook.shim", "--folder", str(tmp_path), "--"]
    host = (
        "import subprocess, sys, time\n"
        f"p = subprocess.Popen({[*shim, *python(STUBBORN)]!r}, stdin=-1, stdout=-1)\n"
        "print(p.stdout.readline().decode(), flush=True); time.sleep(1000)"
    )
    with subprocess.Popen(python(host), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pids = [int(word) for word in process.stdout.readline().split()]
        below = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
        process.kill()
    eventually(
        lambda: not any(psutil.pid_exists(p) for p in [*pids, *below]), "the end of all processes"
    )


@pytest.mark.slow
def test_a_host_that_only_ends_its_input_gets_the_rest(tmp_path: Path) -> None:
    code = "import sys, time; sys.stdin.read(); time.sleep(3); print('late')"
    assert run(tmp_path, *python(code)).stdout == b"late\n"


def test_a_command_has_the_shims_environment_and_folder(tmp_path: Path) -> None:
    code = "import os; print(os.environ['PATH'], os.getcwd(), sep='|')"
    told = run(tmp_path, *python(code)).stdout.decode().strip()
    assert told == f"{os.environ['PATH']}|{os.getcwd()}"


@pytest.mark.slow
def test_much_passes_while_nobody_takes_copies(tmp_path: Path) -> None:
    """Far more than the copies may take of memory."""
    size = 40_000_000
    code = "import sys\nfor n in range(40): sys.stdout.buffer.write(bytes([n]) * 1_000_000)"
    with shimmed(tmp_path, *python(code)) as process:
        assert process.stdout is not None
        digest, count = hashlib.sha256(), 0
        most = 0
        while part := process.stdout.read(1 << 20):
            digest.update(part)
            count += len(part)
            most = max(most, psutil.Process(process.pid).memory_info().rss)
    wanted = hashlib.sha256(b"".join(bytes([n]) * 1_000_000 for n in range(40)))
    assert (count, digest.digest()) == (size, wanted.digest())
    assert most < 80 << 20


def test_it_imports_so_little_that_a_host_starts_it_at_once() -> None:
    words = [
        "-S",
        "-X",
        "importtime",
        "-m",
        "mcp_notebook.shim",
        "x",
        "--folder",
        "/x",
        "--",
        "true",
    ]
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, timeout=50, cwd=ROOT, check=True
    )
    rows = [line.split("|")[2].strip() for line in done.stderr.splitlines() if "|" in line]
    assert "mcp_notebook.shim.relay" in rows
    assert not {"asyncio", "argparse", "ssl", "pathlib", "email", "mcp"} & set(rows)
    assert len(rows) < 130
