"""What a server offers, as a client reads it: its tools, resources and prompts, as plain data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mcp_notebook.runtime.connection import Connection

Listed = dict[str, dict[str, Any]]
"""What was listed, by name or URI, each as it stood on the wire."""

KINDS: Final = ("tool", "resource", "template", "prompt")

_TEXT_MAX: Final = 80


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """What a server offers.

    Attributes:
        server: the name it gives itself.
        version: the version it gives itself; empty where it gives none.
        instructions: what it says to a model; empty where it says nothing.
        tools: by name.
        resources: by URI.
        templates: by URI template.
        prompts: by name.
    """

    server: str = ""
    version: str = ""
    instructions: str = ""
    tools: Listed = field(default_factory=dict)
    resources: Listed = field(default_factory=dict)
    templates: Listed = field(default_factory=dict)
    prompts: Listed = field(default_factory=dict)

    def of(self, kind: str) -> Listed:
        """What is listed of one of ``KINDS``."""
        return {
            "tool": self.tools,
            "resource": self.resources,
            "template": self.templates,
            "prompt": self.prompts,
        }[kind]

    def __len__(self) -> int:
        return sum(len(self.of(kind)) for kind in KINDS)

    def to_json(self) -> dict[str, Any]:
        """It as JSON holds it."""
        return {
            "server": self.server,
            "version": self.version,
            "instructions": self.instructions,
            **{f"{kind}s": list(self.of(kind).values()) for kind in KINDS},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Catalogue:
        """The same read back.

        Raises:
            ValueError: it is none.
        """
        listed: dict[str, Listed] = {}
        for kind in KINDS:
            items = data.get(f"{kind}s", [])
            if not isinstance(items, list) or not all(isinstance(one, dict) for one in items):
                raise ValueError(f"{kind}s are no list of objects")
            listed[f"{kind}s"] = {str(one.get(_KEY[kind], "")): one for one in items}
        return cls(
            server=str(data.get("server", "")),
            version=str(data.get("version", "")),
            instructions=str(data.get("instructions", "")),
            **listed,
        )


_KEY: Final = {"tool": "name", "resource": "uri", "template": "uriTemplate", "prompt": "name"}


def read_catalogue(connection: Connection) -> Catalogue:
    """Everything a server lists, read through a connection."""
    run, session = connection.workbench.loop.run, connection.session
    told = connection.capabilities
    info = connection.server_info
    lists: dict[str, list[Any]] = {
        "tool": run(session.list_all("tools")) if told.tools else [],
        "resource": run(session.list_all("resources")) if told.resources else [],
        "template": run(session.list_all("resource_templates")) if told.resources else [],
        "prompt": run(session.list_all("prompts")) if told.prompts else [],
    }
    plain = {
        f"{kind}s": [
            one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in lists[kind]
        ]
        for kind in KINDS
    }
    return Catalogue.from_json(
        {
            "server": info.name if info else "",
            "version": info.version if info else "",
            "instructions": connection.instructions or "",
            **plain,
        }
    )


def differences(here: Catalogue, there: Catalogue) -> list[str]:
    """Where two servers do not offer the same, one line each; none where they do.

    Args:
        here: what should be.
        there: what is.
    """
    found = [
        f"{word}: {_short(mine)} here, {_short(theirs)} there"
        for word, mine, theirs in (
            ("server name", here.server, there.server),
            ("server version", here.version, there.version),
            ("instructions", here.instructions, there.instructions),
        )
        if mine != theirs
    ]
    for kind in KINDS:
        mine, theirs = here.of(kind), there.of(kind)
        found += [f"{kind} {name} is not there" for name in mine if name not in theirs]
        found += [f"{kind} {name} is there alone" for name in theirs if name not in mine]
        for name in mine:
            if name in theirs:
                found += [f"{kind} {name}: {line}" for line in _unlike(mine[name], theirs[name])]
    return found


def _unlike(mine: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Each place where two JSON values differ."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        for key in dict.fromkeys([*mine, *theirs]):
            place = f"{path}.{key}" if path else str(key)
            if key not in theirs:
                yield f"{place} is not there"
            elif key not in mine:
                yield f"{place} is there alone"
            else:
                yield from _unlike(mine[key], theirs[key], place)
    elif isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
        for number, (one, other) in enumerate(zip(mine, theirs, strict=True)):
            yield from _unlike(one, other, f"{path}[{number}]")
    elif mine != theirs or isinstance(mine, bool) != isinstance(theirs, bool):
        yield f"{path}: {_short(mine)} here, {_short(theirs)} there"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _TEXT_MAX else text[: _TEXT_MAX - 1] + "…"
