"""Arguments are checked before anything is sent; the quick look at types misses nothing."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from mcp_notebook.errors import UsageError
from mcp_notebook.runtime.arguments import MOST_KEPT, _validators, check

PLAIN: dict[str, Any] = {
    "type": "object",
    "title": "args",
    "properties": {
        "s": {"type": "string", "title": "S"},
        "i": {"type": "integer", "default": 1},
        "n": {"type": "number"},
        "b": {"type": "boolean"},
        "short": {"type": "string", "maxLength": 2},
        "free": {},
        "any": True,
        "either": {"type": ["string", "null"]},
        "list": {"type": "array", "items": {"type": "integer"}},
    },
    "required": ["s"],
}
VALUES = ["a", "long", 1, 1.0, 1.5, True, None, [1], ["x"], {}]


@pytest.mark.parametrize("name", PLAIN["properties"])
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_the_quick_look_agrees_with_the_schema(name: str, value: Any) -> None:
    arguments = {"s": "x", name: value}
    valid = jsonschema.Draft202012Validator(PLAIN).is_valid(arguments)
    for _ in range(2):  # the second time from what is kept
        if valid:
            check("tool", PLAIN, arguments)
        else:
            with pytest.raises(UsageError, match=rf"tool: {name}\b"):
                check("tool", PLAIN, arguments)


@pytest.mark.parametrize(
    "more",
    [
        {"maxProperties": 0},
        {"not": {}},
        {"allOf": [{"properties": {"s": {"const": "b"}}}]},
        {"propertyNames": {"maxLength": 0}},
        {"dependentRequired": {"s": ["i"]}},
    ],
    ids=lambda more: next(iter(more)),
)
def test_what_a_schema_asks_of_the_whole_is_asked(more: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        check("tool", {**PLAIN, **more}, {"s": "a"})


@pytest.mark.parametrize("schema", [{"type": 7}, {"properties": {"a": {"$ref": "http://x/y"}}}, {}])
def test_a_broken_schema_is_for_the_server_to_judge(schema: dict[str, Any]) -> None:
    check("tool", schema, {"a": 1})


def test_schemas_are_not_kept_for_ever() -> None:
    for number in range(MOST_KEPT + 9):
        check("tool", {**PLAIN, "title": str(number)}, {"s": "a"})
    assert len(_validators) == MOST_KEPT
