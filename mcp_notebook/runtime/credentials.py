"""Which of the values a user hands over are secrets: told by the names they come under."""

from __future__ import annotations

import re
from collections.abc import Mapping

MIN_LENGTH = 6
"""Shorter values of headers and variables are not masked by value."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRET_WORD = re.compile(
    r"(?:api|access|secret|private|session|auth|client|refresh|id|bearer)*"
    r"(?:keys?|tokens?|secrets?|pat|pwd|auth|authorization|cookies?|credentials?)"
    r"|\w*(?:password|passwd|passphrase)s?|pass"
)
_PLAIN = re.compile(r"(?i)true|false|yes|no|on|off|none|null|[+-]?\d{0,9}(?:\.\d*)?")
"""Switches and settings: a mask of every ``true`` would make the Trace unreadable."""


def sounds_secret(name: str) -> bool:
    """Whether a header or variable of this name holds a credential.

    Whole words count: ``API_KEY``, ``X-Auth-Token`` and ``apiKey`` do, ``MONKEY``, ``AUTHOR``
    and ``TOKENIZERS_PARALLELISM`` do not.
    """
    return any(_SECRET_WORD.fullmatch(word.lower()) for word in _WORD.findall(name))


def secret_values(named: Mapping[str, str]) -> list[str]:
    """The credentials among headers or variables; ``Bearer X`` gives ``X`` as well.

    Other values are left alone, and so are switches, numbers and short words.
    """
    found: list[str] = []
    for name, value in named.items():
        if sounds_secret(name):
            parts = [value, *value.split(" ", 1)[1:]]
            found += [p for p in parts if len(p) >= MIN_LENGTH and not _PLAIN.fullmatch(p)]
    return found
