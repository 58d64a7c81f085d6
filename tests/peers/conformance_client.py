"""The client that the conformance suite starts: our ``Connection``, as a notebook opens it.

The suite gives the URL as the last argument and names the scenario in the environment.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from mcp_notebook import Connection, McpError, Workbench

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


def told_calls(connection: Connection) -> None:
    """Make the calls that the scenario names."""
    for call in json.loads(os.environ["MCP_CONFORMANCE_CONTEXT"])["toolCalls"]:
        connection.start(call["name"], call["arguments"], checked=False).result()


def echo_schema(connection: Connection) -> None:
    """Give back the schema that arrived."""
    schemas = {tool.name: tool.input_schema for tool in connection.tools()}
    connection.call("json_schema_echo", schema=schemas["json_schema_2020_12_tool"])


def look(connection: Connection) -> None:
    """List the tools."""
    connection.tools()


SCENARIOS = {
    "tools_call": add,
    "elicitation-sep1034-client-defaults": accept_defaults,
    "http-custom-headers": told_calls,
    "json-schema-2020-12-preservation": echo_schema,
    "json-schema-ref-no-deref": look,
}


def main() -> None:
    """Connect, do the scenario, close."""
    work = SCENARIOS.get(os.environ["MCP_CONFORMANCE_SCENARIO"], use_everything)
    revision = os.environ["MCP_CONFORMANCE_PROTOCOL_VERSION"]
    # to find a revision both sides have is the client's part in the modern era
    era = "auto" if revision in MODERN_PROTOCOL_VERSIONS else revision
    with Workbench() as bench, bench.connect(sys.argv[-1], era=era, timeout=20) as connection:
        work(connection)


if __name__ == "__main__":
    try:
        main()
    except McpError as error:
        sys.exit(str(error))
