"""What a notebook shows of the flow, live and when the kernel is gone, as a front end gets it."""

from __future__ import annotations

import base64
import html
import json
import re

import pytest

from tests.rigs.kernel import KernelRig, Result

pytestmark = pytest.mark.kernel

TOOL = '%%mcp tool\ndef add(a: int, b: int = 2) -> int:\n    "Add."\n    return a + b\n'


@pytest.fixture
def notebook(kernel: KernelRig) -> KernelRig:
    kernel.run("%load_ext mcp_notebook").check()
    kernel.run(TOOL).check()
    return kernel


def shown(result: Result) -> str:
    """The HTML of the result itself."""
    assert result.check().result is not None
    return str(result.result.get("text/html", ""))


def options(markup: str) -> dict[str, object]:
    found = re.search(r'<mcp-flow-view [^>]*options="([^"]*)"', markup)
    assert found is not None, markup
    given: dict[str, object] = json.loads(html.unescape(found[1]))
    return given


def test_a_call_has_its_own_flow_below_it(notebook: KernelRig) -> None:
    markup = shown(notebook.run("%mcp call add(1)"))

    number = options(markup)["mini"]
    sent = notebook.run(f"t = %mcp trace\nprint(t.event({number}).raw.decode())").check().stdout
    assert '"tools/call"' in sent
    # and where nothing is alive, the same folded in plain HTML
    assert "<details" in markup
    assert "tools/call add" in markup


def test_a_failing_call_has_it_too(notebook: KernelRig) -> None:
    notebook.run("%%mcp tool\ndef boom() -> int:\n    return 1 // 0\n").check()

    assert "mini" in options(shown(notebook.run("%mcp call boom()")))


def test_the_flow_is_text_a_live_place_and_a_picture_of_its_own(notebook: KernelRig) -> None:
    notebook.run("%mcp call add(1)").check()

    result = notebook.run("%mcp flow tool:add --learn")

    assert options(shown(result)) == {"preset": "learn", "query": "tool:add"}
    assert result.result is not None
    assert "tools/call add" in result.result["text/plain"]
    (picture,) = result.displays
    assert "data:image/svg+xml;base64," in picture["text/html"]
    assert svg(picture["text/html"]).startswith("<svg")


def svg(markup: str) -> str:
    found = re.search(r"base64,([A-Za-z0-9+/=]+)", markup)
    assert found is not None
    return base64.b64decode(found[1]).decode()


def test_the_picture_is_drawn_anew_when_later_cells_end(notebook: KernelRig) -> None:
    early = notebook.run("%mcp flow").check()
    assert "tools/call" not in svg(early.displays[0]["text/html"])

    later = notebook.start("%mcp call add(41)")
    later.wait().check()
    updates = [
        message["content"]["data"]
        for message in later.messages
        if message["msg_type"] == "update_display_data"
    ]

    assert "tools/call" in svg(updates[-1]["text/html"])
    assert "tools/call add" in updates[-1]["text/plain"]


def test_one_message_shows_its_layers(notebook: KernelRig) -> None:
    notebook.run("%mcp call add(1)").check()
    number = notebook.run(
        "t = %mcp trace\nprint([m.seq for m in t.messages() if b'tools/call' in m.raw][0])"
    )
    number = number.check().stdout.strip()

    result = notebook.run(f"%mcp flow {number}")

    assert options(shown(result)) == {"select": int(number)}
    assert "4  bytes" in shown(result)  # also where nothing is alive
    assert result.displays == []


def test_as_text_nothing_else_is_shown(notebook: KernelRig) -> None:
    result = notebook.run("%mcp flow --text").check()

    assert result.result is not None
    assert set(result.result) == {"text/plain"}
    assert result.displays == []


def test_outputs_that_are_compared_hold_nothing_that_changes(notebook: KernelRig) -> None:
    notebook.run("%config MCPMagics.stable = True").check()
    runs = []
    for _ in range(2):
        call = shown(notebook.run("%mcp call add(1)"))
        flow = notebook.run("%mcp flow tool:add").check()
        runs.append((call, flow.result, flow.displays))
        notebook.run("%mcp stop --all\n%mcp trace --clear").check()
        notebook.run("%mcp flow").check()

    assert "mcp-flow-view" not in str(runs)
    assert runs[0] == runs[1]


def test_a_message_knows_the_cell_that_sent_it(notebook: KernelRig) -> None:
    number = notebook.run("print(get_ipython().execution_count)").check().stdout.strip()
    notebook.run("%mcp call add(1)").check()
    notebook.run("ep = %mcp serve").check()
    notebook.run("c = %mcp connect").check()
    notebook.run("r = await c.aio.call('add', a=1)").check()

    said = notebook.run(
        "t = %mcp trace\n"
        "print([m.cell for m in t.messages()"
        " if b'tools/call' in m.raw and m.vantage == 'client'])"
    )

    first = int(number)  # the shell counts the next one already
    assert said.check().stdout.strip() == str([f"In [{first}]", f"In [{first + 3}]"])


def test_no_secret_in_what_is_saved(notebook: KernelRig) -> None:
    notebook.run("word = 'swordfish-' + str(4711)").check()
    notebook.run("ep = %mcp serve --token $word").check()
    results = [
        notebook.run(line).check()
        for line in ("%mcp connect --token $word", "%mcp call add(1)", "%mcp flow", "%mcp flow 12")
    ]
    said = notebook.run(
        "views = get_ipython().magics_manager.registry['MCPMagics'].context.views\n"
        "views.feed.heard = False\nviews.feed.snap()\nprint(views.feed.snapshot)"
    )

    texts = [str(result.result) + str(result.displays) for result in results]
    pictures = [svg(d["text/html"]) for r in results for d in r.displays]
    for text in (*texts, *pictures, said.check().stdout):
        assert "swordfish" not in text
    assert "tools/call" in said.stdout
