"""What a host is told: the command to start, or the URL to call."""

from __future__ import annotations

import ast
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mcp_notebook.errors import UsageError
from mcp_notebook.runtime.credentials import sounds_secret
from mcp_notebook.runtime.masking import argv_secrets
from mcp_notebook.runtime.targets import from_url, looks_like_url
from mcp_notebook.transports import register_builtin

_REFERENCE = re.compile(r"(?:(?i:bearer|basic|token)\s+)?\$\{[^}]*\}")
"""What a host fills in by itself: ``${env:NAME}``."""

SPOKEN = ("http", "http-json", "sse")
"""The transports that hosts speak over the network."""


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How a host reaches a server.

    Attributes:
        name: what the entry is called.
        command: program and arguments, every path absolute; empty where there is a URL.
        url: where the server listens; empty where there is a command.
        sse: whether the URL speaks HTTP+SSE.
        env: variables for the command that are no secrets.
        headers: headers for the URL that are no secrets.
        secret_env: variables whose values the host takes from elsewhere: by name the variable
            or input they come from.
        secret_headers: likewise headers; the text has ``{}`` where the secret stands.
        remarks: what the reader should know.
    """

    name: str
    command: tuple[str, ...] = ()
    url: str = ""
    sse: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    secret_env: Mapping[str, str] = field(default_factory=dict)
    secret_headers: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def entry_name(text: str) -> str:
    """A name that every host takes: letters, digits, ``-`` and ``_``."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")
    return name if name[:1].isalpha() else f"mcp-{name}".strip("-")


def tells_secret(*words: str) -> bool:
    """Whether words of a command, a URL or a value hold a secret, by place or by shape."""
    return bool(argv_secrets([_REFERENCE.sub("", word) for word in words]))


def absolute(command: Sequence[str], folder: str) -> tuple[str, ...]:
    """A command with its paths made absolute: a host starts it in a folder of its own.

    The program is looked up as a shell would; of the arguments those that are files or folders
    below ``folder``. A bare ``python`` is the kernel's interpreter.

    Raises:
        UsageError: there is no such program.
    """
    program, *rest = command
    if program in ("python", "python3"):
        found: str | None = sys.executable
    else:
        here = Path(folder, program)
        at = str(here) if os.sep in program and here.is_file() else program
        found = shutil.which(at)
    if found is None:
        raise UsageError(f"there is no program {program}.", hint="Install it, or give its path.")
    words = [os.path.abspath(found)]  # noqa: PTH100 - a link of a venv must not be resolved
    for word in rest:
        path = Path(folder, word)
        own = not word.startswith("-") and word not in ("", ".") and path.exists()
        looks = "/" in word or os.sep in word or bool(path.suffix)
        words.append(str(path.absolute()) if own and looks else word)
    return tuple(words)


def of_file(path: str, folder: str, *, name: str = "") -> Launch:
    """A server file: ``uv run`` where the file names what it needs and uv is here.

    Raises:
        UsageError: there is no such file.
    """
    file = Path(folder, path).expanduser().absolute()
    if not file.is_file():
        raise UsageError(
            f"there is no file {path}.",
            hint="Write it with %mcp export, or point the host at this notebook: add --live",
        )
    text = file.read_text(encoding="utf-8", errors="replace")
    uv = shutil.which("uv")
    remarks: tuple[str, ...] = ()
    if uv and re.search(r"(?m)^# /// script$", text):
        command: tuple[str, ...] = (os.path.abspath(uv), "run", str(file))  # noqa: PTH100
    else:
        command = (sys.executable, str(file))
        remarks = (
            "It runs in the environment of this kernel. With uv installed it would run in one "
            "of its own.",
        )
    needed = {variable: variable for variable in needed_variables(text)}
    return Launch(
        name=name or entry_name(file.parent.name if file.stem == "server" else file.stem),
        command=command,
        secret_env=needed,
        remarks=remarks,
    )


def needed_variables(source: str) -> list[str]:
    """The environment variables that a program cannot do without: ``os.environ["NAME"]``."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []
    found = [
        node.slice.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript)
        and isinstance(node.ctx, ast.Load)
        and ast.unparse(node.value).endswith("environ")
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, str)
    ]
    return list(dict.fromkeys(found))


def of_command(
    command: Sequence[str],
    folder: str,
    *,
    name: str,
    env: Mapping[str, str] | None = None,
) -> Launch:
    """Any stdio command.

    Raises:
        UsageError: there is no such program.
    """
    plain, secret = divided(env or {})
    return Launch(name=name, command=absolute(command, folder), env=plain, secret_env=secret)


def of_url(
    url: str, *, name: str = "", headers: Mapping[str, str] | None = None, token: bool = False
) -> Launch:
    """A server that listens at a URL.

    Args:
        url: where.
        name: the entry's name.
        headers: what it wants to be sent. Of those that sound secret only the names are kept.
        token: whether it asks for a bearer token.

    Raises:
        UsageError: hosts do not speak this address.
    """
    if not looks_like_url(url):
        raise UsageError(f"{url!r} is no URL.", hint="For example http://127.0.0.1:8000/mcp")
    register_builtin()
    target = from_url(url)
    if target.transport.name not in SPOKEN:
        raise UsageError(
            f"hosts do not speak {target.transport.name}.",
            hint="Serve it over http: %mcp serve -t http, or point the host here with --live",
        )
    if target.secrets:
        raise UsageError(
            "the URL has a password in it, which would be written into the file.",
            hint="Leave it out of the URL and give --header Authorization=$NAME",
        )
    if tells_secret(url):
        raise UsageError(
            "the URL has a secret in it, which would be written into the file.",
            hint="Leave it out and give it as a header, --header Authorization=$NAME, or add it "
            "to the file by hand.",
        )
    name = name or entry_name(target.name)
    plain: dict[str, str] = {}
    secret: dict[str, tuple[str, str]] = {}
    for header, value in (headers or {}).items():
        if sounds_secret(header) or tells_secret(value):
            scheme = value.partition(" ")[0] if " " in value else ""
            pattern = f"{scheme} {{}}" if scheme.isalpha() else "{}"
            secret[header] = (variable_name(name, header), pattern)
        else:
            plain[header] = value
    if token and "authorization" not in {header.lower() for header in secret}:
        secret["Authorization"] = (variable_name(name, "token"), "Bearer {}")
    return Launch(
        name=name,
        url=url,
        sse=target.transport.name == "sse",
        headers=plain,
        secret_headers=secret,
    )


def variable_name(*words: str) -> str:
    """An environment variable for a secret: ``NOTEBOOK_TOKEN``."""
    return re.sub(r"\W+", "_", "_".join(words)).strip("_").upper()


def divided(env: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Variables with their values, and the names of those that hold secrets."""
    plain = {
        name: value
        for name, value in env.items()
        if not sounds_secret(name) and not tells_secret(value)
    }
    return plain, {name: name for name in env if name not in plain}
