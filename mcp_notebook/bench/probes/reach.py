"""Who reaches the server: P1 here, P2 a stranger, P3 many clients."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from mcp_notebook.bench.processes import stranger
from mcp_notebook.bench.processes.apart import COMMAND
from mcp_notebook.bench.processes.stage import Stage
from mcp_notebook.bench.readings import Reading
from mcp_notebook.bench.roads import Road
from mcp_notebook.errors import UsageError

from .registry import probe, reading

STRANGER: Final = stranger.__file__
APART_S: Final = 40
"""Seconds that the experiment with two networks may take on a busy machine."""


@probe("P1", "local", "answered", shown="{answered}")
def local(stage: Stage, road: Road) -> Reading:
    """Open a connection on this machine without any credential, and make a call."""
    stage.warm_up()
    stage.target(road)  # the server that a client does not start runs already
    begun = time.perf_counter()
    answer = stage.fresh(road).call("echo", text="here").value
    spent = (time.perf_counter() - begun) * 1000
    if answer != "here":
        raise UsageError(f"the call came to {answer!r}.")
    told = f"a call without a credential was answered {spent:.0f} ms after opening began"
    return reading({"answered": True, "open_ms": round(spent, 1)}, told)


@probe("P2", "remote", "reached", shown="{reached}")
def remote(stage: Stage, road: Road) -> Reading:
    """A process that shares nothing with the server but an address asks for an answer.

    Where the system lets users make network namespaces, it is in another network.
    """
    if not road.networked:
        pid = stage.connection(road).pid
        ports = None if pid is None else listening_sockets(pid)
        told = "there is no address to give to another machine"
        if ports is not None:
            told += f"; the server's process listens on {ports} ports"
        return reading({"reached": bool(ports), "address": False, "apart": False}, told)
    refusals = stage.once("apart", apart)
    if refusals is not None:
        why = refusals.get(road.name, "it was not asked")
        told = "a process in another network, with the address alone, was "
        return reading(
            {"reached": not why, "address": True, "apart": True},
            told + (f"not answered: {why}" if why else "answered"),
        )
    way = stage.worker.way(road)
    argv = [sys.executable, "-I", "-S", STRANGER, road.name, way.host, str(way.port), way.path]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            argv, env={}, cwd=folder, capture_output=True, text=True, timeout=15, check=False
        )
    reached = done.returncode == 0
    told = "a process that was given only the address was answered" if reached else done.stdout
    return reading(
        {"reached": reached, "address": True, "apart": False},
        f"{told.strip()} (by loopback: this system makes no second network)",
    )


def apart() -> dict[str, str] | None:
    """What a stranger in another network was told, by road; ``None`` where there can be none."""
    if not sys.platform.startswith("linux"):
        return None
    # where the tools of the network are, and an ordinary user's PATH does not look
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    try:
        done = subprocess.run(
            COMMAND,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=APART_S,
            check=False,
        )
        found = json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return found if isinstance(found, dict) else None


@probe("P3", "two clients", "server processes", shown="{processes}")
def many_clients(stage: Stage, road: Road) -> Reading:
    """Two clients ask for the process that serves them."""
    second = stage.connect(road)
    try:
        pids = {stage.connection(road).call("pid").value, second.call("pid").value}
    finally:
        second.close()
    told = "two clients were served by one process"
    if len(pids) > 1:
        told = "two clients were served by two processes"
    return reading({"clients": 2, "processes": len(pids)}, told)


def listening_sockets(pid: int) -> int | None:
    """How many TCP ports a process listens on; ``None`` where there is no /proc."""
    own: set[str] = set()
    try:
        for one in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                link = str(one.readlink())
                if link.startswith("socket:["):
                    own.add(link[8:-1])
        listening = 0
        for name in ("tcp", "tcp6"):
            for row in Path(f"/proc/{pid}/net/{name}").read_text("ascii").splitlines()[1:]:
                fields = row.split()
                listening += fields[3] == "0A" and fields[9] in own
    except OSError:
        return None
    return listening
