"""`make slides`: the core of a lesson as one page that needs no network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser

from tests.rigs.surroundings import IN_CI

from .notebook import LESSONS, ROOT, Cell, Lesson


def core_cells(path: Path) -> list[Cell]:
    """The cells above the heading Deeper."""
    lesson = Lesson(path)
    places = [h.place for h in lesson.headings if h.text.startswith("Deeper")]
    return lesson.cells[: places[0]] if places else lesson.cells


def core(path: Path) -> list[str]:
    """Their ids."""
    return [cell.id for cell in core_cells(path)]


FIRST, STDIO = LESSONS[0], LESSONS[1]
FOLDED = next(
    (
        path
        for path in LESSONS
        if any(cell.metadata.get("jupyter", {}).get("source_hidden") for cell in core_cells(path))
    ),
    STDIO,
)
SHOWN_HERE = sorted({FIRST, STDIO, FOLDED})
"""The one without Deeper, the model of the others, and one with cells that are folded."""

SHOWN = "() => Reveal.getCurrentSlide().innerText"
OPACITY = "() => getComputedStyle(Reveal.getCurrentSlide().querySelector('.fragment')).opacity"
OUTSIDE = re.compile(
    r"""(?:src|href|data-src|action)\s*=\s*["']?\s*(?:https?:)?//|@import|url\(\s*["']?(?:https?:)?//"""
    r"""|<link\b|\bimport\s*\(|<base\b""",
    re.I,
)
"""What a page loads something with; a link in prose is another matter."""


def kind(cell: object) -> str:
    """What the cell is in a slide show."""
    return str(getattr(cell, "metadata", {}).get("slideshow", {}).get("slide_type", ""))


@pytest.mark.lesson
@pytest.mark.parametrize("path", LESSONS, ids=[path.stem for path in LESSONS])
def test_the_core_is_shown_and_the_rest_is_not(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    kinds = {cell.id: kind(cell) for cell in notebook.cells}
    inside = core(path)

    assert kinds[inside[0]] == "slide"
    assert {kinds[name] for name in inside} <= {"slide", "subslide", "fragment", "skip", "notes"}
    assert [name for name in kinds if name not in inside and kinds[name] != "skip"] == []
    # every claim of the core can be shown
    lesson = Lesson(path)
    hidden = [c.id for c in lesson.code if c.id in inside and c.claims and kinds[c.id] == "skip"]
    assert hidden == []


def made(test: Callable[..., None]) -> Callable[..., None]:
    """Marks a test that looks at pages: those are made once, by the run that has the browser."""
    for mark in (pytest.mark.slow, pytest.mark.browser):
        test = mark(test)
    return test


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder where `make slides` put them."""
    if not IN_CI and (shutil.which("make") is None or shutil.which("npm") is None):
        pytest.skip("slides are made with make and npm")
    folder = tmp_path_factory.mktemp("slides")
    chosen = " ".join(f"lessons/{path.name}" for path in SHOWN_HERE)
    # make must not install anew what these tests run with
    command = [
        "make",
        "slides",
        f"LESSONS={chosen}",
        f"SLIDES={folder}",
        "-o",
        ".venv/.done/lab",
        "-o",
        ".venv/.done/npm",
    ]
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFL"))
    }
    kept["JUPYTER_CONFIG_DIR"] = str(tmp_path_factory.mktemp("config"))
    done = subprocess.run(
        command, cwd=ROOT, env=kept, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=150,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@made
@pytest.mark.parametrize("path", SHOWN_HERE, ids=[path.stem for path in SHOWN_HERE])
def test_a_page_holds_the_core_and_nothing_of_what_is_deeper(pages: Path, path: Path) -> None:
    page = (pages / f"{path.stem}.slides.html").read_text(encoding="utf-8")
    shown = re.findall(r'id="cell-id=([\w-]+)"', page)
    notebook = nbformat.read(path, as_version=4)

    skipped = {cell.id for cell in notebook.cells if kind(cell) == "skip"}
    assert shown == [name for name in core(path) if name not in skipped]
    for cell in notebook.cells:
        if cell.id in skipped and cell.cell_type == "markdown":
            assert cell.source.splitlines()[-1] not in page


@made
def test_a_cell_that_is_folded_shows_its_outputs_alone(pages: Path) -> None:
    page = (pages / f"{FOLDED.stem}.slides.html").read_text(encoding="utf-8")
    shown = re.split(r'id="cell-id=', page)
    cells = {part.partition('"')[0]: part for part in shown[1:]}
    notebook = nbformat.read(FOLDED, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.id in cells]
    folded = {c.id for c in code if c.metadata.get("jupyter", {}).get("source_hidden")}

    without_source = {cell.id for cell in code if "jp-InputArea" not in cells[cell.id]}
    assert without_source == folded


@made
def test_a_page_names_nothing_that_a_browser_would_fetch(pages: Path) -> None:
    for path in pages.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        policy = re.findall(r'Content-Security-Policy"? content="([^"]+)"', text) or re.findall(
            r'content="([^"]+)" http-equiv="Content-Security-Policy"', text
        )
        assert policy[0].startswith("default-src 'none';")
        assert "http" not in policy[0]
        # what reveal.js could load is code of its own; the policy keeps it from that
        without_scripts = re.sub(r"<script\b.*?</script>|<a\s[^>]*>", "", text, flags=re.S)
        assert [m.group() for m in OUTSIDE.finditer(without_scripts)] == []
        assert not re.search(r"<script[^>]*\ssrc=", text)


@made
def test_a_browser_shows_the_slides_and_asks_nobody(pages: Path, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    address = (pages / f"{STDIO.stem}.slides.html").as_uri()
    page.goto(address)
    page.wait_for_function("() => window.Reveal && Reveal.isReady()")

    assert "01 stdio pipes" in page.evaluate(SHOWN)
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"() => ({SHOWN})().includes('One process or two')")
    # a guess comes when the teacher asks for it
    assert page.evaluate(OPACITY) == "0"
    page.keyboard.press("Space")
    page.wait_for_function(f"() => ({OPACITY})() === '1'")
    # a slide that is longer than the screen can be scrolled
    too_long = page.evaluate(
        "() => Reveal.getSlides().filter(each => each.scrollHeight > each.clientHeight + 1"
        " && getComputedStyle(each).overflowY !== 'auto').length"
    )
    assert too_long == 0
    assert [url for url in asked if not url.startswith("data:")] == [address]
    assert wrong == []
    page.close()
