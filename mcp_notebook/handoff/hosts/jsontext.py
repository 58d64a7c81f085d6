"""JSON as text: where each value stands, so that one can be set and every other byte stays.

Reads plain JSON, and JSON with comments and commas at the end where a host takes them. No
library of Python keeps comments and layout through a change, so the change is made in the text
and the result is read again: it must say exactly what was meant.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

_BLANK: Final = re.compile(r"[ \t\r\n]*")
_COMMENT: Final = re.compile(r"//[^\r\n]*|/\*.*?\*/", re.S)
_SCALAR: Final = re.compile(r"true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_DECODER: Final = json.JSONDecoder()
_DEEPEST: Final = 200

Step = str | int


class NotJson(ValueError):
    """A text that is no JSON; says where."""

    def __init__(self, text: str, at: int, what: str) -> None:
        line = text.count("\n", 0, at) + 1
        column = at - (text.rfind("\n", 0, at) + 1) + 1
        super().__init__(f"line {line}, column {column}: {what}")


class Unclear(ValueError):
    """A change that cannot be made without losing something."""


@dataclass
class Node:
    """A value and where it stands.

    Attributes:
        start: of its first character.
        end: after its last one.
        value: what it says; of objects and lists ``None``, their parts say it.
        members: of an object: key, where the key stands, value.
        items: of a list.
        ended: whether a comma follows the last part.
    """

    start: int
    end: int = 0
    value: Any = None
    members: list[tuple[str, int, Node]] | None = None
    items: list[Node] | None = None
    ended: bool = False

    @property
    def parts(self) -> list[Node]:
        """The values in it."""
        if self.members is not None:
            return [node for _, _, node in self.members]
        return self.items or []

    def data(self) -> Any:
        """What it says, as Python has it."""
        if self.members is not None:
            return {key: node.data() for key, _, node in self.members}
        return [node.data() for node in self.items] if self.items is not None else self.value


@dataclass
class _Reader:
    text: str
    comments: bool
    at: int = 0
    depth: int = 0

    def wrong(self, what: str) -> NotJson:
        return NotJson(self.text, self.at, what)

    def skip(self) -> None:
        while True:
            self.at = _BLANK.match(self.text, self.at).end()  # type: ignore[union-attr]
            if not self.text.startswith(("//", "/*"), self.at):
                return
            found = _COMMENT.match(self.text, self.at)
            if not self.comments:
                raise self.wrong("a comment, which plain JSON does not have")
            if found is None:
                raise self.wrong("a comment that does not end")
            self.at = found.end()

    def value(self) -> Node:
        self.skip()
        sign = self.text[self.at : self.at + 1]
        if sign in ("{", "["):
            self.depth += 1
            if self.depth > _DEEPEST:
                raise self.wrong("too many brackets in brackets")
            node = self._many(Node(self.at), "}" if sign == "{" else "]")
            self.depth -= 1
            return node
        node = Node(self.at)
        if sign == '"':
            node.value = self._string()
        elif found := _SCALAR.match(self.text, self.at):
            node.value = json.loads(found[0])
            self.at = found.end()
        else:
            raise self.wrong("a value is missing" if sign else "the text ends here")
        node.end = self.at
        return node

    def _string(self) -> str:
        try:
            text, self.at = _DECODER.raw_decode(self.text, self.at)
        except json.JSONDecodeError as error:
            raise self.wrong(error.msg.lower()) from None
        return str(text)

    def _many(self, node: Node, closing: str) -> Node:
        members: list[tuple[str, int, Node]] = []
        items: list[Node] = []
        self.at += 1
        while True:
            self.skip()
            if self.text.startswith(closing, self.at):
                if node.ended and not self.comments:
                    raise self.wrong("a comma before it, with nothing behind the comma")
                break
            if (members or items) and not node.ended:
                raise self.wrong("a comma is missing")
            node.ended = False
            if closing == "}":
                if not self.text.startswith('"', self.at):
                    raise self.wrong("a key in double quotes is missing")
                key_at = self.at
                key = self._string()
                self.skip()
                if not self.text.startswith(":", self.at):
                    raise self.wrong("a colon is missing")
                self.at += 1
                members.append((key, key_at, self.value()))
            else:
                items.append(self.value())
            self.skip()
            if self.text.startswith(",", self.at):
                node.ended = True
                self.at += 1
        self.at += 1
        node.end = self.at
        node.members, node.items = (members, None) if closing == "}" else (None, items)
        return node


def read(text: str, *, comments: bool = False) -> Node:
    """The value that a text says.

    Raises:
        NotJson: it says none.
    """
    reader = _Reader(text, comments)
    node = reader.value()
    reader.skip()
    if reader.at < len(text):
        raise reader.wrong("something follows the end")
    return node


def put(text: str, path: Sequence[Step], value: Any, *, comments: bool = False) -> str:
    """A text in which the value at a path is another one; all around it stays as it is.

    Args:
        text: JSON whose outermost value is an object.
        path: keys, and of a list the index; its length adds to the list. Objects that are
            missing on the way are made.
        value: what shall stand there.
        comments: whether the text may have comments.

    Raises:
        NotJson: the text is no JSON.
        Unclear: a comment would be lost, a key stands there twice, or something on the way is
            neither object nor list.
    """
    node = read(text, comments=comments)
    for depth, step in enumerate(path):
        found = _child(node, step)
        if found is None:
            for key in reversed(path[depth + 1 :]):
                value = [value] if isinstance(key, int) else {key: value}
            return _added(text, node, step, value, comments)
        node = found
    if node.data() == value:
        return text
    if comments and _has_comment(text, node):
        raise Unclear("there are comments in what would be replaced")
    made = _dumped(text, value, node.start)
    return text[: node.start] + made + text[node.end :]


def _child(node: Node, step: Step) -> Node | None:
    if isinstance(step, int):
        if node.items is None:
            raise Unclear("there is no list where one is expected")
        return node.items[step] if step < len(node.items) else None
    if node.members is None:
        raise Unclear(f"there is no object around {step!r}")
    same = [found for key, _, found in node.members if key == step]
    if len(same) > 1:
        raise Unclear(f"the key {step!r} stands there {len(same)} times")
    return same[0] if same else None


def _has_comment(text: str, node: Node) -> bool:
    """Whether a comment stands in a value: what is left of it outside its parts."""
    if not node.parts:
        inside = text[node.start + 1 : node.end - 1]
        return node.value is None and bool(_COMMENT.search(inside))
    at = node.start
    for part in node.parts:
        between = re.sub(r'"(?:[^"\\]|\\.)*"', "", text[at : part.start])
        if _COMMENT.search(between) or _has_comment(text, part):
            return True
        at = part.end
    return bool(_COMMENT.search(text[at : node.end]))


def _added(text: str, node: Node, step: Step, value: Any, comments: bool) -> str:
    """A text in which an object or list has one part more, as its last one."""
    parts = node.parts
    inline = bool(parts) and "\n" not in text[node.start : node.end]
    # behind the last comment, so that a comment stays with what it stands at
    close = node.end - 1
    last = _last_content(text, parts[-1].end if parts else node.start + 1, close, comments)
    if inline or ("\n" not in text and text.strip() != "{}"):
        key = "" if isinstance(step, int) else f"{json.dumps(step, ensure_ascii=False)}: "
        made = f"{key}{json.dumps(value, ensure_ascii=False)}"
        gap = " " if parts else ""
        new = text[:last] + gap + made + text[last:]
    else:
        newline = "\r\n" if "\r\n" in text else "\n"
        outer = _indent(text, node.start)
        inner = _indent(text, _key_start(node)) if parts else outer + _unit(text)
        if parts and len(inner) <= len(outer):
            inner = outer + _unit(text)
        key = "" if isinstance(step, int) else f"{json.dumps(step, ensure_ascii=False)}: "
        made = f"{newline}{inner}{key}{_lines(text, value, inner)}"
        rest = text[last:]
        if "\n" not in text[last:close]:  # the bracket stands on the line of the last part
            rest = newline + outer + text[close:]
        new = text[:last] + made + rest
    if parts and not node.ended:
        new = new[: parts[-1].end] + "," + new[parts[-1].end :]
    return new


def _last_content(text: str, start: int, close: int, comments: bool) -> int:
    """After the last comma or comment between a part and the closing bracket."""
    reader, last = _Reader(text, comments, start), start
    while reader.at < close:
        before = reader.at = _BLANK.match(text, reader.at).end()  # type: ignore[union-attr]
        if before >= close:
            break
        if text[before] == ",":
            reader.at += 1
        else:
            reader.at = _COMMENT.match(text, before).end()  # type: ignore[union-attr]
        last = reader.at
    return last


def _key_start(node: Node) -> int:
    if node.members:
        return node.members[-1][1]
    return node.parts[-1].start


def _indent(text: str, at: int) -> str:
    """The blanks at the beginning of the line that a place is in."""
    begin = text.rfind("\n", 0, at) + 1
    return re.match(r"[ \t]*", text[begin:at])[0]  # type: ignore[index]


def _unit(text: str) -> str:
    """One step of the text's own indentation; two blanks where it has none."""
    found = re.search(r"\{[^\n]*\n([ \t]+)\S", text)
    return found[1] if found else "  "


def _dumped(text: str, value: Any, at: int) -> str:
    if "\n" not in text and text.strip() != "{}":
        return json.dumps(value, ensure_ascii=False)
    return _lines(text, value, _indent(text, at))


def _lines(text: str, value: Any, indent: str) -> str:
    unit = _unit(text)
    made = json.dumps(value, indent=unit, ensure_ascii=False)
    made = made.replace("\n", f"\n{indent}")
    return made.replace("\n", "\r\n") if "\r\n" in text else made
