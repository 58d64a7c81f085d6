"""The ways in which one secret can be spelled in bytes."""

from __future__ import annotations

import base64
import json
from typing import Final
from urllib.parse import quote_from_bytes

_MIN_BASE64: Final = 6
"""Shorter pieces of base64 stand in any text."""

_URI_COMPONENT: Final = "!'()*~-_."
_URI: Final = ";,/?:@&=+$#" + _URI_COMPONENT


def spellings(value: bytes) -> frozenset[bytes]:
    """A value as it is, and escaped as in JSON, in a URL, and in base64.

    Base64 is there also for the value as a part of something longer (``user:password``): it
    may begin at any of three places in a group, and only the characters that depend on
    nothing but the value are given.
    """
    found = {value}
    found |= _json(value)
    for safe in ("", "/", _URI_COMPONENT, _URI):
        quoted = quote_from_bytes(value, safe=safe)
        found |= {quoted.encode(), _lower_escapes(quoted).encode()}
        found.add(quoted.replace("%20", "+").encode())
    found |= _base64(value)
    return frozenset(found)


def _json(value: bytes) -> set[bytes]:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return set()
    found: set[bytes] = set()
    for ascii_only in (True, False):
        once = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        twice = json.dumps(once, ensure_ascii=ascii_only)[1:-1]
        thrice = json.dumps(twice, ensure_ascii=ascii_only)[1:-1]
        for form in (once, twice, thrice, once.replace("/", "\\/")):
            found.add(form.encode())
    return found


def _base64(value: bytes) -> set[bytes]:
    found: set[bytes] = set()
    for before in range(3):
        padded = bytes(before) + value
        whole = len(padded) // 3 * 4 + (len(padded) % 3 * 8) // 6
        first = (before * 8 + 5) // 6  # the characters that also hold bits of what is before
        for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
            core = encode(padded)[first:whole]
            if len(core) >= _MIN_BASE64:
                found.add(core)
    return found


def _lower_escapes(quoted: str) -> str:
    parts = quoted.split("%")
    return "%".join([parts[0], *(part[:2].lower() + part[2:] for part in parts[1:])])
