"""Servers that are not ours: the three of the lessons, two of them written with the SDK."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_notebook.errors import CallError, UsageError
from mcp_notebook.runtime.connection import Connection
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.trace.events import StderrLine
from mcp_notebook.transports.ports import free_port

SERVERS = Path(__file__).parents[2] / "lessons" / "servers"


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    with Workbench(folder=str(tmp_path_factory.mktemp("foreign"))) as bench:
        yield bench


@pytest.fixture(scope="module")
def weather(foreign: Workbench) -> Connection:
    return foreign.connect(str(SERVERS / "weather_stdio.py"), timeout=30)


@pytest.fixture(scope="module")
def bare(foreign: Workbench) -> Connection:
    return foreign.connect([sys.executable, str(SERVERS / "bare_stdio.py")], timeout=30)


def await_port(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 40
    while server.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except ConnectionRefusedError:
            time.sleep(0.05)  # a server announces nothing before it listens
        else:
            return
    pytest.fail(f"the clock does not listen:\n{log.read_text()}")


@pytest.fixture(scope="module")
def clock_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    log = tmp_path_factory.mktemp("clock") / "log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, str(SERVERS / "clock_http.py"), str(port)], stdout=out, stderr=out
        )
        try:
            await_port(port, server, log)
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            server.terminate()
            server.wait(10)


def test_a_file_becomes_a_connection_of_its_name(weather: Connection) -> None:
    assert weather.name == "weather_stdio"
    assert weather.transport == "stdio"
    assert weather.era == "modern"
    assert weather.instructions == "Ask for one city at a time."
    assert weather.tools().names == ["temperature", "warmest"]


def test_the_weather_never_changes(weather: Connection) -> None:
    warm = {"city": "Cairo", "temperature": 31.0, "unit": "celsius"}
    assert weather.call("temperature", city="Cairo").value == warm
    assert weather.call("temperature", city="Oslo", unit="fahrenheit").value["temperature"] == 39.2
    assert weather.call("warmest", cities=["Lima", "Bergen"]).value == "Lima"


def test_a_foreign_tool_that_fails_is_an_answer(weather: Connection) -> None:
    result = weather.call("temperature", city="Atlantis")
    assert result.is_error
    assert result.failure is None


def test_a_value_outside_its_choices_is_refused_here(weather: Connection) -> None:
    with pytest.raises(UsageError, match="unit"):
        weather.call("temperature", city="Oslo", unit="kelvin")


def test_its_resources_and_prompts_are_read(weather: Connection) -> None:
    assert weather.resources().names == ["weather://cities", "weather://city/{name}"]
    assert weather.read("weather://cities").value == "Bergen\nCairo\nLima\nOslo"
    assert weather.read("weather://city/Oslo").value == "It is 4.0 °C in Oslo."
    assert "Lima" in weather.prompt("packing", destination="Lima").text


def test_the_same_server_speaks_the_legacy_era(foreign: Workbench) -> None:
    path = str(SERVERS / "weather_stdio.py")
    with foreign.connect(path, era="legacy", name="old", timeout=30) as connection:
        assert connection.protocol_version == "2025-11-25"
        assert connection.call("warmest", cities=["Oslo", "Cairo"]).value == "Cairo"


def test_a_server_without_any_library_is_reached(bare: Connection) -> None:
    assert bare.name == "bare_stdio"
    assert bare.era == "legacy"
    assert bare.server_info is not None
    assert bare.server_info.name == "bare"
    assert bare.call("count_words", text="one two  three").value == "3"


def test_its_words_on_stderr_are_in_the_trace(bare: Connection, foreign: Workbench) -> None:
    bare.call("count_words", text="")
    said = [e.text for e in foreign.trace if isinstance(e, StderrLine) and e.conn == bare.name]
    assert said == ["bare server: reading standard input"]


def test_it_answers_raw_lines_as_json_rpc_says(bare: Connection) -> None:
    lines = (
        '{"jsonrpc":"2.0","id":"a","method":"nope"}\n{"jsonrpc":"2.0","id":"b","method":"ping"}\n'
    )
    answers = [m.json() for m in bare.send(lines)]
    assert [(a["id"], a.get("error", {}).get("code")) for a in answers] == [
        ("a", -32601),
        ("b", None),
    ]
    (garbage,) = bare.send("{nonsense\n", timeout=5)
    assert garbage.json()["error"]["code"] == -32700


def test_it_reports_a_mistake_of_the_model_as_a_result(bare: Connection) -> None:
    result = bare.start("count_words", {"text": 3}, checked=False).result()
    assert result.is_error
    assert result.text == "text must be a string"


def test_what_it_does_not_have_is_an_error_with_its_code(bare: Connection) -> None:
    with pytest.raises(CallError) as caught:
        bare.read("note://anything")
    assert caught.value.code == -32601


def test_it_reads_to_the_end_of_its_input_and_ends() -> None:
    asked = [
        {"jsonrpc": "2.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        [],
    ]
    done = subprocess.run(
        [sys.executable, str(SERVERS / "bare_stdio.py")],
        input="".join(json.dumps(one) + "\n" for one in asked),
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers[0] == {"jsonrpc": "2.0", "id": 1, "result": {}}
    assert answers[1]["error"]["code"] == -32600
    assert len(answers) == 2


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_a_server_of_another_process_is_reached_over_http(
    foreign: Workbench, clock_url: str, era: str
) -> None:
    seen: list[object] = []
    with foreign.connect(clock_url, era=era, name=f"clock-{era}") as clock:
        assert clock.tools().names == ["shift", "countdown"]
        assert clock.call("shift", time="22:30", hours=3).value == "01:30"
        call = clock.start("countdown", {"start": 3}, on_progress=lambda *step: seen.append(step))
        assert call.result().value == "lift-off"
    assert seen == [(1, 3, "2 to go"), (2, 3, "1 to go"), (3, 3, "0 to go")]


def test_the_clock_wants_a_port() -> None:
    done = subprocess.run(
        [sys.executable, str(SERVERS / "clock_http.py")], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 1
    assert "usage" in done.stderr
