"""Contracts: which change breaks a client, which does not; the file they are kept in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mcp_notebook.errors import UsageError
from mcp_notebook.handoff.catalogue import Catalogue, differences
from mcp_notebook.handoff.contract import (
    Kept,
    compare,
    contract_file,
    digest,
    read_contract,
)

Schema = dict[str, Any]


def obj(required: list[str] | None = None, /, **properties: Any) -> Schema:
    found: Schema = {"type": "object", "properties": properties}
    return {**found, "required": required} if required else found


def tool(**members: Any) -> Catalogue:
    return Catalogue(tools={"t": {"name": "t", "inputSchema": obj(), **members}})


def takes(schema: Any) -> Catalogue:
    return tool(inputSchema=obj(["x"], x=schema))


def gives(schema: Any) -> Catalogue:
    return tool(outputSchema=obj(["x"], x=schema))


INT, NUM, STR = {"type": "integer"}, {"type": "number"}, {"type": "string"}
NULL = {"type": "null"}
MAYBE = {"anyOf": [INT, NULL]}

# the old schema, the new one, what it means for who sends it, and for who receives it
SHIFTS: list[tuple[Any, Any, str, str]] = [
    (INT, INT, "", ""),
    (INT, NUM, "added", "breaking"),
    (NUM, INT, "breaking", "added"),
    (INT, STR, "breaking", "breaking"),
    (INT, {}, "added", "breaking"),
    ({}, INT, "breaking", "added"),
    (INT, MAYBE, "added", "breaking"),
    (MAYBE, INT, "breaking", "added"),
    (MAYBE, {"anyOf": [NULL, INT]}, "", ""),
    ({"type": ["integer", "null"]}, MAYBE, "", ""),
    ({"type": ["integer", "null"]}, INT, "breaking", "added"),
    ({"anyOf": [INT, STR]}, {"anyOf": [INT, NUM]}, "breaking", "breaking"),
    ({"enum": ["a", "b"]}, {"enum": ["a"]}, "breaking", "added"),
    ({"enum": ["a"]}, {"enum": ["a", "b"]}, "added", "breaking"),
    (STR, {**STR, "enum": ["a"]}, "breaking", "added"),
    ({**STR, "enum": ["a"]}, STR, "added", "breaking"),
    (INT, {**INT, "minimum": 0}, "breaking", "added"),
    ({**INT, "minimum": 0}, {**INT, "minimum": 5}, "breaking", "added"),
    ({**INT, "minimum": 5}, {**INT, "minimum": 0}, "added", "breaking"),
    ({**STR, "maxLength": 9}, {**STR, "maxLength": 5}, "breaking", "added"),
    ({**STR, "maxLength": 9}, STR, "added", "breaking"),
    (STR, {**STR, "pattern": "^a"}, "breaking", "added"),
    ({**STR, "pattern": "^a"}, {**STR, "pattern": "^b"}, "breaking", "breaking"),
    ({**STR, "description": "a"}, {**STR, "description": "b"}, "wording", "wording"),
    ({**INT, "default": 1}, {**INT, "default": 2}, "wording", "wording"),
    ({"type": "array", "items": INT}, {"type": "array", "items": NUM}, "added", "breaking"),
    ({"type": "array", "items": INT}, {"type": "array"}, "added", "breaking"),
    (obj(a=INT), obj(a=INT, b=INT), "added", "added"),
    (obj(a=INT, b=INT), obj(a=INT), "breaking", "breaking"),
    (obj(a=INT), obj(["a"], a=INT), "breaking", "added"),
    (obj(["a"], a=INT), obj(a=INT), "added", "breaking"),
    (obj(a=INT), obj(["b"], a=INT, b=INT), "breaking", "added"),
    (obj(a=obj(b=INT)), obj(a=obj(b=STR)), "breaking", "breaking"),
    ({"const": 1}, {"const": 2}, "breaking", "breaking"),
    ({"anyOf": [obj(a=INT), NULL]}, {"anyOf": [obj(a=NUM), NULL]}, "added", "breaking"),
]


def worst(old: Catalogue, new: Catalogue) -> str:
    changes = compare(old, new)
    return changes[0].means if changes else ""


@pytest.mark.parametrize(("old", "new", "sent", "received"), SHIFTS)
def test_a_change_of_a_schema_is_judged_from_both_sides(
    old: Any, new: Any, sent: str, received: str
) -> None:
    assert worst(takes(old), takes(new)) == sent
    assert worst(gives(old), gives(new)) == received


def test_definitions_are_followed_also_where_they_name_themselves() -> None:
    def tree(leaf: Schema) -> Catalogue:
        node = obj(value=leaf, below={"type": "array", "items": {"$ref": "#/$defs/Node"}})
        return tool(inputSchema={**obj(root={"$ref": "#/$defs/Node"}), "$defs": {"Node": node}})

    assert compare(tree(INT), tree(INT)) == ()
    changes = compare(tree(NUM), tree(INT))
    assert changes[0].means == "breaking"
    assert changes[0].says == "argument root.value type: number -> integer"


ANNOTATED: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"readOnlyHint": True}, {}, "breaking"),
    ({"readOnlyHint": True}, {"readOnlyHint": False}, "breaking"),
    ({}, {"readOnlyHint": True}, "wording"),
    ({"destructiveHint": False}, {"destructiveHint": True}, "breaking"),
    ({"destructiveHint": True}, {}, "wording"),
    ({"title": "A"}, {"title": "B"}, ""),
]


@pytest.mark.parametrize(("old", "new", "means"), ANNOTATED)
def test_a_promise_that_is_taken_back_breaks(
    old: dict[str, Any], new: dict[str, Any], means: str
) -> None:
    assert worst(tool(annotations=old), tool(annotations=new)) == means


def prompt(*arguments: tuple[str, bool]) -> Catalogue:
    listed = [{"name": name, "required": required} for name, required in arguments]
    return Catalogue(prompts={"p": {"name": "p", "arguments": listed}})


WHOLE: list[tuple[Catalogue, Catalogue, list[tuple[str, str]]]] = [
    (tool(), Catalogue(), [("is gone", "breaking")]),
    (Catalogue(), tool(), [("is new", "added")]),
    (tool(outputSchema=obj()), tool(), [("its result has no schema any more", "breaking")]),
    (tool(), tool(outputSchema=obj()), [("its result has a schema now", "added")]),
    (tool(description="a"), tool(description="b"), [("other description", "wording")]),
    (prompt(("a", False)), prompt(), [("argument a is gone", "breaking")]),
    (prompt(), prompt(("a", True)), [("argument a is new and required", "breaking")]),
    (prompt(), prompt(("a", False)), [("argument a is new", "added")]),
    (prompt(("a", False)), prompt(("a", True)), [("argument a is required now", "breaking")]),
    (prompt(("a", True)), prompt(("a", False)), [("argument a is optional now", "added")]),
    (
        Catalogue(resources={"r://x": {"uri": "r://x", "mimeType": "text/plain"}}),
        Catalogue(resources={"r://x": {"uri": "r://x", "mimeType": "text/html"}}),
        [("type: text/plain -> text/html", "breaking")],
    ),
    (Catalogue(instructions="a"), Catalogue(instructions="b"), [("other instructions", "wording")]),
]


@pytest.mark.parametrize(("old", "new", "said"), WHOLE)
def test_a_change_of_a_part_is_said(
    old: Catalogue, new: Catalogue, said: list[tuple[str, str]]
) -> None:
    assert [(one.says, one.means) for one in compare(old, new)] == said


def test_breaking_changes_come_first() -> None:
    old = Catalogue(tools={n: {"name": n, "inputSchema": obj()} for n in "ab"})
    new = Catalogue(tools={n: {"name": n, "inputSchema": obj(), "description": "x"} for n in "bc"})

    assert [one.means for one in compare(old, new)] == ["breaking", "added", "wording"]


# ---- the file ------------------------------------------------------------------------------------


def test_a_contract_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = contract_file(tmp_path / "server.py")
    assert path.name == "server.contract.json"
    assert read_contract(path) is None
    catalogue = Catalogue(
        server="s",
        version="1",
        instructions="i",
        tools={"t": {"name": "t"}},
        resources={"r://x": {"uri": "r://x"}},
        templates={"r://{x}": {"uriTemplate": "r://{x}"}},
        prompts={"p": {"name": "p"}},
    )
    kept = Kept(catalogue=catalogue, written={"server.py": digest(b"x")})

    path.write_text(kept.to_text(), encoding="utf-8")

    assert read_contract(path) == kept
    assert len(catalogue) == 4


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        '{"format": 2}',
        '{"format": 1, "tools": 5}',
        '{"format": 1, "tools": [5]}',
        '{"format": 1, "written": []}',
        "[" * 100_000,
    ],
)
def test_what_is_no_contract_is_said_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "server.contract.json"
    path.write_text(text)

    with pytest.raises(UsageError, match=r"server\.contract\.json is no contract"):
        read_contract(path)


def test_a_file_that_is_no_text_is_said(tmp_path: Path) -> None:
    path = tmp_path / "server.contract.json"
    path.write_bytes(b"\xff\xfe{")

    with pytest.raises(UsageError, match="cannot be read"):
        read_contract(path)


# ---- what the proof compares -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("here", "there", "said"),
    [
        (tool(), tool(), []),
        (tool(), Catalogue(), ["tool t is not there"]),
        (Catalogue(), tool(), ["tool t is there alone"]),
        (tool(title="a"), tool(), ["tool t: title is not there"]),
        (tool(), tool(title="a"), ["tool t: title is there alone"]),
        (tool(meta=[1, 2]), tool(meta=[1, 3]), ["tool t: meta[1]: 2 here, 3 there"]),
        (tool(meta=1), tool(meta=True), ["tool t: meta: 1 here, true there"]),
        (Catalogue(server="a"), Catalogue(server="b"), ['server name: "a" here, "b" there']),
    ],
)
def test_every_difference_of_two_catalogues_is_found(
    here: Catalogue, there: Catalogue, said: list[str]
) -> None:
    assert differences(here, there) == said


def test_a_contract_is_plain_json_that_can_be_compared_as_text() -> None:
    text = Kept(catalogue=tool()).to_text()

    assert json.loads(text)["tools"] == [{"name": "t", "inputSchema": obj()}]
    assert text.count("\n") > 10
