"""The page that says which foreign programs the tests run, held to the tests and to the pins."""

from __future__ import annotations

import inspect
import json
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.peers import (
    conformance,
    install,
    test_clients,
    test_conformance,
    test_desks,
    test_hosts,
    test_launchers,
    test_servers,
    test_tools,
)
from tests.peers.conftest import HERE
from tests.structure.house import ROOT

PAGE = ROOT / "docs" / "peers.md"
BEGIN, END = "<!-- from the tests: begin -->\n", "<!-- from the tests: end -->"
WRITE = "WRITE_DOCS"
"""Set in the environment, the page is written anew instead of compared."""

ERAS = {"auto": "modern", "2026-07-28": "modern"}
"""Whatever else is asked for or spoken is the legacy era."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A foreign program.

    Attributes:
        package: its name in its registry.
        pins: the file that says which version; empty for what the system has.
        what: what it is to us.
        over: roads and eras; from the data that the tests run by, where there are any.
        tried: what the tests do with it.
        left: what is not tried, with the reason.
        tests: those that run it.
        named: a file of the tests, and the words in it that start the program.
    """

    package: str
    pins: str
    what: str
    over: str
    tried: str
    left: str = ""
    tests: tuple[Callable[..., Any], ...]
    named: tuple[str, str]


def roads(pairs: Iterable[tuple[str, str]]) -> str:
    """Roads with the eras that each is used in."""
    found: dict[str, set[str]] = {}
    for road, era in pairs:
        found.setdefault("bridge" if road == "stdio" else road, set()).add(ERAS.get(era, "legacy"))
    return ", ".join(f"{road} ({', '.join(sorted(eras))})" for road, eras in found.items())


def visits(client: str) -> str:
    """Where a client goes."""
    found = test_clients.VISITS[client]
    return roads((road, test_clients.spoken(client, how, road)) for how, road in found)


def ways(server: str) -> str:
    """How a server is reached."""
    found = [(road, era) for name, road, era in test_desks.WAYS if name == server]
    return roads(found).replace("bridge", "stdio")


def asking_for(module: Any, fixture: str) -> tuple[Callable[..., Any], ...]:
    """The tests of a module that ask for a fixture."""
    found = [one for name, one in vars(module).items() if name.startswith("test_")]
    return tuple(one for one in found if fixture in inspect.signature(one).parameters)


ALL = "list, call, progress, image each way, elicitation, sampling, resource, prompt, change notice"
NO_SUBSCRIPTION = "it lets nobody subscribe"
BY_SUITE = "completion, subscription: the conformance suite does"

PEERS = [
    Peer(
        package="@modelcontextprotocol/server-everything",
        pins="package.json",
        what="server",
        over=", ".join(
            f"{road.replace('streamableHttp', 'http')} (legacy)" for road in test_servers.ROADS
        ),
        tried="list, call, structured content, progress, cancel, image, resource, link, "
        "subscription, prompt, completion, elicitation (form and page), sampling",
        left="it speaks the legacy era alone",
        tests=asking_for(test_servers, "everything"),
        named=("conftest.py", '"@modelcontextprotocol/server-everything"'),
    ),
    Peer(
        package="@modelcontextprotocol/server-filesystem",
        pins="package.json",
        what="server",
        over="stdio (legacy)",
        tried="call, image, words on stderr, refusal",
        left="it has no resources, prompts or questions",
        tests=(test_servers.test_files_are_written_read_and_kept_inside,),
        named=("test_servers.py", '"@modelcontextprotocol/server-filesystem"'),
    ),
    Peer(
        package="mcp-server-time",
        pins="requirements/sdk1.txt",
        what="server",
        over="stdio (legacy)",
        tried="list, call, refusal",
        left="it has tools alone",
        tests=(test_servers.test_the_clock_of_pypi_tells_the_time_in_either_era,),
        named=("test_servers.py", '"mcp_server_time"'),
    ),
    Peer(
        package="mcp-server-time",
        pins="constraints.txt",
        what="server",
        over="stdio (legacy, modern)",
        tried="list, call, refusal",
        left="it has tools alone",
        tests=(test_servers.test_the_clock_of_pypi_tells_the_time_in_either_era,),
        named=("test_servers.py", '"mcp_server_time"'),
    ),
    Peer(
        package="fastmcp",
        pins="requirements/fastmcp.txt",
        what="server",
        over=ways("fastmcp"),
        tried="list, call, structured content, progress, image each way, resource, prompt, "
        "completion, elicitation, change notice (legacy)",
        left=f"{NO_SUBSCRIPTION}, and tells of no change in the modern era",
        tests=asking_for(test_desks, "desk"),
        named=("servers/fastmcp_desk.py", "from fastmcp import"),
    ),
    Peer(
        package="mcp",
        pins="requirements/fastmcp.txt",
        what="server",
        over=ways("sdk2"),
        tried="list, call, structured content, progress, image each way, resource, "
        "subscription (modern), prompt, completion, elicitation, sampling, change notice",
        left=f"subscription in the legacy era: {NO_SUBSCRIPTION}",
        tests=asking_for(test_desks, "desk"),
        named=("servers/sdk2_desk.py", "from mcp.server.mcpserver import"),
    ),
    Peer(
        package="mcp",
        pins="requirements/sdk1.txt",
        what="client",
        over=visits("sdk1.py"),
        tried=ALL,
        left=BY_SUITE,
        tests=(test_clients.test_a_foreign_client,),
        named=("clients/sdk1.py", "from mcp.client.websocket import websocket_client"),
    ),
    Peer(
        package="@modelcontextprotocol/sdk",
        pins="package.json",
        what="client",
        over=visits("sdk1.mjs"),
        tried=ALL,
        left=BY_SUITE,
        tests=(test_clients.test_a_foreign_client,),
        named=("clients/sdk1.mjs", '"@modelcontextprotocol/sdk/client/websocket.js"'),
    ),
    Peer(
        package="@modelcontextprotocol/client",
        pins="package.json",
        what="client",
        over=visits("sdk2.mjs"),
        tried=ALL,
        left=BY_SUITE,
        tests=(test_clients.test_a_foreign_client,),
        named=("clients/sdk2.mjs", '"@modelcontextprotocol/client"'),
    ),
    Peer(
        package="fastmcp",
        pins="requirements/fastmcp.txt",
        what="client",
        over=visits("fastmcp.py"),
        tried=f"{ALL} (legacy)",
        left=f"change notice in the modern era: it does not listen; {BY_SUITE}",
        tests=(
            test_clients.test_a_foreign_client,
            test_hosts.test_fastmcp_reads_the_file_and_calls_the_notebook,
        ),
        named=("clients/fastmcp.py", "from fastmcp import Client"),
    ),
    Peer(
        package="@modelcontextprotocol/inspector",
        pins="package.json",
        what="client: command lines",
        over="http (legacy, modern), sse (legacy), bridge (legacy, modern)",
        tried="list, call, image each way, resource, prompt, elicitation",
        left="progress: it shows none",
        tests=(
            test_tools.test_the_inspector_shows_what_there_is,
            test_tools.test_the_inspectors_user_answers_a_question,
            test_hosts.test_the_inspector_reads_the_file_and_calls_the_notebook,
        ),
        named=("test_tools.py", '"@modelcontextprotocol/inspector"'),
    ),
    Peer(
        package="curl",
        pins="",
        what="client by hand",
        over="http (legacy, modern)",
        tried="session, call, progress, image each way, elicitation, change notice (modern)",
        left="resource, prompt, sampling: on the wire they look like what is tried",
        tests=tuple(one for name, one in vars(test_tools).items() if name.startswith("test_curl")),
        named=("test_tools.py", 'need("curl")'),
    ),
    Peer(
        package="wscat",
        pins="package.json",
        what="client by hand",
        over="websocket (legacy)",
        tried="session, call, progress, image each way, elicitation",
        left="resource, prompt, sampling: on the wire they look like what is tried",
        tests=(test_tools.test_wscat_types_a_session,),
        named=("test_tools.py", '"wscat"'),
    ),
    Peer(
        package="@modelcontextprotocol/conformance",
        pins="package.json",
        what="the official suite",
        over="http, http-json; our client",
        tried="; ".join(
            f"{revision}: the {count} scenarios required of a server, "
            f"{len(test_conformance.CLIENT_SCENARIOS[revision])} of a client"
            for revision, count in test_conformance.REQUIRED.items()
        ),
        left="OAuth; some of it fails over `http-json`, which cannot stream",
        tests=(
            test_conformance.test_a_notebooks_server_conforms,
            test_conformance.test_a_connection_conforms,
        ),
        named=("conformance.py", '"@modelcontextprotocol/conformance"'),
    ),
    Peer(
        package="jupyter_ai_persona_manager",
        pins="requirements/jupyterai.txt",
        what="parser of its host's file",
        over="the file that `%mcp config` writes",
        tried="read",
        tests=(test_hosts.test_the_parser_of_jupyter_ai,),
        named=("clients/parsers.py", "from jupyter_ai_persona_manager"),
    ),
    Peer(
        package="npx",
        pins="",
        what="starts servers",
        over="stdio",
        tried="an installed package, a folder; closed, restarted, killed: nothing survives",
        tests=(test_launchers.test_nothing_survives_a_launcher,),
        named=("test_launchers.py", '"npx"'),
    ),
    Peer(
        package="uv",
        pins="constraints.txt",
        what="starts servers",
        over="stdio",
        tried="`uv run` of a module, of a script; closed, restarted, killed: nothing survives",
        tests=(test_launchers.test_nothing_survives_a_launcher,),
        named=("test_launchers.py", '.with_name("uv")'),
    ),
]


def version(peer: Peer) -> str:
    """Which one the pins name."""
    if not peer.pins:
        return "the system's"
    if peer.pins == "package.json":
        told = json.loads((HERE / peer.pins).read_text("utf-8"))
        return str(told["dependencies"][peer.package])
    file = ROOT / peer.pins if peer.pins == "constraints.txt" else HERE / peer.pins
    found = re.search(rf"(?mi)^{re.escape(peer.package)}==(\S+)$", file.read_text("utf-8"))
    assert found, f"{peer.pins} does not pin {peer.package}"
    return found[1]


def place(test: Callable[..., Any]) -> str:
    """A test as pytest names it, from the folder of these tests."""
    return f"{inspect.getfile(test).rpartition('/')[2]}::{test.__name__}"


def written() -> str:
    """The table."""
    head = ("program", "version", "what it is here", "reached over", "tried", "not tried, and why")
    lines = [f"| {' | '.join(head)} |", "| --- " * len(head) + "|"]
    for one in PEERS:
        cells = (one.package, version(one), one.what, one.over, one.tried, one.left or "-")
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "Shown by:", ""]
    for one in PEERS:
        shown = ", ".join(f"`{place(test)}`" for test in one.tests)
        lines.append(f"- {one.package} {version(one)}, {one.what}: {shown}")
    return "\n".join(lines) + "\n"


def test_the_page_says_what_the_tests_run() -> None:
    page = PAGE.read_text("utf-8")
    before, rest = page.split(BEGIN)
    inside, after = rest.split(END)
    due = "\n" + written() + "\n"
    if WRITE in os.environ:
        PAGE.write_text(before + BEGIN + due + END + after, encoding="utf-8")
        return
    assert inside == due, f"write it anew: {WRITE}=1 pytest tests/peers/test_page.py"


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: f"{peer.package} {peer.what}")
def test_each_program_of_the_page_is_started_by_tests_that_run(peer: Peer) -> None:
    assert peer.tests
    for test in peer.tests:
        module = inspect.getmodule(test)
        assert module is not None
        marks = [mark.name for mark in module.pytestmark]
        assert "peers" in marks
    file, words = peer.named
    assert words in (HERE / file).read_text("utf-8")


def test_whatever_is_pinned_to_be_run_is_on_the_page() -> None:
    told = json.loads((HERE / "package.json").read_text("utf-8"))
    npm = {peer.package for peer in PEERS if peer.pins == "package.json"}
    assert npm == set(told["dependencies"])
    environments = {peer.pins for peer in PEERS if peer.pins.startswith("requirements/")}
    assert environments == {f"requirements/{file.name}" for file in install.ENVIRONMENTS}
    assert conformance.PACKAGE in npm
