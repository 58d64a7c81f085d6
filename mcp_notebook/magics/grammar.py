"""The grammar of a ``%mcp`` line: words, ``$variables``, and Python calls.

IPython's own ``{}`` and ``$`` expansion is off, because it takes JSON apart. A word ``$name`` is
the Python variable of that name; ``$5`` is text.
"""

from __future__ import annotations

import ast
import builtins
import difflib
import json
import math
import os
import re
import shlex
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp_notebook.errors import UsageError

from . import line as typed

_VARIABLE = re.compile(r"\$([^\W\d]\w*)")
_TOOL_CALL = re.compile(r"\s*([\w./-]+)\s*\(")
_JSON_HINT = """Put JSON in single quotes, for example {name}='["a", "b"]'"""
_TRUTH = {
    **dict.fromkeys(("true", "yes", "1", "on"), True),
    **dict.fromkeys(("false", "no", "0", "off"), False),
}
_NUMBERS = {"integer", "number"}
_NOT_THE_READERS = {"In", "Out", "exit", "quit", "get_ipython", "display", *dir(builtins)}
"""Names that IPython and Python put into a notebook; nobody means them by ``$name``."""


def words(line: str) -> list[str]:
    """Split a line as a shell does: quotes group, backslashes are kept as they are.

    Raises:
        UsageError: a quote is not closed.
    """
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    lexer.escape = ""  # a backslash is a letter: C:\\tools, \\d+
    try:
        return list(lexer)
    except ValueError:
        raise UsageError(
            "a quote is not closed.", hint="Close it, or quote with the other kind."
        ) from None


def value(word: str, names: Mapping[str, Any]) -> Any:
    """A word, or the Python variable it stands for.

    Raises:
        UsageError: the variable is not defined.
    """
    match = _VARIABLE.fullmatch(word)
    return variable(match[1], names) if match else word


def variable(name: str, names: Mapping[str, Any]) -> Any:
    """A Python variable of the notebook.

    Raises:
        UsageError: it is not defined.
    """
    if name in names:
        return names[name]
    own = [n for n in names if not n.startswith("_") and n not in _NOT_THE_READERS]
    near = difflib.get_close_matches(name, own, n=1)
    hint = f"Did you mean ${near[0]}?" if near else f"Define it first: {name} = ..."
    raise UsageError(f"${name} is not defined.", hint=hint)


def filled(text: str, names: Mapping[str, Any]) -> str:
    """A text with each ``$name`` in it replaced, and ``env:NAME`` read from the environment.

    Raises:
        UsageError: a variable is not defined, empty, or no text.
    """
    if text.startswith("env:"):
        return environment(text[4:])
    return _VARIABLE.sub(lambda m: _words_of(m[1], names), text)


def _words_of(name: str, names: Mapping[str, Any]) -> str:
    """A variable that is written into a text: a text or a number, and not an empty one."""
    found = variable(name, names)
    if found is None or isinstance(found, bool) or not isinstance(found, str | int | float):
        shown = "None" if found is None else f"of type {type(found).__name__}"
        raise UsageError(f"${name} is {shown}.", hint="It must be a text: set it first.")
    if found == "":
        raise UsageError(f"${name} is empty.", hint=f"Set it first: {name} = ...")
    return str(found)


def environment(name: str) -> str:
    """A variable of the environment.

    Raises:
        UsageError: it is not set.
    """
    found = os.environ.get(name)
    if found is None:
        raise UsageError(f"the environment has no {name}.", hint=f"Set it first: %env {name}=...")
    return found


def is_literal(text: str) -> bool:
    """Whether a secret stands in the line itself."""
    return not text.startswith("env:") and not _VARIABLE.search(text)


def pair(word: str, what: str) -> tuple[str, str]:
    """``NAME=VALUE`` or ``NAME: VALUE`` taken apart.

    Raises:
        UsageError: it is neither.
    """
    match = re.match(r"([^=:\s]+)\s*[=:]\s*(.*)", word, re.S)
    if match is None:
        raise UsageError(f"{word!r} is no {what}.", hint=f"Write {what}.")
    return match[1], match[2]


@dataclass(frozen=True, kw_only=True)
class CallLine:
    """The line of ``%mcp call`` taken apart.

    Attributes:
        tool: the tool's name.
        python: the text of the Python call's parentheses, where that form was used.
        given: the words after the tool in the other form.
        rest: the words that are options.
    """

    tool: str
    python: str | None
    given: list[str]
    rest: list[str]


def call_line(line: str, flags: Mapping[str, bool], *, command: str = "%mcp call") -> CallLine:
    """Take the line of a call apart.

    Args:
        line: what stands after ``call``.
        flags: the known options, and whether each takes a value.
        command: how the command is typed, for messages.

    Raises:
        UsageError: no tool is named, or a bracket is not closed.
    """
    before, rest_of_line = _leading_options(line, flags)
    match = _TOOL_CALL.match(rest_of_line)
    if match is not None:
        start = match.end() - 1
        end = _closing(rest_of_line, start)
        if hint := typed.after_call(rest_of_line[end:], rest_of_line[:end].strip()):
            raise UsageError("a call ends with its bracket.", hint=hint)
        tail = words(rest_of_line[end:])
        return CallLine(
            tool=match[1], python=rest_of_line[start:end], given=[], rest=[*before, *tail]
        )
    given: list[str] = []
    rest = list(before)
    queue = words(rest_of_line)
    while queue:
        word = queue.pop(0)
        name = word.partition("=")[0]
        if name in flags:
            rest.append(word)
            if flags[name] and "=" not in word and queue:
                rest.append(queue.pop(0))
        elif word.startswith("--"):
            rest.append(word)  # argparse says that there is no such option
        else:
            given.append(word)
    if not given:
        if rest:
            return CallLine(tool="", python=None, given=[], rest=rest)
        raise UsageError(f"{command}: which tool?", hint=f"For example {command} add(a=2, b=3)")
    return CallLine(tool=given[0], python=None, given=given[1:], rest=rest)


def _leading_options(line: str, flags: Mapping[str, bool]) -> tuple[list[str], str]:
    """Options that stand before the tool, and what follows them."""
    found: list[str] = []
    rest = line.lstrip()
    while rest.startswith("-"):
        word, _, after = rest.partition(" ")
        name = word.partition("=")[0]
        if name not in flags:
            break
        found.append(word)
        rest = after.lstrip()
        if flags[name] and "=" not in word:
            quoted = re.match(r"'[^']*'|\"[^\"]*\"|\S+", rest)
            if quoted:
                found += words(quoted[0])
                rest = rest[quoted.end() :].lstrip()
    return found, rest


def _closing(text: str, start: int) -> int:
    """The end of the bracket that opens at ``start``: the first place where Python agrees."""
    place = start
    while (place := text.find(")", place + 1)) != -1:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # evaluating it warns, once
                ast.parse(f"f{text[start : place + 1]}", mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue  # null bytes and deep nesting are no Python either
        return place + 1
    shown = text[start:] if len(text) - start < 60 else text[start : start + 57] + "..."
    hint = "For example add(a=2, b='text')"
    if used := _VARIABLE.search(text, start):
        hint = f"Inside brackets write {used[1]} without $."
    raise UsageError(f"{shown} is no Python call.", hint=hint)


def python_arguments(
    text: str, names: dict[str, Any], order: list[str], tool: str
) -> dict[str, Any]:
    """The arguments of a Python call, evaluated in the notebook.

    Args:
        text: the call's parentheses.
        names: the notebook's variables.
        order: the argument names in the order of the schema, for positional ones.
        tool: the tool's name, for messages.

    Raises:
        UsageError: an expression fails, or there are too many positional arguments.
    """

    def taken(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return args, kwargs

    try:
        args, kwargs = eval(f"__call__{text}", names, {"__call__": taken})
    except Exception as error:
        raise UsageError(
            f"the arguments of {tool} cannot be evaluated: {type(error).__name__}: {error}"
        ) from error
    if len(args) > len(order):
        raise UsageError(
            f"{tool} takes {len(order)} argument{'s' * (len(order) != 1)}, {len(args)} were given.",
            hint=f"It is {tool}({', '.join(order)})",
        )
    arguments = dict(zip(order, args, strict=False))
    for name, given in kwargs.items():
        if name in arguments:
            raise UsageError(f"{tool} got {name} twice.", hint="Give it once.")
        arguments[name] = given
    return arguments


def word_arguments(
    given: list[str], names: Mapping[str, Any], schema: Mapping[str, Any], tool: str
) -> dict[str, Any]:
    """Arguments of the form ``NAME=VALUE``, each coerced by its schema.

    Raises:
        UsageError: a word has no ``=``, or a value does not fit its type.
    """
    properties = schema.get("properties") or {}
    arguments: dict[str, Any] = {}
    for before, word in zip(["", *given], given, strict=False):
        name, equals, text = word.partition("=")
        if not equals and "=" in before:
            raise UsageError(f"{word!r} has no name.", hint=_quoted(before, word))
        if not equals:
            known = " ".join(f"{n}=..." for n in properties)
            raise UsageError(f"{word!r} has no name.", hint=f"Write {tool} {known}".strip())
        found = value(text, names)
        if isinstance(found, str) and not _VARIABLE.fullmatch(text):
            spec = _resolved(properties.get(name) or {}, schema)
            found = coerced(found, spec, f"{tool}: {name}")
        arguments[name] = found
    return arguments


def _quoted(before: str, word: str) -> str:
    """How to type a value that a blank cut in two."""
    name, _, text = before.partition("=")
    if text.startswith(("[", "{")):
        return _JSON_HINT.format(name=name)
    return f"Quote what has blanks in it: {name}='{text} {word}'"


def coerced(text: str, spec: Mapping[str, Any], what: str) -> Any:
    """A text as the value that a schema wants.

    Raises:
        UsageError: it is none.
    """
    kinds = _kinds(spec)
    low = text.strip().lower()
    if "null" in kinds and low in ("null", "none"):
        return None
    if "boolean" in kinds and low in _TRUTH and not (low.isdigit() and kinds & _NUMBERS):
        return _TRUTH[low]
    for kind, convert in (("integer", int), ("number", _finite)):
        if kind in kinds:
            try:
                return convert(text)
            except ValueError:
                pass
    if kinds & {"array", "object"}:
        try:
            return from_json(text)
        except ValueError:
            if "string" not in kinds:
                raise UsageError(
                    f"{what}: {text!r} is no JSON.",
                    hint=_JSON_HINT.format(name=what.rpartition(" ")[2]),
                ) from None
    if "string" in kinds:
        return text
    if not kinds:
        try:
            return from_json(text)
        except ValueError:
            return text
    wanted = " or ".join(sorted(kinds))
    raise UsageError(
        f"{what}: {text!r} is no {wanted}.", hint="Check the type, or use the form with brackets."
    )


def _finite(text: str) -> float:
    """A number that JSON can hold: it has no infinity and no NaN."""
    found = float(text)
    if not math.isfinite(found):
        raise ValueError(text)
    return found


def from_json(text: str) -> Any:
    """A text as JSON; anything else is a ``ValueError``, also what Python's reader takes."""
    try:
        return json.loads(text, parse_constant=_finite, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _resolved(spec: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference into the schema's own definitions stands for."""
    place, _, name = str(spec.get("$ref", "")).rpartition("/")
    found = (schema.get("$defs") or {}).get(name) if place == "#/$defs" else None
    return found if isinstance(found, Mapping) else spec


def _kinds(spec: Mapping[str, Any]) -> set[str]:
    """The JSON types a schema takes; empty where it does not say."""
    kind = spec.get("type")
    found = set(kind if isinstance(kind, list) else [kind] if kind else [])
    for key in ("anyOf", "oneOf"):
        for option in spec.get(key) or ():
            found |= _kinds(option) if isinstance(option, Mapping) else set()
    for literal in [*(spec.get("enum") or ()), *([spec["const"]] if "const" in spec else [])]:
        found.add(
            {str: "string", bool: "boolean", int: "integer", float: "number"}.get(
                type(literal), "null"
            )
        )
    return found


def answer_value(word: str, names: Mapping[str, Any]) -> Any:
    """What ``--answer`` gives: a variable, JSON, or plain text."""
    found = value(word, names)
    if isinstance(found, str):
        try:
            return from_json(found)
        except ValueError:
            return found
    return found
