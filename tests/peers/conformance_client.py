"""The client that the conformance suite starts: our ``Connection``, as a notebook opens it.

The suite starts a command for each scenario, gives the URL as the last argument and names the
scenario in the environment. To import the package takes longer than the scenario, so the command
is a messenger (this file, run as a script) that brings both to whoever :func:`answers`.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp_notebook import Connection

PREFIX = "MCP_CONFORMANCE_"

SAMPLES: dict[str, Any] = {"string": "one", "integer": 1, "number": 1.5, "boolean": True}


def sample(tool: Any) -> dict[str, Any]:
    """Arguments that fit a tool's schema, as far as these scenarios need them."""
    schema = tool.input_schema
    kinds = {name: one.get("type") for name, one in schema.get("properties", {}).items()}
    return {name: SAMPLES.get(kinds.get(name), "one") for name in schema.get("required", [])}


def use_everything(connection: Connection) -> None:
    """List what there is; call, read and get each."""
    for tool in connection.tools():
        answer = {"confirmed": True, "name": "Ann"}
        connection.start(tool.name, sample(tool), answer=answer, checked=False).result()
    if connection.capabilities.resources is not None:
        for uri in connection.resources().names:
            connection.read(uri)
    if connection.capabilities.prompts is not None:
        for name in connection.prompts().names:
            connection.prompt(name)


def add(connection: Connection) -> None:
    """Call one tool."""
    connection.call("add_numbers", a=5, b=3)


def accept_defaults(connection: Connection) -> None:
    """Send a form off as it is."""
    connection.start("test_client_elicitation_defaults", {}, answer={}).result()


def told_calls(connection: Connection, context: str) -> None:
    """Make the calls that the scenario names."""
    for call in json.loads(context)["toolCalls"]:
        connection.start(call["name"], call["arguments"], checked=False).result()


def echo_schema(connection: Connection) -> None:
    """Give back the schema that arrived."""
    schemas = {tool.name: tool.input_schema for tool in connection.tools()}
    connection.call("json_schema_echo", schema=schemas["json_schema_2020_12_tool"])


def look(connection: Connection) -> None:
    """List the tools."""
    connection.tools()


SCENARIOS: dict[str, Callable[..., None]] = {
    "tools_call": add,
    "elicitation-sep1034-client-defaults": accept_defaults,
    "http-custom-headers": told_calls,
    "json-schema-2020-12-preservation": echo_schema,
    "json-schema-ref-no-deref": look,
}


def play(url: str, told: Mapping[str, str]) -> None:
    """Connect, do the scenario, close."""
    from mcp_types.version import MODERN_PROTOCOL_VERSIONS

    from mcp_notebook import Workbench

    work = SCENARIOS.get(told["SCENARIO"], use_everything)
    revision = told["PROTOCOL_VERSION"]
    # to find a revision both sides have is the client's part in the modern era
    era = "auto" if revision in MODERN_PROTOCOL_VERSIONS else revision
    with Workbench() as bench, bench.connect(url, era=era, timeout=20) as connection:
        work(connection, *([told["CONTEXT"]] if work is told_calls else []))


@contextmanager
def answers(path: Path) -> Iterator[list[str]]:
    """Plays the scenarios that messengers bring to a socket; a command line to start one.

    Args:
        path: the socket's, which must be short.
    """
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def serve() -> None:
            while True:
                link, _ = listening.accept()
                with link, link.makefile("rw", encoding="utf-8") as lines:
                    told = json.loads(lines.readline())
                    if not told:
                        return
                    try:
                        play(**told)
                        lines.write("\n")
                    except Exception as error:
                        lines.write(f"{type(error).__name__}: {' '.join(str(error).split())}\n")

        answering = Thread(target=serve)
        answering.start()
        try:
            yield [sys.executable, "-I", "-S", __file__, str(path)]
        finally:
            ask(path, {})
            answering.join()


def ask(path: Path | str, told: Mapping[str, Any]) -> str:
    """Bring something to the socket; what went wrong there, if anything did."""
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(str(path))
        with link.makefile("rw", encoding="utf-8") as lines:
            lines.write(json.dumps(told) + "\n")
            lines.flush()
            return lines.readline().strip()


if __name__ == "__main__":
    found = {key: value for key, value in os.environ.items() if key.startswith(PREFIX)}
    known = {key.removeprefix(PREFIX): value for key, value in found.items()}
    sys.exit(ask(sys.argv[1], {"url": sys.argv[-1], "told": known}) or None)
