"""How objects show themselves."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Annotated, Any

import mcp_types as types
import pytest
from pydantic import Field

from mcp_notebook.runtime.results import CallResult, Listing, PromptResult, ReadResult
from mcp_notebook.runtime.server import Change, Part
from mcp_notebook.runtime.workbench import Workbench
from mcp_notebook.show import values
from mcp_notebook.show.progress import progress
from mcp_notebook.show.status import status, stoppable
from tests.show.conftest import equipped
from tests.show.hostile import TEXT, assert_tame

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


def result(*content: Any, **more: Any) -> CallResult:
    """A result that has come, with this content."""
    note = more.pop("note", "")
    made = types.CallToolResult(content=list(content), **more)
    return CallResult(tool="f", connection="c", note=note, _result=made)


def text(said: str) -> Any:
    return types.TextContent(type="text", text=said)


def image(data: str, mime_type: str = "image/png") -> Any:
    return types.ImageContent(type="image", data=data, mime_type=mime_type)


@pytest.fixture
def workbench() -> Iterator[Workbench]:
    with equipped() as made:
        yield made


# ---- results -----------------------------------------------------------------------------------


def test_a_value_is_text_alone() -> None:
    assert values.call_result(result(text("5"), structured_content={"result": 5})) == {
        "text/plain": "5"
    }


def test_structured_content_is_json_over_several_lines() -> None:
    made = values.call_result(result(text("x"), structured_content={"a": [1], "b": "ü"}))

    assert made == {"text/plain": '{\n  "a": [\n    1\n  ],\n  "b": "ü"\n}'}


def test_a_text_stands_as_it_is_and_a_note_below_it() -> None:
    made = values.call_result(result(text("one\ntwo"), note="nothing is connected: over memory"))

    assert made["text/plain"] == "one\ntwo\n(nothing is connected: over memory)"


def test_an_empty_result_says_so() -> None:
    assert values.call_result(result())["text/plain"] == "(an empty result)"


def test_a_pending_result_says_what_it_waits_for() -> None:
    pending = CallResult(tool="f", connection="c")

    assert "waits for an answer" in values.call_result(pending)["text/plain"]


def test_pictures_and_sounds_are_drawn_from_their_own_data() -> None:
    sound = types.AudioContent(type="audio", data=PNG, mime_type="audio/wav")
    drawn = image(base64.b64encode(b"<svg/>").decode(), "image/svg+xml; charset=utf-8")
    made = values.call_result(result(image(PNG), drawn, sound))

    assert made["text/plain"].splitlines() == [
        "[image, image/png, 8 B]",
        "[image, image/svg+xml, 6 B]",
        "[audio, audio/wav, 8 B]",
    ]
    assert f'src="data:image/png;base64,{PNG}"' in made["text/html"]
    assert (
        '<img alt="image, image/svg+xml, 6 B" src="data:image/svg+xml;base64,'
        in (made["text/html"])
    )
    assert '<audio controls src="data:audio/wav;base64,' in made["text/html"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (image('"><script>'), "its data is not base64"),
        (image("abc"), "its data is not base64"),
        (image(PNG, "text/html"), "[image, text/html, 8 B]"),
        (image(PNG, 'image/png" onerror="x'), "[image, image/png"),
        (image(base64.b64encode(bytes(10_000_001)).decode()), "too large to draw"),
    ],
)
def test_a_picture_that_is_none_becomes_a_note(content: Any, expected: str) -> None:
    made = values.call_result(result(content))

    assert expected in made["text/plain"]
    assert "<img" not in made.get("text/html", "")


def test_links_and_embedded_resources_are_shown_and_lead_nowhere() -> None:
    link = types.ResourceLink(
        type="resource_link", name="n", uri="javascript:alert(1)", description="d"
    )
    inside = types.EmbeddedResource(
        type="resource", resource=types.TextResourceContents(uri="a://b", text="inner")
    )
    blob = types.EmbeddedResource(
        type="resource",
        resource=types.BlobResourceContents(uri="a://c", blob=PNG, mime_type="image/png"),
    )
    made = values.call_result(result(link, inside, blob))

    assert made["text/plain"].splitlines() == [
        "link to n: javascript:alert(1) (d)",
        "resource a://b",
        "inner",
        "resource a://c",
        "[data, image/png, 8 B]",
    ]
    assert "href" not in made["text/html"]


def test_a_failure_says_the_word_and_shows_the_users_own_frames(workbench: Workbench) -> None:
    connection = workbench.connect(workbench.serve(transport="memory"))
    made = values.call_result(connection.call("boom", why=TEXT))

    assert made["text/plain"].startswith("boom failed: ")
    assert "conftest.py, line " in made["text/plain"]
    assert "raise ValueError(why)" in made["text/plain"]
    assert "site-packages" not in made["text/plain"]
    assert "failed</strong>" in made["text/html"]
    assert_tame(made)


def test_a_drawn_result_says_where_it_came_from_unless_it_must_be_stable() -> None:
    drawn = result(image(PNG))
    drawn._find_exchange = lambda: SimpleNamespace(latency_ns=2_100_000)  # type: ignore[assignment,return-value]

    assert ", 2.1 ms" in values.call_result(drawn)["text/html"]
    assert "2.1 ms" not in values.call_result(drawn, stable=True)["text/html"]


def test_resources_show_their_contents() -> None:
    one = types.TextResourceContents(uri="a://b", text="x\x1b\ny")
    other = types.BlobResourceContents(uri="a://c", blob=PNG, mime_type="image/png")

    assert values.read_result(ReadResult("a://b", [one])) == {"text/plain": "x\\x1b\ny"}
    made = values.read_result(ReadResult("a://b", [one, other]))
    assert "resource a://c\n[data, image/png, 8 B]" in made["text/plain"]
    assert "<img" in made["text/html"]
    assert values.read_result(ReadResult("a://b", []))["text/plain"] == "a://b is empty"


def test_a_prompt_shows_who_says_what() -> None:
    messages = [
        types.PromptMessage(role="user", content=text("hello")),
        types.PromptMessage(role="assistant", content=image(PNG)),
    ]
    made = values.prompt_result(PromptResult("p", "about", messages))

    assert made["text/plain"] == "about\nuser: hello\nassistant: [image, image/png, 8 B]"
    assert "<img" in made["text/html"]
    assert "text/html" not in values.prompt_result(PromptResult("p", "", messages[:1]))


# ---- what a server offers ----------------------------------------------------------------------


def test_tools_are_listed_as_a_model_sees_them(workbench: Workbench) -> None:
    connection = workbench.connect(workbench.serve(transport="memory"), name="c")

    assert values.listing(connection.tools())["text/plain"] == (
        "3 tools of c\n"
        "  add(a: integer, b: integer = 2)\n"
        "      Add two numbers.\n"
        "      argument a has no description\n"
        "  count(n: integer)\n"
        "      no description\n"
        "      argument n has no description\n"
        "  boom(why: string)\n"
        "      Fail.\n"
        "      argument why has no description"
    )


def test_resources_and_prompts_are_listed() -> None:
    resources = [
        types.Resource(name="n", uri="a://b", mime_type="text/plain", description="about"),
        types.ResourceTemplate(name="t", uri_template="a://{x}"),
    ]
    prompts = [
        types.Prompt(
            name="p",
            arguments=[
                types.PromptArgument(name="a", required=True),
                types.PromptArgument(name="b"),
            ],
        )
    ]

    assert values.listing(Listing(resources, kind="resource", connection="c"))["text/plain"] == (
        "2 resources of c\n  a://b\n      about, text/plain\n  a://{x}\n      no description"
    )
    assert values.listing(Listing(prompts, kind="prompt", connection="c"))["text/plain"] == (
        "1 prompt of c\n  p(a, b = ...)\n      no description"
    )
    assert values.listing(Listing([], kind="tool", connection="c"))["text/plain"] == "no tools on c"


def told(a: int, b: Annotated[str, Field(description="second")] = "x") -> None:
    """Do it.

    At length.
    """


def bare(a: list[int], b: Any = None) -> None: ...


def test_changes_say_what_is_new_and_what_a_model_will_miss() -> None:
    made = values.changes(
        [
            Change(part=Part(kind="tool", name="told", function=told), what="new"),
            Change(part=Part(kind="tool", name="bare", function=bare), what="replaced"),
            Change(part=Part(kind="tool", name="gone", function=bare), what="removed"),
            Change(part=Part(kind="resource", name="a://b", function=told), what="new"),
            Change(part=Part(kind="prompt", name="ask", function=told), what="new"),
        ]
    )

    assert made["text/plain"] == (
        'tool      new       told(a: integer, b: string = "x")\n'
        "    Do it.\n"
        "    argument a has no description: Annotated[int, Field(description=...)]\n"
        "tool      replaced  bare(a: array of integer, b: any = null)\n"
        "    no description: add a docstring\n"
        "    argument a has no description: Annotated[list[int], Field(description=...)]\n"
        "    argument b has no description: Annotated[Any, Field(description=...)]\n"
        "tool      removed   gone(a: array of integer, b: any = null)\n"
        "resource  new       a://b\n"
        "    Do it.\n"
        "prompt    new       ask(a, b)\n"
        "    Do it."
    )
    assert "<table" in made["text/html"]
    assert values.changes([])["text/plain"] == "nothing changed"


# ---- what runs ---------------------------------------------------------------------------------


def test_an_endpoint_shows_where_it_is(workbench: Workbench) -> None:
    endpoint = workbench.serve(transport="websocket", port=0)
    endpoint.warnings.append("port 4711 was taken")

    made = values.endpoint(endpoint)
    assert made["text/plain"].splitlines() == [
        f"notebook-websocket: notebook over websocket (custom), listening at {endpoint.url}",
        "warning: port 4711 was taken",
    ]
    assert "127.0.0.1:PORT" in values.endpoint(endpoint, stable=True)["text/plain"]
    endpoint.stop()
    assert ", stopped" in values.endpoint(endpoint)["text/plain"]


def test_a_stdio_endpoint_names_what_a_child_would_lack(workbench: Workbench) -> None:
    lock = threading.Lock()
    workbench.tool(lambda: lock.locked(), name="locked")
    endpoint = workbench.serve(transport="stdio")
    assert "left out: locked: " in values.endpoint(endpoint)["text/plain"]
    workbench.servers["notebook"].remove("locked")
    assert "left out" not in values.endpoint(endpoint)["text/plain"]


def test_a_connection_shows_what_is_spoken_and_why_it_is_no_more(workbench: Workbench) -> None:
    endpoint = workbench.serve(transport="http")
    connection = workbench.connect(endpoint.url, era="legacy", name="c")

    assert values.connection(connection, stable=True)["text/plain"].splitlines() == [
        "c: http, 2025-11-25 (legacy), to http://127.0.0.1:PORT/mcp",
        "the server calls itself notebook",
    ]
    listening = connection.listen()
    listening.add("notifications/tools/list_changed")
    assert values.listening(listening)["text/plain"] == (
        "listening on c to changed lists: 1 notice\n  notifications/tools/list_changed"
    )
    connection.close()
    assert values.connection(connection)["text/plain"] == "c: closed"


def test_the_status_lists_all_that_runs(workbench: Workbench) -> None:
    workbench.connect(workbench.serve(transport="http"), name="one")
    workbench.connect("notebook-http", name="two", era="legacy")

    assert status(workbench, stable=True)["text/plain"] == (
        "servers\n"
        "  notebook  3 tools  add, count, boom\n"
        "endpoints\n"
        "  notebook-http  http  standard  http://127.0.0.1:PORT/mcp\n"
        "connections\n"
        "  one           notebook-http  http  2026-07-28 (modern)  open\n"
        "  two  default  notebook-http  http  2025-11-25 (legacy)  open"
    )
    assert " link" in status(workbench)["text/plain"]
    assert stoppable(workbench)["text/plain"].splitlines()[1:] == [
        "  one            connection  notebook-http",
        "  two            connection  notebook-http",
        f"  notebook-http  endpoint    {workbench.endpoints['notebook-http'].url}",
    ]


def test_a_running_tool_is_in_the_status(workbench: Workbench) -> None:
    import threading

    begun, go_on = threading.Event(), threading.Event()

    @workbench.tool
    def wait() -> str:
        begun.set()
        go_on.wait(30)
        return "done"

    call = workbench.connect(workbench.serve(transport="memory")).start("wait", {})
    assert begun.wait(30)
    shown = status(workbench)["text/plain"]
    go_on.set()
    call.result()

    assert "running tools\n  wait  " in shown


def test_where_nothing_runs_the_next_step_is_said() -> None:
    with Workbench() as empty:
        assert "%%mcp tool" in status(empty)["text/plain"]
        assert "Nothing runs" in stoppable(empty)["text/plain"]


def test_progress_is_a_bar_or_a_count() -> None:
    assert progress("t", 1, 4, "step")["text/plain"] == "t  [#####---------------] 1/4  step"
    assert '<progress max="1" value="0.2500"' in progress("t", 1, 4, "step")["text/html"]
    assert progress("t", 9, 4, None)["text/plain"] == "t  [####################] 9/4"
    assert progress("t", 2.5, None, "x")["text/plain"] == "t  2.5  x"
    assert progress("t", 1, 0, None)["text/plain"] == "t  1/0"


# ---- hostile text ------------------------------------------------------------------------------


def hostile_bundles() -> dict[str, dict[str, Any]]:
    """Every view of things that a server names and describes."""
    content = [
        text(TEXT),
        image(TEXT),
        image(PNG, TEXT),
        types.ResourceLink(type="resource_link", name=TEXT, uri=TEXT, description=TEXT),
        types.EmbeddedResource(
            type="resource", resource=types.TextResourceContents(uri=TEXT, text=TEXT)
        ),
    ]
    schema = {"properties": {TEXT: {"type": TEXT, "default": TEXT}}}
    tool = types.Tool(name=TEXT, description=TEXT, input_schema={"type": "object", **schema})
    resource = types.Resource(name=TEXT, uri=TEXT, mime_type=TEXT, description=TEXT)
    prompt = types.Prompt(name=TEXT, description=TEXT, arguments=[types.PromptArgument(name=TEXT)])
    failed = result(*content, is_error=True, note=TEXT)
    failed.tool = TEXT
    part = Part(kind="tool", name=TEXT, function=told, options={"description": TEXT})
    info = SimpleNamespace(name=TEXT, version=TEXT)
    place: Any = SimpleNamespace(
        name=TEXT, server=info, standing=TEXT, status=TEXT, transport="tcp", url="", address=TEXT,
        warnings=[TEXT], left_out={TEXT: TEXT}, is_open=True, target=TEXT, protocol_version=TEXT,
        era="legacy", server_info=info, pid=1, stale=True, endpoint=None,
    )  # fmt: skip
    lost: Any = SimpleNamespace(name=TEXT, is_open=False, status=TEXT)
    heard: Any = SimpleNamespace(connection=TEXT, uris=(TEXT,), notices=[TEXT])
    return {
        "result": values.call_result(result(*content, note=TEXT)),
        "structured": values.call_result(result(*content, structured_content={TEXT: TEXT})),
        "failed": values.call_result(failed),
        "pending": values.call_result(CallResult(tool=TEXT, connection=TEXT)),
        "read": values.read_result(ReadResult(TEXT, [c.resource for c in content[-1:]] * 2)),
        "empty": values.read_result(ReadResult(TEXT, [])),
        "prompt": values.prompt_result(
            PromptResult(TEXT, TEXT, [types.PromptMessage(role="user", content=content[-1])])
        ),
        "tools": values.listing(Listing([tool], kind="tool", connection=TEXT)),
        "resources": values.listing(Listing([resource], kind="resource", connection=TEXT)),
        "prompts": values.listing(Listing([prompt], kind="prompt", connection=TEXT)),
        "changes": values.changes([Change(part=part, what="new")]),
        "endpoint": values.endpoint(place),
        "connection": values.connection(place),
        "lost": values.connection(lost),
        "listening": values.listening(heard),
        "progress": progress(TEXT, 1, 2, TEXT),
        "count": progress(TEXT, 1, None, TEXT),
    }


@pytest.mark.parametrize("view", sorted(hostile_bundles()))
def test_hostile_text_is_harmless_in_every_view(view: str) -> None:
    made = hostile_bundles()[view]

    assert "script" in made["text/plain"]  # it is shown, not swallowed
    assert_tame(made)
