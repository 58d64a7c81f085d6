"""One value set in a text of JSON; every other byte stays."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from mcp_notebook.handoff.hosts.jsontext import NotJson, Unclear, put, read

WITH_COMMENTS = """\
// what my editor uses
{
\t"servers": {
\t\t/* the first */
\t\t"one": {"command": "uv"}, // keep me here
\t\t// and me
\t},
\t"inputs": [],
}
"""

values = some.recursive(
    some.none()
    | some.booleans()
    | some.integers()
    | some.text()
    | some.floats(allow_nan=False, allow_infinity=False),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=60)
@given(
    content=some.dictionaries(some.text(), values, max_size=4),
    held=some.dictionaries(some.text(), values, max_size=3),
    key=some.text(),
    value=values,
    layout=some.sampled_from(
        [{}, {"indent": 2}, {"indent": 4}, {"indent": "\t"}, {"separators": (",", ":")}]
    ),
    comments=some.booleans(),
)
def test_it_says_what_was_meant_and_nothing_else_changes(
    content: dict[str, Any],
    held: dict[str, Any],
    key: str,
    value: Any,
    layout: dict[str, Any],
    comments: bool,
) -> None:
    content = {**content, "held": held}
    text = json.dumps(content, **layout)

    made = put(text, ["held", key], value, comments=comments)

    assert json.loads(made) == {**content, "held": {**held, key: value}}
    assert list(json.loads(made)) == list(content)
    if key not in held:  # what was there is still there, in its order
        assert _without_new(text, made) == text
    assert put(made, ["held", key], value, comments=comments) == made


def _without_new(old: str, new: str) -> str:
    """The new text without the one stretch (and the comma before it) that is not in the old."""
    front = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), len(old))
    back = len(old) - front
    while back and not new.endswith(old[len(old) - back :]):
        back -= 1
    kept = new[:front] + new[len(new) - back :]
    # blanks around the closing bracket belong to what is new
    return old if "".join(kept.split()) == "".join(old.split()) else kept


words = some.text("abc", min_size=1, max_size=2)
plain = some.recursive(
    words | some.integers(0, 9),
    lambda inner: some.lists(inner, max_size=2) | some.dictionaries(words, inner, max_size=2),
    max_leaves=6,
)


@settings(deadline=None, max_examples=100)
@given(
    content=some.dictionaries(words, plain, max_size=3),
    held=some.dictionaries(words, plain, max_size=3),
    layout=some.sampled_from([{}, {"indent": 1}, {"indent": "\t"}]),
    marks=some.lists(some.sampled_from(["", " ", "/*{n}*/", " //{n}\n", "\n  /* {n}, */ "])),
)
def test_every_comment_stays_in_its_order(
    content: dict[str, Any], held: dict[str, Any], layout: dict[str, Any], marks: list[str]
) -> None:
    content = {**content, "held": held}
    tokens = re.split(r"(?<=[\[\]{},:])", json.dumps(content, **layout))
    marks += [""] * (len(tokens) - len(marks))
    text = "".join(
        token + mark.format(n=n)
        for n, (token, mark) in enumerate(zip(tokens, marks[: len(tokens)], strict=True))
    )

    made = put(text, ["held", "new"], {"x": [1]}, comments=True)

    assert read(made, comments=True).data() == {**content, "held": {**held, "new": {"x": [1]}}}
    comments = re.compile(r"//\d+\n|/\*[^*]*\*/")
    assert comments.findall(made) == comments.findall(text)
    left = comments.sub("", made)
    assert json.loads(left) == {**content, "held": {**held, "new": {"x": [1]}}}


def test_comments_and_layout_stay_where_they_are() -> None:
    made = put(WITH_COMMENTS, ["servers", "two"], {"command": "x"}, comments=True)

    assert made == WITH_COMMENTS.replace(
        "\t\t// and me\n",
        '\t\t// and me\n\t\t"two": {\n\t\t\t"command": "x"\n\t\t}\n',
    )


@pytest.mark.parametrize(
    ("text", "path", "made"),
    [
        ("{}", ["a", "b"], '{\n  "a": {\n    "b": 1\n  }\n}'),
        ('{"z": 1}', ["a"], '{"z": 1, "a": 1}'),
        ('{\n "z": 1}', ["a"], '{\n "z": 1,\n "a": 1\n}'),
        ('{\r\n  "a": {}\r\n}\r\n', ["a", "b"], '{\r\n  "a": {\r\n    "b": 1\r\n  }\r\n}\r\n'),
        ('{"l": []}', ["l", 0], '{"l": [1]}'),
        ('{\n  "l": [\n    7\n  ]\n}', ["l", 1], '{\n  "l": [\n    7,\n    1\n  ]\n}'),
        ('{\n  "a": 7\n}', ["l", 0], '{\n  "a": 7,\n  "l": [\n    1\n  ]\n}'),
    ],
)
def test_the_layout_of_the_file_is_followed(text: str, path: list[Any], made: str) -> None:
    assert put(text, path, 1) == made


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "the text ends here"),
        ('{"a": 1', "a comma is missing"),
        ('{"a": 1,}', "nothing behind the comma"),
        ('{"a": 1} x', "something follows the end"),
        ('{\n  // no\n  "a": 1}', "line 2, column 3: a comment, which plain JSON does not have"),
        ("{'a': 1}", "a key in double quotes is missing"),
        ('{"a" 1}', "a colon is missing"),
        ('{"a": nope}', "a value is missing"),
        ('{"a": "b}', "unterminated string"),
        ("[" * 5000, "too many brackets"),
    ],
)
def test_what_is_no_json_is_said_with_its_place(text: str, what: str) -> None:
    with pytest.raises(NotJson, match=what):
        put(text, ["a"], 1)


@pytest.mark.parametrize("text", ["/* no end", "{} /", '{"a": 1 /* */ 2}'])
def test_bad_comments_are_no_json(text: str) -> None:
    with pytest.raises(NotJson):
        read(text, comments=True)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('{"a": {"b": 1 /* mine */}}', ["a"]),
        ('{"a": [ // mine\n]}', ["a"]),
        ('{"a": {\n"b": [1, // mine\n2]}}', ["a"]),
        ('{"a": 1, "a": 2}', ["a"]),
        ('{"a": 1}', ["a", "b"]),
        ('{"a": {}}', ["a", 0]),
    ],
)
def test_what_would_lose_something_is_refused(text: str, path: list[Any]) -> None:
    with pytest.raises(Unclear):
        put(text, path, {"new": 1}, comments=True)


def test_two_slashes_in_a_string_are_no_comment() -> None:
    text = '{"a": {"url": "http://x/y", "//": "/* */"}}'

    assert json.loads(put(text, ["a"], 2, comments=True)) == {"a": 2}
