"""Fields read from schemas, and what is filled in read back from their widgets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets
import pytest

from mcp_notebook.show.fields import MASK, masked
from mcp_notebook.show.inputs import Input, Nothing
from mcp_notebook.show.nesting import GroupInput, ListInput, gathered, input_of
from mcp_notebook.show.schemas import MAX_FIELDS, fields_of
from tests.show.hostile import FORBIDDEN, TEXT

NODE = {"type": "object", "properties": {"name": {"type": "string"}, "next": {"$ref": "#/$defs/N"}}}


def walk(widget: Any) -> Iterator[Any]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


def the_input(spec: Any, *, required: bool = False, defs: Any = None) -> Input:
    """The input of a property ``x`` with this schema."""
    schema = {"properties": {"x": spec}, "required": ["x"] if required else [], "$defs": defs or {}}
    (field,) = fields_of(schema, arguments=True)
    return input_of(field, lambda: None, lines=True)


@pytest.mark.parametrize(
    ("spec", "kind", "nullable"),
    [
        ({"type": "integer"}, "integer", False),
        ({"type": ["string", "null"]}, "string", True),
        ({"anyOf": [{"type": "number"}, {"type": "null"}], "default": None}, "number", True),
        ({"oneOf": [{"$ref": "#/$defs/S"}, {"type": "null"}]}, "string", True),
        ({"$ref": "#/$defs/S"}, "string", False),
        ({"allOf": [{"$ref": "#/$defs/E"}], "default": "b"}, "choice", False),
        ({"enum": ["a", None]}, "choice", False),
        ({"const": 3}, "choice", False),
        ({"oneOf": [{"const": 1, "title": "one"}, {"const": 2}]}, "choice", False),
        ({"type": "array", "items": {"$ref": "#/$defs/E"}}, "array", False),
        ({"type": "array", "items": {"$ref": "#/$defs/E"}, "uniqueItems": True}, "choices", False),
        ({"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}, "array",
         False),
        ({"type": "array"}, "json", False),
        ({"type": "array", "prefixItems": [{"type": "integer"}]}, "json", False),
        ({"type": "object", "properties": {"y": {"type": "integer"}}}, "object", False),
        ({"$ref": "#/$defs/N"}, "object", False),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "json", False),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "json", False),
        ({"type": ["integer", "string"]}, "json", False),
        ({"$ref": "#/$defs/missing"}, "json", False),
        ({"$ref": "https://example.com/schema"}, "json", False),
        ({"$ref": "#/$defs/loop"}, "json", False),
        ({}, "json", False),
        (True, "json", False),
        ("nonsense", "json", False),
    ],
)  # fmt: skip
def test_a_schema_becomes_a_field(spec: Any, kind: str, nullable: bool) -> None:
    defs = {
        "S": {"type": "string"},
        "E": {"enum": ["a", "b"]},
        "N": NODE,
        "loop": {"$ref": "#/$defs/loop"},
    }
    (field,) = fields_of({"properties": {"x": spec}, "$defs": defs}, arguments=True)

    assert (field.kind, field.nullable) == (kind, nullable)


def test_a_schema_that_leads_back_to_itself_ends_as_json() -> None:
    defs = {"N": NODE}
    (field,) = fields_of({"properties": {"x": {"$ref": "#/$defs/N"}}, "$defs": defs})

    assert [(one.name, one.kind) for one in field.fields] == [("name", "string"), ("next", "json")]


def test_a_schema_that_unfolds_without_measure_is_cut() -> None:
    """Each definition names the next one ten times: written out it has a million fields."""
    defs: dict[str, Any] = {
        f"d{i}": {"type": "object", "properties": {f"p{n}": {"$ref": f"#/$defs/d{i + 1}"}
                                                   for n in range(10)}}
        for i in range(6)
    }  # fmt: skip
    defs["d6"] = {"type": "string"}
    (field,) = fields_of({"properties": {"x": {"$ref": "#/$defs/d0"}}, "$defs": defs})

    def count(one: Any) -> int:
        return 1 + sum(count(inner) for inner in one.fields)

    assert count(field) < 2 * MAX_FIELDS


def test_where_a_schema_and_its_reference_disagree_the_nearer_word_counts() -> None:
    schema = {
        "properties": {"x": {"$ref": "#/$defs/S", "title": "mine", "default": "b"}},
        "$defs": {"S": {"type": "string", "title": "theirs", "description": "of it"}},
    }
    (field,) = fields_of(schema)

    assert (field.title, field.default, field.hints) == ("mine", "b", ["of it"])


def test_hints_say_every_limit() -> None:
    spec = {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 9, "multipleOf": 2}
    (field,) = fields_of({"properties": {"x": spec}})

    assert field.hints == ["a whole number", "more than 0", "less than 9", "a multiple of 2"]


@pytest.mark.parametrize(
    ("name", "spec", "secret"),
    [
        ("password", {"type": "string"}, True),
        ("api_key", {"type": "string"}, True),
        ("x", {"type": "string", "format": "password"}, True),
        ("x", {"type": "string", "writeOnly": True}, True),
        ("key", {"type": "string"}, False),
        ("author", {"type": "string"}, False),
        ("max_tokens", {"type": "integer"}, False),
    ],
)
def test_secret_fields_are_known_by_format_and_name(name: str, spec: Any, secret: bool) -> None:
    (field,) = fields_of({"properties": {name: spec}})

    assert field.secret is secret
    assert (type(input_of(field, lambda: None).widget) is ipywidgets.Password) is secret


def test_what_is_secret_is_masked_also_inside() -> None:
    inner = {
        "type": "object",
        "properties": {"token": {"type": "string"}, "n": {"type": "integer"}},
    }
    fields = fields_of(
        {"properties": {"one": inner, "all": {"type": "array", "items": inner}}}, arguments=True
    )

    shown = masked(fields, {"one": {"token": "T0P", "n": 1}, "all": [{"token": "T0P"}], "more": 2})

    assert shown == {"one": {"token": MASK, "n": 1}, "all": [{"token": MASK}], "more": 2}


# ---- values -------------------------------------------------------------------------------------


def typed(text: str) -> Callable[[Input], None]:
    def fill(made: Input) -> None:
        made.widget.value = text

    return fill


def chosen(index: Any) -> Callable[[Input], None]:
    def fill(made: Input) -> None:
        made.widget.index = index

    return fill


def null(made: Input) -> None:
    made.null.value = True


def given(made: Input) -> None:
    made.switch.value = True


def untouched(_: Input) -> None:
    pass


S, I = {"type": "string"}, {"type": "integer"}  # noqa: E741 - short in a table
OPTIONAL_INT = {"anyOf": [I, {"type": "null"}], "default": None}


@pytest.mark.parametrize(
    ("spec", "required", "fill", "value"),
    [
        (S, False, untouched, Nothing.LEFT_OUT),
        (S, False, typed('""'), ""),
        (S, True, typed('""'), ""),
        (S, True, untouched, Nothing.WRONG),
        (S, True, typed("  "), "  "),
        (S, False, typed("a\nb"), "a\nb"),
        (S, False, typed("null"), "null"),
        ({**S, "minLength": 1}, True, typed('""'), Nothing.WRONG),
        (I, False, typed("12"), 12),
        (I, False, typed("12345678901234567890"), 12345678901234567890),
        (I, False, typed("1.5"), Nothing.WRONG),
        ({**I, "exclusiveMinimum": 0}, True, typed("0"), Nothing.WRONG),
        ({"type": "number", "exclusiveMaximum": 1}, True, typed("1"), Nothing.WRONG),
        ({**I, "minimum": True}, True, typed("0"), 0),
        (OPTIONAL_INT, False, untouched, Nothing.LEFT_OUT),
        (OPTIONAL_INT, False, null, None),
        (OPTIONAL_INT, False, typed("3"), 3),
        ({"type": ["integer", "null"], "default": None}, True, untouched, None),
        ({"type": ["string", "null"]}, True, untouched, Nothing.WRONG),
        ({**S, "default": "d"}, False, untouched, "d"),
        ({**S, "default": "d"}, False, typed(""), Nothing.LEFT_OUT),
        ({"enum": ["a", None]}, True, chosen(2), None),
        ({"enum": ["a", "b"]}, False, untouched, Nothing.LEFT_OUT),
        ({"enum": [1, True], "default": True}, False, untouched, True),
        ({"const": "only"}, True, untouched, "only"),
        ({"const": "only"}, False, untouched, Nothing.LEFT_OUT),
        ({"type": "boolean"}, True, untouched, False),
        ({"type": "boolean"}, False, untouched, Nothing.LEFT_OUT),
        ({"type": "boolean"}, False, chosen(2), False),
        ({"type": "object"}, False, typed('{"a": [1, null]}'), {"a": [1, None]}),
        ({}, True, typed("null"), None),
        ({}, False, typed("  "), Nothing.LEFT_OUT),
        ({}, True, typed("{1}"), Nothing.WRONG),
        ({}, True, typed("NaN"), Nothing.WRONG),
        ({"type": "array", "items": S}, False, untouched, Nothing.LEFT_OUT),
        ({"type": "array", "items": S}, False, given, []),
        ({"type": "array", "items": S}, True, untouched, []),
        ({"type": "array", "items": S, "default": ["a", ""]}, False, untouched, Nothing.WRONG),
        ({"type": "array", "items": I, "default": [1, 2]}, False, untouched, [1, 2]),
        ({"type": "array", "items": I, "default": [1, 1], "uniqueItems": True}, True, untouched,
         Nothing.WRONG),
        ({"type": "array", "items": S, "minItems": 2}, True, untouched, Nothing.WRONG),
        ({"type": "object", "properties": {"a": I}}, False, untouched, Nothing.LEFT_OUT),
        ({"type": "object", "properties": {"a": I}}, False, given, {}),
        ({"type": "object", "properties": {"a": I}, "default": {"a": 4}}, False, untouched,
         {"a": 4}),
        ({"type": "object", "properties": {"a": I}, "required": ["a"]}, True, untouched,
         Nothing.WRONG),
    ],
)  # fmt: skip
def test_what_is_filled_in_comes_out_exactly(
    spec: Any, required: bool, fill: Callable[[Input], None], value: Any
) -> None:
    made = the_input(spec, required=required)
    fill(made)

    found = made.read()

    assert found == value
    assert type(found) is type(value)


def test_a_problem_is_said_in_words_beside_its_field_and_goes_again() -> None:
    made = the_input(I, required=True)
    made.widget.value = "many"

    assert made.read(quiet=True) is Nothing.WRONG
    assert made.problem.value == ""
    made.read()
    assert "x: this must be a whole number" in made.problem.value
    assert made.widget.value == "many"
    made.widget.value = "5"
    assert made.read() == 5
    assert made.problem.value == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": }', "no JSON: Expecting value, line 1, column 7"),
        ("[" * 100_000, "nested too deep"),
    ],
)
def test_text_that_is_no_json_is_told_where(text: str, said: str) -> None:
    made = the_input({})
    made.widget.value = text
    made.read()

    assert said in made.problem.value


def test_rows_are_added_and_removed_and_keep_what_was_typed() -> None:
    made = the_input({"type": "array", "items": {"type": "string", "title": "Item"}}, required=True)
    assert isinstance(made, ListInput)
    for text in ("a", "b", "c"):
        next(w for w in walk(made.box) if getattr(w, "description", "") == "Add").click()
        made.rows[-1][0].widget.value = text

    [w for w in walk(made.box) if getattr(w, "description", "") == "Remove"][1].click()

    assert made.read() == ["a", "c"]
    assert [row.field.title for row, _ in made.rows] == ["1", "2"]
    made.rows[1][0].widget.value = ""
    assert made.read() is Nothing.WRONG
    assert "2: this is required" in made.rows[1][0].problem.value
    assert made.rows[0][0].problem.value == ""


def test_a_group_that_is_switched_off_keeps_what_was_typed() -> None:
    made = the_input({"type": "object", "properties": {"a": I}, "required": ["a"]})
    assert isinstance(made, GroupInput)
    assert made.widget.layout.display == "none"
    made.switch.value = True
    assert made.widget.layout.display is None
    made.inputs[0].widget.value = "7"
    made.switch.value = False

    assert made.read() is Nothing.LEFT_OUT
    made.switch.value = True
    assert made.read() == {"a": 7}


def test_every_wrong_field_is_marked_at_once() -> None:
    schema = {"properties": {"a": I, "b": {"type": "object", "properties": {"c": I, "d": I}}},
              "required": ["a", "b"]}  # fmt: skip
    inputs = [input_of(field, lambda: None) for field in fields_of(schema)]
    c, d = inputs[1].at(["c"]), inputs[1].at(["d"])
    c.widget.value = d.widget.value = "x"

    assert gathered(inputs) is Nothing.WRONG
    assert all(one.problem.value for one in (inputs[0], c, d))


def test_every_change_is_told() -> None:
    told: list[int] = []
    (field,) = fields_of(
        {"properties": {"x": {"type": "array", "items": OPTIONAL_INT}}, "required": ["x"]},
        arguments=True,
    )
    made = input_of(field, lambda: told.append(1))
    assert isinstance(made, ListInput)

    row = made.add()
    row.widget.value = "1"
    row.null.value = not row.null.value
    made.remove(row)

    assert len(told) == 3


def test_a_secret_is_forgotten_on_demand_and_the_rest_is_not() -> None:
    inner = {"type": "object", "properties": {"password": S, "name": S}, "required": ["name"]}
    made = the_input({"type": "array", "items": inner, "minItems": 1}, required=True)
    made.at([0, "password"]).widget.value = "hunter2"
    made.at([0, "name"]).widget.value = "ada"

    made.forget_secrets()

    assert made.read() == [{"name": "ada"}]


def test_hostile_text_is_escaped_in_nested_fields() -> None:
    inner = {"type": "string", "title": TEXT, "description": TEXT}
    made = the_input(
        {"type": "array", "minItems": 1, "title": TEXT,
         "items": {"type": "object", "title": TEXT, "properties": {TEXT: inner}}}, required=True
    )  # fmt: skip

    shown = [w.value for w in walk(made.box) if isinstance(w, ipywidgets.HTML)]

    assert len(shown) > 4
    for text in shown:
        assert "<script" not in text
        assert not [c for c in FORBIDDEN if c in text]
