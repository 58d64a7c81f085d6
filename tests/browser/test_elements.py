"""The elements of the view in a page: notebooks put them in, take them out, throw them away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page

from tests.structure.house import PACKAGE

pytestmark = pytest.mark.browser

STATIC = PACKAGE / "show" / "static"

HARNESS = """
const heard = new Set();
const model = {
  get: (name) => ({ feed: "it", snapshot: "", options: {} })[name],
  set() {}, save_changes() {}, send() {},
  on: (_, act) => heard.add(act), off: (_, act) => heard.delete(act),
};
let seq = 0;
globalThis.say = (count) => {
  const items = Array.from({ length: count }, () => {
    const raw = JSON.stringify({ jsonrpc: "2.0", id: ++seq, method: "ping" });
    return { kind: "message", seq, time_ns: seq, conn: "c", vantage: "client", link: "l",
             transport: "memory", direction: "c2s", raw, size: raw.length, span: null };
  });
  const batch = { type: "batch", epoch: "1.5", from: items[0].seq, to: seq, items, dropped: 0,
                  zero_ns: 0 };
  for (const act of heard) act(batch);
};
globalThis.framed = () => new Promise((done) => requestAnimationFrame(() =>
  requestAnimationFrame(done)));
globalThis.view = () => document.querySelector("mcp-flow-view");
globalThis.state = () => ({
  top: document.querySelector(".mf-port").scrollTop,
  rows: Number(document.querySelector(".mf-statusbar").textContent.split(" ")[0]),
  seen: [...document.querySelectorAll("[data-seq]")].map((row) => Number(row.dataset.seq)),
});
globalThis[Symbol.for("mcp_notebook.flow")].widget.initialize({ model });
say(500);
"""


@pytest.fixture
def flow(browser: Browser) -> Iterator[Page]:
    """A page with a feed of 500 messages, and a view of it."""
    page = browser.new_page(viewport={"width": 900, "height": 700})
    css = (STATIC / "flow.css").read_text(encoding="utf-8")
    view = """<mcp-flow-view feed="it" options='{"follow":false}'>text</mcp-flow-view>"""
    page.set_content(f"<!doctype html><style>{css}</style><main>{view}</main>")
    page.add_script_tag(content=(STATIC / "flow.js").read_text(encoding="utf-8"), type="module")
    page.wait_for_function("globalThis[Symbol.for('mcp_notebook.flow')]?.widget")
    page.add_script_tag(content=HARNESS, type="module")
    page.wait_for_selector("[data-seq]")
    yield page
    page.close()


def state(page: Page) -> dict[str, Any]:
    page.evaluate("framed()")
    found: dict[str, Any] = page.evaluate("state()")
    return found


def test_a_view_that_was_away_is_complete_and_where_it_was(flow: Page) -> None:
    flow.evaluate("document.querySelector('.mf-port').scrollTop = 7200")
    before = state(flow)
    assert min(before["seen"]) > 150

    flow.evaluate("globalThis.away = view(); away.remove(); say(100)")
    flow.evaluate("framed()")
    flow.evaluate("document.querySelector('main').append(away)")

    after = state(flow)
    assert after["top"] == before["top"]
    assert after["seen"] == before["seen"]
    assert after["rows"] == 600


def test_a_view_that_comes_back_out_of_sight_is_where_it_was_when_it_is_seen(flow: Page) -> None:
    flow.evaluate("document.querySelector('.mf-port').scrollTop = 7200")
    before = state(flow)

    flow.evaluate(
        "globalThis.away = view(); away.remove(); away.style.display = 'none';"
        "document.querySelector('main').append(away)"
    )
    flow.evaluate("framed()")
    flow.evaluate("away.style.display = ''")

    flow.wait_for_function(f"state().top === {before['top']}")


def test_a_view_that_nobody_sees_goes_on(flow: Page) -> None:
    flow.evaluate("document.querySelector('main').style.marginTop = '5000px'")
    flow.evaluate("framed()")

    flow.evaluate("say(100)")

    flow.wait_for_function("state().rows === 600")


def test_views_that_are_thrown_away_can_be_forgotten(flow: Page) -> None:
    flow.evaluate(
        """async () => {
            globalThis.gone = [];
            for (let i = 0; i < 5; i++) {
                const made = document.createElement("mcp-flow-view");
                made.setAttribute("feed", "it");
                document.querySelector("main").append(made);
                await framed();
                gone.push(new WeakRef(made.firstChild));
                made.remove();
            }
            say(10);
            await framed();
        }"""
    )
    session: CDPSession = flow.context.new_cdp_session(flow)
    session.send("HeapProfiler.enable")
    session.send("HeapProfiler.collectGarbage")

    flow.wait_for_function("gone.every((one) => one.deref() === undefined)")
