"""Traces that the view in the browser is tested with: ``python -m tests.show.fixtures``.

They are written here, where the wire is, and read in ``widgets/test``: if the form of a Trace
changes, both sides must follow.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from mcp_notebook.runtime.connection import Connection
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.trace.events import Message
from mcp_notebook.trace.exchange import pair
from mcp_notebook.trace.framing import Framing
from mcp_notebook.trace.store import Trace
from tests.show.conftest import equipped
from tests.show.hostile import TEXT
from tests.transports import tools

FOLDER = Path(__file__).resolve().parents[2] / "widgets" / "test" / "fixtures"

CHILD = '''\
import sys
from mcp.server.mcpserver import MCPServer

server = MCPServer("child", log_level="WARNING")
print("the child is ready", file=sys.stderr, flush=True)


@server.tool()
def add(a: int, b: int = 2) -> int:
    """Add two numbers."""
    print(f"adding {a} and {b}", file=sys.stderr, flush=True)
    return a + b


server.run()
'''


def workbench() -> Workbench:
    """A workbench whose tools add, count, fail, ask, and answer with hostile text."""
    one = equipped()
    one.tool(tools.tall)

    @one.tool
    def hostile() -> str:
        """Say something that must never become HTML."""
        return TEXT

    return one


def converse(connection: Connection) -> None:
    """Every kind of message: answers, progress, a failed tool."""
    connection.tools()
    connection.call("add", a=2, b=3)
    connection.start("count", {"n": 3}, on_progress=lambda *_: None).result()
    connection.call("boom", why="on purpose")


def roads(one: Workbench, *, transports: tuple[str, ...], eras: tuple[str, ...]) -> None:
    """The same conversation over each transport in each era."""
    for transport in transports:
        endpoint = one.serve(transport=transport, name=transport)
        for era in eras:
            connection = one.connect(endpoint, era=era, name=f"{transport}-{era}")
            converse(connection)
            asked = era == "modern" or transport not in ("http-json",)
            if asked:
                connection.start("tall", {}, answer=170).result()
            connection.call("hostile")
            connection.send(b'{"jsonrpc":"2.0","id":"x1","method":"no/such"}')
            connection.close()
        endpoint.stop()


QUERIES = (
    "kind:error",
    "kind:response -kind:error",
    "tool:add dir:c2s",
    "tool:co*",
    "method:tools/* status:tool-error",
    "status:input-required,error",
    "id:1",
    r'conn:*modern "\"id\":1"',
    "slow:>0ms vantage:client",
    "kind:chunk,opened dir:s2c",
    "kind:stderr",
    "-kind:message -kind:chunk",
    '"<script>" -vantage:server',
    "transport:ws",
)


def expected(trace: Trace) -> dict[str, Any]:
    """What Python makes of a Trace: the page must make the same of it."""
    events = trace.events()
    framing = Framing(events)
    places: dict[str, Any] = {}
    for event in events:
        found = framing.locate(event) if isinstance(event, Message) else None
        if found is not None:
            places[str(event.seq)] = {
                "layer": found.units[-1].layer,
                "spans": [[span.start, span.end] for span in found.spans],
                "unit": [found.units[0].span.start, found.units[-1].span.end],
                "head": found.head and [found.head.span.start, found.head.span.end],
            }
    return {
        "exchanges": [
            {
                "seq": one.seq,
                "method": one.method,
                "name": one.name,
                "status": one.status.value,
                "answers": [message.seq for message in one.answers],
                "progress": [message.seq for message in one.progress],
                "related": [message.seq for message in one.related],
                "retry_of": one.retry_of,
                "rounds": list(one.rounds),
            }
            for one in pair(events)
        ],
        "places": places,
        "queries": {query: [e.seq for e in trace.select(query)] for query in QUERIES},
    }


def write(folder: Path) -> list[Path]:
    """Write every fixture."""
    folder.mkdir(parents=True, exist_ok=True)
    both = ("legacy", "modern")
    plans: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
        "memory": (("memory",), both),
        "http": (("http",), both),
        "sse": (("sse",), ("legacy",)),
        "websocket": (("websocket",), both),
        "roads": (("http", "http-json", "sse", "websocket"), ("legacy",)),
    }
    written = []
    for name, (transports, eras) in plans.items():
        with workbench() as one:
            roads(one, transports=transports, eras=eras)
            written.append(folder / f"{name}.jsonl")
            one.trace.save(written[-1])
    child = folder / "child.py"
    child.write_text(CHILD, encoding="utf-8")
    with Workbench() as one:
        connection = one.connect([sys.executable, str(child)], name="child", era="modern")
        connection.call("add", a=2, b=3)
        connection.close()
        written.append(folder / "stdio.jsonl")
        one.trace.save(written[-1])
    child.unlink()
    text = written[-1].read_text(encoding="utf-8")
    for true, shown in ((sys.executable, "python"), (str(child), "server.py")):
        text = text.replace(true, shown)
    written[-1].write_text(text, encoding="utf-8")
    for path in written:
        facts = expected(Trace.load(path))
        path.with_suffix(".expected.json").write_text(json.dumps(facts) + "\n", encoding="utf-8")
    return written


if __name__ == "__main__":
    for path in write(FOLDER):
        sys.stdout.write(f"{path.name} {path.stat().st_size}\n")
