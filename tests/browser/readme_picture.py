"""The picture of the README, made anew: ``python -m tests.browser.readme_picture``.

A workbench records calls over http, one with progress and one that fails; its Trace is saved as
a page, and what Chromium draws of it, cropped to the view, is written to ``docs/flow.png``.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import Context
from playwright.sync_api import Page, expect, sync_playwright

from mcp_notebook.errors import ToolFailed
from mcp_notebook.runtime.workbench import Workbench
from tests.rigs.lab import CHROMIUM_ARGUMENTS, find_chromium
from tests.rigs.views import View
from tests.structure.house import ROOT

PICTURE = ROOT / "docs" / "flow.png"
WIDTH, HEIGHT = 1400, 676
MOST_BYTES = 200_000


async def count(ctx: Context[Any, Any], n: int) -> str:
    """Count, and tell how far it is."""
    for done in range(1, n + 1):
        await ctx.report_progress(done, n, f"step {done}")
    return f"counted to {n}"


def add(a: int, b: int = 2) -> int:
    """Add two numbers."""
    return a + b


def divide(a: int, b: int) -> float:
    """Divide."""
    return a / b


def record(path: Path) -> None:
    """A Trace with all of it, as a page."""
    with Workbench() as workbench:
        for tool in (add, count, divide):
            workbench.tool(tool)
        connection = workbench.connect(workbench.serve(transport="http"))
        connection.call("add", a=40)
        connection.call("count", n=3)
        with contextlib.suppress(ToolFailed):
            connection.call("divide", a=1, b=0)
        workbench.trace.save(path)


def draw(page: Page) -> None:
    """Open the call that told how far it is, down to its bytes, and crop to the view."""
    view = View(page.locator("body"))
    view.filter("-kind:opened,closed")
    call = view.calls().filter(has_text="count")
    expect(call).to_be_visible()
    call.click()
    view.hook("layer-bytes").click()
    expect(view.root.locator(".mf-dump")).to_be_visible()
    view.root.screenshot(path=PICTURE)


def main() -> None:
    """Write the picture, and say how large it is."""
    PICTURE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        saved = Path(folder) / "flow.html"
        record(saved)
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(saved.as_uri())
        draw(page)
        browser.close()
    size = PICTURE.stat().st_size
    print(f"{PICTURE.relative_to(ROOT)}: {size:,} bytes")
    if size > MOST_BYTES:
        raise SystemExit(f"more than {MOST_BYTES:,}: draw less")


if __name__ == "__main__":
    main()
