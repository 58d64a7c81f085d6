"""An entry as a host writes it, and what it needs beside it: inputs, values to fill in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mcp_notebook.errors import UsageError

from .host import Host
from .launch import Launch, variable_name
from .standing import same_server

MANAGED = ("type", "command", "args", "env", "url", "headers")
"""The keys of an entry that are ours; others that stand in it are the user's and stay."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One server in a host's file.

    Attributes:
        host: whose file.
        name: what it is called there.
        value: the entry.
        inputs: what the host asks its user for (VS Code).
        steps: what is left to do by hand.
    """

    host: Host
    name: str
    value: dict[str, Any]
    inputs: tuple[dict[str, Any], ...] = ()
    steps: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """A file with this entry alone."""
        content: dict[str, Any] = {"inputs": list(self.inputs)} if self.inputs else {}
        content[self.host.container] = [self.value] if self.host.list else {self.name: self.value}
        return content


class _Values:
    """Writes secrets as the host takes them."""

    def __init__(self, host: Host, launch: Launch) -> None:
        self._host = host
        self._launch = launch
        self.inputs: dict[str, dict[str, Any]] = {}
        self.to_set: list[str] = []
        self.to_fill: list[str] = []

    def secret(self, source: str, what: str, pattern: str = "{}") -> str:
        """A secret that comes from the variable (or input) ``source``."""
        own = source.startswith(variable_name(self._launch.name))
        words = source if own else f"{self._launch.name} {source}"
        identifier = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")
        reference = self._host.reference(source, identifier)
        if self._host.asks:
            self.inputs[identifier] = {
                "type": "promptString",
                "id": identifier,
                "description": f"{what} of the MCP server {self._launch.name}",
                "password": True,
            }
        elif reference:
            self.to_set.append(source)
        else:
            self.to_fill.append(what)
            reference = fill_in(what)
        return pattern.format(reference)


def fill_in(what: str) -> str:
    """What stands where a user must write a secret, because the host takes texts only."""
    return f"<fill in {what}>"


def is_fill_in(text: object) -> bool:
    """Whether a text waits to be filled in."""
    return isinstance(text, str) and "<fill in " in text


def entry_of(host: Host, launch: Launch, file: str) -> Entry:
    """How a host's file says a launch.

    Raises:
        UsageError: the host cannot reach it.
    """
    values = _Values(host, launch)
    value: dict[str, Any] = {"name": launch.name} if host.list else {}
    kind = host.stdio if launch.command else (host.sse if launch.sse else host.http)
    if kind is None:
        over = "HTTP+SSE" if launch.sse else "HTTP"
        why = host.no_url or f"{host.title} does not speak {over}"
        raise UsageError(f"{why}.", hint="Point it at a command: add --live, or -- COMMAND ARG")
    if kind:
        value["type"] = kind
    if launch.command:
        value["command"], value["args"] = launch.command[0], list(launch.command[1:])
        env = dict(launch.env)
        env |= {name: values.secret(source, name) for name, source in launch.secret_env.items()}
        if env:
            value["env"] = _as_pairs(env.items()) if host.pairs else env
    else:
        value["url"] = launch.url
        headers = dict(launch.headers)
        for name, (source, pattern) in launch.secret_headers.items():
            headers[name] = values.secret(source, name, pattern)
        if headers:
            value["headers"] = _as_pairs(headers.items()) if host.pairs else headers
    steps = []
    if values.to_fill:
        steps.append(
            f"Fill in {', '.join(values.to_fill)} in the file: {host.title} takes texts only."
        )
    if values.to_set:
        steps.append(f"Set {', '.join(values.to_set)} in the environment that {host.title} has.")
    if values.inputs:
        steps.append(f"{host.title} asks for the secret when it starts the server.")
    steps.append(host.next.format(entry=launch.name, file=file))
    return Entry(
        host=host,
        name=launch.name,
        value=value,
        inputs=tuple(values.inputs.values()),
        steps=tuple(steps),
    )


def _as_pairs(items: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in items]


def merged(old: Any, new: dict[str, Any]) -> dict[str, Any]:
    """An entry that stands there already, made new.

    Where it leads to the same server, keys that are not ours stay, in their order, and so do
    variables and headers of the user's own, and secrets that were filled in. What was said of
    another server is not: its keys are not for this one, nor are its tools' permissions.
    """
    if not isinstance(old, dict) or not same_server(old, new):
        return new
    kept = {
        key: new.get(key, value) for key, value in old.items() if key in new or key not in MANAGED
    }
    made = kept | {key: value for key, value in new.items() if key not in kept}
    for part, of in (("env", "command"), ("headers", "url")):
        if of in new and (part in old or part in new):
            made[part] = _joined(old.get(part), new.get(part))
    return made


def _joined(old: Any, new: Any) -> Any:
    """Variables or headers, those of the user's first."""
    if isinstance(old if new is None else new, list):
        named = dict(_joined(_as_object(old), _as_object(new)))
        return _as_pairs(named.items())
    known = dict(old) if isinstance(old, dict) else {}
    for name, value in (new or {}).items():
        if not (is_fill_in(value) and known.get(name)):
            known[name] = value
    return known


def _as_object(pairs: Any) -> dict[str, Any]:
    given = pairs if isinstance(pairs, list) else []
    return {pair["name"]: pair.get("value", "") for pair in given if _is_pair(pair)}


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, dict) and isinstance(pair.get("name"), str)
