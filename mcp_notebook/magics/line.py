"""What people type around a ``%mcp`` line: comments, addresses cut short, forgotten dashes."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from urllib.parse import parse_qsl, urlsplit

_PAIRS = {"(": ")", "[": "]", "{": "}"}
_HOST_AND_PORT = re.compile(
    r"(?:(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\]):\d{1,5}"
    r"|localhost|\d{1,3}(?:\.\d{1,3}){3})(?P<path>/\S*)?"
)


def bare(line: str) -> str:
    """A line without a ``# comment`` and a ``;`` at its end, which Python lines may have.

    Both are kept inside quotes and brackets. A ``#`` that sticks to the word before it, or has
    a number behind it, is part of the line: ``mcp.json#name``, ``%mcp flow #12``.
    """
    quote, depth, cut = "", 0, len(line)
    place = 0
    while place < len(line):
        sign = line[place]
        if quote:
            if sign == "\\" and depth:  # in Python it escapes; elsewhere it is a letter
                place += 1
            elif sign == quote:
                quote = ""
        elif sign in "'\"":
            quote = sign
        elif sign in _PAIRS:
            depth += 1
        elif sign in _PAIRS.values():
            depth = max(depth - 1, 0)
        elif sign == "#" and not depth and _stands_alone(line, place):
            cut = place
            break
        place += 1
    kept = line[:cut].rstrip()
    return kept if quote or depth else kept.rstrip(";").rstrip()


def _stands_alone(line: str, place: int) -> bool:
    before, behind = line[:place][-1:], line[place + 1 : place + 2]
    return (not before or before.isspace()) and not behind.isdigit()


def after_call(text: str, call: str) -> str:
    """What to type instead, where Python goes on behind the bracket of a call; else nothing."""
    if not re.match(r"\s*(?:[.+*/%\[|&<>=!@]|-(?=[\s\d.]))", text):
        return ""
    rest = text.strip()
    value = "r" if rest.startswith(".") else "r.value"
    joint = "" if rest.startswith((".", "[")) else " "
    return f"r = %mcp call {call}, then {value}{joint}{rest}"


def as_url(text: str) -> str:
    """The URL that is meant by a host and a port without ``http://``; else nothing."""
    match = _HOST_AND_PORT.fullmatch(text)
    if match is None or text.startswith("unix:"):
        return ""
    return f"http://{text}" if match["path"] else f"http://{text}/mcp"


def as_command(words: Sequence[str]) -> str:
    """The line that is meant by a command without ``--`` before it; else nothing.

    Options of ``connect`` have two dashes, so what follows a target is no word and no ``-x``.
    """
    if len(words) < 2 or words[0].startswith("-") or words[1].startswith("--"):
        return ""
    if words[0].endswith(".py"):
        return f"%mcp connect -- python {' '.join(words)}"
    if words[0] == "python" or ("://" not in words[0] and shutil.which(words[0])):
        return f"%mcp connect -- {' '.join(words)}"
    return ""


def secret_in(url: str) -> str:
    """Which part of a URL holds a secret: its password, a query that is named like one; or none."""
    from mcp_notebook.runtime.credentials import sounds_secret

    try:
        parts = urlsplit(url)
        if parts.password:
            return "password"
    except ValueError:
        return ""
    named = [name for name, value in parse_qsl(parts.query) if value and sounds_secret(name)]
    return named[0] if named else ""
