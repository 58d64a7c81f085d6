"""The plan of the house as data, and the imports that the source really has."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "mcp_notebook"

FLOORS = {
    "errors": 0,
    "bridge": 0,
    "lab": 0,
    "shim": 1,
    "wire": 1,
    "trace": 2,
    "transports": 3,
    "runtime": 4,
    "show": 5,
    "learn": 5,
    "bench": 5,
    "handoff": 5,
    "magics": 6,
}
"""A room imports only from floors below its own."""

DOORS = {"__init__", "__main__"}
"""They lead everywhere."""

FROM_THE_TRACE_ALONE = {"show", "learn"}
"""They see no network, so that a saved trace can be drawn and graded anywhere."""

NETWORK_ROOMS = {"transports", "runtime"}

SHOW_LIVE_THINGS = {
    f"mcp_notebook.show.{name}"
    for name in (
        "blocks",
        "catalog",
        "fields",
        "forms",
        "panel",
        "places",
        "results",
        "status",
        "toolpage",
        "values",
    )
}
"""They show values of the runtime (results, endpoints, questions), so they may know its types.

What draws the Trace (flow, layers and below) does not."""

FORBIDDEN = {
    # bytes in, events out: neither opens, nor awaits, nor sleeps
    "wire": {"anyio", "asyncio", "concurrent", "mcp", "select", "socket", "ssl", "subprocess",
             "threading", "uvicorn"},
    # memory only; a lock is allowed, and a file that the user names
    "trace": {"anyio", "asyncio", "httpx", "httpx2", "mcp", "socket", "ssl", "subprocess",
              "urllib.request", "uvicorn"},
    "show": {"anyio", "asyncio", "httpx", "httpx2", "mcp", "socket", "ssl", "subprocess",
             "urllib.request", "uvicorn", "websockets"},
    "learn": {"anyio", "asyncio", "httpx", "httpx2", "mcp", "socket", "ssl", "subprocess",
              "urllib.request", "uvicorn", "websockets"},
}  # fmt: skip
"""By room: modules it has no use for if it is what its docstring says."""

FRONT_ENDS = {"IPython", "anywidget", "comm", "ipykernel", "ipywidgets", "nest_asyncio",
              "nest_asyncio2", "traitlets"}  # fmt: skip
"""Only `magics` knows that a notebook is there."""

FRONT_END_EXCEPTIONS = {
    "show": ({"anywidget", "comm", "ipywidgets", "traitlets"}, "the live view is a widget"),
}
"""By room: which front-end packages it may import, and the reason."""

LIGHT = {
    "bridge": "a host starts it in 50 ms: standard library only",
    "shim": "a host starts it at once: standard library only, and what a bridge knows of notebooks",
    "lab": "it must be able to say that JupyterLab is missing: standard library only",
}

MAX_LINES = 400


@dataclass(frozen=True)
class Import:
    """One imported module, by its absolute name."""

    module: str
    target: str
    line: int

    @property
    def room(self) -> str:
        """The room that imports: the first name below the package."""
        return room_of(self.module)

    @property
    def target_room(self) -> str | None:
        """The room that is imported, or None for what is not ours."""
        return room_of(self.target) if _is_ours(self.target) else None

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


def room_of(module: str) -> str:
    """The room of a module's absolute name; `__init__` for the package itself."""
    return [*module.split("."), "__init__"][1]


def imports_of(source: str, module: str, is_package: bool = False) -> Iterator[Import]:
    """Every import in a module's source, in functions and under `TYPE_CHECKING` as well."""
    parts = module.split(".")
    base = parts if is_package else parts[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            above = base[: len(base) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                # `from mcp_notebook import trace` names a room; elsewhere the name adds nothing
                yield Import(module, f"{origin}.{alias.name}", node.lineno)


def house_imports() -> list[Import]:
    """The imports of the whole package."""
    found: list[Import] = []
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(ROOT).with_suffix("")
        is_package = relative.name == "__init__"
        module = ".".join(relative.parent.parts if is_package else relative.parts)
        found += imports_of(path.read_text(encoding="utf-8"), module, is_package)
    return found


def upward(one: Import) -> str | None:
    """What is wrong with an import between rooms, or None."""
    room, target = one.room, one.target_room
    if target is None or room in DOORS or room == target:
        return None
    if target == "__init__":
        return f"{one}: a room does not go through the front door"
    if target not in FLOORS or room not in FLOORS:
        return f"{one}: give the room a floor in FLOORS"
    if FLOORS[target] >= FLOORS[room]:
        return f"{one}: floor {FLOORS[room]} imports floor {FLOORS[target]}"
    knows_it = one.module in SHOW_LIVE_THINGS and target == "runtime"
    if room in FROM_THE_TRACE_ALONE and target in NETWORK_ROOMS and not knows_it:
        return f"{one}: {room} works from the trace alone"
    return None


def forbidden(one: Import) -> str | None:
    """What is wrong with the import of a foreign module, or None."""
    if _is_ours(one.target) or one.room in DOORS:
        return None
    for name in FORBIDDEN.get(one.room, set()):
        if _within(one.target, name):
            return f"{one}: {one.room} has no use for {name}"
    if one.room != "magics":
        allowed, _reason = FRONT_END_EXCEPTIONS.get(one.room, (set(), ""))
        for name in FRONT_ENDS - allowed:
            if _within(one.target, name):
                return f"{one}: only magics knows the notebook"
    return None


def _is_ours(target: str) -> bool:
    return _within(target, "mcp_notebook")


def _within(target: str, name: str) -> bool:
    return target == name or target.startswith(name + ".")
