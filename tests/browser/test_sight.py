"""What is in sight of the flow view where there is little room: names, lanes, times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_axe import Flow

pytestmark = pytest.mark.browser

SIGHT = """(seq) => {
  const sight = document.querySelector(".mf-picture").getBoundingClientRect();
  const row = document.querySelector(`[data-seq="${seq}"]`);
  const within = (one) => {
    const { left, right } = one.getBoundingClientRect();
    return left >= sight.left && right <= sight.right;
  };
  return {
    arrow: within(row.querySelector(".mf-line")),
    time: within(row.querySelector(".mf-time")),
    size: within(row.querySelector(".mf-size")),
  };
}"""
"""Whether the parts of a row are in sight."""

CUT = """() => [...document.querySelectorAll(".mf-lane > .mf-name")].filter((one) => {
  const text = document.createRange();
  text.selectNodeContents(one.lastElementChild);
  const [all, seen] = [text.getBoundingClientRect(), one.getBoundingClientRect()];
  return all.left < seen.left - 1 || all.right > seen.right + 1 || all.bottom > seen.bottom + 2;
}).map((one) => one.textContent)"""
"""The names of lanes of which not all is seen."""


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A page as wide as the output of a cell."""
    page = browser.new_page(viewport={"width": 882, "height": 760})
    yield page
    page.close()


def newest(flow: Flow) -> Any:
    """What is in sight of the last message."""
    return flow.page.evaluate(SIGHT, int(flow.rows().last.get_attribute("data-seq") or 0))


@pytest.mark.parametrize("name", ["memory", "http", "stdio", "roads"])
@pytest.mark.parametrize("preset", ["learn", "dev"])
def test_names_of_lanes_are_seen_in_full(tab: Page, name: str, preset: str) -> None:
    flow = Flow(tab, "light", name, {"preset": preset})
    expect(flow.rows().first).to_be_visible()
    assert tab.evaluate(CUT) == []


def test_what_is_followed_is_in_sight_however_many_connections_there_are(tab: Page) -> None:
    flow = Flow(tab, "light", "roads", {"preset": "dev"})
    flow.hook("mcp-flow-filter").fill("kind:request")
    expect(flow.rows().last).to_contain_text("tools/list")

    tab.wait_for_function("document.querySelector('.mf-picture').scrollLeft > 0")
    seen = newest(flow)
    assert [seen["arrow"], seen["time"], seen["size"]] == [True] * 3


def test_what_is_selected_comes_into_sight_from_either_side(tab: Page) -> None:
    flow = Flow(tab, "light", "roads", {"preset": "dev"})
    tab.wait_for_function("document.querySelector('.mf-picture').scrollLeft > 0")

    flow.key("Home")

    first = flow.root.locator('.mf-row[aria-selected="true"]')
    expect(first).to_be_visible()
    seen = tab.evaluate(SIGHT, int(first.get_attribute("data-seq") or 0))
    assert [seen["arrow"], seen["time"], seen["size"]] == [True] * 3
    tab.evaluate("document.querySelector('.mf-picture').scrollLeft = 9999")
    tab.wait_for_timeout(100)
    flow.key("ArrowDown")
    second = int(flow.root.locator('.mf-row[aria-selected="true"]').get_attribute("data-seq") or 0)
    assert tab.evaluate(SIGHT, second)["arrow"]
