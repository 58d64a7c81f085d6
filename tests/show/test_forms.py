"""Questions of a server as a form, and line by line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets
import pytest

from mcp_notebook.runtime.questions import DECLINED_SAMPLING, Question, result_of
from mcp_notebook.show.constraints import Problem
from mcp_notebook.show.forms import (
    answered,
    question_form,
    terminal_answer,
    together,
    waiting,
)
from mcp_notebook.show.schemas import fields_of
from tests.show.hostile import FORBIDDEN, TEXT, assert_tame

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "title": "Your name", "minLength": 2, "maxLength": 8},
        "mail": {"type": "string", "format": "email"},
        "age": {"type": "integer", "minimum": 0, "maximum": 150, "default": 40},
        "height": {"type": "number", "description": "in metres"},
        "sure": {"type": "boolean", "default": True},
        "maybe": {"type": "boolean"},
        "size": {"type": "string", "enum": ["s", "l"], "enumNames": ["small", "large"]},
        "colour": {"oneOf": [{"const": "r", "title": "Red"}, {"const": "g", "title": "Green"}],
                   "default": "g"},
        "days": {"type": "array", "items": {"enum": ["mo", "tu", "we"]}, "maxItems": 2},
    },
    "required": ["name", "size"],
}  # fmt: skip


def asked(schema: dict[str, Any] | None = None, message: str = "Who are you?") -> Question:
    return Question(kind="elicitation", message=message, schema=schema or SCHEMA)


class Form:
    """A form with its parts at hand, and what it answered."""

    def __init__(self, question: Question) -> None:
        self.answers: list[Any] = []
        self.box = question_form(question, self.answers.append)
        self.all = list(_walk(self.box))
        names = list(question.schema.get("properties", {}))
        rows = [w for w in self.box.children if isinstance(w, ipywidgets.VBox)]
        self.fields = {n: r.children[1] for n, r in zip(names, rows, strict=True)}
        self.labels = {n: r.children[0].value for n, r in zip(names, rows, strict=True)}
        self.rows = dict(zip(names, rows, strict=True))

    def problem(self, name: str) -> str:
        return str(self.rows[name].children[2].value)

    def press(self, word: str) -> None:
        next(w for w in self.all if getattr(w, "description", "") == word).click()

    @property
    def said(self) -> str:
        return str(self.box.children[-1].value)


def _walk(widget: Any) -> Iterator[Any]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _walk(child)


def test_a_form_has_a_field_for_each_property_with_its_default() -> None:
    form = Form(asked())

    assert {name: type(widget).__name__ for name, widget in form.fields.items()} == {
        "name": "Text",
        "mail": "Text",
        "age": "Text",
        "height": "Text",
        "sure": "Checkbox",
        "maybe": "Dropdown",
        "size": "Dropdown",
        "colour": "Dropdown",
        "days": "SelectMultiple",
    }
    assert form.fields["age"].value == "40"
    assert form.fields["sure"].value is True
    assert form.fields["size"].options == ("(choose)", "small", "large")
    assert form.fields["colour"].value == "Green"
    assert "Your name" in form.labels["name"]
    assert "required; 2 to 8 characters" in form.labels["name"]
    assert "optional; an e-mail address" in form.labels["mail"]
    assert "0 to 150" in form.labels["age"]
    assert "in metres" in form.labels["height"]


def test_what_is_filled_in_is_sent_once_and_then_the_form_is_closed() -> None:
    form = Form(asked())
    form.fields["name"].value = "Ada"
    form.fields["height"].value = "1.7"
    form.fields["maybe"].value = "no"
    form.fields["size"].value = "large"
    form.fields["days"].index = (0, 2)

    form.press("Send")
    form.press("Send")
    form.press("Decline")

    assert form.answers == [
        {"name": "Ada", "age": 40, "height": 1.7, "sure": True, "maybe": False, "size": "l",
         "colour": "g", "days": ["mo", "we"]}
    ]  # fmt: skip
    assert all(w.disabled for w in form.all if hasattr(w, "disabled"))
    assert result_of(asked(), form.answers[0]).action == "accept"


def test_what_does_not_fit_is_said_beside_its_field_and_nothing_is_sent() -> None:
    form = Form(asked())
    form.fields["mail"].value = "nobody"
    form.fields["age"].value = "12.5"
    form.fields["height"].value = "tall"
    form.fields["days"].index = (0, 1, 2)

    form.press("Send")

    assert form.answers == []
    assert "this is required" in form.problem("name")
    assert "e-mail address" in form.problem("mail")
    assert "whole number" in form.problem("age")
    assert "must be a number" in form.problem("height")
    assert "this is required" in form.problem("size")
    assert "at most 2 of them" in form.problem("days")
    assert form.problem("colour") == ""
    assert "Not sent" in form.said

    form.fields["name"].value = "Ada"
    form.press("Send")
    assert form.problem("name") == ""


@pytest.mark.parametrize(("word", "answer"), [("Decline", "decline"), ("Cancel", "cancel")])
def test_a_question_can_be_refused(word: str, answer: str) -> None:
    form = Form(asked())
    form.press(word)

    assert form.answers == [answer]
    assert all(w.disabled for w in form.all if hasattr(w, "disabled"))


def test_a_sampling_question_is_answered_with_text() -> None:
    question = Question(kind="sampling", message="Write <b>a poem</b>")
    form = Form(question)
    area = next(w for w in form.all if isinstance(w, ipywidgets.Textarea))

    form.press("Send")
    assert "Write the answer first" in form.said
    area.value = "Roses"
    form.press("Send")

    assert form.answers == ["Roses"]
    assert "Write &lt;b&gt;a poem&lt;/b&gt;" in form.box.children[0].value


def test_a_sampling_question_can_be_refused_in_the_way_of_the_specification() -> None:
    form = Form(Question(kind="sampling", message="Write a poem"))
    form.press("Decline")
    assert form.answers == [DECLINED_SAMPLING]
    assert form.answers[0].code == -1


def test_the_end_of_input_refuses_a_sampling_question() -> None:
    def ask(_prompt: str) -> str:
        raise EOFError

    question = Question(kind="sampling", message="Write a poem")
    assert terminal_answer(question, ask) == DECLINED_SAMPLING


def test_an_address_to_open_is_shown_and_not_linked() -> None:
    form = Form(Question(kind="url", message="Pay here https://example.com/x"))

    assert "https://example.com/x" in form.box.children[0].value
    assert "href" not in form.box.children[0].value
    form.press("Done")
    assert form.answers == ["accept"]


def test_hostile_text_reaches_no_widget_unescaped() -> None:
    prop = {"title": TEXT, "description": TEXT, "pattern": TEXT, "minimum": TEXT}
    schema = {
        "properties": {
            "a": {"type": "string", **prop},
            "b": {"enum": [TEXT, TEXT], **prop},
            "c": {"type": "array", "items": {"oneOf": [{"const": TEXT, "title": TEXT}]}, **prop},
            "d": {"type": ["object"], "format": ["x"], "default": {"x": "\ud800"}, **prop},
        },
        "required": ["a"],
    }
    form = Form(asked(schema, TEXT))
    form.press("Send")
    form.press("Decline")

    shown = [w.value for w in form.all if isinstance(w, ipywidgets.HTML)]
    shown += [o for w in form.all for o in getattr(w, "_options_labels", ())]
    assert len(shown) > 10
    for text in shown:
        assert not [c for c in FORBIDDEN if c in text]
    assert not [w for w in form.all if isinstance(w, ipywidgets.HTML) and "<script" in w.value]
    form.fields["d"].value.encode("utf-8")


@pytest.mark.parametrize(
    ("spec", "typed", "expected"),
    [
        ({"type": "integer"}, "3.0", 3),
        ({"type": "integer"}, "1e400", Problem),
        ({"type": "number"}, "NaN", Problem),
        ({"type": "number"}, "true", Problem),
        ({"type": "number", "minimum": 1}, "0.5", Problem),
        ({"type": "string", "format": "uri"}, "example.com", Problem),
        ({"type": "string", "format": "uri"}, "https://example.com", "https://example.com"),
        ({"type": "string", "format": "date"}, "2026-07-28", "2026-07-28"),
        ({"type": "string", "format": "date"}, "28.7.2026", Problem),
        ({"type": "string", "format": "date-time"}, "2026-07-28T10:00:00+00:00",
         "2026-07-28T10:00:00+00:00"),
        ({"type": "string"}, "12", "12"),
        ({"type": "boolean"}, "Yes", True),
        ({"type": "boolean"}, "0", False),
        ({"type": "boolean"}, "perhaps", Problem),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "5", 5),
        ({"type": ["null", "integer"]}, "x", Problem),
        ({"enum": [1, 2]}, "2", 2),
        ({"enum": ["a", "b"]}, "2", "b"),
        ({"enum": ["a", "b"]}, "3", Problem),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, "1, b", ["a", "b"]),
        ({"type": "object"}, '{"x": 1}', {"x": 1}),
        ({"type": "string"}, "  ", None),
        (True, "[1]", [1]),
    ],
)  # fmt: skip
def test_what_a_typed_text_stands_for(spec: Any, typed: str, expected: Any) -> None:
    (field,) = fields_of({"properties": {"x": spec}})

    if expected is Problem:
        with pytest.raises(Problem):
            field.typed(typed)
    else:
        assert field.typed(typed) == expected


def test_a_schema_that_is_none_makes_a_form_without_fields() -> None:
    assert fields_of({"properties": "x", "required": 5}) == []
    form = Form(Question(kind="elicitation", message="Go on?", schema={}))
    form.press("Send")
    assert form.answers == [{}]


# ---- in a terminal -----------------------------------------------------------------------------


def typing(*typed: str) -> tuple[Callable[[str], str], list[str]]:
    """An ``ask`` that types these lines, and the prompts it was given."""
    prompts: list[str] = []
    left = iter(typed)

    def ask(prompt: str) -> str:
        prompts.append(prompt)
        try:
            return next(left)
        except StopIteration:
            raise EOFError from None

    return ask, prompts


def test_in_a_terminal_field_after_field_is_asked_until_it_fits() -> None:
    ask, prompts = typing("", "Ada", "", "", "1.7", "", "", "9", "1", "", "mo,3")

    assert terminal_answer(asked(), ask) == {
        "name": "Ada", "age": 40, "height": 1.7, "sure": True, "size": "s", "colour": "g",
        "days": ["mo", "we"],
    }  # fmt: skip
    assert prompts[0].startswith("The server asks:\nWho are you?\n(!decline or !cancel ends it)\n")
    assert prompts[0].endswith("Your name (required; 2 to 8 characters): ")
    assert prompts[1].startswith("this is required\nYour name")
    assert "[40]" in prompts[3]
    assert prompts[8].startswith("choose one of small, large\n  1. small\n  2. large\n")


@pytest.mark.parametrize(
    ("typed", "answer"),
    [(["Ada", "!decline"], "decline"), (["!cancel"], "cancel"), (["Ada"], "cancel")],
)
def test_in_a_terminal_a_question_can_be_refused(typed: list[str], answer: str) -> None:
    ask, _ = typing(*typed)

    assert terminal_answer(asked(), ask) == answer


def test_in_a_terminal_decline_is_a_text_like_any_other() -> None:
    ask, _ = typing("decline")

    assert terminal_answer(asked({"properties": {"x": {"type": "string"}}}), ask) == {
        "x": "decline"
    }


@pytest.mark.parametrize(
    ("kind", "typed", "answer"),
    [
        ("sampling", ["", "Roses"], "Roses"),
        ("url", ["yes"], "accept"),
        ("url", ["no"], "decline"),
        ("url", ["cancel"], "cancel"),
        ("elicitation", ["yes"], {}),
        ("elicitation", ["decline"], "decline"),
    ],
)
def test_in_a_terminal_the_other_questions(kind: str, typed: list[str], answer: Any) -> None:
    ask, prompts = typing(*typed)

    assert terminal_answer(Question(kind=kind, message=TEXT, schema={}), ask) == answer
    assert not [c for c in FORBIDDEN for prompt in prompts if c in prompt]


# ---- what stays --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("elicitation", {"name": "Ada", "age": 40}, 'you answered: {"name":"Ada","age":40}'),
        ("elicitation", {"password": "hunter2"}, 'you answered: {"password":"***"}'),
        ("elicitation", {"pin": "1234"}, 'you answered: {"pin":"***"}'),
        ("elicitation", "decline", "you declined."),
        ("elicitation", "cancel", "you cancelled."),
        ("elicitation", None, "nobody answered: the call ended first."),
        ("sampling", "Roses", "you answered: Roses"),
        ("sampling", "decline", "you answered: decline"),
        ("sampling", DECLINED_SAMPLING, "you declined."),
        ("url", "accept", "you opened the address."),
        ("url", "decline", "you declined."),
    ],
)
def test_what_stays_of_a_form_is_a_plain_line(kind: str, value: Any, said: str) -> None:
    text = {"type": "string"}
    schema = {"properties": {"password": text, "pin": {**text, "format": "password"}}}

    left = answered(Question(kind=kind, message="Who?", schema=schema), value)

    assert left["text/plain"] == f"Who?: {said}"
    assert "hunter2" not in left["text/html"]


def test_what_stays_of_a_hostile_question_is_tame() -> None:
    question = Question(kind="elicitation", message=TEXT, schema={})
    assert_tame(together([answered(question, {TEXT: TEXT}), waiting(question)]))
