"""The entry of our name that stands in a file already: what it leads to, what of it stays."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcp_notebook.runtime.masking import argv_secrets, masked
from mcp_notebook.runtime.targets import shown_url

_RUNNER = re.compile(r"(python|python3|py|node|npx|uv|uvx|bash|sh)([\d.]*)(\.exe)?")
_WHOLE = ("mcp_notebook.bridge", "mcp_notebook.shim")
"""What these lead to is said by their further words."""
_LONGEST = 200


def same_server(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether an entry leads where another one leads, be it in another way.

    Another interpreter or other options make no other server; another script, package, program,
    notebook or address does.
    """
    if "url" in new:
        return bool(old.get("url") == new["url"])
    return "command" in old and _run(old) == _run(new)


def _run(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """What a command runs, without what runs it."""
    command, args = str(entry["command"]), [str(word) for word in _items(entry.get("args"))]
    if not _RUNNER.fullmatch(Path(command).name):
        return (command,) if Path(command).name not in ("docker", "podman") else tuple(args)
    words = [word for word in args if not word.startswith("-") and word not in ("run", "tool")]
    return tuple(words if words and words[0] in _WHOLE else words[:1]) or (command,)


def led_to(entry: Mapping[str, Any]) -> str:
    """What an entry leads to, for a person: the text is not ours, and may hold secrets."""
    if "command" in entry:
        words = [str(entry["command"]), *(str(word) for word in _items(entry.get("args")))]
        hidden = argv_secrets(words)  # masked before the quoting, which could take one apart
        text = f"ran: {shlex.join(masked(word, hidden) for word in words)}"
    elif entry.get("url"):
        text = f"called: {_address(str(entry['url']))}"
    else:
        return "led nowhere"
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    if len(text) <= 2 * _LONGEST:
        return text
    return f"{text[:_LONGEST]} ... {text[-_LONGEST:]}"  # the notebook of a bridge stands last


def _address(url: str) -> str:
    try:
        return shown_url(url)
    except ValueError:
        return "no URL"


def beyond(made: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What an entry says that a new one does not say: by name, values may be secrets."""
    found = [key for key in made if key not in (*new, "env", "headers")]
    for part in ("env", "headers"):
        own, ours = _named(made.get(part)), _named(new.get(part))
        names = [name for name in own if own[name] != ours.get(name)]
        if names:
            found.append(f"{part} {', '.join(names)}")
    return ["".join(c if c.isprintable() else "?" for c in name[:_LONGEST]) for name in found]


def _named(content: Any) -> dict[str, Any]:
    """Variables or headers by name, written either way."""
    if isinstance(content, Mapping):
        return dict(content)
    pairs = [pair for pair in _items(content) if isinstance(pair, Mapping)]
    return {str(pair.get("name")): pair.get("value") for pair in pairs}


def _items(content: Any) -> list[Any]:
    return content if isinstance(content, list) else []
