"""Foreign servers from npm and PyPI, reached by our connections."""

from __future__ import annotations

import base64
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcp_notebook.errors import CallError, QuestionUnanswered
from mcp_notebook.runtime.connection import Connection
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.trace.events import StderrLine
from mcp_notebook.transports.ports import free_port
from tests.peers.conftest import Peers, listening

pytestmark = [pytest.mark.peers, pytest.mark.timeout(120)]

PNG = b"\x89PNG\r\n\x1a\n"
NOTE = "demo://resource/dynamic/text/1"
ROADS = {"stdio": "stdio", "sse": "/sse", "streamableHttp": "/mcp"}


@pytest.fixture(scope="module", params=list(ROADS))
def everything(
    request: pytest.FixtureRequest,
    peers: Peers,
    bench: Workbench,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Connection]:
    """The reference server, over each transport it has."""
    road: str = request.param
    if road == "stdio":
        with bench.connect(peers.everything(road), name=f"all-{road}", timeout=40) as connection:
            yield connection
        return
    port = free_port()
    log = tmp_path_factory.mktemp("everything") / "log"
    with listening(peers.everything(road), port, log):
        url = f"http://127.0.0.1:{port}{ROADS[road]}"
        with bench.connect(url, name=f"all-{road}", timeout=40) as connection:
            yield connection


# ---- the reference server ----------------------------------------------------------------


def test_it_says_what_it_is(everything: Connection) -> None:
    assert everything.transport == {
        "all-stdio": "stdio",
        "all-sse": "sse",
        "all-streamableHttp": "http",
    }[everything.name]  # fmt: skip
    assert everything.protocol_version == "2025-11-25"
    assert everything.server_info is not None
    assert everything.server_info.name == "mcp-servers/everything"
    assert {"echo", "get-sum", "get-tiny-image"} <= set(everything.tools().names)


def test_its_sum_is_right(everything: Connection) -> None:
    assert "15" in everything.call("get-sum", a=7, b=8).text


def test_structured_content_arrives(everything: Connection) -> None:
    weather = everything.call("get-structured-content", location="New York").structured
    assert set(weather) == {"temperature", "conditions", "humidity"}


def test_a_wrong_argument_is_an_answer(everything: Connection) -> None:
    result = everything.start("get-sum", {"a": "seven", "b": 8}, checked=False).result()
    assert result.is_error


def test_progress_comes_in_order(everything: Connection) -> None:
    steps: list[Any] = []
    call = everything.start(
        "trigger-long-running-operation",
        {"duration": 0.4, "steps": 4},
        on_progress=lambda *step: steps.append(step[:2]),
    )
    assert "completed" in call.result().text
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_call_can_be_cancelled_and_the_next_one_answers(everything: Connection) -> None:
    steps: list[Any] = []
    call = everything.start(
        "trigger-long-running-operation",
        {"duration": 30, "steps": 300},
        on_progress=lambda *step: steps.append(step),
    )
    deadline = time.monotonic() + 20
    while not steps and time.monotonic() < deadline:
        time.sleep(0.02)  # progress comes on another thread
    call.cancel()
    assert everything.call("echo", message="still there").text == "Echo: still there"


def test_an_image_is_an_image(everything: Connection) -> None:
    blocks = everything.call("get-tiny-image").content
    (image,) = [block for block in blocks if block.type == "image"]
    assert image.mime_type == "image/png"
    assert base64.b64decode(image.data).startswith(PNG)


def test_resources_come_as_text_bytes_links_and_parts(everything: Connection) -> None:
    static, *_ = everything.resources().names
    assert everything.read(static).text.startswith("# ")
    assert "plaintext resource" in everything.read(NOTE).text
    blob = everything.read("demo://resource/dynamic/blob/2").contents[0]
    assert b"Resource 2" in base64.b64decode(blob.blob)
    links = everything.call("get-resource-links", count=3).content
    assert [block.type for block in links].count("resource_link") == 3
    parts = everything.call("get-resource-reference", resourceType="Text", resourceId=1).content
    assert [block.resource.uri for block in parts if block.type == "resource"] == [NOTE]


def test_who_subscribed_hears_of_a_change(everything: Connection) -> None:
    heard = everything.listen(NOTE)
    everything.call("toggle-subscriber-updates")
    try:
        assert heard.wait(1, timeout=30)[0] == f"notifications/resources/updated {NOTE}"
    finally:
        everything.call("toggle-subscriber-updates")
        heard.stop()


def test_prompts_are_filled_in(everything: Connection) -> None:
    assert {"simple-prompt", "args-prompt"} <= set(everything.prompts().names)
    assert "Paris" in everything.prompt("args-prompt", city="Paris").text
    filled = everything.prompt("resource-prompt", resourceType="Text", resourceId="1")
    assert "resource" in [message.content.type for message in filled.messages]
    with pytest.raises(CallError) as refused:
        everything.prompt("args-prompt")
    assert refused.value.code == -32602


def test_arguments_are_completed(everything: Connection) -> None:
    assert everything.complete("completable-prompt", "department", "S") == ["Sales", "Support"]
    assert everything.complete("completable-prompt", "department", "zzz") == []
    assert "1" in everything.complete(
        "demo://resource/dynamic/text/{resourceId}", "resourceId", "1"
    )


def test_its_form_is_answered_and_declined(everything: Connection) -> None:
    form = {"name": "Ann", "check": True, "integer": 7}
    answered = everything.start("trigger-elicitation-request", {}, answer=form).result().text
    assert "Name: Ann" in answered
    assert "Favorite Integer: 7" in answered
    assert "Monica" in answered  # what the answer left out, as the form says
    declined = everything.start("trigger-elicitation-request", {}, answer="decline").result().text
    assert "declined" in declined


def test_a_form_that_nobody_can_answer_is_said_at_once(everything: Connection) -> None:
    with pytest.raises(QuestionUnanswered, match="--answer"):
        everything.start("trigger-elicitation-request", {}).result()
    assert everything.call("echo", message="on").text == "Echo: on"


def test_its_page_to_open_is_agreed_to(everything: Connection) -> None:
    ask = {"url": "https://example.com/login"}
    result = everything.start("trigger-url-elicitation", ask, answer=True).result()
    assert not result.is_error
    assert "accept" in result.text.lower()


def test_its_question_to_a_model_is_answered(everything: Connection) -> None:
    asked = {"prompt": "Write a line.", "maxTokens": 20}
    result = everything.start("trigger-sampling-request", asked, answer="Roses are red.").result()
    assert "Roses are red." in result.text


# ---- the file system server --------------------------------------------------------------


def test_files_are_written_read_and_kept_inside(
    peers: Peers, bench: Workbench, tmp_path: Path
) -> None:
    folder = tmp_path.resolve() / "shared"
    folder.mkdir()
    (folder / "dot.png").write_bytes(PNG)
    command = [
        *peers.script("@modelcontextprotocol/server-filesystem", "dist/index.js"),
        str(folder),
    ]
    with bench.connect(command, name="files", timeout=40) as files:
        note = str(folder / "note.txt")
        files.call("write_file", path=note, content="grüße, 世界\n")
        assert (folder / "note.txt").read_text("utf-8") == "grüße, 世界\n"
        assert "世界" in files.call("read_text_file", path=note).text
        assert "[FILE] note.txt" in files.call("list_directory", path=str(folder)).text
        (picture,) = files.call("read_media_file", path=str(folder / "dot.png")).content
        assert (picture.type, picture.mime_type) == ("image", "image/png")
        outside = files.call("read_text_file", path="/etc/hostname")
        assert outside.is_error
        assert "outside allowed directories" in outside.text
        words = [e.text for e in bench.trace if isinstance(e, StderrLine) and e.conn == "files"]
        assert any("Filesystem" in line for line in words)


# ---- servers of PyPI, one of each era ------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "era", "revision"),
    [("sdk1", "auto", "2025-11-25"), ("", "auto", "2026-07-28"), ("", "legacy", "2025-11-25")],
)
def test_the_clock_of_pypi_tells_the_time_in_either_era(
    peers: Peers, bench: Workbench, environment: str, era: str, revision: str
) -> None:
    python = peers.python(environment) if environment else sys.executable
    command = [python, "-m", "mcp_server_time", "--local-timezone", "UTC"]
    name = f"time-{environment or 'ours'}-{era}"
    with bench.connect(command, era=era, name=name, timeout=40) as clock:
        assert clock.protocol_version == revision
        assert clock.tools().names == ["get_current_time", "convert_time"]
        asked = {"source_timezone": "UTC", "time": "12:30", "target_timezone": "Asia/Tokyo"}
        assert "21:30" in clock.call("convert_time", **asked).text
        wrong = clock.call("convert_time", **{**asked, "target_timezone": "Mars/Base"})
        assert wrong.is_error
