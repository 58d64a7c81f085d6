"""Which of the values a user hands over are secrets: told by the names they come under."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SOUNDS_SECRET = re.compile(r"(?i)key|token|secret|passw|auth|cookie|credential")


def sounds_secret(name: str) -> bool:
    """Whether a header or variable of this name holds a credential."""
    return bool(_SOUNDS_SECRET.search(name))


def secret_values(named: Mapping[str, str]) -> list[str]:
    """The credentials among headers or variables; ``Bearer X`` gives ``X`` as well.

    Other values are left alone: masking every ``true`` because one header says so would make
    the Trace unreadable.
    """
    found: list[str] = []
    for name, value in named.items():
        if value and sounds_secret(name):
            found += [value, *value.split(" ", 1)[1:]]
    return found
