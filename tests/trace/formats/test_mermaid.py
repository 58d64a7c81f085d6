from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_notebook.errors import UsageError
from mcp_notebook.trace.events import Vantage
from mcp_notebook.trace.formats.mermaid import escape
from mcp_notebook.trace.formats.mermaid import save as draw
from mcp_notebook.trace.store import Trace
from tests.trace.recording import C2S, S2C, Recording

LINE = re.compile(
    r"sequenceDiagram"
    r"|    participant [CS]\d+ as (?:[\w _\-./,…]|#\d+;)+"
    r"|    [CS]\d+--?>>[CS]\d+: (?:[\w _\-./,…]|#\d+;)+"
)


def test_a_call_is_two_arrows() -> None:
    recording = Recording()
    recording.ask(1, "tools/call", name="add", ms=0, _meta={"progressToken": 1})
    recording.notify(S2C, "notifications/progress", progressToken=1, progress=1, total=2)
    recording.answer(1, ms=2.5)
    assert "".join(draw(recording.trace)) == (
        "sequenceDiagram\n"
        "    participant C1 as demo #40;tcp#41;\n"
        "    participant S1 as server\n"
        "    C1->>S1: tools/call add id 1\n"
        "    S1->>C1: notifications/progress 1 of 2\n"
        "    S1-->>C1: answered id 1 2.5 ms\n"
    )


def test_one_vantage_is_drawn() -> None:
    trace = Trace()
    client, server = Recording(trace), Recording(trace, conn="ep", vantage=Vantage.SERVER)
    for end in (client, server):
        end.ask(1)
    assert "".join(draw(trace)).count("->>") == 1
    assert "clients" in "".join(draw(trace.select("vantage:server")))


def test_errors_and_garbage_have_a_label() -> None:
    recording = Recording()
    recording.ask(1)
    recording.refuse(1, -32601)
    recording.say(C2S, b"<script>alert(1)</script>")
    text = "".join(draw(recording.trace))
    assert "error -32601 no id 1" in text
    assert "not a JSON-RPC message" in text


HOSTILE = [
    "a; S1->>C1: forged",
    "a\nS1->>C1: forged",
    "a\u2028b\x85c",
    "`x`",
    "#quot;",
    "<img src=x onerror=alert(1)>",
    "%%{init: {}}%%",
    "end",
    "",
    "x" * 10_000,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_inside_its_label(name: str) -> None:
    recording = Recording(conn=name or "c")
    recording.ask(name, "tools/call", name=name)
    recording.refuse(name)
    lines = "".join(draw(recording.trace)).splitlines()
    assert len(lines) == 5
    assert all(LINE.fullmatch(line) for line in lines)
    assert not any(re.search(r"\bend\b", line) for line in lines)


@given(st.text())
def test_escaped_text_is_letters_marks_and_entities(text: str) -> None:
    assert re.fullmatch(r"(?:[\w _\-./,…]|#\d+;)+", escape(text))


def test_a_diagram_is_written_and_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.mmd"
    Recording().trace.save(path)
    assert path.read_text() == "sequenceDiagram\n"
    with pytest.raises(UsageError, match="written, not read"):
        Trace.load(path)
