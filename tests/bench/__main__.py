"""Prints what the library costs on this machine: ``python -m tests.bench [CALLS]``.

Every ratio comes from three interleaved runs of so many calls; a ratio beside it says what the
machine makes of two ways that are the same (A/A).
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from mcp_notebook.trace.events import Direction, Vantage
from mcp_notebook.trace.store import Trace
from mcp_notebook.transports.tap import LinkTap, Tap

from . import calls, taps
from .ratios import show

ROUNDS = 5
APPEND_US, MEMORY_MB = 3.0, 120.0

HELD = """
import os, sys
from mcp_notebook.trace.events import Direction, Vantage
from mcp_notebook.trace.store import Trace
from mcp_notebook.transports.tap import Tap
from mcp_notebook.wire.spans import Span

def held_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

trace = Trace(max_events=1_000_000, max_bytes=1 << 30)
link = Tap(trace, "bench", Vantage.CLIENT, "pipe").link()
before = held_mb()
for number in range(100_000):
    line = b"%0300d\\n" % number
    start = link.chunk(Direction.SERVER_TO_CLIENT, line) if "chunks" in sys.argv else 0
    link.message(Direction.SERVER_TO_CLIENT, line[:-1], span=Span(start, start + 301))
trace.events()  # looked at, as when a view was opened
print(held_mb() - before)
"""


def seconds(work: Callable[[], object]) -> float:
    """The median time of a few rounds of `work`."""
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def interpreter(code: str) -> Callable[[], object]:
    """A fresh interpreter that runs `code`."""
    return lambda: subprocess.run([sys.executable, "-c", code], check=True)


def append_us() -> tuple[float, float]:
    """The processor time of recording one message, in microseconds; then with a look at it."""
    raw = b'{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"5"}]}}'
    trace = Trace()
    link: LinkTap = Tap(trace, "bench", Vantage.CLIENT, "pipe").link()
    recorded, looked = [], []
    for _ in range(ROUNDS):
        trace.clear()
        begun = time.thread_time()
        for _ in range(20_000):
            link.message(Direction.CLIENT_TO_SERVER, raw)
        recorded.append((time.thread_time() - begun) / 20_000)
        trace.events()
        looked.append((time.thread_time() - begun) / 20_000)
    return statistics.median(recorded) * 1e6, statistics.median(looked) * 1e6


def held_mb(*words: str) -> float:
    """What 100,000 messages of 300 bytes hold in a fresh process, in MB."""
    command = [sys.executable, "-c", HELD, *words]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Measure and print one line a figure."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    empty = seconds(interpreter("pass"))
    door = seconds(interpreter("import mcp_notebook")) - empty
    print(f"import mcp_notebook: {door * 1e3:.1f} ms over an empty interpreter")
    print("the Trace", flush=True)
    recorded, looked = append_us()
    kept = show("recording a message, µs of processor", recorded, APPEND_US)
    print(f"  {'the same once somebody has looked, µs':44} {looked:9.1f}", flush=True)
    kept &= show("100,000 messages of 300 bytes, MB", held_mb(), MEMORY_MB)
    with_chunks = held_mb("chunks")
    print(f"  {'the same with their chunks of bytes, MB':44} {with_chunks:9.1f}", flush=True)
    kept &= taps.measure(calls=count)
    kept &= calls.measure(calls=count)
    print("everything is within its bound" if kept else "MORE: beyond the bound on this machine")


if __name__ == "__main__":
    main()
