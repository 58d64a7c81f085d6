"""What leaves the notebook: its parts, the source they need, and what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath

from mcp_notebook.runtime.server import Part


@dataclass(frozen=True, kw_only=True)
class Definition:
    """One statement of the notebook that the server needs.

    Attributes:
        binds: the names it binds.
        source: Python, dedented, with its comments; it stands alone once what it uses stands.
        cell: where it comes from, as the report says it (``cell 3``); empty where it was made.
    """

    binds: tuple[str, ...]
    source: str
    cell: str = ""


@dataclass(frozen=True, kw_only=True)
class Registration:
    """A tool, resource or prompt of the exported server.

    Attributes:
        part: as the notebook has it: kind, name, function, options.
        expression: what names its function in the file.
    """

    part: Part
    expression: str


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """A distribution that has to be installed.

    Attributes:
        distribution: its name in the registry.
        version: the one installed here; empty where it is not known.
        modules: the modules that are imported from it.
    """

    distribution: str
    version: str
    modules: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Shipped:
    """A file that travels with the server.

    Attributes:
        path: where it goes, relative to ``server.py``.
        content: its bytes.
        reason: what needs it.
    """

    path: PurePosixPath
    content: bytes = field(repr=False)
    reason: str


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A value that the server takes from its environment.

    Attributes:
        name: of the environment variable.
        stands_for: the name in the notebook whose value it holds, or where it stood.
        secret: whether the value must never be written or shown.
        value: what the kernel holds, for a child of the kernel's own; never written or shown.
    """

    name: str
    stands_for: str
    secret: bool = True
    value: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """What cannot leave the notebook.

    Attributes:
        part: the tool, resource or prompt that reaches it.
        through: the names on the way, the last one is what cannot leave.
        reason: why, in one sentence.
        ways: ways out, each something to type or to change.
    """

    part: str
    through: tuple[str, ...]
    reason: str
    ways: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Everything that leaves, in an order that runs.

    Attributes:
        server: the name of the server.
        instructions: its instructions for a model; empty where it has none.
        version: its version; empty where it has none.
        imports: import statements, one each, ``from __future__`` first.
        definitions: the notebook's own source, in an order that runs.
        registrations: the parts; those with an obstacle are not among them.
        requirements: what has to be installed, without ``mcp`` itself.
        files: what is shipped along.
        variables: what comes from the environment.
        obstacles: what cannot leave. An export with an obstacle is refused.
        remarks: what the reader of the report should know, one sentence each.
    """

    server: str
    instructions: str = ""
    version: str = ""
    imports: tuple[str, ...] = ()
    definitions: tuple[Definition, ...] = ()
    registrations: tuple[Registration, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    files: tuple[Shipped, ...] = ()
    variables: tuple[Variable, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    remarks: tuple[str, ...] = ()
