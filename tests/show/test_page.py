"""A Trace as one HTML file: it replays in a browser alone, holds no secret, and is read back."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from mcp_notebook.errors import UsageError
from mcp_notebook.show import page
from mcp_notebook.trace import formats
from mcp_notebook.trace.events import StderrLine
from mcp_notebook.trace.formats import DamagedTrace
from mcp_notebook.trace.store import Trace
from tests.show.hostile import TEXT
from tests.trace.recording import C2S, Recording

FIXTURES = Path(__file__).resolve().parents[2] / "widgets" / "test" / "fixtures"
MESSAGE = '[data-testid="mcp-flow-message"]'


def fixture(name: str) -> Trace:
    return Trace.load(FIXTURES / f"{name}.jsonl")


class Elements(HTMLParser):
    """The elements of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def saved(trace: Trace, folder: Path) -> Path:
    path = folder / "trace.html"
    trace.save(path)
    return path


def hostile() -> Trace:
    one = Recording(conn=TEXT)
    one.ask(1, "tools/call", name="</script><script>document.title='taken'</script><!--")
    one.answer(1, content=[{"type": "text", "text": TEXT + "<!-- <script> ]]>"}])
    one.say(C2S, b"\xff\xfe</script>")
    one.trace.record(StderrLine, text="caf\udce9 </script> \u2028 \x00", **one.labels)
    return one.trace


# ---- the file --------------------------------------------------------------------------------


def test_the_suffix_is_known_wherever_the_formats_are_and_costs_nothing_before() -> None:
    assert ".html" in formats.suffixes(readable=True)
    code = (
        "import sys; from mcp_notebook.trace import formats; from mcp_notebook import Trace\n"
        "print([m for m in sys.modules if m.startswith('mcp_notebook.show')])\n"
        "print(list(formats._modules()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["[]", "['.jsonl', '.har', '.mmd', '.html']"]


@pytest.mark.parametrize("make", [lambda: fixture("http"), hostile, Trace])
def test_what_was_saved_is_read_back(make: Any, tmp_path: Path) -> None:
    trace = make()

    read = Trace.load(saved(trace, tmp_path))

    assert read.events() == trace.redacted().events()
    assert (read.zero_ns, read.zero_unix_s) == (trace.zero_ns, trace.zero_unix_s)


def test_the_page_refers_to_nothing_outside_and_lets_nothing_else_run(tmp_path: Path) -> None:
    text = saved(fixture("http"), tmp_path).read_text(encoding="utf-8")
    elements = Elements(text)

    assert ("html", {"lang": "en"}) in elements.found
    assert "<title>MCP message flow, 94 messages</title>" in text
    tags = [tag for tag, _ in elements.found]
    assert not {"link", "iframe", "object", "base"} & set(tags)
    for tag, attributes in elements.found:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        if "src" in attributes:
            assert tag == "img"
            assert str(attributes["src"]).startswith("data:image/svg+xml;base64,")
        assert "href" not in attributes

    policy = next(str(a["content"]) for t, a in elements.found if t == "meta" and "content" in a)
    sources = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert sources["default-src"] == "'none'"
    for tag, begin in (("script", '<script type="module">'), ("style", "<style>")):
        body = text.split(begin)[1].split(f"</{tag}>")[0]
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert sources[f"{tag}-src"] == f"'sha256-{digest}'"


def test_hostile_text_ends_no_element(tmp_path: Path) -> None:
    text = saved(hostile(), tmp_path).read_text(encoding="utf-8")

    scripts = [attributes for tag, attributes in Elements(text).found if tag == "script"]
    assert [one.get("type") for one in scripts] == ["application/x-ndjson", "module"]
    assert text.lower().count("</script") == 2
    assert "<!--" not in text


def test_a_packed_view_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    squeeze = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    packed = squeeze.compress(b'drawAll("</script>")') + squeeze.flush()
    (tmp_path / "flow.js").write_text(
        f'// hash\nconst packed = "{base64.b64encode(packed).decode()}";\nawait import(x);\n'
    )
    (tmp_path / "flow.css").write_text(".mcp-flow{}")
    monkeypatch.setattr(page, "STATIC", tmp_path)

    text = "".join(page.save(Trace()))

    assert '<script type="module">drawAll("<\\/script>")</script>' in text
    assert "await import" not in text


def test_no_secret_reaches_the_page(tmp_path: Path) -> None:
    one = Recording()
    one.trace.secrets.add("hunter2-hunter2")
    one.ask(1, "tools/call", name="hunter2-hunter2", arguments={"password": "pw-123456"})
    one.answer(1, content=[{"type": "text", "text": "it is hunter2-hunter2"}])

    text = saved(one.trace, tmp_path).read_text(encoding="utf-8")
    images = re.findall(r"base64,([A-Za-z0-9+/=]+)", text)
    shown = text + "".join(base64.b64decode(image).decode() for image in images)

    assert images
    assert "hunter2" not in shown
    assert "pw-123456" not in shown


def test_the_same_trace_gives_the_same_page() -> None:
    assert "".join(page.save(fixture("sse"))) == "".join(page.save(fixture("sse")))


def test_a_damaged_page_gives_what_can_be_read(tmp_path: Path) -> None:
    trace = fixture("memory").redacted()
    path = saved(trace, tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.rindex(b'"seq":100,') + 5])

    with pytest.raises(DamagedTrace, match="breaks off in the middle"):
        Trace.load(path)
    assert len(Trace.load(path, strict=False)) == len([e for e in trace if e.seq < 100])

    path.write_text("<!DOCTYPE html><p>Something else</p>")
    with pytest.raises(UsageError, match="a page without a trace"):
        Trace.load(path)


# ---- in a browser ------------------------------------------------------------------------------


@contextmanager
def opened(browser: Any, path: Path, **options: Any) -> Iterator[tuple[Any, list[str]]]:
    """The page in a browser without network, and what went wrong in it."""
    context = browser.new_context(viewport={"width": 1100, "height": 800}, **options)
    wrong: list[str] = []
    try:
        context.set_offline(True)
        shown = context.new_page()
        shown.on("pageerror", lambda error: wrong.append(str(error)))
        shown.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        shown.on(
            "request",
            lambda r: None if r.url.startswith(("file:", "data:")) else wrong.append(r.url),
        )
        shown.goto(path.as_uri())
        yield shown, wrong
    finally:
        context.close()


@pytest.mark.browser
def test_the_page_replays_down_to_the_bytes_with_no_network(browser: Any, tmp_path: Path) -> None:
    with opened(browser, saved(fixture("http"), tmp_path)) as (shown, wrong):
        row = shown.locator(f'{MESSAGE}[data-kind="request"][data-method="tools/list"]').first
        row.click()
        shown.locator('[data-testid="mcp-flow-layer-bytes"]').click()

        detail = shown.locator('[data-testid="mcp-flow-detail"]')
        detail.get_by_text("POST /mcp").first.wait_for()
        assert shown.locator(".mcp-flow-still").first.is_hidden()
        shown.locator('[data-testid="mcp-flow-filter"]').fill("kind:error")
        shown.locator(f'{MESSAGE}[data-kind="error"]').first.wait_for()
        assert wrong == []


@pytest.mark.browser
def test_nothing_hostile_runs_in_the_page(browser: Any, tmp_path: Path) -> None:
    with opened(browser, saved(hostile(), tmp_path)) as (shown, wrong):
        shown.locator(MESSAGE).first.wait_for()

        assert shown.title() == "MCP message flow, 3 messages"
        assert wrong == []


@pytest.mark.browser
def test_without_scripts_the_picture_is_seen(browser: Any, tmp_path: Path) -> None:
    with opened(browser, saved(fixture("memory"), tmp_path), java_script_enabled=False) as (
        shown,
        wrong,
    ):
        image = shown.locator("img.mcp-flow-still")

        assert image.is_visible()
        assert image.bounding_box()["height"] > 500
        assert wrong == []


@pytest.mark.browser
def test_a_page_of_20_000_events_opens(browser: Any, tmp_path: Path) -> None:
    one = Recording()
    for number in range(10_000):
        one.ask(number, "tools/call", ms=number, name="add", arguments={"a": number})
        one.answer(number, ms=number + 0.5, content=[])

    with opened(browser, saved(one.trace, tmp_path)) as (shown, wrong):
        shown.locator(MESSAGE).first.wait_for()
        shown.locator('[data-testid="mcp-flow-filter"]').fill('id:9999 "id"')

        shown.locator(f'{MESSAGE}[data-seq="20000"]').wait_for()
        assert wrong == []
