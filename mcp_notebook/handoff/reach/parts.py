"""The tools, resources and prompts themselves: what names them, what they tell."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from mcp_notebook.handoff.selection import Obstacle
from mcp_notebook.runtime import sdk
from mcp_notebook.runtime.server import NotebookServer, Part

from .codes import plain_function
from .notebook import Notebook
from .secrecy import is_secret, shapes


def root_of(part: Part, notebook: Notebook) -> str:
    """What names the function of a part: ``add``, ``desk.lookup``; empty where nothing does."""
    function = part.function
    if inspect.ismethod(function):
        owner = notebook.known(function.__self__)
        if owner is None:
            owner = next(
                (n for n, v in notebook.names.items() if v is function.__self__ and n[0] != "_"),
                None,
            )
        return f"{owner}.{function.__name__}" if owner else ""
    name = notebook.known(function)
    if name is not None:
        return name
    plain = plain_function(function)
    for candidate, value in notebook.names.items():
        if plain is not None and plain_function(value) is plain and not candidate.startswith("_"):
            return candidate
    return ""


def beside_parts(server: NotebookServer) -> Iterator[Obstacle]:
    """What a server has beside tools, resources and prompts, and what does not leave with them."""
    mcp = server.mcp
    found = {
        "lifespan": mcp.settings.lifespan is not None,
        "completion": sdk.lowlevel(mcp).get_request_handler("completion/complete") is not None,
        "custom_route": bool(sdk.own_routes(mcp)),
        "auth": mcp.settings.auth is not None,
    }
    if any(True for _ in shapes(mcp.instructions or "")):
        yield Obstacle(
            part=server.name,
            through=(mcp.name, "instructions"),
            reason="its instructions hold what looks like a secret",
            ways=("take it out of the instructions",),
        )
    for name, there in found.items():
        if there:
            yield Obstacle(
                part=server.name,
                through=(mcp.name, name),
                reason=f"the server was made with {name}, which is no part that an export writes",
                ways=(f"write {name} into the exported file by hand: take it out here, export,"
                      " and add it there",),
            )  # fmt: skip


def in_words(part: Part, expression: str) -> Obstacle | None:
    """What stands in the way of a part before its source is looked at."""
    if not expression:
        return _nameless(part)
    told = _told(part)
    if told:
        return Obstacle(
            part=part.name,
            through=(expression, told),
            reason=f"the default of {told} looks like a secret, and every client is told of it",
            ways=(f"let {told} default to None, and take the secret from os.environ in the tool",),
        )
    texts = [part.name, *(str(value) for value in part.options.values())]
    if any(True for text in texts for _ in shapes(text)):
        return Obstacle(
            part=part.name,
            through=(expression,),
            reason="its name, title or description holds what looks like a secret",
            ways=("take it out and run the cell again",),
        )
    return None


def _told(part: Part) -> str:
    """A parameter of a tool whose default is a secret."""
    try:
        parameters = inspect.signature(part.function).parameters.values()
    except (TypeError, ValueError):
        return ""
    for parameter in parameters if part.kind == "tool" else ():
        default = parameter.default
        if isinstance(default, str) and is_secret(parameter.name, default):
            return parameter.name
    return ""


def _nameless(part: Part) -> Obstacle:
    function = getattr(part.function, "__name__", part.name)
    if function == "_no_function":
        return Obstacle(
            part=part.name,
            through=(part.name,),
            reason="it is no function but an object that was put on the server",
            ways=(f"write a function that returns it: %%mcp {part.kind} ...",),
        )
    return Obstacle(
        part=part.name,
        through=(function,),
        reason=f"the notebook has no name for its function any more: {function} is something"
        " else now, or gone",
        ways=("run the cell that defines it again, then export", f"%mcp remove {part.name}"),
    )
