"""The form that calls a tool, the page above it, and the line that makes the same call."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any

import ipywidgets
import mcp_types as types
import pytest

from mcp_notebook.magics import grammar
from mcp_notebook.show.copybox import CopyBox
from mcp_notebook.show.schemas import fields_of
from mcp_notebook.show.toolform import ToolForm
from mcp_notebook.show.toolpage import call_line, tool_page
from tests.show.hostile import FORBIDDEN, TEXT, assert_tame
from tests.show.test_schemas import walk

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z]+$"},
        "n": {"type": "integer", "multipleOf": 5, "default": 10},
        "to": {"$ref": "#/$defs/Place"},
        "password": {"type": "string", "pattern": "^x"},
    },
    "required": ["name"],
    "$defs": {
        "Place": {
            "type": "object",
            "properties": {"zip": {"type": "string", "pattern": "^[0-9]+$"}},
            "required": ["zip"],
        }
    },
}


class Pressed:
    """A form, what it called, and how often Cancel was pressed."""

    def __init__(self, schema: dict[str, Any], tool: str = "send", on: str = "") -> None:
        self.calls: list[dict[str, Any]] = []
        self.cancelled = 0
        self.form = ToolForm(tool, schema, self.calls.append, self._cancel, on=on)
        self.all = list(walk(self.form.box))

    def _cancel(self) -> None:
        self.cancelled += 1

    def press(self, word: str) -> None:
        self.button(word).click()

    def button(self, word: str) -> Any:
        return next(w for w in self.all if getattr(w, "description", "") == word)

    @property
    def said(self) -> str:
        return " ".join(w.value for w in self.all if isinstance(w, ipywidgets.HTML))

    def __getitem__(self, name: str) -> Any:
        return next(one for one in self.form.inputs if one.field.name == name)


def test_what_fits_is_called_once_and_the_rest_can_be_cancelled() -> None:
    made = Pressed(SCHEMA)
    made["name"].widget.value = "ada"

    made.press("Call")
    made.press("Call")
    made.press("Cancel")

    assert made.calls == [{"name": "ada", "n": 10}]
    assert made.cancelled == 1
    assert made.button("Call").disabled
    made.form.end("done")
    assert made.button("Cancel").disabled
    made.press("Call")
    assert len(made.calls) == 2


def test_what_the_whole_schema_says_is_said_beside_its_field_and_nothing_is_lost() -> None:
    made = Pressed(SCHEMA)
    made["name"].widget.value = "ADA"
    made["n"].widget.value = "7"
    made["to"].switch.value = True
    made["to"].at(["zip"]).widget.value = "SW1"
    made["password"].widget.value = "hunter2"

    made.press("Call")

    assert made.calls == []
    assert "does not match" in made["name"].problem.value
    assert "not a multiple of 5" in made["n"].problem.value
    assert "&#x27;SW1&#x27; does not match" in made["to"].at(["zip"]).problem.value
    assert "hunter2" not in made["password"].problem.value
    assert "does not fit its schema" in made["password"].problem.value
    assert "Not called" in made.said
    assert made["name"].widget.value == "ADA"
    assert not made.button("Call").disabled


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"x": {"type": "integer"}}, "required": 5},
        {"properties": {"x": {"$ref": "https://example.com/other"}}},
        {"properties": {"x": {"type": "nonsense"}}},
        {"properties": {"x": {"pattern": "("}}},
    ],
)
def test_a_schema_that_is_broken_is_for_the_server_to_judge(schema: dict[str, Any]) -> None:
    made = Pressed(schema)
    made["x"].widget.value = "3"

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made.press("Call")

    assert made.calls == [{"x": 3}]


@pytest.mark.parametrize(
    "more",
    [{"oneOf": [{}]}, {"patternProperties": {}}, {"$ref": "#/$defs/X"},
     {"additionalProperties": True}],
)  # fmt: skip
def test_arguments_without_names_are_filled_in_as_one_object(more: dict[str, Any]) -> None:
    made = Pressed({"type": "object", **more})
    area = made["arguments"].widget

    made.press("Call")
    made.form.end("")
    area.value = "[1]"
    made.press("Call")
    assert "must be an object" in made.said
    area.value = '{"b-c": 1}'
    made.press("Call")

    assert made.calls == [{}, {"b-c": 1}]


def test_a_tool_without_arguments_has_a_button_alone() -> None:
    made = Pressed({"type": "object", "properties": {}})

    assert "takes no arguments" in made.said
    made.press("Call")
    assert made.calls == [{}]


def test_the_line_follows_what_is_filled_in() -> None:
    made = Pressed(SCHEMA, on="other")
    assert made.form.line.text == ""

    made["name"].widget.value = "ada"
    assert made.form.line.text == "%mcp call send(name='ada', n=10) --on other"
    made["n"].widget.value = "many"
    assert made.form.line.text == ""
    assert made["n"].problem.value == ""


def test_a_secret_is_in_no_line_and_is_forgotten_after_the_call() -> None:
    made = Pressed(SCHEMA)
    made["name"].widget.value = "ada"
    made["password"].widget.value = "xhunter2"
    line = "%mcp call send(name='ada', n=10, password=password)"

    made.press("Call")
    assert made.form.line.text == line
    assert made.form.secrets(made.calls[0]) == ["xhunter2"]
    made.form.end("done")

    assert made["password"].widget.value == ""
    assert made["name"].widget.value == "ada"
    assert made.form.line.text == line
    states = [w.get_state() for w in made.all]
    assert "hunter2" not in str(states)


VALUES = [
    {},
    {"a": 2, "b": [1, None, True], "c": {"d": 1.5}},
    {"text": 'it\'s "quoted" \\ # ; $x %d {y}\n\u2028 é \x00'},
    {"b-c": 1, "class": 2, "a": 3},
    {"x": ")", "y": "('"},
]


@pytest.mark.parametrize("arguments", VALUES)
@pytest.mark.parametrize("tool", ["add", "ns/a.b-c", "_x"])
def test_the_line_makes_the_same_call(tool: str, arguments: dict[str, Any]) -> None:
    written = call_line(tool, arguments)

    assert "\n" not in written
    from mcp_notebook.magics.line import bare

    rest = bare(written.removeprefix("%mcp ")).removeprefix("call ")
    line = grammar.call_line(rest, {})
    assert (line.tool, line.rest) == (tool, [])
    assert line.python is not None
    assert grammar.python_arguments(line.python, {}, [], tool) == arguments


@pytest.mark.parametrize("tool", ["my tool", "a+b", "-x", 'say "hi"'])
def test_a_tool_with_an_odd_name_is_called_by_a_cell(tool: str) -> None:
    first, body = call_line(tool, {"a": [1, "b"]}, on="c").split("\n", 1)

    line = grammar.call_line(first.removeprefix("%%mcp call "), {"--on": True})
    assert (line.tool, line.rest) == (tool, ["--on", "c"])
    assert grammar.from_json(body) == {"a": [1, "b"]}


def test_a_name_that_no_line_can_spell_has_none() -> None:
    assert call_line("'\"", {}) == ""
    assert call_line("a\nb", {}) == ""


def test_secrets_inside_are_variables_in_a_line_and_masked_in_a_cell() -> None:
    inner = {"type": "object", "properties": {"api-key": {"type": "string"}, "n": {}}}
    fields = fields_of({"properties": {"all": {"type": "array", "items": inner}}}, arguments=True)
    arguments = {"all": [{"api-key": "T0P", "n": 1}]}

    assert call_line("f", arguments, fields) == "%mcp call f(all=[{'api-key': secret, 'n': 1}])"
    assert '"***"' in call_line("f g", arguments, fields)


# ---- the page -----------------------------------------------------------------------------------


def test_a_page_has_all_that_a_model_is_told() -> None:
    tool = types.Tool(
        name="send",
        title="Send a thing",
        description="Sends.\n\nSlowly.",
        input_schema=SCHEMA,
        output_schema={"type": "object"},
        annotations=types.ToolAnnotations(read_only_hint=True),
    )

    plain = tool_page(tool, "line")["text/plain"]

    assert plain.startswith("send(name: string, n: integer = 10,")
    for part in ("Send a thing", "(a tool of line)", "  Slowly.", "read_only_hint: True",
                 '"multipleOf": 5', "output schema"):  # fmt: skip
        assert part in plain
    assert not [line for line in plain.split("\n") if line != line.rstrip()]


def test_a_hostile_tool_is_tame() -> None:
    tool: Any = SimpleNamespace(
        name=TEXT, title=TEXT + "x", description=TEXT, output_schema={TEXT: TEXT},
        input_schema={"properties": {TEXT: {"type": "string", "default": TEXT, "title": TEXT}}},
        annotations=SimpleNamespace(model_dump=lambda **_: {TEXT: TEXT}),
    )  # fmt: skip
    assert_tame(tool_page(tool, TEXT))
    made = Pressed(tool.input_schema, tool=TEXT)
    made.press("Call")
    for text in [w.value for w in walk(made.form.box) if isinstance(w, ipywidgets.HTML)]:
        assert "<script" not in text
        assert not [c for c in FORBIDDEN if c in text]


def test_what_is_to_copy_is_never_html() -> None:
    """The script writes into a text field and into attributes, not into the page."""
    script = CopyBox(text="x")._esm
    assert "innerHTML" not in str(script)
