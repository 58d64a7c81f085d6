"""Tools that people type with: curl, wscat and the MCP Inspector's command lines."""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.peers.conftest import Peers, run
from tests.peers.pictures import DUE, SENT
from tests.rigs.surroundings import need

pytestmark = [pytest.mark.peers, pytest.mark.kernel, pytest.mark.timeout(120)]

Json = dict[str, Any]

ANSWER: Json = {"action": "accept", "content": {"name": "Ann", "age": 41}}
GREETED = "Hello, Ann, 41 years old!"
STEPS = [(1, 3), (2, 3), (3, 3)]
META = "io.modelcontextprotocol/"
MODERN = "2026-07-28"


class Spoken:
    """A program whose lines are read while it runs.

    Args:
        command: starts it.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._lines: queue.Queue[str] = queue.Queue()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def type(self, message: Json) -> None:
        """Type one message."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def end(self) -> None:
        """End it, and whatever it still says."""
        self.process.kill()
        self.process.wait(5)
        self._reader.join(5)
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()

    @property
    def silent(self) -> bool:
        """Whether it has shown nothing that was not read."""
        return self._lines.empty()

    def until(self, found: Any, timeout: float = 40) -> list[Json]:
        """The messages it shows, up to the first that `found` takes."""
        seen: list[Json] = []
        shown = ""
        deadline = time.monotonic() + timeout
        while True:
            try:
                line = self._lines.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                pytest.fail(f"waited {timeout} s in vain; seen so far: {shown}")
            if not line:
                pytest.fail(f"it ended with {self.process.wait(5)}: {shown}")
            shown += line
            start = line.find("{")
            if start < 0:
                continue
            seen.append(json.loads(line[start:]))
            if found(seen[-1]):
                return seen


@contextmanager
def spoken(command: Sequence[str]) -> Iterator[Spoken]:
    """Starts a program and ends it with the block."""
    program = Spoken(command)
    try:
        yield program
    finally:
        program.end()


def answers(number: int) -> Any:
    """Whether a message answers a request."""
    return lambda message: message.get("id") == number and "method" not in message


def steps(messages: list[Json]) -> list[tuple[float, float]]:
    """The progress among messages."""
    told = [m["params"] for m in messages if m.get("method") == "notifications/progress"]
    return [(one["progress"], one["total"]) for one in told]


# ---- curl --------------------------------------------------------------------------------


def curl(url: str, headers: Json, *more: str) -> list[str]:
    """A command of curl that posts what ``--data`` says."""
    need("curl")
    named = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        **headers,
    }
    flags = [word for name, value in named.items() for word in ("--header", f"{name}: {value}")]
    return [
        "curl",
        "--silent",
        "--show-error",
        "--no-buffer",
        "--max-time",
        "40",
        *flags,
        *more,
        url,
    ]


def posted(url: str, headers: Json, message: Json) -> list[Json]:
    """The messages that come back for one, as JSON or as events."""
    shown = run(curl(url, headers, "--data", json.dumps(message))).stdout
    lines = [line.removeprefix("data:").strip() for line in shown.splitlines()]
    return [json.loads(line) for line in lines if line.startswith("{")]


def legacy(number: int, method: str, **params: Any) -> Json:
    """A request of the legacy era."""
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


@pytest.fixture
def session(urls: dict[str, str], tmp_path: Path) -> Iterator[Json]:
    """The headers of a session that curl opened by hand; closed by hand again."""
    url, heads = urls["http"], tmp_path / "heads"
    hello = legacy(
        1,
        "initialize",
        protocolVersion="2025-11-25",
        capabilities={"elicitation": {}, "sampling": {}},
        clientInfo={"name": "curl", "version": "8"},
    )
    command = curl(url, {}, "--dump-header", str(heads), "--data", json.dumps(hello))
    assert '"protocolVersion":"2025-11-25"' in run(command).stdout
    found = re.search(r"(?im)^mcp-session-id: (\S+)", heads.read_text("utf-8"))
    assert found
    headers = {"Mcp-Session-Id": found[1], "MCP-Protocol-Version": "2025-11-25"}
    ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    code = ("--output", os.devnull, "--write-out", "%{http_code}")
    assert run(curl(url, headers, *code, "--data", json.dumps(ready))).stdout == "202"
    yield headers
    assert run(curl(url, headers, *code, "--request", "DELETE")).stdout == "200"
    late = json.dumps(legacy(9, "tools/list"))
    assert run(curl(url, headers, *code, "--data", late)).stdout == "404"


def test_curl_hears_of_progress_in_a_session(urls: dict[str, str], session: Json) -> None:
    call = legacy(
        2, "tools/call", name="climb", arguments={"steps": 3}, _meta={"progressToken": "t"}
    )
    told = posted(urls["http"], session, call)
    assert steps(told) == STEPS
    assert told[-1]["result"]["content"][0]["text"] == "3 steps up"


def test_curl_answers_a_question_in_a_session(urls: dict[str, str], session: Json) -> None:
    call = legacy(3, "tools/call", name="greet", arguments={})
    url = urls["http"]
    with spoken(curl(url, session, "--data", json.dumps(call))) as asking:
        question = asking.until(lambda m: m.get("method") == "elicitation/create")[-1]
        assert question["params"]["message"] == "Who are you?"
        answer = {"jsonrpc": "2.0", "id": question["id"], "result": ANSWER}
        assert posted(url, session, answer) == []
        assert asking.until(answers(3))[-1]["result"]["content"][0]["text"] == GREETED


def test_curl_sends_and_gets_a_picture_in_a_session(urls: dict[str, str], session: Json) -> None:
    call = legacy(4, "tools/call", name="negative", arguments={"png": SENT})
    image = posted(urls["http"], session, call)[-1]["result"]["content"][0]
    assert (image["type"], image["mimeType"], image["data"]) == ("image", "image/png", DUE)


def modern(url: str, number: int, method: str, **params: Any) -> tuple[str, Json, Json]:
    """A request of the modern era, with the headers that mirror it."""
    meta = {
        f"{META}protocolVersion": MODERN,
        f"{META}clientInfo": {"name": "curl", "version": "8"},
        f"{META}clientCapabilities": {"elicitation": {}},
        **params.pop("_meta", {}),
    }
    headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
    if "name" in params:
        headers["Mcp-Name"] = params["name"]
    return url, headers, legacy(number, method, **params, _meta=meta)


def test_curl_hears_of_progress_without_a_session(urls: dict[str, str]) -> None:
    token = {"progressToken": 7}
    call = modern(urls["http"], 1, "tools/call", name="climb", arguments={"steps": 3}, _meta=token)
    told = posted(*call)
    assert steps(told) == STEPS
    assert told[-1]["result"]["resultType"] == "complete"


def test_curl_answers_a_question_by_asking_again(urls: dict[str, str]) -> None:
    call = {"name": "greet", "arguments": {}}
    asked = posted(*modern(urls["http"], 1, "tools/call", **call))[-1]["result"]
    assert asked["resultType"] == "input_required"
    ((key, question),) = asked["inputRequests"].items()
    assert question["params"]["message"] == "Who are you?"
    again = {**call, "inputResponses": {key: ANSWER}, "requestState": asked["requestState"]}
    told = posted(*modern(urls["http"], 2, "tools/call", **again))[-1]["result"]
    assert told["content"][0]["text"] == GREETED


def test_curl_sends_and_gets_a_picture_without_a_session(urls: dict[str, str]) -> None:
    call = modern(urls["http"], 1, "tools/call", name="negative", arguments={"png": SENT})
    assert posted(*call)[-1]["result"]["content"][0]["data"] == DUE


def test_curl_listens_for_a_changed_list(urls: dict[str, str]) -> None:
    wanted = {"toolsListChanged": True}
    url, headers, asked = modern(urls["http"], 5, "subscriptions/listen", notifications=wanted)
    with spoken(curl(url, headers, "--data", json.dumps(asked))) as listening:
        listening.until(lambda m: m["method"] == "notifications/subscriptions/acknowledged")
        posted(*modern(url, 6, "tools/call", name="learn", arguments={"word": "curlword"}))
        listening.until(lambda m: m["method"] == "notifications/tools/list_changed")


# ---- wscat -------------------------------------------------------------------------------


def test_wscat_types_a_session(peers: Peers, urls: dict[str, str]) -> None:
    command = [*peers.script("wscat", "bin/wscat"), "--no-color", "--subprotocol", "mcp"]
    with spoken([*command, "--connect", urls["websocket"]]) as typed:
        while typed.silent:  # what is typed before it is connected is lost
            typed.type(legacy(0, "ping"))
            time.sleep(0.2)
        typed.type(
            legacy(
                1,
                "initialize",
                protocolVersion="2025-11-25",
                capabilities={"elicitation": {}},
                clientInfo={"name": "wscat", "version": "6"},
            )
        )
        assert typed.until(answers(1))[-1]["result"]["serverInfo"]["name"] == "notebook"
        typed.type({"jsonrpc": "2.0", "method": "notifications/initialized"})
        token = {"progressToken": 1}
        typed.type(legacy(2, "tools/call", name="climb", arguments={"steps": 3}, _meta=token))
        assert steps(typed.until(answers(2))) == STEPS
        typed.type(legacy(3, "tools/call", name="greet", arguments={}))
        question = typed.until(lambda m: m.get("method") == "elicitation/create")[-1]
        typed.type({"jsonrpc": "2.0", "id": question["id"], "result": ANSWER})
        assert typed.until(answers(3))[-1]["result"]["content"][0]["text"] == GREETED
        typed.type(legacy(4, "tools/call", name="negative", arguments={"png": SENT}))
        assert typed.until(answers(4))[-1]["result"]["content"][0]["data"] == DUE


# ---- the MCP Inspector ---------------------------------------------------------------------

LAUNCHER = "clients/launcher/build/index.js"
MCPDO = "clients/mcpdo/build/mcp-bin.js"
INSPECTOR = "@modelcontextprotocol/inspector"


@pytest.mark.parametrize("way", ["http", "sse", "stdio"])
def test_the_inspector_shows_what_there_is(
    peers: Peers, urls: dict[str, str], way: str, tmp_path: Path
) -> None:
    if way == "stdio":  # the bridge, as a file for a host names it
        program, *words = json.loads(urls[way])
        file = tmp_path / "mcp.json"
        file.write_text(json.dumps({"mcpServers": {"desk": {"command": program, "args": words}}}))
        target = ["--config", str(file), "--server", "desk"]
    else:
        target = [urls[way]]

    def inspected(method: str, *more: str) -> Json:
        command = [*peers.script(INSPECTOR, LAUNCHER), "--cli", *target, "--method", method]
        found: Json = json.loads(run([*command, *more], HOME=str(tmp_path)).stdout)
        return found

    def called(tool: str, *arguments: str) -> Json:
        told = inspected("tools/call", "--tool-name", tool, *arguments)
        found: Json = told["content"][0]
        return found

    # it asks for no progress, and answers no question: its other command line does that
    assert {"climb", "negative", "greet"} <= {t["name"] for t in inspected("tools/list")["tools"]}
    assert called("climb", "--tool-arg", "steps=3")["text"] == "3 steps up"
    assert called("negative", "--tool-arg", f"png={SENT}")["data"] == DUE
    if way == "sse":  # another transport of the same program: what is above shows that it fits
        return
    drawer = inspected("resources/read", "--uri", "desk://drawer/7")
    assert drawer["contents"][0]["text"] == "drawer 7 holds 21 pens"
    place = ("--prompt-name", "tidy", "--prompt-args", "place=desk")
    tidied = inspected("prompts/get", *place)["messages"][0]["content"]["text"]
    assert tidied == "Tidy the desk, please."


@pytest.fixture(scope="module")
def mcpdo(peers: Peers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The Inspector's command line that keeps its connections; its daemon ends with the module."""
    home = tmp_path_factory.mktemp("mcpdo")
    command = [*peers.script(INSPECTOR, MCPDO), "--format", "json"]
    private = run([*command, "private"], HOME=str(home)).stdout
    settings = {
        **dict(re.findall(r"export (\w+)='(.*)'", private)),
        "HOME": str(home),
        "MCP_INSPECTOR_DAEMON_DIR": str(home / "daemon"),
        "MCP_INSPECTOR_SECRET_STORE": "memory",
    }

    def ask(*words: str) -> Json:
        found: Json = json.loads(run([*command, *words], **settings).stdout)
        return found

    try:
        yield ask
    finally:
        run([*command, "daemon", "stop"], **settings)


@pytest.mark.parametrize("way", ["http", "stdio"])
@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_the_inspectors_user_answers_a_question(
    mcpdo: Any, urls: dict[str, str], era: str, way: str
) -> None:
    target = ["--", *json.loads(urls[way])] if way == "stdio" else [urls[way]]
    on = ("--connection", f"{era}-{way}")
    joined = mcpdo("connect", *on, "--era", era, *target)
    assert joined["protocolEra"] == era
    pending = mcpdo(*on, "tools/call", "greet")["elicitationPending"]
    assert pending["message"] == "Who are you?"
    answer = ("elicitation/respond", pending["elicitationId"], "name:=Ann", "age:=41")
    assert mcpdo(*on, *answer)["content"][0]["text"] == GREETED
    assert mcpdo(*on, "tools/call", "negative", f"png:={SENT}")["content"][0]["data"] == DUE
