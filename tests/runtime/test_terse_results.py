"""Servers of the modern era that do not say what kind of result they send."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client
from mcp.server.mcpserver import MCPServer

from mcp_notebook.runtime import sdk
from mcp_notebook.runtime.workbench import Workbench

SERVER = """
import json, sys

HERE = {
    "server/discover": {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}},
                        "ttlMs": 0, "cacheScope": "private"},
    "tools/list": {"tools": [{"name": "count", "inputSchema": {"type": "object"}}],
                   "ttlMs": 0, "cacheScope": "private"},
}
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    result = HERE.get(asked["method"])
    if asked["method"] == "tools/call":
        result = {"content": [{"type": "text", "text": "three"}]}
    if asked["method"] == "tools/list" and "--terse" not in sys.argv:
        result = {**result, "resultType": "complete"}
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
"""


@pytest.mark.parametrize("terse", [[], ["--terse"]])
@pytest.mark.parametrize("era", ["auto", "modern"])
def test_a_result_without_a_type_is_complete(
    bench: Workbench, tmp_path: Path, era: str, terse: list[str]
) -> None:
    server = tmp_path / "terse.py"
    server.write_text(SERVER, encoding="utf-8")
    with bench.connect([sys.executable, str(server), *terse], era=era, timeout=30) as road:
        assert road.era == "modern"
        assert road.tools().names == ["count"]
        assert road.call("count").value == "three"
        assert b"resultType" not in bench.trace.messages()[-1].raw  # the Trace keeps what came


def test_requests_go_where_results_are_completed() -> None:
    """runtime/sdk.py: where `assume_complete` stands."""
    asked: list[str] = []

    async def work() -> None:
        async with Client(MCPServer("bare", log_level="ERROR"), mode="legacy") as client:
            dispatcher: Any = client.session._dispatcher
            send = dispatcher.send_raw_request

            async def sent(method: str, *more: Any) -> Any:
                asked.append(method)
                return await send(method, *more)

            dispatcher.send_raw_request = sent
            sdk.assume_complete(client.session)
            await client.list_tools()

    asyncio.run(work())
    assert asked == ["tools/list"]
