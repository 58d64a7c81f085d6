"""What the flow view costs in a page: ``python -m tests.bench.scrolling [MESSAGES] [SECONDS]``.

The bundle alone is measured, in a page of its own with a model that stands for a kernel: frames
while a long Trace is scrolled, and long tasks while messages come.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from mcp_notebook import show
from tests.rigs.lab import CHROMIUM_ARGUMENTS

STATIC = Path(show.__file__).parent / "static"
CHROMIUM = "/usr/bin/chromium"

HARNESS = """
const heard = new Set();
const told = [];
const model = {
  get: (name) => ({ feed: "bench", snapshot: "", options: {} })[name],
  set() {}, save_changes() {}, send: (what) => told.push(what),
  on: (_, act) => heard.add(act), off: (_, act) => heard.delete(act), widget_manager: {},
};
globalThis[Symbol.for("mcp_notebook.flow")].widget.initialize({ model });
const ROADS = ["memory", "http", "websocket"];
let seq = 0;
let id = 0;
function exchange() {
  const road = ROADS[++id % 3];
  const common = { conn: `notebook-${road}`, vantage: "client", link: `l${road}`, transport: road };
  const message = (direction, body) => {
    const raw = JSON.stringify({ jsonrpc: "2.0", id, ...body });
    seq++;
    return { kind: "message", seq, time_ns: seq * 2e5, ...common, direction, raw,
             size: raw.length, span: null };
  };
  const failed = id % 50 === 0;
  const text = failed ? "no such file" : String(id + 3);
  const result = { content: [{ type: "text", text }], isError: failed };
  const params = { name: "add", arguments: { a: id, b: 3 } };
  return [message("c2s", { method: "tools/call", params }), message("s2c", { result })];
}
function batch(count) {
  const items = [];
  while (items.length < count) items.push(...exchange());
  return { type: "batch", epoch: "1.5", from: items[0].seq, to: seq, items, dropped: 0,
           zero_ns: 0 };
}
globalThis.say = (one) => { for (const act of heard) act(one); };
globalThis.fill = async (count) => {
  while (seq < count) {
    say(batch(1000));
    await new Promise(requestAnimationFrame);
  }
};
const tasks = [];
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) tasks.push(one.duration);
}).observe({ type: "longtask" });
const quantile = (all, part) =>
  [...all].sort((a, b) => a - b)[Math.min(all.length - 1, Math.floor(all.length * part))];
const rounded = (value) => Math.round(value * 10) / 10;
globalThis.scroll = async (frames, step) => {
  const port = document.querySelector(".mf-port");
  const times = [];
  let before;
  for (let i = 0; i < frames; i++) {
    const now = await new Promise(requestAnimationFrame);
    if (before !== undefined) times.push(now - before);
    before = now;
    port.scrollTop += step;
  }
  return { p50: rounded(quantile(times, 0.5)), p95: rounded(quantile(times, 0.95)),
           max: rounded(Math.max(...times)), at: port.scrollTop };
};
globalThis.live = async (perSecond, seconds) => {
  tasks.length = 0;
  const begun = performance.now();
  const first = seq;
  let late = 0;
  let behind = 0;
  const frames = [];
  let going = true;
  let before;
  const frame = (now) => {
    if (before !== undefined) frames.push(now - before);
    before = now;
    const rows = document.querySelectorAll("[data-seq]");
    let last = 0;
    for (const row of rows) last = Math.max(last, Number(row.dataset.seq));
    behind = Math.max(behind, seq - last);
    if (going) requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  while (performance.now() - begun < seconds * 1000) {
    await new Promise((done) => setTimeout(done, 50));
    const due = Math.floor(((performance.now() - begun) / 1000) * perSecond);
    const count = due - (seq - first);
    const made = batch(count);
    const start = performance.now();
    say(made);
    late = Math.max(late, performance.now() - start);
  }
  going = false;
  return { messages: seq - first, longTasks: tasks.length, longest: Math.max(0, ...tasks),
           takeMax: rounded(late), behindMessages: behind,
           p95frame: rounded(quantile(frames, 0.95)) };
};
globalThis.held = () => rounded((performance.memory?.usedJSHeapSize ?? 0) / 1e6);
"""


def page_of(page: Page, options: dict[str, Any], width: int = 1000) -> None:
    """Load the bundle with a view in it, and what feeds it."""
    css = (STATIC / "flow.css").read_text(encoding="utf-8")
    page.set_viewport_size({"width": width, "height": 800})
    view = f"<mcp-flow-view feed='bench' options='{json.dumps(options)}'></mcp-flow-view>"
    page.set_content(f"<!doctype html><style>{css}</style><main>{view}</main>")
    page.add_script_tag(
        content=(STATIC / "flow.js").read_text(encoding="utf-8"),
        type="module",
    )
    page.wait_for_function("globalThis[Symbol.for('mcp_notebook.flow')]?.widget")
    page.add_script_tag(content=HARNESS, type="module")
    page.wait_for_function("globalThis.live")


def measure(messages: int, seconds: int) -> dict[str, Any]:
    """All figures, by name."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[*CHROMIUM_ARGUMENTS, "--enable-precise-memory-info"],
        )
        page = browser.new_page()
        page_of(page, {"follow": False})
        figures: dict[str, Any] = {"MB before": page.evaluate("held()")}
        page.evaluate("fill", messages)
        page.wait_for_timeout(500)
        figures["MB after"] = page.evaluate("held()")
        figures["scroll, 8 rows a frame"] = page.evaluate("scroll(300, 288)")
        figures["scroll, a page a frame"] = page.evaluate("scroll(300, 3600)")
        page.close()
        page = browser.new_page()
        page_of(page, {})
        figures["live, 5,000 a second"] = page.evaluate(f"live(5000, {seconds})")
        browser.close()
    return figures


if __name__ == "__main__":
    arguments = [int(one) for one in sys.argv[1:]]
    for name, value in measure(*(arguments + [100_000, 20][len(arguments) :])).items():
        print(f"{name:28} {value}")
