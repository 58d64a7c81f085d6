"""Keeps secrets out of what is shown of a target: its command line, its address."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .credentials import sounds_secret

MASK = "***"


def argv_secrets(argv: Sequence[str]) -> list[str]:
    """The secrets in a command line that an option gives away: ``--token X``, ``--api-key=X``."""
    found: list[str] = []
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


def masked(text: str, secrets: Iterable[str]) -> str:
    """The text with each secret replaced, the longest first."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        if secret:
            text = text.replace(secret, MASK)
    return text
