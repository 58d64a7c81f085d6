"""Where things stand in source: nodes of a parsed text, and the expressions in f-strings.

Before Python 3.12 an f-string is one token, and the places of its expressions are not reliable.
"""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterator
from io import BytesIO


class Place:
    """Where nodes of a parsed text stand in the whole source."""

    def __init__(self, text: str, base: int) -> None:
        self._text = text
        self._base = base
        self._lines = text.splitlines(keepends=True)

    def of(self, line: int, column: int) -> int:
        """The index of a node's start; columns count bytes."""
        before = sum(map(len, self._lines[: line - 1]))
        ahead = len(self._lines[line - 1].encode()[:column].decode())
        return self._base + before + ahead


def expressions(literal: str) -> Iterator[tuple[int, str]]:
    """The expressions in an f-string, or in several that stand side by side.

    Args:
        literal: source, with prefix and quotes.

    Yields:
        Where each starts, and its source. Those in format specifications come as well.
    """
    for start, text in _pieces(literal):
        prefix = re.match(r"\w*", text)
        assert prefix is not None
        kind = prefix.group().lower()
        if "f" in kind:
            quote = 3 if text[prefix.end() :][:3] in ('"""', "'''") else 1
            body = text[prefix.end() + quote : -quote]
            begin = start + prefix.end() + quote
            yield from ((begin + at, each) for at, each in _fields(body, raw="r" in kind))


def _pieces(literal: str) -> Iterator[tuple[int, str]]:
    """The string literals of an implicit concatenation, each with its start."""
    source = f"({literal})"
    place = Place(source, -1)
    depth, begin = 0, 0
    f_start = getattr(tokenize, "FSTRING_START", -1)  # one token for the whole before 3.12
    f_end = getattr(tokenize, "FSTRING_END", -1)
    for token in tokenize.tokenize(BytesIO(source.encode()).readline):
        if token.type == f_start:
            if depth == 0:
                begin = _character(place, source, token.start)
            depth += 1
        elif token.type == f_end:
            depth -= 1
            if depth == 0:
                yield begin, literal[begin : _character(place, source, token.end)]
        elif token.type == tokenize.STRING and depth == 0:
            yield _character(place, source, token.start), token.string


def _character(place: Place, source: str, where: tuple[int, int]) -> int:
    """The index of a token's start; its columns count characters."""
    line = source.splitlines(keepends=True)[where[0] - 1]
    return place.of(where[0], len(line[: where[1]].encode()))


def _fields(body: str, *, raw: bool) -> Iterator[tuple[int, str]]:
    """The replacement fields in the inside of an f-string."""
    at = 0
    while at < len(body):
        if body.startswith(("{{", "}}"), at):
            at += 2
        elif not raw and body.startswith("\\N{", at):
            at = body.index("}", at) + 1
        elif not raw and body[at] == "\\":
            at += 2 if body[at + 1 : at + 2] != "{" else 1
        elif body[at] == "{":
            end, spec = _expression_end(body, at + 1)
            yield at + 1, body[at + 1 : end].rstrip().removesuffix("=")
            at = spec
            if body[at] == ":":
                close = _closing(body, at)
                yield from ((at + 1 + n, t) for n, t in _fields(body[at + 1 : close], raw=raw))
                at = close
            at += 1
        else:
            at += 1


def _expression_end(body: str, at: int) -> tuple[int, int]:
    """Where an expression ends, and where its conversion does: at ``:`` or ``}``."""
    depth, quote = 0, ""
    while True:
        char = body[at]
        if quote:
            if body.startswith(quote, at):
                at += len(quote) - 1
                quote = ""
        elif char in "'\"":
            quote = char * 3 if body.startswith(char * 3, at) else char
            at += len(quote) - 1
        elif char in "([{":
            depth += 1
        elif depth and char in ")]}":
            depth -= 1
        elif not depth and char == "!" and body[at + 1] != "=":
            return at, at + 2
        elif not depth and char in ":}":
            return at, at
        at += 1


def _closing(body: str, at: int) -> int:
    """Where the format specification that starts here is closed."""
    depth = 0
    while True:
        if body[at] == "{":
            depth += 1
        elif body[at] == "}":
            if not depth:
                return at
            depth -= 1
        at += 1
