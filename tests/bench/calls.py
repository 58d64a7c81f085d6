"""What calls cost from where a cell stands: ``python -m tests.bench.calls``.

The calls are made from the main thread, as a cell makes them, and run on a background loop.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Any

from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from mcp_notebook.bench.processes.subject import make_subject
from mcp_notebook.runtime.loop import BackgroundLoop
from mcp_notebook.runtime.server import NotebookServer
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.transports.base import transports

from . import bare, sdkserver
from .ratios import show, turns

OURS, CHILD, SOCKET, FIRST = 1.15, 0.75, 0.5, 0.15
STARTS = 9


@contextmanager
def held(loop: BackgroundLoop, pair: Any, tool: str = "echo") -> Any:
    """The SDK's client over a pair of streams, held open by a task of a loop.

    Yields:
        Makes a call from any other thread, as one does who drives the SDK's client himself.
    """

    @asynccontextmanager
    async def client() -> AsyncIterator[Client]:
        async with Client(pair) as opened:
            yield opened

    ready: asyncio.Queue[Client] = asyncio.Queue()
    end = asyncio.Event()

    async def hold() -> None:
        async with client() as opened:
            await ready.put(opened)
            await end.wait()

    held_by = asyncio.run_coroutine_threadsafe(hold(), loop.loop)
    opened = asyncio.run_coroutine_threadsafe(ready.get(), loop.loop).result(30)

    def call() -> Any:
        coro = opened.call_tool(tool, {"text": "hello"})
        return asyncio.run_coroutine_threadsafe(coro, loop.loop).result()

    try:
        yield call
    finally:
        loop.call_soon(end.set)
        held_by.result(15)


def ours(
    bench: Workbench, server: NotebookServer, transport: str, name: str, tool: str = "echo"
) -> Callable[[], Any]:
    """A call through a Connection of ours."""
    port = None if transport in ("memory", "pipe", "stdio", "bridge", "unix") else 0
    endpoint = bench.serve(server, transport, name=name, port=port)
    connection = bench.connect(endpoint, name=name)
    return lambda: connection.call(tool, text="hello")


def connections(bench: Workbench, server: NotebookServer, runs: int, calls: int) -> bool:
    """Our Connection over the SDK's client on bare streams, from another thread the same way."""
    print("our Connection over the SDK's client, both called from another thread", flush=True)
    kept = True
    for transport in ("memory", "pipe", "tcp", "http", "websocket"):
        with ExitStack() as stack:
            sdk = stack.enter_context(held(bench.loop, bare.opened(transport, server)))
            again = stack.enter_context(held(bench.loop, bare.opened(transport, server)))
            own = ours(bench, server, transport, f"own-{transport}")
            times = turns({"sdk": sdk, "again": again, "ours": own}, runs=runs, calls=calls)
        aside = f"{times.median('sdk') * 1e3:.2f} ms, A/A {times.ratio('again', 'sdk'):.3f}"
        kept &= show(transport, times.ratio("ours", "sdk"), OURS, aside)
    return kept


def ends(bench: Workbench, server: NotebookServer, runs: int, calls: int) -> bool:
    """Our client and child against the SDK's at both ends; WebSocket against HTTP."""
    print("whole ways", flush=True)
    child = stdio(bench, "async tool", "echo", runs, calls)
    child &= stdio(bench, "tool in a thread", "echo_in_thread", runs, calls)
    ways = {
        "http": ours(bench, server, "http", "whole-http"),
        "http again": ours(bench, server, "http", "whole-http-again"),
        "websocket": ours(bench, server, "websocket", "whole-websocket"),
    }
    times = turns(ways, runs=runs, calls=calls)
    aside = f"{times.median('http') * 1e3:.2f} ms, A/A {times.ratio('http again', 'http'):.3f}"
    return child & show("websocket over http", times.ratio("websocket", "http"), SOCKET, aside)


def stdio(bench: Workbench, what: str, tool: str, runs: int, calls: int) -> bool:
    """One server, on standard streams: our client and child over the SDK at both ends."""
    same = bench.servers.get("sdkserver") or bench.servers.add(
        sdkserver.server, name="sdkserver", source="tests.bench.sdkserver:server"
    )
    command = StdioServerParameters(
        command=sys.executable, args=["-m", "tests.bench.sdkserver"], env=dict(os.environ)
    )
    with ExitStack() as stack:
        ways = {
            "sdk": stack.enter_context(held(bench.loop, stdio_client(command), tool)),
            "sdk again": stack.enter_context(held(bench.loop, stdio_client(command), tool)),
            "ours": ours(bench, same, "stdio", f"whole-{tool}", tool),
        }
        kept = True
        for in_a_row, how in ((1, "singly"), (20, "20 in a row")):
            times = turns(ways, runs=runs, calls=calls, in_a_row=in_a_row)
            aside = f"{times.median('sdk') * 1e3:.2f} ms, A/A {times.ratio('sdk again', 'sdk'):.3f}"
            kept &= show(f"stdio, {what}, {how}", times.ratio("ours", "sdk"), CHILD, aside)
    return kept


def starts(bench: Workbench, server: NotebookServer) -> bool:
    """Serve, connect and the first call, after a first time that warmed up."""
    print(f"serve + connect + first call, s (medians of {STARTS}, in turns)", flush=True)
    times: dict[str, list[float]] = {each.name: [] for each in transports() if not each.missing()}
    for number in range(STARTS + 1):
        for name, taken in times.items():
            begun = time.perf_counter()
            ours(bench, server, name, f"start-{name}")()
            if number:
                taken.append(time.perf_counter() - begun)
            bench.stop(f"start-{name}")
    kept = True
    for name, taken in times.items():
        found, aside = statistics.median(taken), f"{min(taken):.3f} to {max(taken):.3f}"
        if (
            name == "stdio"
        ):  # a process that imports the SDK: outside the kernel, told for what it is
            print(f"  {name:44} {found:9.3f}  starts a child {aside:>16}", flush=True)
        else:
            kept &= show(name, found, FIRST, aside)
    return kept


def measure(runs: int = 3, calls: int = 1000) -> bool:
    """Measure and print everything."""
    with tempfile.TemporaryDirectory() as folder, Workbench(folder=folder) as bench:
        server = bench.servers.add(
            make_subject(), source="mcp_notebook.bench.processes.subject:subject"
        )
        return (
            connections(bench, server, runs, calls)
            & ends(bench, server, runs, calls)
            & starts(bench, server)
        )


if __name__ == "__main__":
    measure(calls=int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
