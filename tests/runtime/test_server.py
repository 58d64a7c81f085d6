"""A server whose parts come from cells: replace, keep the order, remove with the cell."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from mcp_notebook.errors import UsageError
from mcp_notebook.runtime.server import Kind, NotebookServer, Part
from mcp_notebook.runtime.workbench import Workbench


def part(name: str, *, cell: str = "", kind: Kind = "tool", result: Any = None) -> Part:
    def function() -> Any:
        return result

    return Part(kind=kind, name=name, function=function, cell=cell, options={"description": name})


@pytest.fixture
def server(bench: Workbench) -> NotebookServer:
    return bench.servers.served()


def test_what_is_defined_again_is_replaced_in_its_place(server: NotebookServer) -> None:
    first = server.define([part("a"), part("b"), part("c")])
    assert [change.what for change in first] == ["new", "new", "new"]
    (again,) = server.define([part("b", result=2)])
    assert again.what == "replaced"
    assert server.tool_names() == ["a", "b", "c"]


@pytest.mark.parametrize("kind", ["resource", "prompt"])
def test_resources_and_prompts_keep_their_place_too(
    bench: Workbench, server: NotebookServer, kind: Kind
) -> None:
    names = ["note://a", "note://b"] if kind == "resource" else ["a", "b"]
    for _ in range(2):
        for name in names:
            options = {"name": name[-1]} if kind == "resource" else {}
            function = part(name).function
            server.define([Part(kind=kind, name=name, function=function, options=options)])
    connection = bench.connect(bench.serve(transport="memory"))
    listed = connection.resources() if kind == "resource" else connection.prompts()
    assert listed.names == names


def test_a_function_gone_from_a_cell_goes_from_the_server(server: NotebookServer) -> None:
    server.define([part("a", cell="1"), part("b", cell="1")], cell="1")
    server.define([part("other", cell="2")], cell="2")
    changes = server.define([part("b", cell="1")], cell="1")
    assert [(c.part.name, c.what) for c in changes] == [("b", "replaced"), ("a", "removed")]
    assert server.tool_names() == ["b", "other"]


def test_a_cell_that_took_a_name_over_owns_it(server: NotebookServer) -> None:
    server.define([part("a", cell="1")], cell="1")
    server.define([part("a", cell="2")], cell="2")
    server.define([part("b", cell="1")], cell="1")
    assert server.tool_names() == ["a", "b"]


def test_without_a_cell_id_nothing_is_removed(server: NotebookServer) -> None:
    server.define([part("a"), part("b")])
    server.define([part("b")])
    assert server.tool_names() == ["a", "b"]


def test_one_bad_function_of_a_cell_changes_nothing(server: NotebookServer) -> None:
    def bad(*, x: object()) -> None:  # type: ignore[valid-type]
        """Its annotation is no type."""

    server.define([part("a", cell="1")], cell="1")
    revision = server.revision
    with pytest.raises(UsageError, match="bad cannot become a tool"):
        server.define([part("b", cell="1"), Part(kind="tool", name="bad", function=bad)], cell="1")
    assert server.tool_names() == ["a"]
    assert server.revision == revision


def test_removing_names_what_there_is_and_removes_all_or_nothing(server: NotebookServer) -> None:
    server.define([part("a"), part("b")])
    with pytest.raises(UsageError, match=r"has no 'c'.*It has: a, b"):
        server.remove("a", "c")
    assert server.tool_names() == ["a", "b"]
    assert [c.part.name for c in server.remove("a", "b")] == ["a", "b"]
    with pytest.raises(UsageError, match="It has: nothing"):
        server.remove("a")


def test_a_tool_of_an_adopted_server_can_be_replaced_and_removed(bench: Workbench) -> None:
    mine = MCPServer("mine", log_level="ERROR")
    mine.add_tool(lambda: 1, name="one")
    mine.add_tool(lambda: 2, name="two")
    server = bench.add(mine)
    assert server.tool_names() == ["one", "two"]
    server.define([part("one", result="replaced")])
    assert bench.connect(mine).call("one").text == "replaced"
    server.remove("two")
    assert server.tool_names() == ["one"]


def test_it_counts_what_it_is_made_of(server: NotebookServer) -> None:
    assert repr(server) == "<server notebook: nothing yet>"
    server.define([part("a"), part("b")])
    assert repr(server) == "<server notebook: 2 tools>"


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_a_server_tells_the_version_that_it_was_given(bench: Workbench, era: str) -> None:
    endpoint = bench.serve(transport="memory")
    versions = []
    for version in ("", "1.0", "1.1"):
        assert bench.server(version=version) is bench.server()
        told = bench.connect(endpoint, era=era).server_info
        assert told is not None
        versions.append(told.version)
    assert versions == ["", "1.0", "1.1"]


def test_an_adopted_server_keeps_its_version(bench: Workbench) -> None:
    adopted = bench.add(MCPServer("mine", version="2.0", log_level="ERROR"))
    with pytest.raises(UsageError, match=r"MCPServer\(version=") as refused:
        bench.server("mine", version="3.0")
    assert "\n" not in str(refused.value)
    assert adopted.version == "2.0"
