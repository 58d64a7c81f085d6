"""Which texts of a notebook are secrets: by the name they come under, by shape, by value.

Errs on the side of secrecy: a harmless text that becomes an environment variable costs a line
in a deployment, a secret in a file cannot be taken back.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mcp_notebook.runtime.credentials import secret_values, sounds_secret
from mcp_notebook.trace.places import find

from .cells import Statement

MIN_NAMED = 4
"""Shorter texts hide nothing, whatever name they stand under."""

MIN_KNOWN = 6
"""Shorter secrets are replaced where they stand under a name, not wherever they occur."""

_STRONG = re.compile(
    r"(?i)pass(?:word|wd|phrase)?s?(?![a-z])|pwd|secrets?(?![a-z])|credential"
    r"|(?:api|access|private|secret|encryption|signing|master|auth)[-_]?keys?"
    r"|authorization|cookie|(?:auth|access|bearer|refresh|api|session)[-_]?tokens?|bearer"
    r"|(?<![a-z])auth(?![a-z])"
)
_WEAK_VALUE = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[^\s<>\[\]]{12,}")
_TOKEN_VALUE = re.compile(r"(?!<|\[|\w+://)[^\s,]{6,}")
_ADDRESS = re.compile(r"(?i)[a-z][a-z0-9+.-]*://(?![^/\s]*:[^/\s]*@)[^\s]*")
_NO_VALUE = re.compile(
    r"(?i)|none|null|true|false|\*+|<.*>|\{.*\}|\$\{?\w+\}?|x{3,}|\.{3}|bearer|basic|token"
    r"|change[-_ ]?me|your[-_ ].*|todo|placeholder"
)
_PATH = re.compile(r"[\w./\\~-]+\.(?:json|toml|ya?ml|txt|env|pem|key|csv|cfg|ini|md|py)")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_KIND_OF_NAME = {
    "url", "uri", "type", "name", "field", "header", "path", "file", "length", "size", "count",
    "limit", "prefix", "env", "var", "regex", "pattern", "hint", "label", "endpoint", "algorithm",
    "scheme", "param", "column", "format", "encoding",
}  # fmt: skip
"""What a name ends in that speaks about a secret and holds none: ``TOKEN_URL``."""

_ASKED = ("getpass", "keyring.get_password", "get_secret", "userdata.get", "dotenv_values")
"""What a secret is asked from."""


def is_secret(hint: str, value: str) -> bool:
    """Whether a text under a name is a secret.

    Args:
        hint: the name, key, parameter or header it stands under; may be empty.
        value: the text.
    """
    if _NO_VALUE.fullmatch(value.strip()):
        return False
    if hint and len(value) >= MIN_NAMED and _by_name(hint, value):
        return True
    return any(True for _ in shapes(value))


def _by_name(hint: str, value: str) -> bool:
    words = [w.lower() for w in _WORD.findall(hint)]
    if not sounds_secret(hint) or (words and words[-1] in _KIND_OF_NAME):
        return False
    if _ADDRESS.fullmatch(value) or _PATH.fullmatch(value):
        return False
    if _STRONG.search("_".join(words)) or _STRONG.search(hint):
        return True
    if any(w.startswith("token") for w in words):
        return bool(_TOKEN_VALUE.fullmatch(value))
    return bool(_WEAK_VALUE.fullmatch(value))


def shapes(text: str) -> Iterator[tuple[int, int]]:
    """The stretches of a text that give themselves away as secrets."""
    data = text.encode("utf-8", "surrogatepass")
    for hit in find(data):
        if hit.end - hit.start < 2:
            continue
        before = len(data[: hit.start].decode("utf-8", "surrogatepass"))
        length = len(data[hit.start : hit.end].decode("utf-8", "surrogatepass"))
        shown = text[before : before + length].strip()
        if _NO_VALUE.fullmatch(shown) or re.fullmatch(r"(?i)(?:bearer|basic|token)\s*", shown):
            continue
        yield before, before + length


def asks(statement: Statement) -> bool:
    """Whether a statement asks somebody for a secret: ``getpass()``."""
    value = getattr(statement.node, "value", None)
    if not isinstance(value, ast.expr):
        return False
    for call in ast.walk(value):
        if isinstance(call, ast.Call):
            called = ast.unparse(call.func)
            if any(called.endswith(sign) or f"{sign}." in called for sign in _ASKED):
                return True
            if called == "input" and call.args:
                prompt = ast.unparse(call.args[0])
                if sounds_secret(prompt):
                    return True
    return False


def hides(name: str, value: str, statement: Statement, names: Mapping[str, Any]) -> bool:
    """Whether a statement works out a secret from something that gives it away.

    Not where it takes it from the environment, or from another name that holds one.
    """
    made = getattr(statement.node, "value", None)
    if not isinstance(made, ast.expr) or isinstance(made, ast.Constant):
        return False
    if "environ" in ast.unparse(made) or "getenv" in ast.unparse(made):
        return False
    if not _by_name(name, value):
        return False
    held = (names.get(n.id) for n in ast.walk(made) if isinstance(n, ast.Name))
    return not any(isinstance(v, str) and v and v in value for v in held)


def known_secrets(names: Mapping[str, Any], statements: list[Statement]) -> dict[str, str]:
    """The secrets that the notebook holds, with the name each has there.

    Values of names that sound so, what was asked for, and what the environment holds under
    such names.
    """
    found: dict[str, str] = {}
    for statement in statements:
        if asks(statement):
            for name in statement.binds:
                value = names.get(name)
                if isinstance(value, str) and value:
                    found.setdefault(value, name)
    for name, value in list(names.items()):
        if name.startswith("_") or not isinstance(value, str):
            continue
        if len(value) >= MIN_KNOWN and is_secret(name, value):
            found.setdefault(value, name)
    by_name = {k: v for k, v in os.environ.items() if is_secret(k, v)}
    for secret in secret_values(by_name):
        if len(secret) >= MIN_KNOWN + 2:
            found.setdefault(secret, next(k for k, v in by_name.items() if secret in v))
    return found


def shown(value: Any, *hints: str) -> str:
    """A value in a sentence: short, and masked where a name says that it is a secret."""
    if isinstance(value, str | bytes) and any(sounds_secret(hint) for hint in hints):
        return "***"
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def variable_name(hint: str) -> str:
    """The name of an environment variable after a name of the notebook: ``apiKey`` -> API_KEY."""
    words = _WORD.findall(hint)
    return "_".join(word.upper() for word in words) or "SECRET"
