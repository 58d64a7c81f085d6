"""The traces that the browser's tests read are still traces, and still mean the same."""

from __future__ import annotations

import json

import pytest

from mcp_notebook.trace.store import Trace
from tests.show.fixtures import FOLDER, expected

NAMES = ("memory", "http", "sse", "websocket", "roads", "stdio")


@pytest.mark.parametrize("name", NAMES)
def test_python_makes_of_a_fixture_what_the_page_is_held_to(name: str) -> None:
    trace = Trace.load(FOLDER / f"{name}.jsonl")
    known = json.loads((FOLDER / f"{name}.expected.json").read_text(encoding="utf-8"))

    assert json.loads(json.dumps(expected(trace))) == known


def test_the_fixtures_hold_every_kind_of_event_and_of_ending() -> None:
    traces = [Trace.load(FOLDER / f"{name}.jsonl") for name in NAMES]
    kinds = {event.kind for trace in traces for event in trace.events()}
    endings = {exchange.status.value for trace in traces for exchange in trace.exchanges()}

    assert kinds >= {"message", "chunk", "stderr", "opened", "closed"}
    assert endings >= {"answered", "error", "tool-error", "input-required"}
