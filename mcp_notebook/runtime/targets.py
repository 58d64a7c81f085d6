"""What ``connect`` and ``serve`` can be pointed at: URLs, files, mcp.json, commands, modules."""

from __future__ import annotations

import difflib
import importlib
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mcp.server.mcpserver import MCPServer

from mcp_notebook.errors import UsageError
from mcp_notebook.transports.base import Listener, Transport, find_transport, transport_of_scheme

from .credentials import secret_values


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a connection leads.

    Attributes:
        name: what the connection is called if nobody says otherwise.
        transport: how it gets there.
        address: a listener of this kernel, a URL, or a command line.
        shown: the address as a person may see it, without secrets.
        headers: HTTP headers that come with it (from an mcp.json).
        env: variables for the child that come with it.
        cwd: the child's working folder.
        secrets: values among those that must never be shown.
    """

    name: str
    transport: Transport
    address: Listener | str | Sequence[str] = field(repr=False)
    shown: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: str | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)


def looks_like_url(text: str) -> bool:
    """Whether a target is an address and not a name."""
    return "://" in text or text.startswith("unix:")


def from_url(url: str) -> Target:
    """The target of a URL.

    Raises:
        UsageError: its scheme leads nowhere.
    """
    scheme = url.partition(":")[0].lower()
    transport = transport_of_scheme(scheme)
    if transport is None:
        raise UsageError(
            f"no transport for {scheme}: addresses.",
            hint="Use http(s)://, ws(s)://, unix:PATH, tcp://HOST:PORT, or -- COMMAND.",
        )
    try:
        parts = urlsplit(url)
        _ = parts.port  # judged when it is read
    except ValueError as error:
        raise UsageError(
            f"{_bare(url)!r} is no address: {error}.", hint="For example http://127.0.0.1:8000/mcp"
        ) from None
    if scheme in ("http", "https") and parts.path.rstrip("/").endswith("/sse"):
        transport = find_transport("sse")
    find_transport(transport.name)  # says so where it is missing on this machine
    if scheme != "unix" and not parts.hostname:
        raise UsageError(
            f"{_bare(url)!r} names no host.", hint="For example http://127.0.0.1:8000/mcp"
        )
    secrets = tuple(filter(None, (parts.password,)))
    name = Path(parts.path).stem if scheme == "unix" else (parts.hostname or "server")
    return Target(
        name=_word(name),
        transport=transport,
        address=url,
        shown=shown_url(url),
        secrets=secrets,
    )


def _bare(url: str) -> str:
    """An unreadable URL without what may be a password or a query."""
    return re.sub(r"//[^/?#]*@", "//", url).partition("?")[0]


def shown_url(url: str) -> str:
    """A URL without user, password and query, which may hold secrets."""
    if url.startswith("unix:"):
        return url
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = f":{parts.port}" if parts.port else ""
    query = "?…" if parts.query else ""
    return f"{parts.scheme}://{host}{port}{parts.path}{query}"


def from_command(argv: Sequence[str], *, name: str = "") -> Target:
    """The target of a stdio command; a bare ``python`` is the kernel's interpreter."""
    program = Path(argv[0]).name
    if not name:
        name = program
        if re.fullmatch(r"(python|python3|py|node|npx|uv|uvx|bash|sh)([\d.]*)(\.exe)?", program):
            named = [a for a in argv[1:] if not a.startswith("-") and a not in ("run", "tool")]
            name = _program_name(named[0]) if named else program
    # "python" in a notebook means the kernel's, as with %pip
    own = program in ("python", "python3") and program == argv[0]
    return Target(
        name=_word(name),
        transport=find_transport("stdio"),
        address=[sys.executable, *argv[1:]] if own else list(argv),
        shown=" ".join(argv),
    )


def _program_name(word: str) -> str:
    """A script or package without its folder, suffix, scope and version."""
    package = re.sub(r"(?<=.)@[^@/]*$", "", word)
    return re.sub(r"\.(py|pyz|js|mjs|cjs|ts|sh)$", "", Path(package).name)


def from_file(text: str) -> Target:
    """The target of a ``.py`` file or an ``mcp.json[#name]``.

    Raises:
        UsageError: the file is missing, is something else, or has no such entry.
    """
    filename, _, entry = text.partition("#")
    path = Path(filename).expanduser()
    if not path.is_file():
        near = difflib.get_close_matches(path.name, _siblings(path), n=1)
        hint = (
            f"Did you mean {path.with_name(near[0])}?"
            if near
            else "Check the path; it starts at the notebook's folder."
        )
        raise UsageError(f"there is no file {filename}.", hint=hint)
    if path.suffix == ".py":
        # resolved, because a child may start in a folder of its own (--cwd)
        target = from_command(["python", str(path.resolve())], name=path.stem)
        return _replace(target, shown=f"python {filename}")
    if path.suffix == ".json":
        return _from_config(path, entry)
    raise UsageError(
        f"{filename} is neither a .py nor an mcp.json.", hint="%mcp connect -- COMMAND ARG ..."
    )


def _siblings(path: Path) -> list[str]:
    try:
        return [p.name for p in path.parent.iterdir()]
    except OSError:
        return []


def _from_config(path: Path, entry: str) -> Target:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(f"{path.name} is no valid JSON: {error}.") from None
    servers = None
    if isinstance(content, dict):
        servers = content.get("mcpServers", content.get("servers"))
    if not isinstance(servers, dict) or not servers:
        raise UsageError(
            f"{path.name} has no servers.",
            hint='It needs {"mcpServers": {"name": {"command": ...}}}.',
        )
    if not entry and len(servers) == 1:
        entry = next(iter(servers))
    if entry not in servers:
        problem = (
            f"{path.name} has no server {entry!r}."
            if entry
            else f"{path.name} has several servers."
        )
        hint = " or ".join(f"{path.name}#{name}" for name in servers)
        raise UsageError(problem, hint=f"Say which: {hint}")
    spec = servers[entry]
    if not isinstance(spec, dict):
        raise UsageError(f"the entry {entry!r} of {path.name} is no object.")
    env = {str(k): _expand(str(v)) for k, v in (spec.get("env") or {}).items()}
    if "command" in spec:
        argv = [str(spec["command"]), *(str(a) for a in spec.get("args") or [])]
        target = from_command([_expand(a) for a in argv], name=entry)
        cwd = spec.get("cwd")
        return _replace(
            target,
            shown=" ".join(argv),  # as written: what a variable holds may be a secret
            env=env,
            cwd=str(cwd) if cwd else None,
            secrets=(*secret_values(env), *_secret_variables(*argv)),
        )
    url = spec.get("url") or spec.get("serverUrl")
    if not url:
        raise UsageError(f"the entry {entry!r} of {path.name} has neither command nor url.")
    target = from_url(_expand(str(url)))
    if spec.get("type") == "sse":
        target = _replace(target, transport=find_transport("sse"))
    headers = {str(k): _expand(str(v)) for k, v in (spec.get("headers") or {}).items()}
    secrets = (*target.secrets, *secret_values(headers), *_secret_variables(str(url)))
    return _replace(target, name=_word(entry), headers=headers, secrets=secrets)


def _replace(target: Target, **changes: Any) -> Target:
    import dataclasses

    return dataclasses.replace(target, **changes)


def _expand(text: str) -> str:
    """``${VAR}`` and ``${env:VAR}`` as the hosts expand them.

    Raises:
        UsageError: the variable is not set.
    """

    def value(match: re.Match[str]) -> str:
        name, otherwise, default = match[1].removeprefix("env:").partition(":-")
        found = os.environ.get(name, default if otherwise else None)
        if found is None:
            raise UsageError(f"the variable {name} is not set.", hint=f"Set it: %env {name}=...")
        return found

    return re.sub(_VARIABLE, value, text)


_VARIABLE = r"\$\{([^}]+)\}"


def _secret_variables(*texts: str) -> list[str]:
    """The values of those variables in the texts whose names sound like secrets."""
    names = [
        found.removeprefix("env:").partition(":-")[0]
        for text in texts
        for found in re.findall(_VARIABLE, text)
    ]
    return secret_values({name: os.environ.get(name, "") for name in names})


def _word(name: str) -> str:
    """A name that can be typed without quotes."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-") or "server"


def import_server(text: str) -> MCPServer[Any]:
    """The ``MCPServer`` at ``module:attribute``.

    Raises:
        UsageError: no such module or attribute, or it is something else.
    """
    module_name, _, attribute = text.partition(":")
    if os.getcwd() not in sys.path and "" not in sys.path:  # noqa: PTH109 - sys.path holds strings
        sys.path.insert(0, os.getcwd())  # noqa: PTH109
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and not f"{module_name}.".startswith(f"{error.name}."):
            raise  # the module is there; something that it imports is not
        raise UsageError(
            f"there is no module {module_name!r}.", hint="Write module:attribute."
        ) from None
    for step in (attribute or "mcp").split("."):
        if not hasattr(found, step):
            names = [n for n, v in vars(found).items() if isinstance(v, MCPServer)]
            hint = f"It has: {', '.join(names)}." if names else "It has no MCPServer."
            raise UsageError(f"{module_name} has no {step!r}.", hint=hint)
        found = getattr(found, step)
    if not isinstance(found, MCPServer):
        raise UsageError(f"{text} is a {type(found).__name__}, not an MCPServer.")
    return found
