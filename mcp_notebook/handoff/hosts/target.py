"""What a word means to a host: this notebook, a server file, an endpoint, a connection, a URL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_notebook.errors import UsageError
from mcp_notebook.handoff.folder import SCRIPT, script_path
from mcp_notebook.runtime.connection import Connection
from mcp_notebook.runtime.endpoint import Endpoint
from mcp_notebook.runtime.servers import FIRST_SERVER
from mcp_notebook.runtime.targets import looks_like_url

from .launch import Launch, divided, entry_name, of_command, of_file, of_url, tells_secret

if TYPE_CHECKING:
    from mcp_notebook.runtime.workbench import Workbench


def launch_of(
    workbench: Workbench,
    target: Any = None,
    *,
    command: Sequence[str] = (),
    live: bool = False,
    name: str = "",
    env: Mapping[str, str | None] | None = None,
    headers: Mapping[str, str | None] | None = None,
) -> Launch:
    """How a host reaches what is meant.

    Args:
        workbench: the kernel's.
        target: a ``.py`` file, a folder with a ``server.py``, what an export returned, a URL,
            an endpoint, connection, tap or exported server, or its name; with ``live`` a server
            or a bridge endpoint. By default what the notebook's server was exported to.
        command: a stdio command instead.
        live: point the host at this notebook itself.
        name: what the entry is called; by default after what it leads to.
        env: variables for a command; ``None`` for those that the host takes from elsewhere.
        headers: likewise headers for a URL.

    Raises:
        UsageError: nothing of that name, or hosts cannot reach it.
    """
    if live:
        if command:
            raise UsageError("--live has a command of its own.", hint="Leave -- COMMAND out.")
        found = _live(workbench, target, entry_name(name) if name else "")
    elif command:
        found = _command(workbench, command)
    else:
        found = _found(workbench, target)
    if name:
        found = replace(found, name=entry_name(name))
    return _with(found, env or {}, headers or {})


def _live(workbench: Workbench, target: Any, name: str) -> Launch:
    word = target if isinstance(target, str) else getattr(target, "name", None)
    endpoint = workbench.endpoints.get(word) if word else None
    if endpoint is None:
        endpoint = _bridge_of(workbench, target, name)
    if endpoint.transport != "bridge":
        raise UsageError(
            f"{endpoint.name} is served over {endpoint.transport}.",
            hint=f"Without --live a host is pointed at it; for the notebook give the server: "
            f"{endpoint.server.name}",
        )
    return _bridge(endpoint)


def _bridge_of(workbench: Workbench, target: Any, name: str) -> Endpoint:
    """The endpoint where bridges find a server; one of its own name where another kernel has one.

    Raises:
        UsageError: hosts could not tell it from that of another kernel.
    """
    served = workbench.servers.find(target if target is not None else FIRST_SERVER)
    bridges = [
        one
        for one in workbench.endpoints.values()
        if one.transport == "bridge" and one.server is served
    ]
    called = [one for one in bridges if one.name == name]
    fresh = not bridges
    endpoint = (called or bridges)[-1] if bridges else workbench.serve(served, "bridge")
    others = endpoint.listener.twins()  # type: ignore[attr-defined]
    if not others:
        return endpoint
    if fresh:
        workbench.stop(endpoint.name)
    if name and not called:
        return workbench.serve(served, "bridge", name=name)
    kernels = ", ".join(str(other.pid) for other in others)
    raise UsageError(
        f"another kernel (process {kernels}) serves {endpoint.name} for the same "
        f"{'notebook' if others[0].notebook else 'folder'}, and a host could not tell the two.",
        hint="Give this one another name: %mcp config HOST --live --as NAME",
    )


def _bridge(endpoint: Endpoint) -> Launch:
    python, *words = endpoint.listener.command  # type: ignore[attr-defined]
    again = "" if endpoint.server.name == FIRST_SERVER else f" {endpoint.server.name}"
    named = endpoint.name != f"{endpoint.server.name}-bridge"
    others = endpoint.listener.twins()  # type: ignore[attr-defined]
    return Launch(
        name=entry_name(endpoint.server.name),
        # -P: a host starts it in a folder whose json.py must not be taken for Python's
        command=(python, "-P", *words, "--standby"),
        remarks=(
            "The host talks to this kernel: run a cell again and it has the new tool. After a "
            f"restart of the kernel run %mcp serve{again} -t bridge"
            f"{f' --as {endpoint.name}' if named else ''}; until then what it calls gets an "
            "error that says so. A host that starts first finds no tools, and finds them then.",
            *(
                f"Process {other.pid} serves {endpoint.name} too, and a host could not tell the "
                "two: give one another name, %mcp config HOST --live --as NAME"
                for other in others
            ),
        ),
    )


def _command(workbench: Workbench, command: Sequence[str]) -> Launch:
    from mcp_notebook.runtime.targets import from_command

    if tells_secret(*command):
        raise UsageError(
            "the command has a secret in it, which would be written into the file.",
            hint="Give it as a variable: --env NAME",
        )
    return of_command(command, workbench.folder, name=entry_name(from_command(command).name))


def _found(workbench: Workbench, target: Any) -> Launch:
    if isinstance(target, str):
        for kind in (workbench.endpoints, workbench.connections, workbench.taps):
            if target in kind:
                target = kind[target]
                break
    if isinstance(target, Endpoint):
        return _endpoint(target)
    if isinstance(target, Connection):
        return _connection(workbench, target)
    if target is not None and not isinstance(target, str):
        return _other(target, workbench.folder)
    if target is None:
        return of_file(_exported(workbench, FIRST_SERVER), workbench.folder)
    return _word(workbench, target)


def _word(workbench: Workbench, target: str) -> Launch:
    """What a word means that is the name of nothing that runs."""
    if looks_like_url(target):
        return of_url(target)
    if target.endswith(".py"):
        return of_file(target, workbench.folder)
    if target in workbench.servers:
        file = _exported(workbench, target)
        if not Path(workbench.folder, file).is_file():
            raise UsageError(
                f"{target} is a server of this kernel and was not exported.",
                hint=f"Export it: %mcp export {target}, or point the host at it with --live",
            )
        return of_file(file, workbench.folder)
    if Path(workbench.folder, target, SCRIPT).is_file():
        return of_file(f"{target}/{SCRIPT}", workbench.folder)
    running = [*workbench.endpoints, *workbench.connections, *workbench.taps]
    raise UsageError(
        f"there is nothing called {target!r}.",
        hint=(f"Running: {', '.join(running)}. " if running else "")
        + "Give a .py file, a URL, or -- COMMAND ARG",
    )


def _exported(workbench: Workbench, server: str) -> str:
    """Where an export puts a server, or the ``server.py`` of this folder where there is none."""
    folder = Path(workbench.folder)
    usual = script_path(None, server=server, folder=folder)
    return SCRIPT if (folder / SCRIPT).is_file() and not usual.is_file() else str(usual)


def _endpoint(endpoint: Endpoint) -> Launch:
    if endpoint.transport == "bridge":
        return _bridge(endpoint)
    if not endpoint.url:
        raise UsageError(
            f"no host reaches {endpoint.name}, which is served over {endpoint.transport}.",
            hint=f"%mcp config HOST {endpoint.server.name} --live",
        )
    found = of_url(endpoint.url, name=entry_name(endpoint.name), token=endpoint.guarded)
    return replace(
        found, remarks=("It listens while this kernel runs and the endpoint is served.",)
    )


def _connection(workbench: Workbench, connection: Connection) -> Launch:
    if connection.endpoint is not None:
        return _endpoint(connection.endpoint)
    target, options = connection.session.target, connection.session.options
    name = entry_name(connection.name)
    if isinstance(target.address, str):
        return of_url(target.address, name=name, headers=options.all_headers())
    argv: Any = target.address
    if tells_secret(*argv):
        raise UsageError(
            f"the command of {connection.name} has a secret in it, which would be written into "
            "the file.",
            hint="Give it as a variable: -- COMMAND with --env NAME",
        )
    return of_command(argv, options.cwd or workbench.folder, name=name, env=options.env)


def _other(target: Any, folder: str) -> Launch:
    """What has a file, a command or a URL for a host: an export, a tap."""
    if isinstance(file := getattr(target, "path", None), Path):
        return of_file(str(file), folder)
    if getattr(target, "hidden", ()):
        raise UsageError(
            f"the command of {target.name} has a secret in it, which would be written into the "
            "file.",
            hint="Let the server take it from its environment, and give it with --env NAME",
        )
    name, url = entry_name(str(getattr(target, "name", ""))), getattr(target, "url", "")
    command = getattr(target, "command", ())
    if url:
        return of_url(str(url), name=name)
    if not command:
        raise UsageError(
            f"no host can be pointed at a {type(target).__name__}.",
            hint="Give a .py file, a URL, an endpoint or a tap.",
        )
    return Launch(name=name, command=tuple(command))


def _with(
    found: Launch, env: Mapping[str, str | None], headers: Mapping[str, str | None]
) -> Launch:
    """A launch with further variables and headers."""
    if env and not found.command:
        raise UsageError("--env is for a command.", hint="A URL takes --header NAME=VALUE")
    if headers and not found.url:
        raise UsageError("--header is for a URL.", hint="A command takes --env NAME=VALUE")
    plain = divided({k: v for k, v in env.items() if v is not None})[0]
    secret = {k: k for k in env if k not in plain}
    asked = of_url(
        found.url or "http://127.0.0.1/",
        name=found.name,
        headers={k: v or "" for k, v in headers.items()},
    )
    return replace(
        found,
        env={**found.env, **plain},
        secret_env={**found.secret_env, **secret},
        headers={**found.headers, **asked.headers},
        secret_headers={**found.secret_headers, **asked.secret_headers},
    )
