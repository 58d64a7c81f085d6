"""What a live view costs from end to end: ``python -m tests.bench.live [MESSAGES] [SECONDS]``.

A real kernel records, a real JupyterLab carries, a real Chromium draws; nothing is fed inside the
page. Printed are frames while a long Trace is scrolled, long tasks and how far the view is behind
while messages come, the memory of the page, and what a call takes with a view open and without.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, sync_playwright

from tests.rigs.lab import CHROMIUM_ARGUMENTS, LabPage, LabRig, find_chromium
from tests.rigs.views import LOAD, TOOL, notebook

TRAFFIC = '''
import json, threading, time
from mcp_notebook.trace.events import Direction, Vantage
from mcp_notebook.transports.tap import Tap
from mcp_notebook.wire.spans import Span

w = %mcp workbench
w.trace.max_events = 300_000
ticks = []

def traffic(rate, count):
    """Record messages and their bytes as a line transport does, so many a second."""
    link = Tap(w.trace, "bench", Vantage.CLIENT, "pipe").link()
    link.opened("two pipes")
    begun = time.time()
    for number in range(count):
        asked = number % 2 == 0
        way = Direction.CLIENT_TO_SERVER if asked else Direction.SERVER_TO_CLIENT
        said = {"jsonrpc": "2.0", "id": number // 2}
        if asked:
            said |= {"method": "tools/call", "params": {"name": "add", "arguments": {"a": number}}}
        else:
            said |= {"result": {"content": [{"type": "text", "text": str(number)}]}}
        raw = json.dumps(said).encode()
        start = link.chunk(way, raw + b"\\n")
        link.message(way, raw, span=Span(start, start + len(raw)))
        if number % 50 == 49:
            ticks.append((time.time(), w.trace.last_seq))
            ahead = begun + (number + 1) / rate - time.time()
            if ahead > 0:
                time.sleep(ahead)
    return time.time() - begun

def start(rate, count):
    ticks.clear()
    took = []
    thread = threading.Thread(target=lambda: took.append(traffic(rate, count)), name="traffic")
    thread.start()
    return thread
'''

PROBE = """
globalThis.probe = { tasks: [], frames: [], seen: [], going: true };
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) probe.tasks.push(one.duration);
}).observe({ type: "longtask" });
let before;
const frame = (now) => {
  if (before !== undefined) probe.frames.push(now - before);
  before = now;
  if (probe.going) requestAnimationFrame(frame);
};
requestAnimationFrame(frame);
probe.timer = setInterval(() => {
  const rows = document.querySelectorAll('[data-testid="mcp-flow-message"]');
  let last = 0;
  for (const row of rows) last = Math.max(last, Number(row.dataset.seq));
  probe.seen.push([Date.now() / 1000, last]);
}, 100);
"""

SCROLL = """async ([frames, step]) => {
  const port = document.querySelector(".mf-port");
  port.scrollTop = 0;
  const times = [];
  let before;
  for (let i = 0; i < frames; i++) {
    const now = await new Promise(requestAnimationFrame);
    if (before !== undefined) times.push(now - before);
    before = now;
    port.scrollTop += step;
  }
  return times;
}"""

CALLS = """
import statistics, time
views = get_ipython().magics_manager.registry["MCPMagics"].context.views
conn = %mcp connect notebook-http
def calls(count):
    times = []
    for number in range(count):
        begun = time.perf_counter()
        conn.call("add", a=number)
        times.append(time.perf_counter() - begun)
    return times
calls(20)
"""


def quantile(values: list[float], part: float) -> float:
    """The value below which this part of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def heap_mb(devtools: CDPSession) -> float:
    """The memory of the page's scripts after a collection, in MB."""
    devtools.send("HeapProfiler.collectGarbage")
    metrics = devtools.send("Performance.getMetrics")["metrics"]
    return next(m["value"] for m in metrics if m["name"] == "JSHeapUsedSize") / 1e6


def behind_s(seen: list[list[float]], ticks: list[list[float]]) -> list[float]:
    """For each look at the page: how old the oldest message was that it did not show yet."""
    lags = []
    for at, shown in seen:
        missing = [when for when, seq in ticks if seq > shown and when <= at]
        if ticks[0][0] <= at <= ticks[-1][0] + 5:
            lags.append(at - missing[0] if missing else 0.0)
    return lags


def live(page: LabPage, rate: int, seconds: int) -> dict[str, Any]:
    """Messages come for a while; the view follows."""
    count = rate * seconds
    page.page.evaluate(PROBE)
    page.execute(f"running = start({rate}, {count})")
    page.execute("running.join()")
    page.page.wait_for_timeout(3000)
    page.page.evaluate("() => { probe.going = false; clearInterval(probe.timer); }")
    found = page.page.evaluate("() => ({...probe, timer: 0})")
    ticks = page.value("ticks")
    last = page.value("w.trace.last_seq")
    lags = behind_s(found["seen"], ticks)
    return {
        "messages": count,
        "a second": round(count / (ticks[-1][0] - ticks[0][0])),
        "longest task, ms": round(max(found["tasks"], default=0)),
        "tasks over 200 ms": sum(task > 200 for task in found["tasks"]),
        "behind at most, s": round(max(lags), 2),
        "behind p95, s": round(quantile(lags, 0.95), 2),
        "complete at the end": found["seen"][-1][1] == last,
        "frame p95, ms": round(quantile(found["frames"], 0.95), 1),
    }


def calls(page: LabPage, rounds: int = 10, count: int = 100) -> dict[str, Any]:
    """Calls with a view open and without, in turns."""
    page.execute("%mcp serve -t http")
    page.execute(CALLS)
    times: dict[str, list[float]] = {"with": [], "without": []}
    for number in range(2 * rounds):
        # with, without, without, with: neither always comes first
        name = "with" if number % 4 in (0, 3) else "without"
        page.execute("views.close()")
        if name == "with":
            page.command("notebook:run-cell")
            page.wait_idle()
        page.page.wait_for_timeout(1000)
        times[name] += page.value(f"calls(30) and calls({count})")
    medians = {name: statistics.median(found) for name, found in times.items()}
    return {
        "median without, ms": round(medians["without"] * 1e3, 2),
        "median with, ms": round(medians["with"] * 1e3, 2),
        "with / without": round(medians["with"] / medians["without"], 3),
    }


def measure(messages: int, seconds: int) -> None:
    """Measure everything and print it as it comes."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        lab = LabRig(Path(folder))
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS
        )
        try:
            for title, part in (
                (f"live at 5,000 messages a second for {seconds} s", "live"),
                (f"{messages:,} messages, recorded and scrolled", "long"),
                ("a call over http", "calls"),
            ):
                print(title, flush=True)
                page = LabPage(lab, browser.new_page(viewport={"width": 1300, "height": 1000}))
                page.open_notebook(notebook(LOAD, TOOL, TRAFFIC, "%mcp flow"), f"{part}.ipynb")
                devtools = page.page.context.new_cdp_session(page.page)
                devtools.send("Performance.enable")
                page.run_all()
                page.page.wait_for_timeout(1500)
                if part == "live":
                    show(live(page, 5000, seconds))
                elif part == "calls":
                    show(calls(page))
                else:
                    show(long(page, devtools, messages))
                page.shut_down_kernel()
                page.page.close()
        finally:
            browser.close()
            lab.stop()


def long(page: LabPage, devtools: CDPSession, messages: int) -> dict[str, Any]:
    """A long Trace: how smoothly it scrolls, and what it takes."""
    before = heap_mb(devtools)
    page.execute(f"running = start(8000, {messages})")
    page.execute("running.join()")
    page.page.wait_for_timeout(5000)
    after = heap_mb(devtools)
    found: dict[str, Any] = {"page memory more, MB": round(after - before)}
    found["events in the Trace"] = page.value("len(w.trace)")
    for name, step in (("8 rows", 288), ("a page", 3600)):
        times = page.page.evaluate(SCROLL, [400, step])
        found[f"scroll {name} a frame, p95, ms"] = round(quantile(times, 0.95), 1)
        found[f"scroll {name} a frame, p50, ms"] = round(quantile(times, 0.5), 1)
    return found


def show(figures: dict[str, Any]) -> None:
    """One line a figure."""
    for name, value in figures.items():
        print(f"  {name:32} {value}", flush=True)


if __name__ == "__main__":
    arguments = [int(one) for one in sys.argv[1:]]
    measure(*(arguments + [100_000, 20][len(arguments) :]))
