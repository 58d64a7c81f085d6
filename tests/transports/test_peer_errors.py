"""What a peer says in an error, how long it may take, and what it may not pretend."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from mcp.server.mcpserver import Context

from mcp_notebook.errors import CallError, CallTimeout, ConnectError, ConnectionLost, UsageError
from mcp_notebook.runtime.workbench import Workbench
from tests.transports.test_hostile import GOOD, line, on_call, scripted, shake_hands
from tests.transports.tools import Size


@pytest.mark.parametrize("code", [-32000, -32001])
def test_a_code_of_the_servers_own_is_its_answer_and_not_the_end(
    bench: Workbench, code: int
) -> None:
    error = json.dumps({"code": code, "message": "rate limited"})
    refusal = f'{{"jsonrpc":"2.0","id":ID,"error":{error}}}\n'.encode()
    with scripted(on_call(refusal)) as url, bench.connect(url, era="legacy") as connection:
        for _ in range(2):
            with pytest.raises(CallError, match="rate limited") as caught:
                connection.call("odd")
            assert caught.value.code == code
        assert connection.is_open


def test_the_words_of_a_peer_are_masked_escaped_and_cut(bench: Workbench) -> None:
    bench.trace.secrets.add("hunter2hunter2")
    error = {"code": -32042, "message": "\x1b[31m\u202e hunter2hunter2 " + "x" * 5000}
    refusal = b'{"jsonrpc":"2.0","id":ID,"error":' + json.dumps(error).encode() + b"}\n"
    with (
        scripted(on_call(refusal)) as url,
        bench.connect(url, era="legacy") as connection,
        pytest.raises(CallError) as caught,
    ):
        connection.call("odd")
    text = str(caught.value)
    assert text.isprintable()
    assert r"\x1b[31m\u202e *** xxx" in text
    assert "hunter2" not in text
    assert len(text) < 400


def test_the_words_of_a_refused_handshake_are_fit_to_be_read(bench: Workbench) -> None:
    def answer(message: dict[str, Any]) -> list[bytes]:
        error = {"code": -32042, "message": "\x1b[2Jno"}
        return [line({"id": message["id"], "error": error})]

    with scripted(answer) as url, pytest.raises(ConnectError, match=r"\\x1b\[2Jno") as caught:
        bench.connect(url, era="legacy")
    assert str(caught.value).isprintable()
    assert caught.value.__suppress_context__
    assert caught.value.__context__ is not None


def test_every_request_has_a_limit(bench: Workbench) -> None:
    def answer(message: dict[str, Any]) -> list[bytes]:
        if message.get("method") == "resources/read":
            return []
        return shake_hands(message)

    with scripted(answer) as url, bench.connect(url, era="legacy", timeout=20) as connection:
        connection.session.timeout_s = 0.05
        with pytest.raises(CallTimeout, match=r"no answer in 0\.05 s"):
            connection.read("note://one")
        assert connection.is_open


def test_looking_a_tool_up_is_part_of_the_calls_time(bench: Workbench) -> None:
    seen: list[str] = []

    def answer(message: dict[str, Any]) -> list[bytes]:
        seen.append(message.get("method", ""))
        if seen.count("tools/list") == 2:
            return []
        return shake_hands(message)

    with (
        scripted(answer) as url,
        bench.connect(url, era="legacy", timeout=20) as connection,
        pytest.raises(CallTimeout),
    ):
        connection.start("unknown", {}, timeout=0.05).result()


def test_time_stands_still_while_a_question_is_open(bench: Workbench) -> None:
    @bench.tool
    async def tall(ctx: Context[Any, Any]) -> str:
        await ctx.elicit("How tall?", Size)
        await asyncio.Event().wait()
        return "never"

    asked = threading.Event()

    async def slow(_question: Any) -> dict[str, int]:
        asked.set()
        await asyncio.sleep(0.4)  # longer than the limit
        return {"centimetres": 3}

    connection = bench.connect(bench.serve(transport="memory"), era="legacy")
    call = connection.start("tall", {}, answer=slow, timeout=0.3)
    with pytest.raises(CallTimeout, match=r"in 0\.3 s"):
        call.result()
    assert asked.is_set()
    assert len(call.answers.asked) == 1


def test_a_revision_that_cannot_be_asked_for_is_refused(bench: Workbench) -> None:
    endpoint = bench.serve(transport="memory")
    with pytest.raises(UsageError, match=r"2024-11-05 cannot be asked for.*--era legacy"):
        bench.connect(endpoint, era="2024-11-05")


def test_a_program_that_echoes_is_no_server(bench: Workbench) -> None:
    with pytest.raises(ConnectError, match="echoes what it gets"):
        bench.connect(["cat"], timeout=20)


def test_asking_in_the_way_of_the_other_era_is_explained(bench: Workbench) -> None:
    refusal = {
        "code": -32600,
        "message": "Cannot send 'elicitation/create': this transport context has no "
        "back-channel for server-initiated requests.",
    }
    raw = b'{"jsonrpc":"2.0","id":ID,"error":' + json.dumps(refusal).encode() + b"}\n"
    with (
        scripted(on_call(raw)) as url,
        bench.connect(url, era="legacy") as connection,
        pytest.raises(CallError, match=r"--era legacy.*input_required"),
    ):
        connection.call("odd")


def test_an_answer_in_time_is_no_timeout(bench: Workbench) -> None:
    with scripted(on_call(GOOD)) as url, bench.connect(url, era="legacy") as connection:
        assert connection.start("odd", {}, timeout=30).result().value == "good"


def test_raw_bytes_that_get_no_answer_end_at_their_limit(bench: Workbench) -> None:
    started = threading.Event()

    @bench.tool
    async def hang() -> None:
        started.set()
        await asyncio.Event().wait()

    connection = bench.connect(bench.serve(transport="http"), era="legacy")
    request = {"jsonrpc": "2.0", "id": "x", "method": "tools/call", "params": {"name": "hang"}}
    assert connection.send(json.dumps(request), timeout=0.3) == []
    assert started.is_set()
    assert connection.is_open


def test_raw_bytes_to_a_server_that_has_gone_are_one_line(bench: Workbench) -> None:
    connection = bench.connect(bench.serve(transport="http").url)
    bench.endpoints["notebook-http"].stop()
    with pytest.raises(ConnectionLost, match="is gone"):
        connection.send('{"jsonrpc":"2.0","id":1,"method":"ping"}')


def test_raw_bytes_may_name_a_tool_beyond_ascii(bench: Workbench) -> None:
    bench.tool(lambda: 1, name="größe")
    connection = bench.connect(bench.serve(transport="http"), era="modern")
    sent = connection.call("größe").exchange
    assert sent is not None
    raw = next(e.raw for e in bench.trace.messages() if e.seq == sent.seq)
    (answer,) = connection.send(raw)
    assert "error" not in answer.json()


def test_listening_to_the_same_again_is_one_subscription(bench: Workbench) -> None:
    connection = bench.connect(bench.serve(transport="memory"), era="modern")
    first = connection.listen()
    assert connection.listen() is first
    assert connection.listen("note://one") is not first
    first.stop()
    assert first.ended
    second = connection.listen()
    assert second is not first
    connection.close()
    assert second.ended
    assert connection.listenings == {}


def test_underlining_is_left_out_of_last_words(bench: Workbench) -> None:
    program = "import sys; sys.exit('Traceback\\n    f(x)\\n    ~^^^\\nNameError: x')"
    with pytest.raises(ConnectError, match=r"Traceback \| f\(x\) \| NameError: x"):
        bench.connect([sys.executable, "-c", program], timeout=20)


def test_a_file_is_found_whatever_folder_its_child_starts_in(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "srv.py").write_text(
        "from mcp.server.mcpserver import MCPServer\nmcp = MCPServer('s')\nmcp.run()\n"
    )
    with bench.connect("sub/srv.py", cwd="sub", timeout=40) as connection:
        assert connection.target == "python sub/srv.py"


def test_the_last_resort_is_not_what_a_bare_connect_means(bench: Workbench) -> None:
    chosen = bench.serve(transport="tcp")
    bench.connect(bench.server("other"))
    assert bench.endpoints["other-memory"].last_resort
    assert bench.connect().endpoint is chosen


def test_a_lost_connection_is_forgotten_with_the_next_change(bench: Workbench) -> None:
    endpoint = bench.serve(transport="memory")
    connection = bench.connect(endpoint, name="mine")
    endpoint.stop()
    assert bench.connections["mine"] is connection
    assert connection.status.startswith("lost")
    bench.serve(transport="tcp")
    assert "mine" not in bench.connections


def test_an_exchange_and_its_messages_are_one_short_line(bench: Workbench) -> None:
    bench.tool(lambda text: len(text), name="count")
    connection = bench.connect(bench.serve(transport="memory"), name="lab")
    exchange = connection.call("count", text="x" * 5000).exchange
    assert exchange is not None
    seq = exchange.seq
    assert repr(exchange) == f"<exchange {seq} on lab: count, answered>"
    assert repr(exchange.request).startswith(f"<message {seq} on lab: → ")
    assert repr(exchange.request).endswith(" bytes, client>")
