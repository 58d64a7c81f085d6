"""What recording costs: ``python -m tests.bench.taps [TRANSPORTS]``.

Four ways to make the same call over each transport: twice with no tap anywhere (A/A), with our
client recording against a bare server, and with both ends recording. Everything runs on one loop
and the SDK's client is driven on it, so that nothing dilutes the difference.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from mcp.client import Client

from mcp_notebook.bench.processes.subject import make_subject
from mcp_notebook.runtime.server import NotebookServer
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.trace.events import Direction, Vantage
from mcp_notebook.transports.base import ConnectOptions, ServeOptions, find_transport
from mcp_notebook.transports.streams import LineDuplex
from mcp_notebook.transports.tap import Tap

from . import bare
from .ratios import show, turns_here

TRANSPORTS = ("memory", "pipe", "stdio", *bare.NETWORKED)
ONE, BOTH = 1.05, 1.08
PLAIN = ConnectOptions()


@asynccontextmanager
async def one_tapped(
    name: str, server: NotebookServer, bench: Workbench
) -> AsyncIterator[tuple[Any, Any]]:
    """Our client, recording, and a bare server."""
    tap = Tap(bench.trace, f"one-{name}", Vantage.CLIENT, name)
    async with AsyncExitStack() as stack:
        if name in bare.IN_PROCESS:
            near = LineDuplex(receives=Direction.SERVER_TO_CLIENT, tap=tap.link())
            joined = bare.in_process(near, server, pipes=name == "pipe")
            await stack.enter_async_context(joined)
            stack.push_async_callback(near.aclose)
            yield near, near
            return
        target: Any = list(bare.CHILD)
        if name != "stdio":
            target = await stack.enter_async_context(bare.serving(name, server))
        yield await stack.enter_async_context(find_transport(name).connect(target, PLAIN, tap))


@asynccontextmanager
async def both_tapped(
    name: str, server: NotebookServer, bench: Workbench
) -> AsyncIterator[tuple[Any, Any]]:
    """Our client and our server, both recording."""
    way = find_transport(name)
    port = 0 if way.networked else None
    options = ServeOptions(name=f"both-{name}", port=port)
    tap = Tap(bench.trace, f"both-{name}", Vantage.SERVER, name)
    listener = await way.listen(server, options, tap)
    try:
        near = Tap(bench.trace, f"both-{name}", Vantage.CLIENT, name)
        async with way.connect(listener, PLAIN, near) as pair:
            yield pair
    finally:
        await listener.close()


async def taps(bench: Workbench, server: NotebookServer, name: str, runs: int, calls: int) -> bool:
    """Measure and print one transport; says whether it is within the bounds."""
    async with AsyncExitStack() as stack:
        ways = {}
        for way, pair in (
            ("bare", bare.opened(name, server)),
            ("bare again", bare.opened(name, server)),
            ("one", one_tapped(name, server, bench)),
            ("both", both_tapped(name, server, bench)),
        ):
            client = await stack.enter_async_context(Client(pair))
            ways[way] = lambda client=client: client.call_tool("echo", {"text": "hello"})
        times = await turns_here(ways, runs=runs, calls=calls)
    aside = f"{times.median('bare') * 1e3:.2f} ms bare, A/A {times.ratio('bare again', 'bare'):.3f}"
    one = show(f"{name}: one vantage over bare", times.ratio("one", "bare"), ONE, aside)
    both = show(f"{name}: both vantages over bare", times.ratio("both", "bare"), BOTH, aside)
    return one and both


def measure(names: tuple[str, ...] = TRANSPORTS, runs: int = 3, calls: int = 1000) -> bool:
    """Measure and print every transport."""
    print("recording", flush=True)
    held = True
    with Workbench(folder="bench") as bench:
        server = bench.servers.add(
            make_subject(), source="mcp_notebook.bench.processes.subject:subject"
        )
        for name in names:
            held &= bench.loop.run(taps(bench, server, name, runs, calls))
    return held


if __name__ == "__main__":
    measure(tuple(sys.argv[1].split(",")) if len(sys.argv) > 1 else TRANSPORTS)
