"""The grammar of a ``%mcp`` line: words, variables, the two forms of a call, bodies of cells."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_notebook.errors import UsageError
from mcp_notebook.magics import grammar
from mcp_notebook.magics.body import body_arguments
from mcp_notebook.magics.commands.call import CALL

FLAGS = {
    text: action.nargs != 0 for action in CALL.parser()._actions for text in action.option_strings
}
"""The options of ``call``, and whether each takes a value."""

SCHEMA: dict[str, Any] = {
    "$defs": {"Colour": {"enum": ["red", "7"], "type": "string"}},
    "properties": {
        "text": {"type": "string"},
        "count": {"type": "integer"},
        "share": {"type": "number"},
        "sure": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "options": {"type": "object"},
        "nothing": {"type": "null"},
        "limit": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "name": {"type": ["string", "null"]},
        "level": {"enum": ["low", "high"]},
        "stars": {"enum": [1, 2, 3]},
        "either": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        "truth": {"anyOf": [{"type": "boolean"}, {"type": "integer"}]},
        "words": {"anyOf": [{"type": "array"}, {"type": "string"}]},
        "colour": {"$ref": "#/$defs/Colour"},
        "anything": {},
    },
}


def call(line: str) -> grammar.CallLine:
    return grammar.call_line(line, FLAGS)


def words(line: str, names: dict[str, Any] | None = None) -> dict[str, Any]:
    """The arguments of a call in the form NAME=VALUE."""
    return grammar.word_arguments(call(line).given, names or {}, SCHEMA, "tool")


# ---- words and variables -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("serve -t http", ["serve", "-t", "http"]),
        ("  spaced\tout  ", ["spaced", "out"]),
        ("text='two words'", ["text=two words"]),
        ("""tags='["a", "b"]'""", ['tags=["a", "b"]']),
        ("""text="it's" """, ["text=it's"]),
        (r"path=C:\temp\new pattern=\d+", [r"path=C:\temp\new", r"pattern=\d+"]),
        ("a=1 # no comment", ["a=1", "#", "no", "comment"]),
        ("text=''", ["text="]),
        ("", []),
    ],
)
def test_a_line_splits_at_spaces_outside_quotes(line: str, expected: list[str]) -> None:
    assert grammar.words(line) == expected


@pytest.mark.parametrize("line", ["text='open", 'text="open', "it's"])
def test_an_open_quote_is_said(line: str) -> None:
    with pytest.raises(UsageError, match="a quote is not closed"):
        grammar.words(line)


def test_a_dollar_name_is_the_variable_itself() -> None:
    thing = object()

    assert grammar.value("$thing", {"thing": thing}) is thing


@pytest.mark.parametrize("word", ["$5", "$", "5$", "a$thing", "$thing!", "$$"])
def test_other_dollars_are_text(word: str) -> None:
    assert grammar.value(word, {"thing": 1}) == word


def test_an_undefined_variable_is_an_error_that_knows_a_near_one() -> None:
    with pytest.raises(UsageError) as caught:
        grammar.value("$tokne", {"token": 1, "_token": 2})

    assert str(caught.value) == "$tokne is not defined. Did you mean $token?"


def test_an_undefined_variable_with_no_near_one_says_how_to_define_it() -> None:
    with pytest.raises(UsageError, match=r"\$x is not defined. Define it first: x = \.\.\."):
        grammar.value("$x", {})


def test_variables_fill_a_text_and_amounts_of_money_do_not() -> None:
    names = {"user": "ada", "token": 42}

    assert grammar.filled("$user pays $5 with $token", names) == "ada pays $5 with 42"


def test_the_environment_is_read_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", "s3cret")

    assert grammar.filled("env:A_SECRET", {}) == "s3cret"


def test_a_variable_that_the_environment_lacks_is_named() -> None:
    with pytest.raises(UsageError, match=r"has no NO_SUCH_NAME\. Set it first: %env NO_SUCH"):
        grammar.filled("env:NO_SUCH_NAME", {})


@pytest.mark.parametrize(
    ("text", "literal"),
    [("s3cret", True), ("$5", True), ("$TOKEN", False), ("Bearer $T", False), ("env:T", False)],
)
def test_a_secret_in_the_line_itself_is_recognised(text: str, literal: bool) -> None:
    assert grammar.is_literal(text) is literal


@pytest.mark.parametrize("word", ["X-Key=v=1", "X-Key: v=1", "X-Key:v=1"])
def test_a_header_is_written_with_an_equals_sign_or_a_colon(word: str) -> None:
    assert grammar.pair(word, "NAME=VALUE") == ("X-Key", "v=1")


@pytest.mark.parametrize("word", ["", "X-Key", "=v", "two words"])
def test_a_header_without_a_name_is_an_error(word: str) -> None:
    with pytest.raises(UsageError, match=r"is no NAME=VALUE\. Write NAME=VALUE\."):
        grammar.pair(word, "NAME=VALUE")


# ---- the form with brackets ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "tool", "python"),
    [
        ("add(a=2, b=3)", "add", "(a=2, b=3)"),
        ("add (2, 3)", "add", "(2, 3)"),
        ("now()", "now", "()"),
        ("get-weather.v2/today(1)", "get-weather.v2/today", "(1)"),
        ("echo(text=')')", "echo", "(text=')')"),
        ("echo(text='a) b', more=\")\")", "echo", "(text='a) b', more=\")\")"),
        ("echo('''it's)''')", "echo", "('''it's)''')"),
        ("f(g(h(1)), [(2, 3)], {'k': (4,)})", "f", "(g(h(1)), [(2, 3)], {'k': (4,)})"),
        (
            "f(x if y else (z), *(1, 2), **dict(a=1))",
            "f",
            "(x if y else (z), *(1, 2), **dict(a=1))",
        ),
        ("f(f'{(1)}')", "f", "(f'{(1)}')"),
        ("f(lambda: (1))", "f", "(lambda: (1))"),
    ],
)
def test_the_brackets_end_where_python_says(line: str, tool: str, python: str) -> None:
    assert call(line) == grammar.CallLine(tool=tool, python=python, given=[], rest=[])


@pytest.mark.parametrize(
    "line",
    [
        "--strict --on other ask(text='--on (x)') --timeout 3 --answer '{\"a b\": 1}'",
        "ask(text='--on (x)') --strict --on other --timeout 3 --answer '{\"a b\": 1}'",
        "--answer '{\"a b\": 1}' --timeout 3 ask(text='--on (x)') --on other --strict",
        "--on=other --timeout=3 --strict ask(text='--on (x)') --answer '{\"a b\": 1}'",
    ],
)
def test_options_stand_before_or_after_the_brackets(line: str) -> None:
    taken = call(line)
    options = CALL.parser().parse_args([taken.tool, *taken.rest])

    assert (taken.tool, taken.python) == ("ask", "(text='--on (x)')")
    assert (options.on, options.timeout, options.strict) == ("other", 3.0, True)
    assert json.loads(options.answer) == {"a b": 1}


@pytest.mark.parametrize(
    "line",
    [
        "add a=2 --on other b=3 --strict",
        "--on other --strict add a=2 b=3",
        "add --strict --on=other a=2 b=3",
    ],
)
def test_options_stand_anywhere_between_words(line: str) -> None:
    taken = call(line)
    options = CALL.parser().parse_args([taken.tool, *taken.rest])

    assert (taken.tool, taken.given, taken.python) == ("add", ["a=2", "b=3"], None)
    assert (options.on, options.strict) == ("other", True)


def test_brackets_in_a_value_do_not_make_a_python_call() -> None:
    assert call("echo text=f(x)").given == ["text=f(x)"]


@pytest.mark.parametrize("line", ["add(a=2", "add(a=2 b=3)", "add(a=')", "add(\0)"])
def test_brackets_that_python_cannot_read_are_an_error(line: str) -> None:
    with pytest.raises(UsageError, match="is no Python call"):
        call(line)


def test_a_long_line_is_not_repeated_in_full() -> None:
    with pytest.raises(UsageError) as caught:
        call(f"add(a='{'x' * 500}'")

    assert len(str(caught.value)) < 150


@pytest.mark.parametrize("line", ["", "   "])
def test_a_call_of_nothing_shows_how_to_call(line: str) -> None:
    with pytest.raises(UsageError, match=r"which tool\? For example %mcp call add\(a=2, b=3\)"):
        call(line)


def python(text: str, names: dict[str, Any] | None = None) -> dict[str, Any]:
    return grammar.python_arguments(text, names or {}, ["a", "b", "c"], "add")


def test_positional_arguments_follow_the_order_of_the_schema() -> None:
    assert python("(1, 2, c=3)") == {"a": 1, "b": 2, "c": 3}


def test_expressions_are_evaluated_in_the_notebook() -> None:
    names = {"x": 20, "rows": [1, 2], "given": {"c": 3}}

    found = python("(x + 1, [r * 2 for r in rows], **given)", names)

    assert found == {"a": 21, "b": [2, 4], "c": 3}


def test_too_many_positional_arguments_show_the_tool() -> None:
    with pytest.raises(UsageError, match=r"takes 3 arguments, 4 were given. It is add\(a, b, c\)"):
        python("(1, 2, 3, 4)")


def test_an_argument_by_position_and_by_name_is_given_twice() -> None:
    with pytest.raises(UsageError, match="add got a twice"):
        python("(1, a=2)")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(missing)", "NameError: name 'missing' is not defined"),
        ("(1 / 0)", "ZeroDivisionError"),
        ("(await x)", "SyntaxError"),
        ("(*5)", "TypeError"),
    ],
)
def test_an_expression_that_fails_is_named(text: str, expected: str) -> None:
    with pytest.raises(UsageError, match="the arguments of add cannot be evaluated") as caught:
        python(text)

    assert expected in str(caught.value)


# ---- the form with words -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("text=hello", "hello"),
        ("text=5", "5"),
        ("text=true", "true"),
        ("text=null", "null"),
        ("text=", ""),
        ("text=a=b", "a=b"),
        ("text=$5", "$5"),
        ("count=5", 5),
        ("count=-5", -5),
        ("share=0.25", 0.25),
        ("share=1e3", 1000.0),
        ("share=2", 2.0),
        ("sure=true", True),
        ("sure=False", False),
        ("sure=yes", True),
        ("sure=0", False),
        ("""tags='["a", "b"]'""", ["a", "b"]),
        ("""options='{"deep": {"er": [1, null]}}'""", {"deep": {"er": [1, None]}}),
        ("nothing=null", None),
        ("limit=7", 7),
        ("limit=null", None),
        ("limit=None", None),
        ("name=ada", "ada"),
        ("name=null", None),
        ("level=high", "high"),
        ("stars=2", 2),
        ("either=5", 5),
        ("either=five", "five"),
        ("truth=1", 1),
        ("truth=true", True),
        ("words='[1]'", [1]),
        ("words=plain", "plain"),
        ("colour=red", "red"),
        ("colour=7", "7"),
        ("anything=5", 5),
        ("anything=five", "five"),
        ("anything=NaN", "NaN"),
        ("anything='{\"a\": 1}'", {"a": 1}),
        ("unknown=5", 5),
    ],
)
def test_the_schema_says_what_a_word_becomes(word: str, expected: Any) -> None:
    (found,) = words(f"tool {word}").values()

    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("count=two", "tool: count: 'two' is no integer."),
        ("count=2.5", "tool: count: '2.5' is no integer."),
        ("count=", "tool: count: '' is no integer."),
        ("share=much", "tool: share: 'much' is no number."),
        ("sure=maybe", "tool: sure: 'maybe' is no boolean."),
        ("limit=many", "tool: limit: 'many' is no integer or null."),
        ("nothing=0", "tool: nothing: '0' is no null."),
        ("tags=a,b", "tool: tags: 'a,b' is no JSON."),
        ("options=[", "tool: options: '[' is no JSON."),
        ("share=nan", "tool: share: 'nan' is no number."),
        ("share=inf", "tool: share: 'inf' is no number."),
    ],
)
def test_a_value_that_does_not_fit_is_named(word: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        words(f"tool {word}")

    assert str(caught.value).startswith(expected)


def test_a_variable_is_passed_as_it_is() -> None:
    rows = [1, 2]

    found = words("tool tags=$rows text=$number", {"rows": rows, "number": "7"})

    assert found["tags"] is rows
    assert found["text"] == "7"


def test_a_word_without_a_name_shows_the_names() -> None:
    with pytest.raises(UsageError, match=r"'5' has no name. Write tool text=\.\.\. count=\.\.\."):
        words("tool 5")


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("tool name=Ada Lovelace", "Quote what has blanks in it: name='Ada Lovelace'"),
        ('tool tags=["a", "b"]', 'Put JSON in single quotes, for example tags=\'["a", "b"]\''),
        ('tool tags=["a"]', 'Put JSON in single quotes, for example tags=\'["a", "b"]\''),
    ],
)
def test_a_value_that_needs_quotes_is_told_so(line: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        words(line)

    assert caught.value.hint == hint


@pytest.mark.parametrize("taken", ["open", "In", "print"])
def test_no_name_of_python_or_ipython_is_suggested(taken: str) -> None:
    with pytest.raises(UsageError, match=r"\$(\w+) is not defined. Define it first: \1 = "):
        grammar.variable(f"{taken}e", {taken: 1, "_printe": 2})


# ---- bodies of cells ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        '{"a": 2, "b": [true, null]}',
        "\n  {\n  'a': 1 + 1,\n  'b': [True, None],\n}\n",
        "dict(a=two, b=[True, None])",
        "{**given}",
        "# by lines\na = two\nb = [\n  True, None]",
        "a = two\nb = [True for _ in range(a - 1)] + [None]",
    ],
)
def test_a_body_is_json_a_python_dict_or_assignments(body: str) -> None:
    names = {"two": 2, "given": {"a": 2, "b": [True, None]}}

    assert body_arguments(body, names, "add") == {"a": 2, "b": [True, None]}


def test_assignments_in_a_body_stay_there() -> None:
    names: dict[str, Any] = {"a": 1}

    assert body_arguments("a = a + 1\nb = a", names, "add") == {"a": 2, "b": 2}
    assert names == {"a": 1}


def test_an_empty_body_gives_no_arguments() -> None:
    assert body_arguments(" \n", {}, "add") == {}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("[1, 2]", "the body of add is a list, not an object."),
        ("'text'", "the body of add is a str, not an object."),
        ("{a: 1}", "neither JSON nor a Python dict: NameError"),
        ("a = b = 1", "neither JSON nor a Python dict: SyntaxError"),
        ("a, b = 1, 2", "neither JSON nor a Python dict: SyntaxError"),
        ("a = missing", "neither JSON nor a Python dict: NameError"),
        ('{"a": 1', "neither JSON nor a Python dict: SyntaxError"),
    ],
)
def test_another_body_is_an_error(body: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        body_arguments(body, {}, "add")

    assert expected in str(caught.value)
    assert 'For example {"a": 2, "b": 3}' in str(caught.value)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ('{"name": "Ada"}', {"name": "Ada"}),
        ("decline", "decline"),
        ("42", 42),
        ("$ready", {"x": 1}),
        ("plain words", "plain words"),
    ],
)
def test_an_answer_is_json_a_variable_or_text(word: str, expected: Any) -> None:
    assert grammar.answer_value(word, {"ready": {"x": 1}}) == expected


# ---- any text ------------------------------------------------------------------------------------

line_text = st.text(st.sampled_from("ab($)='\"[]{},: \\-\0#\n5é") | st.characters(), max_size=40)
SAFE_NAMES = {"__builtins__": {}, "a": 1}


some = settings(max_examples=60, deadline=None)


def told(parse: Callable[[], Any]) -> Any:
    """What was parsed, or None where it was refused in one line."""
    try:
        return parse()
    except UsageError as error:
        refusal = str(error)
    assert "\n" not in refusal
    return None


@some
@given(line_text)
def test_any_line_of_a_call_gives_arguments_or_one_readable_line(line: str) -> None:
    def parse() -> dict[str, Any]:
        taken = call(line)
        if taken.python is not None:
            names = dict(SAFE_NAMES)
            return grammar.python_arguments(taken.python, names, ["a", "b"], taken.tool)
        return grammar.word_arguments(taken.given, SAFE_NAMES, SCHEMA, taken.tool)

    assert all(isinstance(name, str) for name in told(parse) or {})


@some
@given(line_text)
def test_any_body_gives_arguments_or_one_readable_line(body: str) -> None:
    found = told(lambda: body_arguments(body, dict(SAFE_NAMES), "tool"))

    assert found is None or isinstance(found, dict)


@some
@given(name=st.sampled_from(list(SCHEMA["properties"])), text=line_text)
def test_any_word_becomes_json_or_one_readable_line(name: str, text: str) -> None:
    found = told(lambda: grammar.word_arguments([f"{name}={text}"], {}, SCHEMA, "tool"))

    json.dumps(found, allow_nan=False)


plain_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@some
@given(st.dictionaries(st.from_regex(r"[a-z]\w{0,5}", fullmatch=True), plain_values, max_size=3))
def test_what_is_written_as_python_or_json_arrives_unchanged(arguments: dict[str, Any]) -> None:
    written = "tool(**" + repr(arguments) + ") --strict"

    taken = call(written)

    assert taken.rest == ["--strict"]
    assert grammar.python_arguments(taken.python or "", {}, [], "tool") == arguments
    assert body_arguments(json.dumps(arguments), {}, "tool") == arguments


@pytest.mark.parametrize(
    ("value", "words"), [(None, "is None"), ("", "is empty"), (True, "bool"), ([1], "list")]
)
def test_a_variable_that_holds_no_text_is_no_secret(value: object, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        grammar.filled("$SECRET", {"SECRET": value})
    assert grammar.filled("$SECRET", {"SECRET": 5}) == "5"
