"""The parts of a written server that do not come from the notebook, as text to copy."""

from __future__ import annotations

import ast
import functools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mcp_notebook.handoff.selection import Selection, Shipped
from mcp_notebook.handoff.state import NAMED

from .imports import Imported, imported
from .literals import call, literal, quoted
from .parts import commandline

PARTS: Final = Path(__file__).parent / "parts"

ASIDE: Final = """\
if __name__ == "__main__":
    sys.stdout = sys.stderr  # a client may read stdout: what is printed goes elsewhere
"""

_TAIL: Final = '''\
def main() -> None:
    """Serve as the command line and the environment say."""
    serve(mcp, options())


# {workers}
app = asgi_app(mcp, options([], MCP_TRANSPORT="http", MCP_STATELESS="1"))

if __name__ == "__main__":
    main()
'''

_MANY: Final = "for ASGI servers: uvicorn server:app --workers 4; any of them answers any request"
_ONE: Final = "for ASGI servers, in one process: each has its own"


@dataclass(frozen=True, kw_only=True)
class Block:
    """A piece of the file that is ours.

    Attributes:
        text: source, with the names that it would like to have.
        imports: what it needs.
    """

    text: str
    imports: tuple[Imported, ...] = ()


@functools.cache
def part(name: str, only: frozenset[str] = frozenset()) -> Block:
    """One of the modules in ``parts``, below its imports.

    Args:
        name: the module.
        only: the functions to take; all by default.
    """
    source = (PARTS / f"{name}.py").read_text(encoding="utf-8")
    tree = ast.parse(source)
    lines = source.splitlines(keepends=True)
    heads = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    text = "".join(lines[heads[-1].end_lineno :]).strip("\n")
    if only:
        wanted = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in only]
        text = "\n\n\n".join("".join(lines[n.lineno - 1 : n.end_lineno]).rstrip() for n in wanted)
    needs = [
        one
        for node in heads
        if not (isinstance(node, ast.ImportFrom) and node.level)
        for one in imported(ast.unparse(node))
    ]
    used = {n.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name)}
    return Block(text=text, imports=tuple(one for one in needs if one.binds in used))


def block(text: str, *imports: str) -> Block:
    """A piece of text with its import statements."""
    return Block(
        text=text.strip("\n"), imports=tuple(o for line in imports for o in imported(line))
    )


def variables(selection: Selection) -> list[Block]:
    """What ends the start at once where a variable is missing."""
    names = sorted({one.name for one in selection.variables})
    if not names:
        return []
    shown = ", ".join(quoted(name) for name in names) + ("," if len(names) == 1 else "")
    text = f"""
missing = [name for name in ({shown}) if name not in os.environ]
if missing:
    if {{"-h", "--help"}} & set(sys.argv[1:]):
        options()  # help needs none of them, and ends here
    sys.exit("Set these in the environment, then start again: " + ", ".join(missing))
"""
    return [block(text, "import os", "import sys")]


def command_line(extras: Collection[str]) -> list[Block]:
    """What reads the command line and the environment; it needs nothing of the rest."""
    shown = ", ".join(
        quoted(name) for name in commandline.TRANSPORTS if name != "websocket" or name in extras
    )
    return [
        block(f"TRANSPORTS = ({shown})"),
        part("commandline", frozenset({"rooted", "options"})),
    ]


def modules_of(selection: Selection) -> list[Shipped]:
    """The notebook's own modules among the files that are shipped along.

    A program that is started by its path is none: it is opened, as other files are.
    """
    python = [one for one in selection.files if one.path.suffix == ".py"]
    return [one for one in python if not one.reason.startswith("opened")]


def own_modules(selection: Selection) -> list[Block]:
    """What makes modules that are shipped along be found however the file is started."""
    if not modules_of(selection):
        return []
    text = """
# the notebook's own modules are beside this file
sys.path.insert(0, str(Path(__file__).resolve().parent))
"""
    return [block(text, "import sys", "from pathlib import Path")]


def own_files(selection: Selection) -> list[Block]:
    """What makes other files that are shipped along be found from any folder."""
    if len(modules_of(selection)) == len(selection.files):
        return []
    text = """
# the notebook's files are beside this one, and its code opens them by paths relative to here
os.chdir(Path(__file__).resolve().parent)
"""
    return [block(text, "import os", "from pathlib import Path")]


def tail(state: Sequence[str]) -> Block:
    """What starts the server, by itself or in an ASGI server.

    Args:
        state: what each process would have of its own.
    """
    names = ", ".join(state[:NAMED])
    return block(_TAIL.format(workers=f"{_ONE} {names}" if state else _MANY))


def server(selection: Selection, extras: Iterable[str]) -> list[Block]:
    """``mcp`` itself, and what it is made with."""
    imports: set[str] = set()
    arguments = [literal(selection.server, imports, 4)]
    if selection.instructions:
        arguments.append(f"instructions={literal(selection.instructions, imports, 4)}")
    if selection.version:
        arguments.append(f"version={literal(selection.version, imports, 4)}")
    arguments.append(
        "request_state_security=RequestStateSecurity(keys=STATE_KEYS) if STATE_KEYS else None"
    )
    found = []
    if "redis" in extras:
        found.append(part("notices"))
        channel = quoted(f"mcp-notices:{selection.server}")
        text = f"""
REDIS_URL = os.environ.get("REDIS_URL")
CHANNEL = {channel}
NOTICES = RedisNotices(REDIS_URL, CHANNEL) if REDIS_URL else None
"""
        found.append(block(text, "import os"))
        arguments += ["subscriptions=NOTICES", "lifespan=NOTICES and NOTICES.lifespan"]
    text = f"""
# what one process asks may be answered through another: all of them seal with the same key
STATE_KEYS = [key for key in os.environ.get("MCP_STATE_KEY", "").split(",") if key]

mcp = {call("MCPServer", arguments)}
"""
    sdk = "from mcp.server.mcpserver import MCPServer"
    state = "from mcp.server.request_state import RequestStateSecurity"
    return [*found, block(text, "import os", sdk, state)]
