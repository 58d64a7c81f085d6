"""Prints what the library costs on this machine."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from mcp_notebook.trace.events import Direction, Message, Vantage
from mcp_notebook.trace.store import Trace

ROUNDS = 5


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


def record_many(count: int) -> None:
    """Records `count` messages in a new Trace."""
    trace = Trace()
    raw = b'{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"5"}]}}'
    for _ in range(count):
        trace.record(
            Message,
            conn="bench",
            vantage=Vantage.CLIENT,
            direction=Direction.SERVER_TO_CLIENT,
            raw=raw,
            size=len(raw),
        )


def main() -> None:
    """Measures and prints one line a figure."""
    empty = seconds(interpreter("pass"))
    door = seconds(interpreter("import mcp_notebook")) - empty
    count = 20_000
    record = seconds(lambda: record_many(count)) / count
    print(f"import mcp_notebook     {door * 1e3:8.1f} ms over an empty interpreter")
    print(f"Trace.record(Message)   {record * 1e6:8.2f} µs")


if __name__ == "__main__":
    main()
