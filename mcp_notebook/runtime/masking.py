"""Keeps secrets out of what is shown of a target: its command line, its address."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mcp_notebook.trace.places import find

from .credentials import MIN_LENGTH, sounds_secret

MASK = "***"


def argv_secrets(argv: Sequence[str]) -> list[str]:
    """The secrets in a command line.

    An option gives them away (``--token X``, ``--api-key=X``), or their place or shape does:
    the password in ``postgres://user:password@host``, ``?token=X``, ``Authorization: Bearer X``.
    """
    found = [secret for word in argv for secret in _placed(word)]
    for place, word in enumerate(argv):
        following = argv[place + 1] if place + 1 < len(argv) else ""
        name, equals, value = word.partition("=")
        if not name.startswith("-") or not sounds_secret(name.lstrip("-")):
            continue
        if equals:
            found.append(value)
        elif following and not following.startswith("-"):
            found.append(following)
    return [secret for secret in found if secret]


def _placed(word: str) -> Iterator[str]:
    data = word.encode("utf-8", "surrogatepass")
    for hit in find(data):
        value = data[hit.start : hit.end].decode("utf-8", "surrogatepass")
        yield from (part for part in (value, value.partition(":")[2]) if len(part) >= MIN_LENGTH)


def masked(text: str, secrets: Iterable[str]) -> str:
    """The text with each secret replaced, the longest first."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        if secret:
            text = text.replace(secret, MASK)
    return text
