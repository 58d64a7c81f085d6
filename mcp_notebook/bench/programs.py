"""Programs that a measurement or a lesson puts around a server: proxies, balancers, workers.

Each runs as a child under the guardian, on a loopback port, and ends with the block that
started it, or with the kernel.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mcp_notebook.errors import ConnectError, MissingProgram
from mcp_notebook.transports.child import GUARDIAN

# lessons take everything for a program from here; the package itself takes it where it stands
from mcp_notebook.transports.ports import free_port as free_port

START_S: Final = 20.0
"""Seconds a program may take until its port accepts."""

END_S: Final = 4.0
"""Seconds the guardian has to end it; it signals politely at first."""

LAST_WORDS: Final = 400
"""Characters of a program's output that an error quotes."""

_STAMP: Final = re.compile(r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[\w+\] \d+#\d+: ", re.MULTILINE)
"""What nginx writes before each line of its log: when, how bad, which process."""

_OWN_FOLDER: Final = re.compile(r"[^\s\"'(]*[/\\]mcp-(?:program|nginx|haproxy)-\w+[/\\]")
"""A folder of ours, as a program names it before a file."""

_SYSTEM_FOLDERS: Final = ("/usr/sbin", "/usr/local/sbin", "/sbin", "/opt/homebrew/bin")
"""Where servers are installed and an ordinary user's PATH does not look."""

_INSTALL: Final = {
    "nginx": "apt install nginx-light, or brew install nginx",
    "haproxy": "apt install haproxy, or brew install haproxy",
    "redis-server": "apt install redis-server, or brew install redis",
    "node": "apt install nodejs, or brew install node",
    "openssl": "apt install openssl, or brew install openssl",
    "curl": "apt install curl, or brew install curl",
    "unshare": "apt install util-linux; it exists on Linux only",
}

_NGINX: Final = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{block}
}}
"""

_HAPROXY: Final = """\
global
    maxconn 512
    log stderr format raw local0

{sections}
"""


class Program:
    """A program that runs.

    Attributes:
        name: what it is called in errors.
        port: where it listens.
        pid: its process id.
    """

    def __init__(self, name: str, port: int, pid: int, log: Path) -> None:
        self.name = name
        self.port = port
        self.pid = pid
        self._log = log

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What it has written to standard output and standard error so far."""
        with contextlib.suppress(OSError):
            return self._log.read_text(encoding="utf-8", errors="replace")
        return ""

    def __repr__(self) -> str:
        return f"<{self.name} on {self.url}>"


def find_program(name: str) -> str:
    """The path of an installed program.

    Raises:
        MissingProgram: it is not installed; the message says how to get it.
    """
    places = os.pathsep.join([os.environ.get("PATH", os.defpath), *_SYSTEM_FOLDERS])
    found = shutil.which(name, path=places)
    if found is None:
        how = _INSTALL.get(name, "install it")
        raise MissingProgram(f"{name} is not here.", hint=f"To see this: {how}. Then run it again.")
    return found


@contextmanager
def running(
    argv: Sequence[str],
    *,
    port: int,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    timeout_s: float = START_S,
) -> Iterator[Program]:
    """Run a program while the block runs; it is there once its port accepts.

    Args:
        argv: the program and its arguments.
        port: the loopback port it will listen on.
        env: variables it gets beside those of this process.
        cwd: its working folder.
        timeout_s: seconds until the port must accept.

    Raises:
        MissingProgram: the program is not installed.
        ConnectError: it ended before, or did not listen in time; with its last words.
    """
    name = Path(argv[0]).name
    command = [find_program(argv[0]), *argv[1:]]
    with tempfile.TemporaryDirectory(prefix="mcp-program-") as folder:
        log = Path(folder, "log")
        with log.open("wb") as out, _guarded(command, out.fileno(), env, cwd) as (process, life):
            pid = _pid(life, process)
            _await_port(name, port, process, log, timeout_s)
            yield Program(name, port, pid, log)


@contextmanager
def nginx(block: str, *, port: int) -> Iterator[Program]:
    """Run nginx.

    Args:
        block: what stands inside ``http { }``, for example a ``server { }``.
        port: a loopback port that the block listens on.

    Raises:
        MissingProgram: it is not installed.
        ConnectError: it refuses the configuration; with its words.
    """
    program = find_program("nginx")
    with tempfile.TemporaryDirectory(prefix="mcp-nginx-") as folder:
        path = Path(folder, "nginx.conf")
        path.write_text(_NGINX.format(folder=folder, block=block), encoding="utf-8")
        argv = [program, "-p", folder, "-e", "stderr", "-c", str(path)]
        with running(argv, port=port) as child:
            yield child


@contextmanager
def haproxy(sections: str, *, port: int) -> Iterator[Program]:
    """Run haproxy.

    Args:
        sections: ``defaults``, ``frontend`` and ``backend``; ``global`` is written for you.
        port: a loopback port that a frontend binds.

    Raises:
        MissingProgram: it is not installed.
        ConnectError: it refuses the configuration; with its words.
    """
    program = find_program("haproxy")
    with tempfile.TemporaryDirectory(prefix="mcp-haproxy-") as folder:
        path = Path(folder, "haproxy.cfg")
        path.write_text(_HAPROXY.format(sections=sections), encoding="utf-8")
        with running([program, "-db", "-f", str(path)], port=port) as child:
            yield child


@contextmanager
def _guarded(
    command: list[str], out: int, env: Mapping[str, str] | None, cwd: str | None
) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket | None]]:
    """The process, and our end of its life line; ended on leaving."""
    whole = {**os.environ, **(env or {})}
    if os.name == "nt":
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=whole, cwd=cwd
        )
        life = None
    else:
        life, theirs = socket.socketpair()
        with theirs:
            guard = [sys.executable, "-I", "-S", str(GUARDIAN), str(theirs.fileno()), "--"]
            process = subprocess.Popen(
                [*guard, *command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=whole,
                cwd=cwd,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
    try:
        yield process, life
    finally:
        if life is None:
            process.terminate()
        else:
            life.close()  # the guardian reads the end of the life line
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _pid(life: socket.socket | None, process: subprocess.Popen[bytes]) -> int:
    """The program's own process id, which its guardian tells first."""
    if life is None:
        return process.pid
    life.settimeout(START_S)
    line = b""
    while not line.endswith(b"\n"):
        part = life.recv(1)
        if not part:
            return process.pid
        line += part
    return int(line.split()[1])


def _last_words(log: Path) -> str:
    """What a program said at last, without what tells a reader nothing: times, ids, our folder."""
    said = log.read_text(encoding="utf-8", errors="replace").strip()
    return _OWN_FOLDER.sub("", _STAMP.sub("", said))[-LAST_WORDS:]


def _await_port(
    name: str, port: int, process: subprocess.Popen[bytes], log: Path, timeout_s: float
) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        ended = process.poll() is not None
        if ended or time.monotonic() > deadline:
            what = "ended at once" if ended else f"does not listen on port {port}"
            said = _last_words(log)
            raise ConnectError(f"{name} {what}{': ' + said if said else ''}.")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
