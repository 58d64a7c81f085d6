"""A snapshot of a server for a child process: cloudpickle, tool by tool, in a private file.

What cannot travel (locks, connections, open files) is left out by name, with the reason.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import pickle
import sys
import tempfile
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle

from mcp_notebook.errors import UsageError
from mcp_notebook.transports.base import ChildCommand

from . import sdk
from .server import Kind, NotebookServer, Part

MODULE = "mcp_notebook.runtime.child"


def child_command(server: NotebookServer) -> ChildCommand:
    """The command that serves a snapshot of a server on its standard streams.

    Raises:
        UsageError: nothing of the server can travel.
    """
    base = [sys.executable, "-m", MODULE]
    # the child shall run the same copy of this package as the kernel
    env = {"PYTHONPATH": path} if (path := os.environ.get("PYTHONPATH")) else {}
    if server.source:
        return ChildCommand(
            argv=[*base, "--name", server.name, "--module", server.source], env=env, reports=True
        )
    parts, left_out = pack(server)
    if left_out and not parts:
        names = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        raise UsageError(
            f"no tool of {server.name} can travel to a child process ({names}).",
            hint="Use -t http, which runs in the kernel.",
        )
    known = {"name": server.name, "version": server.version, "path": list(sys.path)}
    file = write_private({**known, "parts": parts})
    return ChildCommand(
        argv=[*base, "--name", server.name, "--snapshot", str(file)],
        env=env,
        reports=True,
        left_out=left_out,
        cleanup=lambda: file.unlink(missing_ok=True),
    )


def pack(server: NotebookServer) -> tuple[list[bytes], dict[str, str]]:
    """Each part of a server as bytes, and those that cannot travel with the reason."""
    packed: list[bytes] = []
    left_out: dict[str, str] = {}
    for part in all_parts(server):
        if part.function is _no_function:
            left_out[part.name] = "it is no function"
            continue
        try:
            data = cloudpickle.dumps(
                {
                    "kind": part.kind,
                    "name": part.name,
                    "function": resolved(part.function),
                    "options": part.options,
                }
            )
        except Exception as error:  # noqa: BLE001 - because objects raise what they like when pickled
            left_out[part.name] = " ".join(str(error).split()) or type(error).__name__
        else:
            packed.append(data)
    return packed, left_out


def resolved(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its type hints as objects, where they are text.

    After ``from __future__ import annotations`` hints are text, and pickling takes along what
    the code names, not what a text names: the child could not make sense of them.
    """
    hints = getattr(function, "__annotations__", {})
    if not isinstance(function, types.FunctionType) or not any(
        isinstance(hint, str) for hint in hints.values()
    ):
        return function
    copy = types.FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    functools.update_wrapper(copy, function)
    vars(copy).pop("__wrapped__", None)
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__annotations__ = typing.get_type_hints(function, include_extras=True)
    return copy


def all_parts(server: NotebookServer) -> list[Part]:
    """What the notebook defined, and what an adopted server brought along."""
    parts = {(part.kind, part.name): part for part in server.parts()}
    resources, templates = sdk.resources_of(server.mcp)
    brought: list[tuple[Kind, dict[str, Any]]] = [
        ("tool", sdk.tools_of(server.mcp)),
        ("resource", {**resources, **templates}),
        ("prompt", sdk.prompts_of(server.mcp)),
    ]
    for kind, found in brought:
        for name, thing in found.items():
            options = {
                key: value
                for key in _OPTIONS[kind]
                if (value := getattr(thing, key, None)) is not None
            }
            # a resource may be no function (a text, a file); unwrapped of the SDK's checks,
            # which cannot be pickled
            function = inspect.unwrap(getattr(thing, "fn", None) or _no_function)
            part = Part(kind=kind, name=name, function=function, options=options)
            parts.setdefault((kind, name), part)
    return list(parts.values())


_COMMON = ("title", "description", "icons")
_OPTIONS: dict[Kind, tuple[str, ...]] = {
    "tool": (*_COMMON, "annotations", "meta"),
    "resource": ("name", *_COMMON, "mime_type", "annotations", "meta"),
    "prompt": _COMMON,
}
"""What each kind was registered with, as far as it is kept."""


def _no_function() -> None:
    """Stands for what is no function."""


def write_private(content: dict[str, Any]) -> Path:
    """Write a snapshot to a file that only this user can read."""
    descriptor, name = tempfile.mkstemp(prefix="mcp-notebook-", suffix=".snapshot")  # mode 0600
    with os.fdopen(descriptor, "wb") as file:
        pickle.dump(content, file)
    return Path(name)


def read_once(path: Path) -> dict[str, Any]:
    """Read a snapshot and remove its file."""
    content: dict[str, Any] = pickle.loads(path.read_bytes())
    with contextlib.suppress(OSError):
        path.unlink()
    return content
