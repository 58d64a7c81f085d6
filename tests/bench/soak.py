"""Many messages over a mix of transports: ``python -m tests.bench.soak [MESSAGES]``.

Memory is read while they pass, once the Trace is full: it must stay where it is. One line a
tenth, the growth at the end.
"""

from __future__ import annotations

import concurrent.futures
import gc
import os
import sys
import tempfile
import time

import psutil

from mcp_notebook.bench.processes.subject import make_subject
from mcp_notebook.runtime.connection import Connection
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.trace.store import Trace

MIX = ("memory", "pipe", "stdio", "unix", "tcp", "http", "http-json", "sse", "websocket")
AT_ONCE = 4
"""Calls under way on each connection."""


def batch(connection: Connection, count: int) -> None:
    """So many calls, a few at once."""
    waiting: list[concurrent.futures.Future[object]] = []
    for number in range(count):
        waiting.append(connection.start("echo", {"text": f"{number}"}).future)  # type: ignore[arg-type]
        if len(waiting) == AT_ONCE:
            concurrent.futures.wait(waiting)
            for future in waiting:
                future.result()
            waiting.clear()
    for future in waiting:
        future.result()


def soak(messages: int) -> None:
    """Send them and print what is held."""
    process = psutil.Process(os.getpid())
    trace = Trace(max_events=20_000)
    with tempfile.TemporaryDirectory() as folder, Workbench(folder=folder, trace=trace) as bench:
        server = bench.servers.add(
            make_subject(), source="mcp_notebook.bench.processes.subject:subject"
        )
        mix = []
        for name in MIX:
            networked = name in ("tcp", "http", "http-json", "sse", "websocket")
            endpoint = bench.serve(server, name, name=name, port=0 if networked else None)
            mix.append(bench.connect(endpoint, name=name))
        begun, sent, held = time.perf_counter(), 0, []
        for tenth in range(10):
            until = messages * (tenth + 1) // 10
            while sent < until:
                for connection in mix:
                    batch(connection, 40)
                    sent += 80  # a request and its answer each
            gc.collect()
            held.append(process.memory_info().rss / 1e6)
            took = time.perf_counter() - begun
            print(
                f"  {sent:9,} messages {held[-1]:8.1f} MB  {sent / took:6.0f} a second", flush=True
            )
    early, late = held[1:4], held[-3:]
    grown = sum(late) / len(late) - sum(early) / len(early)
    print(f"  from the second tenth on it grew by {grown:.1f} MB; {trace.dropped:,} events left")


if __name__ == "__main__":
    soak(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
