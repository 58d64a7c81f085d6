"""A clean environment with what a script declares and nothing else, kept for the next proof.

What a script declares stands in its inline metadata (PEP 723). ``uv`` makes the environment where
there is one, else ``venv`` and pip. Both are run with the user's own settings, so that a mirror or
a proxy is used here as anywhere.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import json
import os
import platform
import re
import shutil
import sys
import sysconfig
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mcp_notebook.errors import McpError, UsageError

from .subprocesses import Ended, run_to_end

KEPT: Final = 8
"""So many environments are kept; beyond that those that were not used for a day are removed."""

_DAY_S: Final = 86_400.0
_BLOCK: Final = re.compile(r"(?m)^# /// script$\s(?P<content>(^#(| .*)$\s)+)^# ///$")
"""From PEP 723, which gives this very expression."""

_PIP_AS_UV: Final = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
    "no-index": "UV_NO_INDEX",
}
"""Settings of pip by their names in its configuration, and uv's variable for each."""


class Unmade(McpError):
    """The environment could not be made."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """An environment that has what a script declares.

    Attributes:
        python: its interpreter.
        tool: what made it: ``uv`` or ``pip``; empty where it was there already.
        seconds: how long that took.
        requirements: what was asked for.
    """

    python: Path
    tool: str
    seconds: float
    requirements: tuple[str, ...]

    @property
    def made(self) -> bool:
        """Whether it was made now."""
        return bool(self.tool)


def declared(script: str) -> tuple[str, ...]:
    """The requirements in a script's inline metadata.

    Raises:
        UsageError: it has none that can be read.
    """
    blocks = [match["content"] for match in _BLOCK.finditer(script)]
    if len(blocks) != 1:
        raise UsageError("the file does not declare what it needs.", hint="See PEP 723.")
    text = "".join(
        line[2:] if line.startswith("# ") else line[1:] for line in blocks[0].splitlines(True)
    )
    try:
        found = tomllib.loads(text).get("dependencies", [])
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"what the file declares cannot be read: {error}") from None
    return tuple(str(one) for one in found)


def declared_by_project(pyproject: str) -> tuple[str, ...]:
    """The requirements in a ``pyproject.toml``.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        found = tomllib.loads(pyproject).get("project", {}).get("dependencies", [])
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"what the project declares cannot be read: {error}") from None
    return tuple(str(one) for one in found)


def find_uv() -> str | None:
    """Where ``uv`` is, if it is installed: beside the kernel's Python, or on the path."""
    beside = str(Path(sys.executable).parent)
    return shutil.which("uv", path=os.pathsep.join([beside, os.environ.get("PATH", os.defpath)]))


def cache_folder() -> Path:
    """Where environments are kept: the user's cache folder."""
    if named := os.environ.get("XDG_CACHE_HOME"):
        return Path(named) / "mcp_notebook"
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local", "mcp_notebook")
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/mcp_notebook"
    return Path.home() / ".cache/mcp_notebook"


async def environment(
    requirements: Sequence[str],
    *,
    folder: Path | None = None,
    on_line: Callable[[str], None] = lambda _line: None,
) -> Environment:
    """An environment with these requirements: one that is there, or a new one.

    Args:
        requirements: as pip reads them.
        folder: where environments are kept; the user's cache folder by default.
        on_line: told what the installer writes.

    Raises:
        Unmade: it could not be made; with the installer's last words.
    """
    folder = (cache_folder() if folder is None else folder) / "environments"
    wanted = tuple(sorted(set(requirements)))
    place = folder / _key(wanted)
    if _python(place).exists():
        await asyncio.to_thread(os.utime, place)
        return Environment(python=_python(place), tool="", seconds=0.0, requirements=wanted)
    started = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{place.name}.{os.getpid()}.part"
    try:
        tool = await _make(draft, wanted, on_line)
        if not _python(place).exists():  # another kernel may have been quicker
            draft.rename(place)
    finally:
        await asyncio.to_thread(shutil.rmtree, draft, True)
    await asyncio.to_thread(_prune, folder, place)
    seconds = time.monotonic() - started
    return Environment(python=_python(place), tool=tool, seconds=seconds, requirements=wanted)


def _key(wanted: Sequence[str]) -> str:
    kind = [platform.python_implementation(), platform.python_version(), sysconfig.get_platform()]
    told = json.dumps([*kind, *wanted])
    return hashlib.sha256(told.encode()).hexdigest()[:20]


def _python(place: Path) -> Path:
    return place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


async def _make(draft: Path, wanted: Sequence[str], on_line: Callable[[str], None]) -> str:
    """Make an environment in a folder; gives what made it."""
    uv, env = find_uv(), dict(os.environ)
    env.pop("PYTHONPATH", None)
    env.pop("VIRTUAL_ENV", None)
    if uv is not None:
        env = {**await _pip_settings(env), **env}
        steps = [
            [uv, "venv", "--quiet", "--python", sys.executable, str(draft)],
            [uv, "pip", "install", "--compile-bytecode", "--python", str(_python(draft)), "-r"],
        ]
    elif importlib.util.find_spec("pip") is not None:  # without its own pip: 3 s less
        steps = [
            [sys.executable, "-m", "venv", "--without-pip", str(draft)],
            [*_PIP, "--python", str(_python(draft)), "install", "--progress-bar=off", "-r"],
        ]
    else:
        steps = [
            [sys.executable, "-m", "venv", str(draft)],
            [str(_python(draft)), "-m", "pip", "install", "--progress-bar=off", "-r"],
        ]
    _check(await run_to_end(steps[0], env=env), "made")
    listed = draft / "requirements.txt"  # a URL in it may hold a secret: not on a command line
    listed.write_text("".join(f"{one}\n" for one in wanted), encoding="utf-8")
    ended = await run_to_end([*steps[1], str(listed)], env=env, on_line=on_line)
    _check(ended, "filled")
    return "uv" if uv is not None else "pip"


_PIP: Final = [sys.executable, "-m", "pip", "--disable-pip-version-check"]


def _check(ended: Ended, what: str) -> None:
    if ended.code:
        errors = [line for line in ended.lines if "error" in line.lower()]
        said = " | ".join(errors[-2:]) or ended.said
        raise Unmade(f"the clean environment could not be {what}: {said or ended.code}.")


async def _pip_settings(env: Mapping[str, str]) -> dict[str, str]:
    """What pip is told about where packages come from, as uv reads it."""
    found: dict[str, str] = {}
    if importlib.util.find_spec("pip") is None:
        return found
    ended = await run_to_end([*_PIP, "config", "list"], env=env)
    for line in ended.lines:
        name, equals, value = line.partition("=")
        variable = _PIP_AS_UV.get(name.rpartition(".")[2].lower().replace("_", "-"))
        if equals and variable:
            values = value.strip().strip("'\"").split()
            found[variable] = ("," if variable == "UV_FIND_LINKS" else " ").join(values)
    if "UV_INDEX" in found:  # as pip does it, which looks in all of them
        found["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return found


def _prune(folder: Path, newest: Path) -> None:
    """Remove what was not used for a while, where there are many."""
    kept = [path for path in folder.iterdir() if path != newest]
    kept.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in kept[KEPT - 1 :]:
        if time.time() - path.stat().st_mtime > _DAY_S:
            shutil.rmtree(path, ignore_errors=True)
