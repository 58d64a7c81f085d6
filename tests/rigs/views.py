"""The flow view as a reader has it: its rows, its boxes and buttons, in any page."""

from __future__ import annotations

import nbformat
from playwright.sync_api import Locator, Page, expect

LOAD = "%load_ext mcp_notebook"
TOOL = '%%mcp tool\ndef add(a: int, b: int = 2) -> int:\n    "Add two numbers."\n    return a + b\n'
WAIT = (
    "%%mcp tool\nimport time\ndef wait(seconds: float) -> str:\n"
    '    "Wait."\n    time.sleep(seconds)\n    return "waited"\n'
)


def notebook(*cells: str) -> nbformat.NotebookNode:
    """A notebook with these code cells."""
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in cells])


class View:
    """One flow view of a page.

    Args:
        within: where to look for it.
        nth: which of those that are there.
    """

    def __init__(self, within: Page | Locator, nth: int = 0) -> None:
        flows = within.locator('[data-testid="mcp-flow"]:not([data-mini])')
        self.root = flows.nth(nth)

    def rows(self, **wanted: str) -> Locator:
        """The message rows with these attributes: `kind="request"`, `method="tools/call"`."""
        given = "".join(f'[data-{name}="{value}"]' for name, value in wanted.items())
        return self.root.locator(f'[data-testid="mcp-flow-message"]{given}:visible')

    def calls(self) -> Locator:
        """The rows of calls to tools."""
        return self.rows(kind="request", method="tools/call")

    def hook(self, name: str) -> Locator:
        """A part of the view by its name for tests."""
        return self.root.locator(f'[data-testid="mcp-flow-{name}"]')

    def button(self, name: str) -> Locator:
        """A button by its words."""
        return self.root.get_by_role("button", name=name, exact=True)

    @property
    def status(self) -> Locator:
        """Where the view says how much it shows."""
        return self.root.locator(".mf-statusbar")

    def filter(self, text: str) -> None:
        """Type into the filter box."""
        self.hook("filter").fill(text)

    def shows(self, count: int, **wanted: str) -> None:
        """Wait until so many rows with these attributes are there."""
        expect(self.rows(**wanted)).to_have_count(count)
