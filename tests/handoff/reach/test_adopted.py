"""Servers that the notebook took over: what is on them beside the notebook's own parts."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from mcp_notebook.handoff.reach import Cells, gather
from mcp_notebook.handoff.selection import Selection
from tests.handoff.reach.stage import Stage, alone, called, source_of

TOOL = """
@desk.tool()
def t(n: int) -> int:
    return n + 1
"""


def selected(stage: Stage) -> Selection:
    server = stage.bench.add(stage.names["desk"])
    return gather(server, stage.names, cells=Cells.of(stage.sources), folder=stage.folder)


def test_the_tools_of_a_server_made_in_a_cell(stage: Stage) -> None:
    stage.run(
        "from mcp.server.mcpserver import MCPServer\n"
        "desk = MCPServer('desk', instructions='Ask.', version='3.1')",
        TOOL,
    )
    selection = selected(stage)
    assert (selection.server, selection.instructions, selection.version) == ("desk", "Ask.", "3.1")
    assert "desk" not in source_of(selection)
    assert called(alone(selection), ["t(1)"]) == ["2"]


@asynccontextmanager
async def lifespan(_server: Any) -> Any:
    yield {}


@pytest.mark.parametrize("what", ["lifespan", "completion", "custom_route"])
def test_what_is_no_part_is_refused(stage: Stage, what: str) -> None:
    desk: MCPServer[Any] = MCPServer("desk", lifespan=lifespan if what == "lifespan" else None)
    if what == "completion":
        desk.completion()(lambda *a: None)
    if what == "custom_route":
        desk.custom_route("/health", methods=["GET"])(lambda request: None)
    stage.names["desk"] = desk
    stage.run(TOOL)
    (obstacle,) = selected(stage).obstacles
    assert obstacle.through == ("desk", what)
