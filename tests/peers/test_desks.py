"""Servers of other libraries, in an environment of their own, reached in both eras.

One is FastMCP's, one of the Python SDK 2.x alone: the same desk, and what each of them has more.
"""

from __future__ import annotations

import base64
import functools
import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from mcp_notebook.errors import UsageError
from mcp_notebook.runtime.connection import Connection
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.transports.ports import free_port
from tests.peers.conftest import Peers, listening

pytestmark = [pytest.mark.peers, pytest.mark.timeout(120)]

PNG = b"\x89PNG\r\n\x1a\n"
SERVERS = {"fastmcp": "fastmcp_desk.py", "sdk2": "sdk2_desk.py"}
REVISIONS = {"auto": "2026-07-28", "legacy": "2025-11-25"}
WAYS = [
    ("fastmcp", "http", "auto"),
    ("fastmcp", "http", "legacy"),
    ("fastmcp", "stdio", "auto"),
    ("sdk2", "http", "auto"),
    ("sdk2", "http", "legacy"),
    ("sdk2", "stdio", "auto"),
]
WORDS = itertools.count(1)


@pytest.fixture(scope="module")
def served(
    peers: Peers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], str]]:
    """Starts a server over HTTP, once, and gives its address."""
    with ExitStack() as stack:

        @functools.cache
        def start(server: str) -> str:
            port = free_port()
            log = tmp_path_factory.mktemp(server) / "log"
            command = [*peers.desk(SERVERS[server]), str(port)]
            stack.enter_context(listening(command, port, log))
            return f"http://127.0.0.1:{port}/mcp"

        yield start


@pytest.fixture(scope="module", params=WAYS, ids="-".join)
def way(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    """A server, how it is reached, in which era."""
    found: tuple[str, str, str] = request.param
    return found


@pytest.fixture(scope="module")
def desk(
    peers: Peers, bench: Workbench, served: Callable[[str], str], way: tuple[str, str, str]
) -> Iterator[Connection]:
    """A connection to it."""
    server, road, era = way
    target = served(server) if road == "http" else peers.desk(SERVERS[server])
    with bench.connect(target, era=era, name="-".join(way), timeout=40) as connection:
        yield connection


def test_it_speaks_the_era_that_was_asked_for(desk: Connection, way: tuple[str, str, str]) -> None:
    server, road, era = way
    assert (desk.transport, desk.protocol_version) == (road, REVISIONS[era])
    assert desk.server_info is not None
    version = {"fastmcp": "4", "sdk2": "2"}[server]
    assert (desk.server_info.name, desk.server_info.version) == ("desk", version)
    assert {"climb", "dot", "size", "weather", "greet", "learn"} <= set(desk.tools().names)


def test_progress_pictures_and_structure_arrive(desk: Connection) -> None:
    steps: list[tuple[object, ...]] = []
    call = desk.start("climb", {"steps": 3}, on_progress=lambda *step: steps.append(step))
    assert call.result().text == "3 steps up"
    assert steps == [(1, 3, "step 1"), (2, 3, "step 2"), (3, 3, "step 3")]
    (dot,) = desk.call("dot").content
    assert (dot.type, dot.mime_type) == ("image", "image/png")
    assert base64.b64decode(dot.data).startswith(PNG)
    assert desk.call("size", png=dot.data).value == len(base64.b64decode(dot.data))
    assert desk.call("weather", city="Rome").structured == {"city": "Rome", "degrees": 21.5}
    assert desk.call("fail").is_error


def test_its_question_is_answered_and_declined(desk: Connection) -> None:
    greeted = desk.start("greet", {}, answer={"name": "Ann", "age": 41}).result()
    assert greeted.text == "Hello, Ann, 41 years old!"
    assert "Ann" not in desk.start("greet", {}, answer="decline").result().text


def test_resources_prompts_and_completions(desk: Connection) -> None:
    assert desk.resources().names == ["note://today", "desk://drawer/{number}"]
    assert desk.read("desk://drawer/7").text == "drawer 7 holds 21 pens"
    assert "Tidy the desk, please." in desk.prompt("tidy", place="desk").text
    assert desk.complete("tidy", "place", "d") == ["desk", "den"]


def test_a_tool_that_came_later_is_told_and_called(
    desk: Connection, way: tuple[str, str, str]
) -> None:
    word = f"word{next(WORDS)}"
    if way[0] == "fastmcp" and way[2] == "auto":
        with pytest.raises(UsageError, match="does not take listeners"):
            desk.listen()
        desk.call("learn", word=word)
    else:
        heard = desk.listen()
        desk.call("learn", word=word)
        assert heard.wait(1, timeout=30)[0] == "notifications/tools/list_changed"
        heard.stop()
    assert word in desk.tools().names
    assert desk.call(word).text == f"{word} it is"


def test_what_the_sdk_has_more(desk: Connection, way: tuple[str, str, str]) -> None:
    if way[0] != "sdk2":
        assert "rhyme" not in desk.tools().names
        return
    rhymed = desk.start("rhyme", {}, answer="The sea is wide").result()
    assert rhymed.text == "The sea is wide / And so say we."
    if way[2] == "auto":  # it lets nobody subscribe in the legacy era
        heard = desk.listen("note://today")
        desk.call("write", text="sharpen pencils")
        assert heard.wait(1, timeout=30)[0] == "notifications/resources/updated note://today"
        heard.stop()
        assert desk.read("note://today").text == "sharpen pencils"
