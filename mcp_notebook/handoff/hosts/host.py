"""A host: which file it reads and how an entry is written there, from ``hosts.toml``."""

from __future__ import annotations

import difflib
import os
import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path

from mcp_notebook.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Host:
    """What is known of one host.

    Attributes:
        name: what is typed.
        title: its own name.
        container: the key below which its servers are.
        next: what to do once the file is written.
        source: where all this is said.
        date: when it was said there, or read.
        default: ``user`` or ``project``: the file that is meant where nobody says.
        user: the user's file by system, ``*`` for the others.
        project: the file of a folder; empty where there is none.
        aliases: other words for it.
        list: whether the container is a list of entries that carry their names.
        pairs: whether variables and headers are lists of name and value.
        stdio: the ``type`` of a command; empty where the key is not written.
        http: likewise of Streamable HTTP; ``None`` where the host does not speak it.
        sse: likewise of HTTP+SSE.
        no_url: why it takes no URL.
        secret: how a value is taken from elsewhere; empty where it takes texts only.
        comments: whether its file may have comments and commas at the end.
    """

    name: str
    title: str
    container: str
    next: str
    source: str
    date: str
    default: str
    user: Mapping[str, str] = field(default_factory=dict)
    project: str = ""
    aliases: tuple[str, ...] = ()
    list: bool = False
    pairs: bool = False
    stdio: str = ""
    http: str | None = None
    sse: str | None = None
    no_url: str = ""
    secret: str = ""
    comments: bool = False

    def file(self, folder: str, *, user: bool = False) -> Path:
        """Its file on this system.

        Args:
            folder: the folder of the project.
            user: the user's file, where there is a choice.

        Raises:
            UsageError: it has no such file.
        """
        wanted = "user" if user else self.default
        if wanted == "project":
            return Path(folder).absolute() / self.project
        known = self.user.get(sys.platform) or self.user.get("*")
        if not known:
            raise UsageError(
                f"{self.title} has no file of the user's.", hint="Leave --user out, or use --file."
            )
        text = re.sub(r"%(\w+)%", lambda found: _folder(found[1]), known)
        return Path(text).expanduser()

    def reference(self, variable: str, identifier: str) -> str:
        """How its file takes a value from elsewhere; empty where it cannot."""
        return self.secret.format(name=variable, id=identifier) if self.secret else ""

    @property
    def asks(self) -> bool:
        """Whether it asks its user for secrets, by inputs that the file declares."""
        return "{id}" in self.secret


def _folder(variable: str) -> str:
    found = os.environ.get(variable)
    if not found:
        raise UsageError(
            f"the environment has no {variable}.", hint="Say where the file is: --file PATH"
        )
    return found


@cache
def hosts() -> dict[str, Host]:
    """The hosts that are known, by name."""
    told = tomllib.loads(files(__package__).joinpath("hosts.toml").read_text(encoding="utf-8"))
    return {
        name: Host(name=name, **{**facts, "aliases": tuple(facts["aliases"])})
        for name, facts in told.items()
    }


def find_host(word: str) -> Host:
    """The host of a name or alias; case, blanks and underscores do not matter.

    Raises:
        UsageError: there is none.
    """
    known = {alias: host for host in hosts().values() for alias in (host.name, *host.aliases)}
    typed = re.sub(r"[\s_]+", "-", word.strip().lower())
    if typed in known:
        return known[typed]
    near = difflib.get_close_matches(typed, known, n=1)
    hint = f"Did you mean {known[near[0]].name}? " if near else ""
    raise UsageError(f"there is no host {word!r}.", hint=f"{hint}Hosts: {', '.join(hosts())}.")
