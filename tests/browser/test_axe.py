"""The flow view for whoever cannot see it, or has no mouse: axe-core, keys, reduced motion."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.rigs.surroundings import IN_CI
from tests.structure.house import PACKAGE, ROOT

pytestmark = pytest.mark.browser

STATIC = PACKAGE / "show" / "static"
AXE = ROOT / "widgets" / "node_modules" / "axe-core" / "axe.min.js"
FIXTURES = ROOT / "widgets" / "test" / "fixtures"
ORIGIN = "http://flow.test"
"""Served from this process: there is no such host."""

THEMES = {
    "light": "--jp-layout-color0:#fff;--jp-layout-color1:#fff;"
    "--jp-content-font-color1:rgba(0,0,0,.87);--jp-brand-color1:#1976d2;"
    "--jp-accent-color1:#388e3c;--jp-warn-color1:#f57c00;--jp-error-color1:#d32f2f;"
    "--jp-success-color1:#388e3c",
    "dark": "--jp-layout-color0:#111;--jp-layout-color1:#212121;"
    "--jp-content-font-color1:#fff;--jp-brand-color1:#2196f3;--jp-accent-color1:#4caf50;"
    "--jp-warn-color1:#ff9800;--jp-error-color1:#f44336;--jp-success-color1:#4caf50",
}
"""The colours of JupyterLab's own themes."""

TOOL = {
    "name": "book",
    "description": "Book a table.",
    "inputSchema": {
        "type": "object",
        "required": ["name", "seats", "when"],
        "properties": {
            "name": {"type": "string", "minLength": 2, "description": "who comes"},
            "seats": {"type": "integer", "minimum": 1, "default": 2},
            "when": {"type": "string", "format": "date"},
            "where": {"oneOf": [{"const": "in", "title": "inside"}, {"const": "out"}]},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
            "guests": {
                "type": "array",
                "items": {"type": "object", "properties": {"vegan": {"type": "boolean"}}},
                "default": [{}],
            },
            "extra": {"type": "object", "additionalProperties": {"type": "integer"}},
            "anything": {},
        },
    },
}

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>The flow view</title>
<link rel="stylesheet" href="/flow.css">
<style>html {{ color-scheme: {theme}; {colours} }}
body {{ margin: 16px; background: var(--jp-layout-color0); }}</style></head>
<body data-jp-theme-light="{light}"><main><h1 style="color:var(--jp-content-font-color1)">Flow</h1>
<div id="here"></div></main>
<script type="module">
import widget from "/flow.js";
const {{ items, options }} = await (await fetch("/trace.json")).json();
const hear = [];
const model = {{
  get: (name) => ({{ feed: "f", options, snapshot: "" }})[name],
  set: () => undefined,
  save_changes: () => undefined,
  on: (name, heard) => name === "msg:custom" && hear.push(heard),
  off: () => undefined,
  send: (message) => window.sent.push(message),
}};
window.sent = [];
widget.initialize({{ model }});
const to = items.at(-1).seq;
const batch = {{ type: "batch", epoch: "1", from: 1, to, items, dropped: 0, zero_ns: 0 }};
for (const heard of hear) heard(batch, []);
widget.render({{ model, el: document.querySelector("#here") }});
</script></body></html>"""


def trace(name: str) -> list[dict[str, Any]]:
    """A recorded Trace, at its end an open connection that lists a tool with many fields."""
    lines = (FIXTURES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()[1:]
    items = [json.loads(line) for line in lines]
    last = items[-1]["seq"]
    common = {
        **{"time_ns": items[-1]["time_ns"] + 1, "conn": "open", "vantage": "client"},
        **{"link": "open", "transport": "memory"},
    }
    texts = [
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}),
        json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"tools": [TOOL]}}),
    ]
    items.append({"kind": "opened", "seq": last + 1, **common, "address": ""})
    for i, (way, raw) in enumerate(zip(("c2s", "s2c"), texts, strict=True)):
        message = {"kind": "message", "seq": last + 2 + i, "direction": way, "raw": raw}
        items.append({**message, **common, "size": len(raw), "span": None})
    return items


class Flow:
    """A flow view in a page of its own, fed as a kernel feeds it."""

    def __init__(self, page: Page, theme: str, name: str, options: dict[str, Any]) -> None:
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(f"{error} {error.stack}"))
        light = "true" if theme == "light" else "false"
        html = PAGE.format(theme=theme, light=light, colours=THEMES[theme])
        held = {
            "/": ("text/html", html),
            "/trace.json": (
                "application/json",
                json.dumps({"items": trace(name), "options": options}),
            ),
            "/flow.js": ("text/javascript", (STATIC / "flow.js").read_text(encoding="utf-8")),
            "/flow.css": ("text/css", (STATIC / "flow.css").read_text(encoding="utf-8")),
        }

        def answer(route: Route) -> None:
            kind, body = held.get(route.request.url.removeprefix(ORIGIN), ("text/plain", ""))
            route.fulfill(content_type=f"{kind}; charset=utf-8", body=body)

        page.route(f"{ORIGIN}/**", answer)
        page.goto(f"{ORIGIN}/")
        self.root = page.get_by_test_id("mcp-flow")
        expect(self.root).to_be_visible()

    def hook(self, name: str) -> Locator:
        """A part of the view by its name for tests."""
        return self.page.get_by_test_id(name)

    def rows(self, **wanted: str) -> Locator:
        """The rows of messages in sight."""
        given = "".join(f'[data-{name}="{value}"]' for name, value in wanted.items())
        return self.root.locator(f'[data-testid="mcp-flow-message"]{given}:visible')

    def press(self, name: str) -> None:
        """Press a button by what stands on it."""
        self.root.get_by_role("button", name=name, exact=True).first.click()

    def key(self, name: str) -> None:
        """Press a key in the list of messages."""
        self.root.locator(".mf-port:visible, .mf-table:visible").press(name)

    def findings(self, state: str) -> list[str]:
        """What axe-core calls serious or critical."""
        if self.page.evaluate("typeof axe") == "undefined":
            self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate(
            "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"
        )
        return [
            f"{state}: {one['id']}: {node['target']} {node['failureSummary']}"
            for one in found
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"][:3]
        ]


@pytest.fixture
def axe() -> Path:
    """The file of axe-core. Without it the test is skipped, except in CI, where it fails."""
    if not AXE.exists():
        reason = "axe-core is not here: npm ci in widgets/"
        if IN_CI:
            pytest.fail(reason)
        pytest.skip(reason)
    return AXE


@pytest.fixture(params=THEMES)
def theme(request: pytest.FixtureRequest) -> str:
    """Light and dark."""
    return str(request.param)


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """An empty page."""
    context = browser.new_context(viewport={"width": 1300, "height": 1100})
    yield context.new_page()
    context.close()


def test_axe_finds_nothing_serious_in_any_state(
    tab: Page, theme: str, axe: Path, tmp_path: Path
) -> None:
    flow = Flow(tab, theme, "http", {"preset": "dev"})
    found: list[str] = []

    def look(state: str) -> None:
        tab.screenshot(path=tmp_path / f"{theme}-{state}.png", full_page=True)
        found.extend(flow.findings(state))

    look("dev")
    flow.hook("mcp-flow-filter").fill("knid:x")
    look("wrong filter")
    flow.hook("mcp-flow-filter").fill("tool:add kind:request vantage:client")
    flow.rows().first.click()
    for layer in ("call", "message", "framing", "bytes"):
        flow.hook(f"mcp-flow-layer-{layer}").click()
        look(layer)
    flow.hook("mcp-flow-layer-message").click()
    flow.hook("mcp-flow-detail").locator('[data-path=\'["params","name"]\']').click()
    flow.press("Edit and resend")
    look("editing")
    flow.press("Cancel")
    flow.key("d")
    flow.rows().last.click()
    flow.key("d")
    expect(tab.locator(".mf-difference")).to_be_visible()
    look("difference")
    flow.root.get_by_role("button", name="Call a tool").click()
    flow.root.locator(".mf-calling").get_by_role("button", name="Call", exact=True).click()
    expect(tab.locator(".mf-calling [role=status]")).to_contain_text("name is required")
    look("form")
    assert not flow.errors, "\n".join(flow.errors)
    assert not found, "\n".join(found)


def test_axe_finds_nothing_serious_in_table_comparison_and_lesson(
    tab: Page, theme: str, axe: Path, tmp_path: Path
) -> None:
    calls = [
        item["seq"]
        for item in trace("roads")
        if item["kind"] == "message"
        and item["vantage"] == "client"
        and '"name":"add"' in item["raw"]
        and item["direction"] == "c2s"
    ]
    compare = [{"label": f"road {seq}", "seq": seq} for seq in calls]
    flow = Flow(tab, theme, "roads", {"preset": "dev", "compare": compare})
    expect(flow.hook("mcp-compare")).to_be_visible()
    tab.screenshot(path=tmp_path / f"{theme}-compare.png", full_page=True)
    found = flow.findings("compare")
    flow.hook("mcp-compare").get_by_role("button").nth(9).click()
    expect(flow.hook("mcp-flow-layer-bytes")).to_have_attribute("aria-selected", "true")
    found += flow.findings("compare, a cell opened")
    flow.key("Escape")
    flow.rows().first.click()
    flow.key("t")
    tab.screenshot(path=tmp_path / f"{theme}-table.png", full_page=True)
    found += flow.findings("table")
    flow.key("t")
    flow.root.get_by_role("button", name="Learn").click()
    tab.screenshot(path=tmp_path / f"{theme}-learn.png", full_page=True)
    found += flow.findings("learn")
    assert not flow.errors, "\n".join(flow.errors)
    assert not found, "\n".join(found)


FOCUS = """() => {
    const at = document.activeElement;
    const inner = at.querySelector(':scope > .mf-member');
    const seen = [at, ...(inner ? [inner] : [])].map((one) => getComputedStyle(one)).some(
        (one) => one.outlineStyle !== 'none' && parseFloat(one.outlineWidth) >= 1);
    const name = at.getAttribute('aria-label') ?? (at.textContent || at.id);
    return [at === document.body ? '' : `${at.tagName} ${name.slice(0, 40)}`,
        seen, at.getBoundingClientRect().height > 0];
}"""
"""What has the focus, whether it is marked, and whether it is in the page at all."""


def test_keys_reach_every_control_and_the_focus_is_seen(tab: Page) -> None:
    flow = Flow(tab, "light", "http", {"preset": "dev"})
    flow.root.get_by_role("button", name="Call a tool").focus()
    tab.keyboard.press("Enter")
    flow.hook("mcp-flow-filter").fill("tool:add kind:request vantage:client")
    expect(flow.rows()).to_have_count(2)
    port = tab.locator(".mf-port")
    port.focus()
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    expect(flow.hook("mcp-flow-layer-message")).to_be_focused()
    wanted = tab.evaluate(
        """() => [...document.querySelectorAll(
            '.mcp-flow :is(button, select, input, textarea, summary, [tabindex="0"])')]
            .filter((one) => one.checkVisibility() && !one.disabled && one.tabIndex >= 0).length"""
    )

    tab.locator("h1").click()  # from the top of the page
    reached: list[list[Any]] = []
    for _ in range(wanted + 20):
        tab.keyboard.press("Tab")
        at = tab.evaluate(FOCUS)
        if at[0] == "" and reached:
            break
        reached.append(at)

    assert [one for one in reached if not (one[1] and one[2])] == []
    assert len(reached) == wanted


def test_arrows_move_and_escape_closes_what_is_open(tab: Page) -> None:
    flow = Flow(tab, "light", "memory", {"preset": "dev"})
    tab.locator(".mf-port").focus()
    chosen = flow.root.locator('[role="option"][aria-selected="true"]')
    tab.keyboard.press("End")
    expect(chosen).to_have_count(1)
    last = chosen.get_attribute("data-seq") or ""
    tab.keyboard.press("ArrowUp")
    expect(chosen).to_have_count(1)
    expect(chosen).not_to_have_attribute("data-seq", last)
    expect(flow.hook("mcp-flow-detail")).to_be_visible()
    tab.keyboard.press("Enter")
    expect(flow.hook("mcp-flow-layer-message")).to_be_focused()
    tab.keyboard.press("ArrowRight")
    expect(flow.hook("mcp-flow-layer-framing")).to_be_focused()
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Escape")
    expect(flow.hook("mcp-flow-detail")).to_be_hidden()
    expect(tab.locator(".mf-port")).to_be_focused()


def test_nothing_moves_for_who_asked_for_less_motion(browser: Browser) -> None:
    context = browser.new_context(reduced_motion="reduce")
    try:
        flow = Flow(context.new_page(), "light", "memory", {"preset": "dev"})
        flow.rows().first.click()
        moving = flow.page.evaluate(
            """() => [...document.querySelectorAll('.mcp-flow, .mcp-flow *')].filter((one) => {
                const style = getComputedStyle(one);
                return parseFloat(style.transitionDuration) > 0 || style.animationName !== 'none';
            }).length"""
        )
        assert moving == 0
    finally:
        context.close()
